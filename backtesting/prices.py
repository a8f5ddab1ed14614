"""The market's prices beside a run: sampled from the rows as they stream by, without the engine noticing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from domain.market import NANOSECONDS
from markets.rows import NOWHERE
from markets.tape import Chunk, MarketSource

MOST_SAMPLES = 2_000
_ROUND_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class PriceSample:
    """The market in the interval that ends at `time_ns`: the mid at its end, the lowest and highest price in it.

    Quote currency per base unit. `low` and `high` are of bids, asks and trades alike.
    """

    time_ns: int
    mid: Decimal
    low: Decimal
    high: Decimal


def sampling_interval_ns(span_ns: int) -> int:
    """The shortest round interval of at least a second that cuts `span_ns` into at most `MOST_SAMPLES` samples."""
    for seconds in _ROUND_S:
        if span_ns <= seconds * NANOSECONDS * MOST_SAMPLES:
            return seconds * NANOSECONDS
    days = -(-span_ns // (86_400 * NANOSECONDS * MOST_SAMPLES))
    return days * 86_400 * NANOSECONDS


class SampledSource:
    """A `MarketSource` that passes another's rows on unchanged, once, and keeps a price of each interval.

    Sample times are multiples of the interval since the epoch, and the last row passed. Holes in the data have none.
    `passed` is told the time of the last row and the number of rows of each chunk that was begun.
    """

    def __init__(self, source: MarketSource, interval_ns: int, passed: Callable[[int, int], None]) -> None:
        self.rules = source.rules
        self.scale = source.scale
        self.funding = source.funding
        self.start_ns = source.start_ns
        self.identity = source.identity
        self.description = source.description
        self.queues = source.queues
        self.rows = 0
        """Rows handed to the engine so far; the last chunk may not have been read to its end."""
        self._source = source
        self._interval_ns = interval_ns
        self._passed = passed
        self._kept: list[tuple[int, int, int, int]] = []
        """Time, doubled mid, low and high, in price units."""
        self._low, self._high, self._doubled_mid = NOWHERE, -NOWHERE, 0
        self._due_ns = -1

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        last_ns = self.start_ns
        for chunk in self._source.chunks(after_ns):
            if chunk.gap_before:
                self._keep(last_ns)
            self._see(chunk)
            last_ns = chunk.time_ns[-1]
            self.rows += len(chunk)
            yield chunk
            self._passed(last_ns, self.rows)
        self._keep(last_ns)

    def samples(self, until_ns: int) -> tuple[PriceSample, ...]:
        """Those up to `until_ns`."""
        unit = self.scale.price_unit
        half = unit / 2
        end = bisect_right(self._kept, until_ns, key=lambda kept: kept[0])
        return tuple(
            PriceSample(time_ns, doubled_mid * half, low * unit, high * unit)
            for time_ns, doubled_mid, low, high in self._kept[:end]
        )

    def _see(self, chunk: Chunk) -> None:
        times, interval_ns = chunk.time_ns, self._interval_ns
        index, count = 0, len(chunk)
        while index < count:
            if times[index] > self._due_ns:
                self._keep(self._due_ns)
                # The interval that ends at `_due_ns` holds the rows up to and including it.
                self._due_ns = -(-times[index] // interval_ns) * interval_ns
            end = bisect_right(times, self._due_ns, index)
            self._low = min(self._low, min(chunk.low[index:end]))
            self._high = max(self._high, max(chunk.high[index:end]))
            quote = _last_quote(chunk, index, end)
            if quote is not None:
                self._doubled_mid = chunk.low[quote] + chunk.high[quote]
            index = end

    def _keep(self, at_ns: int) -> None:
        if self._doubled_mid and self._high >= self._low and (not self._kept or self._kept[-1][0] < at_ns):
            self._kept.append((at_ns, self._doubled_mid, self._low, self._high))
            self._low, self._high = NOWHERE, -NOWHERE


def _last_quote(chunk: Chunk, begin: int, end: int) -> int | None:
    """The index of the last quote among the rows from `begin` to before `end`."""
    for index in range(end - 1, begin - 1, -1):
        if not chunk.is_trade[index]:
            return index
    return None
