"""`runbot.py optimize`: search settings, test them on what was not searched, and say what is chance."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence

from commands import interrupts
from commands.session import Surroundings
from commands.usage import UsageError
from trading_bot import Outcome, TradingBot

_NEEDED = ("numpy", "optuna", "sqlalchemy")


def optimize(arguments: Sequence[str], around: Surroundings) -> int:
    """Search as asked; 0, also where it was interrupted; 1 where engine and bot differ. Raises `UsageError`."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"optimize needs {', '.join(missing)}: python -m pip install --require-hashes -r requirements-optimize.txt"
        )
    with interrupts.as_keyboard_interrupts():
        from commands.optimize_run import run_optimize  # Heavy, and wanted by few runs.

        return run_optimize(arguments, around, interruptible)


def interruptible(loop: asyncio.AbstractEventLoop, bot: TradingBot) -> Outcome:
    """Run the bot to its end. Raises `KeyboardInterrupt` once it has ended where it was asked to end early."""
    with interrupts.as_keyboard_interrupts():
        with interrupts.on_loop(loop) as signals:
            outcome = signals.run(bot)
        if signals.was_asked:
            raise KeyboardInterrupt
        return outcome
