"""`make real-processes`: series of kills on every exchange, full disks, two processes at once. Exit 1 where anything
was wrong, with the story that led to it.

The moments are drawn from the seed, but real processes on a real machine are not the same twice.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from exchanges.factory import ExchangeFactory
from tests.processes.full_disk import HOWS, small, why_not
from tests.processes.series import killed_again_and_again
from tests.processes.two_at_once import refused_beside_another
from tests.processes.venue import Asked

_LONGEST_S = 12.0
"""Long enough for a start to find out what became of an order that nobody saw accepted."""

Act = Callable[[Path], Awaitable[tuple[str, list[str]]]]
"""In a folder of its own: what is worth saying, and what was wrong."""


def _series(exchange: str, seed: int, kills: int) -> Act:
    async def act(folder: Path) -> tuple[str, list[str]]:
        told = await killed_again_and_again(folder, Asked(exchange, seed), kills, _LONGEST_S)
        return f"{told.orders} orders, {told.fills} fills, {told.records} records", told.wrong

    return act


def _full_disk(exchange: str, seed: int, how: str) -> Act:
    async def act(folder: Path) -> tuple[str, list[str]]:
        return "", await asyncio.to_thread(small, folder, exchange, seed, how)

    return act


def _two_at_once(exchange: str, seed: int) -> Act:
    async def act(folder: Path) -> tuple[str, list[str]]:
        return "", await refused_beside_another(folder, Asked(exchange, seed))

    return act


def acts_of(exchange: str, seeds: range, kills: int, *, has_disks: bool) -> dict[str, Act]:
    """By name."""
    found = {}
    for seed in seeds:
        name = f"{exchange:<10}seed {seed:<6}"
        found[f"{name}{kills} kills"] = _series(exchange, seed, kills)
        found[f"{name}two at once"] = _two_at_once(exchange, seed)
        if has_disks:
            found |= {f"{name}full disk, {how}": _full_disk(exchange, seed, how) for how in HOWS}
    return found


async def run(acts: Mapping[str, Act], at_once: int) -> int:
    """How many of them found something wrong."""
    room, bad = asyncio.Semaphore(at_once), 0

    async def one(name: str, act: Act) -> None:
        nonlocal bad
        async with room:
            with tempfile.TemporaryDirectory(prefix="processes_") as folder:
                try:
                    said, wrong = await act(Path(folder))
                except AssertionError as error:  # The others go on.
                    said, wrong = "broke off", [str(error)]
        bad += bool(wrong)
        print(f"{name:<42}{said}{'  wrong:' if wrong else ''}", flush=True)
        for text in wrong:
            print(f"    {text}", flush=True)

    async with asyncio.TaskGroup() as tasks:
        for name, act in acts.items():
            tasks.create_task(one(name, act))
    return bad


def main(arguments: Sequence[str]) -> int:
    names = ExchangeFactory.venues()
    parser = argparse.ArgumentParser(prog="python -m tests.processes", description=__doc__)
    parser.add_argument("--exchange", choices=names, help="only this one (default: all)")
    parser.add_argument("--seeds", default="0:2", metavar="A:B", help="seeds A to B-1 (default: 0:2)")
    parser.add_argument("--kills", type=int, default=12, help="of each series (default: 12)")
    parser.add_argument("--jobs", type=int, default=4, help="how many at a time: they mostly wait (default: 4)")
    given = parser.parse_args(arguments)
    first, _, end = given.seeds.partition(":")
    reason = why_not()
    if reason:
        print(f"without full disks: {reason}")
    acts: dict[str, Act] = {}
    for name in names if given.exchange is None else [given.exchange]:
        acts |= acts_of(name, range(int(first), int(end)), given.kills, has_disks=not reason)
    began_s = time.monotonic()
    bad = asyncio.run(run(acts, max(1, given.jobs)))
    print(f"{len(acts)} done, something wrong in {bad}; took {time.monotonic() - began_s:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
