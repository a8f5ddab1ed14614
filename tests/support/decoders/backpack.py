"""The decoders of backpack, each with a message."""

from __future__ import annotations

from typing import Any

from exchanges.backpack import codec as backpack
from exchanges.backpack import codec_reads as backpack_reads
from exchanges.decoding import parse_json
from tests.exchanges.backpack import test_backpack_codec as backpack_frames
from tests.support.decoders.base import Decoder, of_body, refused


def backpack_news(text: str) -> object:
    frame = backpack.decode_frame(text)
    if frame.data is None:
        return frame.stream
    if frame.stream.startswith("account.orderUpdate"):
        news = backpack.decode_order_update(frame.data)
        return news, news.events(5)
    if frame.stream.startswith("account.positionUpdate"):
        return backpack.decode_position_update(frame.data)
    return backpack.decode_book_ticker(frame.data)


def backpack_error(body: bytes) -> object:
    error = backpack.decode_error(body)
    return error, refused(backpack.refusal(error))


_ORDER = backpack_frames.REST | {"executedQuantity": "0.05"}
_ENDED = backpack_frames.ENDED | {"executedQuantity": "0.05", "expiryReason": "Liquidation"}
_CANCELLED = backpack_frames.ACCEPTED | {"e": "orderCancelled", "X": "Cancelled", "z": "0.05"}
_BACKPACK_FILL: dict[str, Any] = {
    "tradeId": 9748827, "orderId": "4238907375", "clientId": "77", "symbol": "ETH_USDC_PERP", "side": "Bid",
    "price": "3826.15", "quantity": "0.0026", "fee": "-0.004974", "feeSymbol": "USDC", "isMaker": False,
    "systemOrderType": None, "timestamp": "2025-07-27T17:39:00.092",
}  # fmt: skip
_BACKPACK_FUNDING = {"symbol": "E", "quantity": "-0.0012", "intervalEndTimestamp": "2025-07-21T16:00:00"}
_BACKPACK_BANDS = backpack_frames.MARKET["filters"]["price"] | {
    "maxMultiplier": "1.25", "minMultiplier": "0.75",
    "meanMarkPriceBand": {"maxMultiplier": "1.1", "minMultiplier": "0.9"},
}  # fmt: skip
_BACKPACK_MARKET = backpack_frames.MARKET | {"filters": {**backpack_frames.MARKET["filters"], "price": _BACKPACK_BANDS}}
_BACKPACK_TICKER = {
    "e": "bookTicker", "E": 1754517402450016, "T": 1754517402449064, "s": "ETH_USDC", "a": "3667.50", "A": "0.4087",
    "b": "3667.49", "B": "0.0020", "u": "1328288557",
}  # fmt: skip

BACKPACK = (
    Decoder("order", _ORDER, lambda text: backpack.decode_order(parse_json(text))),
    Decoder("orders", [_ORDER], of_body(backpack.decode_orders)),
    Decoder("history", [_ENDED], of_body(backpack.decode_history)),
    Decoder("fills", [_BACKPACK_FILL], of_body(backpack_reads.decode_fills)),
    Decoder("funding", [_BACKPACK_FUNDING], of_body(lambda body: backpack_reads.decode_funding(body, "E"))),
    Decoder(
        "position",
        [{"symbol": "SOL_USDC_PERP", "netQuantity": "-0.5"}],
        of_body(lambda body: backpack_reads.decode_position(body, "SOL_USDC_PERP")),
    ),
    Decoder("account", {"futuresMakerFee": "2", "futuresTakerFee": "5"}, of_body(backpack_reads.decode_account)),
    Decoder("markets", [_BACKPACK_MARKET], of_body(backpack_reads.decode_markets)),
    Decoder("market", _BACKPACK_MARKET, of_body(backpack_reads.decode_market)),
    Decoder("time", 1763670000123, of_body(backpack_reads.decode_time_ms)),
    Decoder("status", {"status": "Ok", "message": None}, of_body(backpack_reads.decode_status)),
    Decoder("equity", {"netEquity": "100.5"}, of_body(backpack_reads.decode_net_equity)),
    Decoder("refusal", {"code": "INVALID_ORDER", "message": "no"}, of_body(backpack_error)),
    Decoder("order news", {"stream": "account.orderUpdate", "data": _CANCELLED}, backpack_news),
    Decoder("trade news", {"stream": "account.orderUpdate", "data": backpack_frames.FILLED}, backpack_news),
    Decoder(
        "position news",
        {"stream": "account.positionUpdate", "data": {"s": "SOL_USDC_PERP", "q": "-1.5"}},
        backpack_news,
    ),
    Decoder("touch", {"stream": "bookTicker.ETH_USDC", "data": _BACKPACK_TICKER}, backpack_news),
    Decoder("trouble", {"id": None, "error": {"code": 4005, "message": "Invalid market"}}, backpack_news),
)
