"""What Aster writes becomes whole values, and whatever does not fit becomes an error: never a made-up value."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest

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
from exchanges.base import OrderInfo, OrderLimits, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_json
from exchanges.errors import ExchangeError, Misconfigured, OutcomeUnknown, Refused
from tests.support.aster_frames import ACCOUNT, LISTING, NEWS, ORDER, PARTIAL, TICKER, TRADE

D = Decimal
FEES = Fees(D("0.0002"), D("0.0004"))

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


def test_a_limit_that_would_allow_nothing_is_an_error() -> None:
    """Nothing could ever be asked again."""
    row = {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 10, "limit": 9}
    with pytest.raises(DecodeError, match="allows nothing"):
        codec_market.decode_limits({"rateLimits": [row]})


def test_the_limits_on_orders_are_filters_and_may_be_missing() -> None:
    number = {"filterType": "MAX_NUM_ORDERS", "limit": 200}
    band = {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"}

    def limits(*filters: dict[str, Any]) -> OrderLimits:
        return codec_market.decode_order_limits({"symbols": [{"symbol": "X", "filters": [*filters]}]}, "X")

    assert limits() == OrderLimits()
    assert limits(number, band) == OrderLimits(200, D("0.95"), D("1.05"))
    for spoilt in ({**number, "limit": 0}, {**band, "multiplierUp": "0"}, {**band, "multiplierDown": None}):
        with pytest.raises(DecodeError):
            limits(spoilt)


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
