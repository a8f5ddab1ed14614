"""A recording is streamed: however long it is, no more of it is in memory at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from markets.recordings import open_recording
from tests.support.recordings import Columns, candles, quotes, write

BATCHES = 2
"""Of the shorter recording; the longer one has five times as many."""


def many_candles(batches: int) -> Columns:
    return candles([(minute, 10.0, 10.5, 9.5, 10.2, 8.0) for minute in range(1_024 * batches)])


def many_quotes(batches: int) -> Columns:
    return quotes([(row / 10, 10.0, 1.5, 10.5, 2.5) for row in range(8_192 * batches)])


def most_in_use(path: Path) -> int:
    """Bytes that Python holds at most while a recording is scanned and streamed; its rows are not kept."""
    tracemalloc.start()
    rows = sum(len(chunk) for chunk in open_recording([path], None, "TST").chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows >= 8_192
    return peak


@pytest.mark.parametrize("many", [many_candles, many_quotes])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_five_times_the_recording_takes_the_same_memory(
    tmp_path: Path, ending: str, many: Callable[[int], Columns]
) -> None:
    short, long = (write(tmp_path / f"{count}.{ending}", many(count * BATCHES)) for count in (1, 5))
    assert long.stat().st_size > short.stat().st_size
    most_in_use(short)  # Whatever is imported or cached on the way is no part of the comparison.
    assert most_in_use(long) < 1.2 * most_in_use(short)
