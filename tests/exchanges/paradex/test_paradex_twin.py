"""The twin checks what the venue checks, with code of its own, and says the same thing in text and in binary."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Side
from domain.orders import OrderStatus
from exchanges.decoding import Fields
from exchanges.paradex import codec, codec_sbe, signing, twin_sbe, twin_wire
from exchanges.paradex.codec import WireFill, WireOrder, WirePosition
from exchanges.paradex.codec_account import Bbo
from exchanges.paradex.twin import ParadexTwin
from exchanges.paradex.twin_switches import Switches
from exchanges.paradex.twin_wire import OrderView, Ticket
from exchanges.rehearsal.desk import TwinFill, TwinOrder
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, SendFrame, SendPing
from tests.support.paradex_twin import MARKET, Caller, a_twin, live
from tests.support.tape import START_NS

D = Decimal


@pytest.fixture
def caller() -> Caller:
    caller = Caller(a_twin())
    assert caller.login()[0] == 200
    return caller


# --- logins and orders ----------------------------------------------------------------------------------------------


def test_a_good_order_is_taken_and_rests_a_moment_later(caller: Caller) -> None:
    status, answer = caller.send("POST", "/orders", caller.order())
    assert (status, answer["status"], answer["remaining_size"], answer["client_id"]) == (201, "NEW", "0.1", "tpg-1")
    live(caller.twin, 0.1)
    status, answer = caller.send("GET", f"/orders/{answer['id']}")
    assert (status, answer["status"], answer["instruction"]) == (200, "OPEN", "POST_ONLY")


def spoil(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.update(changes)


SPOILED = [
    (spoil(size="0.2"), "INVALID_ORDER_SIGNATURE"),
    (spoil(price="3000.4"), "INVALID_ORDER_SIGNATURE"),
    (spoil(side="SELL"), "INVALID_ORDER_SIGNATURE"),
    (spoil(type="MARKET"), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature='["1","2"]'), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature='["0","0"]'), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature=["1", "2"]), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature=None), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature_timestamp=1), "INVALID_ORDER_SIGNATURE"),
    (spoil(signature_timestamp="x"), "INVALID_TIMESTAMP"),
    (spoil(market="BTC-USD-PERP"), "MARKET_NOT_FOUND"),
    (spoil(size="1e-8"), "INVALID_ORDER_SIZE"),
    (spoil(size=0.1), "INVALID_ORDER_SIZE"),
    (spoil(price="NaN"), "VALIDATION_ERROR"),
    (spoil(instruction="FOK"), "VALIDATION_ERROR"),
    (spoil(flags=["SOMETHING"]), "VALIDATION_ERROR"),
    (spoil(client_id="x" * 65), "VALIDATION_ERROR"),
    (spoil(recv_window=1), "VALIDATION_ERROR"),
    (spoil(side=None), "BINDING_ERROR"),
]


@pytest.mark.parametrize("change, code", SPOILED)
def test_an_order_that_was_changed_or_is_malformed_is_refused(
    caller: Caller, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    status, answer = caller.send("POST", "/orders", caller.order(change))
    assert (status, answer["error"]) == (400, code)
    assert caller.twin.tickets == {}


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"size": "0.1005"}, "INVALID_ORDER_SIZE"),
        ({"price": "3000.55"}, "VALIDATION_ERROR"),
        ({"price": "2000"}, "VALIDATION_ERROR"),
    ],
)
def test_an_order_off_the_rules_is_refused(caller: Caller, changes: dict[str, Any], code: str) -> None:
    status, answer = caller.send("POST", "/orders", caller.order(**changes))
    assert (status, answer["error"]) == (400, code)


def test_an_order_that_comes_late_or_twice_is_refused(caller: Caller) -> None:
    body = caller.order()
    assert caller.send("POST", "/orders", body)[0] == 201
    assert caller.send("POST", "/orders", body)[1]["error"] == "INVALID_TIMESTAMP"
    late = caller.order(client_id=2)
    live(caller.twin, 5.1)
    assert caller.send("POST", "/orders", late)[1]["error"] == "INVALID_TIMESTAMP"


def test_a_client_id_in_use_is_refused_and_one_that_ended_is_not(caller: Caller) -> None:
    _, placed = caller.send("POST", "/orders", caller.order())
    live(caller.twin, 0.1)
    assert caller.send("POST", "/orders", caller.order())[1]["error"] == "DUPLICATED_CLIENT_ID"
    assert caller.send("DELETE", f"/orders/{placed['id']}") == (204, None)
    live(caller.twin, 0.1)
    assert caller.send("POST", "/orders", caller.order())[0] == 201


def test_the_hundred_and_first_order_is_refused(caller: Caller) -> None:
    for _ in range(100):
        caller.twin.desk.place(None, Side.BUY, D("0.01"), D(2990), post_only=True)
    assert caller.send("POST", "/orders", caller.order())[1]["error"] == "VALIDATION_ERROR"


def test_a_login_is_checked_in_every_part() -> None:
    caller = Caller(a_twin())
    assert caller.login(late_s=-1000)[1]["error"] == "INVALID_TIMESTAMP"
    assert caller.login(life_s=-1)[1]["error"] == "INVALID_TIMESTAMP"
    assert caller.login(account="0x1")[1]["error"] == "NOT_ONBOARDED"
    caller.signer = signing.Signer(caller.signer.key, caller.signer.account, "PRIVATE_SN_PARACLEAR_MAINNET")
    assert caller.login()[1]["error"] == "STARKNET_SIGNATURE_VERIFICATION_FAILED"


def test_a_token_lives_five_minutes(caller: Caller) -> None:
    live(caller.twin, 299)
    assert caller.send("GET", "/orders")[0] == 200
    live(caller.twin, 2)
    assert caller.send("GET", "/orders")[0] == 401


def test_pages_lead_to_the_last_row(caller: Caller) -> None:
    for _ in range(5):
        caller.twin.desk.trade_by_hand(Side.BUY, D("0.001"))
    found: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        _, page = caller.send("GET", f"/fills?market={MARKET}&page_size=2&cursor={cursor}")
        found += [row["id"] for row in page["results"]]
        cursor = page["next"]
    assert found == [caller.twin.trade_id(number) for number in (5, 4, 3, 2, 1)]


def test_what_is_not_there_is_not_found(caller: Caller) -> None:
    assert caller.send("GET", "/orders/1")[1]["error"] == "ORDER_ID_NOT_FOUND"
    assert caller.send("GET", "/orders/by_client_id/x")[1]["error"] == "CLIENT_ORDER_ID_NOT_FOUND"
    assert caller.send("GET", "/surprise")[0] == 404
    assert caller.send("POST", "/surprise")[0] == 404


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=4), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_body_at_all_breaks_the_twin(body: bytes) -> None:
    caller = Caller(a_twin())
    caller.login()
    assert caller.send("POST", "/orders", body)[0] == 400


# --- sockets --------------------------------------------------------------------------------------------------------


def talk(twin: ParadexTwin, socket_id: int, method: str, **parameters: str) -> Any:
    """One request on a socket and the next frame that comes back."""
    twin.socket_frame(socket_id, json.dumps({"jsonrpc": "2.0", "id": 5, "method": method, "params": parameters}))
    frames = [out.frame for out in twin.take_outgoing() if isinstance(out, SendFrame) and out.socket_id == socket_id]
    assert isinstance(frames[-1], str)
    return json.loads(frames[-1])


def opened(twin: ParadexTwin, query: str = "") -> int:
    socket_id = twin.open_socket(HttpRequest("GET", f"/v1{query}"))
    assert isinstance(socket_id, int)
    return socket_id


@pytest.mark.parametrize("query", ["?sbeSchemaId=2&sbeSchemaVersion=1", "?sbeSchemaId=1&sbeSchemaVersion=3", "?x=1"])
def test_an_unknown_schema_is_refused_at_the_door(query: str) -> None:
    refused = a_twin().open_socket(HttpRequest("GET", f"/v1{query}"))
    assert isinstance(refused, HttpResponse)
    assert refused.status == 400


def test_the_accounts_channels_need_a_login_and_quotes_a_binary_socket(caller: Caller) -> None:
    twin = caller.twin
    plain, binary = opened(twin), opened(twin, "?sbeSchemaId=1&sbeSchemaVersion=2")
    assert talk(twin, plain, "subscribe", channel="orders.ALL")["error"]["code"] == -32600
    assert talk(twin, plain, "subscribe", channel=f"bbo.{MARKET}")["error"]["data"] == "invalid channel"
    assert talk(twin, plain, "auth", bearer="x")["error"]["code"] == 40111
    assert talk(twin, plain, "auth", bearer=caller.token)["result"] == {"node_id": "twin"}
    assert talk(twin, plain, "auth", bearer=caller.token)["error"]["code"] == 40110
    assert talk(twin, plain, "subscribe", channel="orders.ALL")["result"] == {"channel": "orders.ALL"}
    assert "error" in talk(twin, plain, "subscribe", channel="orders.ALL")
    assert talk(twin, plain, "unsubscribe", channel="orders.ALL")["result"] == {"channel": "orders.ALL"}
    assert talk(twin, binary, "subscribe", channel=f"bbo.{MARKET}")["result"] == {"channel": f"bbo.{MARKET}"}
    assert talk(twin, binary, "surprise")["error"]["code"] == -32601
    twin.socket_frame(plain, "no json")
    (frame,) = [out.frame for out in twin.take_outgoing() if isinstance(out, SendFrame)]
    assert json.loads(frame)["error"]["code"] == -32700


def test_an_idle_binary_socket_hears_heartbeats_and_every_socket_is_pinged() -> None:
    twin = a_twin()
    binary = opened(twin, "?sbeSchemaId=1&sbeSchemaVersion=1")
    heard: list[object] = []
    for _ in range(120):
        for out in live(twin, 1):
            if isinstance(out, SendPing):
                twin.socket_pong(out.socket_id)
            heard.append(codec_sbe.decode_frame(out.frame) if isinstance(out, SendFrame) else type(out))  # type: ignore[arg-type]
    assert heard.count(codec_sbe.Heartbeat()) == 6
    assert heard.count(SendPing) == 2
    assert binary in twin.sockets


def test_a_socket_that_answers_no_ping_is_cut() -> None:
    twin = a_twin()
    deaf = opened(twin)
    assert CloseSocket(deaf, 1001, "no pong") in live(twin, 61)
    assert deaf not in twin.sockets


# --- the same thing in text and in binary ---------------------------------------------------------------------------

UNITS = st.integers(min_value=1, max_value=10**14).map(lambda units: D(units).scaleb(-8))
SIDES = st.sampled_from(list(Side))
TICKETS = st.builds(
    Ticket,
    order_id=st.integers(min_value=10**27, max_value=10**28 - 1).map(str),
    client_id=st.sampled_from(["", "tpg-7", "grid-1"]),
    side=SIDES,
    size=UNITS,
    price=st.none() | UNITS,
    instruction=st.sampled_from(["GTC", "IOC", "POST_ONLY"]),
    flags=st.sampled_from([(), ("REDUCE_ONLY",)]),
    received_ns=st.just(START_NS),
)
REASONS = ["", "POST_ONLY_WOULD_CROSS", "NOT_ENOUGH_MARGIN", "USER_CANCELED"]


@st.composite
def views(draw: st.DrawFn) -> OrderView:
    ticket = draw(TICKETS)
    left = draw(st.sampled_from([D(0), D("0.5"), D(1)]))
    remaining = D(int(ticket.size * left * 10**8)).scaleb(-8)
    status = draw(st.sampled_from(["NEW", "OPEN", "CLOSED"]))
    return OrderView(
        ticket, status, ticket.size, remaining, draw(st.none() | UNITS), draw(st.sampled_from(REASONS)), START_NS
    )


@given(views(), st.integers(min_value=0, max_value=2))
def test_an_order_reads_the_same_in_text_and_in_binary(seen: OrderView, version: int) -> None:
    text = codec.decode_order(Fields.of(twin_wire.order_json(seen, MARKET, 0xABC, 1), "order"))
    binary = codec_sbe.decode_frame(twin_sbe.order(seen, MARKET, 0xABC, 1, version))
    assert isinstance(binary, WireOrder)
    assert text == binary
    assert (text.info.size, text.info.remaining_size) == (seen.size, seen.remaining)


@given(TICKETS, UNITS, UNITS, UNITS, SIDES, st.booleans(), st.booleans(), st.integers(min_value=0, max_value=2))
def test_a_fill_reads_the_same_in_text_and_in_binary(
    ticket: Ticket,
    price: Decimal,
    size: Decimal,
    fee: Decimal,
    side: Side,
    is_maker: bool,
    forced: bool,
    version: int,
) -> None:
    order = TwinOrder(
        1,
        None,
        side,
        price,
        size,
        size,
        True,
        False,
        START_NS,
        START_NS,
        size,
        status=OrderStatus.FILLED,
        forced=forced,
    )
    told = TwinFill(1, order, side, price, size, -fee, is_maker, START_NS)
    text = codec.decode_fill(Fields.of(twin_wire.fill_json(told, "9", ticket, MARKET, Switches()), "fill"))
    binary = codec_sbe.decode_frame(twin_sbe.fill(told, "9", ticket, side, MARKET, 0xABC, version))
    assert isinstance(binary, WireFill)
    assert text == binary
    assert (text.fill.fee, text.fill.forced) == (-fee, forced)


@given(UNITS, UNITS, st.sampled_from([-1, 0, 1]), st.booleans())
def test_a_position_reads_the_same_in_text_and_in_binary(
    size: Decimal, entry: Decimal, sign: int, is_signed: bool
) -> None:
    quantity = size * sign
    switches = Switches(position_size_is_signed=is_signed)
    row = twin_wire.position_json(quantity, D(0), MARKET, 0xABC, START_NS, switches, "")
    text = codec.decode_position(Fields.of(row, "position"))
    binary = codec_sbe.decode_frame(twin_sbe.position(quantity, D(0), MARKET, 0xABC, START_NS, 2))
    assert text == binary == WirePosition(MARKET, quantity)


def test_a_quote_reads_the_same_in_text_and_in_binary() -> None:
    twin = a_twin()
    live(twin, 1)
    quote = twin.desk.quote
    assert quote is not None
    expected = Bbo(MARKET, 5, D(3000), D("0.1"), D(3001), D("0.1"))
    assert codec_sbe.decode_frame(twin_sbe.bbo(quote, MARKET, 5, START_NS, 1)) == expected


def test_the_accounts_channels_may_be_binary(caller: Caller) -> None:
    """A client that has only one socket, a binary one, is told everything there too."""
    twin = caller.twin
    socket_id = opened(twin, "?sbeSchemaId=1&sbeSchemaVersion=2")
    talk(twin, socket_id, "auth", bearer=caller.token)
    for channel in ("orders.ALL", "fills.ALL", "positions"):
        talk(twin, socket_id, "subscribe", channel=channel)
    caller.send("POST", "/orders", caller.order())
    twin.desk.trade_by_hand(Side.BUY, D("0.01"))
    frames = [out.frame for out in live(twin, 0.1) if isinstance(out, SendFrame)]
    kinds = {type(codec_sbe.decode_frame(frame)) for frame in frames if isinstance(frame, bytes)}
    assert kinds == {WireOrder, WireFill, WirePosition}


def test_the_ledger_names_orders_and_trades_as_the_wire_does(caller: Caller) -> None:
    _, placed = caller.send("POST", "/orders", caller.order())
    live(caller.twin, 0.1)
    caller.twin.desk.trade_by_hand(Side.BUY, D("0.01"))
    ledger = json.loads(json.dumps(caller.twin.ledger()))
    assert ledger["orders"][0]["order_id"] == placed["id"]
    assert ledger["orders"][0]["client_id"] == "tpg-1"
    (row,) = caller.send("GET", f"/fills?market={MARKET}")[1]["results"]
    assert [fill["trade_id"] for fill in ledger["fills"]] == [row["id"]]
