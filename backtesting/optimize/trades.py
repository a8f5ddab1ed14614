"""What an engine tells of one run, and what it adds up to: the form in which the bot and a compiled sweep are compared.

Sums here are floating point, because they only rank. What is printed comes from the bot's own books, which are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from backtesting.data import BacktestData
from backtesting.equity import EquitySample
from backtesting.history import FillRecord
from backtesting.optimize.null import Candles
from backtesting.prices import SampledSource, sampling_interval_ns
from domain.events import FundingPayment
from markets.tape import TapeScale

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
BPS = 10_000
Time = TypeVar("Time", int, Integers)


@dataclass(frozen=True)
class Trades:
    """Own trades in the order in which the bot heard of them, and funding. Times in nanoseconds since the epoch.

    `price` in whole price units of the tape, `size` in whole size units, negative where it was sold; `fee` and
    `funding` in quote currency, funding positive when received. `ended_ns`: when the run ended.
    """

    time_ns: Integers
    price: Integers
    size: Integers
    fee: Floats
    funding_ns: Integers
    funding: Floats
    ended_ns: int

    @classmethod
    def of(
        cls, fills: Sequence[FillRecord], payments: Sequence[FundingPayment], scale: TapeScale, ended_ns: int
    ) -> Trades:
        """From a backtest's records. Raises `AssertionError` on a price that is no multiple of the tape's unit."""
        prices = [_units(fill.price, scale.price_unit) for fill in fills]
        sizes = [_units(fill.quantity, scale.size_unit) * fill.side.sign for fill in fills]
        return cls(
            np.array([fill.time_ns for fill in fills], np.int64),
            np.array(prices, np.int64),
            np.array(sizes, np.int64),
            np.array([float(fill.fee) for fill in fills], np.float64),
            np.array([payment.at_ns for payment in payments], np.int64),
            np.array([float(payment.amount) for payment in payments], np.float64),
            ended_ns,
        )

    def __len__(self) -> int:
        return len(self.time_ns)

    def first_difference(self, other: Trades) -> int | None:
        """The index of the first trade whose time, price or size differs; None where all are the same."""
        length = min(len(self), len(other))
        same = (
            (self.time_ns[:length] == other.time_ns[:length])
            & (self.price[:length] == other.price[:length])
            & (self.size[:length] == other.size[:length])
        )
        if not same.all():
            return int(np.argmin(same))
        return None if len(self) == len(other) else length

    def told(self, index: int, scale: TapeScale) -> str:
        """One trade for people; what it says of an index behind the last one is "no trade"."""
        if index >= len(self):
            return "no trade"
        side = "bought" if self.size[index] > 0 else "sold"
        price, size = int(self.price[index]) * scale.price_unit, abs(int(self.size[index])) * scale.size_unit
        return f"{side} {size:f} at {price:f}, time {self.time_ns[index]}"


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one run, in quote currency: the result marked to market at the mid, what was traded, the deepest fall of
    sampled equity below its peak.
    """

    result: float
    volume: float
    drawdown: float

    @property
    def wear_bps(self) -> float | None:
        return -self.result / self.volume * BPS if self.volume else None


@dataclass(frozen=True)
class Yardstick:
    """A market's prices at the sample times of a backtest: what positions are valued at."""

    time_ns: Integers
    mid: Floats
    scale: TapeScale

    @classmethod
    def of(cls, data: BacktestData) -> Yardstick:
        source = SampledSource(data.source, sampling_interval_ns(data.covered_ns(data.end_ns)), _nobody)
        for _ in source.chunks():
            pass
        prices = source.samples(data.end_ns)
        times = np.array([price.time_ns for price in prices], np.int64)
        return cls(times, np.array([float(price.mid) for price in prices]), data.source.scale)

    def sums(self, trades: Trades) -> Sums:
        """The same samples, and so the same sums, as `BacktestResult` has them."""
        times = self.time_ns[: np.searchsorted(self.time_ns, trades.ended_ns, "right")]
        order = np.argsort(trades.time_ns, kind="stable")
        value, size, fee = _values(trades, self.scale)
        reached = np.searchsorted(trades.time_ns[order], times, "right")
        cash = _running(-value[order] - fee[order])[reached]
        position = _running(size[order])[reached]
        funding = _running(trades.funding)[np.searchsorted(trades.funding_ns, times, "right")]
        equity = cash + funding + position * self.mid[: len(times)]
        volume = float(np.abs(value).sum())
        if not len(equity):
            return Sums(0.0, volume, 0.0)
        peaks = np.maximum(np.maximum.accumulate(equity), 0.0)
        return Sums(float(equity[-1]), volume, float(np.max(peaks - equity)))


def markout(trades: Trades, candles: Candles, scale: TapeScale) -> tuple[float, float]:
    """Each trade valued at the mid at the close of its own candle, less fees, with funding; and the volume. Quote
    currency. With random signs the first is an unbiased estimate of the result (`backtesting.optimize.null`).
    """
    if not len(trades):
        return float(trades.funding.sum()), 0.0
    value, size, fee = _values(trades, scale)
    mid = (candles.close_at(trades.time_ns) + 0.5) * float(scale.price_unit)
    return float((size * mid - value - fee).sum() + trades.funding.sum()), float(np.abs(value).sum())


def by_period(
    equity: Sequence[EquitySample], balance: Decimal, times: Integers, period_ns: int
) -> tuple[tuple[float, float], ...]:
    """Result and volume, in quote currency, of each period in which the market had samples, which `times` tells; the
    same periods for every run there, also for one that ended early.
    """
    ends = {_period(sample.time_ns, period_ns): sample for sample in equity}
    rows, money, volume = [], balance, Decimal(0)
    for number in np.unique(_period(times, period_ns)).tolist():
        sample = ends.get(number)
        if sample is None:
            rows.append((0.0, 0.0))
            continue
        rows.append((float(sample.equity - money), float(sample.volume_quote - volume)))
        money, volume = sample.equity, sample.volume_quote
    return tuple(rows)


def _period(time_ns: Time, period_ns: int) -> Time:
    """The number of its period; a sample at midnight ends the day."""
    return (time_ns - 1) // period_ns


def _values(trades: Trades, scale: TapeScale) -> tuple[Floats, Floats, Floats]:
    """Signed value, signed size, fee."""
    size = trades.size.astype(np.float64) * float(scale.size_unit)
    return trades.price.astype(np.float64) * float(scale.price_unit) * size, size, trades.fee


def _running(amounts: Floats) -> Floats:
    """What they add up to before the first, after the first, ..."""
    return np.concatenate(([0.0], np.cumsum(amounts)))


def _units(value: Decimal, unit: Decimal) -> int:
    units, rest = divmod(value, unit)
    if rest:
        raise AssertionError(f"{value} is no multiple of {unit}")
    return int(units)


def _nobody(time_ns: int, rows: int) -> None:
    """Nobody watches the progress."""
