"""`GET {base_url}/_rehearsal/ledger`: each twin's own truth, in one shape, without any key."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any
from urllib.request import urlopen

import pytest

from domain.events import Fill, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import OrderRequest
from tests.support.contract import ContractWorld, VenueUnderTest, contract_world, venues
from tests.support.tape import START_NS, quote, sold

D = Decimal
BOUGHT = [quote(0, 30000, 30010), sold(5, 30005, 100), quote(3600, 30000, 30010)]
NUMBERS = ("price", "quantity", "filled", "fee", "position", "balance")


async def ledger_of(world: ContractWorld) -> dict[str, Any]:
    """Numbers as `Decimal`, which they must be strings for."""

    def asked() -> Any:
        with urlopen(f"{world.running.base_url}/_rehearsal/ledger", timeout=10) as response:  # noqa: S310 - loopback
            return json.load(response)

    return numbered(await asyncio.to_thread(asked))


def numbered(row: dict[str, Any]) -> dict[str, Any]:
    for name in NUMBERS:
        if row.get(name) is not None:
            assert isinstance(row[name], str), name
            assert "E" not in row[name], name
            row[name] = D(row[name])
    return row


@pytest.mark.parametrize("venue", [pytest.param(venue, id=venue.name) for venue in venues()])
async def test_the_ledger_of_every_twin_has_one_shape(venue: VenueUnderTest) -> None:
    async with contract_world(venue, BOUGHT) as world:
        empty = await ledger_of(world)
        assert empty == {"orders": [], "fills": [], "position": D(0), "balance": D(100_000)}
        await world.client.place(OrderRequest(1000, Side.BUY, D("0.1"), D("3000.5"), post_only=True, reduce_only=False))
        await world.log.until(OrderUpdate, lambda event: event.fact is OrderFact.ACCEPTED)
        world.go_to(5)
        bought = await world.log.until(OrderUpdate, lambda event: event.fact is OrderFact.FILLED)
        await world.client.place(OrderRequest(1001, Side.SELL, D("0.1"), D("3005.0"), post_only=True, reduce_only=True))
        closing = await world.log.until(OrderUpdate, lambda event: event.client_id == 1001)
        ledger = await ledger_of(world)
        opened, closed = [numbered(row) for row in ledger["orders"]]
        (fill,) = [numbered(row) for row in ledger["fills"]]
        ids = [row.pop("client_id") for row in (opened, closed)]
        assert all(isinstance(client_id, str) and client_id for client_id in ids)
        assert len(set(ids)) == len(ids)
        assert opened == {
            "order_id": bought.order_id, "side": "buy", "price": D("3000.5"), "quantity": D("0.1"),
            "filled": D("0.1"), "status": "filled", "post_only": True, "reduce_only": False,
        }  # fmt: skip
        assert closed == {
            "order_id": closing.order_id, "side": "sell", "price": D("3005"), "quantity": D("0.1"), "filled": D(0),
            "status": "open", "post_only": True, "reduce_only": True,
        }  # fmt: skip
        told = await world.log.until(Fill)
        assert fill == {
            "trade_id": told.trade_id, "order_id": bought.order_id, "side": "buy", "price": D("3000.5"),
            "quantity": D("0.1"), "fee": D(0), "maker": True, "time": (START_NS + 5_000_000_000) // 1_000_000,
        }  # fmt: skip
        assert (ledger["position"], ledger["balance"]) == (D("0.1"), D(100_000))  # Bought at the mid.
        assert not any(world.running.env[name] in json.dumps(ledger, default=str) for name in venue.secrets)
