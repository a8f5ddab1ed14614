"""What Aster writes becomes whole values, and whatever does not fit becomes an error: never a made-up value."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import MarketRules, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.aster import codec, codec_market, codec_stream
from exchanges.aster.codec import Fees, Payment, PlacedOrder, Trade
from exchanges.aster.codec_market import BookTicker, Limits, Listing
from exchanges.aster.codec_stream import (
    AccountNews,
    Acknowledged,
    Beat,
    Ignored,
    ListenKeyExpired,
    OrderNews,
    PositionNews,
    Trouble,
    decode_message,
)
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_json
from exchanges.errors import ExchangeError, Misconfigured, OutcomeUnknown, Refused

D = Decimal
FEES = Fees(D("0.0002"), D("0.0004"))

ORDER: dict[str, Any] = {
    "orderId": 22542179, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "4711", "price": "97393.8",
    "avgPrice": "0.00000", "origQty": "0.001", "executedQty": "0", "cumQty": "0", "cumQuote": "0",
    "timeInForce": "GTX", "type": "LIMIT", "origType": "LIMIT", "reduceOnly": False, "closePosition": False,
    "side": "BUY", "positionSide": "BOTH", "stopPrice": "0", "workingType": "CONTRACT_PRICE", "priceProtect": False,
    "updateTime": 1566818724722,
}  # fmt: skip
INFO = OrderInfo(
    order_id="22542179",
    side=Side.BUY,
    size=D("0.001"),
    price=D("97393.8"),
    status=OrderStatus.OPEN,
    filled_size=D(0),
    remaining_size=D("0.001"),
    client_id=4711,
)
TRADE: dict[str, Any] = {
    "id": 698759, "orderId": 25851813, "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH",
    "price": "7819.01", "qty": "0.002", "quoteQty": "15.63802", "commission": "-0.0781", "commissionAsset": "USDT",
    "realizedPnl": "-0.9154", "maker": False, "buyer": False, "time": 1569514978020,
}  # fmt: skip
NEWS: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE", "E": 1568879465651, "T": 1568879465650,
    "o": {
        "s": "BTCUSDT", "c": "4711", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.002", "p": "97393.8", "ap": "0",
        "sp": "0", "x": "NEW", "X": "NEW", "i": 8886774, "l": "0", "z": "0", "L": "0", "T": 1568879465650, "t": 0,
        "b": "194.78", "a": "0", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH",
        "cp": False, "rp": "0",
    },
}  # fmt: skip
PARTIAL = {
    "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.001", "z": "0.001", "L": "97393.8", "ap": "97393.8", "N": "USDT",
    "n": "0.00974", "t": 698759, "m": True, "rp": "0",
}  # fmt: skip
ACCOUNT: dict[str, Any] = {
    "e": "ACCOUNT_UPDATE", "E": 1564745798939, "T": 1564745798938,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12", "cw": "100.12", "bc": "0"}],
        "P": [
            {"s": "BTCUSDT", "pa": "0.002", "ep": "97393.8", "cr": "200", "up": "0", "mt": "cross", "iw": "0",
             "ps": "BOTH"}
        ],
    },
}  # fmt: skip
TICKER: dict[str, Any] = {
    "e": "bookTicker", "u": 400900217, "E": 1568014460893, "T": 1568014460891, "s": "BTCUSDT",
    "b": "97390.1", "B": "1.2", "a": "97390.2", "A": "0.8",
}  # fmt: skip
LISTING: dict[str, Any] = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ],
    "symbols": [
        {
            "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING",
            "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 1,
            "quantityPrecision": 3,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "100", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
        }
    ],
    "serverTime": 1565613908500, "timezone": "UTC",
}  # fmt: skip


def decode_order(changed: dict[str, Any]) -> PlacedOrder:
    return codec.decode_order(Fields.of(parse_json(json.dumps(changed)), "order"))


def news(**changed: object) -> codec_stream.Message:
    return decode_message(json.dumps({**NEWS, "o": {**NEWS["o"], **changed}}))


# --- what the venue writes ------------------------------------------------------------------------------------------


def test_an_order_of_the_documents_decodes_into_a_whole_value() -> None:
    assert decode_order(ORDER) == PlacedOrder("BTCUSDT", INFO, is_forced=False)


@pytest.mark.parametrize(
    "changed, status, reason",
    [
        ({"status": "FILLED", "executedQty": "0.001"}, OrderStatus.FILLED, ""),
        ({"status": "PARTIALLY_FILLED"}, OrderStatus.OPEN, ""),
        ({"status": "CANCELED"}, OrderStatus.CANCELLED, ""),
        ({"status": "REJECTED"}, OrderStatus.REFUSED, ""),
        ({"status": "EXPIRED"}, OrderStatus.REFUSED, "post_only_would_cross"),
        ({"status": "EXPIRED", "timeInForce": "IOC"}, OrderStatus.EXPIRED, "expired"),
        ({"status": "EXPIRED", "executedQty": "0.0005"}, OrderStatus.EXPIRED, "expired"),
    ],
)
def test_a_post_only_order_that_expired_unfilled_was_refused(
    changed: dict[str, Any], status: OrderStatus, reason: str
) -> None:
    info = decode_order({**ORDER, **changed}).info
    assert (info.status, info.cancel_reason) == (status, reason)


@pytest.mark.parametrize(
    "text, client_id, forced",
    [
        ("4711", 4711, False),
        ("grid-0001", None, False),
        ("007", None, False),
        ("9" * 20, None, False),
        ("autoclose-1568879465651", None, True),
        ("adl_autoclose", None, True),
    ],
)
def test_only_our_own_numbers_are_client_ids(text: str, client_id: int | None, forced: bool) -> None:
    placed = decode_order({**ORDER, "clientOrderId": text})
    assert (placed.info.client_id, placed.is_forced) == (client_id, forced)


def test_a_trade_of_the_documents_becomes_a_fill_with_a_fee_that_was_paid() -> None:
    (trade,) = codec.decode_trades([TRADE])
    assert trade.fill(7, 4711, False, FEES, "USDT") == Fill(
        at_ns=7,
        client_id=4711,
        order_id="25851813",
        trade_id="698759",
        side=Side.SELL,
        price=D("7819.01"),
        quantity=D("0.002"),
        fee=D("0.0781"),
        liquidity=Liquidity.TAKER,
        venue_ns=1569514978020_000_000,
    )


def test_the_sign_of_a_commission_is_not_trusted_and_a_rebate_is_one() -> None:
    for commission in ("-0.0781", "0.0781"):
        (trade,) = codec.decode_trades([{**TRADE, "commission": commission, "maker": True}])
        assert trade.fill(0, 1, False, FEES, "USDT").fee == D("0.0781")
        assert trade.fill(0, 1, False, Fees(D("-0.0001"), D(0)), "USDT").fee == D("-0.0781")


def test_a_fee_in_another_asset_is_valued_by_the_rate() -> None:
    (trade,) = codec.decode_trades([{**TRADE, "commissionAsset": "ASTER"}])
    assert trade.fill(0, 1, False, FEES, "USDT").fee == D("0.0004") * D("7819.01") * D("0.002")


def test_a_forced_trade_has_no_client_id() -> None:
    (trade,) = codec.decode_trades([TRADE])
    fill = trade.fill(0, 5, True, FEES, "USDT")
    assert (fill.client_id, fill.forced) == (None, True)


def test_the_listing_gives_markets_limits_and_rules() -> None:
    assert codec_market.decode_listings(LISTING) == [Listing("BTCUSDT", "BTC", "USDT", "PERPETUAL", "TRADING")]
    assert codec_market.decode_limits(LISTING) == Limits(2400, 1200)
    assert codec_market.decode_rules(LISTING, "BTCUSDT", "BTC", FEES) == MarketRules(
        ticker="BTC",
        contract_id="BTCUSDT",
        tick_size=D("0.1"),
        quantity_step=D("0.001"),
        min_quantity=D("0.001"),
        min_notional=D(5),
        maker_fee_rate=D("0.0002"),
        taker_fee_rate=D("0.0004"),
    )


def test_a_position_row_is_needed_even_for_a_flat_position() -> None:
    row = {"symbol": "BTCUSDT", "positionAmt": "-0.5", "positionSide": "BOTH"}
    assert codec.decode_position([row], "BTCUSDT") == D("-0.5")
    assert codec.decode_position([{**row, "positionAmt": "0"}], "BTCUSDT") == D(0)
    with pytest.raises(DecodeError):
        codec.decode_position([], "BTCUSDT")
    with pytest.raises(Misconfigured, match="hedge mode"):
        codec.decode_position([{**row, "positionSide": "LONG"}], "BTCUSDT")


def test_the_other_reads_of_the_documents_decode() -> None:
    rate = {"makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"}
    assert codec.decode_fees(rate) == FEES
    assert codec.decode_is_hedged({"dualSidePosition": False}) is False
    assert codec.decode_listen_key({"listenKey": "pqia91ma"}) == "pqia91ma"
    assert codec_market.decode_time_ms(b'{"serverTime":1499827319559}') == 1499827319559
    assert codec.decode_balance([{"asset": "USDT", "availableBalance": "110.1"}], "USDT") == D("110.1")
    quote = {"symbol": "B", "bidPrice": "1", "bidQty": "2", "askPrice": "3", "askQty": "4", "time": 1}
    assert codec_market.decode_book_ticker(quote) == BookTicker("B", D(1), D(2), D(3), D(4))
    income = {"symbol": "B", "incomeType": "FUNDING_FEE", "income": "-0.375", "time": 5, "tranId": "96"}
    assert codec.decode_funding([income, {**income, "symbol": "C"}], "B") == [Payment("funding-96", D("-0.375"), 5)]


@pytest.mark.parametrize("key", ["../order", "a b", "", None, 5, "ключ"])
def test_a_listen_key_that_could_lead_elsewhere_is_refused(key: object) -> None:
    with pytest.raises(DecodeError):
        codec.decode_listen_key({"listenKey": key})


# --- the sockets ----------------------------------------------------------------------------------------------------


def test_an_accepted_order_of_the_documents_decodes() -> None:
    assert news() == OrderNews(
        "BTCUSDT", 4711, "8886774", OrderFact.ACCEPTED, D(0), D("0.002"), "", is_forced=False, trade=None
    )


def test_a_partial_fill_of_the_documents_decodes() -> None:
    message = news(**PARTIAL)
    trade = Trade(
        "BTCUSDT", "698759", "8886774", Side.BUY, D("97393.8"), D("0.001"), D("0.00974"), "USDT", True,
        1568879465650_000_000,
    )  # fmt: skip
    assert message == OrderNews(
        "BTCUSDT", 4711, "8886774", OrderFact.ACCEPTED, D("0.001"), D("0.002"), "", is_forced=False, trade=trade
    )
    assert message.update(9, None) == OrderUpdate(9, 4711, OrderFact.ACCEPTED, "8886774", filled=D("0.001"))


@pytest.mark.parametrize(
    "changed, fact, reason, trades",
    [
        ({**PARTIAL, "X": "FILLED", "z": "0.002", "t": 698760}, OrderFact.FILLED, "", True),
        ({"x": "CANCELED", "X": "CANCELED", "z": "0.001"}, OrderFact.CANCELLED, "", False),
        ({"x": "EXPIRED", "X": "EXPIRED"}, OrderFact.REFUSED, "post_only_would_cross", False),
        ({"x": "EXPIRED", "X": "EXPIRED", "f": "IOC"}, OrderFact.EXPIRED, "expired", False),
        ({"x": "EXPIRED", "X": "EXPIRED", "z": "0.001"}, OrderFact.EXPIRED, "expired", False),
        ({"x": "CALCULATED", "X": "NEW_INSURANCE", "c": "autoclose-1"}, OrderFact.FILLED, "", False),
    ],
)
def test_every_end_of_an_order_is_told_apart(
    changed: dict[str, Any], fact: OrderFact, reason: str, trades: bool
) -> None:
    message = news(**changed)
    assert isinstance(message, OrderNews)
    assert (message.fact, message.reason, message.trade is not None) == (fact, reason, trades)


def test_a_trade_without_a_fee_paid_none() -> None:
    free = {name: value for name, value in PARTIAL.items() if name not in ("N", "n")}
    message = news(**free)
    assert isinstance(message, OrderNews)
    assert message.trade is not None
    assert message.trade.fill(0, 1, False, FEES, "USDT").fee == 0


def test_account_messages_tell_positions_and_funding() -> None:
    assert decode_message(json.dumps(ACCOUNT)) == AccountNews(
        1564745798938, False, (PositionNews("BTCUSDT", D("0.002")),)
    )
    funding = {**ACCOUNT, "a": {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-0.1"}]}}
    assert decode_message(json.dumps(funding)) == AccountNews(1564745798938, True, ())


def test_a_position_in_hedge_mode_is_no_position_we_know() -> None:
    changed = copy.deepcopy(ACCOUNT)
    changed["a"]["P"][0]["ps"] = "LONG"
    with pytest.raises(DecodeError, match="hedge mode"):
        decode_message(json.dumps(changed))


@pytest.mark.parametrize(
    "text, message",
    [
        (json.dumps(TICKER), BookTicker("BTCUSDT", D("97390.1"), D("1.2"), D("97390.2"), D("0.8"), 400900217)),
        ('{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"97390.1","i":"1","P":"1","r":"0","T":5}', Beat("BTCUSDT")),
        ('{"e":"listenKeyExpired","E":1576653824250}', ListenKeyExpired()),
        ('{"result":null,"id":1}', Acknowledged(1)),
        ('{"code":2,"msg":"Invalid request: no"}', Trouble("Invalid request: no")),
        ('{"e":"MARGIN_CALL","E":1,"p":[]}', Ignored("MARGIN_CALL")),
        ('{"e":"ACCOUNT_CONFIG_UPDATE","E":1,"ac":{"s":"B","l":5}}', Ignored("ACCOUNT_CONFIG_UPDATE")),
    ],
)
def test_other_messages_of_the_documents_decode(text: str, message: codec_stream.Message) -> None:
    assert decode_message(text) == message


@pytest.mark.parametrize("text", ["", "[]", "5", "null", "{}", '{"result":5,"id":1}', '{"result":null}', "\xff", "{"])
def test_what_is_no_message_is_an_error(text: str) -> None:
    with pytest.raises(DecodeError):
        decode_message(text)


# --- requests and refusals ------------------------------------------------------------------------------------------


def test_an_order_is_sent_as_the_documents_say() -> None:
    request = OrderRequest(4711, Side.SELL, D("0.0010"), D("97588.50"), post_only=True, reduce_only=True)
    assert codec.order_parameters("BTCUSDT", request) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "0.001", "timeInForce": "GTX",
        "price": "97588.5", "reduceOnly": "true", "newClientOrderId": "4711", "newOrderRespType": "RESULT",
    }  # fmt: skip
    market = OrderRequest(4712, Side.BUY, D("1E+1"), None, post_only=False, reduce_only=False)
    assert codec.order_parameters("BTCUSDT", market) == {
        "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "10", "newClientOrderId": "4712",
        "newOrderRespType": "RESULT",
    }  # fmt: skip


@pytest.mark.parametrize(
    "code, message, kind, reason",
    [
        (-2019, "Margin is insufficient.", Refused, "insufficient_margin"),
        (-2013, "Order does not exist.", Refused, "unknown_order"),
        (-2011, "Unknown order sent.", Refused, "unknown_order"),
        (-4225, "Nonce Expired", Refused, "bad_timestamp"),
        (-1021, "Timestamp for this request is outside of the recvWindow.", Refused, "bad_timestamp"),
        (-2022, "ReduceOnly Order is rejected.", Refused, "reduce_only_would_not_reduce"),
        (-5022, "Post Only order will be rejected.", Refused, "post_only_would_cross"),
        (-4164, "Order's notional must be no smaller than 5.0", Refused, "below_notional"),
        (-9999, "Something new", Refused, "code_-9999"),
        (-1007, "Timeout waiting for response from backend server.", OutcomeUnknown, None),
        (-1000, "An unknown error occurred.", OutcomeUnknown, None),
        (-4116, "ClientOrderId is duplicated", OutcomeUnknown, None),
        (-1022, "Signature for this request is not valid.", Misconfigured, None),
        (-1000, "No agent found", Misconfigured, None),
        (-2015, "Invalid API-key, IP, or permissions for action", Misconfigured, None),
        (-4061, "Order's position side does not match user's setting.", Misconfigured, None),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_every_refusal_says_what_may_be_concluded(
    code: int, message: str, kind: type[ExchangeError], reason: str | None, status: int
) -> None:
    with pytest.raises(kind) as caught:
        codec.answer(status, json.dumps({"code": code, "msg": message}).encode())
    assert getattr(caught.value, "reason", None) == reason


@pytest.mark.parametrize("code", [200, "200"])
def test_a_success_may_have_a_code(code: object) -> None:
    assert codec.answer(200, json.dumps({"code": code, "msg": "success"}).encode()) == {"code": code, "msg": "success"}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b"", b'{"code":"x"}', b'{"msg":"no code"}'])
def test_a_refusal_without_a_reason_proves_nothing(body: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.answer(400, body)


def test_a_message_that_echoes_a_credential_is_not_repeated() -> None:
    key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
    with pytest.raises(Refused) as caught:
        codec.answer(400, json.dumps({"code": -1125, "msg": f"This listenKey {key} does not exist."}).encode())
    assert str(caught.value) == "This listenKey [...] does not exist. (-1125)"


# --- fuzz -----------------------------------------------------------------------------------------------------------

_BAD_VALUES: list[object] = [
    None, "", "NaN", "Infinity", "-Infinity", "1E-8", "1e5", "0x10", " 1", "1,5", "abc", [], {}, True, False, -1, "-1",
    float("nan"), float("inf"), 1e-8, 10**60, "9" * 60, "UNHEARD_OF",
]  # fmt: skip

ORDER_FIELDS = ("orderId", "symbol", "status", "clientOrderId", "price", "origQty", "executedQty", "side")
NEWS_FIELDS = ("s", "c", "S", "f", "q", "x", "X", "i", "l", "z", "L", "T", "t", "m", "N", "n")
TRADE_FIELDS = ("id", "orderId", "symbol", "side", "price", "qty", "commission", "commissionAsset", "maker", "time")
TICKER_FIELDS = ("s", "b", "B", "a", "A", "u")


def decoded(decode: Callable[[], object]) -> object | None:
    """The value; None where the message was found not to fit. Any other error fails the test."""
    try:
        return decode()
    except DecodeError:
        return None


def _is_faithful(name: str, bad: object, value: object) -> bool:
    """A decoded value must still hold what was written: a text that happens to be one, or a number as it was."""
    return isinstance(bad, str | int) and not isinstance(bad, bool) and (str(bad) in repr(value) or name == "c")


@pytest.mark.parametrize("missing", ORDER_FIELDS)
def test_an_order_without_a_field_is_an_error(missing: str) -> None:
    assert decoded(lambda: decode_order({k: v for k, v in ORDER.items() if k != missing})) is None


@given(st.sampled_from(ORDER_FIELDS), st.sampled_from(_BAD_VALUES))
def test_a_bad_field_of_an_order_never_becomes_a_value(name: str, bad: object) -> None:
    value = decoded(lambda: decode_order({**ORDER, name: bad}))
    allowed = {"symbol", "clientOrderId"}
    assert value is None or (name in allowed and isinstance(bad, str)) or _is_faithful(name, bad, value)


@pytest.mark.parametrize("missing", [name for name in NEWS_FIELDS if name not in ("N", "n")])
def test_news_of_a_trade_without_a_field_is_an_error(missing: str) -> None:
    order = {k: v for k, v in {**NEWS["o"], **PARTIAL}.items() if k != missing}
    assert decoded(lambda: decode_message(json.dumps({**NEWS, "o": order}))) is None


@given(st.sampled_from(NEWS_FIELDS), st.sampled_from(_BAD_VALUES))
def test_a_bad_field_of_a_trade_on_the_stream_never_becomes_a_value(name: str, bad: object) -> None:
    value = decoded(lambda: news(**{**PARTIAL, name: bad}))
    if value is None:
        return
    is_text = name in ("s", "c", "f", "N") and isinstance(bad, str)
    is_flag = name == "m" and isinstance(bad, bool)
    assert is_text or is_flag or _is_faithful(name, bad, value)


@given(st.sampled_from(TRADE_FIELDS), st.sampled_from(_BAD_VALUES))
def test_a_bad_field_of_a_trade_never_becomes_a_value(name: str, bad: object) -> None:
    value = decoded(lambda: codec.decode_trades(parse_json(json.dumps([{**TRADE, name: bad}]))))
    if value is None:
        return
    is_text = name in ("symbol", "commissionAsset") and isinstance(bad, str)
    is_flag = name == "maker" and isinstance(bad, bool)
    assert is_text or is_flag or _is_faithful(name, bad, value)


@given(st.sampled_from(TICKER_FIELDS), st.sampled_from(_BAD_VALUES))
def test_a_bad_field_of_a_quote_never_becomes_a_value(name: str, bad: object) -> None:
    value = decoded(lambda: decode_message(json.dumps({**TICKER, name: bad})))
    assert value is None or (name == "s" and isinstance(bad, str)) or _is_faithful(name, bad, value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_a_message_or_an_error(value: object) -> None:
    decoded(lambda: decode_message(json.dumps(value)))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error_or_an_answer(body: bytes) -> None:
    with contextlib.suppress(ExchangeError):
        decoded(lambda: codec.answer(200, body))
