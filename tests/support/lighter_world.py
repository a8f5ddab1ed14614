"""Lighter's client and twin over loopback, with the twin's doubts set as a test wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import OrderRequest
from exchanges.lighter import Timing, open_client
from exchanges.lighter.facts import Switches
from exchanges.lighter.twin import LighterTwin, open_twin
from markets.account import AccountTerms
from tests.support.contract import ContractWorld, contract_world
from tests.support.contract_venues.lighter import TIMING, VENUE
from tests.support.tape import Tick, quote, sold

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
PARTLY = [*QUIET[:1], sold(5, 30005, 40), QUIET[1]]
BOUGHT = [*QUIET[:1], sold(5, 30005, 100), QUIET[1]]


@asynccontextmanager
async def world_of(
    ticks: list[Tick], switches: Switches | None = None, timing: Timing = TIMING, **terms: Any
) -> AsyncIterator[ContractWorld]:
    venue = replace(
        VENUE,
        open_twin=lambda setup: open_twin(setup, switches),
        open_client=lambda setup: open_client(setup, timing),
    )
    account = AccountTerms(balance=Decimal(100_000), **terms)
    async with contract_world(venue, ticks, terms=account) as world:
        yield world


def twin_of(world: ContractWorld) -> LighterTwin:
    assert isinstance(world.twin, LighterTwin)
    return world.twin


def buy(client_id: int, price: str = "3000.5", quantity: str = "0.1") -> OrderRequest:
    return OrderRequest(client_id, Side.BUY, D(quantity), D(price), post_only=True, reduce_only=False)


def about(client_id: int, *facts: OrderFact) -> Callable[[OrderUpdate], bool]:
    return lambda event: event.client_id == client_id and (not facts or event.fact in facts)
