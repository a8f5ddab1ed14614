"""Time as an argument: whatever needs the time is given something that tells it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never falling within a process."""
