"""Whole worlds: the bot as shipped lives through faults and kills, and the auditor finds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from domain.market import NANOSECONDS
from exchanges.factory import ExchangeFactory
from simulation.faults.catalogue import BY_NAME
from simulation.plan import Wanted, draw_plan
from simulation.run import WorldResult, run_world
from simulation.runner import run_seed

ROOT = Path(__file__).resolve().parents[2]
VENUES = ExchangeFactory.venues()
SHORT = Wanted(hours=Decimal("0.1"), kills=True)
SHARES = 4
WORLDS = 120


def found(results: list[WorldResult]) -> dict[int, str]:
    """Seeds of worlds in which something was broken, with the first of it."""
    return {
        result.seed: f"{result.violations[0].invariant}: {result.violations[0].text}"
        for result in results
        if result.violations
    }


@pytest.mark.parametrize("share", range(SHARES))
def test_short_worlds_with_all_faults_and_kills_hold_every_invariant(share: int) -> None:
    results = [run_seed(seed, SHORT, VENUES) for seed in range(share, WORLDS, SHARES)]
    assert found(results) == {}
    assert sum(result.entries for result in results) > 30
    assert sum(len(result.fired) for result in results) > 60


@pytest.mark.parametrize("exchange", ExchangeFactory.names())
def test_an_undisturbed_world_never_halts_covers_at_once_and_sends_only_what_is_needed(exchange: str) -> None:
    result = run_seed(7, Wanted(exchange=exchange, hours=Decimal("0.3"), faults=()), VENUES)
    assert found([result]) == {}
    assert (result.fired, result.lives, result.halts) == ({}, 2, 0)
    assert result.entries > 0
    assert max(result.times_to_cover_ns) < 5 * NANOSECONDS
    check_requests(result)


MINUTES, LIVES = 18 + 2.5, 2
"""Of a world of 0.3 h with what comes after it; each life begins and ends with a look."""
READ_AGAIN = 8
"""A look during which an order moved is read once more."""


def check_requests(result: WorldResult) -> None:
    """None is sent that is not needed."""
    sent = dict(result.requests_of)
    opens_again = sent.pop("cancel")  # Each cancel makes way for an open at a better price, but for those of the stop.
    looks = MINUTES + 2 * LIVES
    # One open and one close for each entry, the opens priced anew, and those that the market overtook on their way.
    assert 2 * result.entries <= sent.pop("place") <= 2 * result.entries + opens_again + result.entries
    # A look a minute reads the list twice, since nothing may have moved meanwhile.
    assert sent.pop("open_orders") <= 2 * looks + READ_AGAIN
    assert sent.pop("position") <= looks + 1 + READ_AGAIN
    # Rules: as each life begins, and where an order was refused. The rest belongs to starts.
    assert sent.pop("rules") <= LIVES + looks
    assert set(sent) <= {"fills", "funding", "query"}
    assert sum(sent.values()) <= 3 * LIVES + 1
    # On the wire also the time, thrice a minute, which keeps connections warm; logins; funding where no stream tells.
    assert result.on_wire <= result.requests + 4 * MINUTES + 25 * LIVES


@pytest.mark.parametrize("exchange", ExchangeFactory.names())
def test_the_same_seed_gives_the_same_trace_in_another_process(exchange: str) -> None:
    wanted = Wanted(exchange=exchange, hours=Decimal("0.1"), kills=True)
    here = run_seed(11, wanted, VENUES)
    program = (
        "import sys; from decimal import Decimal; from simulation.plan import Wanted; "
        "from simulation.runner import run_seed; from exchanges.factory import ExchangeFactory; "
        f"print(run_seed(11, Wanted(exchange={exchange!r}, hours=Decimal('0.1'), kills=True), "
        "ExchangeFactory.venues()).trace)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env=environment, check=True
    )
    assert done.stdout.strip() == here.trace


@pytest.mark.parametrize("exchange", ["edgex", "lighter", "paradex"])
def test_lists_that_come_a_few_rows_at_a_time_break_nothing(exchange: str) -> None:
    plan = draw_plan(7, Wanted(exchange=exchange, hours=Decimal("0.2"), faults=()), VENUES)
    result = run_world(replace(plan, longest_page=1, longest_history_page=3))
    assert found([result]) == {}
    assert result.entries > 0


def test_another_seed_gives_another_trace() -> None:
    wanted = Wanted(exchange="paper", hours=Decimal("0.05"))
    assert run_seed(1, wanted, VENUES).trace != run_seed(2, wanted, VENUES).trace


def test_a_process_that_starts_while_the_streams_of_its_client_are_lost_is_told_so() -> None:
    """In this world they are cut after the client was opened and before anybody listens to it."""
    wanted = Wanted(exchange="paper", hours=Decimal("0.05"), faults=("streams_cut",))
    result = run_seed(80823, wanted, VENUES)
    assert found([result]) == {}
    assert result.fired["streams_cut"] > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_an_end_without_a_total_that_is_lost_on_the_way_was_not_told(seed: int) -> None:
    plan = replace(draw_plan(seed, Wanted(exchange="paper"), VENUES), length_ns=300 * NANOSECONDS)
    result = run_world(replace(plan, rates={"total_missing": 0.5, "frame_lost": 0.06}))
    assert found([result]) == {}
    assert min(result.fired["total_missing"], result.fired["frame_lost"]) > 0


# --- one fault at a time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_each_fault_strikes_and_breaks_nothing(name: str) -> None:
    fault = BY_NAME[name]
    plans = [draw_plan(seed, Wanted(exchange="paper" if fault.on_paper else "backpack"), VENUES) for seed in (3, 4)]
    results = [
        run_world(replace(plan, length_ns=600 * NANOSECONDS, rates={name: max(fault.high, _LEAST[fault.place.value])}))
        for plan in plans
    ]
    assert found(results) == {}
    assert sum(result.fired.get(name, 0) for result in results) > 0


_LEAST = {"venue": 20.0, "transport": 0.0, "clock": 0.9, "disk": 12.0, "process": 20.0}
