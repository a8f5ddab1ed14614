"""What a journal file must look like to be believed, for whoever writes one and for whoever only reads one."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from domain.events import Record
from helpers.journal_errors import JournalRefused, damaged
from helpers.private_files import open_private
from helpers.record_codec import RecordError, decode_record
from helpers.wal_scan import has_damage_in_the_middle

FORMAT_VERSION = 1
APPLICATION_ID = 0x6A726E6C
CHECKSUM_BYTES = 8
FIRST_CHECKSUM = bytes(CHECKSUM_BYTES)
"""Stands for the row before the first."""
_MAGIC = b"SQLite format 3\x00"
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))


def chained(previous: bytes, text: str) -> bytes:
    """The checksum of a row: over the checksum of the row before it and its own text."""
    return hashlib.blake2b(previous + text.encode(), digest_size=CHECKSUM_BYTES).digest()


def check_header(path: Path, wal: Path) -> None:
    """Check what SQLite would not, before SQLite sees the file. Raises `JournalDamaged`, `OSError`."""
    handle = open_private(path, os.O_RDONLY)
    with os.fdopen(handle, "rb") as file:
        header = file.read(100)
    has_log = wal.exists() and wal.stat().st_size > 0
    if not header:
        if has_log:
            raise damaged(path, "the file is empty, but its -wal file is not")
        return
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65_536 if page_size == 1 else page_size
    if len(header) < 100 or header[:16] != _MAGIC or page_size not in _PAGE_SIZES:
        raise damaged(path, "it is not a SQLite database")
    modes = header[18:20]
    if modes not in (b"\x01\x01", b"\x02\x02") or (has_log and modes != b"\x02\x02"):
        raise damaged(path, "its header is changed")
    if has_damage_in_the_middle(wal, page_size):
        raise damaged(path, "its -wal file is damaged in the middle")


def check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database that is not ours, or newer. Raises `JournalDamaged`, `JournalRefused`, `sqlite3.Error`."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or version < 1:
        raise damaged(path, "it is not a journal of this program, or its header is changed")
    if version > FORMAT_VERSION:
        raise JournalRefused(
            f"the journal {path} has format {version}, this program knows {FORMAT_VERSION}; use the newer program"
        )


def checked_rows(path: Path, rows: Iterable[tuple[object, object, object]]) -> Iterator[tuple[int, str, bytes]]:
    """The rows (number, text, checksum) of a journal from the first on, each once it is proven. Raises
    `JournalDamaged`.
    """
    expected, checksum = 1, FIRST_CHECKSUM
    for seq, text, stored in rows:
        own = chained(checksum, text) if isinstance(text, str) else None
        if seq != expected or own is None or stored != own:
            raise damaged(path, f"record {expected} is missing or changed")
        assert isinstance(text, str)
        checksum = own
        yield expected, text, checksum
        expected += 1


def decoded(path: Path, seq: int, text: str) -> Record:
    """The record of a row that is sound. Raises `JournalRefused`."""
    try:
        return decode_record(text)
    except RecordError as error:
        raise JournalRefused(
            f"record {seq} of the journal {path} is sound but not understood ({error}); "
            "use the version of this program that wrote it"
        ) from None
