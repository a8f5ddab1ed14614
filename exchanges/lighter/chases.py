"""Looking after transactions of which nothing was heard in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Chases:
    """Each chase begins `after_s` and runs in a task of its own, until `stop`."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._waiting: set[asyncio.TimerHandle] = set()
        self._running: set[asyncio.Task[None]] = set()

    def later(self, chase: Callable[[], Coroutine[None, None, None]]) -> None:
        """A chase looks by itself whether it is still needed, and raises nothing."""

        def begin() -> None:
            self._waiting.discard(handle)
            task = loop.create_task(chase())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        loop = asyncio.get_running_loop()
        handle = loop.call_later(self._after_s, begin)
        self._waiting.add(handle)

    async def stop(self) -> None:
        """Idempotent."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
        running, self._running = self._running, set()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
