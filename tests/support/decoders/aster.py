"""The decoders of aster, each with a message."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from exchanges.aster import codec as aster
from exchanges.aster import codec_market as aster_market
from exchanges.aster import codec_stream as aster_stream
from exchanges.decoding import Fields
from tests.support import aster_frames
from tests.support.decoders.base import AND_REFUSALS, Decoder, Read, of_body

FEES = aster.Fees(Decimal("0.0002"), Decimal("0.0004"))


def of_answer(decode: Callable[[object], object]) -> Read:
    """Through what every answer goes through."""
    return lambda text: decode(aster.answer(200, text.encode()))


def aster_order(value: object) -> object:
    return aster.decode_order(Fields.of(value, "order"))


def aster_fills(value: object) -> object:
    return [each.fill(1, 5, False, FEES, "USDT") for each in aster.decode_trades(value)]


def aster_news(text: str) -> object:
    message = aster_stream.decode_message(text)
    if not isinstance(message, aster_stream.OrderNews):
        return message
    trade = message.trade
    fill = None if trade is None else trade.fill(1, message.client_id, message.is_forced, FEES, "USDT")
    return message, message.update(1, message.quantity), fill


def aster_listing(value: object) -> object:
    listed = aster_market.decode_listings(value)
    return (
        aster_market.choose(listed, "BTC"),
        aster_market.decode_limits(value),
        aster_market.decode_rules(value, "BTCUSDT", "BTC", FEES),
        aster_market.decode_order_limits(value, "BTCUSDT"),
    )


_ORDER = aster_frames.ORDER | {"executedQty": "0.0004"}
_CANCELLED = aster_frames.NEWS["o"] | {"x": "CANCELED", "X": "CANCELED", "z": "0.001"}
_ORDER_NEWS = aster_frames.NEWS["o"] | aster_frames.PARTIAL
_LISTED = aster_frames.LISTING["symbols"][0]
_FILTERS = [
    *_LISTED["filters"],
    {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
]

ASTER = (
    Decoder("an order", _ORDER, of_answer(aster_order), errors=AND_REFUSALS),
    Decoder("orders", [_ORDER], of_answer(aster.decode_orders), errors=AND_REFUSALS),
    Decoder("trades", [aster_frames.TRADE], of_answer(aster_fills), errors=AND_REFUSALS),
    Decoder(
        "position",
        [{"symbol": "BTCUSDT", "positionAmt": "-0.5", "positionSide": "BOTH"}],
        of_answer(lambda value: aster.decode_position(value, "BTCUSDT")),
        errors=AND_REFUSALS,
    ),
    Decoder(
        "balance",
        [{"asset": "USDT", "availableBalance": "110.1"}],
        of_answer(lambda value: aster.decode_balance(value, "USDT")),
        errors=AND_REFUSALS,
    ),
    Decoder("mode", {"dualSidePosition": True}, of_answer(aster.decode_is_hedged), errors=AND_REFUSALS),
    Decoder(
        "fees",
        {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"},
        of_answer(aster.decode_fees),
        errors=AND_REFUSALS,
    ),
    Decoder("listen key", {"listenKey": "pqia91ma"}, of_answer(aster.decode_listen_key), errors=AND_REFUSALS),
    Decoder(
        "funding",
        [{"symbol": "B", "incomeType": "FUNDING_FEE", "income": "-0.375", "time": 1570608000000, "tranId": "96"}],
        of_answer(lambda value: aster.decode_funding(value, "B")),
        errors=AND_REFUSALS,
    ),
    Decoder(
        "listing",
        aster_frames.LISTING | {"symbols": [_LISTED | {"filters": _FILTERS}]},
        of_answer(aster_listing),
        errors=AND_REFUSALS,
    ),
    Decoder("time", {"serverTime": 1499827319559}, of_body(aster_market.decode_time_ms)),
    Decoder(
        "quote",
        {"symbol": "BTCUSDT", "bidPrice": "1", "bidQty": "2", "askPrice": "3", "askQty": "4", "time": 1},
        of_answer(aster_market.decode_book_ticker),
        errors=AND_REFUSALS,
    ),
    Decoder("refusal", {"code": -2013, "msg": "No."}, of_answer(lambda _: None), errors=AND_REFUSALS),
    Decoder("order news", aster_frames.NEWS | {"o": _CANCELLED}, aster_news),
    Decoder("trade news", aster_frames.NEWS | {"o": _ORDER_NEWS}, aster_news),
    Decoder("account news", aster_frames.ACCOUNT, aster_news),
    Decoder("touch", aster_frames.TICKER, aster_news),
    Decoder("mark price", {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "97390.1", "T": 5}, aster_news),
    Decoder("end of a listen key", {"e": "listenKeyExpired", "E": 1576653824250}, aster_news),
    Decoder("acknowledgement", {"result": None, "id": 1}, aster_news),
    Decoder("trouble", {"code": 2, "msg": "Invalid request"}, aster_news),
)
