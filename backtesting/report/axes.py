"""Scales: time and money to the pixels of a picture, and the round values that are written beside them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import floor, log10

from backtesting.report.markup import MINUS
from backtesting.report.thinning import WIDTH
from domain.market import NANOSECONDS

_HOLE_SHARE = 0.02
"""Holes in the data longer than this share of the whole are cut out of the axis, and marked."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200)
_STEPS_DAYS = (1, 2, 3, 7, 14, 30, 60, 90, 180, 365, 730)
_MOST_LABELS = 10
_CLOSEST_LABELS = 90.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)


class TimeAxis:
    """0 at the start, `WIDTH` at the end; time without data, if much, takes no room."""

    def __init__(self, start_ns: int, end_ns: int, gaps: Sequence[tuple[int, int]] = ()) -> None:
        end_ns = max(end_ns, start_ns + 1)
        held_ns = end_ns - start_ns - sum(end - begin for begin, end in gaps)
        holes = [gap for gap in gaps if gap[1] - gap[0] > max(1.0, held_ns * _HOLE_SHARE)]
        starts, ends = [start_ns, *(end for _, end in holes)], [*(begin for begin, _ in holes), end_ns]
        self._pieces = [(begin, max(begin, end)) for begin, end in zip(starts, ends, strict=True)]
        self._before = [0]
        for begin, end in self._pieces:
            self._before.append(self._before[-1] + end - begin)
        bounds = [WIDTH * before / max(1, self._before[-1]) for before in self._before]
        self.edges = tuple(pairwise(bounds))
        """Where each piece between holes begins and ends."""
        self.holes = tuple(bounds[1:-1])

    def x(self, time_ns: int) -> float:
        index = self.piece(time_ns)
        begin, end = self._pieces[index]
        passed = self._before[index] + min(max(0, time_ns - begin), end - begin)
        return WIDTH * passed / max(1, self._before[-1])

    def piece(self, time_ns: int) -> int:
        """Which of the pieces between holes a moment belongs to, from 0; one in a hole to the piece before."""
        return max(0, bisect_right(self._pieces, (time_ns, float("inf"))) - 1)

    def labels(self) -> list[tuple[float, str]]:
        """Round moments, far enough apart to be read."""
        step_s = _round_step_s(self._before[-1] / NANOSECONDS)
        found: list[tuple[float, str]] = []
        for begin, end in self._pieces:
            at_s = -(-begin // (step_s * NANOSECONDS)) * step_s
            while at_s * NANOSECONDS <= end:
                x = self.x(at_s * NANOSECONDS)
                if WIDTH * 0.02 <= x <= WIDTH * 0.97 and (not found or x - found[-1][0] >= _CLOSEST_LABELS):
                    found.append((x, _time_text(moment(at_s * NANOSECONDS), step_s)))
                at_s += step_s
        return found


def _round_step_s(span_s: float) -> int:
    for step_s in (*_STEPS_S, *(86_400 * days for days in _STEPS_DAYS)):
        if span_s <= step_s * _MOST_LABELS:
            return step_s
    return 86_400 * 365 * max(1, floor(span_s / (86_400 * 365 * _MOST_LABELS)) + 1)


def _time_text(at: datetime, step_s: int) -> str:
    if step_s >= 86_400 or (at.hour, at.minute, at.second) == (0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return f"{at:%H:%M:%S}" if step_s < 60 else f"{at:%H:%M}"


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """`low` at the bottom of `height` pixels, `high` at the top."""

    low: float
    high: float
    height: int

    @classmethod
    def around(cls, values: Iterable[float], height: int, *, zero: bool = False) -> ValueAxis:
        """Room for all values and a little air; `zero` is among them if asked for."""
        kept = [*values, *([0.0] if zero else [])]
        low, high = (min(kept), max(kept)) if kept else (0.0, 1.0)
        if low == high:
            air = abs(low) * 0.001 or 1.0
            return cls(low - air, high + air, height)
        air = (high - low) * 0.06
        return cls(low - air, high + air, height)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height * (1 - min(max(share, 0.0), 1.0))

    def labels(self) -> list[tuple[float, str]]:
        """Some three to five round values, and where they are."""
        span = self.high - self.low
        power = 10.0 ** floor(log10(span / 4))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if span <= power * factor * 5)
        digits = max(0, -floor(log10(step)) + (1 if round(step / 10 ** floor(log10(step)), 1) == 2.5 else 0))
        first = -floor(-self.low / step)
        values = [step * count for count in range(first, first + 8) if step * count <= self.high]
        return [(self.y(value), _value_text(value, digits)) for value in values]


def _value_text(value: float, digits: int) -> str:
    words = f"{abs(value):,.{digits}f}"
    return MINUS + words if value < 0 and words.strip("0.,") else words
