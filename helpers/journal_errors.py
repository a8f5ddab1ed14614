"""What can be wrong with a journal, and what an error of SQLite or of the system means for it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_WAY_OUT = "restore a backup, or move it and its -wal file away and settle its orders and position on the venue by hand"
_TRANSIENT = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)


class JournalError(Exception):
    """The root; the message is one line that says what to do."""


class JournalDamaged(JournalError):
    """What was written is not what is read. Nothing may be opened on top of it."""


class JournalRefused(JournalError):
    """A sound file that this program must not use: a symbolic link, or a newer format."""


class JournalUnwritable(JournalError):
    """The records could not be written and are not in the journal. A later append may succeed."""


def damaged(path: Path, what: str) -> JournalDamaged:
    return JournalDamaged(f"the journal {path} is damaged: {what}; {_WAY_OUT}")


def reason_of(error: OSError) -> str:
    return error.strerror or str(error)


def translated(path: Path, error: Exception) -> JournalError:
    """What an error of SQLite or the system means for the journal: passing trouble, or damage."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, OSError):
        return JournalUnwritable(f"cannot write the journal {path}: {reason_of(error)}")
    if code is not None and code & 0xFF in _TRANSIENT:
        return JournalUnwritable(f"cannot write the journal {path}: {error}; check the disk, its space and permissions")
    return damaged(path, str(error).splitlines()[0] if str(error) else type(error).__name__)
