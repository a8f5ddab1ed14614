"""Small recordings, sound and spoilt, opened as the program opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from markets.recordings import MarketOverride, Recording, RecordingError, open_recording
from tests.support.recordings import Columns, candles, quotes, trades, write

QUOTES = quotes([(0, 100.1, 1.5, 100.2, 2.25), (1, 100.0, 1.0, 100.2, 2.0), (2.5, 100.0, 3.0, 100.1, 0.5)])
TRADES = trades([(-1, 100.2, 9.0, False), (0, 100.2, 8.0, False), (0.5, 100.1, 0.25, True), (1, 100.2, 1.0, False)])
CANDLES = candles([(0, 10.0, 10.5, 9.5, 10.2, 8.0), (1, 10.2, 10.4, 9.9, 10.0, 7.0), (2, 10.0, 10.1, 10.0, 10.0, 0.2)])


def opened(
    folder: Path, *contents: Columns, ending: str = "parquet", market: MarketOverride | None = None
) -> Recording:
    paths = [write(folder / f"part{index}.{ending}", columns) for index, columns in enumerate(contents)]
    return open_recording(paths, market, "BTC")


def changed(columns: Columns, name: str, row: int, value: object) -> dict[str, list[Any]]:
    """A copy with one value replaced; rows counted from 1, as the errors count them."""
    copy = {key: list(values) for key, values in columns.items()}
    copy[name][row - 1] = value
    return copy


def refusal(folder: Path, *contents: Columns, ending: str = "parquet", market: MarketOverride | None = None) -> str:
    with pytest.raises(RecordingError) as error:
        opened(folder, *contents, ending=ending, market=market)
    text = str(error.value).replace(f"{folder}/", "")
    assert "\n" not in text
    return text
