"""The flags of `runbot.py simulate`, checked and typed."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, TypeVar

from commands import values
from commands.output_files import check_file
from commands.usage import UsageError, near, shown
from exchanges.factory import ExchangeFactory
from simulation.faults.catalogue import BY_NAME, KILLS
from simulation.plan import Wanted

T = TypeVar("T")

_LARGEST_SEED = 2**63
_MOST_SEEDS = 10**9
_MOST_HOURS = 10_000
_MOST_JOBS = 256


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """`for_ns` None: until all seeds are done. `keep`: the folder that totals are kept in, to be gone on with."""

    seeds: range
    wanted: Wanted
    jobs: int
    json: Path | None
    """`-` is standard output."""
    keep: Path | None
    for_ns: int | None
    explain: bool

    def replay_flags(self) -> str:
        """The flags beside `--seeds` that make the same worlds."""
        wanted, flags = self.wanted, []
        if wanted.exchange is not None:
            flags.append(f"--exchange {wanted.exchange}")
        if wanted.hours is not None:
            flags.append(f"--hours {wanted.hours:f}")
        names = [name for name in BY_NAME if name not in KILLS]
        if list(wanted.faults) != names:
            flags.append(f"--faults {','.join(wanted.faults) or 'none'}")
        return " ".join([*flags, "--kill"] if wanted.kills else flags)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see runbot.py simulate --help")


def build_parser() -> argparse.ArgumentParser:
    """Texts only."""
    parser = _Parser(
        prog="runbot.py simulate",
        description="Run the real bot in seeded worlds full of faults, and audit what it did.",
        epilog=f"Faults: {', '.join(name for name in BY_NAME if name not in KILLS)}. See docs/RELIABILITY.md.",
    )
    parser.allow_abbrev = False
    parser.add_argument("--seeds", metavar="A:B", required=True, help="the worlds: from seed A on, B not included")
    parser.add_argument("--hours", metavar="H", help="own time of each world (default: drawn; 20 minutes as a rule)")
    parser.add_argument("--faults", metavar="NAMES", default="all", help="all, none, or names (default: all)")
    parser.add_argument("--kill", action="store_true", help="also kill processes at any step, or take their power away")
    parser.add_argument("--exchange", metavar="V", help="paper or a venue (default: half paper, the venues in turn)")
    parser.add_argument("--jobs", metavar="N", help="processes (default: one per core)")
    parser.add_argument("--json", metavar="FILE", help="write the totals as JSON; - is standard output")
    parser.add_argument("--for", metavar="D", dest="for_", help="begin no new world after this long, as 90s or 10m")
    parser.add_argument("--keep", metavar="FOLDER", help="keep totals there, and go on where the last run stopped")
    parser.add_argument("--explain", action="store_true", help="shrink the first failing world to its fewest strikes")
    return parser


def parse_simulate(arguments: Sequence[str]) -> SimulateOptions:
    """Raises `UsageError`."""
    given = build_parser().parse_args(arguments)
    json = None if given.json is None else Path(given.json)
    if json is not None and given.json != "-":
        check_file("json", json)
    keep = None if given.keep is None else Path(given.keep)
    if keep is not None and keep.exists() and not keep.is_dir():
        raise UsageError(f"--keep {shown(given.keep)} is a file; name a folder")
    return SimulateOptions(
        seeds=_value("seeds", given.seeds, _seeds),
        wanted=Wanted(
            exchange=_exchange(given.exchange),
            hours=None if given.hours is None else _value("hours", given.hours, _hours),
            faults=_faults(given.faults),
            kills=given.kill,
        ),
        jobs=_jobs(given.jobs),
        json=json,
        keep=keep,
        for_ns=None if given.for_ is None else _value("for", given.for_, values.duration),
        explain=given.explain,
    )


def _seeds(text: str) -> range:
    matched = re.fullmatch(r"(\d{1,19}):(\d{1,19})", text, re.ASCII)
    if matched is None:
        raise ValueError("is no range of seeds; write it like 0:1000 (the last one is not included)")
    first, last = int(matched[1]), int(matched[2])
    if last <= first:
        raise ValueError(f"holds no seed; write it like {first}:{first + 1}")
    if last > _LARGEST_SEED or last - first > _MOST_SEEDS:
        raise ValueError("is out of range; seeds go up to 2^63, and a thousand million at a time")
    return range(first, last)


def _hours(text: str) -> Decimal:
    hours = values.positive(text)
    if hours > _MOST_HOURS or hours < Decimal("0.001"):
        raise ValueError(f"is out of range; give hours from 0.001 to {_MOST_HOURS}")
    return hours


def _faults(text: str) -> tuple[str, ...]:
    if text == "all":
        return tuple(name for name in BY_NAME if name not in KILLS)
    if text == "none":
        return ()
    names = text.split(",")
    for name in names:
        if name not in BY_NAME:
            raise UsageError(f"--faults {shown(name)}: there is no such fault; see --help.{near(name, BY_NAME)}")
    return tuple(name for name in BY_NAME if name in names)


def _exchange(name: str | None) -> str | None:
    names = ExchangeFactory.names()
    if name is not None and name not in names:
        known = ", ".join(names)
        raise UsageError(f"--exchange {shown(name)} cannot be simulated; there are {known}.{near(name, names)}")
    return name


def _jobs(text: str | None) -> int:
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _value("jobs", text, values.whole(1, _MOST_JOBS))


def _value(flag: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"--{flag} {shown(text)} {error}") from None
