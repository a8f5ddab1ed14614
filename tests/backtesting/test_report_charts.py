"""Pictures are bounded in size and lose nothing that could be seen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtesting.holding import Holding
from backtesting.report.axes import TimeAxis, ValueAxis
from backtesting.report.chart import Chart
from backtesting.report.thinning import MOST_MARKS, MOST_STRIPES, WIDTH, thin_line, thin_marks, thin_stripes
from domain.market import NANOSECONDS

DAY = 86_400 * NANOSECONDS


@given(st.lists(st.tuples(st.floats(0, WIDTH), st.floats(-1e6, 1e6)), max_size=300))
def test_a_thinned_line_keeps_the_ends_and_extremes_of_every_column(points: list[tuple[float, float]]) -> None:
    points.sort(key=lambda point: point[0])
    kept = thin_line(points)
    for column in {int(x) for x, _ in points}:
        before = [point for point in points if int(point[0]) == column]
        after = [point for point in kept if int(point[0]) == column]
        levels = [y for _, y in before]
        assert (after[0], after[-1]) == (before[0], before[-1])
        assert (min(y for _, y in after), max(y for _, y in after)) == (min(levels), max(levels))
        assert len(after) <= 4
    remaining = iter(points)
    assert all(point in remaining for point in kept)


def test_a_hundred_thousand_trades_become_few_marks_near_which_each_of_them_lies() -> None:
    chance = Random(1)
    points = [(chance.uniform(0, WIDTH), chance.uniform(0, 300)) for _ in range(100_000)]
    cells, size = thin_marks(points)
    assert len(cells) <= MOST_MARKS
    known = set(cells)
    assert all((int(x) // size * size, int(y) // size * size) in known for x, y in points)
    assert thin_marks(points[:5])[1] == 1


def test_many_orders_become_few_stripes_which_cover_each_of_them() -> None:
    chance = Random(2)
    begins = [chance.uniform(0, 990) for _ in range(50_000)]
    stripes = [(begin, begin + chance.uniform(0, 9), chance.uniform(0, 300)) for begin in begins]
    assert len(thin_stripes(stripes)) <= MOST_STRIPES
    assert thin_stripes([(0.0, 10.0, 5.0), (10.2, 20.0, 5.4), (40.0, 40.1, 5.0)]) == [(0, 20, 5), (40, 41, 5)]


def test_long_holes_are_cut_out_of_the_time_axis_and_short_ones_are_not() -> None:
    axis = TimeAxis(0, 104 * DAY, [(1 * DAY, 1 * DAY + 60 * NANOSECONDS), (2 * DAY, 102 * DAY)])
    assert [round(hole) for hole in axis.holes] == [500]
    assert (axis.x(0), axis.x(104 * DAY)) == (0, WIDTH)
    assert axis.x(2 * DAY) == axis.x(50 * DAY) == axis.x(102 * DAY) == axis.holes[0]
    assert [axis.piece(day * DAY) for day in (0, 50, 103)] == [0, 0, 1]


def test_a_line_is_broken_at_a_hole_and_a_stepped_one_goes_on_behind_it() -> None:
    def drawn(*, steps: bool) -> str:
        axis = TimeAxis(0, 100 * DAY, [(2 * DAY, 98 * DAY)])
        chart = Chart("a", "A", "a", axis, ValueAxis(0.0, 10.0, 100))
        chart.line("ink", [(0, 5.0), (1 * DAY, 10.0)], steps=steps)
        return chart.layers[0]

    assert drawn(steps=False) == '<path class="ink" d="M0.0 50.0L250.0 0.0"/>'
    assert drawn(steps=True) == '<path class="ink" d="M0.0 50.0H250.0V0.0H500.0M500.0 0.0H1000.0"/>'


@pytest.mark.parametrize(
    "span_s, labels",
    [
        (344, ["00:01", "00:02", "00:03", "00:04", "00:05"]),
        (7, ["00:00:01", "00:00:02", "00:00:03", "00:00:04", "00:00:05", "00:00:06"]),
        (2.5 * 86_400, ["06:00", "12:00", "18:00", "1970-01-02", "06:00", "12:00", "18:00", "1970-01-03", "06:00"]),
        (100 * 86_400, ["1970-01-15", "1970-01-29", "1970-02-12", "1970-02-26", "1970-03-12", "1970-03-26"]),
    ],
)
def test_moments_beside_a_picture_are_round(span_s: float, labels: list[str]) -> None:
    assert [words for _, words in TimeAxis(0, int(span_s * NANOSECONDS)).labels()] == labels


@pytest.mark.parametrize(
    "values, labels",
    [
        ([0.0, 100.0], ["0", "25", "50", "75", "100"]),
        ([-0.0012, 0.0007], ["\u22120.0010", "\u22120.0005", "0.0000", "0.0005"]),
        ([61_600.0, 61_850.0], ["61,600", "61,700", "61,800"]),
        ([7.0, 7.0], ["6.995", "7.000", "7.005"]),
        ([], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_values_beside_a_picture_are_round(values: list[float], labels: list[str]) -> None:
    assert [words for _, words in ValueAxis.around(values, 300).labels()] == labels


def test_holding_times_are_counted_by_length() -> None:
    held = Holding(tuple(seconds * NANOSECONDS for seconds in (2, 3, 10, 100, 100, 3_600)), ())
    assert held.histogram() == (
        ("1 s to 5 s", 2), ("5 s to 15 s", 1), ("15 s to 1 min", 0), ("1 min to 5 min", 2), ("5 min to 15 min", 0),
        ("15 min to 1 h", 0), ("1 h to 4 h", 1),
    )  # fmt: skip
    assert [held.quantile(share) for share in (0.01, 0.5, 0.51, 1.0)] == [
        seconds * NANOSECONDS for seconds in (2, 10, 100, 3_600)
    ]
    assert (Holding((), ()).quantile(0.5), Holding((), ()).histogram()) == (None, ())
