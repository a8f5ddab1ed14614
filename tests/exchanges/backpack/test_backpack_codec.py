"""Backpack's messages: those of the documentation as whole values, and every way of spoiling one as an error."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import MarketRules, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.backpack import codec, codec_reads
from exchanges.base import OrderInfo, OrderLimits, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_fields, parse_json
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused

D = Decimal
ACCEPTED: dict[str, Any] = {
    "e": "orderAccepted", "E": 1763670000125000, "T": 1763670000124100, "s": "SOL_USDC_PERP", "i": "5406825793",
    "c": 4123456789, "S": "Bid", "o": "LIMIT", "f": "GTC", "q": "0.12", "p": "141.25", "X": "New", "z": "0", "Z": "0",
    "V": "RejectTaker", "O": "USER", "r": False, "y": True, "t": None,
}  # fmt: skip
FILLED: dict[str, Any] = {
    **ACCEPTED, "e": "orderFill", "E": 1763670003125000, "T": 1763670003124100, "X": "PartiallyFilled", "z": "0.05",
    "Z": "7.0625", "l": "0.05", "L": "141.25", "t": 9748827, "m": True, "n": "0.0014125", "N": "USDC",
}  # fmt: skip
FILL = Fill(
    at_ns=5,
    client_id=4123456789,
    order_id="5406825793",
    trade_id="9748827",
    side=Side.BUY,
    price=D("141.25"),
    quantity=D("0.05"),
    fee=D("0.0014125"),
    liquidity=Liquidity.MAKER,
    venue_ns=1763670003124100000,
)
REST: dict[str, Any] = {
    "orderType": "Limit", "id": "5406825793", "clientId": 4123456789, "symbol": "SOL_USDC_PERP", "side": "Bid",
    "price": "141.25", "quantity": "0.12", "executedQuantity": "0", "executedQuoteQuantity": "0", "status": "New",
    "postOnly": True, "reduceOnly": None, "timeInForce": "GTC", "selfTradePrevention": "RejectTaker",
    "createdAt": 1763670000123, "triggerPrice": None, "triggerQuantity": None,
}  # fmt: skip
MARKET: dict[str, Any] = {
    "symbol": "SOL_USDC_PERP", "baseSymbol": "SOL", "quoteSymbol": "USDC", "marketType": "PERP",
    "filters": {"price": {"minPrice": "0.01", "maxPrice": "1000", "tickSize": "0.01"},
                "quantity": {"minQuantity": "0.01", "maxQuantity": None, "stepSize": "0.01"}},
    "orderBookState": "Open", "visible": True,
}  # fmt: skip


def events(data: dict[str, Any]) -> tuple[Fill | OrderUpdate, ...]:
    return codec.decode_order_update(Fields(data, "order")).events(5)


def update(fact: OrderFact, filled: str, quantity: str | None = None, reason: str = "") -> OrderUpdate:
    total = None if quantity is None else D(quantity)
    return OrderUpdate(5, 4123456789, fact, "5406825793", D(filled), total, reason)


def test_an_acceptance_is_a_fact_with_nothing_filled() -> None:
    assert events(ACCEPTED) == (update(OrderFact.ACCEPTED, "0"),)


def test_a_partial_fill_is_a_fill_and_the_total_after_it() -> None:
    assert events(FILLED) == (FILL, update(OrderFact.ACCEPTED, "0.05"))


def test_the_last_fill_ends_the_order() -> None:
    last = FILLED | {"X": "Filled", "z": "0.120", "Z": "16.95", "l": "0.07", "t": 9748831}
    fill, total = events(last)
    assert isinstance(fill, Fill)
    assert (fill.trade_id, fill.quantity) == ("9748831", D("0.07"))
    assert total == update(OrderFact.FILLED, "0.12")


def test_a_cancel_keeps_what_was_filled() -> None:
    assert events(ACCEPTED | {"e": "orderCancelled", "X": "Cancelled", "z": "0.05"}) == (
        update(OrderFact.CANCELLED, "0.05"),
    )


@pytest.mark.parametrize("reason", ["PostOnlyTaker", "POST_ONLY_TAKER"])
def test_an_expired_post_only_order_was_refused(reason: str) -> None:
    data = ACCEPTED | {"e": "orderExpired", "X": "Expired", "R": reason}
    assert events(data) == (update(OrderFact.REFUSED, "0", reason="post_only_would_cross"),)


def test_another_expiry_is_an_expiry() -> None:
    data = ACCEPTED | {"e": "orderExpired", "X": "Expired", "z": "0.05", "R": "Liquidation"}
    assert events(data) == (update(OrderFact.EXPIRED, "0.05", reason="Liquidation"),)


def test_a_shrunk_order_has_its_new_quantity() -> None:
    assert events(ACCEPTED | {"e": "orderModified", "q": "0.07"}) == (update(OrderFact.ACCEPTED, "0", "0.07"),)


def test_a_liquidation_is_forced_and_nobodys() -> None:
    fill, total = events(FILLED | {"O": "LIQUIDATION_AUTOCLOSE", "X": "Filled", "z": "0.12"})
    assert isinstance(fill, Fill)
    assert (fill.client_id, fill.forced, total.client_id) == (None, True, None)


NOT_A_NUMBER = ["null", '""', '" "', '"NaN"', '"Infinity"', '"1E-8"', "1E-8", '"0x1"', '"\u0663"', "[]", "{}", "true"]
SPOILT = {
    "text": ["null", '""', "[]", "{}", "true", "7", "1.5"],
    "word": ["null", '""', '"Bud"', "[]", "{}", "true", "7"],
    "amount": [*NOT_A_NUMBER, '"-1"', "-1"],
    "number": NOT_A_NUMBER,
    "integer": ["null", '""', '"x"', "1.5", "true", "[]", '"1E3"'],
    "flag": ["null", '"true"', "1", "0", "[]"],
}
"""JSON that no field of this kind may hold."""
READ = {
    "accepted": {"e": "word", "X": "word", "s": "text", "i": "text", "q": "amount", "z": "amount"},
    "fill": {
        "e": "word", "X": "word", "S": "word", "s": "text", "i": "text", "N": "word", "q": "amount", "z": "amount",
        "l": "amount", "L": "amount", "n": "number", "t": "integer", "T": "integer", "m": "flag",
    },
    "rest": {
        "status": "word", "side": "word", "id": "text", "symbol": "text", "quantity": "amount",
        "executedQuantity": "amount",
    },
}  # fmt: skip
FRAMES = {"accepted": ACCEPTED, "fill": FILLED, "rest": REST}
SPOILT_FIELDS = [
    pytest.param(name, field, text, id=f"{name}.{field}={text}")
    for name, fields in READ.items()
    for field, kind in fields.items()
    for text in ["missing", *SPOILT[kind]]
]


@pytest.mark.parametrize("name, field, text", SPOILT_FIELDS)
def test_a_spoilt_field_is_an_error_and_never_a_value(name: str, field: str, text: str) -> None:
    members = {key: json.dumps(value) for key, value in FRAMES[name].items() if key != field}
    if text != "missing":
        members[field] = text
    whole = "{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}"
    with pytest.raises(DecodeError):
        decode(name, whole)


def decode(name: str, text: str) -> object:
    if name == "rest":
        return codec.decode_order(parse_json(text))
    return codec.decode_order_update(parse_fields(text, "order"))


OPTIONAL = {
    "accepted": {"c": ['"x"', "-1", "4294967296", "1.5", "true", "[]", '"1E3"'], "O": ['"MARS"', "7", "[]", "true"],
                 "R": ["7", "[]", "true"]},
    "fill": {"c": ['"x"', "-1", "4294967296", "1.5", "true"], "O": ['"MARS"', "7"]},
    "rest": {"clientId": ['"x"', "-1", "4294967296", "1.5", "true"], "expiryReason": ["7", "[]"],
             "price": ['"-1"', '""', '"NaN"', '"1E-8"', "1E-8", '"0x1"', "true", "[]", "{}"]},
}  # fmt: skip
"""JSON that a field which may also be missing or null may not hold."""


@pytest.mark.parametrize(
    "name, field, text",
    [(name, field, text) for name in OPTIONAL for field in OPTIONAL[name] for text in OPTIONAL[name][field]],
)
def test_a_spoilt_optional_field_is_an_error_too(name: str, field: str, text: str) -> None:
    members = {key: json.dumps(value) for key, value in FRAMES[name].items() if key != field} | {field: text}
    with pytest.raises(DecodeError):
        decode(name, "{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}")


def test_a_trade_larger_than_what_is_filled_in_all_is_an_error() -> None:
    assert len(events(FILLED)) == 2
    with pytest.raises(DecodeError, match=r"a trade of 0\.13"):
        events({**FILLED, "l": "0.13"})


@pytest.mark.parametrize("price", [None, "0"])
def test_an_order_without_a_price_has_none(price: str | None) -> None:
    assert codec.decode_order(REST | {"price": price}).info.price is None


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(ANY_JSON)
def test_no_json_at_all_makes_the_codec_fail_otherwise(value: object) -> None:
    text = json.dumps(value)
    for read in (codec.decode_frame, codec.decode_history, codec_reads.decode_fills, codec.decode_error):
        with contextlib.suppress(DecodeError):
            read(text.encode())


@given(st.binary(max_size=64))
def test_no_bytes_at_all_make_the_codec_fail_otherwise(data: bytes) -> None:
    for read in (codec.decode_frame, codec.decode_orders, codec_reads.decode_time_ms, codec_reads.decode_account):
        with contextlib.suppress(DecodeError):
            read(data)


def test_a_live_order_of_rest() -> None:
    assert codec.decode_order(REST) == codec.PlacedOrder(
        "SOL_USDC_PERP",
        OrderInfo("5406825793", Side.BUY, D("0.12"), D("141.25"), OrderStatus.OPEN, D(0), D("0.12"), "", 4123456789),
    )


def test_an_order_of_the_history_that_expired_in_the_engine_was_refused() -> None:
    ended = REST | {"status": "Expired", "expiryReason": "PostOnlyTaker", "createdAt": "2025-07-27T18:05:40.897"}
    info = codec.decode_order(ended).info
    assert (info.status, info.cancel_reason) == (OrderStatus.REFUSED, "post_only_would_cross")


ENDED: dict[str, Any] = REST | {"status": "Cancelled", "createdAt": "2025-07-27T18:05:40.897", "expiryReason": None}


def test_a_history_without_client_ids_proves_nothing() -> None:
    row = {key: value for key, value in ENDED.items() if key != "clientId"}
    (ended,) = codec.decode_history(json.dumps([ENDED | {"clientId": None}]).encode())
    assert (ended.order.info.client_id, ended.created_ns) == (None, 1753639540_897_000_000)
    with pytest.raises(DecodeError, match="clientId"):
        codec.decode_history(json.dumps([row]).encode())


@pytest.mark.parametrize("value", ["missing", None, "", "yesterday", 1753639540897, True])
def test_a_history_without_times_is_an_error(value: object) -> None:
    row = {key: each for key, each in ENDED.items() if key != "createdAt"}
    row |= {} if value == "missing" else {"createdAt": value}
    with pytest.raises(DecodeError, match="createdAt"):
        codec.decode_history(json.dumps([row]).encode())


def test_a_market_order_has_no_price() -> None:
    market = {key: value for key, value in REST.items() if key not in ("price", "postOnly")}
    info = codec.decode_order(market | {"orderType": "Market", "status": "Filled", "executedQuantity": "0.12"}).info
    assert (info.price, info.status, info.remaining_size) == (None, OrderStatus.FILLED, D(0))


def test_a_trade_of_the_history() -> None:
    row = {
        "tradeId": 9748827, "orderId": "4238907375", "clientId": "77", "symbol": "ETH_USDC_PERP", "side": "Bid",
        "price": "3826.15", "quantity": "0.0026", "fee": "-0.004974", "feeSymbol": "USDC", "isMaker": False,
        "systemOrderType": None, "timestamp": "2025-07-27T17:39:00.092",
    }  # fmt: skip
    assert codec_reads.decode_fills(json.dumps([row]).encode()) == [
        Fill(0, 77, "4238907375", "9748827", Side.BUY, D("3826.15"), D("0.0026"), D("-0.004974"), Liquidity.TAKER,
             1753637940092000000)
    ]  # fmt: skip


def test_a_fee_in_another_coin_is_not_counted_as_the_quote() -> None:
    with pytest.raises(DecodeError, match="SOL"):
        events(FILLED | {"N": "SOL"})


def test_the_touch() -> None:
    frame = codec.decode_frame(
        '{"stream":"bookTicker.ETH_USDC","data":{"e":"bookTicker","E":1754517402450016,"T":1754517402449064,'
        '"s":"ETH_USDC","a":"3667.50","A":"0.4087","b":"3667.49","B":"0.0020","u":"1328288557"}}'
    )
    assert frame.data is not None
    assert codec.decode_book_ticker(frame.data) == codec.BookTicker(
        "ETH_USDC", D("3667.49"), D("0.0020"), D("3667.50"), D("0.4087"), 1328288557
    )


def test_a_position_may_be_written_as_a_number_or_as_a_string() -> None:
    for written in ("-1.5", '"-1.5"'):
        data = '{"s":"SOL_USDC_PERP","q":' + written + "}"
        frame = codec.decode_frame('{"stream":"account.positionUpdate","data":' + data + "}")
        assert frame.data is not None
        assert codec.decode_position_update(frame.data) == ("SOL_USDC_PERP", D("-1.5"))


def test_no_row_is_a_flat_position_and_an_unreadable_row_is_none() -> None:
    def read(body: bytes) -> Decimal:
        return codec_reads.decode_position(body, "SOL_USDC_PERP")

    assert read(b"[]") == 0
    assert read(b'[{"symbol":"ETH_USDC_PERP","netQuantity":"2"}]') == 0
    assert read(b'[{"symbol":"SOL_USDC_PERP","netQuantity":"-0.5"}]') == D("-0.5")
    with pytest.raises(DecodeError):
        read(b'[{"symbol":"SOL_USDC_PERP","netQuantity":null}]')


def test_the_rules_of_a_market_with_fees_in_basis_points() -> None:
    fees = codec_reads.decode_account(b'{"futuresMakerFee":"2","futuresTakerFee":"5"}')
    assert codec_reads.decode_market(json.dumps(MARKET).encode()).rules("SOL", fees) == MarketRules(
        "SOL", "SOL_USDC_PERP", D("0.01"), D("0.01"), D("0.01"), D(0), D("0.0002"), D("0.0005")
    )


@pytest.mark.parametrize(
    "bands, limits",
    [
        ({}, OrderLimits()),
        ({"maxMultiplier": None, "meanMarkPriceBand": None}, OrderLimits()),
        ({"maxMultiplier": "1.25", "minMultiplier": "0.75"}, OrderLimits(None, D("0.75"), D("1.25"))),
        (
            {"maxMultiplier": "1.25", "minMultiplier": "0.95", "meanMarkPriceBand": {"maxMultiplier": "1.1"}},
            OrderLimits(None, D("0.95"), D("1.1")),
        ),
    ],
)
def test_the_narrowest_price_band_of_a_listing_counts(bands: dict[str, Any], limits: OrderLimits) -> None:
    filters = {**MARKET["filters"], "price": {**MARKET["filters"]["price"], **bands}}
    assert codec_reads.decode_market(json.dumps({**MARKET, "filters": filters}).encode()).limits == limits


def test_an_open_is_post_only_and_a_close_reduces_only() -> None:
    opening = OrderRequest(7, Side.BUY, D("1E-2"), D("141.250"), post_only=True, reduce_only=False)
    assert codec.order_parameters("SOL_USDC_PERP", opening) == {
        "symbol": "SOL_USDC_PERP", "side": "Bid", "orderType": "Limit", "quantity": "0.01", "clientId": 7,
        "price": "141.25", "timeInForce": "GTC", "postOnly": True,
    }  # fmt: skip
    exit_ = OrderRequest(8, Side.SELL, D("100"), None, post_only=False, reduce_only=True)
    assert codec.order_parameters("SOL_USDC_PERP", exit_) == {
        "symbol": "SOL_USDC_PERP", "side": "Ask", "orderType": "Market", "quantity": "100", "clientId": 8,
        "reduceOnly": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "code, message, kind, reason",
    [
        ("INVALID_ORDER", "Order would immediately match and take", Refused, "post_only_would_cross"),
        ("INSUFFICIENT_MARGIN", "", Refused, "insufficient_margin"),
        ("RESOURCE_NOT_FOUND", "Not Found", Refused, "unknown_order"),
        ("INVALID_CLIENT_REQUEST", "Request has expired", Refused, "bad_timestamp"),
        ("INVALID_CLIENT_REQUEST", "Duplicate clientId", OutcomeUnknown, None),
        ("TIMEOUT", "", OutcomeUnknown, None),
        ("UNAUTHORIZED", "", Misconfigured, None),
        ("INVALID_SIGNATURE", "", Misconfigured, None),
        ("A_NEW_CODE", "what is this", Refused, "a_new_code"),
    ],
)
def test_a_refusal_lets_conclude(code: str, message: str, kind: type[Exception], reason: str | None) -> None:
    error = codec.refusal(codec.VenueError(code, message))
    assert type(error) is kind
    assert getattr(error, "reason", None) == reason


def test_text_of_the_venue_is_made_safe_to_show() -> None:
    body = json.dumps({"code": "X", "message": "a\n\x1b[31mred\x00" + "y" * 500}).encode()
    error = codec.decode_error(body)
    assert error.message.isprintable()
    assert len(error.message) <= 160
