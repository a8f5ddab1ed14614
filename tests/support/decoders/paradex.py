"""The decoders of paradex, each with a message."""

from __future__ import annotations

from collections.abc import Callable

from exchanges.decoding import Fields
from exchanges.paradex import codec as paradex
from exchanges.paradex import codec_account as paradex_account
from exchanges.paradex import codec_stream as paradex_stream
from tests.exchanges.paradex import test_paradex_codec as paradex_frames
from tests.exchanges.paradex.test_paradex_codec_account import MARKET as PARADEX_MARKET
from tests.support.decoders.base import Decoder, Read, of_body, of_fields, refused


def paradex_order(fields: Fields) -> object:
    order = paradex.decode_order(fields)
    return order, order.update(5)


def paradex_market(body: bytes) -> object:
    market = paradex_account.decode_market(body, "BTC-USD-PERP")
    return market, None if market is None else market.rules("BTC"), paradex_account.decode_listing(body)


def paradex_page(decode: Callable[[Fields], object]) -> Read:
    return of_body(lambda body: paradex.decode_page(body, "page", decode))


def paradex_error(body: bytes) -> object:
    error = paradex.decode_error(400, body)
    return error, error.rejects_token, error.says_unknown_order, refused(paradex.refusal(error))


def paradex_news(text: str) -> object:
    message = paradex_stream.decode_message(text)
    if not isinstance(message, paradex_stream.Data):
        return message
    return message.channel, paradex.decode_fill(message.fields)


def page(row: object) -> dict[str, object]:
    return {"next": "abc", "prev": None, "results": [row]}


_SYSTEM = {"starknet_chain_id": "PRIVATE_SN_POTC_SEPOLIA", "paraclear_account_hash": "0x41c",
           "paraclear_account_proxy_hash": "0x353", "paraclear_decimals": 8}  # fmt: skip
_BBO = {"market": "BTC-USD-PERP", "seq_no": 20784, "bid": "30112.22", "bid_size": "0.04", "ask": "30112.3",
        "ask_size": "1", "last_updated_at": 1681493939981}  # fmt: skip
_PAID = {"id": "f1", "payment": "-1.25", "created_at": 1681493746020}
_VALUE = {"account_value": "1000.5", "free_collateral": "900", "status": "ACTIVE"}
_ENDED = paradex_frames.ORDER | {"status": "CLOSED", "remaining_size": "0.03", "cancel_reason": "USER_CANCELED"}
_SUBSCRIBED = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": "fills", "data": paradex_frames.FILL}}
_REFUSED = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "invalid", "data": "channel"}}

PARADEX = (
    Decoder("listing", {"results": [PARADEX_MARKET]}, of_body(paradex_market)),
    Decoder("quote", _BBO, of_fields(paradex_account.decode_bbo)),
    Decoder("system", _SYSTEM, of_body(paradex_account.decode_system_config)),
    Decoder("time", {"server_time": "1710956478221"}, of_body(paradex_account.decode_time_ms)),
    Decoder("state", {"status": "maintenance"}, of_body(paradex_account.decode_system_state)),
    Decoder("login", {"jwt_token": "eyJhbGciOi.x.y"}, of_body(paradex_account.decode_token)),
    Decoder("funding", page(_PAID), paradex_page(paradex_account.decode_funding)),
    Decoder("account", _VALUE, of_body(paradex_account.decode_account)),
    Decoder("new order", paradex_frames.ORDER, of_fields(paradex_order)),
    Decoder("ended orders", page(_ENDED), paradex_page(paradex_order)),
    Decoder("fills", page(paradex_frames.FILL), paradex_page(paradex.decode_fill)),
    Decoder("position", paradex_frames.POSITION, of_fields(paradex.decode_position)),
    Decoder(
        "positions",
        {"results": [paradex_frames.POSITION]},
        of_body(lambda body: paradex.decode_position_in(body, "BTC-USD-PERP")),
    ),
    Decoder("refusal", {"error": "ORDER_IS_CLOSED", "message": "no", "data": None}, of_body(paradex_error)),
    Decoder("news", _SUBSCRIBED, paradex_news),
    Decoder("acknowledgement", {"jsonrpc": "2.0", "id": 0, "result": {"node_id": "n"}}, paradex_news),
    Decoder("trouble", _REFUSED, paradex_news),
)
