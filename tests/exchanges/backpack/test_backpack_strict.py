"""What the twin reads of an order and of a query, a venue that is closed, and a history longer than a page."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from domain.events import PositionUpdate, StreamLost
from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus
from exchanges.backpack.facts import Switches
from exchanges.backpack.twin import BackpackTwin
from exchanges.backpack.twin_wire import rest_order
from exchanges.errors import OutcomeUnknown, Refused, Unavailable
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import RequestFate, Undisturbed
from markets.account import AccountTerms
from tests.exchanges.backpack.test_backpack_twin import (
    OTHER_READINGS,
    TICKS,
    Hand,
    World,
    buy,
    close,
    lived,
    new_twin,
)
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket

D = Decimal
ELSEWHERE = {"bad_signature_status", "unknown_key_status", "refused_subscription_is_silent", "most_open_orders"}
"""Switches with a test of their own in `test_backpack_twin`, as no round trip shows them."""


@pytest.fixture
def hand() -> Hand:
    twin = new_twin()
    twin.advance(START_NS + NANOSECONDS)
    return Hand(twin)


def test_every_switch_is_turned_in_a_test() -> None:
    plain = Switches()
    turned = {f.name for f in fields(Switches) for other in OTHER_READINGS if getattr(other, f.name) != f.default}
    assert turned | ELSEWHERE | {"bad_timestamp_code"} == {f.name for f in fields(plain)}


# --- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"postOnly": "true"}, "INVALID_CLIENT_REQUEST"),
        ({"postOnly": 1}, "INVALID_CLIENT_REQUEST"),
        ({"reduceOnly": "false"}, "INVALID_CLIENT_REQUEST"),
        ({"timeInForce": "GTD"}, "INVALID_CLIENT_REQUEST"),
        ({"selfTradePrevention": "Allow"}, "INVALID_CLIENT_REQUEST"),
        ({"clientId": True}, "INVALID_CLIENT_REQUEST"),
        ({"clientId": -1}, "INVALID_CLIENT_REQUEST"),
        ({"timeInForce": "FOK"}, "NOT_IMPLEMENTED"),
        ({"triggerPrice": "3000"}, "NOT_IMPLEMENTED"),
        ({"quantity": "٣"}, "INVALID_QUANTITY"),
        ({"quantity": ".5"}, "INVALID_QUANTITY"),
        ({"price": "3301"}, "INVALID_PRICE"),
        ({"selfTradePrevention": "RejectBoth"}, None),
        ({"timeInForce": None, "clientId": None}, None),
    ],
)
def test_every_word_of_an_order_is_read(hand: Hand, changes: dict[str, Any], code: str | None) -> None:
    status, answer = hand.place(**changes)
    assert (status, answer.get("code")) == (200 if code is None else 400, code)


@pytest.mark.parametrize(
    "target, status",
    [
        ("/api/v1/depth?symbol=SOL_USDC_PERP&limit=5", 400),
        ("/api/v1/depth?symbol=ETH_USDC_PERP&limit=7", 400),
        ("/api/v1/depth?symbol=ETH_USDC_PERP", 200),
        ("/api/v1/markPrices?symbol=SOL_USDC_PERP", 400),
        ("/api/v1/markPrices", 200),
    ],
)
def test_a_query_is_answered_only_for_what_is_listed(hand: Hand, target: str, status: int) -> None:
    assert hand.twin.request(HttpRequest("GET", target)).status == status


def test_only_perpetuals_are_listed(hand: Hand) -> None:
    assert hand.twin.request(HttpRequest("GET", "/api/v1/markets?marketType=SPOT")).body == b"[]"
    (row,) = json.loads(hand.twin.request(HttpRequest("GET", "/api/v1/markets?marketType=PERP")).body)
    assert (row["symbol"], row["orderBookState"]) == ("ETH_USDC_PERP", "Open")


def test_no_smallest_worth_is_asked_of_an_order() -> None:
    market = ScriptedMarket(TICKS, rules=replace(RULES, min_notional=D(100)), scale=SCALE)
    twin = BackpackTwin(TwinSetup("ETH", market, AccountTerms(balance=D(100_000)), START_NS, seed=3))
    twin.advance(START_NS + NANOSECONDS)
    assert Hand(twin).place(quantity="0.01")[0] == 200


def test_times_and_messages_that_are_none_are_refused(hand: Hand) -> None:
    assert hand.place(window="9" * 5_000)[1]["code"] == "INVALID_CLIENT_REQUEST"
    socket_id = hand.twin.open_socket(HttpRequest("GET", "/"))
    assert isinstance(socket_id, int)
    hand.twin.socket_frame(socket_id, "[" * 100_000)
    assert socket_id in hand.twin.sockets
    assert hand.twin.request(HttpRequest("POST", "/api/v1/order", (), b"[" * 100_000)).status == 400


# --- a venue that is closed -----------------------------------------------------------------------------------------


def test_maintenance_is_said_before_anything_is_tried() -> None:
    async def story(_world: World) -> None:
        raise AssertionError("it must not have started")

    def close_down(twin: BackpackTwin) -> None:
        twin.status = "Maintenance"

    with pytest.raises(Unavailable, match="backpack is in maintenance; start again when it is over"):
        lived(story, before=close_down)


@pytest.mark.parametrize("state", ["Closed", "CancelOnly"])
def test_a_market_that_takes_no_orders_ends_the_start(state: str) -> None:
    async def story(_world: World) -> None:
        raise AssertionError("it must not have started")

    def shut(twin: BackpackTwin) -> None:
        twin.book_state = state

    with pytest.raises(Unavailable, match=f"ETH_USDC_PERP is {state} now"):
        lived(story, before=shut)


def test_a_pause_in_the_middle_proves_nothing_and_then_the_order_is_absent() -> None:
    async def story(world: World) -> None:
        world.twin.book_state = "CancelOnly"
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000))
        with pytest.raises(Unavailable):
            await world.client.query(1000, None)
        await asyncio.sleep(10)
        assert await world.client.query(1000, None) is None
        world.twin.book_state = "PostOnly"
        await world.client.place(buy(1001))

    lived(story)


# --- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["INVALID_CLIENT_REQUEST", "INVALID_SIGNATURE"])
def test_a_clock_that_jumped_is_measured_again_and_never_taken_for_a_wrong_key(code: str) -> None:
    class Late(Undisturbed):
        """Each order arrives after its window."""

        is_on = True

        def request_fate(self, request: HttpRequest) -> RequestFate:
            return RequestFate(delay_there_ns=6 * NANOSECONDS * (self.is_on and request.method == "POST"))

    async def story(world: World) -> None:
        world.world.meddler = late = Late()
        with pytest.raises(Refused) as refused:
            await world.client.place(buy(1000))
        assert refused.value.reason == "bad_timestamp"
        late.is_on = False
        await world.client.place(buy(1001))

    lived(story, Switches(bad_timestamp_code=code))


# --- the history ----------------------------------------------------------------------------------------------------


class Counting(Undisturbed):
    def __init__(self) -> None:
        self.pages = 0

    def request_fate(self, request: HttpRequest) -> RequestFate:
        self.pages += request.path == "/wapi/v1/history/orders"
        return RequestFate()


def test_a_long_history_is_read_no_further_than_the_order_can_be() -> None:
    async def story(world: World) -> None:
        for number in range(2_100):
            order = world.twin.desk.place(str(number), Side.BUY, D("0.01"), D(2990), post_only=True)
            world.twin.desk.cancel(order.number)  # type: ignore[union-attr]
        world.twin.take_outgoing()
        await asyncio.sleep(120)
        world.world.meddler = counting = Counting()
        order_id = await world.client.place(buy(5_000))
        await world.client.cancel(5_000, order_id)
        await asyncio.sleep(2)
        info = await world.client.query(5_000, None)
        assert info is not None
        assert (info.order_id, info.status, counting.pages) == (order_id, OrderStatus.CANCELLED, 1)
        counting.pages = 0
        with pytest.raises(Unavailable):
            await world.client.query(77_777, None)
        await asyncio.sleep(10)
        assert await world.client.query(77_777, None) is None
        assert counting.pages == 2 * 3  # Of an order nobody here has sent, nothing is known: the whole history counts.

    lived(story)


def test_a_history_sorted_by_ends_hides_no_order_behind_an_old_one_that_ended_late() -> None:
    """The page that the order is not on holds one row from long before it."""

    class Reshuffled(Counting):
        def request_fate(self, request: HttpRequest) -> RequestFate:
            super().request_fate(request)
            if request.path != "/wapi/v1/history/orders":
                return RequestFate()
            page = rows[:1_000] if self.pages == 1 else rows[1_000:]
            return RequestFate(answer=HttpResponse(200, (), json.dumps(page).encode()))

    rows: list[dict[str, Any]] = []

    async def story(world: World) -> None:
        order_id = str(await world.client.place(buy(5_000)))
        await world.client.cancel(5_000, order_id)
        await asyncio.sleep(2)
        order = world.twin.by_wire_id(order_id)
        assert order is not None
        ours = rest_order(order, order_id, world.twin.symbol, is_history=True)
        others = [{**ours, "id": str(number), "clientId": None} for number in range(999)]
        rows[:] = [*others, {**others[0], "id": "x", "createdAt": "2020-01-01T00:00:00.000"}, ours]
        world.world.meddler = Reshuffled()
        info = await world.client.query(5_000, None)
        assert info is not None
        assert info.order_id == order_id

    lived(story)


def test_a_small_position_written_as_a_number_with_an_exponent_breaks_no_stream() -> None:
    async def story(world: World) -> None:
        world.twin.push(next(iter(world.twin.sockets)), POSITION)
        await asyncio.sleep(1)
        assert [event for event in world.events if isinstance(event, StreamLost)] == []
        told = [event.quantity for event in world.events if isinstance(event, PositionUpdate)]
        assert told == [D("-0.00001")]

    lived(story)


POSITION = '{"stream":"account.positionUpdate.ETH_USDC_PERP","data":{"s":"ETH_USDC_PERP","q":-1e-05}}'


def test_a_close_with_nothing_to_reduce_is_refused_under_either_reading() -> None:
    async def story(world: World) -> None:
        with pytest.raises(Refused):
            await world.client.place(close(1000))
        await asyncio.sleep(1)
        assert await world.client.open_orders() == []

    for expires in (True, False):
        lived(story, Switches(reduce_only_expires=expires))
