"""What is peculiar to Paradex: decisions after the answer, tokens, two sockets, and both readings of unknown facts."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from domain.events import Fill, FundingPayment, Liquidity, OrderUpdate, StreamLost, StreamRestored
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderRequest
from exchanges.errors import Misconfigured, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.paradex.twin_switches import Switches
from exchanges.transport.messages import HttpResponse
from exchanges.transport.twin import FrameFate, RequestFate
from markets.tape import FundingTerms
from tests.support.paradex_session import QUIET, Session, buy, close, run_session
from tests.support.tape import quote, sold

D = Decimal
BOUGHT = (quote(0, 30000, 30010), sold(5, 30005, 100), quote(36000, 30000, 30010))
PARTLY = (quote(0, 30000, 30010), sold(5, 30005, 40), quote(36000, 30000, 30010))


def updates(session: Session, client_id: int) -> list[OrderFact]:
    return [e.fact for e in session.events if isinstance(e, OrderUpdate) and e.client_id == client_id]


# --- decisions come after the answer --------------------------------------------------------------------------------


def test_placing_waits_until_the_engine_has_decided() -> None:
    async def story(session: Session) -> None:
        order_id = await session.client.place(buy(1))
        assert [order.number for order in session.twin.desk.live_orders()] == [1]
        assert updates(session, 1) == [OrderFact.ACCEPTED]
        assert session.twin.tickets[str(order_id)].client_id == "tpg-1"

    run_session(story)


def test_a_post_only_order_that_crosses_is_refused_although_the_api_took_it() -> None:
    async def story(session: Session) -> None:
        with pytest.raises(Refused) as refused:
            await session.client.place(buy(1, price="3001"))
        assert refused.value.reason == "post_only_would_cross"
        assert updates(session, 1) == [OrderFact.REFUSED]
        (info,) = [await session.client.query(1, None)]
        assert info is not None
        assert (info.status, info.filled_size) == (OrderStatus.REFUSED, D(0))

    run_session(story)


def test_an_order_that_the_engine_has_not_looked_at_is_neither_open_nor_absent() -> None:
    async def story(session: Session) -> None:
        placing = asyncio.ensure_future(session.client.place(buy(1)))
        await asyncio.sleep(0.5)
        with pytest.raises(Unavailable, match="not decided"):
            await session.client.query(1, None)
        assert await session.client.open_orders() == []
        assert not placing.done()
        await placing
        assert [info.client_id for info in await session.client.open_orders()] == [1]

    run_session(story, switches=Switches(engine_delay_ms=2_000, lists_new_orders=True))


def test_a_stream_that_brings_no_news_of_an_order_is_replaced_and_the_order_is_kept() -> None:
    async def story(session: Session) -> None:
        session.faults.on_frame = lambda frame: FrameFate(copies=0) if "orders." in str(frame) else None
        order_id = await session.client.place(buy(1))
        session.faults.on_frame = lambda _frame: None
        await asyncio.sleep(5)
        assert [type(event) for event in session.events] == [StreamLost, StreamRestored]
        info = await session.client.query(1, order_id)
        assert info is not None
        assert info.status is OrderStatus.OPEN

    run_session(story)


def test_a_cancel_is_only_queued_and_its_outcome_is_told() -> None:
    async def story(session: Session) -> None:
        order_id = await session.client.place(buy(1))
        await session.client.cancel(1, order_id)
        assert len(session.twin.desk.live_orders()) == 1
        await asyncio.sleep(2)
        assert updates(session, 1) == [OrderFact.ACCEPTED, OrderFact.CANCELLED]
        with pytest.raises(Refused) as refused:
            await session.client.cancel(1, order_id)
        assert refused.value.reason == "order_has_ended"

    run_session(story, switches=Switches(engine_delay_ms=500))


def test_a_market_order_closes_at_once_and_tells_its_fee() -> None:
    async def story(session: Session) -> None:
        await session.client.place(buy(1))
        await asyncio.sleep(6)
        request = OrderRequest(2, Side.SELL, D("0.1"), None, post_only=False, reduce_only=True)
        await session.client.place(request)
        await asyncio.sleep(1)
        (fill,) = [e for e in session.events if isinstance(e, Fill) and e.client_id == 2]
        assert (fill.side, fill.price, fill.quantity) == (Side.SELL, D(3000), D("0.1"))
        assert (fill.fee, fill.liquidity) == (D("0.15"), Liquidity.TAKER)
        assert await session.client.position() == 0

    run_session(story, BOUGHT)


def test_a_close_without_a_position_ends_and_is_not_called_open() -> None:
    async def story(session: Session) -> None:
        await session.client.place(close(1))
        assert updates(session, 1) == [OrderFact.CANCELLED]

    run_session(story)


# --- logins ---------------------------------------------------------------------------------------------------------


def test_a_token_is_renewed_before_it_ends_and_no_order_waits_for_it() -> None:
    async def story(session: Session) -> None:
        for number in range(1, 7):
            await asyncio.sleep(170)
            before = len(session.faults.seen)
            await session.client.place(buy(number, price=f"{3000 - number}"))
            assert [request.path for request in session.faults.seen[before:]] == ["/v1/orders"]
        logins = [request for request in session.faults.seen if request.path.startswith("/v1/auth/")]
        assert len(logins) == 6
        assert not [event for event in session.events if isinstance(event, StreamLost)]

    run_session(story)


def test_a_write_with_a_rejected_token_is_refused_and_never_repeated_by_itself() -> None:
    async def story(session: Session) -> None:
        session.twin.tokens.forget_all()
        with pytest.raises(Refused) as refused:
            await session.client.place(buy(1))
        assert refused.value.reason == "token_rejected"
        assert session.twin.tickets == {}
        await session.client.place(buy(2))
        assert list(session.twin.by_client_id) == ["tpg-2"]

    run_session(story)


def test_an_order_of_an_earlier_process_that_has_just_ended_is_not_believed_absent() -> None:
    """It left the open orders, the history does not have it yet, and the stream does not tell."""
    switches = Switches(history_delay_ms=4_000, client_id_finds_closed=False)

    async def story(session: Session) -> None:
        session.faults.on_frame = lambda _frame: FrameFate(copies=0)
        await session.client._rest.place(session.client.contract_id, buy(1000))  # As an earlier process did.
        await asyncio.sleep(12)
        (ticket,) = session.twin.open_tickets(with_pending=False)
        session.twin.cancel_soon(ticket)
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await session.client.query(1000, None)
        await asyncio.sleep(8)
        info = await session.client.query(1000, None)
        assert info is not None
        assert (info.status, info.client_id) == (OrderStatus.CANCELLED, 1000)

    run_session(story, switches=switches)


def test_without_a_login_nothing_is_sent() -> None:
    async def story(session: Session) -> None:
        session.twin.tokens.forget_all()
        with pytest.raises(Refused):
            await session.client.place(buy(1))
        session.faults.on_request = lambda request: (
            RequestFate(arrivals=0, answer=HttpResponse(503)) if "/auth" in request.path else None
        )
        with pytest.raises(NotSent):
            await session.client.place(buy(2))
        with pytest.raises(NotSent):
            await session.client.cancel(2, None)

    run_session(story)


def test_a_login_that_is_always_rejected_ends_in_an_error() -> None:
    async def story(session: Session) -> None:
        session.faults.on_request = lambda request: (
            RequestFate(arrivals=0, answer=HttpResponse(401)) if "/positions" in request.path else None
        )
        with pytest.raises(Unavailable, match="rejects every login"):
            await session.client.position()

    run_session(story)


# --- starting -------------------------------------------------------------------------------------------------------


async def connect(session: Session) -> None:
    await session.client.connect()


def test_a_ticker_that_is_not_listed_names_what_comes_near() -> None:
    with pytest.raises(Misconfigured, match="no perpetual of ETHH; near it: ETH"):
        run_session(connect, ticker="ETHH", connects=False)


def test_the_wrong_network_is_found_before_anything_is_signed() -> None:
    with pytest.raises(Misconfigured, match="not Paradex's mainnet; set PARADEX_NETWORK"):
        run_session(connect, env={"PARADEX_NETWORK": "mainnet"}, connects=False)


def test_a_key_of_another_account_says_how_to_get_one() -> None:
    other = "0x2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cf"
    with pytest.raises(Misconfigured, match="knows no account for this key"):
        run_session(connect, env={"PARADEX_L2_PRIVATE_KEY": other}, connects=False)


def test_maintenance_is_said_in_one_line() -> None:
    def close_down(session: Session) -> None:
        session.twin.system_state = "maintenance"

    with pytest.raises(Unavailable, match="in maintenance"):
        run_session(connect, before=close_down, connects=False)


def test_a_subkey_signs_for_the_address_it_is_given() -> None:
    found: list[int] = []

    async def look(session: Session) -> None:
        found.append(session.twin.account.address)

    async def story(session: Session) -> None:
        address = f"{found[0]:#066x}"
        assert (await session.client.account_summary()).account == f"{address[:6]}...{address[-4:]}"

    run_session(look, connects=False)
    run_session(story, env={"PARADEX_L2_ADDRESS": hex(found[0])})
    with pytest.raises(Misconfigured):
        run_session(connect, env={"PARADEX_L2_ADDRESS": hex(found[0] + 1)}, connects=False)


@pytest.mark.parametrize(
    "name, url, words",
    [
        ("PARADEX_BASE_URL", "http://api.testnet.paradex.trade/v1", "only https leaves"),
        ("PARADEX_BASE_URL", "https://api.prod.paradex.trade/v1", "not the exchange's"),
        ("PARADEX_BASE_URL", "htps://api.testnet.paradex.trade/v1", "part before"),
        ("PARADEX_WS_URL", "wss://ws.evil.example/v1", "not the exchange's"),
    ],
)
def test_an_address_that_is_not_the_networks_is_refused(name: str, url: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        run_session(connect, env={name: url}, connects=False)


def test_a_market_at_rest_is_asked_for_its_quote_at_start_and_after_a_reconnect() -> None:
    async def story(session: Session) -> None:
        assert session.client.quote() is not None
        for socket_id in list(session.twin.sockets):
            session.twin.hang_up(socket_id)
        await asyncio.sleep(10)
        assert [type(event) for event in session.events] == [StreamLost, StreamRestored]
        assert await session.client.fetch_bbo_prices("ETH-USD-PERP") == (D("3000"), D("3001"))

    run_session(story, QUIET[:1] + QUIET[1:])


def test_a_silent_half_hour_breaks_no_stream_and_leaves_no_stale_quote() -> None:
    """The binary socket is told every twenty seconds that it lives; the other one, and the quote, are asked for."""

    async def story(session: Session) -> None:
        for _ in range(1800):
            await asyncio.sleep(1)
            quoted = session.client.quote()
            assert quoted is not None
            assert session.twin.now_ns - quoted.as_of_ns < 9 * 10**9
        assert session.events == []

    run_session(story)


# --- the rest -------------------------------------------------------------------------------------------------------


def test_funding_is_asked_for_and_told_once_it_was_paid() -> None:
    async def story(session: Session) -> None:
        session.twin.desk.trade_by_hand(Side.BUY, D("1"))
        await asyncio.sleep(1500)
        told = {e.payment_id: e.amount for e in session.events if isinstance(e, FundingPayment)}
        paid = session.twin.desk.funding
        assert told == {f"funding-{each.payment_id}": each.amount for each in paid}
        assert len(told) >= 2
        expected = [FundingPayment(each.at_ns, f"funding-{each.payment_id}", each.amount) for each in paid]
        assert await session.client.funding_since(0) == expected
        assert await session.client.funding_since(paid[0].at_ns + 1) == expected[1:]

    ticks = [quote(second, 30000, 30010) for second in range(0, 2400, 300)]
    run_session(story, ticks, funding=FundingTerms(600 * 10**9, D("0.0001")))


def test_fills_longer_than_a_page_are_read_to_the_last() -> None:
    async def story(session: Session) -> None:
        for _ in range(250):
            session.twin.desk.trade_by_hand(Side.BUY, D("0.001"))
        fills = await session.client.fills_since(0)
        assert len({fill.trade_id for fill in fills}) == len(fills) == 250
        assert [fill.venue_ns for fill in fills] == sorted(fill.venue_ns for fill in fills)

    run_session(story)


def test_a_duplicate_client_id_leaves_the_order_unknown_because_one_of_it_lives() -> None:
    async def story(session: Session) -> None:
        await session.client.place(buy(1))
        with pytest.raises(OutcomeUnknown):
            await session.client.place(buy(1, price="3000.4"))

    run_session(story)


def test_an_order_booked_otherwise_than_sent_stops_the_bot() -> None:
    async def story(session: Session) -> None:
        def other(request: object) -> RequestFate | None:
            if getattr(request, "path", "") != "/v1/orders" or getattr(request, "method", "") != "POST":
                return None
            sent = json.loads(getattr(request, "body", b"{}"))
            booked = {**sent, "id": "1", "market": "BTC-USD-PERP", "remaining_size": "0.1", "status": "NEW"}
            return RequestFate(answer=HttpResponse(201, (), json.dumps(booked).encode()))

        session.faults.on_request = other
        with pytest.raises(Misconfigured, match="another order than was sent"):
            await session.client.place(buy(1))

    run_session(story)


@pytest.mark.parametrize(
    "frame",
    [
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"orders.ETH-USD-PERP","data":{"id":"1"}}}',
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"fills.ETH-USD-PERP","data":{"size":"NaN"}}}',
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"surprise","data":{}}}',
        "not json",
        b"\x00",
    ],
)
def test_a_frame_that_cannot_be_read_is_a_lost_stream_and_never_a_value(frame: str | bytes) -> None:
    async def story(session: Session) -> None:
        (socket_id,) = [number for number, socket in session.twin.sockets.items() if "sbe" not in socket.facts]
        session.twin.push(socket_id, frame)
        await asyncio.sleep(10)
        assert [type(event) for event in session.events] == [StreamLost, StreamRestored]
        await session.client.place(buy(1))
        assert updates(session, 1) == [OrderFact.ACCEPTED]

    run_session(story)


def test_a_partial_fill_tells_the_quantity_only_where_it_changed() -> None:
    async def story(session: Session) -> None:
        await session.client.place(buy(1))
        await asyncio.sleep(6)
        told = [e for e in session.events if isinstance(e, OrderUpdate)]
        assert [(e.fact, e.filled, e.quantity) for e in told] == [
            (OrderFact.ACCEPTED, D(0), None),
            (OrderFact.ACCEPTED, D("0.04"), None),
        ]

    run_session(story, PARTLY)
