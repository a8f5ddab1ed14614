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
    booked_fills,
    client_ids,
    disagreements,
    each_venue,
    flow,
    report_of,
    resting_closes,
    served,
    written_fills,
)

FEES = ("--maker-fee", "0.0137", "--taker-fee", "0.0411")
AFTER_A_KILL = ("--max-orders", "2", "--for", "28s")
"""An order that was on its way is believed lost only after up to 17 s; few entries keep within 60 requests a minute."""


def test_report_and_trade_file_are_the_exchange_s_books_to_the_last_digit(tmp_path: Path) -> None:
    assert each_venue(lambda venue: differences(tmp_path / venue, venue)) == {venue: {} for venue in VENUES}


def differences(folder: Path, venue: str) -> dict[str, Any]:
    """Trade, compare; then sell everything, so that what is realized is what the exchange paid, and compare again.

    Both sessions cancel their closes when they end, so that nothing can fill between their end and the question.
    """
    folder.mkdir()
    with served(folder, venue, *FEES) as twin:
        program = Program(folder, twin.env)
        said = ("--exchange", venue, *ASKED, "--json", "-")
        held = report_of(program.run(*said, "--for", "18s", "--on-stop", "cancel"))
        first = disagreements(twin.ledger(), held, program.rows(f"{venue}_ETH"))
        sold = report_of(program.run(*said, "--for", "2s", "--on-stop", "flatten"))
        ledger = twin.ledger()
        second = disagreements(ledger, sold, program.rows(f"{venue}_ETH"))
    assert (held["entries"] >= 1, held["halted"]) == (True, False)
    assert (sold["position"], sold["halted"]) == ("0", False)
    realized = Decimal(sold["realized_pnl"])
    return first | second | ({} if realized == flow(ledger) else {"realized": (flow(ledger), realized)})


def test_a_killed_session_goes_on_where_the_exchange_stands(tmp_path: Path) -> None:
    assert each_venue(lambda venue: after_a_kill(tmp_path / venue, venue)) == {venue: {} for venue in VENUES}


def after_a_kill(folder: Path, venue: str) -> dict[str, Any]:
    """Killed between a fill and its close's answer, then started again long enough to find out what became of it."""
    folder.mkdir()
    with served(folder, venue, *FEES) as twin:
        program = Program(folder, twin.env)
        with program.started("--exchange", venue, *ASKED) as running:
            running.line_with("open filled")
            running.signal(signal.SIGKILL)
            assert running.end().status == -signal.SIGKILL
        report = report_of(program.run("--exchange", venue, *ASKED, *AFTER_A_KILL, "--json", "-"))
        ledger = twin.ledger()
    assert (report["halted"], report["unexplained"], report["written_off"]) == (False, "0", "0")
    booked, written = booked_fills(ledger), written_fills(program.rows(f"{venue}_ETH"))
    # A close that still rests may fill after the session has ended: everything written is booked, not the reverse.
    pairs = {
        "fills": (written, {trade_id: booked.get(trade_id) for trade_id in written}),
        "uncovered": (Decimal(ledger["position"]), resting_closes(ledger)),
        "client ids": (sorted(set(client_ids(ledger))), sorted(client_ids(ledger))),
    }
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}
