"""Ctrl-C and SIGTERM: before the bot runs, while it runs, and after it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator

from trading_bot import TradingBot

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


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


@contextlib.contextmanager
def stopping(loop: asyncio.AbstractEventLoop, bot: TradingBot) -> Iterator[None]:
    """Once: the bot stops gracefully. Twice: it ends at once, with a list of what is open.

    Afterwards neither does anything: a session that has ended is closed and reported whole.
    """
    asked = 0

    def interrupted(name: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            bot.request_stop(f"stopped by {name}")
        else:
            bot.abandon()

    for number, name in _NAMES.items():
        try:
            loop.add_signal_handler(number, interrupted, name)
        except NotImplementedError:  # Windows: the handler runs between two steps of the interpreter.
            signal.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(interrupted, name))
    try:
        yield
    finally:
        for number in _NAMES:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, lambda *_: None)
