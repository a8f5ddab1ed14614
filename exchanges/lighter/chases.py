"""Looking after transactions of which nothing was heard in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from exchanges.ended import all_ended


class Chases:
    """Each chase begins after `after_s` and runs in a task of its own, until `stop`. `on_defect` is told why one could
    not be brought to its end."""

    def __init__(self, after_s: float, on_defect: Callable[[str], None]) -> None:
        self._after_s = after_s
        self._on_defect = on_defect
        self._waiting: set[asyncio.TimerHandle] = set()
        self._running: dict[asyncio.Task[None], None] = {}

    def later(self, chase: Callable[[], Coroutine[None, None, None]]) -> None:
        """A chase looks by itself whether it is still needed."""

        def begin() -> None:
            self._waiting.discard(handle)
            task = loop.create_task(chase())
            self._running[task] = None
            task.add_done_callback(self._ended)

        loop = asyncio.get_running_loop()
        handle = loop.call_later(self._after_s, begin)
        self._waiting.add(handle)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_defect(f"{type(error).__name__} while looking for news of an order")

    async def stop(self) -> None:
        """Idempotent."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
        running, self._running = self._running, {}
        for task in running:
            task.cancel()
        await all_ended(running)
