"""What `runbot.py optimize` is asked for: a space, an objective, and the bot's flags for all that is not searched."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar

from backtesting.optimize.objectives import Goal
from backtesting.optimize.space import Space, SpaceError, parse_space
from backtesting.optimize.study import Sampling
from backtesting.settings import BacktestSettings
from commands import values
from commands.backtest_options import FROM, FUNDING, TO, backtest_settings
from commands.flags import Flag
from commands.options import RunOptions
from commands.output_files import check_file
from commands.recorded_flags import DATA, RecordedCommand, RecordedOptions, parse_recorded
from commands.usage import UsageError, near, shown
from markets.times import parse_utc

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

_MOST_TRIALS = 1_000_000
_MOST_FOLDS = 50
_MOST_DRAWS = 1_000
_MOST_JOBS = 256
_LARGEST_SEED = 2**32 - 1

COMMAND = RecordedCommand(
    "optimize",
    "Search settings over a recorded market, and test what was found on data that no search saw.",
    (
        DATA,
        Flag(
            "space",
            "SPACE",
            None,
            "what is searched, like take_profit=0.01:0.5,wait_time=30:900,max_orders=10:80,grid_step=-100|0.05:1; the "
            "bot's own flags are the default it is compared with",
        ),
        Flag("trials", "N", "100", "settings tried in each fold, those that the storage holds included"),
        Flag("objective", "NAME", Goal.NET.value, "net, drawdown or volume; see docs/OPTIMIZING.md"),
        Flag("max-wear", "BPS", "1", "for volume: the most it may cost, in basis points of volume"),
        Flag("walk-forward", "K", "3", "folds: so often it is searched on the past and tested on what comes after"),
        Flag("sampler", "NAME", Sampling.TPE.value, "tpe, grid or random"),
        Flag("seed", "N", "0", "of the search, of the random signs and of the bootstrap"),
        Flag("draws", "N", "30", "candles with random signs that each printed result is run on beside the real ones"),
        Flag("jobs", "N", None, "processes or threads (default: one per core)"),
        Flag(
            "storage",
            "URL",
            None,
            "keep the search there, go on with it, and share it between processes: sqlite:///FILE or journal:FILE",
        ),
        FROM,
        TO,
        FUNDING,
        Flag("json", "FILE", None, "write what was found; -: standard output carries it alone"),
        Flag("html", "FILE", None, "write a report that opens in a browser, offline"),
    ),
    "Ctrl-C ends the search early; with --storage the same command goes on where it was.",
    without=frozenset({"for"}),  # The folds say what is run.
)
_EXAMPLE = "take_profit=0.01:0.5,wait_time=30:900"
_FLAGS = {flag.name: flag for flag in COMMAND.own}


@dataclass(frozen=True, slots=True)
class OptimizeOptions:
    """`run`: the bot's options, with the files of `--data` as its replay. `max_wear` in basis points of volume. Times
    in nanoseconds since the epoch; None: not narrowed.
    """

    run: RunOptions
    space: Space
    goal: Goal
    max_wear: float
    sampling: Sampling
    trials: int
    folds: int
    draws: int
    seed: int
    jobs: int
    storage: str | None
    from_ns: int | None
    to_ns: int | None
    funding: Path | None
    json: Path | None
    """`-` is standard output."""
    html: Path | None

    def settings(self) -> BacktestSettings:
        """Those of the default, and of everything that is not searched."""
        return backtest_settings(self.run)


def parse_optimize(arguments: Sequence[str]) -> OptimizeOptions:
    """Raises `UsageError`, also for an output that could not be written; creates nothing."""
    read = parse_recorded(COMMAND, arguments)
    if "space" not in read.own:
        raise UsageError(f'optimize needs a space: --space "{_EXAMPLE}"; see runbot.py optimize --help')
    defaults = {name: flag.default for name, flag in _FLAGS.items() if flag.default is not None}
    texts = replace(read, own=defaults | dict(read.own))
    options = OptimizeOptions(
        run=read.run,
        space=_space(read.own["space"]),
        goal=_need(texts, "objective", lambda text: _one_of(text, Goal)),
        max_wear=float(_need(texts, "max-wear", values.number)),
        sampling=_need(texts, "sampler", lambda text: _one_of(text, Sampling)),
        trials=_need(texts, "trials", values.whole(1, _MOST_TRIALS)),
        folds=_need(texts, "walk-forward", values.whole(1, _MOST_FOLDS)),
        draws=_need(texts, "draws", values.whole(2, _MOST_DRAWS)),
        seed=_need(texts, "seed", values.whole(0, _LARGEST_SEED)),
        jobs=texts.read("jobs", values.whole(1, _MOST_JOBS)) or _cores(),
        storage=texts.read("storage", _not_empty),
        from_ns=texts.read("from", parse_utc),
        to_ns=texts.read("to", parse_utc),
        funding=texts.read("funding", _path),
        json=texts.read("json", _path),
        html=texts.read("html", _path),
    )
    if "max-wear" in read.own and options.goal is not Goal.VOLUME:
        raise UsageError("--max-wear bounds the cost of --objective volume; give both, or leave it out")
    _check_outputs(options)
    return options


def _need(options: RecordedOptions, flag: str, reader: Callable[[str], T]) -> T:
    """The value of a flag that has a default."""
    value = options.read(flag, reader)
    assert value is not None
    return value


def _space(text: str) -> Space:
    """What is wrong with a space names the part that is: the whole is long."""
    try:
        return parse_space(text)
    except SpaceError as error:
        raise UsageError(f"--space: {error}") from None


def _one_of(text: str, choices: type[E]) -> E:
    names = [str(choice.value) for choice in choices]
    if text not in names:
        raise ValueError(f"does not exist; give {', '.join(names[:-1])} or {names[-1]}.{near(text, names)}")
    return choices(text)


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is no address; write it like sqlite:///search.db")
    return text


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("is not a path")
    return Path(text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_outputs(options: OptimizeOptions) -> None:
    """Both can be written, and neither over the other or over the data."""
    taken = {path.resolve(): "--data" for path in options.run.replay}
    if options.funding is not None:
        taken[options.funding.resolve()] = "--funding"
    for flag, path in (("json", options.json), ("html", options.html)):
        if path is None or (flag == "json" and str(path) == "-"):
            continue
        check_file(flag, path)
        other = taken.setdefault(path.resolve(), f"--{flag}")
        if other != f"--{flag}" and (not path.exists() or path.is_file()):
            raise UsageError(f"--{flag} {shown(str(path))} is the file of {other}; name another")
