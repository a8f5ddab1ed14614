"""A paper session in virtual time: a scripted market, a client, and what it was told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

from domain.events import VenueEvent
from exchanges.paper import PaperClient, PaperWorld, StreamDelays, open_world
from helpers.clock import VirtualTimeLoop
from markets.account import AccountTerms
from markets.store import AccountStore
from tests.support.tape import START_NS, ScriptedMarket, Tick
from tests.support.venue import RICH

MS = 1_000_000


@dataclass
class Session:
    """`heard`: every event, in order of arrival, with milliseconds since the start of the market."""

    world: PaperWorld
    client: PaperClient
    loop: VirtualTimeLoop
    heard: list[tuple[float, VenueEvent]] = field(default_factory=list)

    def now_ms(self) -> float:
        return (self.loop.clock.now_ns() - START_NS) / MS

    def listen(self, event: VenueEvent) -> None:
        assert event.at_ns == self.loop.clock.now_ns()
        self.heard.append((self.now_ms(), event))

    def heard_kinds(self) -> list[tuple[float, str]]:
        return [(when, type(event).__name__) for when, event in self.heard]


def in_paper(
    scenario: Callable[[Session], Awaitable[None]],
    *ticks: Tick,
    latency_ms: int = 50,
    delays: StreamDelays | None = None,
    terms: AccountTerms = RICH,
    ledger: AccountStore | None = None,
    pace: float | None = None,
) -> Session:
    """Run `scenario` to its end; the client is not connected yet when it begins. With a `pace` the loop lives in short
    strides, but never waits: its wall clock is always far ahead."""
    world = open_world(ScriptedMarket(ticks), terms, ledger, latency_ms * MS, delays)
    loop = VirtualTimeLoop(world.now_ns, pace=pace, wall=count(step=1000).__next__)
    loop.live_in(world)
    session = Session(world, PaperClient(world, loop.clock), loop)
    session.client.setup_order_update_handler(session.listen)

    async def run() -> None:
        await scenario(session)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
    return session
