"""What nobody could confirm of Lighter, played both ways: the client survives either reading."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal

import pytest

from domain.events import Fill, OrderUpdate, PositionUpdate, StreamLost
from domain.market import Side
from domain.orders import OrderFact
from exchanges.base import OrderRequest
from exchanges.errors import ExchangeError, Misconfigured, Refused
from exchanges.lighter.facts import Switches
from exchanges.lighter.twin_auth import Gate
from tests.support.contract_venues.lighter import TIMING
from tests.support.lighter_world import BOUGHT, PARTLY, QUIET, about, buy, twin_of, world_of

D = Decimal

READINGS = {
    "a client id in use fails in execution": Switches(duplicate_is_refused_at_once=False),
    "a cancel of nothing is taken": Switches(gone_order_is_refused_at_once=False),
    "failed orders are shown": Switches(failed_tx_has_order_event=True),
    "a trim shows in what remains alone": Switches(trim_changes_initial_amount=False),
    "ended orders have nothing remaining": Switches(ended_order_keeps_remaining=False),
    "the first trades are an object": Switches(first_trades_are_a_list=False),
    "trades come first": Switches(trades_before_orders=True),
    "a bad token is a 401": Switches(bad_token_status=401),
    "a bad nonce is a 409": Switches(bad_nonce_status=409),
    "no delay": Switches(execution_delay_ms=0, taker_delay_ms=0, history_delay_ms=0),
    "long delays": Switches(execution_delay_ms=400, taker_delay_ms=400, history_delay_ms=500),
    "a premium account": Switches(tier="premium"),
    "failed transactions give their nonce back": Switches(failed_tx_returns_nonce=True),
    "closed positions are left out": Switches(flat_position_is_left_out=True),
    "order times in milliseconds": Switches(order_times_are_ms=True),
    "fees in percent": Switches(listed_fees_are_percent=True),
    "paid funding is positive": Switches(paid_funding_is_positive=True),
    "one order in an answer": Switches(active_page=1),
    "few orders": Switches(most_orders=3, most_pending=3),
    "statistics come rarely": Switches(stats_every_ms=1_900),
}
PLAYED_ELSEWHERE = {"bad_signature_code", "checks_signatures", "checks_expiry_of_tx"}
"""The first below; the other two spare the twin its work, and are no doubts about the venue."""
PATIENT = replace(TIMING, news_within_s=60.0)
"""However slow the machine: of a cancel of nothing that was taken no news ever comes."""


def test_every_doubt_is_played_both_ways() -> None:
    believed = Switches()
    played = {
        field.name
        for reading in READINGS.values()
        for field in fields(Switches)
        if getattr(reading, field.name) != getattr(believed, field.name)
    }
    assert played | PLAYED_ELSEWHERE == {field.name for field in fields(Switches)}


@pytest.mark.parametrize("switches", READINGS.values(), ids=READINGS)
async def test_every_reading_of_the_unconfirmed_facts_gives_the_same_story(switches: Switches) -> None:
    async with world_of(PARTLY, switches, PATIENT) as world:
        gone = await world.client.cancel_order(4242)
        assert gone.success is not switches.gone_order_is_refused_at_once
        twin_of(world).gate.revoke_tokens()
        twin_of(world).sequencer.next_nonce += 3  # As if a program beside ours had used the key.
        await world.client.place(buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert [info.client_id for info in await world.client.open_orders()] == [1000]
        world.go_to(5)
        fill = await world.log.until(Fill)
        assert fill.quantity == D("0.04")
        close = OrderRequest(1001, Side.SELL, D("0.04"), D("3005.0"), post_only=True, reduce_only=True)
        await world.client.place(close)
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert sorted(info.client_id or 0 for info in await world.client.open_orders()) == [1000, 1001]
        world.twin.desk.trade_by_hand(Side.SELL, D("0.01"))
        world.running.host.live()
        shrunk = await world.log.until(OrderUpdate, lambda event: event.quantity is not None)
        assert (shrunk.client_id, shrunk.quantity) == (1001, D("0.03"))
        await world.client.cancel(1000, fill.order_id)
        ended = await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))
        assert ended.filled == D("0.04")
        assert world.log.of(StreamLost) == []


@pytest.mark.parametrize("returns", [False, True])
async def test_an_order_after_one_that_failed_in_execution_is_taken(returns: bool) -> None:
    async with world_of(QUIET, Switches(failed_tx_returns_nonce=returns)) as world:
        before = twin_of(world).sequencer.next_nonce
        await world.client.place(buy(1000, quantity="1000"))
        await world.log.until(OrderUpdate, about(1000, OrderFact.REFUSED))
        assert twin_of(world).sequencer.next_nonce == before + (0 if returns else 1)
        await world.client.place(buy(1001))
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert [order.client_id for order in world.placed] == ["1001"]


async def test_orders_that_fail_with_the_one_before_them_are_each_told() -> None:
    async with world_of(QUIET, Switches(failed_tx_returns_nonce=True, execution_delay_ms=60_000)) as world:
        await world.client.place(buy(1000, quantity="1000"))
        await world.client.place(buy(1001))
        assert len(twin_of(world).sequencer.pending) == 2
        world.go_to(120)
        for client_id, reason in ((1000, "margin"), (1001, "invalid nonce")):
            told = await world.log.until(OrderUpdate, about(client_id, OrderFact.REFUSED))
            assert reason in told.reason
        assert world.placed == []
        assert world.log.of(StreamLost) == []


@pytest.mark.parametrize("left_out", [False, True])
async def test_a_closed_position_is_zero_when_asked_for_however_it_is_told(left_out: bool) -> None:
    async with world_of(BOUGHT, Switches(flat_position_is_left_out=left_out)) as world:
        await world.client.place(buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        world.go_to(5)
        await world.log.until(PositionUpdate, lambda event: event.quantity == D("0.1"))
        result = await world.client.place_market_order(world.client.contract_id, D("0.1"), Side.SELL, client_id=1001)
        assert result.success
        await world.log.until(OrderUpdate, about(1001, OrderFact.FILLED))
        assert await world.client.position() == 0
        assert [event.quantity for event in world.log.of(PositionUpdate)] == [D("0.1"), *([] if left_out else [D(0)])]


@pytest.mark.parametrize(
    "code, error, words", [(21120, Misconfigured, "API_KEY_PRIVATE_KEY"), (21501, Refused, "invalid signature")]
)
async def test_a_key_that_was_replaced_at_the_exchange_places_nothing(
    code: int, error: type[ExchangeError], words: str
) -> None:
    async with world_of(QUIET, Switches(bad_signature_code=code)) as world:
        twin = twin_of(world)
        twin.gate = Gate(twin.account, twin.gate.key_index, 304, (12345).to_bytes(40, "little"), twin.switches)
        with pytest.raises(error, match=words):
            await world.client.place(buy(1000))
        assert world.placed == []
