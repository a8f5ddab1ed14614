"""Time as an argument: the system clock, and an asyncio event loop whose time is simulated.

`VirtualTimeLoop` is the standard selector loop over a selector that never waits by itself. Whenever no callback is
ready it asks its *world* (the paper exchange) to live until the next timer; the world may stop earlier because it has
something to deliver, or leap later over a hole in recorded data. Tasks, timers, futures and queues are asyncio's own,
so the bot that runs here is the bot that trades.

With a `pace` of X the loop waits in real time so that virtual time runs X times as fast; with None it does not wait.
Signals and `call_soon_threadsafe` work in both. The order of callbacks depends on virtual time alone, so the same world
gives the same trace at every pace. (Figures of this against the loops on the package index: `docs/adr/`.)
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol, TypeVarTuple, Unpack

from domain.market import NANOSECONDS


class SystemClock:
    """Wall time at start, carried on by the monotonic clock: a step of the wall clock moves no deadline."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns


class World(Protocol):
    """What lives in virtual time beside the event loop."""

    def advance(self, until_ns: int | None) -> int | None:
        """Live on, at most until `until_ns` (None: without end), and return the time reached.

        Returns early once something was handed to the loop (a callback was scheduled or a future resolved). May return
        a later time than asked, where recorded time itself leaps. None: nothing will ever happen again by itself.
        """


class VirtualClock:
    """The time of a virtual world; moved only by its loop."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def move_to(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise ValueError(f"time cannot go back from {self._now_ns} to {now_ns}")
        self._now_ns = now_ns


_Ts = TypeVarTuple("_Ts")

_LONGEST_WAIT_S = 0.05


class _Stalled(RuntimeError):
    """Every task waits for something that can never come."""


class _WorldSelector(selectors.BaseSelector):
    """Serves real file descriptors (the loop's own wake-up pipe) and lets the world live instead of sleeping."""

    def __init__(self, clock: VirtualClock, pace: float | None, wall: Callable[[], float]) -> None:
        self._real = selectors.DefaultSelector()
        self._clock = clock
        self._pace = pace
        self._wall = wall
        self._wall_of_start: float | None = None
        self._start_ns = clock.now_ns()
        self.world: World | None = None
        self.has_ready: Callable[[], bool] = lambda: False
        """Whether a callback waits to be run."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        until_ns = None if timeout is None else self._clock.now_ns() + math.ceil(timeout * NANOSECONDS)
        # Slices end here and not in the event loop, so that a pace adds no moment at which time could be rounded.
        while True:
            slice_ns = self._end_of_slice(until_ns)
            reached_ns = slice_ns if self.world is None else self.world.advance(slice_ns)
            if reached_ns is None:
                raise _Stalled("nothing can happen any more in this virtual world, and something is still waited for")
            interrupted = self._keep_pace(reached_ns)
            self._clock.move_to(max(self._clock.now_ns(), reached_ns))
            was_whole = slice_ns == until_ns or (until_ns is not None and reached_ns >= until_ns)
            if was_whole or slice_ns is None or reached_ns < slice_ns or interrupted or self.has_ready():
                return interrupted

    def _end_of_slice(self, until_ns: int | None) -> int | None:
        """With a pace, never live further ahead of real time than a person who interrupts would notice."""
        if self._pace is None:
            return until_ns
        soon_ns = self._clock.now_ns() + math.ceil(self._pace * _LONGEST_WAIT_S * NANOSECONDS)
        return soon_ns if until_ns is None else min(until_ns, soon_ns)

    def _keep_pace(self, reached_ns: int) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real time until `reached_ns` is due, serving the wake-up pipe meanwhile."""
        if self._pace is None:
            return []
        if self._wall_of_start is None:
            self._wall_of_start = self._wall()
        due = self._wall_of_start + (reached_ns - self._start_ns) / NANOSECONDS / self._pace
        events: list[tuple[selectors.SelectorKey, int]] = []
        while (left := due - self._wall()) > 0 and not events:
            events = self._real.select(left)
        return events

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Any:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on which a second is as long as the world makes it."""

    def __init__(
        self, start_ns: int, *, pace: float | None = None, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock = VirtualClock(start_ns)
        self._start_ns = start_ns
        self._world_selector = _WorldSelector(self.clock, pace, wall)
        super().__init__(self._world_selector)
        self._world_selector.has_ready = lambda: bool(self._ready)  # type: ignore[attr-defined]
        # Timers this close count as due. Seconds are floats: years from the start they no longer tell nanoseconds
        # apart, and a finer resolution would leave a timer for ever just not due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return (self.clock.now_ns() - self._start_ns) / NANOSECONDS

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in asyncio; but a delay is never rounded to none, so time moves whenever somebody waits."""
        now = self.time()
        when = now if delay <= 0 else max(now + delay, math.nextafter(now, math.inf))
        return self.call_at(when, callback, *args, context=context)

    def live_in(self, world: World) -> None:
        """Bind the world that moves this loop's time; without one, time jumps straight to the next timer."""
        self._world_selector.world = world
