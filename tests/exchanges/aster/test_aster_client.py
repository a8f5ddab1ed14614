"""The client against its twin over loopback: what the contract suite does not ask."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain.events import Fill, FundingPayment, OrderUpdate, PositionUpdate, QuoteMoved, StreamLost, StreamRestored
from domain.market import PriceBand, Side
from domain.orders import OrderFact
from exchanges.aster import open_client
from exchanges.base import OrderRequest
from exchanges.errors import Misconfigured
from exchanges.rehearsal.desk import FundingPaid
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import FrameFate, RequestFate
from tests.support.aster_world import BOUGHT, BUY, QUIET, D, about, another_client, buy, twin_of
from tests.support.contract import contract_world
from tests.support.contract_venues.aster import TIMING, VENUE
from tests.support.tape import quote

# --- fees, funding, forced trades -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate, fee", [("0.0002", "0.060010"), ("-0.0001", "-0.030005"), ("0", "0")])
async def test_fees_and_rebates_are_exact_from_stream_and_history(rate: str, fee: str) -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        world.twin.desk.change_rules(replace(world.twin.desk.rules, maker_fee_rate=D(rate)))
        await world.client.disconnect()
        await world.client.connect()
        await buy(world)
        fill = await world.log.until(Fill)
        (read,) = await world.client.fills_since(fill.venue_ns)
        assert (fill.fee, read.fee) == (D(fee), D(fee))


async def test_a_market_order_closes_and_pays_the_taker_fee() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        await world.client.place(OrderRequest(1001, Side.SELL, D("0.1"), None, post_only=False, reduce_only=True))
        ended = await world.log.until(OrderUpdate, about(1001, OrderFact.FILLED))
        assert ended.filled == D("0.1")
        await world.log.until(PositionUpdate, lambda event: event.quantity == 0)
        assert await world.client.position() == 0


async def test_a_trade_by_hand_is_nobodys_order_of_ours() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        fill = await world.log.until(Fill, lambda event: event.side is Side.SELL)
        assert (fill.client_id, fill.forced, fill.quantity) == (None, False, D("0.04"))
        read = await world.client.fills_since(0)
        assert [(each.client_id, each.quantity) for each in read] == [(1000, D("0.1")), (None, D("0.04"))]


async def test_the_owners_of_many_trades_are_asked_for_together() -> None:
    async with contract_world(VENUE, QUIET) as world:
        for _ in range(12):
            world.twin.desk.trade_by_hand(Side.BUY, D("0.01"))
        world.running.host.live()
        await world.log.until(Fill, lambda event: event.trade_id == twin_of(world).trade_id(12))
        async with another_client(world) as again:
            await again.connect()
            sent = len(world.faults.seen)
            fills = await again.fills_since(world.clock.now_ns() - 60_000_000_000)
            assert len(fills) == 12
            paths = [request.path for request in world.faults.seen[sent:]]
            assert paths == ["/fapi/v3/userTrades", "/fapi/v3/allOrders"]


async def test_funding_is_told_once_with_its_exact_amount() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        twin = twin_of(world)
        paid = FundingPaid(twin.now_ns, "funding-1", D("-0.012345"))
        twin.desk.funding.append(paid)
        twin.tell(paid)
        world.running.host.live()
        told = await world.log.until(FundingPayment)
        assert told.amount == D("-0.012345")
        twin.tell(paid)
        world.running.host.live()
        await world.client.position()
        assert world.log.of(FundingPayment) == [told]
        venue_ns = paid.at_ns // 1_000_000 * 1_000_000
        assert await world.client.funding_since(venue_ns) == [replace(told, at_ns=venue_ns)]
        assert await world.client.funding_since(venue_ns + 1) == []


async def test_a_full_page_of_trades_is_read_in_halves() -> None:
    page = [
        {
            "id": number, "orderId": 5, "symbol": "ETHUSDT", "side": "BUY", "positionSide": "BOTH", "price": "3000",
            "qty": "0.01", "quoteQty": "30", "commission": "0", "commissionAsset": "USDT", "realizedPnl": "0",
            "maker": True, "buyer": True, "time": 1_700_000_000_000 + number,
        }
        for number in range(1, 2_501)
    ]  # fmt: skip

    def answer(request: HttpRequest) -> RequestFate | None:
        if request.path != "/fapi/v3/userTrades":
            return None
        values = dict(part.split("=") for part in request.query.split("&"))
        since, until = int(values["startTime"]), int(values["endTime"])
        rows = [row for row in page if since <= int(str(row["time"])) <= until][-1_000:]
        return RequestFate(answer=HttpResponse(200, (), json.dumps(rows).encode()))

    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = answer
        world.twin.desk.place("77", Side.BUY, D("0.01"), D("2900"), post_only=True)
        world.clock.go_to(world.clock.now_ns() + 100 * 1_000_000_000)
        fills = await world.client.fills_since(1_699_999_999_000_000_000)
        assert [int(fill.trade_id) for fill in fills] == list(range(1, 2_501))


# --- streams --------------------------------------------------------------------------------------------------------


async def test_the_touch_is_known_at_once_and_watched() -> None:
    async with contract_world(VENUE, [QUIET[0], quote(5, 29990, 30000), QUIET[1]]) as world:
        first = world.client.quote()
        assert first is not None
        assert (first.bid, first.ask) == (D("3000.0"), D("3001.0"))
        world.client.watch_quotes(PriceBand(Side.SELL, low=D("3000.5")))
        world.go_to(5)
        moved = await world.log.until(QuoteMoved)
        assert (moved.quote.bid, moved.quote.ask) == (D("2999.0"), D("3000.0"))


@pytest.mark.parametrize(
    "frame",
    [
        '{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"ETHUSDT","z":"NaN"}}',
        '{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","P":[{"s":"ETHUSDT","pa":null,"ps":"BOTH"}]}}',
        "not json",
        '{"e":"listenKeyExpired","E":1}',
        '{"e":"bookTicker","u":1,"s":"ETHUSDT","b":"1","B":"1","a":"2","A":"1"}',
    ],
)
async def test_a_message_that_cannot_be_read_breaks_the_stream_and_it_comes_back(frame: str) -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin = twin_of(world)
        (socket,) = twin.subscribers("account")
        twin.push(socket.socket_id, frame)
        world.running.host.live()
        lost = await world.log.until(StreamLost)
        assert lost.reason.startswith("account stream: ")
        await world.log.until(StreamRestored)
        await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))


async def test_a_deaf_account_stream_is_found_out_by_the_order_it_does_not_tell() -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin_of(world).drop_listen_key()
        await world.client.place(BUY)
        lost = await world.log.until(StreamLost)
        assert "no news of order" in lost.reason
        await world.log.until(StreamRestored)
        await world.client.cancel(1000, None)
        await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))


async def test_a_listen_key_that_is_gone_when_it_is_renewed_is_replaced() -> None:
    short = replace(TIMING, listen_key_every_s=0.3)
    venue = replace(VENUE, open_client=lambda setup: open_client(setup, short))
    async with contract_world(venue, QUIET) as world:
        twin_of(world).drop_listen_key()
        lost = await world.log.until(StreamLost)
        assert lost.reason == "account stream: the listen key is not known any more"
        await world.log.until(StreamRestored)


async def test_account_messages_that_overtake_each_other_leave_the_newest_position() -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin = twin_of(world)
        (socket,) = twin.subscribers("account")
        for at_ms, amount in ((2_000, "0.2"), (1_000, "0.1")):
            row = {"s": "ETHUSDT", "pa": amount, "ps": "BOTH"}
            message = {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "ORDER", "B": [], "P": [row]}}
            twin.push(socket.socket_id, json.dumps(message))
        world.running.host.live()
        await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert [event.quantity for event in world.log.of(PositionUpdate)] == [D("0.2")]


async def test_a_cancel_whose_news_is_lost_is_told_by_its_answer() -> None:
    async with contract_world(VENUE, QUIET) as world:
        order_id = await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        world.faults.on_frame = lambda frame: FrameFate(copies=0) if "ORDER_TRADE_UPDATE" in str(frame) else None
        await world.client.cancel(1000, order_id)
        await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))


async def test_a_booking_that_differs_from_what_was_sent_stops_everything() -> None:
    async with contract_world(VENUE, QUIET) as world:
        order = {
            "orderId": 1, "symbol": "ETHUSDT", "status": "NEW", "clientOrderId": "1000", "price": "3000.5",
            "origQty": "0.2", "executedQty": "0", "timeInForce": "GTX", "side": "BUY",
        }  # fmt: skip
        answer = HttpResponse(200, (), json.dumps(order).encode())
        world.faults.on_request = lambda _request: RequestFate(arrivals=0, answer=answer)
        with pytest.raises(Misconfigured, match="booked another order"):
            await world.client.place(BUY)


async def test_a_limit_order_that_may_take_cannot_be_sent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        with pytest.raises(ValueError, match="never sent"):
            await world.client.place(replace(BUY, post_only=False))
