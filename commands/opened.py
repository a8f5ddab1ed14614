"""What a run needs that is not the bot: one exchange, account and market, about to be traded on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from domain.clock import Clock
from domain.market import MarketRules
from exchanges.base import BaseExchangeClient
from helpers.journal import Notes


@dataclass(frozen=True, slots=True)
class Connected:
    """A connected client, the rules it was told, and what to tell people before trading begins."""

    client: BaseExchangeClient
    rules: MarketRules
    lines: Sequence[str] = ()


class OpenedSession(Protocol):
    """A paper session (`commands.paper`), or a venue's, rehearsed or live (`commands.venue_session`)."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop to run on; closed by `close`."""

    @property
    def clock(self) -> Clock:
        """The bot's clock."""

    @property
    def chance(self) -> Random:
        """Draws the first client id of a new journal."""

    @property
    def seed(self) -> int | None:
        """The seed of a generated market."""

    @property
    def mode(self) -> str:
        """What is shown to people: "paper, real time", "live on mainnet"."""

    @property
    def look_every_s(self) -> int:
        """For `BotSettings.look_every_s`."""

    @property
    def way_out(self) -> str:
        """What a person can do when the journal of this session cannot be continued."""

    @property
    def secrets(self) -> Sequence[str]:
        """Keys that are not in the settings, to be kept out of every log."""

    def lines(self) -> list[str]:
        """What a person must know before the screen is taken over, known before connecting."""

    async def connect(self, journal: Notes) -> Connected:
        """Raises `UsageError` for what a person can mend, `ExchangeError` otherwise. `journal` keeps a consent."""

    async def market_ended(self) -> None:
        """Returns when a recorded market ends without the client being told; never where that cannot happen."""

    async def disconnect(self) -> None:
        """Idempotent."""

    def gaps(self) -> int:
        """Holes in recorded data that were leapt over."""

    def mark_ended(self) -> None:
        """The session ended by itself. Raises `LedgerError`."""

    def close(self) -> None:
        """Close what is held, loop included."""
