"""Lighter's JSON: frames of the protocol sheet decode whole, and what is not as it should be is an error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, FundingPayment, Liquidity
from domain.market import MarketRules, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused
from exchanges.lighter import codec, codec_account, codec_errors, codec_stream
from exchanges.lighter.codec import Market, Order
from exchanges.lighter.codec_account import Account
from exchanges.lighter.codec_stream import BookChange
from exchanges.lighter.signing import CancelOrder, CreateOrder

D = Decimal
ACCOUNT = 1077
ORDER: dict[str, Any] = {
    "order_index": 281474977354074,
    "client_order_index": 0,
    "order_id": "281474977354074",
    "client_order_id": "0",
    "market_index": 0,
    "owner_account_index": 1077,
    "initial_base_amount": "36.0386",
    "price": "2221.60",
    "nonce": 643418,
    "remaining_base_amount": "36.0386",
    "is_ask": True,
    "base_size": 0,
    "base_price": 222160,
    "filled_base_amount": "0.0000",
    "filled_quote_amount": "0.000000",
    "side": "",
    "type": "limit",
    "time_in_force": "post-only",
    "reduce_only": False,
    "trigger_price": "0.00",
    "order_expiry": 1765419046807,
    "status": "open",
    "trigger_status": "na",
    "trigger_time": 0,
    "parent_order_index": 0,
    "parent_order_id": "0",
    "to_trigger_order_id_0": "0",
    "to_trigger_order_id_1": "0",
    "to_cancel_order_id_0": "0",
    "block_height": 102202,
    "timestamp": 1766387932,
    "created_at": 1766387932,
    "updated_at": 1766387932,
}
TRADE: dict[str, Any] = {
    "trade_id": 17609,
    "tx_hash": "ab",
    "type": "trade",
    "market_id": 0,
    "size": "10.2304",
    "price": "2958.75",
    "usd_amount": "30269.196000",
    "ask_id": 281474977339869,
    "bid_id": 562949952870533,
    "ask_client_id": 0,
    "bid_client_id": 77,
    "ask_account_id": 20,
    "bid_account_id": 1077,
    "is_maker_ask": True,
    "block_height": 5,
    "timestamp": 1766386112741,
    "taker_fee": 196,
    "maker_fee": 28,
}
POSITION: dict[str, Any] = {
    "market_id": 0,
    "symbol": "ETH",
    "initial_margin_fraction": "5.00",
    "open_order_count": 0,
    "pending_order_count": 0,
    "position_tied_order_count": 0,
    "sign": 1,
    "position": "18.0193",
    "avg_entry_price": "2669.84",
    "margin_mode": 0,
    "allocated_margin": "0.000000",
}
MARKET: dict[str, Any] = {
    "symbol": "ETH",
    "market_id": 0,
    "market_type": "perp",
    "status": "active",
    "taker_fee": "0.0000",
    "maker_fee": "0.0000",
    "min_base_amount": "0.0050",
    "min_quote_amount": "10.000000",
    "supported_size_decimals": 4,
    "supported_price_decimals": 2,
    "supported_quote_decimals": 6,
    "size_decimals": 4,
    "price_decimals": 2,
    "last_trade_price": 3550.69,
}
ETH = Market(0, "ETH", "perp", "active", 4, 2, D("0.0050"), D("10.000000"), D("0.0000"), D("0.0000"))
BOOK: dict[str, Any] = {
    "type": "subscribed/order_book",
    "channel": "order_book:0",
    "timestamp": 1766387932000,
    "order_book": {
        "code": 0,
        "asks": [{"price": "2979.64", "size": "61.9487"}],
        "bids": [{"price": "2979.60", "size": "0.0000"}],
        "offset": 11413309,
        "nonce": 3107818665,
        "begin_nonce": 0,
    },
}
BAD_NUMBERS: list[object] = [None, "", "NaN", "Infinity", "1E-8", "1e3", " 1", "1_0", "x", True, [], {}, float("nan")]
BAD_WHOLES: list[object] = [None, "", "1.5", "1e3", "x", True, [], {}, -1, 1 << 80]


def order(**changes: object) -> Order:
    row = json.loads(json.dumps({**ORDER, **changes}))
    return codec.decode_order(Fields.of(row, "order"), ACCOUNT)


def trades(**changes: object) -> list[tuple[int, Fill]]:
    return codec.decode_trade(Fields.of({**TRADE, **changes}, "trade"), ACCOUNT)


def body(**fields: object) -> bytes:
    return json.dumps({"code": 200, **fields}).encode()


# --- orders ---------------------------------------------------------------------------------------------------------


def test_a_resting_order_decodes_whole() -> None:
    info = OrderInfo(
        order_id="281474977354074",
        side=Side.SELL,
        size=D("36.0386"),
        price=D("2221.60"),
        status=OrderStatus.OPEN,
        filled_size=D("0.0000"),
        remaining_size=D("36.0386"),
    )
    assert order() == Order(0, info, 1766387932)
    assert order().fact is OrderFact.ACCEPTED


def test_a_partly_filled_order_of_ours_keeps_its_client_id() -> None:
    told = order(
        client_order_index=99, is_ask=False, filled_base_amount="16.0386", remaining_base_amount="20.0000"
    ).info
    assert (told.client_id, told.side, told.filled_size, told.remaining_size) == (99, Side.BUY, D("16.0386"), D(20))


@pytest.mark.parametrize(
    "word, filled, status, reason",
    [
        ("filled", "36.0386", OrderStatus.FILLED, ""),
        ("canceled", "0.0000", OrderStatus.CANCELLED, ""),
        ("canceled", "1.0000", OrderStatus.CANCELLED, ""),
        ("canceled-expired", "1.0000", OrderStatus.EXPIRED, "expired"),
        ("canceled-post-only", "0.0000", OrderStatus.REFUSED, "post_only_would_cross"),
        ("canceled-reduce-only", "0.0000", OrderStatus.REFUSED, "reduce_only"),
        ("canceled-reduce-only", "2.0000", OrderStatus.CANCELLED, "reduce_only"),
        ("canceled-margin-not-allowed", "0.0000", OrderStatus.REFUSED, "insufficient_margin"),
        ("canceled-too-much-slippage", "2.0000", OrderStatus.CANCELLED, "too_much_slippage"),
        ("canceled-self-trade", "0.0000", OrderStatus.CANCELLED, "self_trade"),
        ("canceled-by-a-new-word", "0.0000", OrderStatus.CANCELLED, "by_a_new_word"),
    ],
)
@pytest.mark.parametrize("remaining", ["0.0000", "3.0000"])
def test_an_ended_order_keeps_what_it_filled(
    word: str, filled: str, status: OrderStatus, reason: str, remaining: str
) -> None:
    told = order(status=word, filled_base_amount=filled, remaining_base_amount=remaining).info
    assert (told.status, told.filled_size, told.cancel_reason) == (status, D(filled), reason)
    assert told.size == told.filled_size + told.remaining_size == D("36.0386")


@pytest.mark.parametrize("initial", ["36.0386", "20.0000"])
def test_a_shrunk_order_is_as_large_as_what_filled_and_what_remains(initial: str) -> None:
    told = order(initial_base_amount=initial, filled_base_amount="5.0000", remaining_base_amount="15.0000").info
    assert (told.size, told.remaining_size) == (D(20), D(15))


@pytest.mark.parametrize("name", ["initial_base_amount", "filled_base_amount", "remaining_base_amount", "price"])
@given(value=st.sampled_from([*BAD_NUMBERS, "-1"]))
def test_a_bad_number_in_an_order_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_order(Fields.of({**ORDER, name: value}, "order"), ACCOUNT)


@pytest.mark.parametrize(
    "name", ["order_index", "client_order_index", "market_index", "owner_account_index", "updated_at"]
)
@given(value=st.sampled_from(BAD_WHOLES))
def test_a_bad_whole_number_in_an_order_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_order(Fields.of({**ORDER, name: value}, "order"), ACCOUNT)


@pytest.mark.parametrize("name", ["status", "type"])
@given(value=st.sampled_from([None, "", 1, True, [], {}]))
def test_a_bad_word_in_an_order_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_order(Fields.of({**ORDER, name: value}, "order"), ACCOUNT)


@given(word=st.text(max_size=12).filter(lambda word: not word.startswith("canceled-")))
def test_an_unknown_status_is_an_error(word: str) -> None:
    if word not in ("open", "pending", "in-progress", "filled", "canceled"):
        with pytest.raises(DecodeError):
            order(status=word)


@pytest.mark.parametrize("value", ["true", 1, None, ""])
def test_a_side_that_is_no_truth_value_is_an_error(value: object) -> None:
    with pytest.raises(DecodeError):
        order(is_ask=value)


READ = (
    "order_index", "client_order_index", "market_index", "owner_account_index", "initial_base_amount", "price",
    "remaining_base_amount", "is_ask", "filled_base_amount", "type", "status", "updated_at",
)  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_missing_field_of_an_order_is_an_error(name: str) -> None:
    row = {key: value for key, value in ORDER.items() if key != name}
    with pytest.raises(DecodeError):
        codec.decode_order(Fields.of(row, "order"), ACCOUNT)


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_account_index": 1078},
        {"filled_base_amount": "37.0000"},
        {"remaining_base_amount": "37.0000"},
        {"remaining_base_amount": "0.0000"},
        {"status": "filled"},
        {"client_order_index": 1 << 48},
    ],
)
def test_an_order_that_contradicts_itself_is_an_error(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        order(**changes)


def test_a_market_order_has_no_price() -> None:
    assert order(type="market").info.price is None


def test_a_page_of_orders_says_where_the_next_one_begins() -> None:
    page = codec.decode_orders(body(orders=[ORDER], next_cursor="abc"), ACCOUNT)
    assert (page.orders, page.cursor) == ((order(),), "abc")
    assert codec.decode_orders(body(orders=[], next_cursor=""), ACCOUNT).cursor is None


# --- trades ---------------------------------------------------------------------------------------------------------


def test_a_trade_decodes_whole_with_the_fee_of_our_side() -> None:
    expected = Fill(
        at_ns=0,
        client_id=77,
        order_id="562949952870533",
        trade_id="17609",
        side=Side.BUY,
        price=D("2958.75"),
        quantity=D("10.2304"),
        fee=D("2958.75") * D("10.2304") * 196 / 1_000_000,
        liquidity=Liquidity.TAKER,
        venue_ns=1766386112741 * 1_000_000,
    )
    assert trades() == [(0, expected)]


def test_a_fee_that_is_left_out_is_none() -> None:
    row = {key: value for key, value in TRADE.items() if not key.endswith("_fee")}
    ((_, fill),) = codec.decode_trade(Fields.of({**row, "is_maker_ask": False}, "trade"), ACCOUNT)
    assert (fill.fee, fill.liquidity) == (D(0), Liquidity.MAKER)


def test_a_trade_with_oneself_is_two_fills() -> None:
    told = [fill for _, fill in trades(ask_account_id=1077)]
    assert [(fill.trade_id, fill.side, fill.liquidity) for fill in told] == [
        ("17609-ask", Side.SELL, Liquidity.MAKER),
        ("17609-bid", Side.BUY, Liquidity.TAKER),
    ]


@pytest.mark.parametrize("kind", ["liquidation", "deleverage", "market-settlement"])
def test_the_venues_own_trade_is_forced_and_nobodys(kind: str) -> None:
    ((_, fill),) = trades(type=kind, bid_client_id=0)
    assert (fill.forced, fill.client_id) == (True, None)


def test_a_trade_of_others_is_an_error() -> None:
    with pytest.raises(DecodeError):
        trades(bid_account_id=21)


@pytest.mark.parametrize("name", ["size", "price"])
@given(value=st.sampled_from([*BAD_NUMBERS, "-1", "0"]))
def test_a_bad_number_in_a_trade_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        trades(**{name: value})


@pytest.mark.parametrize("name", ["trade_id", "market_id", "bid_id", "bid_client_id", "timestamp"])
@given(value=st.sampled_from(BAD_WHOLES))
def test_a_bad_whole_number_in_a_trade_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        trades(**{name: value})


@pytest.mark.parametrize("name", ["type", "is_maker_ask", "ask_account_id", "bid_account_id"])
@given(value=st.sampled_from([None, "", "x", [], {}]))
def test_a_bad_word_in_a_trade_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        trades(**{name: value})


@pytest.mark.parametrize("value", ["x", True, "1.5", []])
def test_a_bad_fee_is_an_error_and_not_none(value: object) -> None:
    with pytest.raises(DecodeError):
        trades(taker_fee=value)


# --- the account ----------------------------------------------------------------------------------------------------


def account_body(*positions: object) -> bytes:
    row = {"index": 1077, "collateral": "5000.5", "available_balance": "4000", "positions": list(positions)}
    return body(total=1, accounts=[row])


def test_an_account_decodes_whole() -> None:
    short = {**POSITION, "market_id": 1, "sign": -1, "position": "2.5"}
    expected = Account(1077, D("5000.5"), D(4000), {0: D("18.0193"), 1: D("-2.5")})
    assert codec_account.decode_account(account_body(POSITION, short)) == expected


def test_no_account_is_none_and_two_are_an_error() -> None:
    assert codec_account.decode_account(body(accounts=[])) is None
    row = json.loads(account_body())["accounts"][0]
    for answer in (body(accounts=[row, row]), account_body(POSITION, POSITION)):
        with pytest.raises(DecodeError):
            codec_account.decode_account(answer)


@pytest.mark.parametrize("changes", [{"sign": 2}, {"sign": 0}, {"sign": None}, {"position": "-1"}])
def test_a_position_that_contradicts_itself_is_an_error(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        codec_account.decode_position(Fields.of({**POSITION, **changes}, "position"))


@given(value=st.sampled_from([*BAD_NUMBERS, "-1"]))
def test_a_bad_position_is_an_error(value: object) -> None:
    with pytest.raises(DecodeError):
        codec_account.decode_position(Fields.of({**POSITION, "position": value}, "position"))


def test_key_nonce_and_clock_are_read() -> None:
    keys = [{"api_key_index": 4, "public_key": "aa"}, {"api_key_index": 5, "public_key": "0xAB"}]
    assert codec_account.decode_public_key(body(api_keys=keys), 5) == "ab"
    assert codec_account.decode_public_key(body(api_keys=[]), 5) is None
    assert codec_account.decode_nonce(body(nonce=722)) == 722
    assert codec_account.decode_time_s(b'{"status":200,"network_id":1,"timestamp":1763005601}') == 1763005601


@pytest.mark.parametrize("value", BAD_WHOLES)
def test_a_bad_nonce_or_time_is_an_error(value: object) -> None:
    for decode, name in ((codec_account.decode_nonce, "nonce"), (codec_account.decode_time_s, "timestamp")):
        with pytest.raises(DecodeError):
            decode(body(**{name: value}))


@pytest.mark.parametrize("timestamp", [1773850000, 1773850000000])
def test_a_funding_payment_is_positive_when_received_whatever_unit_its_time_has(timestamp: int) -> None:
    row = {"timestamp": timestamp, "market_id": 0, "funding_id": 2001, "change": "-0.001", "rate": "0.0001"}
    page = codec_account.decode_funding(body(position_fundings=[row], next_cursor="n"))
    payment = FundingPayment(1773850000 * 1_000_000_000, "funding-0-2001", D("-0.001"))
    assert (page.payments, page.cursor) == (((0, payment),), "n")


# --- markets and requests -------------------------------------------------------------------------------------------


def test_a_market_decodes_whole_and_gives_its_rules() -> None:
    assert codec.decode_markets(body(order_book_details=[MARKET], spot_order_book_details=[])) == [ETH]
    assert ETH.rules("ETH") == MarketRules(
        ticker="ETH",
        contract_id="0",
        tick_size=D("0.01"),
        quantity_step=D("0.0001"),
        min_quantity=D("0.0050"),
        min_notional=D("10.000000"),
    )


@pytest.mark.parametrize("name", ["min_base_amount", "min_quote_amount", "maker_fee", "taker_fee"])
@given(value=st.sampled_from(BAD_NUMBERS))
def test_a_bad_number_in_a_market_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_markets(json.dumps({"code": 200, "order_book_details": [{**MARKET, name: value}]}).encode())


@pytest.mark.parametrize("value", [*BAD_WHOLES, 19])
def test_a_bad_number_of_decimals_is_an_error(value: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_markets(body(order_book_details=[{**MARKET, "supported_size_decimals": value}]))


@pytest.mark.parametrize("name", ["size_decimals", "price_decimals"])
def test_two_numbers_of_decimals_are_an_error(name: str) -> None:
    """Orders would be ten times too large or too small."""
    with pytest.raises(DecodeError, match=f"supported_{name}"):
        codec.decode_markets(body(order_book_details=[{**MARKET, name: 3}]))


def test_a_closing_order_is_scaled_exactly() -> None:
    request = OrderRequest(42, Side.SELL, D("0.29"), D("3950.12"), post_only=True, reduce_only=True)
    assert ETH.order(request, 1762419200000, None) == CreateOrder(0, 42, 2900, 395012, True, 0, 2, True, 1762419200000)


@pytest.mark.parametrize("side, price", [(Side.BUY, 309093), (Side.SELL, 290903)])
def test_a_market_order_has_a_worst_price_within_the_bound(side: Side, price: int) -> None:
    quote = Quote(D("2999.00"), D(1), D("3000.91"), D(1), 0)
    request = OrderRequest(42, side, D("0.1"), None, post_only=False, reduce_only=True)
    assert ETH.order(request, 5, quote) == CreateOrder(0, 42, 1000, price, side is Side.SELL, 1, 0, True, 0)
    with pytest.raises(Refused) as refused:
        ETH.order(request, 5, None)
    assert refused.value.reason == "no_quote"


@pytest.mark.parametrize(
    "quantity, price, reason",
    [
        ("0.00001", "3000", "bad_quantity"),
        ("0", "3000", "bad_quantity"),
        ("NaN", "3000", "bad_quantity"),
        ("99999999999", "3000", "bad_quantity"),
        ("0.1", "3000.001", "bad_price"),
        ("0.1", "0", "bad_price"),
        ("0.1", "42949672.96", "bad_price"),
    ],
)
def test_a_number_that_the_wire_cannot_carry_is_never_rounded(quantity: str, price: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        ETH.order(OrderRequest(1, Side.BUY, D(quantity), D(price), post_only=True, reduce_only=False), 5, None)
    assert refused.value.reason == reason


def test_a_cancel_names_the_venues_id_where_it_is_known() -> None:
    assert codec.cancel_transaction(0, 42, None) == CancelOrder(0, 42)
    assert codec.cancel_transaction(0, 42, "281474977354074") == CancelOrder(0, 281474977354074)


def test_a_sent_transaction_is_named_by_its_hash_and_its_fate_is_read() -> None:
    answer = {"code": 200, "message": '{"ratelimit": "none"}', "tx_hash": "99ab", "predicted_execution_time_ms": 1}
    assert codec.decode_sent(json.dumps(answer).encode()) == "99ab"
    assert [codec.decode_tx(body(status=status, event_info="x")).has_failed for status in (0, 1, 2, 3)] == [
        True, False, False, False,
    ]  # fmt: skip
    for status in (4, -1, "x", None):
        with pytest.raises(DecodeError):
            codec.decode_tx(body(status=status))


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, reason",
    [
        (20013, "bad_token"),
        (21104, "bad_nonce"),
        (21600, "unknown_order"),
        (21706, "bad_quantity"),
        (21733, "bad_price"),
        (21739, "insufficient_margin"),
        (21732, "reduce_only"),
        (21717, "too_many_orders"),
        (23000, "rate_limited"),
        (29999, "code_29999"),
    ],
)
def test_a_refusal_has_a_stable_word_also_inside_a_200(code: int, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        codec.decode_sent(json.dumps({"code": code, "message": "some text"}).encode())
    assert refused.value.reason == reason


@pytest.mark.parametrize("code", [21108, 21120, 21149])
def test_what_a_person_must_mend_says_how(code: int) -> None:
    with pytest.raises(Misconfigured):
        codec_errors.envelope(json.dumps({"code": code, "message": "m"}).encode(), "x")


def test_a_duplicate_client_id_leaves_the_order_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        codec_errors.envelope(b'{"code":21728,"message":"client order index already exists"}', "x")


def test_the_text_of_a_bad_token_is_not_shown() -> None:
    with pytest.raises(Refused) as refused:
        codec_errors.envelope(b'{"code":20013,"message":"invalid 1760000600:65432:5:637aa591"}', "x")
    assert "637aa591" not in str(refused.value)


@given(st.binary(max_size=40))
def test_no_body_at_all_breaks_the_reading_of_an_answer(content: bytes) -> None:
    with pytest.raises((DecodeError, Refused)):
        codec.decode_sent(content)


# --- the stream -----------------------------------------------------------------------------------------------------


def test_the_frames_of_the_sheet_are_told_apart() -> None:
    frames = {
        '{"type":"connected","session_id":"8d35"}': ("connected", ""),
        '{"type":"ping"}': ("ping", ""),
        '{"type":"shutdown","close_in_ms":500}': ("shutdown", ""),
        json.dumps(BOOK): ("subscribed", "order_book/0"),
        '{"type":"update/account_all_orders","channel":"account_all_orders:7","orders":{}}': (
            "update", "account_all_orders/7",
        ),
    }  # fmt: skip
    told = [codec_stream.decode_frame(text) for text in frames]
    assert [(frame.kind, frame.channel) for frame in told] == list(frames.values())
    error = codec_stream.decode_frame('{"error":{"code":30005,"message":"Invalid Channel:  (marketId)"}}')
    assert (error.kind, error.code, error.text) == ("error", 30005, "Invalid Channel: (marketId)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type":"surprise"}',
        '{"type":"surprise/order_book","channel":"order_book:0"}',
        '{"type":"update/order_book"}',
        '{"type":"update/order_book","channel":"trade:0"}',
        '{"type":"update/"}',
        '{"error":"text"}',
    ],
)
def test_a_frame_of_no_known_shape_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError):
        codec_stream.decode_frame(text)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.integers(), st.lists, max_leaves=4))
def test_no_json_at_all_breaks_the_reading_of_a_frame(value: object) -> None:
    with pytest.raises(DecodeError):
        codec_stream.decode_frame(json.dumps({"type": value}))


def test_a_book_decodes_whole() -> None:
    told = codec_stream.decode_book(Fields.of(BOOK, "frame"))
    assert told == BookChange({D("2979.60"): D("0.0000")}, {D("2979.64"): D("61.9487")}, 3107818665, 0)


@pytest.mark.parametrize("name", ["price", "size"])
@given(value=st.sampled_from([*BAD_NUMBERS, "-1"]))
def test_a_bad_level_is_an_error(name: str, value: object) -> None:
    level = {"price": "1", "size": "1", name: value}
    book = {**BOOK["order_book"], "asks": [level]}
    with pytest.raises(DecodeError):
        codec_stream.decode_book(Fields.of({**BOOK, "order_book": book}, "frame"))


@pytest.mark.parametrize("name", ["nonce", "begin_nonce"])
@pytest.mark.parametrize("value", [None, "", "x", 1.5, True, -1])
def test_a_bad_book_nonce_is_an_error(name: str, value: object) -> None:
    book = {**BOOK["order_book"], name: value}
    with pytest.raises(DecodeError):
        codec_stream.decode_book(Fields.of({**BOOK, "order_book": book}, "frame"))


def test_news_come_by_market_in_all_their_shapes() -> None:
    fields = Fields.of({"orders": {"0": [ORDER]}, "trades": {"0": [TRADE]}, "positions": {"0": POSITION}}, "frame")
    assert codec_stream.decode_order_news(fields, ACCOUNT) == [order()]
    assert codec_stream.decode_trade_news(fields, ACCOUNT) == trades()
    assert codec_stream.decode_position_news(fields) == {0: D("18.0193")}
    empties: tuple[object, ...] = ({}, [], None)
    for empty in empties:
        nothing = Fields.of({"orders": empty, "trades": empty, "positions": empty}, "frame")
        assert codec_stream.decode_order_news(nothing, ACCOUNT) == []
        assert codec_stream.decode_trade_news(nothing, ACCOUNT) == []
        assert codec_stream.decode_position_news(nothing) == {}
    odds: tuple[object, ...] = ("x", 1, [1], {"0": 1}, {"0": [1]})
    for odd in odds:
        strange = Fields.of({"orders": odd, "trades": odd, "positions": odd}, "frame")
        for decode in (
            lambda f: codec_stream.decode_order_news(f, ACCOUNT),
            lambda f: codec_stream.decode_trade_news(f, ACCOUNT),
            codec_stream.decode_position_news,
        ):
            with pytest.raises(DecodeError):
                decode(strange)
