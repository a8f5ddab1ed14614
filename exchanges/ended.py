"""Waiting for the end of tasks, in the same number of turns of the loop on every Python."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def all_ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Wait until every one has ended; an error that ended one counts as seen. Cancelling this cancels none of them.

    `asyncio.gather` takes turns of the loop for what has ended already on Python 3.11, and none later, so that the same
    simulated world would go another way.
    """
    for task in tasks:
        if not task.done():
            await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()
