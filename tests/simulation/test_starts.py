"""A process that cannot begin to trade: what excuses it, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.market import NANOSECONDS
from exchanges.factory import ExchangeFactory
from simulation.auditor import Auditor
from simulation.ends import NotStarted
from simulation.observed import LifeBegan, Observation, SocketAsked, Stalled
from simulation.plan import Wanted, draw_plan
from simulation.run import run_world
from simulation.scribe import Scribe
from tests.support.told import TERMS

STALLED, FLOWING = Stalled(is_stalled=True), Stalled(is_stalled=False)
UNCONNECTED = NotStarted("the streams could not be opened", is_unconnected=True)


def excused(outcome: NotStarted, *told: tuple[int, Observation], at_s: int = 90) -> bool:
    """Of a process that ends at second `at_s` of a world in which this was seen, at these seconds."""
    now_s = [0]
    scribe = Scribe(Auditor(TERMS), lambda: now_s[0] * NANOSECONDS)
    for seconds, observation in told:
        now_s[0] = seconds
        scribe.tell(observation)
    now_s[0] = at_s
    return outcome.is_excused(scribe)


def test_a_start_that_fails_though_nothing_is_wrong_is_not_excused() -> None:
    assert not excused(UNCONNECTED, (10, LifeBegan(1)), (11, SocketAsked()))


def test_a_start_is_excused_while_the_streams_it_asks_for_carry_nothing() -> None:
    began = ((5, STALLED), (10, LifeBegan(1)))
    assert excused(UNCONNECTED, *began, (11, SocketAsked()))
    assert not excused(UNCONNECTED, *began)
    assert not excused(UNCONNECTED, (5, STALLED), (6, SocketAsked()), (10, LifeBegan(1)))
    assert not excused(NotStarted("the journal is damaged"), *began, (11, SocketAsked()))


def test_a_stall_that_is_over_excuses_no_start() -> None:
    told = ((5, STALLED), (10, LifeBegan(1)), (11, SocketAsked()), (60, FLOWING))
    assert excused(UNCONNECTED, *told, at_s=80)
    assert not excused(UNCONNECTED, *told, at_s=81)
    assert not excused(UNCONNECTED, *told, (61, SocketAsked()), at_s=81)


def test_foul_weather_excuses_every_start() -> None:
    told = ((1, LifeBegan(1)),)
    scribe = Scribe(Auditor(TERMS), lambda: 0)
    scribe.disturb("outage", 10 * NANOSECONDS)
    assert NotStarted("no connection").is_excused(scribe)
    assert not excused(NotStarted("no connection"), *told)


@pytest.mark.parametrize("exchange, seed", [("edgex", 9), ("paradex", 9)])
def test_processes_that_begin_while_streams_carry_nothing_break_nothing(exchange: str, seed: int) -> None:
    """Nor where one stall would strike during another."""
    venues = ExchangeFactory.venues()
    plan = draw_plan(seed, Wanted(exchange=exchange, kills=True), venues)
    rates = {"silent_stall": 40.0, "kill": 60.0}
    result = run_world(replace(plan, length_ns=540 * NANOSECONDS, rates=rates))
    assert result.violations == ()
    assert set(result.fired) == set(rates)
