"""Aster's client and twin over loopback, with the twin's doubts set as a test wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from exchanges.aster import open_client
from exchanges.aster.client import AsterClient
from exchanges.aster.facts import Switches
from exchanges.aster.twin import AsterTwin, open_twin
from exchanges.base import OrderRequest
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from tests.support.contract import ContractWorld, VenueUnderTest
from tests.support.contract_venues.aster import TIMING, VENUE
from tests.support.tape import quote, sold

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
BOUGHT = [*QUIET[:1], sold(5, 30005, 100), QUIET[1]]
BUY = OrderRequest(1000, Side.BUY, D("0.1"), D("3000.5"), post_only=True, reduce_only=False)
CLOSE = OrderRequest(1001, Side.SELL, D("0.1"), D("3005.0"), post_only=True, reduce_only=True)


def playing(switches: Switches | None = None, **options: bool) -> VenueUnderTest:
    return replace(VENUE, open_twin=lambda setup: open_twin(setup, switches, **options))


def twin_of(world: ContractWorld) -> AsterTwin:
    assert isinstance(world.twin, AsterTwin)
    return world.twin


def about(client_id: int, fact: OrderFact) -> Callable[[OrderUpdate], bool]:
    return lambda event: (event.client_id, event.fact) == (client_id, fact)


@asynccontextmanager
async def another_client(world: ContractWorld, ticker: str = "ETH", **changed: str) -> AsyncIterator[AsterClient]:
    """One more client of the same twin, not connected yet."""
    env = {**world.running.env, **changed}
    network = Network()
    setup = ClientSetup(ticker, env.get, network.open_http, network.sockets, world.clock, Random(2))
    client = open_client(setup, TIMING)
    try:
        yield client
    finally:
        await client.disconnect()
        await network.close()


async def buy(world: ContractWorld) -> None:
    await world.client.place(BUY)
    world.go_to(5)
    await world.log.until(OrderUpdate, about(1000, OrderFact.FILLED))
