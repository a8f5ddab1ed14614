"""Signals that have to wait. Small, because it is imported before everything else."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end of the block, which then raises `KeyboardInterrupt`.

    For imports: raised in the middle of one, an interrupt may be swallowed, or come out as an error of another kind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread of a process may say what signals do.
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in _NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
