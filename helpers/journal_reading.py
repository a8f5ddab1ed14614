"""Reading a journal without touching it, also while the bot that owns it is running.

The bot is not held up: SQLite lets one process write while others read, and what is read is the journal as it stood at
one moment. Nothing is created beside a journal that no bot holds open.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from domain.events import Record
from helpers.journal_errors import JournalDamaged, JournalError, JournalRefused, damaged, reason_of, translated
from helpers.journal_format import check_header, check_version, checked_rows, decoded

_BUSY_TIMEOUT_S = 5.0
_LOG_HEADER_BYTES = 32
_MOST_SCANS = 5


@dataclass(frozen=True, slots=True)
class JournalContents:
    """A journal at one moment. `mark` names its last record and everything before it, as `Journal.mark` does."""

    records: tuple[Record, ...]
    mark: str


def read_journal(path: Path) -> JournalContents:
    """Every record, checked as at a start of the bot.

    Raises `JournalError`: `JournalRefused` where there is none, it is empty or another version wrote it,
    `JournalDamaged`. Each message is one line.
    """
    if not path.is_file():
        raise JournalRefused(f"there is no journal {path}")
    try:
        _check_files(path)
        with contextlib.closing(_connect(path)) as connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                raise _empty(path)
            check_version(path, connection)
            return _contents(path, connection)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None
    except UnicodeError as error:
        raise translated(path, error) from None
    except OSError as error:
        raise JournalRefused(f"cannot read the journal {path}: {reason_of(error)}; check its permissions") from None


def _contents(path: Path, connection: sqlite3.Connection) -> JournalContents:
    connection.execute("BEGIN")  # Both questions see the same moment.
    floor = connection.execute("SELECT seq FROM floor").fetchone()
    rows = connection.execute("SELECT seq, record, checksum FROM records ORDER BY seq")
    records: list[Record] = []
    checksum = b""
    for seq, text, own in checked_rows(path, rows):
        records.append(decoded(path, seq, text))
        checksum = own
    if floor is None or not isinstance(floor[0], int):
        raise damaged(path, "the count of its records is lost")
    if len(records) < floor[0]:
        raise damaged(path, f"records after {len(records)} are missing")
    if not records:
        raise _empty(path)
    return JournalContents(tuple(records), f"{len(records)}:{checksum.hex()}")




def _check_files(path: Path) -> None:
    """As at a start. A log that its bot began anew while it was being scanned is scanned again."""
    wal = path.with_name(path.name + "-wal")
    for left in reversed(range(_MOST_SCANS)):
        before = _log_header(wal)
        try:
            check_header(path, wal)
        except JournalDamaged:
            if left and _log_header(wal) != before:
                continue
            raise
        return


def _log_header(wal: Path) -> bytes:
    try:
        with wal.open("rb") as file:
            return file.read(_LOG_HEADER_BYTES)
    except FileNotFoundError:
        return b""


def _connect(path: Path) -> sqlite3.Connection:
    """A running bot has a log beside its journal. Without one nobody writes, and SQLite need not make files either."""
    wal = path.with_name(path.name + "-wal")
    mode = "mode=ro" if wal.exists() else "mode=ro&immutable=1"
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None
    )


def _empty(path: Path) -> JournalRefused:
    return JournalRefused(f"the journal {path} holds no records yet")


def _unreadable(path: Path, error: sqlite3.Error) -> JournalError:
    passing = translated(path, error)
    if isinstance(passing, JournalDamaged):
        return passing
    return JournalRefused(f"cannot read the journal {path}: {error}; check its folder's permissions")
