"""Real time that a test may push forward, so that a scripted market reaches its next moment at once."""

from __future__ import annotations

from helpers.clock import SystemClock


class SteppedClock:
    """Satisfies `domain.clock.Clock`."""

    def __init__(self, start_ns: int) -> None:
        self._real = SystemClock()
        self._offset_ns = start_ns - self._real.now_ns()

    def now_ns(self) -> int:
        return self._real.now_ns() + self._offset_ns

    def go_to(self, time_ns: int) -> None:
        """Never back."""
        self._offset_ns += max(0, time_ns - self.now_ns())
