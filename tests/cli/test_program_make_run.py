"""What `make run` shows, without its wait: the same flags at full speed, and the arithmetic of its length."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from commands import values
from domain.market import NANOSECONDS
from tests.support.program import Program

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


@pytest.fixture(scope="module")
def flags() -> dict[str, str]:
    """RUN_FLAGS as pairs."""
    (line,) = re.findall(r"^RUN_FLAGS \?= (.+)$", MAKEFILE.read_text(), re.MULTILINE)
    words = line.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def test_it_ends_by_itself_after_some_ninety_seconds(flags: dict[str, str]) -> None:
    seconds = Decimal(values.duration(flags["--for"])) / NANOSECONDS / Decimal(flags["--speed"])
    assert 80 <= seconds <= 100


def test_a_fill_a_take_profit_and_a_wait_are_seen_at_once_and_round_trips_soon(
    flags: dict[str, str], tmp_path: Path
) -> None:
    program = Program(tmp_path)
    at_once = flags | {"--speed": "max", "--json": "out.json"}
    ended = program.run(*(word for pair in at_once.items() for word in pair))
    assert (ended.status, ended.err) == (0, "")
    report = program.report()
    assert report["covered"] == report["position"]
    log = program.file("logs", "paper_BTC_activity.log").read_text().splitlines()
    speed = Decimal(flags["--speed"])
    assert seconds_until(log, "open filled", 1) / speed < 10
    assert seconds_until(log, "take-profit sell", 1) / speed < 10
    assert seconds_until(log, "take-profit filled", 2) / speed < 45
    assert report["exits"] >= 5


def seconds_until(log: list[str], text: str, times: int) -> Decimal:
    """Own seconds from the first line to that which holds `text` for the `times`-th time."""
    found = [line for line in log if text in line]
    assert len(found) >= times, f"{text!r} is said {len(found)} times"
    return seconds_of(found[times - 1]) - seconds_of(log[0])


def seconds_of(line: str) -> Decimal:
    found = re.match(r"\S+ (\d\d):(\d\d):(\d\d\.\d+)", line)
    assert found is not None, line
    return int(found[1]) * 3_600 + int(found[2]) * 60 + Decimal(found[3])
