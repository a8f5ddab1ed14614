"""A search in Optuna's journal file, which several machines may share through a folder that they mount.

Optuna appends a line for each step, and reads a half one at the end as none. The next line would be glued to it, be
lost with it, and make the file unreadable. So whoever takes the lock to write first cuts off what a power cut or a full
disk left behind the last whole line.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

_FIRST_KEY = b'"op_code"'
"""Each line of such a file begins with it."""
_LOOKED_AT = 200
_LOCKED_AT_MOST_S = 30


class JournalFile(JournalFileBackend):
    """Optuna's journal at `path`, made where there is none. Raises `StorageInternalError` where it cannot be read or
    written, and `ValueError` where `path` is another file, which is left as it is.
    """

    def __init__(self, path: Path, locked_at_most_s: int = _LOCKED_AT_MOST_S) -> None:
        """`locked_at_most_s`: whoever holds the lock for longer has died over it."""
        if path.exists() and not _is_journal(path):
            raise ValueError("the file holds something else")
        super().__init__(str(path), _MendingLock(path, locked_at_most_s))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except (OSError, RuntimeError) as error:
            raise StorageInternalError(f"it cannot be written: {error}") from error

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        try:
            yield from super().read_logs(log_number_from)
        except (OSError, ValueError) as error:
            raise StorageInternalError(f"it cannot be read: {error}") from error


class _MendingLock(JournalFileOpenLock):
    """A file beside the journal, there while somebody writes. One that was left behind is removed in the end.

    Optuna's usual one is a link to the journal. Written down with a path that leads nowhere from the journal's folder,
    or from another machine, one that was left behind would be waited for without an end.
    """

    def __init__(self, path: Path, grace_period_s: int) -> None:
        super().__init__(str(path), grace_period_s)
        self._path = path

    def acquire(self) -> bool:
        is_held = super().acquire()
        try:
            cut_torn_end(self._path)
        except BaseException:
            self.release()
            raise
        return is_held


def cut_torn_end(path: Path) -> None:
    """Leave whole lines only. Nobody else may be writing. Raises `OSError`."""
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        if not end:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    return not begin or _FIRST_KEY in begin
