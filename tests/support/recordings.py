"""Made-up recordings, written where a test wants them, and the way to real ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Columns = Mapping[str, Sequence[Any]]

SECOND = 1_000_000_000
NOON = 1_700_000_000 * SECOND


def write(path: Path, columns: Columns, metadata: dict[str, str] | None = None) -> Path:
    """Write columns as parquet or, by the name's ending, as CSV."""
    if path.suffix == ".csv":
        rows = [",".join(columns)]
        rows += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
        path.write_text("\n".join(rows) + "\n")
        return path
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(dict(columns))
    pq.write_table(table.replace_schema_metadata(metadata) if metadata else table, path)
    return path


def quotes(rows: Sequence[tuple[float, float, float, float, float]]) -> dict[str, list[Any]]:
    """Rows of `(seconds after noon, bid, bid size, ask, ask size)`."""
    return {
        "ts_local_ns": [NOON + round(row[0] * SECOND) for row in rows],
        "bid": [row[1] for row in rows],
        "bid_qty": [row[2] for row in rows],
        "ask": [row[3] for row in rows],
        "ask_qty": [row[4] for row in rows],
    }


def trades(rows: Sequence[tuple[float, float, float, bool]]) -> dict[str, list[Any]]:
    """Rows of `(seconds after noon, price, size, the buyer was the maker)`."""
    return {
        "ts_local_ns": [NOON + round(row[0] * SECOND) for row in rows],
        "price": [row[1] for row in rows],
        "qty": [row[2] for row in rows],
        "buyer_is_maker": [row[3] for row in rows],
    }


def candles(rows: Sequence[tuple[int, float, float, float, float, float]]) -> dict[str, list[Any]]:
    """Rows of `(minutes after noon, open, high, low, close, volume)`; dates in milliseconds."""
    return {
        "date": [NOON // 1_000_000 + row[0] * 60_000 for row in rows],
        "open": [row[1] for row in rows],
        "high": [row[2] for row in rows],
        "low": [row[3] for row in rows],
        "close": [row[4] for row in rows],
        "volume": [row[5] for row in rows],
    }


def real_recording(name: str) -> Path:
    """A file of the folder of real recordings; the test is skipped where there is none."""
    default = Path(__file__).parents[2] / ".." / "shared" / "data"
    path = Path(os.environ.get("MARKET_DATA_DIR", str(default))) / name
    if not path.exists():
        pytest.skip(f"no real recording {name}: set MARKET_DATA_DIR to the folder that holds it")
    return path
