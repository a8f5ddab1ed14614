"""Files that a run writes at its end: looked at before it begins, written whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from commands.usage import UsageError, shown


def check_file(flag: str, path: Path) -> None:
    """Find out now, not after hours of work, that a result has nowhere to go. Raises `UsageError`; leaves nothing."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"--{flag} {shown(str(path))} is a folder; name a file in it")
    if not folder.is_dir():
        raise UsageError(f"--{flag} {shown(str(path))}: the folder {shown(str(folder))} does not exist; create it")
    if not _can_be_written(path):
        raise UsageError(f"--{flag} {shown(str(path))} cannot be written; choose another place")


def _can_be_written(path: Path) -> bool:
    """By trying, as `write_whole` will: rights alone do not tell of a full or a read-only disk."""
    if path.exists() and not os.access(path, os.W_OK):
        return False
    if path.exists() and not path.is_file():
        return True
    partial = _partial(path.resolve())
    try:
        partial.write_bytes(b"?")
        partial.unlink()
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        return False
    return True


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file that then takes the name `path`: a reader sees the old file or the new one, never half
    of one. Raises `OSError`.
    """
    if path.exists() and not path.is_file():
        write(path)  # /dev/stdout, a named pipe: nothing that could be replaced
        return
    target = path.resolve()
    partial = _partial(target)
    try:
        write(partial)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
