"""Paradex's JSON: what a message means in the terms of the domain. Pure, strict, typed.

Numbers are decimal strings, times milliseconds, order ids 28 digits that stay text. An order is NEW when the API took
it, OPEN when it rests, CLOSED when it ended, however it ended: what is left of it and a reason tell how. Everything
that does not fit raises `DecodeError`; a refusal by the venue becomes an error of the tree. `codec_sbe` reads the same
things from binary frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_fields, shown, wire_decimal
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused
from exchanges.paradex.facts import (
    CLIENT_ID_PREFIX,
    FILL_SIDE_IS_OURS,
    MARKET_ORDER_INSTRUCTION,
    RECEIVE_WINDOW_MS,
    SETTLEMENT_CURRENCIES,
)

T = TypeVar("T")

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
SIDE_WORDS = {side: word for word, side in SIDES.items()}
LIQUIDITIES = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
ORDER_STATES = {
    "NEW": OrderStatus.PLANNED,
    "UNTRIGGERED": OrderStatus.OPEN,
    "OPEN": OrderStatus.OPEN,
    "CLOSED": OrderStatus.CANCELLED,
}
"""What a status word means before the rest of a closed order is looked at."""
FILL_TYPES = {
    "FILL": False,
    "RPI": False,
    "BLOCK_TRADE": False,
    "LIQUIDATION": True,
    "UNWIND_TRANSFER": True,
    "SETTLE_MARKET": True,
}
"""Kinds of trades; True: the venue itself made it."""
_POSITION_SIDES = {"LONG": 1, "SHORT": -1}
_POSITION_STATES = {"OPEN": True, "CLOSED": False}

POST_ONLY_WOULD_CROSS = "post_only_would_cross"
BAD_TIMESTAMP = "bad_timestamp"
TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a word
_REFUSING_REASONS = {
    "POST_ONLY_WOULD_CROSS": POST_ONLY_WOULD_CROSS,
    "NOT_ENOUGH_MARGIN": "insufficient_margin",
    "ORDER_EXCEEDS_POSITION_LIMIT": "position_limit",
}
"""Why an accepted order was closed without ever resting."""
_REFUSALS = {
    "INVALID_TIMESTAMP": BAD_TIMESTAMP,
    "ORDER_ID_NOT_FOUND": "unknown_order",
    "CLIENT_ORDER_ID_NOT_FOUND": "unknown_order",
    "ORDER_IS_CLOSED": "order_has_ended",
    "ORDER_IS_NOT_OPEN": "order_has_ended",
    "INVALID_ORDER_SIZE": "bad_quantity",
    "MARKET_NOT_OPEN": "trading_paused",
    "SYSTEM_STATUS_POST_ONLY": "venue_is_post_only",
    "SYSTEM_STATUS_CANCEL_ONLY": "venue_is_cancel_only",
    "MARKET_MARGIN_RESTRICTED": "insufficient_margin",
    "NOT_ENOUGH_MARGIN": "insufficient_margin",
}
_KEYS = "check PARADEX_L2_PRIVATE_KEY and PARADEX_NETWORK"
_NEEDS_A_PERSON = {
    "NOT_ONBOARDED": (
        "Paradex knows no account for this key; open it once in the web app with the wallet of PARADEX_L1_ADDRESS, "
        "then export the Paradex private key there"
    ),
    "STARKNET_SIGNATURE_VERIFICATION_FAILED": f"Paradex rejects the signature; {_KEYS}",
    "INVALID_STARKNET_SIGNATURE": f"Paradex rejects the signature; {_KEYS}",
    "INVALID_ORDER_SIGNATURE": f"Paradex rejects the signature of an order; {_KEYS}",
    "GEO_IP_BLOCK": "Paradex does not serve the country this machine's address belongs to",
    "IP_NOT_ALLOWED": "the account's allow-list at Paradex does not hold this machine's address",
}
_TOKEN_CODES = frozenset({"INVALID_TOKEN", "UNAUTHORIZED_ERROR", "UNAUTHORIZED"})
_UNKNOWN_ORDER_CODES = frozenset({"ORDER_ID_NOT_FOUND", "CLIENT_ORDER_ID_NOT_FOUND", "NOT_FOUND"})


# --- requests -------------------------------------------------------------------------------------------------------


def client_id_text(client_id: int) -> str:
    """Our number as it travels."""
    return f"{CLIENT_ID_PREFIX}{client_id}"


def client_id_of(text: str) -> int | None:
    """Our number in a client id; None for one that we did not make."""
    number = text.removeprefix(CLIENT_ID_PREFIX)
    is_ours = number != text and number.isascii() and number.isdigit() and len(number) < 20
    return int(number) if is_ours and str(int(number)) == number else None


@dataclass(frozen=True, slots=True)
class OrderWords:
    """The parts of an order that are signed, in the venue's words. `price` 0 at market."""

    market: str
    side: str
    order_type: str
    size: Decimal
    price: Decimal

    @classmethod
    def of(cls, market: str, request: OrderRequest) -> OrderWords:
        order_type = "MARKET" if request.price is None else "LIMIT"
        return cls(market, SIDE_WORDS[request.side], order_type, request.quantity, request.price or Decimal(0))


def order_body(market: str, request: OrderRequest, signature: str, timestamp_ms: int) -> bytes:
    """The body of `POST /orders`. Limit orders that are not post-only do not exist here: raises `ValueError`."""
    words = OrderWords.of(market, request)
    body: dict[str, object] = {
        "market": words.market,
        "side": words.side,
        "type": words.order_type,
        "size": wire_decimal(words.size),
        "instruction": MARKET_ORDER_INSTRUCTION,
        "client_id": client_id_text(request.client_id),
        "signature": signature,
        "signature_timestamp": timestamp_ms,
        "recv_window": RECEIVE_WINDOW_MS,
    }
    if request.price is not None:
        if not request.post_only:
            raise ValueError("a limit order that may take is never sent")
        body |= {"price": wire_decimal(words.price), "instruction": "POST_ONLY"}
    if request.reduce_only:
        body["flags"] = ["REDUCE_ONLY"]
    return json.dumps(body, separators=(",", ":")).encode()


# --- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenueError:
    """`code` of the venue's list; `message` is its text, made safe to show."""

    status: int
    code: str
    message: str

    @property
    def rejects_token(self) -> bool:
        """Whether a new login is what helps."""
        return self.status == 401 or self.code in _TOKEN_CODES

    @property
    def says_unknown_order(self) -> bool:
        return self.code in _UNKNOWN_ORDER_CODES


def decode_error(status: int, body: bytes) -> VenueError:
    """The body of a 4xx. A 401 needs none that can be read."""
    if status == 401 and not body.strip().startswith(b"{"):
        return VenueError(status, "UNAUTHORIZED", "")
    fields = parse_fields(body, "error")
    return VenueError(status, shown(fields.text("error")), shown(fields.text_or("message", "")))


def refusal(error: VenueError) -> Exception:
    """What a 4xx lets the caller conclude."""
    if error.code in _NEEDS_A_PERSON:
        return Misconfigured(_NEEDS_A_PERSON[error.code])
    if error.rejects_token:
        return Refused(TOKEN_REJECTED, "the exchange wants a new login")
    if error.code == "DUPLICATED_CLIENT_ID":
        # An order of this id is there, and it may be the one meant: only asking by id tells.
        return OutcomeUnknown("the exchange has an order with this client id")
    if error.code in ("SERVICE_UNAVAILABLE", "INTERNAL_ERROR"):
        return OutcomeUnknown(f"the exchange failed inside ({error.code})")
    return Refused(_REFUSALS.get(error.code, error.code.lower()), error.message or error.code)


# --- orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WireOrder:
    """An order as the venue tells it, by REST or on a stream, in text or in binary."""

    market: str
    info: OrderInfo

    def update(self, at_ns: int) -> OrderUpdate | None:
        """What the bot is told; None while the order is only accepted by the API, which says nothing new."""
        info = self.info
        if info.status is OrderStatus.PLANNED:
            return None
        fact = _FACTS[info.status]
        return OrderUpdate(at_ns, info.client_id, fact, info.order_id, info.filled_size, info.size, info.cancel_reason)


_FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}


def wire_order(
    *,
    where: str,
    market: str,
    order_id: str,
    client_id: str,
    side: Side,
    size: Decimal,
    remaining: Decimal,
    price: Decimal | None,
    state: OrderStatus,
    reason: str,
) -> WireOrder:
    """An order from its parts. Raises `DecodeError` where they contradict each other."""
    if not Decimal(0) <= remaining <= size or size <= 0:
        raise DecodeError(f"{where}: {remaining} left of {size}")
    filled = size - remaining
    if state is OrderStatus.CANCELLED:
        state = _how_it_closed(filled, remaining, reason)
    word = "" if state in (OrderStatus.FILLED, OrderStatus.PLANNED) else _REFUSING_REASONS.get(reason, reason.lower())
    info = OrderInfo(order_id, side, size, price, state, filled, remaining, word, client_id_of(client_id))
    return WireOrder(market, info)


def _how_it_closed(filled: Decimal, remaining: Decimal, reason: str) -> OrderStatus:
    """A filled order may carry a reason too: what is left is looked at first."""
    if not remaining:
        return OrderStatus.FILLED
    return OrderStatus.REFUSED if reason in _REFUSING_REASONS and not filled else OrderStatus.CANCELLED


def decode_order(fields: Fields) -> WireOrder:
    price = fields.not_negative("price") if fields.has("price") and fields.raw("price") != "" else Decimal(0)
    return wire_order(
        where=fields.where,
        market=fields.text("market"),
        order_id=fields.text("id"),
        client_id=fields.text_or("client_id", ""),
        side=fields.choice("side", SIDES),
        size=fields.positive("size"),
        remaining=fields.not_negative("remaining_size"),
        price=price or None,
        state=fields.choice("status", ORDER_STATES),
        reason=shown(fields.text_or("cancel_reason", "")),
    )


# --- fills ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WireFill:
    """A trade of the account. `fill` has `at_ns` 0 until the client dates it."""

    market: str
    fill: Fill


def wire_fill(
    *,
    where: str,
    market: str,
    fill_id: str,
    order_id: str,
    client_id: str,
    side: Side,
    liquidity: Liquidity,
    price: Decimal,
    size: Decimal,
    fee: Decimal,
    fee_currency: str,
    forced: bool,
    venue_ns: int,
) -> WireFill:
    """A fill from its parts. Raises `DecodeError` for a fee that cannot be booked."""
    if fee_currency not in SETTLEMENT_CURRENCIES:
        raise DecodeError(f"{where}: a fee in {shown(fee_currency)!r} cannot be counted")
    if not FILL_SIDE_IS_OURS and liquidity is Liquidity.MAKER:
        side = side.opposite
    ours = None if forced else client_id_of(client_id)
    fill = Fill(0, ours, order_id, fill_id, side, price, size, fee, liquidity, venue_ns, forced)
    return WireFill(market, fill)


def decode_fill(fields: Fields) -> WireFill:
    return wire_fill(
        where=fields.where,
        market=fields.text("market"),
        fill_id=fields.text("id"),
        order_id=fields.text("order_id", empty=True),
        client_id=fields.text_or("client_id", ""),
        side=fields.choice("side", SIDES),
        liquidity=fields.choice("liquidity", LIQUIDITIES),
        price=fields.positive("price"),
        size=fields.positive("size"),
        fee=fields.decimal("fee"),
        fee_currency=fields.text("fee_currency"),
        forced=fields.choice("fill_type", FILL_TYPES),
        venue_ns=milliseconds(fields, "created_at") * 1_000_000,
    )


def milliseconds(fields: Fields, name: str) -> int:
    """A time in milliseconds since the epoch."""
    value = fields.integer(name)
    if not 0 < value < 1 << 53:
        raise DecodeError(f"{fields.where}.{name} is no time")
    return value


# --- positions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WirePosition:
    """`quantity` is signed; 0 for a closed one."""

    market: str
    quantity: Decimal


def decode_position(fields: Fields) -> WirePosition:
    """The side gives the sign; a size with a sign of its own must agree with it."""
    market, sign = fields.text("market"), fields.choice("side", _POSITION_SIDES)
    size = fields.decimal("size")
    if not fields.choice("status", _POSITION_STATES):
        return WirePosition(market, Decimal(0))
    if size < 0 < sign:
        raise DecodeError(f"{fields.where}: a long position of {size}")
    return WirePosition(market, abs(size) * sign)


def decode_position_in(body: bytes, market: str) -> Decimal:
    """Signed net quantity in one market of a list; no row is a flat position. How others are written does not
    matter."""
    rows = parse_fields(body, "positions").rows("results")
    found = [decode_position(row).quantity for row in rows if row.text("market") == market]
    quantities = [quantity for quantity in found if quantity]
    if len(quantities) > 1:
        raise DecodeError(f"positions: {shown(market)} comes more than once")
    return quantities[0] if quantities else Decimal(0)


# --- pages ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a history; `cursor` leads to the next one, if there is one."""

    rows: tuple[T, ...]
    cursor: str | None


def decode_page(body: bytes, where: str, decode: Callable[[Fields], T]) -> Page[T]:
    fields = parse_fields(body, where)
    return Page(tuple(decode(row) for row in fields.rows("results")), fields.text_or("next", "") or None)
