"""Every benchmark starts the one way that the documents say, and prints what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"[\d.,]+"
TINY = {
    "backtest_speed": (
        ("--repeat", "1", "--data", "nowhere"),
        rf"no recordings in nowhere: .*\nticks, 1 times over: {NUMBER} ticks, .*\n(.*\n)+.* ratio {NUMBER}\n",
    ),
    "cost_per_event": (
        ("--many", "50", "--minutes", "2"),
        rf"core: {NUMBER} us .* ratio {NUMBER}\nbot: .* ratio {NUMBER} ",
    ),
    "fill_to_close": (
        ("--fills", "5", "--floor", "nowhere"),
        rf"the bot: median {NUMBER} us, .*\nof \d+ closes: .*\nno floor beside it: ",
    ),
    "help_start": (("--times", "1"), rf"bare interpreter {NUMBER} ms, .* ratio {NUMBER}\nover the bare interpreter: "),
    "market_statistics": (("--days", "0.02", "--data", "nowhere"), r"\| \| generated BTC, seed 1 \| .*\n\|---\|"),
    "memory": (
        ("--seconds", "1", "--hours", "0.02"),
        rf"{NUMBER} MB in real time, into a pipe\n(.*\n)+trading all the time: {NUMBER} MB .* ratio {NUMBER}\n",
    ),
    "restart": (
        ("--records", "6000"),
        rf"6,000 records, .*\nfrom the first record: {NUMBER} s; from a checkpoint: {NUMBER} s: ratio {NUMBER}\n",
    ),
    "session_speed": (
        ("--hours", "1"),
        rf"1 h of BTC, {NUMBER} market events\n(.*\n)+.* ratio to real time: {NUMBER}\n",
    ),
    "signing": (("--orders", "5", "--alone"), rf"backpack: {NUMBER} us an order .*\n(.*\n)+lighter: {NUMBER} us .*\n"),
    "sweep_speed": (
        ("--settings", "3", "--bars", "300", "--data", "nowhere"),
        rf"no recordings in nowhere: .*\n(.*\n)+sweep over single pass, .*: ratio {NUMBER}\n",
    ),
    "virtual_time": (("--hours", "0.1"), r".* wake-ups of 0.1 virtual hours .* the same the second time\n"),
}
NEEDS_LINUX = {"memory"}


def test_every_benchmark_is_tried_and_documented() -> None:
    names = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__init__"}
    assert names == set(TINY)
    told = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert f"python -m benchmarks.{name}" in told
        assert f"python -m benchmarks.{name}" in (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")


def test_no_document_starts_a_benchmark_by_its_path() -> None:
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")):
        assert "python benchmarks/" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", sorted(TINY))
def test_benchmark_prints_what_it_measured(name: str) -> None:
    if name in NEEDS_LINUX and sys.platform != "linux":
        pytest.skip("reads /proc")
    flags, expected = TINY[name]
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *flags],
        cwd=ROOT,
        env={**os.environ, "MARKET_DATA_DIR": "nowhere"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(expected, done.stdout), done.stdout
