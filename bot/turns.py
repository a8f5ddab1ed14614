"""Doing something a few turns of the event loop later: behind what is on its way out, and never by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TO_SEND = 1
"""Turns a request takes from the start of its task until its bytes are with the operating system: in the first one it
is built, signed and written. Where it takes more (a budget that must be waited for, a signer in a thread), what comes
behind it comes earlier, which is as safe."""


def after_turns(turns: int, action: Callable[[], object]) -> None:
    """Run `action` on the running loop after everything that each of so many turns has to do."""
    asyncio.get_running_loop().call_soon(_count_down, turns, action)


async def pass_turns(turns: int) -> None:
    """Let the rest of the program have so many turns."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _count_down(turns: int, action: Callable[[], object]) -> None:
    if turns > 1:
        after_turns(turns - 1, action)
    else:
        action()
