"""The bot's own tasks, each with an owner and an end, and the one timer that wakes it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from domain.clock import Clock
from domain.market import NANOSECONDS
from exchanges.ended import all_ended
from exchanges.patience import patiently

T = TypeVar("T")

_END_WITHIN_S = 1


class Tasks:
    """Work done beside the bot. `wake` has the bot look again; `failed` is told of errors that nobody expected."""

    def __init__(self, wake: asyncio.Event, failed: Callable[[BaseException], None]) -> None:
        self._wake = wake
        self._failed = failed
        self._running: dict[asyncio.Task[None], None] = {}
        """In the order of their beginning: a set of tasks has the order of their places in memory."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have `work` done beside the bot, which looks again when it is over."""
        self.start(work).add_done_callback(lambda _: self._wake.set())

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """The same for work that puts what it changes into the inbox itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = None
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def unless(self, is_vain: Callable[[], bool], read: Callable[[], Awaitable[T]]) -> T | None:
        """The answer of a read, asked for patiently; None where it was given up because it came to be in vain, which is
        looked at whenever the bot is woken. Raises what the read raises."""
        reading = asyncio.get_running_loop().create_task(patiently(read))
        reading.add_done_callback(lambda _: self._wake.set())
        try:
            while not reading.done() and not is_vain():
                self._wake.clear()
                await self._wake.wait()
            return None if is_vain() else reading.result()
        finally:
            reading.cancel()
            await all_ended((reading,))

    async def end(self) -> None:
        """None of them outlives the bot; what their requests became is said in its outcome."""
        tasks = tuple(self._running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_END_WITHIN_S)


class Alarm:
    """Sets `wake` at one moment, by the bot's clock; the newest one asked for counts."""

    def __init__(self, clock: Clock, wake: asyncio.Event) -> None:
        self._clock = clock
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None
        self._at_ns: int | None = None

    def set(self, at_ns: int | None) -> None:
        """None: only events wake the bot. Asking again for the same moment costs nothing."""
        if self._timer is not None:
            if at_ns == self._at_ns:
                return
            self._timer.cancel()
            self._timer = None
        if at_ns is not None:
            wait_s = max(0, at_ns - self._clock.now_ns()) / NANOSECONDS
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._ring)
            self._at_ns = at_ns

    def _ring(self) -> None:
        self._timer = None
        self._wake.set()


def described(error: BaseException) -> str:
    """An error that nobody expected, with the innermost place it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return f"internal error: {type(error).__name__}: {error} ({place})"
