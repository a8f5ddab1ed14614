"""What a client does beside trading: keep its clock, its tokens, its rules and its connections fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from exchanges.errors import ExchangeError

_RETRY_AFTER_S = 5.0


class Chores:
    """Recurring work, each piece in a task of its own. A failure of the venue is tried again sooner, and told to
    `on_trouble(name, reason)`."""

    def __init__(self, on_trouble: Callable[[str, str], None] = lambda _name, _reason: None) -> None:
        self._on_trouble = on_trouble
        self._tasks: list[asyncio.Task[None]] = []
        self._calls: dict[str, asyncio.Event] = {}

    def every(self, seconds: float, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` in `seconds` from now and ever again."""
        call = self._calls[name] = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._run(seconds, name, work, call), name=f"chore {name}"))

    def soon(self, name: str) -> None:
        """Do a known piece of work now; unknown names are ignored."""
        if name in self._calls:
            self._calls[name].set()

    async def stop(self) -> None:
        """Idempotent."""
        tasks, self._tasks = self._tasks, []
        self._calls.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, seconds: float, name: str, work: Callable[[], Awaitable[None]], call: asyncio.Event) -> None:
        wait_s = seconds
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await call.wait()
            except TimeoutError:
                pass  # The usual case: it is time.
            call.clear()
            try:
                await work()
                wait_s = seconds
            except ExchangeError as error:
                self._on_trouble(name, str(error))
                wait_s = min(seconds, _RETRY_AFTER_S)
            except Exception as error:  # noqa: BLE001 - the task's root: told by kind, and tried again
                self._on_trouble(name, type(error).__name__)
                wait_s = min(seconds, _RETRY_AFTER_S)
