"""The event loop of one life, which can end at any step; and the life itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from helpers.clock import VirtualTimeLoop

T = TypeVar("T")

_MOST_STEPS_AT_ONE_MOMENT = 50_000
_MOST_ENDINGS = 100
"""A task may begin another one while it ends, or find itself dead once more and take the loop with it."""


class Killed(BaseException):
    """The process is dead: whoever still runs does so with dead hands, and is about to be thrown away."""


class Livelock(Exception):
    """The bot spins: its loop turns, and time does not pass."""


class Life:
    """One life of the bot. Once it has ended, nothing that the bot does reaches anything."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.has_ended = False

    def check(self) -> None:
        """Raises `Killed`."""
        if self.has_ended:
            raise Killed


class _Steps(deque[Any]):
    """The loop's queue of callbacks, which counts what it hands out."""

    def __init__(self, loop: StepLoop) -> None:
        super().__init__()
        self._loop = loop

    def popleft(self) -> Any:
        self._loop.count_step()
        return super().popleft()


class StepLoop(VirtualTimeLoop):
    """Counts its steps (callbacks run). Before step number `kill_at` the process dies: `Killed` is raised through
    `run_forever`."""

    def __init__(self, start_ns: int, first_step: int = 0) -> None:
        super().__init__(start_ns)
        self.steps = first_step
        self.kill_at: int | None = None
        self._begun: WeakKeyDictionary[asyncio.Task[Any], None] = WeakKeyDictionary()
        """Tasks in the order of their beginning."""
        self.is_dead = self.is_buried = False
        self._seen_ns = start_ns
        self._steps_before = first_step
        self._ready = _Steps(self)
        self.set_exception_handler(_tell_all_but_death)

    def create_task(self, coro: Coroutine[Any, Any, T], **how: Any) -> asyncio.Task[T]:  # type: ignore[override]
        task = super().create_task(coro, **how)
        self._begun[task] = None
        return task

    def living_tasks(self) -> list[asyncio.Task[Any]]:
        """In the order of their beginning; a set of them would have that of their places in memory."""
        return [task for task in self._begun if not task.done()]

    def die(self) -> None:
        """The process dies in the middle of a step: what the step still does has no effect, and none follows. Nobody
        dies twice."""
        if not self.is_buried:
            self.is_dead = True
            self.stop()

    def count_anew(self) -> None:
        """The steps of this moment are forgotten."""
        self._steps_before = self.steps

    def count_step(self) -> None:
        self.steps += 1
        if self.is_dead or self.steps == self.kill_at:
            self.is_dead = True
            raise Killed
        now_ns = self.clock.now_ns()
        if now_ns != self._seen_ns:
            self._seen_ns, self._steps_before = now_ns, self.steps
        elif self.steps - self._steps_before > _MOST_STEPS_AT_ONE_MOMENT:
            self.count_anew()
            raise Livelock(f"{_MOST_STEPS_AT_ONE_MOMENT} steps without time passing")


def _tell_all_but_death(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


class _Afterlife:
    """Where the loop of a dead process ends: time passes, and nothing happens."""

    def advance(self, until_ns: int | None) -> int | None:
        return until_ns


def bury(loop: StepLoop) -> None:
    """Throw a dead process away: its tasks end here and now, and nothing they still do has an effect."""
    loop.kill_at, loop.is_dead, loop.is_buried = None, False, True
    loop.count_anew()
    loop.set_exception_handler(lambda _loop, _context: None)
    loop.live_in(_Afterlife())
    for _ in range(_MOST_ENDINGS):
        tasks = loop.living_tasks()
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Killed):
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
