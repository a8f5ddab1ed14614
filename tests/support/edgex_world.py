"""The edgeX client against its twin over loopback: short words for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import OrderRequest
from exchanges.edgex import EdgexClient
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin import EdgexTwin, open_twin
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import RequestFate
from tests.support.contract import WAIT_S, ContractWorld, VenueUnderTest
from tests.support.contract_venues.edgex import VENUE
from tests.support.tape import quote, sold

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
BOUGHT = [quote(0, 30000, 30010), sold(5, 30005, 100), quote(3600, 30000, 30010)]


def venue(switches: Switches) -> VenueUnderTest:
    return replace(VENUE, open_twin=lambda setup: open_twin(setup, switches))


def order(client_id: int, side: Side = Side.BUY, price: str | None = "3000.5", size: str = "0.1") -> OrderRequest:
    closes = side is Side.SELL
    return OrderRequest(
        client_id, side, D(size), None if price is None else D(price), post_only=price is not None, reduce_only=closes
    )


def of(client_id: int, fact: OrderFact) -> Callable[[OrderUpdate], bool]:
    return lambda event: (event.client_id, event.fact) == (client_id, fact)


def edgex(world: ContractWorld) -> tuple[EdgexClient, EdgexTwin]:
    assert isinstance(world.client, EdgexClient)
    assert isinstance(world.twin, EdgexTwin)
    return world.client, world.twin


def answering(code: str, status: int = 200, name: str = "") -> Callable[[HttpRequest], RequestFate | None]:
    """The venue answers every request whose path holds `name` with this code."""
    body = json.dumps({"code": code, "data": None, "msg": "your secret is hunter2", "traceId": "364c"}).encode()
    fate = RequestFate(arrivals=0, answer=HttpResponse(status, (("Content-Type", "application/json"),), body))
    return lambda request: fate if name in request.path else None


async def told(holds: Callable[[], bool]) -> None:
    """Until something holds that no event tells of."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + WAIT_S
    for _ in iter(holds, True):
        assert loop.time() < deadline_s, "it never came to hold"
        await asyncio.sleep(0.005)


async def held(world: ContractWorld) -> None:
    """A long position of 0.1, on the market `BOUGHT`."""
    await world.client.place(order(1000))
    world.go_to(5)
    await world.log.until(OrderUpdate, of(1000, OrderFact.FILLED))
