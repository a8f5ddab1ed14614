"""From a fill's frame to its take-profit's bytes, beside a floor: `python -m benchmarks.fill_to_close`.

`runbot.py --exchange backpack` trades as a user starts it, journal, logs and all, against Backpack's twin behind bare
sockets on loopback (`benchmarks/hot_path`). What is measured is seen from there: from just before the fill is written
until the last byte of the close has been read, both ways through the operating system included. In turns with the bot
a floor program answers the very same frames: uvloop, picows, orjson, one warm connection, and nothing else; once with
an Ed25519 signature, as the venue demands, and once without. It needs an environment of its own (see the README).

For every close it is also looked whether its intent stands in the journal's file when its bytes have arrived, and how
many requests and connections came between fill and close. `--syscalls` runs the bot under strace instead, and reads
from the trace in which order the operating system was asked to do what.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles

from benchmarks.hot_path import syscalls
from benchmarks.hot_path.metronome import Metronome
from benchmarks.hot_path.venue import FLOOR, Answered, LoopbackVenue
from exchanges.backpack.twin import BackpackTwin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms

ROOT = Path(__file__).resolve().parents[1]
FLOOR_PROGRAM = ROOT / "benchmarks" / "hot_path" / "floor.py"
FLOOR_PYTHON = ROOT / ".venv-floor" / "bin" / "python"
BOT, SIGNED, UNSIGNED = "bot", "signed", "unsigned"
MOST_RATIO, AIM_RATIO = 4.0, 2.5
WARM_UP = 10
"""Answers left out at the beginning: what is met for the first time takes longer."""
PERIOD_MS = 100
"""Between two fills. Faster, and the venue's request limit would be felt."""
QUIET_MS = (70, 85)
"""After the bot's fill has been dealt with, and before the next one: when the floors are asked, in each period."""
ANSWERS_WITHIN_S, ENDS_WITHIN_S = 30, 30


class JournalReader:
    """Looks into the bot's journal from outside, as far as the operating system has it. `found`: client ids of closes
    whose intents were there."""

    def __init__(self, path: Path) -> None:
        self.found: set[int] = set()
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def look_for(self, client_id: int) -> None:
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        rows = self._connection.execute("SELECT record FROM records ORDER BY seq DESC LIMIT 12").fetchall()
        if any(f'"client_id":{client_id},"purpose":"close"' in text for (text,) in rows):
            self.found.add(client_id)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def bot_command(folder: Path) -> list[str]:
    flags = "--exchange backpack --ticker ETH --quantity 0.1 --take-profit 0.02"
    folders = ["--state-dir", str(folder / "state"), "--log-dir", str(folder / "logs")]
    return [sys.executable, str(ROOT / "runbot.py"), *flags.split(), *folders]


@contextlib.asynccontextmanager
async def running(
    name: str, command: Sequence[str], env: Mapping[str, str], folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is interrupted at the end. Raises `RuntimeError` with its last words when it failed before."""
    said = folder / f"{name}.out"
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **env}, cwd=folder, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            failed = process.returncode
            if failed is None:
                os.killpg(process.pid, signal.SIGINT)
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await process.wait()
    if failed is not None:
        raise RuntimeError(f"{name} ended with {failed}:\n{said.read_text(errors='replace')[-1000:]}")


async def measure(
    fills: int, folder: Path, floor_python: Path | None = None, trace: Path | None = None
) -> tuple[dict[str, list[Answered]], set[int]]:
    """The answers of each program, and the closes whose intents were found in the journal."""
    clock = SystemClock()
    start_ns = clock.now_ns()
    terms = AccountTerms(balance=Decimal(10_000_000))
    twin = BackpackTwin(TwinSetup("ETH", Metronome(start_ns, PERIOD_MS * 1_000_000), terms, start_ns))
    reader = JournalReader(folder / "state" / "backpack_ETH.sqlite")
    venue = LoopbackVenue(twin, clock, reader.look_for)
    await venue.start()
    command = syscalls.traced(bot_command(folder), trace)
    async with contextlib.AsyncExitStack() as held:
        held.push_async_callback(venue.close)
        held.callback(reader.close)
        programs = [await held.enter_async_context(running(BOT, command, venue.env, folder))]
        if floor_python is not None:
            for name, key in ((SIGNED, venue.env["BACKPACK_SECRET_KEY"]), (UNSIGNED, "")):
                floor = [str(floor_python), str(FLOOR_PROGRAM), venue.address, FLOOR + name]
                programs.append(await held.enter_async_context(running(name, floor, {"FLOOR_KEY": key}, folder)))
        await _ask(venue, programs, fills + WARM_UP, start_ns, clock)
    return venue.tally.answers, reader.found


async def _ask(
    venue: LoopbackVenue, programs: Sequence[asyncio.subprocess.Process], fills: int, start_ns: int, clock: SystemClock
) -> None:
    """Ask the floors between the bot's fills, until all have answered often enough."""
    answers, told, last_s = venue.tally.answers, 0, asyncio.get_running_loop().time()
    while min(len(answers.get(name, ())) for name in (BOT, SIGNED, UNSIGNED)[: len(programs)]) < fills:
        if any(program.returncode is not None for program in programs):
            return
        for name, at_ms in zip((SIGNED, UNSIGNED), QUIET_MS, strict=True):
            now_ms = (clock.now_ns() - start_ns) / 1e6
            await asyncio.sleep(((at_ms + PERIOD_MS / 2 - now_ms) % PERIOD_MS) / 1e3)
            venue.ask_floor(name)
        now_s = asyncio.get_running_loop().time()
        if len(answers.get(BOT, ())) > told:
            told, last_s = len(answers[BOT]), now_s
        elif now_s - last_s > ANSWERS_WITHIN_S:
            raise RuntimeError(f"the bot answered {told} fills, and then none for {ANSWERS_WITHIN_S} s")


def times_us(answers: Sequence[Answered]) -> tuple[float, float]:
    """Median and 99th percentile, in microseconds, without the first ones."""
    took_us = [answer.took_ns / 1e3 for answer in answers[WARM_UP:]]
    return median(took_us), quantiles(took_us, n=100, method="inclusive")[98]


def show(answers: Mapping[str, Sequence[Answered]], found: set[int]) -> None:
    figures = {name: times_us(answered) for name, answered in answers.items()}
    labels = {BOT: "the bot", SIGNED: "floor", UNSIGNED: "floor that signs nothing"}
    for name, label in labels.items():
        if name in figures:
            middle_us, late_us = figures[name]
            count = len(answers[name]) - WARM_UP
            print(f"{label}: median {middle_us:.0f} us, 99th percentile {late_us:.0f} us ({count} fills)")
    for name, note in ((SIGNED, f" (must: {MOST_RATIO:g}, aim: {AIM_RATIO:g})"), (UNSIGNED, "")):
        if name in figures:
            (bot_us, bot_late_us), (floor_us, floor_late_us) = figures[BOT], figures[name]
            ratio, late = bot_us / floor_us, bot_late_us / floor_late_us
            print(f"ratio to the {labels[name]}: median {ratio:.2f}{note}, 99th percentile {late:.2f}")
    closes = answers[BOT]
    print(
        f"of {len(closes)} closes: {sum(close.client_id in found for close in closes)} with their intent in the "
        f"journal's file when they arrived, {sum(close.requests for close in closes)} other requests and "
        f"{sum(close.connections for close in closes)} new connections between fill and close"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", type=int, default=300, help="to measure (default 300)")
    parser.add_argument("--floor", type=Path, default=FLOOR_PYTHON, help="the floor's Python (default .venv-floor's)")
    parser.add_argument("--syscalls", action="store_true", help="run under strace and show the order of system calls")
    options = parser.parse_args()
    floor = options.floor if options.floor.exists() and not options.syscalls else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trace = folder / "trace" if options.syscalls else None
        answers, found = asyncio.run(measure(options.fills, folder, floor, trace))
        if trace is not None:
            print(syscalls.told(trace))
            return
    show(answers, found)
    if floor is None:
        print("no floor beside it: benchmarks/README.md says how to make its environment")


if __name__ == "__main__":
    main()
