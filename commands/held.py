"""Signals that have to wait. Small, because it is imported before everything else, and imports next to nothing itself:
until it is there, an interrupt may be lost in the middle of an import."""

from __future__ import annotations

import signal


class Held:
    """Ctrl-C and SIGTERM wait until the end of the block, which then raises `KeyboardInterrupt`.

    For imports: raised in the middle of one, an interrupt may be swallowed, or come out as an error of another kind.
    """

    def __enter__(self) -> None:
        self._came: list[int] = []
        self._before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, lambda number, _frame: self._came.append(number))
        except ValueError:
            pass  # Only the main thread of a process may say what signals do.

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._came and kind is None:
            raise KeyboardInterrupt
