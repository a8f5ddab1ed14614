"""The messages of Lighter's socket. Pure, strict, typed.

A channel is written with "/" when it is asked for and with ":" when it answers; its first frame is
`subscribed/<channel>`, every further one `update/<channel>`. By-market maps may come as `{}`, as `[]`, or as null when
there is nothing in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.events import Fill
from exchanges.decoding import DecodeError, Fields, parse_fields, rows, shown
from exchanges.lighter.codec import Order, decode_order, decode_trade
from exchanges.lighter.codec_account import decode_position

ALREADY_SUBSCRIBED = 30003


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """`kind` is connected, ping, pong, shutdown, error, subscribed or update; `channel` as it was asked for, with "/".

    For an error, `code` and `text` say which.
    """

    kind: str
    channel: str
    fields: Fields
    code: int = 0
    text: str = ""


_PLAIN = ("connected", "ping", "pong", "shutdown")
_BY_CHANNEL = ("subscribed", "update")


def decode_frame(text: str | bytes) -> StreamFrame:
    fields = parse_fields(text, "frame")
    if fields.has("error"):
        error = fields.fields("error")
        return StreamFrame("error", "", fields, error.integer("code"), shown(error.text_or("message", "")))
    kind, _, name = fields.text("type").partition("/")
    if kind in _PLAIN and not name:
        return StreamFrame(kind, "", fields)
    if kind not in _BY_CHANNEL or not name:
        raise DecodeError(f"frame.type is the unknown word {shown(fields.text('type'))!r}")
    channel = fields.text("channel").replace(":", "/")
    if channel.partition("/")[0] != name:
        raise DecodeError(f"frame.channel {shown(channel)!r} does not fit its type")
    return StreamFrame(kind, channel, fields)


@dataclass(frozen=True, slots=True)
class BookChange:
    """Levels by price with their whole size, 0 for none. A change follows on the one whose `nonce` is its `begin`."""

    bids: Mapping[Decimal, Decimal]
    asks: Mapping[Decimal, Decimal]
    nonce: int
    begin: int


def decode_book(fields: Fields) -> BookChange:
    book = fields.fields("order_book")
    nonce, begin = book.integer("nonce"), book.integer("begin_nonce")
    if nonce < 0 or begin < 0:
        raise DecodeError("order_book: a negative nonce")
    return BookChange(_levels(book, "bids"), _levels(book, "asks"), nonce, begin)


def _levels(book: Fields, name: str) -> dict[Decimal, Decimal]:
    found = book.rows(name) if book.has(name) else []
    return {level.positive("price"): level.not_negative("size") for level in found}


def decode_order_news(fields: Fields, account: int) -> list[Order]:
    """Of `account_all_orders`: the orders that changed."""
    return [decode_order(row, account) for row in _by_market(fields, "orders")]


def decode_trade_news(fields: Fields, account: int) -> list[tuple[int, Fill]]:
    """Of `account_all_trades`: the trades that happened, with their markets."""
    return [trade for row in _by_market(fields, "trades") for trade in decode_trade(row, account)]


def decode_position_news(fields: Fields) -> dict[int, Decimal]:
    """Of `account_all_positions`: signed quantities by market. A market that is missing has not changed, or is flat:
    that is not told apart here."""
    value = fields.values.get("positions")
    if value is None or value == []:
        return {}
    found = Fields.of(value, "positions")
    return dict(decode_position(Fields.of(row, f"positions.{market}")) for market, row in found.values.items())


def _by_market(fields: Fields, name: str) -> list[Fields]:
    """The rows of all markets, in the order they came."""
    value = fields.values.get(name)
    if value is None or value == []:
        return []
    by_market = Fields.of(value, name)
    return [row for market, listed in by_market.values.items() for row in rows(listed, f"{name}.{market}")]
