"""Which data are searched and which are kept for the test: walk-forward, expanding.

The data are cut into K + 1 blocks of equal length (holes in them do not count). Fold k searches all of the first k
blocks, as a person would who looks for settings anew with everything he has, and tests what it found on block k + 1,
which comes after and which no search before has seen. Cuts fall on midnight, UTC, where the blocks are days long, and
between two candles. Each search and each test begins with a fresh account and values at its end, at the mid, what is
still open, so that nothing leaks from one into the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from backtesting.data import BacktestData, RecordingError
from domain.market import NANOSECONDS
from domain.report import span
from markets.tape import MarketSource

DAY_NS = 86_400 * NANOSECONDS
_LEAST_DAYS = 4
"""Blocks that are this many days long are cut at midnight."""
_LEAST_BLOCK_NS = 10 * NANOSECONDS
_POINTS = 4
_PERIODS_S = (86_400, 14_400, 3_600, 900, 300, 60, 10, 1)
_LEAST_PERIODS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the data from `from_ns` to before `to_ns`, nanoseconds since the epoch."""

    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Fold:
    """`number` counts from 1."""

    number: int
    search: Window
    test: Window


def walk_forward(data: BacktestData, folds: int) -> tuple[Fold, ...]:
    """Raises `RecordingError` where the data are too short for so many."""
    segments = _segments(data)
    covered_ns = sum(end - begin for begin, end in segments)
    block_ns = covered_ns // (folds + 1)
    edges = [data.start_ns]
    for number in range(1, folds + 1):
        at_ns = _after(segments, covered_ns * number // (folds + 1))
        if block_ns >= _LEAST_DAYS * DAY_NS:
            at_ns = -(-at_ns // DAY_NS) * DAY_NS
        edges.append(_at_a_row(data, segments, at_ns))
    edges.append(data.end_ns + 1)
    if block_ns < _LEAST_BLOCK_NS or any(end <= begin for begin, end in pairwise(edges)):
        length = span(Decimal(covered_ns // NANOSECONDS))
        raise RecordingError(
            f"the data cover {length}, too little for {folds} folds and a beginning; give fewer with --walk-forward, "
            "or more data"
        )
    windows = [Window(begin, end) for begin, end in pairwise(edges)]
    return tuple(
        Fold(number, Window(data.start_ns, windows[number - 1].to_ns), windows[number])
        for number in range(1, folds + 1)
    )


def period_ns(data: BacktestData, folds: Sequence[Fold]) -> int:
    """The unit of the bootstrap: a day where all tests together have at least 20, else the longest round time of
    which they have as many; at least a second.
    """
    tested_ns = sum(data.covered_ns(fold.test.to_ns) - data.covered_ns(fold.test.from_ns) for fold in folds)
    fitting = (seconds for seconds in _PERIODS_S if tested_ns >= _LEAST_PERIODS * seconds * NANOSECONDS)
    return next(fitting, 1) * NANOSECONDS


def _segments(data: BacktestData) -> list[tuple[int, int]]:
    """The data between their holes: from the first row to the last of each."""
    begins = [data.start_ns, *(end for _, end in data.gaps)]
    ends = [*(begin for begin, _ in data.gaps), data.end_ns]
    return list(zip(begins, ends, strict=True))


def _after(segments: Sequence[tuple[int, int]], covered_ns: int) -> int:
    """The moment up to which so much time is covered."""
    for begin, end in segments:
        if covered_ns <= end - begin:
            return begin + covered_ns
        covered_ns -= end - begin
    return segments[-1][1]


def _at_a_row(data: BacktestData, segments: Sequence[tuple[int, int]], at_ns: int) -> int:
    """The first moment from `at_ns` on at which a candle begins; on ticks, at which there is a quote to begin with."""
    if not data.is_candles:
        return _next_quote_ns(data.source, at_ns)
    bar_ns = bar_length_ns(data.source)
    for begin, end in segments:
        if at_ns <= begin:
            return begin
        moved_ns = begin - (begin - at_ns) // bar_ns * bar_ns
        if moved_ns <= end:
            return moved_ns
    return at_ns


def _next_quote_ns(source: MarketSource, at_ns: int) -> int:
    """The time of a quote before which no trade stands at the same time."""
    last_ns = None
    for chunk in source.chunks(at_ns - 1):
        for time_ns, is_trade in zip(chunk.time_ns, chunk.is_trade, strict=True):
            if not is_trade and time_ns != last_ns:
                return time_ns
            last_ns = time_ns
    return at_ns


def bar_length_ns(source: MarketSource) -> int:
    """The length of a candle, from the first two points of its path."""
    chunk = next(iter(source.chunks()))
    quotes = [at_ns for at_ns, is_trade in zip(chunk.time_ns[:3], chunk.is_trade[:3], strict=True) if not is_trade]
    return _POINTS * (quotes[1] - quotes[0])
