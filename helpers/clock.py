"""Time as an argument: the system clock, and an asyncio event loop whose time is simulated.

`VirtualTimeLoop` is the standard selector loop, except that it never waits by itself. Whenever no callback is ready it
asks its *world* (the paper exchange) to live until the next timer; the world may stop earlier because it has something
to deliver, or leap later over a hole in recorded data. Tasks, futures and queues are asyncio's own, so the bot that
runs here is the bot that trades; only timers are kept here, in whole nanoseconds.

With a `pace` of X the loop waits in real time so that virtual time runs X times as fast; with None it does not wait.
Signals and `call_soon_threadsafe` work in both. The order of callbacks depends on virtual time alone, so the same world
gives the same trace at every pace. (Figures of this against the loops on the package index: `docs/adr/`.)
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
import time
from collections import deque
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
_PASSES_BETWEEN_POLLS = 64
"""While callbacks are always ready, real file descriptors (the wake-up pipe of signals) are looked at this seldom."""
_CANCELLED_TIMERS_KEPT = 100
_Events = list[tuple[selectors.SelectorKey, int]]


class _Stalled(RuntimeError):
    """Every task waits for something that can never come."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on which a second is as long as the world makes it.

    Callbacks, tasks and futures are asyncio's. The timers are ours, because those of asyncio count in floats of
    seconds, which years from the start no longer tell nanoseconds apart. A timer fires at the first moment the world
    reaches that is not before it; timers of one moment fire in the order in which they were set.
    """

    _ready: deque[asyncio.Handle]
    """asyncio's queue of callbacks that wait to be run."""
    _stopping: bool
    _process_events: Callable[[_Events], None]

    def __init__(
        self, start_ns: int, *, pace: float | None = None, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock = VirtualClock(start_ns)
        self._start_ns = start_ns
        self._pace = pace
        self._wall = wall
        self._wall_of_start: float | None = None
        self._world: World | None = None
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        """A heap of when, in which order they were set, and what."""
        self._timers_set = 0
        self._timers_cancelled = 0
        self._passes = 0
        self._files = selectors.DefaultSelector()
        super().__init__(self._files)

    def live_in(self, world: World) -> None:
        """Bind the world that moves this loop's time; without one, time jumps straight to the next timer."""
        self._world = world

    # --- time and timers --------------------------------------------------------------------------------------------

    def time(self) -> float:
        return (self.clock.now_ns() - self._start_ns) / NANOSECONDS

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in asyncio, to the nanosecond; a delay is never rounded to none, so time moves whenever somebody waits."""
        wait_ns = 0 if delay <= 0 else max(1, round(delay * NANOSECONDS))
        return self._call_at_ns(self.clock.now_ns() + wait_ns, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self._call_at_ns(self._start_ns + round(when * NANOSECONDS), callback, args, context)

    def _call_at_ns(
        self, due_ns: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.TimerHandle:
        when = (due_ns - self._start_ns) / NANOSECONDS
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_set += 1
        heapq.heappush(self._timers, (due_ns, self._timers_set, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:  # noqa: ARG002
        """asyncio's word that a timer is about to be cancelled."""
        self._timers_cancelled += 1

    def _drop_cancelled_timers(self) -> None:
        """Those at the head, and all of them once they are the most: what is cancelled must not pile up."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if self._timers_cancelled > _CANCELLED_TIMERS_KEPT + len(timers) // 2:
            self._timers = [timer for timer in timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0

    def call_soon(
        self, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As in asyncio, without what its debug mode looks after; tasks call this at every step."""
        if self.get_debug() or self.is_closed():
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    # --- one pass ---------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """What asyncio's loop does over and over: wait, make timers that are due ready, run what is ready."""
        ready = self._ready
        self._drop_cancelled_timers()
        self._passes += 1
        is_idle = not ready and not self._stopping and not self._is_timer_due()
        if is_idle or not self._passes % _PASSES_BETWEEN_POLLS:
            events = self._files.select(0)
            self._process_events(events)
            if is_idle and not events:
                self._process_events(self._live())
        timers, now_ns = self._timers, self.clock.now_ns()
        while timers and timers[0][0] <= now_ns:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _is_timer_due(self) -> bool:
        return bool(self._timers) and self._timers[0][0] <= self.clock.now_ns()

    def _live(self) -> _Events:
        """Let the world live until a timer is due or something is ready; what came in over real file descriptors."""
        until_ns = self._timers[0][0] if self._timers else None
        # Slices end here and not in the caller, so that a pace adds no moment at which callbacks could run.
        while True:
            slice_ns = self._end_of_slice(until_ns)
            reached_ns = slice_ns if self._world is None else self._world.advance(slice_ns)
            if reached_ns is None:
                raise _Stalled("nothing can happen any more in this virtual world, and something is still waited for")
            interrupted = self._keep_pace(reached_ns)
            self.clock.move_to(max(self.clock.now_ns(), reached_ns))
            was_whole = slice_ns == until_ns or (until_ns is not None and reached_ns >= until_ns)
            if was_whole or slice_ns is None or reached_ns < slice_ns or interrupted or self._ready:
                return interrupted

    def _end_of_slice(self, until_ns: int | None) -> int | None:
        """With a pace, never live further ahead of real time than a person who interrupts would notice."""
        if self._pace is None:
            return until_ns
        soon_ns = self.clock.now_ns() + math.ceil(self._pace * _LONGEST_WAIT_S * NANOSECONDS)
        return soon_ns if until_ns is None else min(until_ns, soon_ns)

    def _keep_pace(self, reached_ns: int) -> _Events:
        """Wait in real time until `reached_ns` is due, serving the wake-up pipe meanwhile."""
        if self._pace is None:
            return []
        if self._wall_of_start is None:
            self._wall_of_start = self._wall()
        due = self._wall_of_start + (reached_ns - self._start_ns) / NANOSECONDS / self._pace
        events: _Events = []
        while (left := due - self._wall()) > 0 and not events:
            events = self._files.select(left)
        return events
