"""How fast a paper session goes at full speed: `python -m benchmarks.session_speed [--hours 24] [--seed 7]`.

The whole program runs, journal, ledger and logs on the disk included. Beside it, in the same run, stand the same market
rows made and passed through a bare loop that only compares each with two prices, which is the least that any simulation
of an order does. Two sessions are timed: in the usual one the bot has soon placed all the orders it may, and waits; in
the busy one it trades all day. On a busy machine the seconds of the processor say more than those on the wall.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from markets.generator import GeneratedMarket
from markets.instruments import find_instrument

RUNBOT = Path(__file__).resolve().parents[1] / "runbot.py"
NANOSECONDS = 10**9
SESSIONS = {
    "40 orders at most": (),
    "a busy one, 2,000 orders at most": ("--max-orders", "2000", "--balance", "1000000"),
}
START_NS = 1_704_067_200 * NANOSECONDS


@dataclass(frozen=True)
class Session:
    """Seconds on the clock on the wall, and of the processor."""

    wall_s: float
    processor_s: float
    records: int
    """Of the journal: what the bot learned, intended and did."""


@dataclass(frozen=True)
class BareLoop:
    """Seconds of the processor for making the rows and for comparing them."""

    rows: int
    made_s: float
    compared_s: float


def session(hours: int, seed: int, *more: str) -> Session:
    """A session of so many virtual hours, the start of the program included."""
    asked = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.05", "--wait-time", "60", "--speed", "max")
    program = [sys.executable, str(RUNBOT), *asked, "--seed", str(seed), "--for", f"{hours}h", *more]
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), _children_s()
        subprocess.run(program, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        wall_s, processor_s = time.perf_counter() - began, _children_s() - used
        with closing(sqlite3.connect(Path(folder, "state", "paper_BTC.sqlite"))) as journal:
            (records,) = journal.execute("SELECT count(*) FROM records").fetchone()
    return Session(wall_s, processor_s, records)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bare_loop(hours: int, seed: int) -> BareLoop:
    """Make the same rows, and compare each with two prices that it never reaches."""
    market = GeneratedMarket(find_instrument("BTC"), seed, START_NS, Decimal(0), Decimal(0))
    end_ns = START_NS + hours * 3_600 * NANOSECONDS
    rows = touched = 0
    compared_s = 0.0
    began = time.process_time()
    for chunk in market.chunks():
        before = time.process_time()
        for low, high in zip(chunk.low, chunk.high, strict=True):
            if low <= 0 or high >= 1 << 60:
                touched += 1
        compared_s += time.process_time() - before
        rows += len(chunk)
        if chunk.time_ns[-1] >= end_ns:
            break
    assert not touched
    return BareLoop(rows, time.process_time() - began - compared_s, compared_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=24, help="virtual hours (default 24)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    bare = bare_loop(options.hours, options.seed)
    print(f"{options.hours} h of BTC, {bare.rows:,} market events")
    for name, more in SESSIONS.items():
        _tell(name, session(options.hours, options.seed, *more), bare, options.hours * 3_600)


def _tell(name: str, timed: Session, bare: BareLoop, virtual_s: int) -> None:
    print(f"{name}: {timed.wall_s:.2f} s ({timed.processor_s:.2f} s of the processor), {timed.records:,} records")
    print(f"  virtual seconds per wall second, the ratio to real time: {virtual_s / timed.wall_s:,.0f}")
    print(f"  market events per wall second: {bare.rows / timed.wall_s:,.0f}")
    print(
        f"  ratio of processor time to a bare loop over the same rows: {timed.processor_s / bare.compared_s:.1f}; "
        f"with the making of the rows: {timed.processor_s / (bare.made_s + bare.compared_s):.2f}"
    )


if __name__ == "__main__":
    main()
