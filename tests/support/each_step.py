"""Short worlds of up to two entries, disturbed at one place after the other: before each step, at each message.

`until_one_passes` moves the place along until a world ends before it is reached. A stride of 1 leaves no place out; the
tests take longer ones, `python -m tests.each_step` takes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from domain.market import NANOSECONDS, Side
from domain.stop import StopMode
from exchanges.factory import ExchangeFactory
from simulation.faults.base import Fault, Place
from simulation.faults.catalogue import FAULTS
from simulation.faults.transport import FrameFault, RequestFault
from simulation.plan import PAPER, Settings, Wanted, WorldPlan, draw_plan
from simulation.run import WorldResult, run_world

TWO_ENTRIES = Settings(
    quantity=Decimal("0.02"),
    take_profit=Decimal("0.005"),
    direction=Side.BUY,
    max_orders=2,
    wait_time=4,
    grid_step=Decimal(-100),
    boost=False,
    on_stop=StopMode.KEEP,
)
_STORM_S = 90

Struck = Callable[[WorldResult], bool]


def short_world(exchange: str, *kill_steps: int, power_lost: bool = False) -> WorldPlan:
    """An undisturbed world but for deaths before these steps. `power_lost`: by the loss of power, not by kill -9."""
    drawn = draw_plan(5, Wanted(exchange=exchange, faults=()), ExchangeFactory.venues())
    return replace(
        drawn,
        ticker="ETH",
        settings=TWO_ENTRIES,
        length_ns=_STORM_S * NANOSECONDS,
        latency_ns=20_000_000,
        skew_ns=0,
        kill_steps=kill_steps,
        kills_power=power_lost,
    )


def struck_world(exchange: str, fault: str, number: int) -> WorldPlan:
    """The same with one strike: `fault` meets the message of this number, counted from 0, and no other."""
    return replace(short_world(exchange), rates={fault: 1.0}, allowed={fault: frozenset({number})})


def message_faults(exchange: str) -> list[str]:
    """Every way in which one request, answer or event can go wrong there."""

    def can_strike(fault: type[Fault]) -> bool:
        is_of_a_message = issubclass(fault, RequestFault | FrameFault)
        return is_of_a_message and fault.place is Place.TRANSPORT and (exchange != PAPER or fault.on_paper)

    return [fault.name for fault in FAULTS if can_strike(fault)]


def until_one_passes(
    plan_of: Callable[[int], WorldPlan], was_struck: Struck, first: int, stride: int
) -> Iterator[tuple[int, WorldResult]]:
    """The worlds of `first`, `first + stride`, ..., to the first one that is not struck, which is the last."""
    place = first
    while True:
        result = run_world(plan_of(place))
        yield place, result
        if not was_struck(result):
            return
        place += stride


def killed_at_each_step(
    exchange: str, stride: int, *, power_lost: bool = False, first: int = 1
) -> Iterator[tuple[int, WorldResult]]:
    lives = run_world(short_world(exchange)).lives
    return until_one_passes(
        lambda step: short_world(exchange, step, power_lost=power_lost), lambda r: r.lives > lives, first, stride
    )


def killed_while_recovering(
    exchange: str, step: int, stride: int, *, power_lost: bool = False, steps: int = 60
) -> Iterator[tuple[int, WorldResult]]:
    """Killed before `step`, and the next process before its first, second, ... step, for the first `steps` of them."""
    for again in range(1, steps, stride):
        yield again, run_world(short_world(exchange, step, step + again, power_lost=power_lost))


def struck_at_each_message(
    exchange: str, fault: str, stride: int, first: int = 0
) -> Iterator[tuple[int, WorldResult]]:
    return until_one_passes(
        lambda number: struck_world(exchange, fault, number), lambda r: bool(r.fired), first, stride
    )


def broken(results: Iterator[tuple[int, WorldResult]]) -> tuple[int, dict[int, str]]:
    """How many worlds there were, and by place what was broken first in those in which something was."""
    worlds, found = 0, {}
    for place, result in results:
        worlds += 1
        if result.violations:
            found[place] = f"{result.violations[0].invariant}: {result.violations[0].text}"
    return worlds, found
