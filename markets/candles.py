"""Candles as a tape: four points each, no queue.

The path within a candle is open, low, high, close where it closes at or above its open, else open, high, low, close;
the points stand at 0, 1/4, 1/2 and 3/4 of it. At each point the price is the bid and one tick above it the ask (of no
known size), and a quarter of the volume trades at the price, its aggressor unknown.

Bars of a minute are what this is made for. Longer ones, up to an hour, have the same four points, further apart, and
the recording's description says their length.

A gap is a bar that starts later than one bar after the last, or another `segment` number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import compress, pairwise
from pathlib import Path

from domain.market import NANOSECONDS
from markets.recording_files import Batch, RecordingError, RecordingFile, RecordingSummary, see_units
from markets.tape import Chunk
from markets.units import NotWhole, UnitFinder, integers, to_units, to_units_below

_PRICES = ("open", "high", "low", "close")
_SHORTEST_BAR_NS, _LONGEST_BAR_NS = NANOSECONDS, 3_600 * NANOSECONDS


class CandleTape:
    """One or more candle files of one bar length, in time order. The constructor scans them; raises `RecordingError`.

    `step`: the unit of volume to use instead of the inferred one; volumes then lose what is below it.
    """

    queues = False

    def __init__(self, files: Sequence[RecordingFile], step: Decimal | None) -> None:
        self._files = files
        self.gap_starts: list[int] = []
        self.gap_begins: list[int] = []
        self._last_ns: int | None = None
        self._last_segment: int | None = None
        self._gap_ns = 0
        self._bar_ns = _bar_length(files)
        prices, volumes = UnitFinder(), UnitFinder()
        first_ns = last_ns = None
        count = 0
        for file in files:
            self._last_segment = None
            for batch in file.batches():
                _check(batch)
                see_units(prices, batch, _PRICES, "tick")
                if step is None:
                    see_units(volumes, batch, ("volume",), "step")
                dates = integers(batch.columns["date"])
                self._find_gaps(batch, dates)
                first_ns = dates[0] if first_ns is None else first_ns
                last_ns = dates[-1]
                count += len(batch)
        unit = step or volumes.step
        assert first_ns is not None
        assert last_ns is not None
        assert prices.tick is not None
        if unit is None:
            raise RecordingError(f"{files[0].path} has no volume at all, so nothing could trade; give other candles")
        self.price_unit: Decimal = prices.tick
        self.size_unit: Decimal = unit
        self.summary = RecordingSummary(
            start_ns=first_ns,
            end_ns=last_ns + 3 * self._bar_ns // 4,
            candles=count,
            bar_ns=self._bar_ns,
            gaps=len(self.gap_starts),
            gap_ns=self._gap_ns,
        )

    def windows(self, price_unit: Decimal, size_unit: Decimal, after_ns: int | None) -> Iterator[Chunk]:
        """Eight rows for each candle. Raises `RecordingError` if a file was changed since it was scanned."""
        for file in self._files:
            for batch in file.batches():
                dates = integers(batch.columns["date"])
                if after_ns is None or dates[-1] + self._bar_ns > after_ns:
                    yield self._rows(batch, dates, price_unit, size_unit)

    def _find_gaps(self, batch: Batch, dates: list[int]) -> None:
        """Note gaps; refuse bars that go back, repeat or overlap."""
        segments = integers(batch.segment) if batch.segment is not None else [0] * len(dates)
        last_ns, last_segment, bar_ns = self._last_ns, self._last_segment, self._bar_ns
        for index, (date_ns, segment) in enumerate(zip(dates, segments, strict=True)):
            if last_ns is not None:
                elapsed_ns = date_ns - last_ns
                if elapsed_ns < bar_ns:
                    raise RecordingError(
                        f"{batch.file.path}, row {batch.first_row + index}: the bar starts before the last one ended; "
                        "sort the bars by date, once each, and name files in time order"
                    )
                if elapsed_ns > bar_ns or (last_segment is not None and segment != last_segment):
                    self.gap_starts.append(date_ns)
                    self.gap_begins.append(last_ns + 3 * bar_ns // 4)
                    self._gap_ns += elapsed_ns - bar_ns
            last_ns, last_segment = date_ns, segment
        self._last_ns, self._last_segment = last_ns, last_segment

    def _rows(self, batch: Batch, dates: list[int], price_unit: Decimal, size_unit: Decimal) -> Chunk:
        try:
            opens, highs, lows, closes = (to_units(batch.columns[name], price_unit) for name in _PRICES)
        except NotWhole as error:
            raise RecordingError(f"{batch.file.path} was changed since it was opened; start again") from error
        volumes = to_units_below(batch.columns["volume"], size_unit)
        count = 8 * len(dates)
        times, low, high = [0] * count, [0] * count, [0] * count
        sizes = [0] * count
        rises = [close >= start for start, close in zip(opens, closes, strict=True)]
        seconds = [lo if up else hi for up, lo, hi in zip(rises, lows, highs, strict=True)]
        thirds = [hi if up else lo for up, lo, hi in zip(rises, lows, highs, strict=True)]
        for point, prices in enumerate((opens, seconds, thirds, closes)):
            quote, trade = slice(2 * point, count, 8), slice(2 * point + 1, count, 8)
            times[quote] = times[trade] = [date_ns + point * self._bar_ns // 4 for date_ns in dates]
            low[quote] = low[trade] = high[trade] = prices
            high[quote] = [price + 1 for price in prices]
            # Evenly, and to the last unit: the four parts differ by at most one.
            sizes[trade] = [(volume + point) >> 2 for volume in volumes]
        rows = Chunk(times, [False, True] * (count // 2), low, high, sizes, sizes.copy())
        return rows if min(volumes) >= 4 else _without_empty_trades(rows)


def _bar_length(files: Sequence[RecordingFile]) -> int:
    """The shortest distance between two bars, which must be the same in every file."""
    lengths: dict[Path, int] = {}
    rows = 0
    for file in files:
        shortest: int | None = None
        last: int | None = None
        for batch in file.batches():
            dates = integers(batch.columns["date"])
            rows += len(dates)
            ahead = dates if last is None else [last, *dates]
            steps = [later - earlier for earlier, later in pairwise(ahead) if later > earlier]
            shortest = min(steps, default=shortest) if shortest is None else min([shortest, *steps])
            last = dates[-1]
        if last is None:
            raise RecordingError(f"{file.path} has columns but no rows; record or copy it again")
        if shortest is not None:
            lengths[file.path] = shortest
    if not lengths and rows > len(files):
        raise RecordingError(f"{files[0].path}: no bar starts after the one before; sort the bars by date, once each")
    if not lengths:
        raise RecordingError(f"{files[0].path} has a single candle, which tells no bar length; give at least two")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path.name} {length / NANOSECONDS:g} s" for path, length in lengths.items())
        raise RecordingError(f"the candle files have different bar lengths ({told}); name files of one length")
    length = min(lengths.values())
    if not _SHORTEST_BAR_NS <= length <= _LONGEST_BAR_NS:
        raise RecordingError(
            f"{files[0].path} holds bars of {length / NANOSECONDS:g} s; give candles of a minute, or at least of a "
            "second and at most of an hour"
        )
    return length


def _without_empty_trades(rows: Chunk) -> Chunk:
    """A trade of nothing is no trade: a thin candle has fewer than four."""
    kept = [not trade or size > 0 for trade, size in zip(rows.is_trade, rows.low_size, strict=True)]
    return Chunk(
        list(compress(rows.time_ns, kept)),
        list(compress(rows.is_trade, kept)),
        list(compress(rows.low, kept)),
        list(compress(rows.high, kept)),
        list(compress(rows.low_size, kept)),
        list(compress(rows.high_size, kept)),
    )


def _check(batch: Batch) -> None:
    import pyarrow.compute as pc

    open_, high, low, close = (batch.columns[name] for name in _PRICES)
    batch.refuse(pc.less_equal(low, 0.0), "the price is zero or negative; remove the row")
    outside = pc.or_(
        pc.or_(pc.less(high, open_), pc.less(high, close)), pc.or_(pc.greater(low, open_), pc.greater(low, close))
    )
    batch.refuse(outside, "open or close lies outside low to high; mend or remove the row")
    batch.refuse(pc.less(batch.columns["volume"], 0.0), "the volume is negative; mend or remove the row")
