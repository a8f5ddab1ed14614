"""What a client does beside trading: keep its clock, its tokens, its rules and its connections fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from exchanges.ended import all_ended
from exchanges.errors import ExchangeError, Misconfigured

_RETRY_AFTER_S = 5.0
_TOLD_EVERY_S = 600.0
"""What comes and goes is told so often at the most, for each piece of work."""
_TOLD_AFTER = 3
"""A venue may be away for a moment: failures of its are told when they come so often in a row."""


@dataclass(slots=True)
class _Chore:
    name: str
    every_s: float
    work: Callable[[], Awaitable[None]]
    call: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    was_told: bool = False
    must_stop: bool = False
    """What was told of this run of failures, if anything."""
    told_s: float | None = None
    """When anything was told last, by the loop's time."""


class Chores:
    """Recurring work, each piece in a task of its own. What failed is tried again sooner.

    `on_trouble(text, must_stop)` is told of a run of failures once, and once of its end; `must_stop`: a person must
    change something before anything can work.
    """

    def __init__(self, on_trouble: Callable[[str, bool], None]) -> None:
        self._on_trouble = on_trouble
        self._tasks: list[asyncio.Task[None]] = []
        self._chores: dict[str, _Chore] = {}

    def every(self, seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` in `seconds` from now and ever again."""
        chore = self._chores[name] = _Chore(name, seconds, work)
        self._tasks.append(asyncio.get_running_loop().create_task(self._run(chore), name=f"chore {name}"))

    def soon(self, name: str) -> None:
        """Do a known piece of work now; unknown names are ignored."""
        if name in self._chores:
            self._chores[name].call.set()

    async def stop(self) -> None:
        """Idempotent."""
        tasks, self._tasks = self._tasks, []
        self._chores.clear()
        for task in tasks:
            task.cancel()
        await all_ended(tasks)

    async def _run(self, chore: _Chore) -> None:
        while True:
            try:
                async with asyncio.timeout(min(chore.every_s, _RETRY_AFTER_S) if chore.failures else chore.every_s):
                    await chore.call.wait()
            except TimeoutError:
                pass  # The usual case: it is time.
            chore.call.clear()
            await self._do(chore)

    async def _do(self, chore: _Chore) -> None:
        try:
            await chore.work()
        except Misconfigured as error:
            self._failed(chore, str(error), 1, must_stop=True)
        except ExchangeError as error:
            self._failed(chore, f"{chore.name} has failed {_TOLD_AFTER} times in a row: {error}", _TOLD_AFTER)
        except Exception as error:  # noqa: BLE001 - the task's root: a defect of ours is told by kind, and tried again
            self._failed(chore, f"{chore.name} has failed: {type(error).__name__}", 1)
        else:
            if chore.was_told:
                self._on_trouble(f"{chore.name} works again", False)
            chore.failures, chore.was_told, chore.must_stop = 0, False, False

    def _failed(self, chore: _Chore, text: str, told_after: int, *, must_stop: bool = False) -> None:
        chore.failures += 1
        now_s = asyncio.get_running_loop().time()
        was_just_told = chore.told_s is not None and now_s - chore.told_s < _TOLD_EVERY_S
        is_news = not chore.was_told and not was_just_told and chore.failures >= told_after
        if is_news or (must_stop and not chore.must_stop):
            chore.was_told, chore.must_stop, chore.told_s = True, must_stop, now_s
            self._on_trouble(text, must_stop)
