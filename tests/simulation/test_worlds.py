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
def test_an_undisturbed_world_asks_for_little_and_covers_at_once(exchange: str) -> None:
    result = run_seed(7, Wanted(exchange=exchange, hours=Decimal("0.3"), faults=()), VENUES)
    assert found([result]) == {}
    assert (result.fired, result.lives) == ({}, 2)
    assert result.entries > 0
    assert max(result.times_to_cover_ns) < 5 * NANOSECONDS


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


def test_another_seed_gives_another_trace() -> None:
    wanted = Wanted(exchange="paper", hours=Decimal("0.05"))
    assert run_seed(1, wanted, VENUES).trace != run_seed(2, wanted, VENUES).trace


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
