"""Ctrl-C and SIGTERM: before there is a session's loop, on that loop, and after the bot has ended.

On the loop a signal is a callback like any other and breaks into nothing, so every task ends in the hands of whoever
owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from exchanges.errors import ExchangeError
from trading_bot import Outcome, TradingBot

T = TypeVar("T")

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
_TASKS_END_WITHIN_S = 2


@contextlib.contextmanager
def as_keyboard_interrupts() -> Iterator[None]:
    """Both raise `KeyboardInterrupt`: where no bot is running there is nothing to settle."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread of a process may say what signals do.
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in _NAMES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupts:
    """What the two signals do while a session's loop is there; see `on_loop`.

    Before the bot runs, the first one gives up what is under way, the second one everything. While it runs, the first
    one asks it to end gracefully, the second one at once. Afterwards neither does anything: a session that has ended is
    closed and reported whole.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = 0
        self._preparing: asyncio.Task[Any] | None = None
        self._bot: TradingBot | None = None
        self._is_over = False

    def prepare(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what comes before the bot. Raises `KeyboardInterrupt` when interrupted, and what `work` raises."""
        task: asyncio.Task[T] = self._loop.create_task(work)
        self._preparing = task
        try:
            result = self._loop.run_until_complete(task)
        except asyncio.CancelledError:
            if not self._asked:
                raise
            raise KeyboardInterrupt from None
        finally:
            self._preparing = None
            # A second signal leaves it under way; how it ends is nobody's business any more.
            task.add_done_callback(_heard)
        if self._asked:
            raise KeyboardInterrupt
        return result

    def run(self, bot: TradingBot) -> Outcome:
        """Run the bot to its end. Raises what `TradingBot.run` raises."""
        self._bot = bot
        try:
            return self._loop.run_until_complete(bot.run())
        finally:
            self._is_over = True

    @property
    def was_asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked > 0

    def receive(self, name: str) -> None:
        """A signal has come; called on the loop."""
        self._asked += 1
        if self._is_over:
            return
        if self._bot is not None:
            if self._asked == 1:
                self._bot.request_stop(f"stopped by {name}")
            else:
                self._bot.abandon()
        elif self._asked > 1:
            raise KeyboardInterrupt
        elif self._preparing is not None:
            self._preparing.cancel()


@contextlib.contextmanager
def on_loop(loop: asyncio.AbstractEventLoop) -> Iterator[Interrupts]:
    """Have signals come as callbacks of `loop`, from now until the session is closed; afterwards they are ignored."""
    interrupts = Interrupts(loop)
    for number, name in _NAMES.items():
        try:
            loop.add_signal_handler(number, interrupts.receive, name)
        except NotImplementedError:  # Windows: the handler runs between two steps of the interpreter.
            signal.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(interrupts.receive, name))
    try:
        yield interrupts
    finally:
        for number in _NAMES:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, lambda *_: None)


def end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on the loop and wait for it, so that no task is destroyed under way or fails unheard."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_TASKS_END_WITHIN_S))
    for task in tasks:
        if not task.done() or task.cancelled():
            continue
        error = task.exception()
        if error is not None and not isinstance(error, ExchangeError):
            context = {"message": "a task failed while the session was closed", "exception": error, "task": task}
            loop.call_exception_handler(context)


def _heard(task: asyncio.Task[Any]) -> None:
    """Take its error, if it has one, so that nobody is told of it as forgotten."""
    if not task.cancelled():
        task.exception()
