"""The journal: every record in order, written before it takes effect, and read back at the next start.

Three promises, and the SQLite behaviour each rests on (WAL mode):

* `append(sync=True)` returns after the records are on the disk: `PRAGMA synchronous=FULL` syncs the log at each commit.
* `append(sync=False)` hands the records to the operating system, so that they survive `kill -9` but perhaps not a power
  loss: with `synchronous=NORMAL` a commit writes the log and does not sync it.
* `sync()` makes everything before it durable: one small commit under `FULL` syncs the log, and the log is one file.

With `durable=False` (virtual time) nothing is ever synced; `kill -9` still loses nothing.

Each row's checksum covers the row before it, so a changed, lost or exchanged row is found when the journal is read. The
`floor` row, written with every synced commit, says how many records there were at least, so lost last rows are found. A
torn tail of the log (a power loss) is dropped: what is read is always a prefix of what was written. Damage anywhere
else is refused; for the log, see `helpers.wal_scan`. An append that fails leaves nothing behind and may be tried again;
only if syncing itself failed may the records turn up after a restart.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from domain.events import Record
from helpers.journal_errors import (
    JournalDamaged,
    JournalError,
    JournalRefused,
    JournalUnwritable,
    damaged,
    reason_of,
    translated,
)
from helpers.journal_format import (
    APPLICATION_ID,
    CHECKSUM_BYTES,
    FIRST_CHECKSUM,
    FORMAT_VERSION,
    chained,
    check_header,
    check_version,
    checked_rows,
    decoded,
)
from helpers.memory_journal import MemoryJournal
from helpers.private_files import make_private_folder, open_private, sync_folder
from helpers.record_codec import encode_record

__all__ = [
    "FORMAT_VERSION",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalRefused",
    "JournalUnwritable",
    "MemoryJournal",
    "Notes",
    "SqliteJournal",
]

_CHECKPOINT_PAGES = 500
"""A log of about 2 MB: checked in some 50 ms at a start, moved into the database every few hundred commits."""
_BUSY_TIMEOUT_S = 0.25
_SCHEMA = """
CREATE TABLE records (seq INTEGER PRIMARY KEY, record TEXT NOT NULL, checksum BLOB NOT NULL);
CREATE TABLE floor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, syncs INTEGER NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO floor VALUES (1, 0, 0);
"""


class Notes(Protocol):
    """A few small texts kept beside the records, with the durability of `append(sync=False)`."""

    def note(self, name: str) -> str | None: ...

    def write_note(self, name: str, text: str) -> None:
        """Raises `JournalUnwritable`."""


class Journal(Notes, Protocol):
    """Records in order; the first has sequence number 1."""

    @property
    def last_seq(self) -> int:
        """The number of the last record; 0 when there is none."""

    def replay(self, after: int = 0, also: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        """Every record with its number, in order: those after the number `after`, and before it those in `also`.

        All records are checked, whichever are asked for. Raises `JournalDamaged`.
        """

    def mark(self) -> str:
        """A name, without spaces, of the last record and of everything before it."""

    def find(self, mark: str) -> int | None:
        """The number of the record that `mark` names; None where this journal does not hold it, or anything before it
        is another. Raises `JournalDamaged`."""

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        """Write all of `records` or none; the last number.

        Raises `JournalUnwritable`, `JournalDamaged`, or `RecordError` for a record that must not be written.
        """

    def sync(self) -> None:
        """Return when everything appended is on the disk. Raises `JournalUnwritable`, `JournalDamaged`."""

    def close(self) -> None:
        """Sync and close; idempotent. Raises `JournalUnwritable` if the last records may not be on the disk."""


class SqliteJournal:
    """The journal of one account and ticker; see the module's text. `open` makes one."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, durable: bool) -> None:
        self.path = path
        self._durable = durable
        self._connection = connection
        self._is_open = True
        self._syncs_commits: bool | None = None
        # What a killed process left may be in the operating system's hands only.
        self._is_synced = False
        self._must_settle = False
        self._last_seq, self._checksum = self._last_row()

    @classmethod
    def open(cls, path: Path, *, durable: bool = True) -> SqliteJournal:
        """Open or create the journal at `path`, folder included.

        Raises `JournalDamaged`, `JournalRefused` or `JournalUnwritable`; each message is one line.
        """
        try:
            is_new = _prepare_files(path)
        except OSError as error:
            raise JournalUnwritable(
                f"cannot open the journal {path}: {reason_of(error)}; check the folder and its permissions"
            ) from None
        connection: sqlite3.Connection | None = None
        try:
            connection = _connect(path, durable=durable)
            _check_format(path, connection)
            journal = cls(path, connection, durable=durable)
            if is_new and durable:
                sync_folder(path.parent)
        except (sqlite3.Error, UnicodeError, OSError) as error:
            if connection is not None:
                connection.close()
            raise translated(path, error) from None
        except JournalError:
            if connection is not None:
                connection.close()
            raise
        return journal

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def replay(self, after: int = 0, also: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        last_seq = self._last_seq
        read = 0
        try:
            rows = self._connection.execute(
                "SELECT seq, record, checksum FROM records WHERE seq <= ? ORDER BY seq", (last_seq,)
            )
            for seq, text, _ in checked_rows(self.path, rows):
                read = seq
                if seq > after or seq in also:
                    yield seq, decoded(self.path, seq, text)
        except (sqlite3.Error, UnicodeError) as error:
            raise translated(self.path, error) from None
        if read != last_seq:
            raise self._damaged(f"records after {read} are missing")

    def mark(self) -> str:
        return f"{self._last_seq}:{self._checksum.hex()}"

    def find(self, mark: str) -> int | None:
        number, _, checksum = mark.partition(":")
        if not (number.isascii() and number.isdigit()) or len(number) > len(str(self._last_seq)):
            return None
        try:
            row = self._connection.execute("SELECT checksum FROM records WHERE seq = ?", (int(number),)).fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            raise translated(self.path, error) from None
        return int(number) if row is not None and isinstance(row[0], bytes) and row[0].hex() == checksum else None

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        if not records:
            if sync:
                self.sync()
            return self._last_seq
        seq, checksum = self._last_seq, self._checksum
        rows = []
        for record in records:
            text = encode_record(record)
            seq, checksum = seq + 1, chained(checksum, text)
            rows.append((seq, text, checksum))
        self._commit(rows, sync=sync)
        self._last_seq, self._checksum = seq, checksum
        self._is_synced = sync
        return seq

    def sync(self) -> None:
        if self._durable and not self._is_synced:
            self._commit([], sync=True)
            self._is_synced = True

    def note(self, name: str) -> str | None:
        try:
            row = self._connection.execute("SELECT text FROM notes WHERE name = ?", (name,)).fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            raise translated(self.path, error) from None
        return None if row is None else str(row[0])

    def write_note(self, name: str, text: str) -> None:
        try:
            self._synchronous(is_full=False)
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, text))
        except sqlite3.Error as error:
            raise self._rolled_back(error) from None

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        try:
            self.sync()
        finally:
            self._connection.close()

    # --- inner parts --------------------------------------------------------------------------------------------

    def _commit(self, rows: list[tuple[int, str, bytes]], *, sync: bool) -> None:
        """One transaction. `sync`: returns once it, and so all before it, is on the disk."""
        connection = self._connection
        sync = sync and self._durable
        try:
            if self._must_settle:
                self._settle()
            self._synchronous(is_full=sync)
            if len(rows) == 1 and not sync:
                connection.execute("INSERT INTO records VALUES (?, ?, ?)", rows[0])
                return
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
            if sync:
                floor = rows[-1][0] if rows else self._last_seq
                connection.execute("UPDATE floor SET seq = ?, syncs = syncs + 1", (floor,))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._rolled_back(error) from None

    def _synchronous(self, *, is_full: bool) -> None:
        """Moving the log into the database syncs too, so that only a commit that syncs anyway may do it: an append that
        a close waits for never does."""
        if self._syncs_commits is not is_full:
            level = "OFF" if not self._durable else "FULL" if is_full else "NORMAL"
            self._connection.execute(f"PRAGMA synchronous={level}")
            if self._durable:
                self._connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES if is_full else 0}")
            self._syncs_commits = is_full

    def _rolled_back(self, error: sqlite3.Error) -> JournalError:
        """Undo what a failed transaction began; the error to raise."""
        self._must_settle = True
        self._is_synced = False  # The next sync asks the disk, also where nothing waits for it.
        if self._connection.in_transaction:
            # A second failure says nothing new: SQLite has then rolled back by itself.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        return translated(self.path, error)

    def _settle(self) -> None:
        """After a failure: empty the log, so that no frame of the failed commit stays behind a later, shorter one.

        Not possible on a full disk, where an append may still succeed: then it is tried again with the next one.
        """
        with contextlib.suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._must_settle = False

    def _last_row(self) -> tuple[int, bytes]:
        row = self._connection.execute("SELECT seq, checksum FROM records ORDER BY seq DESC LIMIT 1").fetchone()
        seq, checksum = (0, FIRST_CHECKSUM) if row is None else row
        if not isinstance(seq, int) or not isinstance(checksum, bytes) or len(checksum) != CHECKSUM_BYTES:
            raise self._damaged("its last record is changed")
        if seq < self._floor():
            raise self._damaged(f"records after {seq} are missing")
        return seq, checksum

    def _floor(self) -> int:
        row = self._connection.execute("SELECT seq FROM floor").fetchone()
        if row is None or not isinstance(row[0], int):
            raise self._damaged("the count of its records is lost")
        return row[0]

    def _damaged(self, what: str) -> JournalDamaged:
        return damaged(self.path, what)


def _prepare_files(path: Path) -> bool:
    """Check everything that SQLite would not; create an empty file where there is none. Whether it was created."""
    make_private_folder(path.parent)
    wal = path.with_name(path.name + "-wal")
    for each in (path, wal, path.with_name(path.name + "-shm"), path.with_name(path.name + "-journal")):
        if each.is_symlink():
            raise JournalRefused(f"{each} is a symbolic link; put the journal itself there, or use another --state-dir")
    if not path.exists():
        if wal.exists() and wal.stat().st_size:
            raise damaged(path, "the file is gone, but its -wal file is there")
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        return True
    check_header(path, wal)
    if os.name == "posix":
        path.chmod(0o600)
    return False


def _connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        for pragma in ("fullfsync", "checkpoint_fullfsync"):
            # Without these, macOS hands a synced write to the drive's cache only; elsewhere they change nothing.
            connection.execute(f"PRAGMA {pragma}={int(durable)}")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_format(path: Path, connection: sqlite3.Connection) -> None:
    """Create the tables in one transaction where there are none; refuse what is not ours or newer."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA application_id={APPLICATION_ID};"
            f"PRAGMA user_version={FORMAT_VERSION};COMMIT;"
        )
    else:
        check_version(path, connection)
