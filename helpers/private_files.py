"""Files that only their owner reads: folders 0700, files 0600, and never through a symbolic link.

Windows has neither these modes nor O_NOFOLLOW; there the folder's own permissions protect the files.
"""

from __future__ import annotations

import os
from pathlib import Path

_BINARY_NOT_FOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def make_private_folder(folder: Path) -> None:
    """Create `folder` and what is missing above it, mode 0700. What exists is left as it is. Raises `OSError`."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def open_private(path: Path, flags: int) -> int:
    """A file descriptor for `path`; a file that `flags` create gets mode 0600. Raises `OSError`, also for a link."""
    return os.open(path, flags | _BINARY_NOT_FOLLOWED, 0o600)


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power loss, where the system offers it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        # Some file systems (network, FUSE) cannot sync a folder; the files themselves are synced all the same.
        pass
    finally:
        os.close(handle)
