"""Aster's wire format in REST: what an answer means in the terms of the domain. Pure, strict, typed.

Numbers are decimal strings, ids and times (milliseconds) JSON integers. A client id is text on the wire; ours are plain
decimal numbers, and any other text is somebody else's order. Whatever does not fit raises `DecodeError`; a refusal by
the venue raises an error of the tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from domain.events import Fill, Liquidity
from domain.market import Side
from domain.orders import OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_json, rows, shown, wire_decimal
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused

Parameters = dict[str, str]

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_SIDE_WORDS = {side: word for word, side in SIDES.items()}
STATES = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REFUSED,
    "EXPIRED": OrderStatus.EXPIRED,
    "NEW_INSURANCE": OrderStatus.FILLED,
    "NEW_ADL": OrderStatus.FILLED,
}
"""The last two are orders of the venue itself, in a liquidation or when it reduces a winner's position."""
POSITION_SIDES = {"BOTH": False, "LONG": True, "SHORT": True}
"""True: the account holds long and short positions apart (hedge mode)."""
POST_ONLY = "GTX"
POST_ONLY_WOULD_CROSS = "post_only_would_cross"
BAD_TIMESTAMP = "bad_timestamp"
UNKNOWN_ORDER = "unknown_order"
UNKNOWN_LISTEN_KEY = "unknown_listen_key"

_OUR_CLIENT_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_FORCED_CLIENT_IDS = ("autoclose-", "adl_autoclose")
_LATEST_MS = 1 << 53
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{20,}", re.ASCII)
"""A key, an address or a signature, if a text of the venue should echo one."""
_REASONS = {
    -1003: "rate_limited",
    -1015: "rate_limited",
    -1021: BAD_TIMESTAMP,
    -4225: BAD_TIMESTAMP,
    -1111: "bad_precision",
    -2011: UNKNOWN_ORDER,
    -2013: UNKNOWN_ORDER,
    -2018: "insufficient_margin",
    -2019: "insufficient_margin",
    -2027: "insufficient_margin",
    -4118: "insufficient_margin",
    -2022: "reduce_only_would_not_reduce",
    -2025: "too_many_orders",
    -4004: "bad_quantity",
    -4005: "bad_quantity",
    -4023: "bad_quantity",
    -4014: "bad_price",
    -4016: "bad_price",
    -4024: "bad_price",
    -5060: "bad_price",
    -4164: "below_notional",
    -5076: "below_notional",
    -4015: "bad_client_id",
    -1125: UNKNOWN_LISTEN_KEY,
    -5022: POST_ONLY_WOULD_CROSS,
}
RULES_REASONS = frozenset({"bad_precision", "bad_quantity", "bad_price", "below_notional"})
"""Refusals after which tick, step and minimums should be read again."""
_UNKNOWN_OUTCOME = (-1000, -1001, -1006, -1007)
_KEY_TROUBLE = {
    -1022: "the exchange rejects the signature",
    -2014: "the exchange does not know the form of this API key",
    -2015: "the exchange does not know this API key, or it may not trade from here",
}
_KEY_ADVICE = "check the ASTER_ keys and that the API wallet is approved and may trade perpetuals"
_DUPLICATE_CLIENT_ID = -4116
_HEDGE_CODES = (-4061, -4062)
HEDGE_MODE = "the account is in hedge mode: set the position mode to one-way in Aster's futures preferences, then start"


# --- requests -------------------------------------------------------------------------------------------------------


def order_parameters(symbol: str, request: OrderRequest) -> Parameters:
    """The body of a new order. RESULT asks for the state after matching, so that a crossing is known at once."""
    parameters = {
        "symbol": symbol,
        "side": _SIDE_WORDS[request.side],
        "type": "MARKET" if request.price is None else "LIMIT",
        "quantity": wire_decimal(request.quantity),
    }
    if request.price is not None:
        parameters["timeInForce"] = POST_ONLY
        parameters["price"] = wire_decimal(request.price)
    if request.reduce_only:
        parameters["reduceOnly"] = "true"
    parameters["newClientOrderId"] = str(request.client_id)
    parameters["newOrderRespType"] = "RESULT"
    return parameters


def order_reference(symbol: str, client_id: int, order_id: str | None) -> Parameters:
    """How a query or a cancel names an order: by the venue's id where it is known."""
    if order_id is None:
        return {"symbol": symbol, "origClientOrderId": str(client_id)}
    return {"symbol": symbol, "orderId": order_id}


# --- answers and refusals -------------------------------------------------------------------------------------------


def answer(status: int, body: bytes) -> object:
    """The parsed body of a success. Raises what a refusal means: some come with status 200."""
    value = parse_json(body)
    if isinstance(value, dict) and value.get("code") is not None:
        fields = Fields(value, "answer")
        code = fields.integer("code")
        if code != 200:
            raise refusal(code, fields.text_or("msg", ""))
    if status >= 400:
        raise DecodeError(f"an answer of status {status} says no reason")
    return value


def refusal(code: int, message: str) -> Exception:
    """What an error code lets the caller conclude."""
    text = message.lower()
    if code in _KEY_TROUBLE:
        return Misconfigured(f"{_KEY_TROUBLE[code]} ({code}); {_KEY_ADVICE}")
    if code == -1000 and ("agent" in text or "signature" in text or "signer" in text):
        return Misconfigured(f"the exchange does not accept this API wallet's signature ({code}); {_KEY_ADVICE}")
    if code in _HEDGE_CODES:
        return Misconfigured(HEDGE_MODE)
    if code == -1121:
        return Misconfigured("the exchange does not know this symbol (-1121)")
    told = f"{_safe(message)} ({code})" if message else f"error {code}"
    if code == _DUPLICATE_CLIENT_ID or "duplicate" in text:
        # An order of this id is there, and it may be the one meant: only asking by id tells.
        return OutcomeUnknown(f"the exchange has an order with this client id ({code})")
    if code in _UNKNOWN_OUTCOME:
        return OutcomeUnknown(f"the exchange does not know what became of the request: {told}")
    return Refused(_REASONS.get(code, f"code_{code}"), told)


def _safe(message: str) -> str:
    return _LONG_WORD.sub("[...]", shown(message))


# --- orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order as REST tells it. `is_forced`: the venue's own, in a liquidation."""

    symbol: str
    info: OrderInfo
    is_forced: bool


def decode_order(fields: Fields) -> PlacedOrder:
    size, executed = fields.not_negative("origQty"), fields.not_negative("executedQty")
    if executed > size:
        raise DecodeError(f"{fields.where}: executed {executed} of {size}")
    state, reason = ended_state(fields.choice("status", STATES), fields.text_or("timeInForce", ""), executed)
    client_text = fields.text("clientOrderId")
    is_forced = is_forced_id(client_text)
    info = OrderInfo(
        order_id=str(positive_integer(fields, "orderId")),
        side=fields.choice("side", SIDES),
        size=size,
        price=fields.not_negative("price") or None,
        status=state,
        filled_size=executed,
        remaining_size=size - executed,
        cancel_reason=reason,
        client_id=client_id_of(client_text),
    )
    return PlacedOrder(fields.text("symbol"), info, is_forced)


def decode_orders(value: object) -> list[PlacedOrder]:
    return [decode_order(row) for row in rows(value, "orders")]


def ended_state(state: OrderStatus, time_in_force: str, executed: Decimal) -> tuple[OrderStatus, str]:
    """The state and its reason. A post-only order that would cross is acknowledged, and then expires: it was never in
    the book."""
    if state is not OrderStatus.EXPIRED:
        return state, ""
    if time_in_force == POST_ONLY and not executed:
        return OrderStatus.REFUSED, POST_ONLY_WOULD_CROSS
    return state, "expired"


def client_id_of(text: str) -> int | None:
    """Our number; None for whatever we cannot have sent."""
    return int(text) if _OUR_CLIENT_ID.fullmatch(text) is not None else None


def is_forced_id(text: str) -> bool:
    """Whether the client id is one that the venue gives its own orders."""
    return text.startswith(_FORCED_CLIENT_IDS)


def positive_integer(fields: Fields, name: str) -> int:
    value = fields.integer(name)
    if value <= 0:
        raise DecodeError(f"{fields.where}.{name} is no id")
    return value


def milliseconds(fields: Fields, name: str) -> int:
    value = fields.integer(name)
    if not 0 < value < _LATEST_MS:
        raise DecodeError(f"{fields.where}.{name} is no time")
    return value


# --- trades ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fees:
    """Fractions of notional; a negative one is a rebate."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of the account. `commission` as written: its sign differs between REST and stream."""

    symbol: str
    trade_id: str
    order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    venue_ns: int

    def fill(self, at_ns: int, client_id: int | None, forced: bool, fees: Fees, quote_asset: str) -> Fill:
        """As the bot is told. The amount of the fee is the venue's, its direction that of the account's rate; a fee in
        another asset than the quote is valued by the rate, because its own price is not told."""
        rate = fees.maker if self.is_maker else fees.taker
        fee = abs(self.commission) if rate >= 0 else -abs(self.commission)
        if self.commission and self.commission_asset != quote_asset:
            fee = rate * self.price * self.quantity
        return Fill(
            at_ns=at_ns,
            client_id=None if forced else client_id,
            order_id=self.order_id,
            trade_id=self.trade_id,
            side=self.side,
            price=self.price,
            quantity=self.quantity,
            fee=fee,
            liquidity=Liquidity.MAKER if self.is_maker else Liquidity.TAKER,
            venue_ns=self.venue_ns,
            forced=forced,
        )


def decode_trades(value: object) -> list[Trade]:
    return [
        Trade(
            symbol=row.text("symbol"),
            trade_id=str(positive_integer(row, "id")),
            order_id=str(positive_integer(row, "orderId")),
            side=row.choice("side", SIDES),
            price=row.positive("price"),
            quantity=row.positive("qty"),
            commission=row.decimal("commission"),
            commission_asset=row.text("commissionAsset"),
            is_maker=row.boolean("maker"),
            venue_ns=milliseconds(row, "time") * 1_000_000,
        )
        for row in rows(value, "trades")
    ]


# --- the account ----------------------------------------------------------------------------------------------------


def decode_position(value: object, symbol: str) -> Decimal:
    """Signed net position. A market without one has a row of zero, so that no row proves nothing."""
    held = [row for row in rows(value, "position") if row.text("symbol") == symbol]
    if any(row.choice("positionSide", POSITION_SIDES) for row in held):
        raise Misconfigured(HEDGE_MODE)
    if len(held) != 1:
        raise DecodeError(f"position: {len(held)} rows of {symbol}")
    return held[0].decimal("positionAmt")


def decode_balance(value: object, asset: str) -> Decimal:
    """What margin can be made of, in one asset; 0 where the account has no row of it, and so none of it."""
    held = [row for row in rows(value, "balance") if row.text("asset") == asset]
    return sum((row.decimal("availableBalance") for row in held), Decimal(0))


def decode_is_hedged(value: object) -> bool:
    return Fields.of(value, "mode").boolean("dualSidePosition")


def decode_fees(value: object) -> Fees:
    fields = Fields.of(value, "fees")
    return Fees(fields.decimal("makerCommissionRate"), fields.decimal("takerCommissionRate"))


def decode_listen_key(value: object) -> str:
    """Part of an address: nothing but letters and digits may be in it."""
    key = Fields.of(value, "listen key").text("listenKey")
    if not (key.isascii() and key.isalnum()):
        raise DecodeError("the listen key has letters that no address may have")
    return key


@dataclass(frozen=True, slots=True)
class Payment:
    """One funding payment; positive when received."""

    payment_id: str
    amount: Decimal
    venue_ms: int


def decode_funding(value: object, symbol: str) -> list[Payment]:
    return [
        Payment(f"funding-{row.integer('tranId')}", row.decimal("income"), milliseconds(row, "time"))
        for row in rows(value, "income")
        if row.text("incomeType") == "FUNDING_FEE" and row.text("symbol") == symbol
    ]
