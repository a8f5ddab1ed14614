"""The decoders of edgex, each with a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.market import Side
from exchanges.decoding import Fields
from exchanges.edgex import codec as edgex
from exchanges.edgex import codec_stream as edgex_stream
from exchanges.edgex.contracts import find_contract
from exchanges.edgex.refusals import cancel_conclusion, conclusion
from tests.support import edgex_frames
from tests.support.decoders.base import AND_REFUSALS, Decoder, Read, refused


def of_envelope(decode: Callable[[edgex.Envelope], object]) -> Read:
    return lambda text: decode(edgex.decode_envelope(text.encode()))


def envelope(data: object) -> dict[str, object]:
    return {"code": "SUCCESS", "data": data, "msg": None, "traceId": "364c"}


def edgex_news(text: str) -> object:
    message = edgex_stream.decode_message(text)
    if isinstance(message, edgex_stream.TradeEvent):
        news = edgex_stream.decode_account_news(message, edgex_frames.BTC)
        told = [order.update(0, order.info.size) for order in news.orders]
        return message.version, news, told, [fill.fill(0, 1, Side.BUY, forced=news.is_forced) for fill in news.fills]
    if isinstance(message, edgex_stream.QuoteEvent) and message.channel.startswith("depth"):
        return message.channel, message.is_snapshot, edgex_stream.decode_depth(message.rows, edgex_frames.BTC)
    if isinstance(message, edgex_stream.QuoteEvent):
        return message.channel, edgex_stream.decode_book_ticker(message, edgex_frames.BTC)
    return message


def edgex_page(decode: Callable[[Fields], object]) -> Read:
    def read(answer: edgex.Envelope) -> object:
        page = edgex.decode_page(answer, "page")
        return [decode(row) for row in page.rows], page.next_offset

    return of_envelope(read)


def edgex_refusal(answer: edgex.Envelope) -> object:
    return refused(conclusion(answer, 400))


def edgex_cancel(answer: edgex.Envelope) -> object:
    return refused(cancel_conclusion(edgex.decode_cancel_word(answer)))


_ORDER = edgex_frames.ORDER | {"cumMatchSize": "0.0004", "cumFillSize": "0.0003"}
_WITH_ONE_TOTAL = {name: value for name, value in _ORDER.items() if name != "cumFillSize"}
_STREAMED = edgex_frames.STREAMED_ORDER | {"cumMatchSize": "0.001", "cumFillSize": "0.0005"}
_DEPTH_ROW = {
    "startVersion": "10", "endVersion": "11", "level": 15, "contractId": edgex_frames.BTC,
    "bids": [{"price": "601.03", "size": "23.33"}], "asks": [["601.04", "1.5"]], "depthType": "CHANGED",
}  # fmt: skip
_BEST_ROW = {
    "contractId": edgex_frames.BTC, "contractName": "BTCUSDC", "bestBidPrice": "30000", "bestBidSize": "2.5",
    "bestAskPrice": "30001", "bestAskSize": "1.8",
}  # fmt: skip
_TRANSACTION = {
    "id": "9", "contractId": edgex_frames.BTC, "type": "SETTLE_FUNDING_FEE", "deltaFundingFee": "-0.0123",
    "fundingTime": "1734662617982",
}  # fmt: skip
_EDGEX_ACCOUNT: dict[str, Any] = {
    **edgex_frames.ACCOUNT,
    "account": {"id": "12345", "status": "NORMAL", "isLiquidating": False, "createOrderPerMinuteLimit": 120},
}


def quote_event(channel: str, row: object) -> dict[str, object]:
    return {"type": "quote-event", "channel": channel, "content": {"dataType": "Changed", "data": [row]}}


EDGEX = (
    Decoder("time", envelope({"timeMillis": "1734662617982"}), of_envelope(edgex.decode_time_ms)),
    Decoder("placed", envelope({"orderId": "564829588270612618"}), of_envelope(edgex.decode_order_id)),
    Decoder("cancelled", envelope({"cancelResultMap": {"77": "SUCCESS"}}), of_envelope(edgex_cancel)),
    Decoder("orders", envelope([_ORDER]), of_envelope(edgex.decode_orders)),
    Decoder(
        "page of orders",
        envelope({"dataList": [_WITH_ONE_TOTAL], "nextPageOffsetData": "7"}),
        edgex_page(edgex.decode_order),
    ),
    Decoder(
        "page of fills",
        envelope({"dataList": [edgex_frames.FILL], "nextPageOffsetData": ""}),
        edgex_page(edgex.decode_history_fill),
    ),
    Decoder("account", envelope(_EDGEX_ACCOUNT), of_envelope(edgex.decode_account)),
    Decoder(
        "listing",
        envelope(edgex_frames.METADATA),
        of_envelope(lambda answer: find_contract(answer, "BTC")),
        errors=AND_REFUSALS,
    ),
    Decoder("refusal", {"code": "INVALID_STEPSIZE", "msg": "stepSize", "traceId": "3"}, of_envelope(edgex_refusal)),
    Decoder(
        "account news",
        edgex_frames.trade_event(
            "ORDER_UPDATE",
            order=[_STREAMED],
            orderFillTransaction=[edgex_frames.FILL],
            position=edgex_frames.ACCOUNT["positionList"],
            positionTransaction=[_TRANSACTION],
        ),
        edgex_news,
    ),
    Decoder("touch", quote_event(f"bookTicker.{edgex_frames.BTC}", _BEST_ROW), edgex_news),
    Decoder("depth", quote_event(f"depth.{edgex_frames.BTC}.15", _DEPTH_ROW), edgex_news),
    Decoder("ping", {"type": "ping", "time": "1693208170000"}, edgex_news),
    Decoder("subscribed", {"type": "subscribed", "channel": "depth.1.15", "request": "{}"}, edgex_news),
    Decoder("trouble", {"type": "error", "content": {"code": "INVALID_CONTRACT_ID", "msg": "x"}}, edgex_news),
)
