"""One process per account and ticker: a lock that the system takes back when its holder ends, however it ends.

The lock is on a file beside the journal that is never deleted (deleting a lock file lets two processes lock two files
of one name). Its text is the holder's process id, for the message only. Windows locks a byte far behind the text,
because a locked range cannot be read there. Where the system has no locks, `is_held` is False and the caller says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from helpers.private_files import make_private_folder, open_private

_LONGEST_TEXT = 32
_LOCKED_BYTE = 1 << 30


class LockError(Exception):
    """The root; the message is one line that says what to do."""


class AlreadyRunning(LockError):
    """Another process trades this account and ticker. `pid`: its process id; None if it could not be read."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{who} is already trading this account and ticker ({path}); stop it first")
        self.pid = pid


class LockUnavailable(LockError):
    """The lock file cannot be opened."""


class ProcessLock:
    """Held from `acquire` until `release` or the end of the process."""

    def __init__(self, path: Path, handle: int, *, is_held: bool) -> None:
        self.path = path
        self.is_held = is_held
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, journal: Path) -> ProcessLock:
        """Lock `<journal>.lock`, created if need be. Never waits. Raises `AlreadyRunning` or `LockUnavailable`."""
        path = journal.with_name(journal.name + ".lock")
        try:
            make_private_folder(path.parent)
            handle = open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LockUnavailable(
                f"cannot open the lock {path}: {reason}; check the folder and its permissions"
            ) from None
        try:
            is_held = _lock(handle)
            if is_held:
                os.ftruncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
        except BlockingIOError:
            pid = _read_pid(handle)
            os.close(handle)
            raise AlreadyRunning(path, pid) from None
        except OSError as error:
            os.close(handle)
            raise LockUnavailable(f"cannot lock {path}: {error.strerror or error}; use another --state-dir") from None
        return cls(path, handle, is_held=is_held)

    def release(self) -> None:
        """Let the next process in; idempotent."""
        if self._handle is not None:
            # Closing the only descriptor gives the lock back.
            os.close(self._handle)
            self._handle = None
            self.is_held = False

    def __enter__(self) -> ProcessLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(handle: int) -> bool:
    """Whether the lock is held now. Raises `BlockingIOError` when another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True
    else:  # noqa: RET505  without the else, type checkers for Windows find the rest unreachable
        try:
            import fcntl
        except ImportError:
            return False
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True


def _read_pid(handle: int) -> int | None:
    try:
        text = os.read(handle, _LONGEST_TEXT).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
