"""How much of a result is chance: a block bootstrap over days, and over the draws with random signs.

The days of the tests (or shorter periods, where there are few days) are drawn anew, with replacement, in blocks of
consecutive ones, as long as the cube root of their number, so that what hangs together stays together; the last day is
followed by the first. Winner and default are drawn with the same days and the same draws, so that what moved both alike
does not blur their difference. An interval holds 95 % of 2,000 such histories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtesting.optimize.objectives import Goal, Objective
from backtesting.optimize.trades import BPS

Floats = NDArray[np.float64]
Draws = Sequence[tuple[float, float]]
"""Result and volume of the same settings on each draw with random signs; empty on ticks."""

_RESAMPLES = 2_000
_TAIL = 0.025
LEAST_PERIODS = 5
"""With fewer there is nothing to draw from, and no interval is told."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One test: the result and the volume of each of its periods, and of its draws. Quote currency."""

    periods: Sequence[tuple[float, float]]
    draws: Draws


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and the interval around it; None: there are too few periods."""

    value: float
    low: float | None
    high: float | None

    @property
    def holds_zero(self) -> bool:
        """Whether 0 cannot be ruled out."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def null_wear(draws: Draws) -> float | None:
    """The wear with random signs in basis points of volume; None without draws, or where nothing was traded."""
    volume = sum(traded for _, traded in draws)
    return -sum(result for result, _ in draws) / volume * BPS if volume else None


class Histories:
    """The same resampled histories for whatever is asked. `stretches` of different settings must have equal shapes."""

    def __init__(self, shape: Sequence[Stretch], period_days: float, seed: int) -> None:
        counts = [len(stretch.periods) for stretch in shape]
        self._period_days = period_days
        self._fold_of = np.repeat(np.arange(len(counts)), counts)
        self.periods = len(self._fold_of)
        self.block = max(1, round(self.periods ** (1 / 3)))
        chance = np.random.default_rng([seed, self.periods])
        blocks = -(-self.periods // self.block)
        starts = chance.integers(0, max(1, self.periods), (_RESAMPLES, blocks))
        whole = (starts[:, :, None] + np.arange(self.block)).reshape(_RESAMPLES, -1)[:, : self.periods]
        self._days = whole % max(1, self.periods)
        draws = max((len(stretch.draws) for stretch in shape), default=0)
        self._draws = chance.integers(0, max(1, draws), (_RESAMPLES, draws))

    def wear(self, stretches: Sequence[Stretch]) -> Estimate:
        """Basis points of volume; on candles the excess over random signs."""
        return self._estimate(*(self._wear(*rows) for rows in self._rows(stretches)))

    def null(self, stretches: Sequence[Stretch]) -> Estimate | None:
        """The wear with random signs of a single stretch; None without draws."""
        [stretch] = stretches
        value = null_wear(stretch.draws)
        return None if value is None else self._interval(value, self._drawn_nulls(stretch.draws))

    def objective(self, stretches: Sequence[Stretch], objective: Objective) -> Estimate:
        """The objective over all stretches one after the other; its drawdown is that of period ends."""
        return self._estimate(*(self._value(objective, *rows) for rows in self._rows(stretches)))

    def difference(self, ours: Sequence[Stretch], theirs: Sequence[Stretch], objective: Objective) -> Estimate:
        """How much better `ours` are."""
        pairs = zip(self._rows(ours), self._rows(theirs), strict=True)
        return self._estimate(*(self._value(objective, *a) - self._value(objective, *b) for a, b in pairs))

    def _estimate(self, value: Floats, resampled: Floats) -> Estimate:
        return self._interval(float(value[0]), resampled)

    def _interval(self, value: float, resampled: Floats) -> Estimate:
        if self.periods < LEAST_PERIODS:
            return Estimate(value, None, None)
        low, high = np.quantile(resampled, (_TAIL, 1 - _TAIL))
        return Estimate(value, float(low), float(high))

    def _rows(self, stretches: Sequence[Stretch]) -> list[tuple[Floats, Floats]]:
        """Results (less those of random signs) and volumes of the periods: as they were in one row, and resampled."""
        periods = np.array([period for stretch in stretches for period in stretch.periods]).reshape(-1, 2)
        result, volume = periods[:, 0], periods[:, 1]
        known = np.array([null_wear(stretch.draws) or 0.0 for stretch in stretches])
        drawn = np.stack([self._drawn_nulls(stretch.draws) for stretch in stretches])
        fold_of = self._fold_of[self._days]
        nulls = drawn[fold_of, np.arange(_RESAMPLES)[:, None]]
        resampled = result[self._days] + nulls * volume[self._days] / BPS
        as_it_was = result + known[self._fold_of] * volume / BPS
        return [(as_it_was[None, :], volume[None, :]), (resampled, volume[self._days])]

    def _drawn_nulls(self, draws: Draws) -> Floats:
        if not draws:
            return np.zeros(_RESAMPLES)
        table = np.array(draws)[self._draws].sum(axis=1)
        volume = table[:, 1]
        return np.asarray(np.where(volume > 0, -table[:, 0] / np.where(volume > 0, volume, 1.0) * BPS, 0.0))

    def _wear(self, result: Floats, volume: Floats) -> Floats:
        traded = volume.sum(axis=1)
        return np.asarray(np.where(traded > 0, -result.sum(axis=1) / np.where(traded > 0, traded, 1.0) * BPS, 0.0))

    def _value(self, objective: Objective, result: Floats, volume: Floats) -> Floats:
        net = result.sum(axis=1)
        match objective.goal:
            case Goal.NET:
                return np.asarray(net)
            case Goal.DRAWDOWN:
                path = np.cumsum(result, axis=1)
                peaks = np.maximum(np.maximum.accumulate(path, axis=1), 0.0)
                return np.asarray(net / np.maximum((peaks - path).max(axis=1), objective.least_drawdown))
            case Goal.VOLUME:
                daily = volume.sum(axis=1) / (self.periods * self._period_days)
                wear = self._wear(result, volume)
                return np.asarray(np.where(wear <= objective.max_wear, daily, objective.max_wear - wear))
