"""What each client tells of its exchange's limits on orders is what the exchange goes by."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import OrderLimits, OrderRequest
from exchanges.errors import Refused
from tests.support.contract import ContractWorld, VenueUnderTest, contract_world, venues
from tests.support.tape import quote

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
"""Bid 3000.0, ask 3001.0."""
TICK, MID, QUANTITY = D("0.1"), D("3000.5"), D("0.1")
LIMITS = {
    "aster": OrderLimits(200, D("0.95"), D("1.05")),
    "backpack": OrderLimits(None, D("0.9"), D("1.1")),
    "edgex": OrderLimits(),
    "lighter": OrderLimits(1_000),
    "paradex": OrderLimits(100, D("0.95"), D("1.05")),
}


async def taken(world: ContractWorld, client_id: int, side: Side, price: Decimal) -> bool:
    """Whether the exchange lets an order rest at a price."""
    try:
        await world.client.place(OrderRequest(client_id, side, QUANTITY, price, post_only=True, reduce_only=False))
    except Refused:
        return False
    told = await world.log.until(OrderUpdate, lambda event: event.client_id == client_id)
    return told.fact is OrderFact.ACCEPTED


@pytest.mark.parametrize("venue", [pytest.param(venue, id=venue.name) for venue in venues()])
async def test_a_client_knows_how_far_from_the_market_an_order_may_rest(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        limits = world.client.capabilities.order_limits
        assert limits == LIMITS[venue.name]
        lowest = MID * (limits.lowest_price or D("0.7"))
        highest = MID * (limits.highest_price or D("1.3"))
        lowest, highest = lowest - lowest % TICK + TICK, highest - highest % TICK
        assert await taken(world, 1001, Side.BUY, lowest)
        assert await taken(world, 1002, Side.SELL, highest)
        if limits.lowest_price is not None:
            assert not await taken(world, 1003, Side.BUY, lowest - TICK)
        if limits.highest_price is not None:
            assert not await taken(world, 1004, Side.SELL, highest + TICK)
