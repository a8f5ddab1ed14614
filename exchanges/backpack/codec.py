"""Backpack's wire format: what a message means in the terms of the domain. Pure, strict, typed.

Numbers are decimal strings; sides are `Bid` and `Ask`; a client id is an unsigned 32-bit integer, which the fill
history writes as a string. The order type is `Limit` in REST and `LIMIT` on the stream. Everything that does not fit
raises `DecodeError`; a refusal by the venue raises an error of the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.backpack.facts import QUOTE_ASSET
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_fields, parse_json, rows, shown, wire_decimal
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused

Parameters = dict[str, str | int | bool]

SIDES = {"Bid": Side.BUY, "Ask": Side.SELL}
_SIDE_WORDS = {side: word for word, side in SIDES.items()}
_STATES = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.OPEN,
    "TriggerPending": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerFailed": OrderStatus.REFUSED,
}
_EVENTS = (
    "orderAccepted", "orderFill", "orderModified", "orderCancelled", "orderExpired", "triggerPlaced", "triggerFailed",
)  # fmt: skip
_FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}
_ORIGINS = {
    "USER": False,
    "LIQUIDATION_AUTOCLOSE": True,
    "ADL_AUTOCLOSE": True,
    "COLLATERAL_CONVERSION": True,
    "SETTLEMENT_AUTOCLOSE": True,
    "BACKSTOP_LIQUIDITY_PROVIDER": True,
}
"""Who made an order; True: the venue itself."""
_REASONS = {
    "INSUFFICIENT_MARGIN": "insufficient_margin",
    "INSUFFICIENT_FUNDS": "insufficient_margin",
    "MAX_LEVERAGE_REACHED": "insufficient_margin",
    "INVALID_PRICE": "bad_price",
    "INVALID_QUANTITY": "bad_quantity",
    "ORDER_LIMIT": "too_many_orders",
    "POSITION_LIMIT": "position_limit",
    "RESOURCE_NOT_FOUND": "unknown_order",
    "TRADING_PAUSED": "trading_paused",
    "MAINTENANCE": "maintenance",
    "TOO_MANY_REQUESTS": "rate_limited",
}
_KEY_TROUBLE = {
    "UNAUTHORIZED": "the exchange does not know this API key",
    "FORBIDDEN": "this API key may not do that",
    "INVALID_SIGNATURE": "the exchange rejects the signature",
    "ACCOUNT_DEACTIVATED": "the account is deactivated",
    "INVALID_TWO_FACTOR_CODE": "this API key needs a second factor",
}
_MAYBE_LATE = ("INVALID_CLIENT_REQUEST", "INVALID_SIGNATURE", "TOO_EARLY")
"""Which of these a request gets whose time is off is not known: the text beside it tells."""
_EXPONENT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}", re.ASCII)
POST_ONLY_WOULD_CROSS = "post_only_would_cross"
BAD_TIMESTAMP = "bad_timestamp"
DUPLICATE_CLIENT_ID = "duplicate_client_id"
_REASON_WORDS = {"postonlytaker": POST_ONLY_WOULD_CROSS, "reduceonlynotreduced": "reduce_only"}


# --- requests -------------------------------------------------------------------------------------------------------


def order_parameters(symbol: str, request: OrderRequest) -> Parameters:
    """The body of `POST /api/v1/order`, as it is signed."""
    parameters: Parameters = {
        "symbol": symbol,
        "side": _SIDE_WORDS[request.side],
        "orderType": "Market" if request.price is None else "Limit",
        "quantity": wire_decimal(request.quantity),
        "clientId": request.client_id,
    }
    if request.price is not None:
        parameters["price"] = wire_decimal(request.price)
        parameters["timeInForce"] = "GTC"
        parameters["postOnly"] = request.post_only
    if request.reduce_only:
        parameters["reduceOnly"] = True
    return parameters


def order_reference(symbol: str, client_id: int, order_id: str | None) -> Parameters:
    """How a query or a cancel names an order: by the venue's id where it is known."""
    reference: Parameters = {"symbol": symbol}
    if order_id is None:
        reference["clientId"] = client_id
    else:
        reference["orderId"] = order_id
    return reference


# --- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenueError:
    """`code` of the venue's list; `message` is its text, made safe to show."""

    code: str
    message: str


def decode_error(body: bytes) -> VenueError:
    fields = parse_fields(body, "error")
    return VenueError(fields.text("code"), shown(fields.text_or("message", "")))


def refusal(error: VenueError) -> Exception:
    """What a 4xx lets the caller conclude."""
    text = error.message.lower()
    if error.code in _MAYBE_LATE and any(word in text for word in ("timestamp", "window", "expired")):
        return Refused(BAD_TIMESTAMP, "the exchange finds the time of the request too far off")
    if error.code in _KEY_TROUBLE:
        return Misconfigured(f"{_KEY_TROUBLE[error.code]}; check BACKPACK_PUBLIC_KEY and BACKPACK_SECRET_KEY")
    if "duplicate" in text or "already exist" in text or "client id" in text or "clientid" in text:
        # An order of this id is there, and it may be the one meant: only asking by id tells.
        return OutcomeUnknown(f"the exchange has an order with this client id ({error.code})")
    if "immediately match" in text:
        return Refused(POST_ONLY_WOULD_CROSS, error.message)
    if error.code == "TIMEOUT":
        return OutcomeUnknown("the exchange timed out inside")
    return Refused(_REASONS.get(error.code, error.code.lower()), error.message or error.code)


# --- orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order as REST tells it."""

    symbol: str
    info: OrderInfo


def decode_order(value: object, where: str = "order") -> PlacedOrder:
    """A live or ended order. Trigger orders, which are never ours, carry their quantity elsewhere."""
    fields = Fields.of(value, where)
    executed = fields.not_negative("executedQuantity")
    name = "quantity" if fields.has("quantity") else "triggerQuantity"
    state = fields.choice("status", _STATES)
    size = executed if state is OrderStatus.FILLED and not fields.has(name) else fields.positive(name)
    if executed > size:
        raise DecodeError(f"{where}: executed {executed} of {size}")
    reason = shown(fields.text_or("expiryReason", ""))
    info = OrderInfo(
        order_id=fields.text("id"),
        side=fields.choice("side", SIDES),
        size=size,
        price=(fields.not_negative("price") or None) if fields.has("price") else None,
        status=_ended_state(state, executed, reason),
        filled_size=executed,
        remaining_size=size - executed,
        cancel_reason=_reason_word(reason),
        client_id=client_id_of(fields, "clientId"),
    )
    return PlacedOrder(fields.text("symbol"), info)


def decode_orders(body: bytes) -> list[PlacedOrder]:
    return [decode_order(row.values, row.where) for row in rows(parse_json(body), "orders")]


@dataclass(frozen=True, slots=True)
class EndedOrder:
    """An order of the history, and when it was created."""

    order: PlacedOrder
    created_ns: int


def decode_history(body: bytes) -> list[EndedOrder]:
    """A page of ended orders. Each row must have a client id, be it null: without, absence would prove nothing."""
    return [_ended_order(row) for row in rows(parse_json(body), "history")]


def _ended_order(row: Fields) -> EndedOrder:
    if "clientId" not in row.values:
        raise DecodeError(f"{row.where}.clientId is missing")
    return EndedOrder(decode_order(row.values, row.where), iso_ns(row, "createdAt"))


def iso_ns(row: Fields, name: str) -> int:
    """A UTC time without a zone, to the millisecond."""
    text = row.text(name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DecodeError(f"{row.where}.{name} is no time") from None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def client_id_of(fields: Fields, name: str) -> int | None:
    number = fields.integer_or_none(name)
    if number is not None and not 0 <= number < 1 << 32:
        raise DecodeError(f"{fields.where}.{name} is out of range")
    return number


def _ended_state(state: OrderStatus, executed: Decimal, reason: str) -> OrderStatus:
    """A post-only order that crossed in the engine has expired in the venue's words, and was never in the book."""
    is_refused = state is OrderStatus.EXPIRED and not executed and _reason_word(reason) == POST_ONLY_WOULD_CROSS
    return OrderStatus.REFUSED if is_refused else state


def _reason_word(reason: str) -> str:
    """Expiry reasons are compared loosely: they are spelled in two ways."""
    return _REASON_WORDS.get(reason.replace("_", "").lower(), reason)


# --- the private stream ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderNews:
    """One message of `account.orderUpdate`. `fill` has `at_ns` 0 until the client dates it."""

    symbol: str
    client_id: int | None
    fact: OrderFact
    order_id: str
    filled: Decimal
    quantity: Decimal | None
    reason: str
    fill: Fill | None
    is_forced: bool

    def events(self, at_ns: int) -> tuple[Fill | OrderUpdate, ...]:
        """What the bot is told; a fill before the total that it explains."""
        client_id = None if self.is_forced else self.client_id
        update = OrderUpdate(at_ns, client_id, self.fact, self.order_id, self.filled, self.quantity, self.reason)
        if self.fill is None:
            return (update,)
        fill = self.fill
        dated = Fill(
            at_ns, fill.client_id, fill.order_id, fill.trade_id, fill.side, fill.price, fill.quantity, fill.fee,
            fill.liquidity, fill.venue_ns, fill.forced,
        )  # fmt: skip
        return (dated, update)


def decode_order_update(data: Fields) -> OrderNews:
    event = data.text("e")
    if event not in _EVENTS:
        raise DecodeError(f"{data.where}.e is the unknown word {shown(event)!r}")
    reason = shown(data.text_or("R", "")) if data.has("R") else ""
    filled = data.not_negative("z")
    state = _ended_state(data.choice("X", _STATES), filled, reason)
    quantity = data.positive("q") if data.has("q") else None
    if quantity is not None and filled > quantity:
        raise DecodeError(f"{data.where}: filled {filled} of {quantity}")
    if quantity is None and not event.startswith("trigger"):
        raise DecodeError(f"{data.where}.q is missing")
    is_forced = data.choice("O", _ORIGINS) if data.has("O") else False
    client_id = client_id_of(data, "c")
    order_id = data.text("i")
    fill = _fill(data, None if is_forced else client_id, order_id, is_forced) if event == "orderFill" else None
    if fill is not None and fill.quantity > filled:
        raise DecodeError(f"{data.where}: a trade of {fill.quantity}, with {filled} filled in all")
    return OrderNews(
        symbol=data.text("s"),
        client_id=client_id,
        fact=_FACTS[state],
        order_id=order_id,
        filled=filled,
        quantity=quantity if event == "orderModified" else None,
        reason=_reason_word(reason),
        fill=fill,
        is_forced=is_forced,
    )


def _fill(data: Fields, client_id: int | None, order_id: str, is_forced: bool) -> Fill:
    check_fee_asset(data, "N")
    return Fill(
        at_ns=0,
        client_id=client_id,
        order_id=order_id,
        trade_id=str(data.integer("t")),
        side=data.choice("S", SIDES),
        price=data.positive("L"),
        quantity=data.positive("l"),
        fee=data.decimal("n"),
        liquidity=Liquidity.MAKER if data.boolean("m") else Liquidity.TAKER,
        venue_ns=_microseconds(data, "T"),
        forced=is_forced,
    )


def check_fee_asset(data: Fields, name: str) -> None:
    asset = data.text(name)
    if asset != QUOTE_ASSET:
        raise DecodeError(f"{data.where}.{name}: a fee in {shown(asset)} cannot be counted in {QUOTE_ASSET}")


def decode_position_update(data: Fields) -> tuple[str, Decimal]:
    """Symbol and signed net quantity. Numbers come as text or as JSON numbers; those may have an exponent, as whoever
    writes small ones gives them: 0.00001 is 1e-5."""
    written = data.raw("q")
    is_bare = isinstance(written, str) and type(written) is not str and _EXPONENT.fullmatch(written) is not None
    return data.text("s"), Decimal(str(written)) if is_bare else data.decimal("q")


def _microseconds(data: Fields, name: str) -> int:
    value = data.integer(name)
    if not 0 < value < 1 << 53:
        raise DecodeError(f"{data.where}.{name} is no time")
    return value * 1_000


# --- the public stream ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and offer; `update_id` grows."""

    symbol: str
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    update_id: int


def decode_book_ticker(data: Fields) -> BookTicker:
    return BookTicker(
        data.text("s"),
        data.positive("b"),
        data.not_negative("B"),
        data.positive("a"),
        data.not_negative("A"),
        data.integer("u"),
    )


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """`stream` names it; `data` is the payload. An error frame has `error` instead."""

    stream: str
    data: Fields | None
    error: str


def decode_frame(text: str | bytes) -> StreamFrame:
    fields = parse_fields(text, "frame")
    if fields.has("error"):
        return StreamFrame("", None, shown(fields.raw("error")))
    stream = fields.text("stream")
    return StreamFrame(stream, Fields.of(fields.raw("data"), stream), "")
