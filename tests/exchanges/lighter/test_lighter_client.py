"""What is particular to Lighter's client, over real sockets: nonces, late failures, keys, and the unconfirmed facts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TypeVar

import pytest

from domain.events import Fill, FundingPayment, OrderUpdate, PositionUpdate, StreamLost, StreamRestored
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.errors import Misconfigured, NotSent, OutcomeUnknown, Unavailable
from exchanges.lighter import LighterClient, open_client
from exchanges.lighter.client import masked
from exchanges.lighter.facts import Switches
from exchanges.lighter.twin import open_twin
from exchanges.rehearsal.desk import FundingPaid, TwinOrder
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpResponse
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE, Faults, contract_world
from tests.support.contract_venues.lighter import TIMING, VENUE
from tests.support.lighter_world import BOUGHT, QUIET, about, buy, twin_of, world_of
from tests.support.stepped_clock import SteppedClock
from tests.support.tape import START_NS, ScriptedMarket

D = Decimal


# --- nonces ---------------------------------------------------------------------------------------------------------


async def test_a_transaction_lost_on_its_way_does_not_break_the_chain_of_nonces() -> None:
    async with world_of(QUIET) as world:
        world.faults.on_request = lambda request: (
            RequestFate(arrivals=0, is_answered=False) if VENUE.is_place(request) else None
        )
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000))
        world.faults.heal()
        await world.client.place(buy(1001))
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert [order.client_id for order in world.placed] == ["1001"]


async def test_an_answer_lost_on_its_way_does_not_break_the_chain_either() -> None:
    async with world_of(QUIET) as world:
        world.faults.on_request = lambda request: RequestFate(is_answered=False) if VENUE.is_place(request) else None
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000))
        world.faults.heal()
        await world.client.place(buy(1001, price="3000.4"))
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert [order.client_id for order in world.placed] == ["1000", "1001"]


async def test_a_nonce_used_by_somebody_else_is_asked_for_anew_and_the_order_sent_once() -> None:
    async with world_of(QUIET) as world:
        twin_of(world).sequencer.next_nonce += 3
        await world.client.place(buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert len(world.placed) == 1


async def test_many_orders_at_once_keep_their_nonces_in_order() -> None:
    async with world_of(QUIET) as world:
        orders = [buy(1000 + number, price=str(D("2999.0") + number)) for number in range(2)]
        await asyncio.gather(*(world.client.place(order) for order in orders), world.client.cancel_order(4242))
        for order in orders:
            await world.log.until(OrderUpdate, about(order.client_id, OrderFact.ACCEPTED))
        assert len(world.placed) == 2


async def test_an_unknown_nonce_means_that_nothing_was_sent() -> None:
    async with world_of(QUIET) as world:
        twin_of(world).sequencer.next_nonce += 3
        world.faults.on_request = lambda request: (
            RequestFate(answer=HttpResponse(503)) if request.path == "/api/v1/nextNonce" else None
        )
        with pytest.raises(NotSent):
            await world.client.place(buy(1000))
        assert world.placed == []


# --- failures after the answer --------------------------------------------------------------------------------------


async def test_an_order_that_fails_in_execution_without_a_word_is_found_out() -> None:
    async with world_of(QUIET) as world:
        assert await world.client.place(buy(1000, quantity="1000")) is None
        told = await world.log.until(OrderUpdate, about(1000))
        assert told.fact is OrderFact.REFUSED
        assert told.reason.startswith("failed in execution: ")
        assert world.log.of(StreamLost) == []


async def test_an_order_that_fails_in_execution_may_also_show_as_an_order() -> None:
    async with world_of(QUIET, Switches(failed_tx_has_order_event=True)) as world:
        await world.client.place(buy(1000, quantity="1000"))
        told = await world.log.until(OrderUpdate, about(1000))
        assert (told.fact, told.reason) == (OrderFact.REFUSED, "insufficient_margin")


async def test_a_stream_that_tells_nothing_of_a_taken_order_is_replaced() -> None:
    async with world_of(QUIET) as world:
        world.faults.on_frame = lambda frame: FrameFate(copies=0) if "account_all_orders" in str(frame) else None
        await world.client.place(buy(1000))
        lost = await world.log.until(StreamLost)
        assert "no news of order 1000" in lost.reason
        world.faults.heal()
        await world.log.until(StreamRestored)
        info = await world.client.query(1000, None)
        assert info is not None
        assert info.status is OrderStatus.OPEN


async def test_a_cancel_that_was_executed_without_effect_is_found_out() -> None:
    async with world_of(QUIET, Switches(gone_order_is_refused_at_once=False)) as world:
        await world.client.place(buy(1000))
        accepted = await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        wrong_id = str(int(accepted.order_id or 0) + 7)
        await world.client.cancel(1000, wrong_id)
        told = await world.log.until(OrderUpdate, about(1000, OrderFact.CANCEL_FAILED))
        assert (told.order_id, told.filled) == (accepted.order_id, D(0))


async def test_a_firewall_that_shuts_us_out_proves_nothing_and_pauses_everything() -> None:
    async with world_of(QUIET) as world:
        world.faults.on_request = lambda _request: RequestFate(arrivals=0, answer=HttpResponse(405, (), b"{}"))
        with pytest.raises(OutcomeUnknown, match="firewall"):
            await world.client.place(buy(1000))
        world.faults.heal()
        with pytest.raises(Unavailable):
            await world.client.position()
        world.clock.go_to(world.clock.now_ns() + 61_000_000_000)
        assert await world.client.position() == 0


async def test_an_old_order_is_looked_for_to_the_last_page_also_after_its_cancel_was_tried() -> None:
    async with world_of(QUIET, Switches(gone_order_is_refused_at_once=False)) as world:
        await world.client.place(buy(1000))
        old = await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        await world.client.cancel(1000, None)
        await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))
        desk = world.twin.desk
        for _ in range(250):
            order = desk.place(None, Side.BUY, D("0.01"), D("2900.0"), post_only=True)
            assert isinstance(order, TwinOrder)
            desk.cancel(order.number)
        world.running.host.live()
        world.go_to(300)
        network = Network()
        env = world.running.env
        setup = ClientSetup("ETH", env.get, network.open_http, network.sockets, world.clock, Random(2))
        restarted = open_client(setup, TIMING)
        try:
            await restarted.connect()
            await restarted.cancel(1000, None)
            info = await restarted.query(1000, None)
        finally:
            await restarted.disconnect()
            await network.close()
        assert info is not None
        assert (info.order_id, info.status) == (old.order_id, OrderStatus.CANCELLED)


# --- the market -----------------------------------------------------------------------------------------------------


async def test_a_market_order_closes_the_position_with_a_taker_fee_to_the_last_digit() -> None:
    async with world_of(BOUGHT, taker_fee_rate=D("0.000196")) as world:
        await world.client.place(buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        world.go_to(5)
        await world.log.until(OrderUpdate, about(1000, OrderFact.FILLED))
        result = await world.client.place_market_order(world.client.contract_id, D("0.1"), Side.SELL, client_id=1001)
        assert result.success
        fill = await world.log.until(Fill, lambda event: event.client_id == 1001)
        assert (fill.side, fill.price, fill.fee) == (Side.SELL, D("3000.0"), D("0.0588"))
        flat = await world.log.until(PositionUpdate, lambda event: event.quantity == 0)
        assert flat.quantity == await world.client.position() == 0
        assert [order.status for order in world.placed] == [OrderStatus.FILLED, OrderStatus.FILLED]


async def test_an_order_ends_at_its_expiry() -> None:
    async with world_of(QUIET) as world:
        await world.client.place(buy(1000, price="2999.0"))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        (order,) = world.placed
        # Its own is four weeks away.
        twin_of(world).expire_later(order, world.clock.now_ns() // 1_000_000 + 2_000)
        world.go_to(5)
        ended = await world.log.until(OrderUpdate, about(1000, OrderFact.EXPIRED, OrderFact.CANCELLED))
        assert (ended.fact, ended.filled) == (OrderFact.EXPIRED, D(0))


async def test_funding_payments_are_read_with_the_time_of_the_venue() -> None:
    async with world_of(QUIET) as world:
        at_ns = START_NS + 1_000_000_000
        world.go_to(3)
        world.twin.desk.funding += [
            FundingPaid(at_ns, "x", D("-0.0125")),
            FundingPaid(at_ns + 1_000_000_000, "y", D("0.5")),
        ]
        world.go_to(5)
        expected = [
            FundingPayment(at_ns, "funding-0-2001", D("-0.0125")),
            FundingPayment(at_ns + 1_000_000_000, "funding-0-2002", D("0.5")),
        ]
        assert await world.client.funding_since(START_NS) == expected
        assert await world.client.funding_since(at_ns + 1) == expected[1:]


async def test_a_clock_so_far_behind_that_nothing_signed_would_hold_is_one_line() -> None:
    with pytest.raises(Misconfigured, match="clock is 10 minutes behind"):
        async with contract_world(VENUE, QUIET, skew_s=605):
            pytest.fail("it connected")


@pytest.mark.parametrize(
    "index, shown", [(1077, "10...77"), (281474976710654, "28...0654"), (281474976720354, "28...0354")]
)
async def test_the_account_is_shown_masked_and_told_from_its_neighbours(index: int, shown: str) -> None:
    """Accounts that a person made later have long numbers, which often begin and end alike."""
    async with world_of(QUIET) as world:
        client = world.client
        assert isinstance(client, LighterClient)
        summary = await client.account_summary()
        assert (summary.balance, summary.asset, summary.can_withdraw) == (D(100_000), "USDC", None)
        assert str(twin_of(world).account) not in summary.account
    assert masked(index) == shown


async def test_signing_is_put_aside() -> None:
    """The native signer never runs on the event loop where there are threads."""
    clock = SteppedClock(START_NS)
    market = ScriptedMarket(QUIET, rules=RULES, scale=SCALE)
    twin = open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), START_NS, seed=7))
    running = await start_twin(twin, clock)
    network = Network()
    threads: list[str] = []
    T = TypeVar("T")

    async def aside(work: Callable[[], T], /) -> T:
        def noted() -> T:
            threads.append(threading.current_thread().name)
            return work()

        return await asyncio.to_thread(noted)

    env = running.env
    setup = ClientSetup("ETH", env.get, network.open_http, network.sockets, clock, Random(1), aside)
    client = open_client(setup, TIMING)
    try:
        await client.connect()
        await client.place(buy(1000))
        await client.cancel(1000, None)
    finally:
        await client.disconnect()
        await network.close()
        await running.close()
    assert len(threads) >= 4
    assert threading.main_thread().name not in threads


# --- keys, at the venue ---------------------------------------------------------------------------------------------


async def refusal_of(**changes: str) -> str:
    """Why a client with changed variables does not connect."""
    clock = SteppedClock(START_NS)
    market = ScriptedMarket(QUIET, rules=RULES, scale=SCALE)
    twin = open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(1_000)), START_NS, seed=7))
    running = await start_twin(twin, clock, meddler=Faults())
    network = Network()
    ticker = changes.pop("ticker", "ETH")
    if changes.get("API_KEY_PRIVATE_KEY") == "the public key":
        changes["API_KEY_PRIVATE_KEY"] = twin.gate.public_key
    env = {**running.env, **changes}
    client: LighterClient | None = None
    try:
        setup = ClientSetup(ticker, env.get, network.open_http, network.sockets, clock, Random(1))
        client = open_client(setup, TIMING)
        await client.connect()
        return "it connected"
    except Misconfigured as wrong:
        return str(wrong).replace(env["API_KEY_PRIVATE_KEY"][2:12], "A KEY WAS SHOWN")
    finally:
        if client is not None:
            await client.disconnect()
        await network.close()
        await running.close()


async def test_a_key_the_venue_does_not_know_is_one_line() -> None:
    message = await refusal_of(LIGHTER_API_KEY_INDEX="6")
    assert message == "the exchange has no API key there; check LIGHTER_ACCOUNT_INDEX and LIGHTER_API_KEY_INDEX (6)"


async def test_an_account_the_venue_does_not_know_is_one_line() -> None:
    message = await refusal_of(LIGHTER_ACCOUNT_INDEX="1")
    assert message == "the exchange knows no such account; check LIGHTER_ACCOUNT_INDEX"


async def test_the_private_key_of_another_account_is_one_line() -> None:
    message = await refusal_of(API_KEY_PRIVATE_KEY=(12345).to_bytes(40, "little").hex())
    assert "rejects what API_KEY_PRIVATE_KEY signs" in message
    assert "SHOWN" not in message


async def test_the_public_key_in_place_of_the_private_one_is_one_line() -> None:
    message = await refusal_of(API_KEY_PRIVATE_KEY="the public key")
    assert "public key" in message
    assert "SHOWN" not in message


async def test_a_ticker_that_is_not_listed_names_what_comes_near() -> None:
    assert await refusal_of(ticker="EHT") == "lighter lists no perpetual of EHT; near it: ETH"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"LIGHTER_NETWORK": "sepolia"}, "LIGHTER_NETWORK must be one of mainnet, testnet"),
        ({"LIGHTER_TIER": "gold"}, "LIGHTER_TIER must be one of standard, premium"),
        ({"LIGHTER_BASE_URL": "http://mainnet.zklighter.elliot.ai"}, "only https leaves this machine"),
        ({"LIGHTER_BASE_URL": "https://example.org"}, "name it in LIGHTER_EXTRA_HOST"),
        ({"LIGHTER_NETWORK": "testnet", "LIGHTER_WS_URL": "wss://mainnet.zklighter.elliot.ai/stream"}, "EXTRA_HOST"),
        ({"LIGHTER_WS_URL": "wws://127.0.0.1/stream"}, "check the part before ://"),
    ],
)
async def test_a_wrong_address_or_network_is_one_line(changes: dict[str, str], message: str) -> None:
    network = Network()
    setup = ClientSetup("ETH", changes.get, network.open_http, network.sockets, SteppedClock(START_NS), Random(1))
    with pytest.raises(Misconfigured) as wrong:
        open_client(setup)
    assert message in str(wrong.value)


@pytest.mark.parametrize("tick", ["0.5", "25"])
def test_a_market_that_the_venue_could_not_list_is_one_line(tick: str) -> None:
    rules = replace(RULES, tick_size=D(tick))
    market = ScriptedMarket(QUIET, rules=rules, scale=replace(SCALE, price_unit=D(tick)))
    with pytest.raises(Misconfigured, match=f"cannot list a tick of {tick}"):
        open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(1_000)), START_NS))


def test_a_fee_that_the_venue_could_not_tell_is_one_line() -> None:
    market = ScriptedMarket(QUIET, rules=RULES, scale=SCALE)
    terms = AccountTerms(balance=Decimal(1_000), taker_fee_rate=D("0.00000005"))
    with pytest.raises(Misconfigured, match=r"steps of 0\.0001 %"):
        open_twin(TwinSetup("ETH", market, terms, START_NS))
