"""Files that a run writes at its end: looked at before it begins, written whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from commands.usage import UsageError, shown


def check_file(flag: str, path: Path) -> None:
    """Find out now, not after hours of work, that a result has nowhere to go. Raises `UsageError`; creates nothing."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"--{flag} {shown(str(path))} is a folder; name a file in it")
    if not folder.is_dir():
        raise UsageError(f"--{flag} {shown(str(path))}: the folder {shown(str(folder))} does not exist; create it")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--{flag} {shown(str(path))} cannot be written; choose another place")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file that then takes the name `path`: a reader sees the old file or the new one, never half
    of one. Raises `OSError`.
    """
    if path.exists() and not path.is_file():
        write(path)  # /dev/stdout, a named pipe: nothing that could be replaced
        return
    target = path.resolve()
    partial = target.with_name(f".{target.stem}.{os.getpid()}.partial{target.suffix}")
    try:
        write(partial)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
