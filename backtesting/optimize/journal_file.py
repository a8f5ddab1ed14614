"""A search in Optuna's journal file, which several machines may share through a folder that they mount.

Optuna appends a line for each step, and reads a half one at the end as none. The next line would be glued to it, be
lost with it, and make the file unreadable. So whoever takes the lock to write first cuts off what a power cut or a full
disk left behind the last whole line.

A lock that is held for too long is broken: most often its holder has died over it, but it may as well stand still (a
laptop asleep, a process stopped, a folder that hangs). So whoever holds the lock has written into it whose it is, and
looks before it writes, cuts or lets go whether it still says so; where it does not, it writes nothing more.

What is left is the moment between such a look and the system call that follows it, and that call itself. One who stands
still right there, for longer than a lock is waited for, appends whole lines without the lock, which is harmless unless
the folder's file system tears or loses what two machines append at once; cuts what another is writing; or takes away a
lock that is not its own.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

_FIRST_KEY = b'"op_code"'
"""Each line of such a file begins with it."""
_BEGIN = b"{" + _FIRST_KEY
_LOOKED_AT = 200
_LOCKED_AT_MOST_S = 30


class JournalFile(JournalFileBackend):
    """Optuna's journal at `path`, made where there is none. Raises `StorageInternalError` where it cannot be read or
    written, and `ValueError` where `path` is another file, which is left as it is.
    """

    def __init__(self, path: Path, locked_at_most_s: int = _LOCKED_AT_MOST_S) -> None:
        """`locked_at_most_s`: the lock of whoever holds it for longer is broken."""
        if path.exists() and not _is_journal(path):
            raise ValueError("the file holds something else")
        self._path = path
        self._held = _MendingLock(path, locked_at_most_s)
        super().__init__(str(path), self._held)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        left = b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs)
        try:
            self._held.acquire()
            try:
                while left:
                    left = left[self.write(left) :]
            finally:
                self._held.release()
        except (OSError, RuntimeError) as error:
            raise StorageInternalError(f"it cannot be written: {error}") from error

    def write(self, data: bytes) -> int:
        """Append, in one system call, as much of `data` as it takes; how many bytes these were. Only for who holds the
        lock: raises `RuntimeError` where another has it by now.
        """
        with self._path.open("ab", buffering=0) as file:
            self._held.check()
            written = file.write(data)
            os.fsync(file.fileno())
        return written

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
        self._file = Path(self._lock_file)
        self._token: bytes | None = None
        """What we wrote into the lock; None while we do not hold it."""

    def acquire(self) -> bool:
        """Raises `OSError`, and `RuntimeError` where another process broke the lock meanwhile."""
        super().acquire()
        self._token = b""
        try:
            self._sign()
            cut_torn_end(self._path, self.check)
        except BaseException:
            self.release()
            raise
        return True

    def check(self) -> None:
        """Raises `RuntimeError` unless the lock is still ours."""
        if self._found() != self._token:
            raise RuntimeError("another process took it over, because this one stood still for too long")

    def release(self) -> None:
        """Optuna calls it too, to break another's lock while it waits for it."""
        token, self._token = self._token, None
        if token is None or self._found() == token:
            super().release()

    def _sign(self) -> None:
        self.check()
        token = uuid.uuid4().hex.encode()
        with self._file.open("rb+", buffering=0) as file:
            self._token = token[: file.write(token)]

    def _found(self) -> bytes | None:
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return None


def cut_torn_end(path: Path, check: Callable[[], None] = lambda: None) -> None:
    """Leave whole lines only. Nobody else may be writing: `check` says so before anything is cut. Raises `OSError`, and
    what `check` raises.
    """
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        if not end:
            return
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        check()
        file.truncate(whole)


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    return _FIRST_KEY in begin or _BEGIN.startswith(begin)
