"""Log files in the background: what is written is the same, and a disk that hangs holds nobody up."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import pytest

from domain.market import NANOSECONDS
from helpers.background import Background
from helpers.journal import MemoryJournal
from helpers.logger import ActivityLog, Level, open_private
from helpers.redaction import Redactor
from helpers.trade_csv import TradeCsv
from tests.helpers.test_trade_csv import HEADER, HISTORY, ROWS, SHANGHAI


class Hands:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.time_ns = 0

    def now_ns(self) -> int:
        return self.time_ns


class Gate:
    """A job that hangs until it is let go; `has_begun` is set once it hangs."""

    def __init__(self) -> None:
        self.has_begun, self._may_end = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.has_begun.set()
        assert self._may_end.wait(60)

    def open(self) -> None:
        self._may_end.set()


@contextmanager
def hanging(background: Background) -> Iterator[Gate]:
    """Whatever is submitted inside waits behind a disk that hangs."""
    gate = Gate()
    background.submit(gate)
    assert gate.has_begun.wait(60)
    try:
        yield gate
    finally:
        gate.open()


def log_in(path: Path, background: Background, opener: Callable[[Path], int] = open_private) -> ActivityLog:
    return ActivityLog(path, Hands(), UTC, Redactor([]), opener=opener, background=background)


def trouble_of(log: ActivityLog) -> str | None:
    return log.trouble


def texts(path: Path) -> list[str]:
    return [line.split(" INFO    ")[-1] for line in path.read_text().splitlines()]


def test_jobs_are_done_in_order_and_errors_are_their_results() -> None:
    background, done = Background("test"), []
    results = [background.submit(lambda number=number: done.append(number)) for number in range(100)]  # type: ignore[misc]
    failed = background.submit(lambda: os.close(-1))
    assert background.close(60)
    assert background.close()
    assert (done, [result.done() for result in results]) == (list(range(100)), [True] * 100)
    assert isinstance(failed.exception(), OSError)
    assert isinstance(background.submit(lambda: None).exception(), RuntimeError)


def test_close_does_not_wait_for_a_job_that_hangs() -> None:
    background = Background("test")
    with hanging(background):
        assert not background.close(0.01)


def test_log_lines_do_not_wait_for_a_disk_that_hangs_and_come_later_in_order(tmp_path: Path) -> None:
    background = Background("test")
    log = log_in(tmp_path / "a.log", background)
    with hanging(background):
        for number in range(500):
            log.line(Level.INFO, f"line {number}")
        assert (tmp_path / "a.log").read_text() == ""
    log.close()
    assert background.close(60)
    assert texts(tmp_path / "a.log") == [f"line {number}" for number in range(500)]


def test_log_lines_of_a_long_hang_are_lost_and_counted(tmp_path: Path) -> None:
    background = Background("test")
    log = log_in(tmp_path / "a.log", background)
    with hanging(background):
        for number in range(1_500):
            log.line(Level.INFO, f"line {number}")
    log.close()
    assert background.close(60)
    first, *rest = texts(tmp_path / "a.log")
    assert first.endswith("WARNING 500 lines before this one were lost: the disk is too slow")
    assert rest == [f"line {number}" for number in range(500, 1_500)]


def test_log_that_fails_in_the_background_tries_again_later(tmp_path: Path) -> None:
    background, clock, handles = Background("test"), Hands(), [os.open(os.devnull, os.O_RDONLY)]

    def opener(path: Path) -> int:
        return handles.pop() if handles else open_private(path)

    log = ActivityLog(tmp_path / "a.log", clock, UTC, Redactor([]), opener=opener, background=background)
    for number in range(3):
        log.line(Level.INFO, f"line {number}")
        background.submit(lambda: None).result(60)
    assert trouble_of(log) == f"the activity log {tmp_path / 'a.log'} cannot be written: Bad file descriptor"
    assert not (tmp_path / "a.log").exists()
    clock.time_ns = 3_600 * NANOSECONDS
    log.line(Level.INFO, "line 3")
    background.submit(lambda: None).result(60)
    assert texts(tmp_path / "a.log") == [f"line {number}" for number in range(4)]
    assert trouble_of(log) is None
    log.close()
    assert background.close(60)


def test_trades_in_the_background_are_the_same_file(tmp_path: Path) -> None:
    background, journal = Background("test"), MemoryJournal()
    trades = TradeCsv.open(tmp_path / "a.csv", SHANGHAI, journal, background)
    with hanging(background):
        for record in HISTORY[:3]:
            trades.saw(journal.append([record], sync=False), record)
            trades.flush()
        assert (tmp_path / "a.csv").read_text() == ""
    for record in HISTORY[3:]:
        trades.saw(journal.append([record], sync=False), record)
    trades.close()
    assert background.close(60)
    assert (tmp_path / "a.csv").read_text() == HEADER + "".join(ROWS)
    assert trades.trouble is None
    again = TradeCsv.open(tmp_path / "a.csv", SHANGHAI, journal)
    for seq, record in journal.replay():
        again.saw(seq, record)
    again.close()
    assert (tmp_path / "a.csv").read_text() == HEADER + "".join(ROWS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_trades_that_failed_in_the_background_are_offered_again(tmp_path: Path) -> None:
    background, journal = Background("test"), MemoryJournal()
    trades = TradeCsv.open(tmp_path / "a.csv", SHANGHAI, journal, background)
    full = os.open("/dev/full", os.O_WRONLY)
    assert trades._handle is not None
    kept, trades._handle = trades._handle, full
    for record in HISTORY:
        trades.saw(journal.append([record], sync=False), record)
    trades.flush()
    background.submit(lambda: None).result(60)
    trades.flush()
    background.submit(lambda: None).result(60)
    assert trades.trouble == "trades wait to be written to the CSV file: No space left on device"
    trades._handle = kept
    trades.close()
    assert background.close(60)
    os.close(full)
    assert (tmp_path / "a.csv").read_text() == HEADER + "".join(ROWS)
