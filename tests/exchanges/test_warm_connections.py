"""Between a fill and its close no connection is opened: one that is warm carries the close. On loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import Fill, OrderUpdate
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from exchanges.base import OrderRequest
from exchanges.factory import ExchangeFactory
from exchanges.transport.messages import HttpRequest
from exchanges.transport.twin import RequestFate
from tests.support.contract import ContractWorld, VenueUnderTest, contract_world, venues
from tests.support.tape import quote, sold

D = Decimal
MARKET = [quote(0, 30000, 30010), sold(5, 30005, 100), quote(3600, 30000, 30010)]
EACH = pytest.mark.parametrize("venue", [pytest.param(venue, id=venue.name) for venue in venues()])
ORDER = OrderRequest(1000, Side.BUY, D("0.1"), D("3000.5"), post_only=True, reduce_only=False)
CLOSE = OrderRequest(1001, Side.SELL, D("0.1"), D("3010"), post_only=True, reduce_only=True)


def in_earnest(venue: VenueUnderTest) -> VenueUnderTest:
    """With the waits it really has: no chore falls due during a test."""
    return replace(venue, open_client=ExchangeFactory.load_venue(venue.name).open_client)


async def filled(world: ContractWorld) -> None:
    await world.client.place(ORDER)
    await world.log.until(OrderUpdate, lambda event: event.client_id == ORDER.client_id)
    world.go_to(5)
    await world.log.until(Fill)


@EACH
async def test_a_close_leaves_over_a_connection_that_was_there_before_the_fill(venue: VenueUnderTest) -> None:
    async with contract_world(in_earnest(venue), MARKET) as world:
        warm = world.running.host.connections()
        await filled(world)
        await world.client.place(CLOSE)
        assert world.running.host.connections() <= warm
        told = await world.log.until(OrderUpdate, lambda event: event.client_id == CLOSE.client_id)
        assert told.fact is OrderFact.ACCEPTED


@EACH
async def test_a_close_waits_for_no_read_and_opens_nothing_while_one_is_under_way(venue: VenueUnderTest) -> None:
    async with contract_world(in_earnest(venue), MARKET) as world:
        warm = world.running.host.connections()
        await filled(world)

        def slow_reads(request: HttpRequest) -> RequestFate | None:
            return RequestFate(delay_back_ns=NANOSECONDS) if request.method == "GET" else None

        world.faults.on_request = slow_reads
        read = asyncio.create_task(world.client.position())
        await asyncio.sleep(0.02)
        await world.client.place(CLOSE)
        assert world.running.host.connections() <= warm
        assert not read.done()
        world.faults.heal()
        assert await read == D("0.1")
