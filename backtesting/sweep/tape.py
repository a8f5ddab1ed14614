"""A market as flat arrays of whole numbers, made once and shared by every setting that is swept over it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from backtesting.data import BacktestData
from backtesting.sweep.compiled import IS_COMPILED
from backtesting.sweep.layout import (
    ASK_AT,
    ASK_SIZE_AT,
    BID_AT,
    BID_SIZE_AT,
    BLOCK,
    BLOCK_HIGH_AT,
    BLOCK_LOW_AT,
    BLOCKS,
    CANDLE_POINT,
    EVEN_STEP,
    FAR_HIGH_AT,
    FAR_LOW_AT,
    GAP_ROWS_AT,
    HIGH_AT,
    HIGH_SIZE_AT,
    KIND_AT,
    LOW_AT,
    LOW_SIZE_AT,
    PAYMENT_MID_AT,
    PAYMENT_TIME_AT,
    PAYMENTS,
    QUEUES,
    QUOTE,
    ROWS,
    TAPE_PLACES,
    TIME_AT,
    TRADE,
    TRADE_OFFSET,
)
from domain.market import Side
from markets.recordings import RecordingError
from markets.rows import NOWHERE
from markets.tape import FundingTerms


@dataclass(frozen=True, slots=True)
class Payment:
    """A moment at which funding is due: nanoseconds, twice the mid in price units, and the rate."""

    time_ns: int
    doubled_mid: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Tape:
    """`columns` and `points`: the arrays `t` and `p` of `layout`; `places`: what `w` says of them, in order."""

    columns: Any
    points: Any
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tapes:
    """The market as a buying bot sees it, and mirrored for a selling one."""

    buying: Tape
    selling: Tape
    payments: tuple[Payment, ...]
    highest: int
    """The largest price in price units."""

    def of(self, direction: Side) -> Tape:
        return self.buying if direction is Side.BUY else self.selling


def _column() -> array[int]:
    return array("q")


@dataclass(slots=True)
class _Rows:
    time: array[int] = field(default_factory=_column)
    kind: array[int] = field(default_factory=_column)
    low: array[int] = field(default_factory=_column)
    high: array[int] = field(default_factory=_column)
    low_size: array[int] = field(default_factory=_column)
    high_size: array[int] = field(default_factory=_column)
    gap_rows: list[int] = field(default_factory=list)


def whole(values: Sequence[int], *, bits: int = 64) -> Any:
    """Whole numbers as the compiled code wants them."""
    if not IS_COMPILED:
        return list(values)
    import numpy

    return numpy.array(values, dtype=numpy.int64 if bits == 64 else numpy.int32)


def zeros(count: int, *, real: bool = False) -> Any:
    """An array to write whole or real numbers to."""
    if not IS_COMPILED:
        return [0.0 if real else 0] * count
    import numpy

    return numpy.zeros(count, dtype=numpy.float64 if real else numpy.int64)


def taken(values: Any, begin: int, end: int, step: int, sign: int = 1) -> array[int]:
    """Every `step`-th of the whole numbers from `begin` to before `end`, times `sign`."""
    part = values[begin:end:step]
    if not IS_COMPILED:
        return array("q", (sign * value for value in part))
    return array("q", (sign * part).tobytes())


def tapes_of(data: BacktestData) -> Tapes:
    """Read the market once. Raises `RecordingError` when a file was changed since it was opened, or nothing quotes."""
    rows = _candle_points(data) if data.is_candles else _ticks(data)
    if all(kind == TRADE for kind in rows.kind):
        raise RecordingError(f"{data.source.description}: the market ended before its first quote")
    quotes = _quotes_in_force(rows)
    payments = _payments(data.source.funding, rows, quotes)
    return Tapes(
        _tape(rows, quotes, payments, data.is_candles, mirrored=False),
        _tape(rows, quotes, payments, data.is_candles, mirrored=True),
        payments,
        max(rows.high),
    )


def _candle_points(data: BacktestData) -> _Rows:
    """A quote and the trade that may follow it, as one row."""
    rows = _Rows()
    for chunk in data.source.chunks():
        if chunk.gap_before:
            rows.gap_rows.append(len(rows.time))
        for index, is_trade in enumerate(chunk.is_trade):
            if is_trade:
                rows.low_size[-1] = chunk.low_size[index]
                continue
            rows.time.append(chunk.time_ns[index])
            rows.kind.append(CANDLE_POINT)
            rows.low.append(chunk.low[index])
            rows.high.append(chunk.high[index])
            rows.low_size.append(0)
    rows.high_size = rows.low_size
    return rows


def _ticks(data: BacktestData) -> _Rows:
    rows = _Rows()
    for chunk in data.source.chunks():
        if chunk.gap_before:
            rows.gap_rows.append(len(rows.time))
        rows.time.extend(chunk.time_ns)
        rows.kind.extend(TRADE if is_trade else QUOTE for is_trade in chunk.is_trade)
        rows.low.extend(chunk.low)
        rows.high.extend(chunk.high)
        rows.low_size.extend(chunk.low_size)
        rows.high_size.extend(chunk.high_size)
    return rows


_Quotes = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]
"""Bid, ask and their sizes, row by row."""


def _quotes_in_force(rows: _Rows) -> _Quotes:
    """The quote in force at the end of each row's instant."""
    count = len(rows.time)
    if rows.kind[0] == CANDLE_POINT:
        nothing = array("q", bytes(8 * count))
        return rows.low, rows.high, nothing, nothing
    place = array("q", bytes(8 * count))
    last = next(index for index in range(count) if rows.kind[index] == QUOTE)
    begin = 0
    for index in range(count):
        if rows.kind[index] == QUOTE:
            last = index
        if index + 1 == count or rows.time[index + 1] != rows.time[index]:
            for row in range(begin, index + 1):
                place[row] = last
            begin = index + 1
    low, high, low_size, high_size = (
        array("q", [column[row] for row in place])
        for column in (rows.low, rows.high, rows.low_size, rows.high_size)
    )
    return low, high, low_size, high_size


def _payments(funding: FundingTerms, rows: _Rows, quotes: _Quotes) -> tuple[Payment, ...]:
    """Every payment that falls due while the market lives: not in a hole, and not after the end."""
    payments = []
    gaps = set(rows.gap_rows)
    due_ns = funding.next_from(rows.time[0] + 1)
    for row, time_ns in enumerate(rows.time):
        if due_ns == NOWHERE:
            break
        lived_until_ns = rows.time[row - 1] + 1 if row in gaps else time_ns
        while due_ns < lived_until_ns:
            payments.append(Payment(due_ns, quotes[0][row - 1] + quotes[1][row - 1], funding.rate_at(due_ns)))
            due_ns = funding.next_from(due_ns + 1)
        if row in gaps:
            due_ns = funding.next_from(max(due_ns, time_ns))
    if due_ns == rows.time[-1]:
        payments.append(Payment(due_ns, quotes[0][-1] + quotes[1][-1], funding.rate_at(due_ns)))
    return tuple(payments)


def _tape(rows: _Rows, quotes: _Quotes, payments: tuple[Payment, ...], is_candles: bool, *, mirrored: bool) -> Tape:
    def turned(column: Sequence[int]) -> Sequence[int]:
        return array("q", [-value for value in column]) if mirrored else column

    bid, ask, bid_size, ask_size = quotes
    low, high, low_size, high_size = rows.low, rows.high, rows.low_size, rows.high_size
    if mirrored:
        low, high, low_size, high_size = high, low, high_size, low_size
        bid, ask, bid_size, ask_size = ask, bid, ask_size, bid_size
    turned_low, turned_high = turned(low), turned(high)
    block_low, block_high = _blocks(turned_low, min, BLOCK), _blocks(turned_high, max, BLOCK)
    columns = {
        TIME_AT: rows.time,
        LOW_AT: turned_low,
        HIGH_AT: turned_high,
        LOW_SIZE_AT: low_size,
        KIND_AT: rows.kind,
        GAP_ROWS_AT: [*rows.gap_rows, len(rows.time)],
        BLOCK_LOW_AT: block_low,
        BLOCK_HIGH_AT: block_high,
        FAR_LOW_AT: _blocks(block_low, min, BLOCKS),
        FAR_HIGH_AT: _blocks(block_high, max, BLOCKS),
        PAYMENT_TIME_AT: [payment.time_ns for payment in payments],
        PAYMENT_MID_AT: [-p.doubled_mid if mirrored else p.doubled_mid for p in payments],
        BID_SIZE_AT: bid_size,
    }
    same = {HIGH_SIZE_AT: LOW_SIZE_AT, BID_AT: LOW_AT, ASK_AT: HIGH_AT, ASK_SIZE_AT: BID_SIZE_AT}
    if not is_candles:
        columns |= {HIGH_SIZE_AT: high_size, BID_AT: turned(bid), ASK_AT: turned(ask), ASK_SIZE_AT: ask_size}
        same = {}
    places = [0] * TAPE_PLACES
    whole_tape: array[int] = array("q")
    for place, column in columns.items():
        places[place] = len(whole_tape)
        whole_tape.extend(column)
    for place, other in same.items():
        places[place] = places[other]
    places[ROWS], places[PAYMENTS] = len(rows.time), len(payments)
    places[QUEUES], places[TRADE_OFFSET] = int(not is_candles), int(mirrored)
    places[EVEN_STEP] = _even_step(rows) if is_candles else 0
    points = whole(turned_low, bits=32) if places[EVEN_STEP] else whole([0], bits=32)
    return Tape(whole(whole_tape), points, tuple(places))


def _even_step(rows: _Rows) -> int:
    """The one distance between rows that no hole separates, in nanoseconds; 0 where there are several."""
    gaps = {0, *rows.gap_rows}
    steps = {rows.time[row] - rows.time[row - 1] for row in range(len(rows.time)) if row not in gaps}
    fits = max(rows.high) < 1 << 31
    return steps.pop() if len(steps) == 1 and fits else 0


def _blocks(values: Sequence[int], of: Callable[[Sequence[int]], int], size: int) -> list[int]:
    return [of(values[begin : begin + size]) for begin in range(0, len(values), size)]
