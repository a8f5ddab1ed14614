"""Starting against a venue that is away for a moment, or whose limits another process has just used up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.market import MarketRules
from exchanges.base import BaseExchangeClient
from exchanges.errors import Unavailable

T = TypeVar("T")

_ATTEMPTS = 3
_AGAIN_S = 2.0
_LONGEST_WAIT_S = 75.0
"""For room in the venue's limits, all attempts together: they count over a minute."""
_MARGIN_S = 0.5


async def connect_patiently(client: BaseExchangeClient) -> MarketRules:
    """A connected client, and the rules of its market. Raises `Unavailable` when the venue stays away, `Misconfigured`
    at once."""

    async def connect() -> MarketRules:
        try:
            await client.connect()
            return await client.market_rules()
        except Unavailable:
            await client.disconnect()
            raise

    return await patiently(connect)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask three times, two seconds apart; where the venue's limits leave no room, as soon as they do.

    Raises the last `Unavailable`, and whatever else `ask` raises at once.
    """
    attempts, patience_s = _ATTEMPTS, _LONGEST_WAIT_S
    while True:
        try:
            return await ask()
        except Unavailable as error:
            wait_s = _AGAIN_S
            if error.again_s is not None:
                wait_s = error.again_s + _MARGIN_S
                patience_s -= wait_s
            else:
                attempts -= 1
            if attempts <= 0 or patience_s < 0:
                raise
        await asyncio.sleep(wait_s)
