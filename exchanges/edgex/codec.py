"""edgeX's wire format: what a message means in the terms of the domain. Pure, strict, typed.

All ids, numbers and times are strings; booleans are native. Every REST answer is an envelope whose `code` alone tells
success. Everything that does not fit raises `DecodeError`. Messages of the venue may quote credentials back, so no text
of an answer but its `code` and `traceId` is ever shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, parse_fields, rows, shown, wire_decimal
from exchanges.edgex.facts import CLIENT_ID_PREFIX
from exchanges.edgex.signing import SignedOrder

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_SIDE_WORDS = {side: word for word, side in _SIDES.items()}
_STATES = {
    "PENDING": OrderStatus.OPEN,
    "OPEN": OrderStatus.OPEN,
    "UNTRIGGERED": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "CANCELING": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
}
_FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}
_REFUSING_REASONS = {
    "COULD_NOT_FILL": "could_not_fill",
    "MARGIN_NOT_ENOUGH": "insufficient_margin",
    "REDUCE_ONLY_CANCELED": "reduce_only",
    "SYSTEM_LIMIT_EVICTED": "too_many_orders",
    "INTERNAL_FAILED": "internal_failed",
}
"""Why the venue cancels an order by itself; without a fill it was in effect refused."""
POST_ONLY_WOULD_CROSS = "post_only_would_cross"
_LIQUIDITY = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
_OWN_CLIENT_ID_DIGITS = 19
_MOST_MS = 1 << 53
_WORD = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
"""What of an answer may be shown: nothing that could hold a sentence, or a credential in one."""
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_FILLED_TOTALS = ("cumMatchSize", "cumFillSize", "filledSize")
"""In order of trust: matched at once; after settlement; a name that one page uses."""


# --- client order ids -----------------------------------------------------------------------------------------------


def client_order_id(client_id: int) -> str:
    """Our id as the venue keeps it."""
    return f"{CLIENT_ID_PREFIX}{client_id}"


def our_client_id(text: str) -> int | None:
    """The id of an order of ours; None for anybody else's."""
    digits = text.removeprefix(CLIENT_ID_PREFIX)
    is_ours = text != digits and digits.isascii() and digits.isdigit() and len(digits) <= _OWN_CLIENT_ID_DIGITS
    return int(digits) if is_ours and str(int(digits)) == digits else None


# --- requests -------------------------------------------------------------------------------------------------------


def order_body(
    account_id: int, contract_id: str, request: OrderRequest, price: Decimal, signed: SignedOrder
) -> dict[str, object]:
    """The body of `createOrder`, in the SDK's whole shape. An order with a price is always post-only; one without is an
    immediate one, at worst at `price`."""
    life = "IMMEDIATE_OR_CANCEL" if request.price is None else "POST_ONLY"
    return {
        "accountId": str(account_id),
        "contractId": contract_id,
        "price": wire_decimal(price),
        "size": wire_decimal(request.quantity),
        "type": "LIMIT",
        "side": _SIDE_WORDS[request.side],
        "timeInForce": life,
        "clientOrderId": client_order_id(request.client_id),
        "reduceOnly": request.reduce_only,
        **signature_fields(request.quantity, signed),
        **_UNUSED,
    }


def signature_fields(size: Decimal, signed: SignedOrder) -> dict[str, object]:
    """What of the body the order's signature vouches for."""
    return {
        "expireTime": str(signed.expire_ms),
        "l2Nonce": str(signed.nonce),
        "l2Signature": signed.signature,
        "l2ExpireTime": str(signed.l2_expire_ms),
        "l2Value": format(signed.value, "f"),
        "l2Size": wire_decimal(size),
        "l2LimitFee": wire_decimal(signed.limit_fee),
    }


_UNUSED: Mapping[str, object] = {
    "triggerPrice": "",
    "triggerPriceType": "",
    "sourceKey": "",
    "isPositionTpsl": False,
    "openTpslParentOrderId": "",
    "isSetOpenTp": False,
    "openTp": None,
    "isSetOpenSl": False,
    "openSl": None,
    "extraType": "",
    "extraDataJson": "",
}


def encode(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def ping_frame(now_ms: int) -> str:
    return json.dumps({"type": "ping", "time": str(now_ms)})


def pong_frame(time: str) -> str:
    return json.dumps({"type": "pong", "time": time})


def subscribe_frame(channel: str) -> str:
    return json.dumps({"type": "subscribe", "channel": channel})


# --- envelopes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """`data` is None where the venue gave none. `about_step` and `about_tick`: what a refusal's text is about."""

    code: str
    data: object
    trace_id: str
    about_step: bool = False
    about_tick: bool = False

    @property
    def is_success(self) -> bool:
        return self.code == "SUCCESS"

    def fields(self, where: str) -> Fields:
        return Fields.of(self.data, where)

    def rows(self, where: str) -> list[Fields]:
        return rows(self.data, where)


def decode_envelope(body: bytes) -> Envelope:
    fields = parse_fields(body, "answer")
    told = str(fields.values.get("msg") or "").lower()
    code, trace_id = fields.text("code"), fields.text_or("traceId", "")
    if _WORD.fullmatch(code) is None:
        raise DecodeError("answer.code is no word")
    return Envelope(
        code,
        fields.values.get("data"),
        trace_id if _WORD.fullmatch(trace_id) else "",
        "stepsize" in told,
        "ticksize" in told,
    )


def decode_time_ms(envelope: Envelope) -> int:
    return milliseconds(envelope.fields("time"), "timeMillis")


def decode_order_id(envelope: Envelope) -> str:
    """Of an order that was taken: accepted, and not matched yet."""
    return envelope.fields("order").text("orderId")


def decode_cancel_word(envelope: Envelope) -> str:
    """What became of the one order a cancel named; empty where there was nothing to cancel. The map's key may be either
    id."""
    results = envelope.fields("cancel").fields("cancelResultMap")
    if len(results.values) > 1:
        raise DecodeError("cancel.cancelResultMap speaks of several orders")
    return next((results.text(name) for name in results.values), "")


# --- orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenueOrder:
    contract_id: str
    info: OrderInfo

    def update(self, at_ns: int, asked: Decimal) -> OrderUpdate:
        """The fact it states. `asked`: the size it began with; a smaller one is the venue's doing."""
        info = self.info
        quantity = info.size if info.size < asked else None
        return OrderUpdate(
            at_ns, info.client_id, _FACTS[info.status], info.order_id, info.filled_size, quantity, info.cancel_reason
        )


def decode_order(fields: Fields) -> VenueOrder:
    """A live or ended order. The status says nothing of partial fills, and lags; the totals count."""
    state = fields.choice("status", _STATES)
    size = fields.positive("size")
    filled = _filled(fields, state, size)
    price = fields.not_negative("price")
    status, reason = _ended(fields, state, filled)
    info = OrderInfo(
        order_id=fields.text("id"),
        side=fields.choice("side", _SIDES),
        size=size,
        price=price or None,
        status=status,
        filled_size=filled,
        remaining_size=size - filled,
        cancel_reason=reason,
        client_id=our_client_id(fields.text("clientOrderId", empty=True)),
    )
    return VenueOrder(fields.text("contractId"), info)


def _filled(fields: Fields, state: OrderStatus, size: Decimal) -> Decimal:
    name = next((name for name in _FILLED_TOTALS if fields.has(name)), _FILLED_TOTALS[0])
    filled = fields.not_negative(name)
    if state is OrderStatus.FILLED and name != _FILLED_TOTALS[0]:
        filled = size  # The total that lags behind is the only one there.
    if filled > size or (state is OrderStatus.FILLED and filled != size):
        raise DecodeError(f"{fields.where} is {fields.text('status')} with {filled} of {size}")
    return filled


def _ended(fields: Fields, state: OrderStatus, filled: Decimal) -> tuple[OrderStatus, str]:
    """There is no word for refused or expired: the reason of a cancellation tells."""
    if state is not OrderStatus.CANCELLED:
        return state, ""
    word = shown(fields.text_or("cancelReason", ""))
    if word == "EXPIRE_CANCELED":
        return OrderStatus.EXPIRED, "expired"
    reason = _REFUSING_REASONS.get(word)
    if reason is None:
        return state, word.lower()
    if reason == "could_not_fill" and fields.text_or("timeInForce", "") == "POST_ONLY":
        reason = POST_ONLY_WOULD_CROSS
    return (state if filled else OrderStatus.REFUSED), reason


def decode_orders(envelope: Envelope) -> list[VenueOrder]:
    return [decode_order(row) for row in envelope.rows("orders")]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `next_offset` is empty on the last."""

    rows: list[Fields]
    next_offset: str


def decode_page(envelope: Envelope, where: str) -> Page:
    fields = envelope.fields(where)
    return Page(fields.rows("dataList"), fields.text_or("nextPageOffsetData", ""))


# --- trades ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenueFill:
    """One trade. `contract_id` and `side` None where the message does not say. `is_forced`: the venue's own doing."""

    trade_id: str
    order_id: str
    contract_id: str | None
    side: Side | None
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    venue_ns: int
    is_forced: bool = False

    def fill(self, at_ns: int, client_id: int | None, side: Side, *, forced: bool = False) -> Fill:
        """`forced`: of an event that says so; only a trade of nobody's order can be."""
        return Fill(
            at_ns=at_ns,
            client_id=client_id,
            order_id=self.order_id,
            trade_id=self.trade_id,
            side=side,
            price=self.price,
            quantity=self.quantity,
            fee=self.fee,
            liquidity=self.liquidity,
            venue_ns=self.venue_ns,
            forced=client_id is None and (forced or self.is_forced),
        )


def decode_fill(fields: Fields) -> VenueFill:
    quantity = fields.positive("fillSize")
    return VenueFill(
        trade_id=str(fields.integer("id")),
        order_id=fields.text("orderId"),
        contract_id=fields.text("contractId") if fields.has("contractId") else None,
        side=fields.choice("orderSide", _SIDES) if fields.has("orderSide") else None,
        price=_fill_price(fields, quantity),
        quantity=quantity,
        fee=fields.decimal("fillFee"),
        liquidity=_liquidity(fields),
        venue_ns=milliseconds(fields, "matchTime") * 1_000_000,
        is_forced=fields.boolean_or("isLiquidate", False) or fields.boolean_or("isDeleverage", False),
    )


def decode_history_fill(fields: Fields) -> VenueFill:
    """As the history has it: with contract and side."""
    fill = decode_fill(fields)
    if fill.contract_id is None or fill.side is None:
        raise DecodeError(f"{fields.where} names no contract or no side")
    return fill


def _fill_price(fields: Fields, quantity: Decimal) -> Decimal:
    """The value is what was paid; the price is for display, and counts only where the value does not divide."""
    price = fields.positive("fillPrice")
    if not fields.has("fillValue"):
        return price
    value = fields.positive("fillValue")
    try:
        return _EXACT.divide(value, quantity)
    except Inexact:
        return price


def _liquidity(fields: Fields) -> Liquidity:
    if not fields.has("direction") and fields.has("isMaker"):
        return Liquidity.MAKER if fields.boolean("isMaker") else Liquidity.TAKER
    return fields.choice("direction", _LIQUIDITY)


# --- the account ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """`positions`: signed sizes by contract id; a contract that is not listed has none. `equity` of one coin.
    `orders_per_minute`: a limit of this account's own; None where the venue states none."""

    account_id: str
    status: str
    positions: Mapping[str, Decimal]
    equity: Mapping[str, Decimal]
    orders_per_minute: int | None


def decode_account(envelope: Envelope) -> Account:
    fields = envelope.fields("account")
    account = fields.fields("account")
    equity = {row.text("coinId"): row.decimal("totalEquity") for row in fields.rows("collateralAssetModelList")}
    limit = account.integer_or_none("createOrderPerMinuteLimit") or 0
    positions = decode_positions(fields.rows("positionList"))
    return Account(account.text("id"), account.text("status"), positions, equity, limit if limit > 0 else None)


def decode_positions(listed: list[Fields]) -> dict[str, Decimal]:
    positions: dict[str, Decimal] = {}
    for row in listed:
        contract_id = row.text("contractId")
        if contract_id in positions:
            raise DecodeError(f"{row.where}: contract {shown(contract_id)} comes more than once")
        positions[contract_id] = row.decimal("openSize")
    return positions


def milliseconds(fields: Fields, name: str) -> int:
    """A time of the venue."""
    value = fields.integer(name)
    if not 0 < value < _MOST_MS:
        raise DecodeError(f"{fields.where}.{name} is no time")
    return value
