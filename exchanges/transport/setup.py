"""What a client is built from, and what a venue's package offers.

A venue's package (`exchanges/<venue>/__init__.py`) has `KEYS`, the variables it reads, and
`open_client(setup) -> BaseExchangeClient`, which reads and checks them, and raises `Misconfigured` with one line that
says what to do. Its `twin` module has `open_twin(setup) -> Twin`. `exchanges.factory` finds both by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, TypeVar

from domain.clock import Clock
from exchanges.base import AccountSummary, BaseExchangeClient
from exchanges.transport.messages import HttpTransport, WebSocketTransport

__all__ = ["AccountSummary", "Aside", "ClientSetup", "EnvKey", "VenuePackage", "at_once"]

T = TypeVar("T")


class Aside(Protocol):
    """Runs a piece of plain work where it holds nobody up, and gives its result: `asyncio.to_thread` for one."""

    async def __call__(self, work: Callable[[], T], /) -> T: ...


async def at_once(work: Callable[[], T], /) -> T:
    """The `Aside` of worlds without threads: under virtual time, work takes no time."""
    return work()


@dataclass(frozen=True, slots=True)
class EnvKey:
    """One variable a venue reads. `is_secret`: never shown, and kept out of every log."""

    name: str
    description: str
    default: str = ""
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class ClientSetup:
    """`value` gives a variable of the env file or the environment, None when it is not set. `open_http` makes a
    transport to a base address. `chance` draws the jitter of reconnects. `aside` is for slow signers."""

    ticker: str
    value: Callable[[str], str | None] = field(repr=False)
    open_http: Callable[[str], HttpTransport]
    sockets: WebSocketTransport
    clock: Clock
    chance: Random
    aside: Aside = at_once


class VenuePackage(Protocol):
    """The shape of a venue's package."""

    KEYS: tuple[EnvKey, ...]

    def open_client(self, setup: ClientSetup) -> BaseExchangeClient: ...
