"""Noticing that the event loop could not run: whatever was decided then was decided on an old picture.

A timer of its own is due twice a second. When it fires late, something held the loop (a slow disk, a large message, a
machine short of breath), and books and events that came meanwhile are still unread. Nothing is opened until the loop
has kept up for a while, and the touch was heard since: what is read at first had waited, and may be old.
Closes go on, since they are owed whatever the price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from domain.clock import Clock
from domain.market import NANOSECONDS, Quote

LAG_LIMIT_NS = NANOSECONDS
"""A beat later than this is a lag."""
CALM_NS = 3 * NANOSECONDS
"""The loop must have kept up this long before anything is opened again: what waited is read by then."""
_READ_NS = NANOSECONDS
"""For so long what waited may still be read, and is taken for news."""
_BEAT_NS = NANOSECONDS // 2


class LagWatch:
    """`trouble` is empty while the loop keeps up; `told` gets one line for each time it began not to."""

    def __init__(
        self,
        clock: Clock,
        told: Callable[[str], None],
        changed: Callable[[], None],
        quote: Callable[[], Quote | None],
    ) -> None:
        """`changed` is called when `trouble` has passed. `quote`: the touch by the client, by the same clock."""
        self._clock = clock
        self._told = told
        self._changed = changed
        self._quote = quote
        self._due_ns: int | None = None
        self._calm_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lag_ns = 0

    def start(self) -> None:
        """To be called on the running loop."""
        self._due_ns = self._clock.now_ns() + _BEAT_NS
        self._timer = asyncio.get_running_loop().call_later(_BEAT_NS / NANOSECONDS, self._beat)

    def stop(self) -> None:
        """Idempotent."""
        self._due_ns = None
        if self._timer is not None:
            self._timer.cancel()

    def trouble(self) -> str:
        """Why nothing may be opened now. Also before a late beat has fired: whoever asks may run first."""
        self._measure()
        if self._calm_ns is None:
            return ""
        return f"this program stood still for {self._lag_ns / NANOSECONDS:.1f} s, and what it knows may be old"

    def _measure(self) -> None:
        now_ns = self._clock.now_ns()
        if self._due_ns is None or now_ns - self._due_ns <= LAG_LIMIT_NS:
            return
        was_calm = self._calm_ns is None
        lag_ns = now_ns - self._due_ns
        self._lag_ns = lag_ns if was_calm else max(self._lag_ns, lag_ns)
        self._calm_ns = now_ns + CALM_NS
        if was_calm:
            seconds = f"{lag_ns / NANOSECONDS:.1f} s"
            self._told(f"this program stood still for {seconds}; nothing is opened until it keeps up again")

    def _beat(self) -> None:
        self._measure()
        if self._calm_ns is not None and self._clock.now_ns() >= self._calm_ns and self._has_heard(self._calm_ns):
            self._calm_ns = None
            self._changed()
        self.start()

    def _has_heard(self, calm_ns: int) -> bool:
        quote = self._quote()
        return quote is not None and quote.as_of_ns > calm_ns - CALM_NS + _READ_NS
