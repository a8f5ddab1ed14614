"""Ctrl-C and SIGTERM, from the outside."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.program import LIMIT_S, RUNBOT, Program

ASKED = (
    "--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.02", "--wait-time", "20", "--seed", "7",
    "--json", "out.json",
)  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.mark.parametrize(
    "number, name", [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")], ids=["interrupt", "terminate"]
)
@pytest.mark.parametrize("moment", ["open buy", "take-profit sell"])
def test_once_stops_gracefully(program: Program, number: signal.Signals, name: str, moment: str) -> None:
    with program.started(*ASKED, "--speed", "50") as running:
        running.line_with(moment)
        asked_at = time.monotonic()
        running.signal(number)
        ended = running.end()
    assert (ended.status, ended.err) == (0, "")
    assert time.monotonic() - asked_at < 15
    report = program.report()
    assert report["reason"] == f"stopped by {name}"
    assert report["covered"] == report["position"]
    assert Decimal(report["position"]) == program.ledger().position


def test_once_stops_in_real_time_well_within_its_time(program: Program) -> None:
    with program.started(*ASKED, "--speed", "1") as running:
        running.line_with("open buy")
        asked_at = time.monotonic()
        running.signal(signal.SIGINT)
        ended = running.end()
    assert (ended.status, time.monotonic() - asked_at < 15) == (0, True)


def test_once_stops_a_session_at_full_speed(program: Program) -> None:
    with program.started(*ASKED, "--speed", "max", "--for", "3650d") as running:
        running.line_with("market:")
        running.signal(signal.SIGINT)
        ended = running.end()
    assert ended.status == 0
    assert ended.err in ("", "interrupted before the bot ran; it sent no order\n")


def test_twice_ends_at_once_with_a_list_of_what_is_open_and_the_account_is_continued(program: Program) -> None:
    """The latency keeps the first one from being done before the second one comes."""
    with program.started(*ASKED, "--speed", "1", "--latency-ms", "250") as running:
        running.line_with("open buy")
        running.signal(signal.SIGINT)
        running.signal(signal.SIGTERM)
        asked_at = time.monotonic()
        ended = running.end()
    assert (ended.status, time.monotonic() - asked_at < 15) == (3, True)
    listed = [line for line in ended.out.splitlines() if line.startswith("not confirmed: ")]
    assert listed[0].startswith("not confirmed: open order ")
    assert "own position 0 was not confirmed" in listed[-1]
    assert ended.out.endswith(f"{listed[-1]}\n")
    again = program.run(*ASKED, "--speed", "max", "--for", "1m")
    assert (again.status, "continuing the paper account" in again.out) == (0, True)


def test_an_interrupt_while_stopping_flattens_no_less(program: Program) -> None:
    with program.started(*ASKED, "--speed", "50", "--on-stop", "flatten") as running:
        running.line_with("take-profit sell")
        running.signal(signal.SIGINT)
        ended = running.end()
    assert ended.status == 0
    assert program.ledger().position == 0
    assert program.report()["position"] == "0"


def test_a_stop_while_the_journal_cannot_be_written_is_reported_and_ends_with_status_3(program: Program) -> None:
    """As on a full disk; here somebody else holds the file."""
    with program.started(*ASKED, "--speed", "1") as running:
        running.line_with("open buy")
        with closing(sqlite3.connect(program.file("state", "paper_BTC.sqlite"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            running.signal(signal.SIGINT)
            ended = running.end()
            other.execute("ROLLBACK")
    assert ended.status == 3
    assert program.report()["reason"] == "stopped by Ctrl-C"
    listed = [line for line in ended.out.splitlines() if "records are not in the journal: cannot write" in line]
    assert len(listed) == 1
    assert listed[0].startswith("not confirmed: ")
    assert ended.err == (
        "error: cannot write the journal state/paper_BTC.sqlite: database is locked; check the disk, its space and "
        "permissions; the last records may not survive a power loss\n"
    )
    again = program.run(*ASKED, "--speed", "max", "--for", "1m")
    assert (again.status, "continuing the paper account" in again.out) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_an_interrupt_before_the_bot_runs_is_one_quiet_line(tmp_path: Path, number: signal.Signals) -> None:
    """In a process of its own, at the one moment that no test could hit from outside."""
    code = """
import os, sys
sys.path.insert(0, sys.argv[1])
import runbot
from commands import interrupts

def interrupted(argv):
    with interrupts.as_keyboard_interrupts():
        os.kill(os.getpid(), int(argv[0]))

runbot._obey = interrupted
sys.exit(runbot.main([sys.argv[2]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(RUNBOT.parent), str(int(number))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    said = (done.returncode, done.stdout, done.stderr)
    assert said == (0, "", "interrupted before the bot ran; it sent no order\n")
