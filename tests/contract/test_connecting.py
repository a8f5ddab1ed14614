"""Connecting, whole or not at all; and what a client keeps while it is connected.

For every venue, in memory and in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain.events import OrderUpdate, VenueEvent, VenueTrouble
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import BaseExchangeClient, OrderRequest
from exchanges.errors import Refused, Unavailable
from exchanges.factory import ExchangeFactory
from exchanges.order_memory import OrderMemory
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.messages import HttpRequest
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import RequestFate
from helpers.clock import VirtualTimeLoop
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE, Faults, VenueUnderTest, venues
from tests.support.tape import START_NS, ScriptedMarket, quote

EACH = pytest.mark.parametrize("venue", [pytest.param(venue, id=venue.name) for venue in venues()])
QUIET = [quote(0, 30000, 30010), quote(36_000, 30000, 30010)]
Story = Callable[[BaseExchangeClient, Faults], Coroutine[Any, Any, None]]


def told(venue: VenueUnderTest, story: Story) -> None:
    """Live through a story with a client that is not connected yet."""
    loop = VirtualTimeLoop(START_NS)
    with contextlib.closing(loop):
        market = ScriptedMarket(QUIET, rules=RULES, scale=SCALE)
        twin = venue.open_twin(TwinSetup("ETH", market, AccountTerms(Decimal(100_000)), START_NS, seed=7))
        faults = Faults()
        world = TwinWorld(twin, START_NS, latency_ns=40_000_000, meddler=faults)
        network = MemoryNetwork(world)
        env = twin.env(f"http://127.0.0.1{twin.rest_path}", f"ws://127.0.0.1{twin.ws_path}")
        loop.live_in(world)
        setup = ClientSetup("ETH", env.get, network.open_http, network.sockets, loop.clock, Random(1))
        client = ExchangeFactory.load_venue(venue.name).open_client(setup)

        async def run() -> None:
            await story(client, faults)
            await client.disconnect()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        loop.run_until_complete(run())


@EACH
def test_given_up_at_any_moment_it_leaves_nothing_behind_and_can_begin_again(venue: VenueUnderTest) -> None:
    async def story(client: BaseExchangeClient, _faults: Faults) -> None:
        has_connected = False
        for tenth in range(40):
            connecting = asyncio.create_task(client.connect())
            await asyncio.wait([connecting], timeout=tenth / 20)
            has_connected = connecting.done()
            if has_connected:
                break
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await asyncio.sleep(30)  # A budget that looks back over a minute must allow the next attempt.
        assert has_connected
        assert client.quote() is not None

    told(venue, story)


@EACH
def test_whichever_of_its_requests_fails_it_leaves_nothing_behind(venue: VenueUnderTest) -> None:
    async def story(client: BaseExchangeClient, faults: Faults) -> None:
        failing = 0
        while failing < 40:
            seen = 0
            failing += 1

            def one_fails(_request: HttpRequest, failing: int = failing) -> RequestFate | None:
                nonlocal seen
                seen += 1
                return RequestFate(is_answered=False) if seen == failing else None

            faults.on_request = one_fails
            with contextlib.suppress(Unavailable):
                await client.connect()
                if seen < failing:
                    return
                await client.disconnect()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await asyncio.sleep(30)
        raise AssertionError("it never connected")

    told(venue, story)


@EACH
def test_a_chore_that_keeps_failing_is_told(venue: VenueUnderTest) -> None:
    async def story(client: BaseExchangeClient, faults: Faults) -> None:
        events: list[VenueEvent] = []
        await client.connect()
        client.setup_order_update_handler(events.append)
        faults.on_request = lambda _request: RequestFate(is_answered=False)
        await asyncio.sleep(60)
        texts = [event.text for event in events if isinstance(event, VenueTrouble)]
        assert [text for text in texts if text.startswith("clock has failed 3 times in a row: ")] != []
        assert len(texts) == len(set(texts))

    told(venue, story)


@EACH
def test_of_orders_that_have_ended_a_client_keeps_nothing_for_ever(venue: VenueUnderTest) -> None:
    """Cancelled by us, and refused by the venue."""

    async def story(client: BaseExchangeClient, _faults: Faults) -> None:
        events: list[VenueEvent] = []
        await client.connect()
        client.setup_order_update_handler(events.append)
        prices = {1000: "2999", 1001: "2999.5", 1002: "3001", 1003: "3001.5"}  # The last two would cross.
        for client_id, price in prices.items():
            order = OrderRequest(client_id, Side.BUY, Decimal("0.1"), Decimal(price), post_only=True, reduce_only=False)
            with contextlib.suppress(Refused):
                await client.place(order)
                await asyncio.sleep(2)
                with contextlib.suppress(Refused):
                    await client.cancel(client_id, None)
            await asyncio.sleep(2)
        cancelled = [event for event in events if isinstance(event, OrderUpdate) and event.fact is OrderFact.CANCELLED]
        assert {event.client_id for event in cancelled} == {1000, 1001}
        memories = {name: kept for name, kept in vars(client).items() if isinstance(kept, OrderMemory)}
        assert memories != {}
        assert {name: kept.live for name, kept in memories.items()} == dict.fromkeys(memories, 0)
        assert all(len(kept) >= 2 for kept in memories.values())

    told(venue, story)
