"""Settings that will be printed: run again with the bot itself, and measured beside random signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from backtesting.optimize.engines import BotHere, Engine, Job
from backtesting.optimize.folds import DAY_NS, Window
from backtesting.optimize.markets import Markets, Place
from backtesting.optimize.noise import Draws, Estimate, Histories, Stretch, null_wear
from backtesting.optimize.objectives import Objective
from backtesting.optimize.trades import Sums, Trades, by_period, markout
from backtesting.result import BacktestResult
from backtesting.run import Conduct, run_backtest
from backtesting.settings import BacktestSettings

Told = Callable[[Place, int], None]
"""Told where so many runs were done."""


class EngineMismatch(Exception):
    """The engine of the search and the bot did not do the same. One line that says what to report."""


@dataclass(frozen=True)
class Measured:
    """Settings in one window: the bot's own result, and what chance has to do with it.

    `wear`: basis points of volume, on candles the excess over `null`; None where nothing was traded. `null`: the same
    settings' wear with random signs; None on ticks. `value`: the objective. `stretch`: for bootstraps over several.
    """

    window: Window
    result: BacktestResult
    value: float
    null: Estimate | None
    wear: Estimate | None
    stretch: Stretch

    @property
    def has_draws(self) -> bool:
        """Whether random signs stand beside it: candles."""
        return bool(self.stretch.draws)


class Finalists:
    """Runs finalists. `draws`: how many with random signs beside each, on candles."""

    def __init__(
        self,
        markets: Markets,
        engine: Engine,
        objective: Objective,
        draws: int,
        period_ns: int,
        seed: int,
        conduct: Conduct,
        told: Told,
    ) -> None:
        self._markets = markets
        self._engine = engine
        self._objective = objective
        self._draws = draws if markets.data.is_candles else 0
        self._period_ns = period_ns
        self._seed = seed
        self._conduct = conduct
        self._told = told

    def measure(
        self, window: Window, wanted: Sequence[BacktestSettings], *, is_test: bool = False, whole: bool = False
    ) -> list[Measured]:
        """Each of `wanted` there. `is_test`: the engine is held against the bot on a draw, too; `whole`: the bot's
        records of the first, which are large, are kept.

        Raises `EngineMismatch`.
        """
        place = Place(window)
        results: list[BacktestResult] = []
        for settings in wanted:
            result = run_backtest(self._markets.at(place), settings, conduct=self._conduct)
            self._told(place, 1)
            self._check(place, settings, result, on_a_draw=is_test)
            results.append(result if whole and not results else replace(result, records=()))
        draws = self._with_random_signs(window, wanted)
        return [self._measured(place, result, drawn) for result, drawn in zip(results, draws, strict=True)]

    def _measured(self, place: Place, result: BacktestResult, draws: Draws) -> Measured:
        data, times = self._markets.at(place), self._markets.yardstick(place).time_ns
        stretch = Stretch(by_period(result.equity, result.settings.balance, times, self._period_ns), draws)
        histories = Histories([stretch], self._period_ns / DAY_NS, self._seed)
        money = result.money.result or Decimal(0)
        sums = Sums(float(money), float(result.report.volume_quote), float(result.max_drawdown))
        return Measured(
            place.window,
            result,
            self._objective.value(sums, null_wear(draws), data.covered_ns(data.end_ns) / DAY_NS),
            histories.null([stretch]),
            histories.wear([stretch]) if sums.volume else None,
            stretch,
        )

    def _with_random_signs(self, window: Window, wanted: Sequence[BacktestSettings]) -> list[Draws]:
        """Draw after draw, each with all settings: making a market of one costs more than running it."""
        jobs = [Job(Place(window, draw), settings) for draw in range(self._draws) for settings in wanted]
        scale = self._markets.data.source.scale
        told: list[list[tuple[float, float]]] = [[] for _ in wanted]
        for index, (job, trades) in enumerate(zip(jobs, self._engine.run(jobs), strict=True)):
            told[index % len(wanted)].append(markout(trades, self._markets.candles(job.place), scale))
            self._told(job.place, 1)
        return [tuple(draws) for draws in told]

    def _check(
        self, place: Place, settings: BacktestSettings, result: BacktestResult, *, on_a_draw: bool
    ) -> None:
        """Another engine than the bot must have done what the bot did, trade for trade."""
        if self._engine.is_the_bot:
            return
        self._compare(place, settings, _trades_of(result, self._markets))
        if self._draws and on_a_draw:
            drawn = Place(place.window, 0)
            [trades] = BotHere(self._markets, self._conduct).run([Job(drawn, settings)])
            self._compare(drawn, settings, trades)

    def _compare(self, place: Place, settings: BacktestSettings, bots: Trades) -> None:
        [trades] = self._engine.run([Job(place, settings)])
        index = trades.first_difference(bots)
        if index is not None:
            scale = self._markets.data.source.scale
            where = "" if place.draw is None else f" with random signs no. {place.draw}"
            raise EngineMismatch(
                f"{self._engine.name} and the bot differ{where} at trade {index + 1} of take_profit "
                f"{settings.take_profit}, wait_time {settings.wait_time}, max_orders {settings.max_orders}, grid_step "
                f"{settings.grid_step}, {settings.direction.value}: {trades.told(index, scale)}; the bot: "
                f"{bots.told(index, scale)}; nothing of this search can be trusted, please report it"
            )


def _trades_of(result: BacktestResult, markets: Markets) -> Trades:
    return Trades.of(result.fills, result.payments, markets.data.source.scale, result.end_ns)
