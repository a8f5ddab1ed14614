"""Which data are searched and which are kept: nothing twice, nothing before its time, whole candles and whole days."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from backtesting import BacktestData, RecordingError, open_data
from backtesting.optimize.folds import DAY_NS, Fold, Window, bar_length_ns, period_ns, walk_forward
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, candles, write

MINUTE = 60 * SECOND


def of_minutes(folder: Path, *minutes: int) -> BacktestData:
    bars = candles([(minute, 100.0, 101.0, 99.0, 100.5, 8.0) for minute in minutes])
    return open_data([write(folder / "candles.parquet", bars)], ticker="BTC")


def test_each_fold_searches_all_before_its_test(tmp_path: Path) -> None:
    data = of_minutes(tmp_path, *range(40))
    edges = [NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE, NOON + 30 * MINUTE, data.end_ns + 1]
    assert walk_forward(data, 3) == tuple(
        Fold(number, Window(NOON, edges[number]), Window(edges[number], edges[number + 1])) for number in (1, 2, 3)
    )


def test_holes_do_not_count_and_no_cut_falls_into_one(tmp_path: Path) -> None:
    data = of_minutes(tmp_path, *range(10), *range(1_000, 1_010))
    [fold] = walk_forward(data, 1)
    assert fold.search == Window(NOON, NOON + 1_000 * MINUTE)
    assert fold.test == Window(NOON + 1_000 * MINUTE, data.end_ns + 1)


@pytest.mark.parametrize("folds", [1, 2, 5])
@pytest.mark.parametrize("is_candles", [True, False])
def test_the_parts_together_are_the_whole(tmp_path: Path, folds: int, is_candles: bool) -> None:
    if is_candles:
        files = [write(tmp_path / "candles.csv", random_candles(Random(folds), 500))]
    else:
        bbo, prints = random_ticks(Random(folds), 800)
        files = [write(tmp_path / "b.csv", bbo), write(tmp_path / "t.csv", prints)]
    data = open_data(files, ticker="BTC")
    walk = walk_forward(data, folds)
    windows = [walk[0].search, *(fold.test for fold in walk)]
    parts = [data.part(window.from_ns, window.to_ns) for window in windows]
    whole = [at_ns for chunk in data.source.chunks() for at_ns in chunk.time_ns]
    assert [at_ns for part in parts for chunk in part.source.chunks() for at_ns in chunk.time_ns] == whole
    assert all(part.start_ns >= window.from_ns for part, window in zip(parts, windows, strict=True))
    assert [next(iter(part.source.chunks())).is_trade[0] for part in parts] == [False] * (folds + 1)
    assert [fold.search.to_ns for fold in walk] == [fold.test.from_ns for fold in walk]
    if is_candles:
        rows = [sum(not trade for chunk in part.source.chunks() for trade in chunk.is_trade) for part in parts]
        assert [count % 4 for count in rows] == [0] * (folds + 1)


def test_blocks_of_many_days_are_cut_at_midnight(tmp_path: Path) -> None:
    hours = candles([(60 * hour, 100.0, 101.0, 99.0, 100.5, 8.0) for hour in range(24 * 21)])
    data = open_data([write(tmp_path / "hours.csv", hours)], ticker="BTC")
    assert bar_length_ns(data.source) == 60 * MINUTE
    walk = walk_forward(data, 3)
    # Bars begin at 13 minutes and 20 seconds past the hour here: the first one after midnight.
    assert [fold.test.from_ns % DAY_NS for fold in walk] == [(13 * 60 + 20) * SECOND] * 3
    assert period_ns(data, walk) == DAY_NS // 6


def test_periods_are_days_where_there_are_enough(tmp_path: Path) -> None:
    hours = candles([(60 * hour, 100.0, 101.0, 99.0, 100.5, 8.0) for hour in range(24 * 43)])
    data = open_data([write(tmp_path / "hours.csv", hours)], ticker="BTC")
    assert period_ns(data, walk_forward(data, 1)) == DAY_NS
    assert period_ns(data, walk_forward(data, 1)[:0]) == SECOND


def test_data_that_are_too_short_for_so_many_folds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"^the data cover 2m 45s, too little for 20 folds and a beginning; give"):
        walk_forward(of_minutes(tmp_path, 0, 1, 2), 20)


def test_a_part_without_data_is_refused(tmp_path: Path) -> None:
    data = of_minutes(tmp_path, 0, 1, 100, 101)
    with pytest.raises(RecordingError, match=r"^no data from .* to .* UTC; give a time inside"):
        data.part(NOON + 10 * MINUTE, NOON + 20 * MINUTE)
