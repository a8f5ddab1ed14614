"""The decoders of lighter, each with a message."""

from __future__ import annotations

from exchanges.lighter import codec as lighter
from exchanges.lighter import codec_account as lighter_account
from exchanges.lighter import codec_stream as lighter_stream
from tests.exchanges.lighter import test_lighter_codec as lighter_frames
from tests.support.decoders.base import AND_REFUSALS, Decoder, of_body

_ACCOUNT = lighter_frames.ACCOUNT
_MARKET = lighter_frames.MARKET | {"market_id": 1, "maker_fee": "0.0001", "taker_fee": "0.0002"}
_ORDER = lighter_frames.ORDER | {
    "client_order_index": 99, "market_index": 1, "filled_base_amount": "16.0386", "remaining_base_amount": "20.0000",
}  # fmt: skip
_TRADE = lighter_frames.TRADE | {"market_id": 1}
_POSITION = lighter_frames.POSITION | {"market_id": 1}


def lighter_news(text: str) -> object:
    frame = lighter_stream.decode_frame(text)
    name = frame.channel.partition("/")[0]
    if name == "order_book":
        return frame.kind, lighter_stream.decode_book(frame.fields)
    if name == "account_all_orders":
        return frame.kind, lighter_stream.decode_order_news(frame.fields, _ACCOUNT)
    if name == "account_all_trades":
        return frame.kind, lighter_stream.decode_trade_news(frame.fields, _ACCOUNT)
    if name == "account_all_positions":
        return frame.kind, lighter_stream.decode_position_news(frame.fields)
    return frame.kind, frame.channel, frame.code, frame.text


def lighter_markets(body: bytes) -> object:
    return [(market, market.rules("ETH")) for market in lighter.decode_markets(body)]


def ok(**fields: object) -> dict[str, object]:
    return {"code": 200, **fields}


def update(name: str, of: str, value: object) -> dict[str, object]:
    return {"type": f"update/{name}", "channel": f"{name}:{_ACCOUNT}", of: {"0": value}}


_HELD = {"index": _ACCOUNT, "collateral": "5000.5", "available_balance": "4000", "positions": [_POSITION]}
_FUNDED = {"timestamp": 1773850000, "market_id": 1, "funding_id": 2001, "change": "-0.001", "rate": "0.0001"}
_KEY = {"api_key_index": 5, "public_key": "0xAB"}
_BOOK = lighter_frames.BOOK["order_book"] | {"bids": [{"price": "2979.60", "size": "0.5"}], "begin_nonce": 3107818664}

LIGHTER = (
    Decoder("markets", ok(order_book_details=[_MARKET]), of_body(lighter_markets), errors=AND_REFUSALS),
    Decoder(
        "orders",
        ok(orders=[_ORDER], next_cursor="abc"),
        of_body(lambda body: lighter.decode_orders(body, _ACCOUNT)),
        errors=AND_REFUSALS,
    ),
    Decoder(
        "trades",
        ok(trades=[_TRADE], next_cursor="abc"),
        of_body(lambda body: lighter.decode_trades(body, _ACCOUNT)),
        errors=AND_REFUSALS,
    ),
    Decoder("account", ok(accounts=[_HELD]), of_body(lighter_account.decode_account), errors=AND_REFUSALS),
    Decoder(
        "keys",
        ok(api_keys=[_KEY]),
        of_body(lambda body: lighter_account.decode_public_key(body, 5)),
        errors=AND_REFUSALS,
    ),
    Decoder("nonce", ok(nonce=722), of_body(lighter_account.decode_nonce), errors=AND_REFUSALS),
    Decoder("time", {"status": 200, "timestamp": 1763005601}, of_body(lighter_account.decode_time_s)),
    Decoder(
        "funding",
        ok(position_fundings=[_FUNDED], next_cursor="n"),
        of_body(lighter_account.decode_funding),
        errors=AND_REFUSALS,
    ),
    Decoder("sent", ok(message="", tx_hash="99ab"), of_body(lighter.decode_sent), errors=AND_REFUSALS),
    Decoder("transaction", ok(status=2, event_info="x"), of_body(lighter.decode_tx), errors=AND_REFUSALS),
    Decoder("refusal", {"code": 21739, "message": "not enough"}, of_body(lighter.decode_sent), errors=AND_REFUSALS),
    Decoder("book", lighter_frames.BOOK | {"order_book": _BOOK}, lighter_news),
    Decoder("order news", update("account_all_orders", "orders", [_ORDER]), lighter_news),
    Decoder("trade news", update("account_all_trades", "trades", [_TRADE]), lighter_news),
    Decoder("position news", update("account_all_positions", "positions", _POSITION), lighter_news),
    Decoder("connected", {"type": "connected", "session_id": "8d35"}, lighter_news),
    Decoder("trouble", {"error": {"code": 30005, "message": "Invalid Channel"}}, lighter_news),
)
