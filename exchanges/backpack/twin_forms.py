"""How the venue reads the body of an order, member by member, before anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from domain.market import Side
from exchanges.backpack.twin_auth import Denial, Values

_PLAIN = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_SIDES = {"Bid": Side.BUY, "Ask": Side.SELL}
_LIVES = (None, "GTC", "IOC", "FOK")
_SELF_TRADES = (None, "RejectTaker", "RejectMaker", "RejectBoth")
_NOT_PLAYED = ("quoteQuantity", "triggerPrice", "triggerQuantity", "stopLossTriggerPrice", "takeProfitTriggerPrice")


@dataclass(frozen=True, slots=True)
class OrderForm:
    """An order as it was asked for. `price` None: at market. `client_id` as text, None where there is none."""

    side: Side
    quantity: Decimal
    price: Decimal | None
    client_id: str | None
    post_only: bool
    reduce_only: bool
    immediate: bool


def order_form(values: Values, symbol: str) -> OrderForm | Denial:
    """The form of an order, or what is wrong with it."""
    if values.get("symbol") != symbol:
        return _unreadable("MarketSymbol", "Invalid market symbol")
    side, kind, life = _SIDES.get(str(values.get("side"))), values.get("orderType"), values.get("timeInForce")
    if side is None:
        return _unreadable("Side", "unknown variant")
    if kind not in ("Limit", "Market") or life not in _LIVES or values.get("selfTradePrevention") not in _SELF_TRADES:
        return _unreadable("OrderExecutePayload", "unknown variant")
    flags = [values.get(name) for name in ("postOnly", "reduceOnly")]
    if not all(flag is None or isinstance(flag, bool) for flag in flags):
        return _unreadable("OrderExecutePayload", "expected a boolean")
    client_id = values.get("clientId")
    if client_id is not None and (type(client_id) is not int or not 0 <= client_id < 1 << 32):
        return _unreadable("clientId", "expected an unsigned 32-bit number")
    if life == "FOK" or any(values.get(name) is not None for name in _NOT_PLAYED):
        return Denial(400, "NOT_IMPLEMENTED", "this is not played here")
    quantity = _number(values.get("quantity"))
    price = _number(values.get("price")) if kind == "Limit" else None
    if quantity is None:
        return Denial(400, "INVALID_QUANTITY", "Invalid quantity")
    if kind == "Limit" and price is None:
        return Denial(400, "INVALID_PRICE", "Invalid price")
    text = None if client_id is None else str(client_id)
    return OrderForm(side, quantity, price, text, flags[0] is True, flags[1] is True, life == "IOC")


def _unreadable(what: str, why: str) -> Denial:
    text = f'failed to parse "{what}": {why} (occurred while parsing "OrderExecutePayload")'
    return Denial(400, "INVALID_CLIENT_REQUEST", text)


def _number(value: object) -> Decimal | None:
    """Prices and quantities are strings, plain and positive."""
    if not isinstance(value, str) or _PLAIN.fullmatch(value) is None:
        return None
    return Decimal(value) or None
