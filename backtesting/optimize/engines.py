"""Who runs the settings of a search: the bot itself, or the compiled sweep where it is sure to do the same.

Both tell the same `Trades`. The sweep is a second telling of the strategy, so whatever is printed in the end is run
again with the bot (`backtesting.optimize.finalists`), and a difference is an error.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from backtesting.data import BacktestData
from backtesting.optimize.markets import DataFiles, Markets, Place
from backtesting.optimize.trades import Trades
from backtesting.run import Conduct, run_backtest
from backtesting.settings import BacktestSettings
from backtesting.sweep.compiled import IS_COMPILED
from backtesting.sweep.layout import Role
from backtesting.sweep.run import Sweep, SweepResult
from strategies.take_profit_grid.config import OFF

_KEPT_SWEEPS = 6
"""The market as it was and the draws a search ranks with."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run."""

    place: Place
    settings: BacktestSettings


class Engine(Protocol):
    """`name`: for people. `is_the_bot`: what it tells needs no proof."""

    @property
    def name(self) -> str: ...

    @property
    def is_the_bot(self) -> bool: ...

    def run(self, jobs: Sequence[Job]) -> Iterator[Trades]:
        """The trades of each job, in their order, as they are done."""

    def close(self) -> None:
        """Give up what is under way; nothing can be run afterwards."""


class BotHere:
    """The bot, one run after the other in this process. `conduct`: see `backtesting.run`."""

    name = "the bot itself, in this process"
    is_the_bot = True

    def __init__(self, markets: Markets, conduct: Conduct | None = None) -> None:
        self._markets = markets
        self._conduct = conduct

    def run(self, jobs: Sequence[Job]) -> Iterator[Trades]:
        for job in jobs:
            yield _trades(self._markets, job, self._conduct)

    def close(self) -> None:
        """Nothing is under way between two runs."""


class BotsInProcesses:
    """The bot in `count` processes, each of which reads the files once."""

    is_the_bot = True

    def __init__(self, files: DataFiles, seed: int, count: int) -> None:
        self.name = f"the bot itself, in {count} processes"
        self._files = files
        self._seed = seed
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def run(self, jobs: Sequence[Job]) -> Iterator[Trades]:
        """Raises `BrokenProcessPool` when a process dies, and what the bot raises there."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, context, _begin, (self._files, self._seed))
        futures = [self._pool.submit(_run_there, job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """Runs that have begun are waited for: some seconds."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


class CompiledSweep:
    """The compiled sweep on `threads` threads; what it does not tell is run with the bot, in this process."""

    is_the_bot = False

    def __init__(self, markets: Markets, threads: int, conduct: Conduct | None = None) -> None:
        self.name = f"the compiled sweep, on {threads} threads"
        self._markets = markets
        self._threads = threads
        self._bot = BotHere(markets, conduct)
        self._sweeps: OrderedDict[Place, Sweep] = OrderedDict()

    def run(self, jobs: Sequence[Job]) -> Iterator[Trades]:
        """Place after place, each with all its settings; told once all are done."""
        told: dict[int, Trades] = {}
        places: dict[Place, list[int]] = {}
        for index, job in enumerate(jobs):
            places.setdefault(job.place, []).append(index)
        for place, indexes in places.items():
            told |= zip(indexes, self._run_there(place, [jobs[index].settings for index in indexes]), strict=True)
        yield from (told[index] for index in range(len(jobs)))

    def close(self) -> None:
        self._sweeps.clear()

    def _run_there(self, place: Place, settings: Sequence[BacktestSettings]) -> Iterator[Trades]:
        data = self._markets.at(place)
        for result in self._sweep(place).run(settings, threads=self._threads, with_fills=True):
            # A session that a stop price ends is valued there, and not at the end of the data.
            if result.why_not is not None or result.settings.stop_price != OFF:
                yield from self._bot.run([Job(place, result.settings)])
            else:
                yield _swept(result, data)

    def _sweep(self, place: Place) -> Sweep:
        sweep = self._sweeps.get(place)
        if sweep is None:
            sweep = self._sweeps[place] = Sweep(self._markets.at(place))
            while len(self._sweeps) > _KEPT_SWEEPS:
                self._sweeps.popitem(last=False)
        return sweep


def _swept(result: SweepResult, data: BacktestData) -> Trades:
    scale, settings, columns = data.source.scale, result.settings, result.columns
    assert columns is not None, "trades were not asked for"
    prices, roles = np.array(columns.price, np.int64), np.array(columns.role, np.int64)
    sizes = np.array(columns.quantity, np.int64)
    signs = np.where(roles == Role.OPEN, settings.direction.sign, -settings.direction.sign)
    rates = float(settings.maker_fee_rate), float(settings.taker_fee_rate)
    rate = np.array(rates, np.float64)[(roles == Role.EXIT).astype(np.int64)]
    return Trades(
        np.array(columns.time_ns, np.int64),
        prices,
        signs * sizes,
        rate * prices * sizes * float(scale.price_unit * scale.size_unit),
        # The sweep tells what funding came to, not when; a ranking can do with that.
        np.array([data.end_ns], np.int64),
        np.array([float(result.funding)], np.float64),
        data.end_ns,
    )


_asked: tuple[DataFiles, int] | None = None
_markets_there: Markets | None = None
"""Of a process that `BotsInProcesses` started."""


def _begin(files: DataFiles, seed: int) -> None:
    """Ctrl-C reaches every process of a terminal; the one that started this one decides what it means."""
    global _asked
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _asked = files, seed


def _run_there(job: Job) -> Trades:
    global _markets_there
    if _markets_there is None:
        assert _asked is not None
        _markets_there = Markets(_asked[0].open(), _asked[1])
    return _trades(_markets_there, job, None)


def _trades(markets: Markets, job: Job, conduct: Conduct | None) -> Trades:
    data = markets.at(job.place)
    result = run_backtest(data, job.settings, conduct=conduct)
    return Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)


def open_engine(
    files: DataFiles, markets: Markets, jobs: int, conduct: Conduct, *, can_compile: bool = IS_COMPILED
) -> Engine:
    """The fastest that this installation has, for `jobs` cores."""
    if can_compile:
        return CompiledSweep(markets, jobs, conduct)
    if jobs == 1:
        return BotHere(markets, conduct)
    return BotsInProcesses(files, markets.seed, jobs)
