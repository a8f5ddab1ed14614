"""Best bid/offer and trades as a tape: two streams of files, merged by their capture clock.

At equal times trades come before quotes: the quote that follows shows the trade's effect, and the trade hit what was
displayed before it.

A gap is a silence of the quotes of more than 60 s. Nothing happens in it: trades that printed more than 60 s after the
last quote and not after the next, like those before the first quote, are left out: no book of that moment is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from domain.market import NANOSECONDS
from markets.recording_files import Batch, RecordingError, RecordingFile, RecordingSummary, see_units
from markets.tape import Chunk
from markets.units import NotWhole, UnitFinder, integers, to_units

T = TypeVar("T")

LONGEST_SILENCE_NS = 60 * NANOSECONDS
_BEFORE_ALL, _AFTER_ALL = -(2**63) - 1, 2**63
"""Outside what a 64-bit time can be."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """Trades later than `after_ns` and not later than `until_ns` have no quote."""

    after_ns: int
    until_ns: int


class TickTape:
    """Quote files and trade files, each in time order. The constructor scans them; raises `RecordingError`."""

    queues = True

    def __init__(self, quote_files: Sequence[RecordingFile], trade_files: Sequence[RecordingFile]) -> None:
        self._quote_files = quote_files
        self._trade_files = trade_files
        self.gap_starts: list[int] = []
        self.gap_begins: list[int] = []
        prices, sizes = UnitFinder(), UnitFinder()
        quotes, first_ns, last_ns, gap_ns = self._scan_quotes(prices, sizes)
        trades, dropped, last_trade_ns = self._scan_trades(prices, sizes)
        if trade_files and dropped == trades:
            raise RecordingError(
                f"{trade_files[0].path} has no trade within the time of {quote_files[0].path}; "
                "name files of one session"
            )
        assert prices.tick is not None
        assert sizes.step is not None
        self.price_unit: Decimal = prices.tick
        self.size_unit: Decimal = sizes.step
        self.summary = RecordingSummary(
            start_ns=first_ns,
            end_ns=max(last_ns, last_trade_ns),
            quotes=quotes,
            trades=trades,
            gaps=len(self.gap_starts),
            gap_ns=gap_ns,
            dropped_trades=dropped,
        )

    def windows(self, price_unit: Decimal, size_unit: Decimal, after_ns: int | None) -> Iterator[Chunk]:
        """Merged rows, a batch or less at a time. Raises `RecordingError` if a file was changed since the scan."""
        quotes = _Stream(self._quote_files, lambda batch: _quote_rows(batch, price_unit, size_unit), after_ns)
        trades = _Stream(self._trade_files, lambda batch: self._trade_rows(batch, price_unit, size_unit), after_ns)
        while quotes.fill() | trades.fill():
            if quotes.last_ns is None or trades.last_ns is None:
                cut_quotes = cut_trades = None
            elif trades.last_ns <= quotes.last_ns:
                # More trades of this very moment may follow, and they precede its quotes.
                cut_quotes, cut_trades = trades.last_ns - 1, trades.last_ns
            else:
                cut_quotes = cut_trades = quotes.last_ns
            window = _merged(trades.take(cut_trades), quotes.take(cut_quotes))
            if window.time_ns:
                yield window

    def _scan_quotes(self, prices: UnitFinder, sizes: UnitFinder) -> tuple[int, int, int, int]:
        """Count, first time, last time, and the length of the gaps together."""
        count, gap_ns = 0, 0
        first_ns: int | None = None
        last_ns: int | None = None
        silences: list[_Silence] = []
        for batch, times in _ordered_batches(self._quote_files):
            _check_quotes(batch)
            see_units(prices, batch, ("bid", "ask"), "tick")
            see_units(sizes, batch, ("bid_qty", "ask_qty"), "step")
            if first_ns is None:
                first_ns = times[0]
            earlier = times[0] if last_ns is None else last_ns
            for at_ns in times:
                if at_ns - earlier > LONGEST_SILENCE_NS:
                    self.gap_starts.append(at_ns)
                    self.gap_begins.append(earlier)
                    silences.append(_Silence(earlier + LONGEST_SILENCE_NS, at_ns))
                    gap_ns += at_ns - earlier
                earlier = at_ns
            last_ns = earlier
            count += len(batch)
        if first_ns is None or last_ns is None:
            raise RecordingError(f"{self._quote_files[0].path} has columns but no rows; record or copy it again")
        self._silences = [
            _Silence(_BEFORE_ALL, first_ns),
            *silences,
            _Silence(last_ns + LONGEST_SILENCE_NS, _AFTER_ALL),
        ]
        return count, first_ns, last_ns, gap_ns

    def _scan_trades(self, prices: UnitFinder, sizes: UnitFinder) -> tuple[int, int, int]:
        """Count, how many of them have no quote, and the last time of one that has (0: none)."""
        count, dropped, last_ns = 0, 0, 0
        for batch, times in _ordered_batches(self._trade_files):
            _check_trades(batch)
            see_units(prices, batch, ("price",), "tick")
            see_units(sizes, batch, ("qty",), "step")
            kept = _outside(times, self._silences)
            dropped += len(times) - sum(end - begin for begin, end in kept)
            last_ns = times[kept[-1][1] - 1] if kept else last_ns
            count += len(batch)
        return count, dropped, last_ns

    def _trade_rows(self, batch: Batch, price_unit: Decimal, size_unit: Decimal) -> Chunk:
        times = integers(batch.columns["ts_local_ns"])
        prices, sizes = _units(batch, (("price", price_unit), ("qty", size_unit)))
        sold: list[bool] = batch.columns["buyer_is_maker"].to_pylist()
        hits_bid = [size if sell else 0 for sell, size in zip(sold, sizes, strict=True)]
        hits_ask = [0 if sell else size for sell, size in zip(sold, sizes, strict=True)]
        rows = Chunk(times, [True] * len(times), prices, prices, hits_bid, hits_ask)
        kept = _outside(times, self._silences)
        return rows if kept == [(0, len(times))] else _parts(rows, kept)


class _Stream:
    """The rows of some files that are not yet merged, a batch at a time."""

    def __init__(
        self, files: Sequence[RecordingFile], rows_of: Callable[[Batch], Chunk], after_ns: int | None
    ) -> None:
        self._batches = _ordered_batches(files)
        self._rows_of = rows_of
        self._after_ns = after_ns
        self._rows = Chunk()

    @property
    def last_ns(self) -> int | None:
        """The last time at hand; None when all is taken and no more will come."""
        return self._rows.time_ns[-1] if self._rows.time_ns else None

    def fill(self) -> bool:
        """Have rows at hand if there are any left; whether there are."""
        while not self._rows.time_ns:
            found = next(self._batches, None)
            if found is None:
                return False
            batch, times = found
            if self._after_ns is None or times[-1] > self._after_ns:
                self._rows = self._rows_of(batch)
        return True

    def take(self, until_ns: int | None) -> Chunk:
        """Remove and return the rows up to and including `until_ns` (None: all at hand)."""
        rows = self._rows
        count = len(rows) if until_ns is None else bisect_right(rows.time_ns, until_ns)
        self._rows = _parts(rows, [(count, len(rows))])
        return _parts(rows, [(0, count)]) if count < len(rows) else rows


def _ordered_batches(files: Sequence[RecordingFile]) -> Iterator[tuple[Batch, list[int]]]:
    """Batches with their times, which must not fall, from one file to the next either."""
    last_ns: int | None = None
    for file in files:
        for batch in file.batches():
            times = integers(batch.columns["ts_local_ns"])
            if (last_ns is not None and times[0] < last_ns) or any(map(int.__gt__, times, times[1:])):
                ahead = [times[0] if last_ns is None else last_ns, *times]
                row = next(index for index in range(len(times)) if ahead[index + 1] < ahead[index])
                raise RecordingError(
                    f"{file.path}, row {batch.first_row + row}: its time is earlier than the row before; "
                    "sort by ts_local_ns, and name files in time order"
                )
            last_ns = times[-1]
            yield batch, times


def _check_quotes(batch: Batch) -> None:
    import pyarrow.compute as pc

    bid, ask = batch.columns["bid"], batch.columns["ask"]
    not_positive = pc.or_(pc.less_equal(bid, 0.0), pc.less_equal(ask, 0.0))
    batch.refuse(not_positive, "the quote is zero or negative; remove the row")
    batch.refuse(pc.greater_equal(bid, ask), "the quote is crossed (bid at or above ask); remove the row")
    for name in ("bid_qty", "ask_qty"):
        batch.refuse(pc.less_equal(batch.columns[name], 0.0), f"{name} is zero or negative; remove the row")


def _check_trades(batch: Batch) -> None:
    import pyarrow.compute as pc

    for name in ("price", "qty"):
        batch.refuse(pc.less_equal(batch.columns[name], 0.0), f"{name} is zero or negative; remove the row")


def _units(batch: Batch, columns: Sequence[tuple[str, Decimal]]) -> list[list[int]]:
    try:
        return [to_units(batch.columns[name], unit) for name, unit in columns]
    except NotWhole as error:
        raise RecordingError(f"{batch.file.path} was changed since it was opened; start again") from error


def _quote_rows(batch: Batch, price_unit: Decimal, size_unit: Decimal) -> Chunk:
    times = integers(batch.columns["ts_local_ns"])
    columns = (("bid", price_unit), ("ask", price_unit), ("bid_qty", size_unit), ("ask_qty", size_unit))
    bids, asks, bid_sizes, ask_sizes = _units(batch, columns)
    return Chunk(times, [False] * len(times), bids, asks, bid_sizes, ask_sizes)


def _outside(times: list[int], silences: list[_Silence]) -> list[tuple[int, int]]:
    """The index ranges of `times` that lie in no silence."""
    kept: list[tuple[int, int]] = []
    begin = 0
    # Silences rise, so those that end before the first time need no look.
    relevant = bisect_left(silences, times[0], key=lambda silence: silence.until_ns)
    for silence in silences[relevant:]:
        end = bisect_right(times, silence.after_ns)
        if end > begin:
            kept.append((begin, end))
        begin = bisect_right(times, silence.until_ns)
        if begin == len(times):
            break
    return kept


def _parts(rows: Chunk, ranges: list[tuple[int, int]]) -> Chunk:
    def cut(column: list[T]) -> list[T]:
        parts: list[T] = []
        for begin, end in ranges:
            parts += column[begin:end]
        return parts

    return Chunk(
        cut(rows.time_ns), cut(rows.is_trade), cut(rows.low), cut(rows.high), cut(rows.low_size), cut(rows.high_size)
    )


def _merged(first: Chunk, second: Chunk) -> Chunk:
    """Both in order of time; at equal times the rows of `first` come first."""
    if not first.time_ns or not second.time_ns:
        return first if first.time_ns else second
    times = first.time_ns + second.time_ns
    # Sorting is stable, and quick on two runs that are each in order.
    order = sorted(range(len(times)), key=times.__getitem__)

    def arranged(a: list[T], b: list[T]) -> list[T]:
        both = a + b
        return [both[index] for index in order]

    return Chunk(
        arranged(first.time_ns, second.time_ns),
        arranged(first.is_trade, second.is_trade),
        arranged(first.low, second.low),
        arranged(first.high, second.high),
        arranged(first.low_size, second.low_size),
        arranged(first.high_size, second.high_size),
    )
