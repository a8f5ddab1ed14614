"""Small searches: a recording, a plan, and an engine that runs the bot here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

from optuna.storages import BaseStorage

from backtesting import BacktestData, BacktestResult
from backtesting.optimize.engines import BotHere, Job
from backtesting.optimize.markets import DataFiles, Markets
from backtesting.optimize.objectives import Goal, Objective
from backtesting.optimize.search import Plan, Search
from backtesting.optimize.space import parse_space
from backtesting.optimize.storage import open_storage
from backtesting.optimize.study import Sampling
from backtesting.optimize.trades import Trades
from backtesting.settings import BacktestSettings
from commands.optimize import interruptible
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import write

SETTINGS = BacktestSettings(
    ticker="BTC", quantity=Decimal("0.01"), take_profit=Decimal("0.1"), wait_time=Decimal(20), max_orders=5
)


def tick_files(folder: Path, rows: int = 700, seed: int = 3) -> tuple[Path, ...]:
    bbo, prints = random_ticks(Random(seed), rows)
    return write(folder / "bbo.parquet", bbo), write(folder / "trades.parquet", prints)


def candle_files(folder: Path, bars: int = 120, seed: int = 3) -> tuple[Path, ...]:
    return (write(folder / "candles.parquet", random_candles(Random(seed), bars)),)


def markets_of(files: tuple[Path, ...]) -> Markets:
    return Markets(DataFiles(files, "BTC", None, None).open(), 0)


def a_plan(space: str = "take_profit=0.02:1,wait_time=2:60", **changes: object) -> Plan:
    """`changes`: of the plan's fields."""
    plan = Plan(
        settings=SETTINGS,
        space=parse_space(space),
        objective=Objective(Goal.NET, 1.0, 0.001),
        sampling=Sampling.TPE,
        trials=4,
        folds=1,
        draws=0,
        seed=0,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


class Engine:
    """The bot here, with its trades as `bends` makes them, and an interrupt after so many runs."""

    name = "the engine of the test"

    def __init__(self, markets: Markets, *, is_the_bot: bool = True, interrupted_after: int | None = None) -> None:
        self.is_the_bot = is_the_bot
        self.jobs: list[Job] = []
        self._bot = BotHere(markets)
        self._interrupted_after = interrupted_after

    def run(self, jobs: Sequence[Job]) -> Iterator[Trades]:
        for job in jobs:
            if self._interrupted_after is not None and len(self.jobs) >= self._interrupted_after:
                raise KeyboardInterrupt
            self.jobs.append(job)
            for trades in self._bot.run([job]):
                yield self.bent(job, trades)

    def bent(self, job: Job, trades: Trades) -> Trades:
        """As it is; for engines that go wrong."""
        return trades

    def close(self) -> None:
        """Nothing is under way."""


def a_search(
    markets: Markets, plan: Plan, engine: Engine | None = None, storage: BaseStorage | None = None
) -> Search:
    return Search(
        plan, markets, storage or open_storage(None), engine or Engine(markets), interruptible, lambda share, runs: None
    )


def net_of(result: BacktestResult) -> float:
    assert result.money.result is not None
    return float(result.money.result)


def covered_days(data: BacktestData) -> float:
    return data.covered_ns(data.end_ns) / 86_400e9
