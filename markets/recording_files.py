"""Files of recorded market data: opened, named, and read in batches of columns that are known to be sound.

Parquet and CSV are read by the same code: batches of Arrow arrays, numbers as 64-bit floats. A recorded decimal of up
to 15 digits survives that exactly; `markets.units` turns it back into whole units and proves it. pyarrow is imported
when the first file is opened, because nothing else of the bot needs it.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from markets.units import NotWhole, UnitFinder

Array = Any
"""A pyarrow array; pyarrow has no type information."""

_ROWS_WANTED = {"QUOTES": 8_192, "TRADES": 8_192, "CANDLES": 1_024}
"""Rows in a batch: a candle becomes eight rows of the tape."""
_CSV_BLOCK_BYTES = 1 << 18
_INVERSE_NAME = re.compile(r"coinm|coin-m|usd_perp|inverse", re.IGNORECASE)


class RecordingError(ValueError):
    """A recording that cannot be traded. The message is one line: the file, the row where there is one, and what to do.

    Rows are counted from 1, a header not included.
    """


@dataclass(frozen=True, slots=True)
class RecordingSummary:
    """What a recording holds. `bar_ns`: the length of its candles. `gaps`: holes in it, which the clock leaps over, and
    `gap_ns` their length together.

    `dropped_trades`: trades before the first quote and while the quotes were silent, which no book priced.
    """

    start_ns: int
    end_ns: int
    quotes: int = 0
    trades: int = 0
    candles: int = 0
    bar_ns: int = 0
    gaps: int = 0
    gap_ns: int = 0
    dropped_trades: int = 0


class Kind(Enum):
    """What a file holds, with the columns that say so."""

    QUOTES = ("ts_local_ns", "bid", "bid_qty", "ask", "ask_qty")
    TRADES = ("ts_local_ns", "price", "qty", "buyer_is_maker")
    CANDLES = ("date", "open", "high", "low", "close", "volume")

    @property
    def text(self) -> str:
        name = {"QUOTES": "best bid/offer", "TRADES": "trades", "CANDLES": "candles"}[self.name]
        return f"{name} ({', '.join(self.value)})"


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of one file: an array for each column of its kind, times in nanoseconds. `first_row` counts
    from 1. `segment`: the candles' segment numbers, where the file has them."""

    file: RecordingFile
    first_row: int
    columns: dict[str, Array]
    segment: Array | None = None

    def __len__(self) -> int:
        return len(self.columns[self.file.kind.value[0]])

    def refuse(self, condition: Array, complaint: str) -> None:
        """Raise for the first row at which `condition` holds."""
        import pyarrow.compute as pc

        index = pc.index(condition, True).as_py()
        if index >= 0:
            raise RecordingError(f"{self.file.path}, row {self.first_row + index}: {complaint}")


class RecordingFile:
    """One file, opened far enough to know what it holds. Raises `RecordingError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        names = self._column_names()
        self.kind = _kind_of(path, names)
        self.has_segment = self.kind is Kind.CANDLES and "segment" in names
        self.has_contract_type = "contract_type" in names
        if _INVERSE_NAME.search(path.name):
            raise self.inverse()

    def inverse(self) -> RecordingError:
        return RecordingError(
            f"{self.path} records an inverse contract (quantities in contracts, settled in the coin), which this bot "
            "does not trade; give a recording of a linear one, such as USDT- or USDC-margined"
        )

    def sha256(self) -> str:
        with self.path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def batches(self) -> Iterator[Batch]:
        """Batches in file order, their columns present, filled in, and of the right type; each call reads afresh."""
        import pyarrow as pa

        first_row = 1
        try:
            for raw in self._raw_batches():
                if raw.num_rows:
                    batch = self._sound(raw, first_row)
                    first_row += len(batch)
                    yield batch
        except (pa.ArrowInvalid, OSError) as error:
            raise RecordingError(f"{self.path} cannot be read: {_one_line(error)}") from error

    def _wanted(self) -> list[str]:
        optional = ["segment"] * self.has_segment + ["contract_type"] * self.has_contract_type
        return [*self.kind.value, *optional]

    def _column_names(self) -> list[str]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        # The default pool keeps what is freed; a batch is small, and the next one is as large.
        pa.set_memory_pool(pa.system_memory_pool())
        if not self.path.is_file():
            raise RecordingError(f"{self.path} is not a file that can be read; check the path given to --replay")
        if not self.path.stat().st_size:
            raise RecordingError(f"{self.path} is empty; record or copy it again")
        try:
            if self._is_csv:
                with self.path.open(encoding="utf-8-sig", newline="") as lines:
                    return next(csv.reader(lines), [])
            with pq.ParquetFile(self.path) as parquet:
                schema = parquet.schema_arrow
        except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
            raise RecordingError(
                f"{self.path} is damaged or cut short ({_one_line(error)}); copy it again"
            ) from error
        if (schema.metadata or {}).get(b"contract_type", b"").lower() == b"inverse":
            raise self.inverse()
        return list(schema.names)

    @property
    def _is_csv(self) -> bool:
        return self.path.suffix.lower() == ".csv"

    def _raw_batches(self) -> Iterator[Any]:
        import pyarrow.csv
        import pyarrow.parquet as pq

        rows = _ROWS_WANTED[self.kind.name]
        if not self._is_csv:
            # Mapped, so that a row group of any size is not held in memory.
            with pq.ParquetFile(self.path, memory_map=True) as parquet:
                yield from parquet.iter_batches(rows, columns=self._wanted(), use_threads=False)
            return
        convert = pyarrow.csv.ConvertOptions(include_columns=self._wanted(), column_types=self._csv_types())
        read = pyarrow.csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
        with pyarrow.csv.open_csv(self.path, read_options=read, convert_options=convert) as reader:
            for block in reader:
                yield from (block.slice(first, rows) for first in range(0, block.num_rows, rows))

    def _csv_types(self) -> dict[str, Any]:
        import pyarrow as pa

        special = {"ts_local_ns": pa.int64(), "buyer_is_maker": pa.bool_(), "segment": pa.int64()}
        texts = {"date": pa.string(), "contract_type": pa.string()}
        return {name: special.get(name) or texts.get(name) or pa.float64() for name in self._wanted()}

    def _sound(self, raw: Any, first_row: int) -> Batch:
        """The batch with every column cast, and nothing in it null or not finite."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns: dict[str, Array] = {name: raw.column(name) for name in self.kind.value}
        segment = raw.column("segment") if self.has_segment else None
        batch = Batch(self, first_row, columns, segment)
        if self.has_contract_type and "inverse" in pc.unique(raw.column("contract_type")).to_pylist():
            raise self.inverse()
        for name, column in columns.items():
            batch.refuse(pc.is_null(column), f"{name} is missing or not a number; mend or remove the row")
            if name in ("ts_local_ns", "date"):
                columns[name] = nanoseconds(self.path, name, column)
            elif name == "buyer_is_maker":
                columns[name] = self._cast(name, column, pa.bool_())
            else:
                columns[name] = self._cast(name, column, pa.float64())
                batch.refuse(pc.invert(pc.is_finite(columns[name])), f"{name} is not a finite number; remove the row")
        return batch

    def _cast(self, name: str, column: Array, target: Any) -> Array:
        import pyarrow as pa

        if pa.types.is_float32(column.type):
            raise RecordingError(f"{self.path}: column {name} is 32-bit floats, which blur prices; use 64-bit floats")
        try:
            return column.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecordingError(
                f"{self.path}: column {name} is {column.type}, and {target} is needed"
            ) from error


def _kind_of(path: Path, names: list[str]) -> Kind:
    found = set(names)
    for kind in Kind:
        if found.issuperset(kind.value):
            return kind
    closest = max(Kind, key=lambda kind: len(found.intersection(kind.value)))
    missing = [name for name in closest.value if name not in found]
    advice = f"{closest.text} needs also {', '.join(missing)}"
    if len(missing) == len(closest.value):
        advice = "needed are " + ", or ".join(kind.text for kind in Kind)
    raise RecordingError(f"{path} has the wrong columns ({', '.join(names) or 'none'}): {advice}")


def nanoseconds(path: Path, name: str, column: Array) -> Array:
    """Nanoseconds since the epoch, from time stamps, ISO 8601 texts (UTC where they name no zone) or integers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if pa.types.is_string(column.type):
            column = _parsed_times(column)
        if pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("ns"))
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.timestamp("ns", tz=column.type.tz)).cast(pa.int64())
        if not pa.types.is_integer(column.type):
            raise RecordingError(f"{path}: column {name} is {column.type}, and a time is needed")
        whole = column.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise RecordingError(f"{path}: column {name} holds what is not a time ({_one_line(error)})") from error
    if name != "date":
        return whole
    # Venues date bars in seconds, milliseconds or finer; until the year 5138 their sizes tell them apart.
    largest = pc.max(whole).as_py()
    power = 9 if largest < 10**11 else 6 if largest < 10**14 else 3 if largest < 10**17 else 0
    return pc.multiply(whole, 10**power)


def _parsed_times(column: Array) -> Array:
    import pyarrow as pa

    first = column[0].as_py().strip()
    if first.isdigit():
        return column.cast(pa.int64())
    zoned = first.endswith("Z") or re.search(r"[+-]\d\d:?\d\d$", first[10:])
    return column.cast(pa.timestamp("ns", tz="UTC" if zoned else None))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def see_units(finder: UnitFinder, batch: Batch, names: Sequence[str], option: str) -> None:
    """Let `finder` see columns; a value without a plausible unit is refused with its row."""
    for name in names:
        try:
            finder.see(batch.columns[name])
        except NotWhole as error:
            advice = f"name its unit with --market {option}=" if option == "step" else "round the recorded prices"
            raise RecordingError(
                f"{batch.file.path}, row {batch.first_row + error.index}: {name} {error.value!r} has too many digits "
                f"to be a multiple of a {option}; {advice}"
            ) from error
