"""The client against the twin over loopback: what is peculiar to this venue."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from domain.events import Fill, OrderUpdate, StreamLost, StreamRestored
from domain.market import Side
from domain.orders import OrderFact
from exchanges.edgex import open_client
from exchanges.errors import Misconfigured, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from markets.account import AccountTerms
from tests.support.contract import contract_world
from tests.support.contract_venues.edgex import SWITCHES, TIMING, VENUE
from tests.support.edgex_world import BOUGHT, QUIET, D, edgex, held, of, order, told, venue
from tests.support.tape import quote

# --- the touch ------------------------------------------------------------------------------------------------------


async def test_without_book_ticker_the_touch_comes_from_depth_and_a_gap_is_an_event() -> None:
    moves = [quote(5, 30001, 30011), quote(6, 30002, 30012), quote(7, 30003, 30013)]
    dropped: list[Frame] = []

    def drop_one(frame: Frame) -> FrameFate | None:
        if dropped or '"CHANGED"' not in str(frame):
            return None
        dropped.append(frame)
        return FrameFate(copies=0)

    async with contract_world(venue(replace(SWITCHES, has_book_ticker=False)), [QUIET[0], *moves, QUIET[1]]) as world:
        assert await world.client.fetch_bbo_prices(world.client.contract_id) == (D(3000), D(3001))
        world.faults.on_frame = drop_one
        for second in (5, 6, 7):
            world.go_to(second)
        lost = await world.log.until(StreamLost)
        assert "versions" in lost.reason
        assert "are missing" in lost.reason
        await world.log.until(StreamRestored)
        await told(lambda: world.client.quote() is not None)
        assert await world.client.fetch_bbo_prices(world.client.contract_id) == (D("3000.3"), D("3001.3"))


async def test_without_a_first_touch_the_book_is_asked_once() -> None:
    switches = replace(SWITCHES, book_ticker_begins_with_snapshot=False)
    async with contract_world(venue(switches), QUIET) as world:
        assert await world.client.fetch_bbo_prices(world.client.contract_id) == (D(3000), D(3001))
        assert sum(request.path.endswith("getDepth") for request in world.faults.seen) == 1


# --- orders ---------------------------------------------------------------------------------------------------------


async def test_a_market_order_is_a_capped_immediate_one_that_only_reduces() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await held(world)
        order_id = await world.client.place(order(1001, Side.SELL, None))
        ended = await world.log.until(OrderUpdate, of(1001, OrderFact.FILLED))
        assert (ended.order_id, ended.filled) == (order_id, D("0.1"))
        fill = await world.log.until(Fill, lambda fill: fill.client_id == 1001)
        assert (fill.price, fill.quantity, fill.side) == (D(3000), D("0.1"), Side.SELL)
        (sent,) = [
            json.loads(r.body) for r in world.faults.seen if r.path.endswith("createOrder") and b"1001" in r.body
        ]
        names = ("type", "timeInForce", "reduceOnly", "price")
        assert [sent[name] for name in names] == ["LIMIT", "IMMEDIATE_OR_CANCEL", True, "2940"]


async def test_a_market_order_without_a_quote_is_not_sent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.faults.refuse_sockets = True
        world.running.host.cut_all()
        await world.log.until(StreamLost)
        with pytest.raises(NotSent):
            await world.client.place(order(1001, Side.SELL, None))


async def test_a_limit_order_that_may_take_is_never_sent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        with pytest.raises(ValueError, match="never sent"):
            await world.client.place(replace(order(1), post_only=False))
        assert not any(request.path.endswith("createOrder") for request in world.faults.seen)


@pytest.mark.parametrize("word", ["COULD_NOT_FILL", "UNKNOWN_ORDER_CANCEL_REASON"])
async def test_a_post_only_refusal_ends_the_order_whatever_the_venue_calls_it(word: str) -> None:
    async with contract_world(venue(replace(SWITCHES, post_only_cancel_reason=word)), QUIET) as world:
        await world.client.place(order(1, price="3001.0"))
        ended = await world.log.until(OrderUpdate, lambda event: event.fact is not OrderFact.ACCEPTED)
        assert (ended.fact, ended.filled) in ((OrderFact.REFUSED, D(0)), (OrderFact.CANCELLED, D(0)))


async def test_missing_margin_shows_as_a_refusal_later_or_at_once() -> None:
    poor = AccountTerms(D(10))
    async with contract_world(VENUE, QUIET, terms=poor) as world:
        await world.client.place(order(1))
        refused = await world.log.until(OrderUpdate, of(1, OrderFact.REFUSED))
        assert refused.reason == "insufficient_margin"
    async with contract_world(venue(replace(SWITCHES, margin_is_checked_first=True)), QUIET, terms=poor) as world:
        with pytest.raises(Refused) as at_once:
            await world.client.place(order(1))
        assert at_once.value.reason == "insufficient_margin"


async def test_a_trimmed_order_tells_its_new_size_where_the_venue_trims() -> None:
    async with contract_world(venue(replace(SWITCHES, reduce_only_is_trimmed=True)), BOUGHT) as world:
        await held(world)
        await world.client.place(order(1001, Side.SELL, "3005.0"))
        await world.log.until(OrderUpdate, of(1001, OrderFact.ACCEPTED))
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        told = await world.log.until(OrderUpdate, lambda event: event.quantity is not None)
        assert (told.client_id, told.fact, told.quantity) == (1001, OrderFact.ACCEPTED, D("0.06"))


async def test_an_order_booked_other_than_sent_ends_all_sending() -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = lambda request: RequestFate(arrivals=0, is_answered=False)
        with pytest.raises(OutcomeUnknown):
            await world.client.place(order(1))
        world.faults.heal()
        client, twin = edgex(world)
        form_of = world.twin.desk.place("tpg-1", Side.BUY, D("0.2"), D("2999.0"), post_only=True)
        del form_of
        booked = twin.table.by_number(1)
        booked.form = replace(booked.form, client_id="tpg-1")
        await client.open_orders()
        with pytest.raises(Misconfigured, match="booked another order than was sent"):
            await client.place(order(2))


# --- reads ----------------------------------------------------------------------------------------------------------


async def test_trades_of_an_earlier_process_are_known_by_asking_for_their_orders() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        since_ns = world.clock.now_ns()
        await held(world)
        world.twin.desk.trade_by_hand(Side.SELL, D("0.01"))
        network = Network()
        env = world.running.env
        later = open_client(
            ClientSetup("ETH", env.get, network.open_http, network.sockets, world.clock, Random(2)), TIMING
        )
        await later.connect()
        fills = await later.fills_since(since_ns)
        await later.disconnect()
        await network.close()
        assert [(fill.client_id, fill.side, fill.quantity) for fill in fills] == [
            (1000, Side.BUY, D("0.1")), (None, Side.SELL, D("0.01")),
        ]  # fmt: skip


async def test_a_trade_whose_order_is_not_written_yet_makes_the_read_fail_and_later_is_nobodys() -> None:
    empty = HttpResponse(200, (), b'{"code":"SUCCESS","data":[]}')
    async with contract_world(VENUE, BOUGHT) as world:
        world.faults.on_frame = lambda _frame: FrameFate(copies=0)
        world.twin.desk.trade_by_hand(Side.BUY, D("0.01"))
        client, _ = edgex(world)
        world.faults.on_request = lambda request: (
            RequestFate(arrivals=0, answer=empty) if request.path.endswith("getOrderById") else None
        )
        with pytest.raises(Unavailable, match="does not say yet whose order"):
            await client.fills_since(0)
        world.go_to(120)
        (fill,) = await client.fills_since(0)
        assert (fill.client_id, fill.side, fill.quantity, fill.forced) == (None, Side.BUY, D("0.01"), False)


async def test_an_empty_side_of_the_book_is_no_quote() -> None:
    async with contract_world(VENUE, QUIET) as world:
        client, twin = edgex(world)
        channel = f"bookTicker.{twin.contract_id}"
        row = {
            "contractId": twin.contract_id, "bestBidPrice": "0", "bestBidSize": "0", "bestAskPrice": "3001",
            "bestAskSize": "1",
        }  # fmt: skip
        twin._quote_event(twin.subscribers(channel), channel, "changed", dict(row))
        await told(lambda: (quote := client.quote()) is not None and not quote.is_usable)
        with pytest.raises(Unavailable):
            await client.fetch_bbo_prices(client.contract_id)
        assert world.log.of(StreamLost) == []


@pytest.mark.parametrize("is_newest_first", [True, False])
async def test_the_fill_history_is_read_to_its_end_in_either_order(is_newest_first: bool) -> None:
    switches = replace(SWITCHES, history_is_newest_first=is_newest_first)
    async with contract_world(venue(switches), BOUGHT) as world:
        _, twin = edgex(world)
        twin.longest_history_page = 2
        since_ns = world.clock.now_ns()
        await held(world)
        for number in range(6):
            world.go_to(10 + number)
            world.twin.desk.trade_by_hand(Side.SELL, D("0.01"))
        world.running.host.live()
        fills = await world.client.fills_since(since_ns)
        assert [fill.quantity for fill in fills] == [D("0.1"), *[D("0.01")] * 6]
        asked = [request for request in world.faults.seen if "FillTransaction" in request.path]
        assert len(asked) == 4
        await world.client.fills_since(world.clock.now_ns() + 10**9)
        pages = len([request for request in world.faults.seen if "FillTransaction" in request.path]) - len(asked)
        assert pages == (1 if is_newest_first else 4)


async def test_a_listing_that_pages_in_a_circle_is_no_listing() -> None:
    row = {"code": "SUCCESS", "data": {"dataList": [], "nextPageOffsetData": "7"}}
    answer = HttpResponse(200, (), json.dumps(row).encode())
    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = lambda _request: RequestFate(arrivals=0, answer=answer)
        with pytest.raises(Unavailable, match="in a circle"):
            await world.client.open_orders()


async def test_an_order_the_venue_took_and_forgot_is_not_believed_absent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        with pytest.raises(Unavailable, match="does not know order 5, which it took"):
            await world.client.query(1, "5")


async def test_another_contracts_position_is_not_ours() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await held(world)
        assert await world.client.position() == D("0.1")


async def test_a_limit_on_orders_that_the_account_states_is_kept() -> None:
    async with contract_world(VENUE, QUIET) as world:

        def states_two(request: HttpRequest) -> RequestFate | None:
            if not request.path.endswith("getAccountAsset"):
                return None
            said = world.twin.request(request)
            body = said.body.replace(b'"createOrderPerMinuteLimit":0', b'"createOrderPerMinuteLimit":2')
            assert body != said.body
            return RequestFate(arrivals=0, answer=HttpResponse(said.status, said.headers, body))

        await world.client.disconnect()
        world.faults.on_request = states_two
        await world.client.connect()
        await world.client.place(order(1))
        await world.client.place(order(2))
        with pytest.raises(NotSent, match="rate limit"):
            await world.client.place(order(3))
        assert len(world.placed) == 2
