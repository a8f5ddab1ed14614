"""What a market looks like in numbers, measured the same way on generated and on recorded markets.

These describe; nothing trades on them, so they are floats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.market import NANOSECONDS
from markets.tape import Chunk, MarketSource

_SECONDS_PER_YEAR = 365 * 86_400
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class MarketStatistics:
    """Rates per second; spreads and moves in ticks; sizes in base units, at `QUANTILES`; volatility a year, a fraction.

    `one_tick_share`: of quotes. `moved_share`: of quotes, those whose mid differs from the one before; `moves`: how
    far, at `QUANTILES`. `mid_autocorrelation`: of successive changes of the mid. `trade_dispersion`: variance over mean
    of the number of trades in a second, 1 where they come independently, and `trade_clustering` the correlation of that
    number with the next second's; `wait_variation`: standard deviation over mean of the time between trades. Kurtosis
    3 is the bell curve's. `shock_memory`: correlation of the size of a minute's return with that of 1 and of 60
    minutes later. None: not enough data.
    """

    seconds: float
    quotes_per_s: float
    trades_per_s: float
    one_tick_share: float
    mean_spread: float
    widest_spread: int
    touch_sizes: tuple[float, ...]
    trade_sizes: tuple[float, ...]
    moved_share: float
    moves: tuple[float, ...]
    mid_autocorrelation: float | None
    trade_dispersion: float | None
    trade_clustering: float | None
    wait_variation: float | None
    volatility: float | None
    second_kurtosis: float | None
    minute_kurtosis: float | None
    minute_deviation_bps: float | None
    shock_memory: tuple[float | None, float | None]


def measure(source: MarketSource, seconds: float | None = None, conflate_ns: int = 0) -> MarketStatistics:
    """Measure the first `seconds` of a market (None: all of it, which must end). `conflate_ns`: see `conflated`."""
    until_ns = None if seconds is None else source.start_ns + round(seconds * NANOSECONDS)
    chunks = _before(source.chunks(), until_ns)
    tally = _Tally(float(source.scale.size_unit))
    for chunk in conflated(chunks, conflate_ns) if conflate_ns else chunks:
        tally.add(chunk)
    return tally.result()


def conflated(chunks: Iterable[Chunk], interval_ns: int) -> Iterator[Chunk]:
    """As a stream of one message per interval shows it: the last quote, and before it the trades of each aggressor as
    one row, their sizes added, at the price of the last."""
    window = Chunk()
    bucket: int | None = None
    for chunk in chunks:
        if chunk.gap_before and len(window):
            yield _conflated_window(window)
            window, bucket = Chunk(), None
        window.gap_before = window.gap_before or chunk.gap_before
        for row in _rows(chunk):
            if bucket is not None and row[0] // interval_ns != bucket:
                yield _conflated_window(window)
                window = Chunk()
            bucket = row[0] // interval_ns
            _append(window, row)
    if len(window):
        yield _conflated_window(window)


_Row = tuple[int, bool, int, int, int, int]


def _rows(chunk: Chunk) -> Iterator[_Row]:
    return zip(chunk.time_ns, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size, strict=True)


def _append(chunk: Chunk, row: _Row) -> None:
    time_ns, is_trade, low, high, low_size, high_size = row
    chunk.time_ns.append(time_ns)
    chunk.is_trade.append(is_trade)
    chunk.low.append(low)
    chunk.high.append(high)
    chunk.low_size.append(low_size)
    chunk.high_size.append(high_size)


def _conflated_window(window: Chunk) -> Chunk:
    result = Chunk(gap_before=window.gap_before)
    last_ns = window.time_ns[-1]
    quote: _Row | None = None
    sold: _Row | None = None
    bought: _Row | None = None
    for row in _rows(window):
        if not row[1]:
            quote = row
        elif row[4]:
            sold = (last_ns, True, row[2], row[3], row[4] + (sold[4] if sold else 0), 0)
        else:
            bought = (last_ns, True, row[2], row[3], 0, row[5] + (bought[5] if bought else 0))
    for found in (sold, bought, quote and (last_ns, *quote[1:])):
        if found:
            _append(result, found)
    return result


def _before(chunks: Iterable[Chunk], until_ns: int | None) -> Iterator[Chunk]:
    for chunk in chunks:
        if until_ns is None or chunk.time_ns[-1] < until_ns:
            yield chunk
            continue
        early = Chunk(gap_before=chunk.gap_before)
        for row in _rows(chunk):
            if row[0] < until_ns:
                _append(early, row)
        if len(early):
            yield early
        return


class _Sampler:
    """Logarithmic returns of the mid from the end of one interval to the end of the next."""

    def __init__(self, interval_ns: int) -> None:
        self.returns: list[float] = []
        self._interval_ns = interval_ns
        self.restart()

    def restart(self) -> None:
        """A gap: what comes is not compared with what was."""
        self._bucket: int | None = None
        self._mid = 0
        self._settled: int | None = None

    def see(self, time_ns: int, mid: int) -> None:
        bucket = time_ns // self._interval_ns
        if self._bucket is not None and bucket > self._bucket:
            if self._settled is not None:
                self.returns.append(math.log(self._mid / self._settled))
            self.returns += [0.0] * (bucket - self._bucket - 1)
            self._settled = self._mid
        self._bucket = bucket
        self._mid = mid


class _Tally:
    """Collects what the rows show."""

    def __init__(self, size_unit: float) -> None:
        self._size_unit = size_unit
        self._spreads: list[int] = []
        self._touch: list[int] = []
        self._trades: list[int] = []
        self._changes: list[int] = []
        self._waits: list[int] = []
        self._counts: dict[int, int] = {}
        self._seconds = _Sampler(NANOSECONDS)
        self._minutes = _Sampler(60 * NANOSECONDS)
        self._elapsed_ns = 0
        self._last_ns: int | None = None
        self._last_trade_ns: int | None = None
        self._last_mid: int | None = None

    def add(self, chunk: Chunk) -> None:
        if chunk.gap_before:
            self._last_ns = self._last_trade_ns = self._last_mid = None
            self._seconds.restart()
            self._minutes.restart()
        if self._last_ns is not None:
            self._elapsed_ns += chunk.time_ns[0] - self._last_ns
        self._elapsed_ns += chunk.time_ns[-1] - chunk.time_ns[0]
        self._last_ns = chunk.time_ns[-1]
        for time_ns, is_trade, low, high, low_size, high_size in _rows(chunk):
            if is_trade:
                self._trade(time_ns, max(low_size, high_size))
            else:
                self._quote(time_ns, low, high)
                self._touch += (low_size, high_size)

    def _trade(self, time_ns: int, size: int) -> None:
        self._trades.append(size)
        second = time_ns // NANOSECONDS
        self._counts[second] = self._counts.get(second, 0) + 1
        if self._last_trade_ns is not None:
            self._waits.append(time_ns - self._last_trade_ns)
        self._last_trade_ns = time_ns

    def _quote(self, time_ns: int, bid: int, ask: int) -> None:
        mid = bid + ask
        self._spreads.append(ask - bid)
        if self._last_mid is not None:
            self._changes.append(mid - self._last_mid)
        self._last_mid = mid
        self._seconds.see(time_ns, mid)
        self._minutes.see(time_ns, mid)

    def result(self) -> MarketStatistics:
        """Raises `ValueError` for a market of no duration or without quotes."""
        if not self._elapsed_ns or not self._spreads:
            raise ValueError("the market is too short to be measured")
        elapsed_s = self._elapsed_ns / NANOSECONDS
        moves = [abs(change) / 2 for change in self._changes if change]
        counts = [self._counts.get(s, 0) for s in range(min(self._counts), max(self._counts))] if self._counts else []
        seconds, minutes = self._seconds.returns, self._minutes.returns
        shocks = [abs(value) for value in minutes]
        variance = _variance(minutes or seconds)
        interval_s = 60 if minutes else 1
        wait_variance = _variance(self._waits)
        return MarketStatistics(
            seconds=elapsed_s,
            quotes_per_s=len(self._spreads) / elapsed_s,
            trades_per_s=len(self._trades) / elapsed_s,
            one_tick_share=self._spreads.count(1) / len(self._spreads),
            mean_spread=sum(self._spreads) / len(self._spreads),
            widest_spread=max(self._spreads),
            touch_sizes=_quantiles(self._touch, self._size_unit),
            trade_sizes=_quantiles(self._trades, self._size_unit),
            moved_share=len(moves) / max(1, len(self._changes)),
            moves=_quantiles(moves, 1),
            mid_autocorrelation=correlation(self._changes, 1),
            trade_dispersion=None if not counts else (_variance(counts) or 0) / (sum(counts) / len(counts)),
            trade_clustering=correlation(counts, 1),
            wait_variation=math.sqrt(wait_variance) * len(self._waits) / sum(self._waits) if wait_variance else None,
            volatility=None if variance is None else math.sqrt(variance * _SECONDS_PER_YEAR / interval_s),
            second_kurtosis=kurtosis(seconds),
            minute_kurtosis=kurtosis(minutes),
            minute_deviation_bps=None if not minutes or variance is None else math.sqrt(variance) * 10_000,
            shock_memory=(correlation(shocks, 1), correlation(shocks, 60)),
        )


def kurtosis(values: Sequence[float]) -> float | None:
    """Fourth moment over the squared second, about the mean; 3 for the bell curve. None for fewer than 8 values or none
    that differ."""
    variance = _variance(values)
    if len(values) < 8 or not variance:
        return None
    mean = sum(values) / len(values)
    return sum((value - mean) ** 4 for value in values) / len(values) / variance**2


def correlation(values: Sequence[float], lag: int) -> float | None:
    """Correlation of a series with itself `lag` later; None for fewer than 8 pairs or no variation."""
    variance = _variance(values)
    if len(values) < lag + 8 or not variance:
        return None
    mean = sum(values) / len(values)
    pairs = zip(values, values[lag:], strict=False)
    return sum((a - mean) * (b - mean) for a, b in pairs) / (len(values) - lag) / variance


def _variance(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def _quantiles(values: Sequence[float], unit: float) -> tuple[float, ...]:
    """At `QUANTILES`, in multiples of `unit`; empty for no values."""
    ordered = sorted(values)
    return tuple(ordered[int(share * (len(ordered) - 1))] * unit for share in QUANTILES) if ordered else ()
