"""Many points for few pixels: what is left out could not be seen.

A picture is `WIDTH` columns wide, whatever the screen. Lines keep the first, lowest, highest and last point of each
column; marks and stripes that would cover each other are drawn once. So a page's size is bounded, however long the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]
WIDTH = 1_000
MOST_MARKS = 4_000
MOST_STRIPES = 5_000


def thin_line(points: Iterable[Point]) -> list[Point]:
    """The first, lowest, highest and last of each column, in order; at most four for each. x must not fall."""
    kept: list[Point] = []
    column: list[Point] = []
    at = None
    for point in points:
        if int(point[0]) != at:
            kept += _extremes(column)
            column, at = [], int(point[0])
        column.append(point)
    return kept + _extremes(column)


def _extremes(column: list[Point]) -> list[Point]:
    if len(column) <= 4:
        return column
    lowest = min(range(len(column)), key=lambda index: column[index][1])
    highest = max(range(len(column)), key=lambda index: column[index][1])
    return [column[index] for index in sorted({0, lowest, highest, len(column) - 1})]


def thin_marks(points: Sequence[Point]) -> tuple[list[tuple[int, int]], int]:
    """One point for each occupied cell, and the cell's size in pixels: the smallest that leaves few enough."""
    size = 1
    while True:
        cells = {(int(x) // size * size, int(y) // size * size) for x, y in points}
        if len(cells) <= MOST_MARKS:
            return sorted(cells), size
        size += 1


def thin_stripes(stripes: Sequence[tuple[float, float, float]]) -> list[tuple[int, int, int]]:
    """Horizontal lines (from, to, y), those on the same row joined where they meet or nearly do."""
    size = 1
    while True:
        rows: dict[int, list[tuple[int, int]]] = {}
        for begin, end, y in stripes:
            rows.setdefault(int(y) // size * size, []).append((int(begin), max(int(begin) + 1, round(end))))
        joined = [(begin, end, y) for y, row in sorted(rows.items()) for begin, end in _joined(row, size - 1)]
        if len(joined) <= MOST_STRIPES:
            return joined
        size += 1


def _joined(row: list[tuple[int, int]], slack: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(row):
        if joined and begin <= joined[-1][1] + slack:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined
