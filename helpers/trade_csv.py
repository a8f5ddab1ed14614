"""The trades of the journal as a CSV file, each exactly once, also across `kill -9`.

The file is a projection: `Timestamp,OrderID,Side,Quantity,Price,Status,TradeID,ClientID,Fee,Role`.

* One row per own trade, with that trade's quantity and fee, at the venue's time. Status PARTIALLY_FILLED, and FILLED on
  the trade that completes the order. Where the venue says only after the last trade that the order is complete (it had
  shrunk it), a row of quantity 0 with status FILLED says so then: FILLED stands exactly once per completed order, and
  the quantities of an order's trades add up.
* One row for an opening order that was cancelled (or expired) after it had filled: Status CANCELED, the quantity is the
  order's filled total, the price its own; no trade id, fee or role.
* A trade the venue forced (liquidation) has no client id and stays PARTIALLY_FILLED: its order is not ours to complete.

The bot hands over every record with its number in the journal, at a start the replayed ones too, and rows are written
in batches. After each batch a cursor (record number, file size, checksum of the file) is noted in the journal's
database. At a start a file longer than its cursor was being written when the process died: it is cut back, and the rows
after the cursor come again. A file that is not the one the cursor describes (edited, lost) is set aside, never
overwritten, and the whole projection is written anew. Trouble with the disk never raises while trading: it is kept
in `trouble`, the rows wait, and what cannot wait in memory is written at the next start. The journal is the truth.
With a `Background` the file is written in its thread only, so that a disk that hangs holds nobody up; the cursor is
noted where `flush` is called, once the batch is written.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import zlib
from concurrent import futures
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from domain.events import Record
from domain.report import plain
from helpers.background import Background
from helpers.journal import JournalError, Notes
from helpers.private_files import open_private
from helpers.trade_rows import TradeRow, TradeRows

COLUMNS = ("Timestamp", "OrderID", "Side", "Quantity", "Price", "Status", "TradeID", "ClientID", "Fee", "Role")
_HEADER = (",".join(COLUMNS) + "\n").encode()
_BATCH_ROWS = 256
_MOST_WAITING_ROWS = 10_000
_LONGEST_TEXT = 200
_CHUNK = 1 << 20
_CLOSE_WITHIN_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA_SIGNS = ("=", "+", "-", "@")


class TradeCsvUnwritable(Exception):
    """The file cannot be opened at the start; the message is one line."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The rows of all records up to `seq` are in the file's first `size` bytes, whose CRC-32 is `checksum`."""

    seq: int = 0
    size: int = 0
    checksum: int = 0

    def __str__(self) -> str:
        return f"{self.seq} {self.size} {self.checksum}"

    @classmethod
    def parse(cls, text: str) -> _Cursor | None:
        words = text.split(" ")
        if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
            return None
        return cls(*map(int, words))


class TradeCsv:
    """The projection into one file; see the module's text. `open` makes one."""

    def __init__(
        self, handle: int, cursor: _Cursor, tz: tzinfo, notes: Notes, note_name: str, background: Background | None
    ) -> None:
        self._handle: int | None = handle
        self._background = background
        self._batch: list[bytes] = []
        """Rows under way to the file."""
        self._batch_seq = 0
        self._writing: futures.Future[None] | None = None
        self._written = self._noted = cursor
        self._tz = tz
        self._notes = notes
        self._note_name = note_name
        self._rows = TradeRows()
        self._waiting: list[bytes] = []
        self._last_seq = cursor.seq
        self._has_given_up = False
        self._torn_at: int | None = None
        """Where a write began that failed and could not be taken back."""
        self.trouble: str | None = None
        """The last problem in one line; None again once everything is written."""

    @classmethod
    def open(cls, path: Path, tz: tzinfo, notes: Notes, background: Background | None = None) -> TradeCsv:
        """Open or create `path`, folder included; times in `tz`, its cursor in `notes`, written by `background` if any.

        Raises `TradeCsvUnwritable`, or `JournalDamaged` where the notes cannot be read.
        """
        note_name = f"trade_csv {path.resolve()}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, cursor = _open_at_cursor(path, notes.note(note_name))
        except OSError as error:
            raise TradeCsvUnwritable(
                f"cannot write {path}: {error.strerror or error}; check the folder and its permissions"
            ) from None
        try:
            notes.write_note(note_name, str(cursor))
        except JournalError as error:
            os.close(handle)
            raise TradeCsvUnwritable(f"cannot note the state of {path}: {error}") from None
        return cls(handle, cursor, tz, notes, note_name, background)

    def saw(self, seq: int, record: Record) -> None:
        """Project one record; every record of the journal once, in order, those of a replay included. Never raises."""
        rows = self._rows.of(record)
        if seq <= self._written.seq:
            return
        self._last_seq = seq
        if not rows or self._has_given_up:
            return
        self._waiting += [self._line(row) for row in rows]
        if len(self._waiting) % _BATCH_ROWS < len(rows) and len(self._waiting) >= _BATCH_ROWS:
            self.flush()
        if len(self._waiting) >= _MOST_WAITING_ROWS:
            # Later rows must not be written past these: all of them come again at the next start, from the cursor on.
            self._waiting.clear()
            self._has_given_up = True
            self.trouble = f"{self.trouble}; too many to keep waiting: they are written at the next start"

    def flush(self) -> None:
        """Write what waits; what fails stays and is tried again with the next flush. Never raises."""
        if self._handle is None or (self._writing is not None and not self._writing.done()):
            return
        self._conclude()
        if self._has_given_up or not self._waiting:
            return
        self._batch, self._waiting = self._batch + self._waiting, []
        self._batch_seq = self._last_seq
        handle = self._handle
        if self._background is not None:
            self._writing = self._background.submit(lambda: self._write(handle))
            return
        self._writing = futures.Future()
        try:
            self._write(handle)
        except OSError as error:
            self._writing.set_exception(error)
        else:
            self._writing.set_result(None)
        self._conclude()

    def close(self) -> None:
        """Flush and close; idempotent. What could not be written soon is written at the next start."""
        if self._handle is None:
            return
        if self._writing is not None:
            futures.wait([self._writing], _CLOSE_WITHIN_S)
        self.flush()
        handle, self._handle = self._handle, None
        if self._background is None:
            os.close(handle)
            return
        closing = self._background.submit(lambda: os.close(handle))
        with contextlib.suppress(TimeoutError, OSError):
            closing.result(_CLOSE_WITHIN_S)
            self._conclude()

    def _conclude(self) -> None:
        """Take in how the last writing ended, and note the cursor."""
        writing, self._writing = self._writing, None
        try:
            if writing is not None and (error := writing.exception()) is not None:
                self._waiting = self._batch + self._waiting
                self._batch = []
                raise error
            if self._written != self._noted:
                self._notes.write_note(self._note_name, str(self._written))
                self._noted = self._written
        except OSError as error:
            self.trouble = f"trades wait to be written to the CSV file: {error.strerror or error}"
        except JournalError as error:
            self.trouble = f"the state of the trade CSV cannot be noted: {error}"
        else:
            self.trouble = None

    def _write(self, handle: int) -> None:
        """Append the batch as a whole; a part that a full disk let through is taken back. Raises `OSError`."""
        data = b"".join(self._batch)
        if not self._written.size:
            data = _HEADER + data
        self._cut_back(handle)
        self._torn_at = os.fstat(handle).st_size
        done = 0
        try:
            while done < len(data):
                done += os.write(handle, data[done:])
        except OSError:
            # Should this fail too, the next attempt begins with it.
            with contextlib.suppress(OSError):
                self._cut_back(handle)
            raise
        self._torn_at = None
        size, checksum = self._written.size + len(data), zlib.crc32(data, self._written.checksum)
        self._written = _Cursor(self._batch_seq, size, checksum)
        self._batch = []

    def _cut_back(self, handle: int) -> None:
        """Remove what a failed write left behind. Raises `OSError`."""
        if self._torn_at is not None:
            os.ftruncate(handle, self._torn_at)
            self._torn_at = None

    def _line(self, row: TradeRow) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(
            (
                self._time(row.at_ns),
                safe_text(row.order_id or ""),
                row.side.value,
                plain(row.quantity),
                "" if row.price is None else plain(row.price),
                row.status,
                safe_text(row.trade_id or ""),
                "" if row.client_id is None else row.client_id,
                "" if row.fee is None else plain(row.fee),
                "" if row.role is None else row.role.value,
            )
        )
        return text.getvalue().encode()

    def _time(self, at_ns: int) -> str:
        """ISO 8601 to the millisecond with the offset of the time zone."""
        moment = _EPOCH + timedelta(milliseconds=at_ns // 1_000_000)
        return moment.astimezone(self._tz).isoformat(timespec="milliseconds")


def safe_text(text: str) -> str:
    """A venue's text for a spreadsheet: control characters made visible, no formula, not endless."""
    visible = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    capped = visible if len(visible) <= _LONGEST_TEXT else visible[: _LONGEST_TEXT - 1] + "…"
    return "'" + capped if capped.lstrip().startswith(_FORMULA_SIGNS) else capped


def _open_at_cursor(path: Path, noted: str | None) -> tuple[int, _Cursor]:
    """The file, ending where its cursor says. Raises `OSError`."""
    handle = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        cursor = _Cursor.parse(noted) if noted is not None else _cursor_behind(handle)
        if cursor is not None and _checksum(handle, cursor.size) == cursor.checksum:
            if os.fstat(handle).st_size > cursor.size:
                os.ftruncate(handle, cursor.size)
            return handle, cursor
        is_empty = os.fstat(handle).st_size == 0
    except OSError:
        os.close(handle)
        raise
    if is_empty:
        return handle, _Cursor()
    os.close(handle)
    _set_aside(path)
    return open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND), _Cursor()


def _cursor_behind(handle: int) -> _Cursor | None:
    """A new journal continues the file of an earlier one, if it is such a file: the cursor at its end."""
    size = os.fstat(handle).st_size
    if size == 0:
        return _Cursor()
    os.lseek(handle, 0, os.SEEK_SET)
    has_header = os.read(handle, len(_HEADER)) == _HEADER
    os.lseek(handle, -1, os.SEEK_END)
    ends_in_line = os.read(handle, 1) == b"\n"
    checksum = _checksum(handle, size)
    return _Cursor(0, size, checksum) if has_header and ends_in_line and checksum is not None else None


def _checksum(handle: int, size: int) -> int | None:
    """CRC-32 of the first `size` bytes; None if there are fewer."""
    os.lseek(handle, 0, os.SEEK_SET)
    checksum = 0
    while size:
        chunk = os.read(handle, min(size, _CHUNK))
        if not chunk:
            return None
        checksum = zlib.crc32(chunk, checksum)
        size -= len(chunk)
    return checksum


def _set_aside(path: Path) -> None:
    """Rename to the first free `<name>.1`, `<name>.2`, ..."""
    number = 1
    while os.path.lexists(f"{path}.{number}"):
        number += 1
    path.rename(f"{path}.{number}")
