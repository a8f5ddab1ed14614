"""Aster's wire format on its sockets. Pure, strict, typed; the vocabulary is that of `exchanges.aster.codec`.

One message becomes one value of `Message`. Messages of kinds that nobody here needs become `Ignored`; whatever does not
fit raises `DecodeError`. The private stream may arrive out of order: totals make that harmless for orders, and account
messages carry the venue's time to be ordered by.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from domain.events import OrderUpdate
from domain.orders import OrderFact, OrderStatus
from exchanges.aster.codec import (
    POSITION_SIDES,
    SIDES,
    STATES,
    Trade,
    client_id_of,
    ended_state,
    is_forced_id,
    milliseconds,
    positive_integer,
)
from exchanges.aster.codec_market import BookTicker
from exchanges.decoding import DecodeError, Fields, parse_fields, shown

_EXECUTIONS = ("NEW", "CANCELED", "CALCULATED", "EXPIRED", "REJECTED", "TRADE")
"""What happened to an order. CALCULATED is a liquidation, which is a trade where it carries a trade's id."""
_FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}


def subscription(stream: str, number: int) -> str:
    """Asks for one more stream on an open socket."""
    return json.dumps({"method": "SUBSCRIBE", "params": [stream], "id": number}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class OrderNews:
    """What happened to one order, with the trade that it was, if any."""

    symbol: str
    client_id: int | None
    order_id: str
    fact: OrderFact
    filled: Decimal
    quantity: Decimal
    reason: str
    is_forced: bool
    trade: Trade | None

    def update(self, at_ns: int, quantity: Decimal | None) -> OrderUpdate:
        """`quantity`: the order's, where the venue has changed it."""
        return OrderUpdate(at_ns, self.client_id, self.fact, self.order_id, self.filled, quantity, self.reason)


@dataclass(frozen=True, slots=True)
class PositionNews:
    """Signed net position in one market."""

    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class AccountNews:
    """Positions that changed. `is_funding`: a funding payment was booked; its amount is in the income history."""

    venue_ms: int
    is_funding: bool
    positions: tuple[PositionNews, ...]


@dataclass(frozen=True, slots=True)
class Beat:
    """Data that prove the socket lives, and tell nothing of the touch."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The subscription of this number was taken."""

    number: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """The venue refuses something that was said on the socket."""

    text: str


@dataclass(frozen=True, slots=True)
class ListenKeyExpired:
    """Nothing more will come on this socket, which stays open."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message of a kind that tells nothing the bot needs."""

    kind: str


Message = OrderNews | AccountNews | BookTicker | Beat | Acknowledged | Trouble | ListenKeyExpired | Ignored


def decode_message(text: str | bytes) -> Message:
    fields = parse_fields(text, "message")
    if not fields.has("e"):
        return _decode_reply(fields)
    kind = fields.text("e")
    match kind:
        case "ORDER_TRADE_UPDATE":
            return _decode_order(Fields.of(fields.raw("o"), "order"))
        case "ACCOUNT_UPDATE":
            return _decode_account(fields)
        case "bookTicker":
            return _decode_book_ticker(fields)
        case "markPriceUpdate":
            fields.positive("p")
            return Beat(fields.text("s"))
        case "listenKeyExpired":
            return ListenKeyExpired()
        case _:
            return Ignored(shown(kind))


def _decode_reply(fields: Fields) -> Message:
    if fields.has("code"):
        return Trouble(shown(fields.text_or("msg", "")) or f"error {fields.integer('code')}")
    if fields.has("error"):
        return Trouble("the exchange answered with an error")
    if "result" not in fields.values or fields.has("result"):
        raise DecodeError("a message is neither data nor an acknowledgement")
    return Acknowledged(fields.integer("id"))


def _decode_order(order: Fields) -> OrderNews:
    filled, quantity = order.not_negative("z"), order.not_negative("q")
    if filled > quantity:
        raise DecodeError(f"{order.where}: filled {filled} of {quantity}")
    state, reason = ended_state(order.choice("X", STATES), order.text("f"), filled)
    client_text = order.text("c")
    is_forced = is_forced_id(client_text)
    trade = _decode_trade(order) if _is_trade(order) else None
    if trade is not None and trade.quantity > filled:
        raise DecodeError(f"{order.where}: a trade of {trade.quantity}, with {filled} filled in all")
    return OrderNews(
        symbol=order.text("s"),
        client_id=client_id_of(client_text),
        order_id=str(positive_integer(order, "i")),
        fact=_FACTS[state],
        filled=filled,
        quantity=quantity,
        reason=reason,
        is_forced=is_forced,
        trade=trade,
    )


def _is_trade(order: Fields) -> bool:
    execution = order.text("x")
    if execution not in _EXECUTIONS:
        raise DecodeError(f"{order.where}.x is the unknown word {shown(execution)!r}")
    return execution == "TRADE" or (execution == "CALCULATED" and order.integer("t") > 0)


def _decode_trade(order: Fields) -> Trade:
    """Without a fee the venue leaves its fields out."""
    return Trade(
        symbol=order.text("s"),
        trade_id=str(positive_integer(order, "t")),
        order_id=str(positive_integer(order, "i")),
        side=order.choice("S", SIDES),
        price=order.positive("L"),
        quantity=order.positive("l"),
        commission=order.decimal("n") if order.has("N") or order.has("n") else Decimal(0),
        commission_asset=order.text("N") if order.has("N") or order.has("n") else "",
        is_maker=order.boolean("m"),
        venue_ns=milliseconds(order, "T") * 1_000_000,
    )


def _decode_account(fields: Fields) -> AccountNews:
    account = Fields.of(fields.raw("a"), "account")
    positions = []
    for row in account.rows("P") if account.has("P") else []:
        symbol, quantity = row.text("s"), row.decimal("pa")
        if row.choice("ps", POSITION_SIDES) and quantity:
            raise DecodeError(f"a position of {shown(symbol)} is held in hedge mode")
        if not POSITION_SIDES[row.text("ps")]:
            positions.append(PositionNews(symbol, quantity))
    return AccountNews(milliseconds(fields, "T"), account.text("m") == "FUNDING_FEE", tuple(positions))


def _decode_book_ticker(fields: Fields) -> BookTicker:
    return BookTicker(
        fields.text("s"),
        fields.positive("b"),
        fields.not_negative("B"),
        fields.positive("a"),
        fields.not_negative("A"),
        positive_integer(fields, "u"),
    )
