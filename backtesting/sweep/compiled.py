"""Compiling the sweep where numba is installed; plain Python everywhere else, with the same results.

The compiled code is kept beside the source (`__pycache__`), in a folder named after a digest of all of it: numba itself
only notices a change of the one file whose function is called, not of those that this function calls. Folders of other
sources are removed.

numba may hang where two threads compile for the first time at once, and two processes that write to one folder may mix
up their files. So one thread of one process compiles, everything there is, and all others wait for it (`make_ready`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from helpers.lock import AlreadyRunning, LockError, ProcessLock

Function = TypeVar("Function", bound=Callable[..., Any])

_FOLDER = Path(__file__).parent
_LOOK_EVERY_S = 0.1
_decorate: Callable[..., Any] | None
_one_thread = threading.Lock()


def _cache_folder() -> Path | None:
    """Where compiled code of exactly this source is kept; None where nothing can be written."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    folder = _FOLDER / "__pycache__" / f"compiled-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


try:
    import numba
except ImportError:
    IS_COMPILED = False
    _decorate = None
    _cache = None
else:
    IS_COMPILED = True
    """Whether the sweep runs compiled here."""
    _cache = _cache_folder()
    if _cache is not None:
        vars(numba.config)["CACHE_DIR"] = str(_cache)
    # Nothing is allocated in there, so that nobody needs to count references: it made two thirds of the time. All of it
    # becomes one function: handing four arrays of seven words each from one to the next made a third of what was left.
    _options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "forceinline": True,
        "_nrt": False,
        "cache": _cache is not None,
    }
    _decorate = numba.njit(**_options)


def compiled(function: Function) -> Function:
    """The function, compiled at its first call where that is possible."""
    if _decorate is None:
        return function
    result: Function = _decorate(function)
    return result


def make_ready(function: Callable[..., Any], *arrays: Any) -> None:
    """Compile the function, and all that it calls, for arguments of the types of `arrays`, or read what was kept.
    Any number of threads and processes may ask; does nothing where it was done, and without numba.
    """
    if not hasattr(function, "signatures"):  # Nothing compiles here, or numba was told not to.
        return
    dispatcher, kind_of = cast(Any, function), cast(Any, numba).typeof
    with _one_thread:
        if dispatcher.signatures:
            return
        kinds = tuple(kind_of(array) for array in arrays)
        if _cache is None:
            dispatcher.compile(kinds)
            return
        with alone(_cache):
            dispatcher.compile(kinds)
        remove_others(_cache)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder` that ask in the same way; waits for them. Without locks, goes on."""
    lock = None
    while lock is None:
        try:
            lock = ProcessLock.acquire(folder / "compiling")
        except AlreadyRunning:
            time.sleep(_LOOK_EVERY_S)
        except LockError:
            break
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def remove_others(folder: Path) -> None:
    """Remove what was compiled from other sources, unless a process is compiling there."""
    for other in folder.parent.glob("compiled-*"):
        if other != folder:
            with contextlib.suppress(LockError):
                ProcessLock.acquire(other / "compiling").release()
                shutil.rmtree(other, ignore_errors=True)
