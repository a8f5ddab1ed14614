"""A session with keys against an exchange in another process: what it tells is what the exchange booked."""

from __future__ import annotations

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.program import Program
from tests.support.twin_program import (
    ASKED,
    VENUES,
    client_ids,
    disagreements,
    each_venue,
    flow,
    report_of,
    resting_closes,
    served,
)

FEES = ("--maker-fee", "0.0137", "--taker-fee", "0.0411")


def test_report_and_trade_file_are_the_exchange_s_books_to_the_last_digit(tmp_path: Path) -> None:
    assert each_venue(lambda venue: differences(tmp_path / venue, venue)) == dict.fromkeys(VENUES, {})


def differences(folder: Path, venue: str) -> dict[str, Any]:
    """Trade, compare; then sell everything, so that what is realized is what the exchange paid, and compare again."""
    folder.mkdir()
    with served(folder, venue, *FEES) as twin:
        program = Program(folder, twin.env)
        said = ("--exchange", venue, *ASKED, "--json", "-")
        kept = report_of(program.run(*said, "--for", "18s"))
        first = disagreements(twin.ledger(), kept, program.rows(f"{venue}_ETH"))
        sold = report_of(program.run(*said, "--for", "1s", "--on-stop", "flatten"))
        ledger = twin.ledger()
        second = disagreements(ledger, sold, program.rows(f"{venue}_ETH"))
    assert kept["entries"] >= 1
    assert (kept["halted"], kept["covered"]) == (False, kept["position"])
    assert sold["position"] == "0"
    realized = Decimal(sold["realized_pnl"])
    return first | second | ({} if realized == flow(ledger) else {"realized": (flow(ledger), realized)})


def test_a_killed_session_goes_on_where_the_exchange_stands(tmp_path: Path) -> None:
    assert each_venue(lambda venue: after_a_kill(tmp_path / venue, venue)) == dict.fromkeys(VENUES, {})


def after_a_kill(folder: Path, venue: str) -> dict[str, Any]:
    """Killed between a fill and its close's answer, then started again for a few seconds."""
    folder.mkdir()
    with served(folder, venue, *FEES) as twin:
        program = Program(folder, twin.env)
        with program.started("--exchange", venue, *ASKED) as running:
            running.line_with("open filled")
            running.signal(signal.SIGKILL)
            assert running.end().status == -signal.SIGKILL
        report = report_of(program.run("--exchange", venue, *ASKED, "--for", "6s", "--json", "-"))
        ledger = twin.ledger()
    found = disagreements(ledger, report, program.rows(f"{venue}_ETH"))
    assert (report["halted"], report["unexplained"], report["written_off"]) == (False, "0", "0")
    if resting_closes(ledger) != Decimal(ledger["position"]):
        found["uncovered"] = (ledger["position"], ledger["orders"])
    if len(set(client_ids(ledger))) != len(client_ids(ledger)):
        found["client ids"] = client_ids(ledger)
    return found
