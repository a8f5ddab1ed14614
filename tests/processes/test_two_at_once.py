"""Two processes on one account and ticker: refused where they share their files, told of where they do not."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path

from tests.processes.two_at_once import refused_beside_another
from tests.processes.venue import Asked
from tests.support.program import Program
from tests.support.twin_program import client_ids, report_of, resting_closes, served

APART = (
    "--exchange", "backpack", "--ticker", "ETH", "--quantity", "0.1", "--take-profit", "0.5", "--wait-time", "2",
)  # fmt: skip
"""Closes that rest to the end, and a new entry every few seconds."""


async def test_the_second_on_the_same_files_is_refused_and_takes_over_when_the_first_is_killed(tmp_path: Path) -> None:
    assert await refused_beside_another(tmp_path, Asked("backpack", 3)) == []


def test_the_second_on_files_of_its_own_touches_nothing_and_the_guard_of_the_first_halts(tmp_path: Path) -> None:
    """No lock can know of it. Each names what the other holds, or halts over it; none cancels or covers it."""
    with served(tmp_path, "backpack", "--speed", "8") as twin:
        program = Program(tmp_path, twin.env)
        # The first opens too little to make the second halt as well.
        with program.started(*APART, "--max-orders", "2") as first:
            first.line_with("take-profit sell")
            other = ("--max-orders", "6", "--state-dir", "other", "--log-dir", "other", "--json", "-")
            with program.started(*APART, *other) as second:
                first.line_with("HALTED: position ")
                halted = first.end()
                second.signal(signal.SIGINT)
                report = report_of(second.end())
        ledger = twin.ledger()
    assert halted.status == 1
    assert "and resting closes " in halted.out.splitlines()[-1]
    told = program.file("other", "backpack_ETH_activity.log").read_text()
    assert "was there before this bot; it is foreign and left alone" in told
    assert " resting orders are foreign and left alone" in told
    assert Decimal(ledger["position"]) == resting_closes(ledger)
    assert report["covered"] == report["position"]
    assert len(set(client_ids(ledger))) == len(client_ids(ledger))
