"""Streams that carry nothing: what is told of them is what happens, also where one would strike during another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from domain.market import NANOSECONDS, MarketRules
from exchanges.factory import ExchangeFactory
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import LISTED
from simulation.auditor import Auditor
from simulation.faults.base import Allowed
from simulation.faults.catalogue import Storm
from simulation.faults.transport import SilentStall
from simulation.life import Household
from simulation.observed import Stalled
from simulation.plan import START_NS, Wanted, draw_plan
from simulation.run import run_world
from simulation.scribe import Scribe
from simulation.worlds.base import VenueLimits
from simulation.worlds.twin import Pages, TwinSimulation
from strategies.take_profit_grid.config import TradingConfig
from tests.support.told import TERMS

D = Decimal
FRAME = "a frame"
LONGEST_S = 90
A_LITTLE_NS = NANOSECONDS // 1_000


class Lengths(Random):
    """Chance that draws stalls of these lengths, in seconds."""

    def __init__(self, lengths_s: Sequence[int]) -> None:
        super().__init__(0)
        self._left = [math.log(length_s, LONGEST_S) for length_s in lengths_s]

    def random(self) -> float:
        return self._left.pop(0)


class Planned(SilentStall):
    """Strikes at these seconds, and lasts so long each time."""

    def __init__(self, *stalls: tuple[int, int]) -> None:
        super().__init__(1, 1.0, Allowed())
        self._at_s = [at_s for at_s, _ in stalls]
        self.chance = Lengths([lasting_s for _, lasting_s in stalls])

    def begin(self, home: Household) -> None:
        for at_s in self._at_s:
            home.world.stage.at(home.world.now_ns + at_s * NANOSECONDS, lambda: self.draw(home)())


def a_home(fault: SilentStall) -> Household:
    def make_scribe(now_ns: Callable[[], int], _secrets: Sequence[str], _limits: VenueLimits) -> Scribe:
        return Scribe(Auditor(TERMS), now_ns)

    market = GeneratedMarket(LISTED["ETH"], 1, START_NS, D(0), D("0.0005"))
    terms = AccountTerms(D(10_000), maker_fee_rate=D(0), taker_fee_rate=D("0.0005"))
    world = TwinSimulation("backpack", "ETH", market, terms, 1, 1_000_000, 0, 500_000_000, Pages(), make_scribe)
    home = Household(world, Storm([fault]), _no_settings, 40)
    home.storm.begin(home)
    return home


def _no_settings(rules: MarketRules) -> TradingConfig:
    raise AssertionError(f"no bot lives here: {rules}")


def told_and_felt(*stalls: tuple[int, int], until_s: int) -> list[tuple[bool, int]]:
    """At each second: whether it was told that streams carry nothing, and when a frame sent then arrives."""
    home = a_home(Planned(*stalls))
    began_ns, seen = home.world.now_ns, []
    for second in range(until_s):
        home.world.live_on(began_ns + second * NANOSECONDS + A_LITTLE_NS)
        arrives_ns = home.world.now_ns - began_ns + home.storm.frame_fate(FRAME).delay_ns
        told = [observed.is_stalled for _, observed in home.scribe.recent if isinstance(observed, Stalled)]
        seen.append((told[-1:] == [True], round(arrives_ns / NANOSECONDS)))
    return seen


HELD_FROM_2_TO_6 = [(False, 0), (False, 1), (True, 6), (True, 6), (True, 6), (True, 6), (False, 6), (False, 7)]


def test_what_is_told_during_a_stall_arrives_when_it_is_over() -> None:
    assert told_and_felt((2, 4), until_s=8) == HELD_FROM_2_TO_6


@pytest.mark.parametrize("lasting_s", [1, 90])
def test_a_stall_that_strikes_during_another_neither_ends_nor_prolongs_it(lasting_s: int) -> None:
    assert told_and_felt((2, 4), (4, lasting_s), until_s=8) == HELD_FROM_2_TO_6


def test_one_that_strikes_after_another_is_over_is_a_stall_of_its_own() -> None:
    assert told_and_felt((1, 1), (4, 2), until_s=7) == [
        (False, 0),
        (True, 2),
        (False, 2),
        (False, 3),
        (True, 6),
        (True, 6),
        (False, 6),
    ]


AMONG_OTHERS = {"answer_late": 0.06, "garbled_answer": 0.1, "frame_late": 0.03}


@pytest.mark.parametrize("exchange, seed, others", [("backpack", 5036, AMONG_OTHERS), ("paradex", 5022, {})])
def test_stalls_in_a_row_break_nothing(exchange: str, seed: int, others: dict[str, float]) -> None:
    """Where one prolonged another, what the first had held came in the middle of the second: old quotes as if new, and
    data on streams that were said to carry none."""
    plan = draw_plan(seed, Wanted(exchange=exchange), ExchangeFactory.venues())
    rates = {"silent_stall": 120.0, **others}
    result = run_world(replace(plan, length_ns=540 * NANOSECONDS, rates=rates))
    assert result.violations == ()
    assert result.fired["silent_stall"] > 10
