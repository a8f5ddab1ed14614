"""Reading a tape: passing over the rows that concern nobody as fast as Python can, and remembering the last seconds.

The unit of progress is the *instant*: all rows of one time stamp, across chunks. The quote of an instant is its last
one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from operator import length_hint
from typing import NamedTuple

from domain.market import PriceBand, Side
from markets.rows import NOWHERE, QuoteRow, Row
from markets.tape import Chunk, TapeScale


class IntBand(NamedTuple):
    """A `PriceBand` in whole units: a quote is outside when the watched touch is `<= low` or `>= high`."""

    watches_ask: bool
    low: int
    high: int

    @classmethod
    def of(cls, band: PriceBand, scale: TapeScale) -> IntBand:
        """The band that has the same whole prices outside."""
        unit = scale.price_unit
        low = -NOWHERE if band.low is None else _units(band.low, unit, ROUND_FLOOR)
        high = NOWHERE if band.high is None else _units(band.high, unit, ROUND_CEILING)
        return cls(band.touch is Side.SELL, low, high)

    def contains(self, quote: QuoteRow) -> bool:
        return self.low < (quote.ask if self.watches_ask else quote.bid) < self.high


NO_BAND = IntBand(True, -NOWHERE, NOWHERE)
EVERY_QUOTE = IntBand(True, NOWHERE, -NOWHERE)
"""The band that every quote is outside of."""

_FIRST_STRIDE = 64
"""Rows looked at in one go, more and more while they are quiet: a loud row soon must not cost a copy of the chunk."""


def _units(price: Decimal, unit: Decimal, rounding: str) -> int:
    return int((price / unit).to_integral_value(rounding))


@dataclass(slots=True)
class _Past:
    """A chunk, and the quote in force before its first row."""

    chunk: Chunk
    before: QuoteRow | None


class TapeReader:
    """A cursor over chunks. `passed_ns`: the time of the last row passed, or `from_ns` before any.

    `quote`: the one in force at the start, where reading goes on in the middle of a tape. Quotes are remembered for
    `history_ns`.
    """

    def __init__(self, chunks: Iterator[Chunk], from_ns: int, quote: QuoteRow | None, history_ns: int) -> None:
        self._chunks = chunks
        self._history_ns = history_ns
        self._index = 0
        self._past: deque[_Past] = deque([_Past(Chunk(), quote)])
        self._chunk = self._past[-1].chunk
        self._gap_ahead = False
        self.passed_ns = from_ns
        self.has_ended = False

    # --- progress ---------------------------------------------------------------------------------------------------

    def seek(self, target_ns: int, band: IntBand, floor: int, ceiling: int) -> int | None:
        """Pass the quiet rows up to and including `target_ns`; the time of the first row that is not quiet, else None.

        Quiet: `floor < low`, `high < ceiling` and a watched touch inside `band`. The first row after a gap is never
        quiet, and is reached as soon as anything later than the last row is asked for, however far it lies ahead.
        """
        band_low, band_high = band.low, band.high
        if band.watches_ask:
            low_above, low_below, high_above, high_below = floor, NOWHERE, band_low, min(ceiling, band_high)
        else:
            low_above, low_below, high_above, high_below = max(floor, band_low), band_high, -NOWHERE, ceiling
        stride = _FIRST_STRIDE
        while self._index < len(self._chunk) or self._load():
            times = self._chunk.time_ns
            first = self._index
            if self._gap_ahead:
                return times[first] if target_ns > self.passed_ns else None
            if times[first] > target_ns:
                return None
            last = bisect_right(times, target_ns, first, min(first + stride, len(times)))
            stride *= 4
            highs = iter(self._chunk.high[first:last])
            for low, high in zip(self._chunk.low[first:last], highs, strict=True):
                if not (low_above < low < low_below and high_above < high < high_below):
                    self._index = last - length_hint(highs) - 1
                    if self._index > first:
                        self.passed_ns = times[self._index - 1]
                    return times[self._index]
            self._index = last
            self.passed_ns = times[last - 1]
        return None

    @property
    def next_ns(self) -> int | None:
        """The time of the next row where it is at hand and no gap lies before it; None where that is not known."""
        if self._gap_ahead or self._index >= len(self._chunk.time_ns):
            return None
        return self._chunk.time_ns[self._index]

    def take(self, instant_ns: int) -> list[Row]:
        """Pass and return the rows of the instant that `seek` named."""
        self._gap_ahead = False
        rows: list[Row] = []
        while self._index < len(self._chunk) or (self._load() and not self._gap_ahead):
            chunk, index = self._chunk, self._index
            if chunk.time_ns[index] != instant_ns:
                break
            rows.append(
                Row(
                    chunk.is_trade[index],
                    chunk.low[index],
                    chunk.high[index],
                    chunk.low_size[index],
                    chunk.high_size[index],
                )
            )
            self._index = index + 1
        self.passed_ns = instant_ns
        return rows

    @property
    def stands_at_gap(self) -> bool:
        return self._gap_ahead

    # --- memory -----------------------------------------------------------------------------------------------------

    @property
    def quote(self) -> QuoteRow | None:
        """The quote in force after the last row passed."""
        return _last_quote(self._past[-1], self._index)

    def quote_at(self, time_ns: int) -> QuoteRow | None:
        """The quote in force at `time_ns`, not later than the last row passed; None when that is not remembered."""
        for past in reversed(self._past):
            end = self._index if past is self._past[-1] else len(past.chunk)
            until = bisect_right(past.chunk.time_ns, time_ns, 0, end)
            if until:
                return _last_quote(past, until)
        oldest = self._past[0].before
        return oldest if oldest is not None and oldest.time_ns <= time_ns else None

    def first_outside(self, band: IntBand, after_ns: int) -> int | None:
        """The first instant later than `after_ns`, among those passed, whose quote is outside the band."""
        for past in self._past:
            times = past.chunk.time_ns
            end = self._index if past is self._past[-1] else len(times)
            for index in range(bisect_right(times, after_ns, 0, end), end):
                quote = self.quote_at(times[index])
                if quote is not None and not band.contains(quote):
                    return times[index]
        return None

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _load(self) -> bool:
        """Open the next chunk that has rows; False at the end of the tape."""
        if self.has_ended:
            return False
        before = self.quote
        for chunk in self._chunks:
            if not len(chunk):
                continue
            self._gap_ahead = chunk.gap_before
            self._past.append(_Past(chunk, before))
            self._chunk, self._index = chunk, 0
            while len(self._past) > 1 and self._is_forgettable(self._past[1].chunk):
                self._past.popleft()
            return True
        self.has_ended = True
        return False

    def _is_forgettable(self, second: Chunk) -> bool:
        """Whether every moment still to be remembered lies in `second` or later."""
        return second.time_ns[0] <= self.passed_ns - self._history_ns


def _last_quote(past: _Past, until: int) -> QuoteRow | None:
    """The last quote before row `until` of a chunk."""
    chunk = past.chunk
    for index in range(until - 1, -1, -1):
        if not chunk.is_trade[index]:
            return QuoteRow(
                chunk.time_ns[index],
                chunk.low[index],
                chunk.high[index],
                chunk.low_size[index],
                chunk.high_size[index],
            )
    return past.before
