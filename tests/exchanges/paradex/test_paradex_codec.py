"""Paradex's JSON: frames of the protocol sheet decode whole, and what is not as it should be is an error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_fields
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused
from exchanges.paradex import codec, codec_stream
from exchanges.paradex.codec import WireFill, WireOrder, WirePosition
from exchanges.paradex.codec_stream import Acknowledged, Data, Failed

ORDER: dict[str, Any] = {
    "id": "1681462103821101699438490000",
    "account": "0x1",
    "market": "BTC-USD-PERP",
    "side": "BUY",
    "type": "LIMIT",
    "instruction": "POST_ONLY",
    "size": "0.05",
    "remaining_size": "0.05",
    "price": "26000",
    "avg_fill_price": "",
    "status": "NEW",
    "cancel_reason": "",
    "client_id": "tpg-1234",
    "flags": [],
    "stp": "EXPIRE_TAKER",
    "trigger_price": "0",
    "created_at": 1681493746016,
    "last_updated_at": 1681493746016,
    "seq_no": 1681471234972000000,
}
FILL: dict[str, Any] = {
    "id": "1718947571560201703986670002",
    "order_id": "1681462103821101699438490000",
    "client_id": "tpg-1234",
    "market": "BTC-USD-PERP",
    "side": "BUY",
    "liquidity": "MAKER",
    "price": "26000",
    "size": "0.02",
    "fee": "-0.01",
    "fee_currency": "USDC",
    "remaining_size": "0.03",
    "fill_type": "FILL",
    "realized_pnl": "0",
    "orderbook_seq_no": 14127818,
    "created_at": 1681493746020,
}
POSITION: dict[str, Any] = {
    "id": "0x1-BTC-USD-PERP",
    "market": "BTC-USD-PERP",
    "status": "OPEN",
    "side": "SHORT",
    "size": "-0.345",
    "average_entry_price": "26000",
}
BAD_NUMBERS: list[object] = [None, "", "NaN", "Infinity", "1E-8", "0x1", "1,5", True, [], {}, " 1"]
BAD_WORDS: list[object] = [None, "", "buy", 1, True, [], "SOMETHING_NEW"]


def order(**changes: object) -> WireOrder:
    return codec.decode_order(Fields.of({**ORDER, **changes}, "order"))


def info(status: OrderStatus, filled: str, remaining: str, reason: str = "") -> OrderInfo:
    return OrderInfo(
        ORDER["id"],
        Side.BUY,
        Decimal("0.05"),
        Decimal(26000),
        status,
        Decimal(filled),
        Decimal(remaining),
        reason,
        1234,
    )


# --- orders ---------------------------------------------------------------------------------------------------------

CLOSINGS = [
    ("OPEN", "0.05", "", info(OrderStatus.OPEN, "0", "0.05")),
    ("OPEN", "0.03", "", info(OrderStatus.OPEN, "0.02", "0.03")),
    ("UNTRIGGERED", "0.05", "", info(OrderStatus.OPEN, "0", "0.05")),
    ("CLOSED", "0", "", info(OrderStatus.FILLED, "0.05", "0")),
    ("CLOSED", "0", "POST_ONLY_WOULD_CROSS", info(OrderStatus.FILLED, "0.05", "0")),
    (
        "CLOSED",
        "0.05",
        "POST_ONLY_WOULD_CROSS",
        info(OrderStatus.REFUSED, "0", "0.05", "post_only_would_cross"),
    ),
    ("CLOSED", "0.05", "NOT_ENOUGH_MARGIN", info(OrderStatus.REFUSED, "0", "0.05", "insufficient_margin")),
    ("CLOSED", "0.03", "NOT_ENOUGH_MARGIN", info(OrderStatus.CANCELLED, "0.02", "0.03", "insufficient_margin")),
    ("CLOSED", "0.05", "USER_CANCELED", info(OrderStatus.CANCELLED, "0", "0.05", "user_canceled")),
    ("CLOSED", "0.03", "", info(OrderStatus.CANCELLED, "0.02", "0.03")),
]


@pytest.mark.parametrize("status, remaining, reason, expected", CLOSINGS)
def test_how_an_order_stands_is_read_from_what_is_left_of_it_first(
    status: str, remaining: str, reason: str, expected: OrderInfo
) -> None:
    assert order(status=status, remaining_size=remaining, cancel_reason=reason) == WireOrder("BTC-USD-PERP", expected)


def test_a_new_order_is_not_called_open() -> None:
    new = order()
    assert new == WireOrder("BTC-USD-PERP", info(OrderStatus.PLANNED, "0", "0.05"))
    assert new.update(5) is None


def test_an_update_tells_totals() -> None:
    told = order(status="CLOSED", remaining_size="0.03", cancel_reason="USER_CANCELED").update(5)
    assert told == OrderUpdate(
        5, 1234, OrderFact.CANCELLED, ORDER["id"], Decimal("0.02"), Decimal("0.05"), "user_canceled"
    )


@pytest.mark.parametrize("text", ["", "grid-1", "tpg-", "tpg-01", "tpg--1", "tpg-1x", "1234", "tpg-٣"])
def test_a_client_id_that_is_not_ours_makes_an_order_foreign(text: str) -> None:
    assert order(client_id=text).info.client_id is None


@given(st.integers(min_value=0, max_value=2**62))
def test_our_client_ids_come_back_as_they_went(client_id: int) -> None:
    assert codec.client_id_of(codec.client_id_text(client_id)) == client_id
    assert len(codec.client_id_text(client_id)) <= 64


def test_a_market_order_has_no_price() -> None:
    assert order(type="MARKET", price="0").info.price is None
    assert order(type="MARKET", price="").info.price is None


@pytest.mark.parametrize("name", ["size", "remaining_size"])
@given(value=st.sampled_from([*BAD_NUMBERS, "-1"]))
def test_a_bad_number_in_an_order_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        order(**{name: value})


@given(value=st.sampled_from(["NaN", "1E-8", "x", True, [], "-1"]))
def test_a_bad_price_in_an_order_is_an_error(value: object) -> None:
    with pytest.raises(DecodeError):
        order(price=value)


@pytest.mark.parametrize("name", ["side", "status"])
@given(value=st.sampled_from(BAD_WORDS))
def test_an_unknown_word_in_an_order_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        order(**{name: value})


@pytest.mark.parametrize("name", ["id", "market", "side", "size", "remaining_size", "status"])
def test_a_missing_field_of_an_order_is_an_error(name: str) -> None:
    with pytest.raises(DecodeError, match=name):
        codec.decode_order(Fields.of({key: value for key, value in ORDER.items() if key != name}, "order"))


@pytest.mark.parametrize("changes", [{"remaining_size": "0.06"}, {"size": "0", "remaining_size": "0"}])
def test_an_order_with_more_left_than_it_had_is_an_error(changes: dict[str, str]) -> None:
    with pytest.raises(DecodeError):
        order(**changes)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.integers(), st.lists, max_leaves=4))
def test_no_json_at_all_breaks_the_reading_of_a_message(value: object) -> None:
    with pytest.raises(DecodeError):
        codec_stream.decode_message(json.dumps(value))


# --- fills and positions --------------------------------------------------------------------------------------------


def fill(**changes: object) -> WireFill:
    return codec.decode_fill(Fields.of({**FILL, **changes}, "fill"))


def test_a_fill_decodes_whole() -> None:
    assert fill() == WireFill(
        "BTC-USD-PERP",
        Fill(
            at_ns=0,
            client_id=1234,
            order_id="1681462103821101699438490000",
            trade_id="1718947571560201703986670002",
            side=Side.BUY,
            price=Decimal(26000),
            quantity=Decimal("0.02"),
            fee=Decimal("-0.01"),
            liquidity=Liquidity.MAKER,
            venue_ns=1681493746020_000000,
        ),
    )


def test_a_liquidation_is_forced_and_nobodys() -> None:
    told = fill(fill_type="LIQUIDATION").fill
    assert (told.forced, told.client_id) == (True, None)


@pytest.mark.parametrize("name", ["price", "size", "fee", "created_at"])
@given(value=st.sampled_from(BAD_NUMBERS))
def test_a_bad_number_in_a_fill_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        fill(**{name: value})


@pytest.mark.parametrize("name", ["side", "liquidity", "fill_type", "fee_currency", "id", "market"])
@given(value=st.sampled_from([None, "", 1, True, []]))
def test_a_bad_word_in_a_fill_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        fill(**{name: value})


def test_a_fee_in_another_currency_is_an_error_and_not_a_number() -> None:
    with pytest.raises(DecodeError, match="DIME"):
        fill(fee_currency="DIME")


@pytest.mark.parametrize(
    "changes, quantity",
    [
        ({}, "-0.345"),
        ({"size": "0.345"}, "-0.345"),
        ({"side": "LONG", "size": "2"}, "2"),
        ({"status": "CLOSED", "size": "0"}, "0"),
    ],
)
def test_the_side_of_a_position_is_its_sign(changes: dict[str, str], quantity: str) -> None:
    decoded = codec.decode_position(Fields.of({**POSITION, **changes}, "position"))
    assert decoded == WirePosition("BTC-USD-PERP", Decimal(quantity))


@pytest.mark.parametrize(
    "changes",
    [{"side": "LONG"}, {"side": "BOTH"}, {"status": "?"}, {"size": "NaN"}, {"size": None}, {"market": None}],
)
def test_a_position_that_contradicts_itself_is_an_error(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        codec.decode_position(Fields.of({**POSITION, **changes}, "position"))


def test_no_row_is_a_flat_position_two_are_an_error_and_other_markets_do_not_matter() -> None:
    rows = [POSITION, {"market": "ETH-USD-PERP", "side": "SIDEWAYS"}]
    body = json.dumps({"results": rows}).encode()
    assert codec.decode_position_in(body, "BTC-USD-PERP") == Decimal("-0.345")
    assert codec.decode_position_in(body, "SOL-USD-PERP") == 0
    with pytest.raises(DecodeError, match="more than once"):
        codec.decode_position_in(json.dumps({"results": [POSITION, POSITION]}).encode(), "BTC-USD-PERP")


def test_a_page_says_where_the_next_one_is() -> None:
    body = json.dumps({"next": "abc", "prev": None, "results": [FILL]}).encode()
    assert codec.decode_page(body, "fills", codec.decode_fill) == codec.Page((fill(),), "abc")
    for end in (None, ""):
        body = json.dumps({"next": end, "results": []}).encode()
        assert codec.decode_page(body, "fills", codec.decode_fill).cursor is None


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_closing_order_is_sent_as_the_sheet_shows() -> None:
    request = OrderRequest(7, Side.SELL, Decimal("1.50"), Decimal("4321.050"), post_only=True, reduce_only=True)
    assert json.loads(codec.order_body("ETH-USD-PERP", request, '["1","2"]', 1760000001456)) == {
        "market": "ETH-USD-PERP",
        "side": "SELL",
        "type": "LIMIT",
        "size": "1.5",
        "price": "4321.05",
        "instruction": "POST_ONLY",
        "client_id": "tpg-7",
        "flags": ["REDUCE_ONLY"],
        "recv_window": 5000,
        "signature": '["1","2"]',
        "signature_timestamp": 1760000001456,
    }


def test_a_market_order_is_sent_without_a_price() -> None:
    request = OrderRequest(7, Side.BUY, Decimal(3), None, post_only=False, reduce_only=True)
    body = json.loads(codec.order_body("SOL-USD-PERP", request, "s", 1))
    assert (body["type"], body["instruction"], "price" in body) == ("MARKET", "GTC", False)


def test_a_limit_order_that_may_take_is_never_built() -> None:
    request = OrderRequest(7, Side.BUY, Decimal(3), Decimal(1), post_only=False, reduce_only=False)
    with pytest.raises(ValueError, match="never sent"):
        codec.order_body("SOL-USD-PERP", request, "s", 1)


# --- refusals -------------------------------------------------------------------------------------------------------


def refused(code: str, status: int = 400) -> Exception:
    body = json.dumps({"error": code, "message": "words", "data": None}).encode()
    return codec.refusal(codec.decode_error(status, body))


@pytest.mark.parametrize(
    "code, reason",
    [
        ("ORDER_ID_NOT_FOUND", "unknown_order"),
        ("ORDER_IS_CLOSED", "order_has_ended"),
        ("INVALID_TIMESTAMP", "bad_timestamp"),
        ("INVALID_TOKEN", "token_rejected"),
        ("SOMETHING_NEW", "something_new"),
    ],
)
def test_a_refusal_has_a_stable_word(code: str, reason: str) -> None:
    error = refused(code)
    assert isinstance(error, Refused)
    assert error.reason == reason


@pytest.mark.parametrize("code", ["NOT_ONBOARDED", "INVALID_ORDER_SIGNATURE", "GEO_IP_BLOCK"])
def test_what_a_person_must_mend_says_how(code: str) -> None:
    assert isinstance(refused(code), Misconfigured)


@pytest.mark.parametrize("code", ["DUPLICATED_CLIENT_ID", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"])
def test_what_proves_nothing_leaves_the_order_unknown(code: str) -> None:
    assert isinstance(refused(code), OutcomeUnknown)


def test_a_401_without_words_asks_for_a_new_login() -> None:
    assert codec.decode_error(401, b"").rejects_token


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error":null}'])
def test_a_refusal_that_cannot_be_read_is_an_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.decode_error(400, body)


# --- the text side of the socket ------------------------------------------------------------------------------------


def test_messages_are_told_apart() -> None:
    decode = codec_stream.decode_message
    assert decode('{"jsonrpc":"2.0","id":0,"result":{"node_id":"n"},"usIn":1,"usDiff":2,"usOut":3}') == Acknowledged(0)
    refused = decode(
        '{"jsonrpc":"2.0","id":1,"error":'
        '{"code":-32600,"message":"invalid subscribe request","data":"invalid channel"}}'
    )
    assert refused == Failed(1, -32600, "invalid subscribe request invalid channel")
    text = json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": "orders.BTC-USD-PERP", "data": ORDER}}
    )
    data = decode(text)
    assert data == Data("orders.BTC-USD-PERP", Fields(ORDER, "orders.BTC-USD-PERP"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"id":1}',
        '{"id":"x","result":{}}',
        '{"method":"surprise","params":{}}',
        '{"method":"subscription","params":{"channel":"","data":{}}}',
        '{"method":"subscription","params":{"channel":"orders.X","data":[]}}',
        '{"id":1,"error":{"code":"high"}}',
    ],
)
def test_a_message_of_no_known_shape_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError):
        codec_stream.decode_message(text)


def test_a_request_is_json_rpc() -> None:
    assert parse_fields(codec_stream.call(3, "subscribe", {"channel": "orders.ALL"}), "call").values == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "subscribe",
        "params": {"channel": "orders.ALL"},
    }
