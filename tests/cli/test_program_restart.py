"""Killed at any moment and started again: covered, without duplicates, and with the exchange's books agreeing."""

from __future__ import annotations

import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.program import Program, signed_quantity

ASKED = (
    "--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.02", "--wait-time", "20", "--maker-fee", "0.005",
)  # fmt: skip
SEED = ("--seed", "7")
FAST = ("--speed", "max")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def killed_at(program: Program, text: str, times: int = 1, *flags: str) -> None:
    """Run in real time times fifty, and kill -9 the moment it has said `text`."""
    with program.started(*ASKED, *(flags or SEED), "--speed", "50") as running:
        running.line_with(text, times)
        running.signal(signal.SIGKILL)
        assert running.process.wait(30) == -signal.SIGKILL


def assert_everything_agrees(program: Program) -> None:
    """Report, trade file and the exchange's books, to the last digit; nothing twice, and all of it covered."""
    report, books, rows = program.report(), program.ledger(), program.rows()
    trades = [row for row in rows if row["TradeID"]]
    assert len(trades) == len({row["TradeID"] for row in trades}) == books.fills > 0
    assert sum(map(signed_quantity, rows)) == books.position == Decimal(report["position"])
    assert Decimal(report["covered"]) == books.position
    assert sum(Decimal(row["Fee"]) for row in trades) == books.fees == Decimal(report["fees"])
    assert Decimal(report["volume_quote"]) == books.volume
    assert set(Counter(row["OrderID"] for row in rows if row["Status"] == "FILLED").values()) <= {1}
    ids = program.client_ids()
    assert len(ids) == len(set(ids))
    assert (report["halted"], report["unexplained"], report["written_off"]) == (False, "0", "0")


@pytest.mark.parametrize(
    "text, times",
    [
        ("session started", 1),
        ("open buy", 1),
        ("open filled", 1),
        ("take-profit sell", 2),
        ("cancelled: reprice", 2),
        ("open filled", 4),
    ],
)
def test_a_killed_session_goes_on_where_it_was(program: Program, text: str, times: int) -> None:
    killed_at(program, text, times)
    ended = program.run(*ASKED, *SEED, *FAST, "--for", "5m", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    assert "continuing the paper account" in ended.out
    assert_everything_agrees(program)


def test_a_session_killed_again_and_again_still_agrees(program: Program) -> None:
    for text in ("open filled", "take-profit sell", "open buy", "cooling down"):
        killed_at(program, text)
    assert program.run(*ASKED, *FAST, "--for", "10m", "--json", "out.json").status == 0
    assert_everything_agrees(program)
    assert "archive" not in {name.split("/")[-1] for name in program.names()}


def test_an_ended_session_is_not_continued_by_one_killed_after_it(program: Program) -> None:
    assert program.run(*ASKED, *SEED, *FAST, "--for", "2m").status == 0
    killed_at(program, "open filled")
    assert program.run(*ASKED, *SEED, *FAST, "--for", "2m", "--json", "out.json").status == 0
    assert_everything_agrees(program)
    assert program.file("state", "archive", "0001_paper_BTC.sqlite").exists()


def test_a_killed_session_is_continued_on_its_own_seed_when_none_is_given(program: Program) -> None:
    killed_at(program, "open filled", 1, "--seed", "11")
    ended = program.run(*ASKED, *FAST, "--for", "1m", "--json", "out.json")
    assert (ended.status, program.report()["seed"]) == (0, 11)
    assert_everything_agrees(program)


def test_a_killed_session_is_not_continued_on_another_market(program: Program) -> None:
    killed_at(program, "open filled")
    before = program.ledger()
    refused = program.run(*ASKED, "--seed", "8", *FAST, "--for", "1m").error
    assert "trades the market of seed 7; continue it with --seed 7 or without --seed" in refused
    assert refused.endswith("or start a new one with --fresh")
    assert "--direction buy" in program.run(*ASKED, *SEED, *FAST, "--for", "1m", "--direction", "sell").error
    assert "--balance differs" in program.run(*ASKED, *SEED, *FAST, "--for", "1m", "--balance", "5000").error
    assert program.ledger() == before
    assert program.run(*ASKED, *SEED, *FAST, "--for", "1m", "--json", "out.json").status == 0
    assert_everything_agrees(program)


def test_fresh_begins_anew_and_keeps_the_killed_session_in_the_archive(program: Program) -> None:
    killed_at(program, "open filled")
    killed = program.ledger()
    ended = program.run(*ASKED, "--seed", "8", *FAST, "--for", "2m", "--fresh", "--json", "out.json")
    assert (ended.status, "continuing" in ended.out) == (0, False)
    assert_everything_agrees(program)
    program.file("state", "archive", "0001_paper_BTC.ledger.sqlite").rename(program.file("state", "old.ledger.sqlite"))
    assert program.ledger("old") == killed


def test_a_deleted_trade_file_is_written_again_from_the_journal(program: Program) -> None:
    killed_at(program, "open filled", 2)
    program.file("logs", "paper_BTC_orders.csv").unlink()
    assert program.run(*ASKED, *SEED, *FAST, "--for", "2m", "--json", "out.json").status == 0
    assert_everything_agrees(program)


def test_a_damaged_journal_is_refused_and_left_as_it_is(program: Program) -> None:
    killed_at(program, "open filled", 2)
    journal = program.file("state", "paper_BTC.sqlite")
    for companion in ("-wal", "-shm"):
        program.file("state", f"paper_BTC.sqlite{companion}").unlink(missing_ok=True)
    journal.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    refused = program.run(*ASKED, *SEED, *FAST, "--for", "1m").error
    assert "paper_BTC.sqlite is damaged" in refused
    assert "--fresh" in refused
    assert journal.read_bytes() == b"SQLite format 3\0" + b"\xff" * 5000
    assert program.run(*ASKED, *SEED, *FAST, "--for", "1m", "--fresh").status == 0


def test_a_session_of_virtual_time_continued_in_real_time_does_not_leap_to_today(program: Program) -> None:
    killed_at(program, "take-profit sell")
    with program.started(*ASKED, *SEED, "--speed", "1", "--for", "1s") as running:
        assert running.end().status == 0
    assert all(row["Timestamp"].startswith("2024-01-01T08:0") for row in program.rows())


def test_a_session_in_real_time_is_continued(program: Program) -> None:
    with program.started(*ASKED, *SEED, "--speed", "1") as running:
        running.line_with("open buy")
        running.signal(signal.SIGKILL)
        running.process.wait(30)
    ended = program.run(*ASKED, *SEED, "--speed", "1", "--for", "1s", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    assert "continuing the paper account" in ended.out
    ids = program.client_ids()
    assert len(ids) == len(set(ids)) >= 1
