"""How the venue reads what is sent to it: the body of an order, checked field by field before anything else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal

from domain.market import Side

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_INSTRUCTIONS = ("GTC", "IOC", "POST_ONLY", "RPI")
_FLAGS = ("REDUCE_ONLY",)
_SELF_TRADES = (None, "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH")
"""How an order may say what becomes of a trade with itself; the twin plays the venue's default, EXPIRE_TAKER."""
MAKING = ("POST_ONLY", "RPI")
_LONGEST_CLIENT_ID = 64
_SHORTEST_WINDOW_MS = 10


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a request is not served: the venue's code and a text. `status` None: the usual one for such complaints."""

    code: str
    message: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The body of `POST /orders`, in its words. `price` 0 at market. `window_ms` None: any delay is fine."""

    market: str
    side: str
    kind: str
    size: Decimal
    price: Decimal
    instruction: str
    client_id: str
    flags: tuple[str, ...]
    signature: object
    timestamp_ms: int
    window_ms: int | None

    @property
    def book_side(self) -> Side:
        return Side.BUY if self.side == "BUY" else Side.SELL

    @property
    def limit(self) -> Decimal | None:
        return None if self.kind == "MARKET" else self.price

    @property
    def only_makes(self) -> bool:
        """Whether it may not take; an RPI order is one of those."""
        return self.instruction in MAKING


def order_form(body: bytes) -> OrderForm | Complaint:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return Complaint("BINDING_ERROR", "the body is no JSON")
    if not isinstance(values, dict):
        return Complaint("BINDING_ERROR", "the body is no object")
    words = [values.get(name) for name in ("market", "side", "type", "instruction")]
    market, side, kind, instruction = words
    if not all(isinstance(word, str) for word in words):
        return Complaint("BINDING_ERROR", "market, side, type and instruction are needed")
    if side not in ("BUY", "SELL") or kind not in ("LIMIT", "MARKET") or instruction not in _INSTRUCTIONS:
        return Complaint("VALIDATION_ERROR", "unknown side, type or instruction")
    if values.get("stp") not in _SELF_TRADES:
        return Complaint("VALIDATION_ERROR", "unknown stp")
    if values.get("on_behalf_of_account"):
        return Complaint("VALIDATION_ERROR", "this account trades for no other")
    numbers = _numbers(values, is_market=kind == "MARKET")
    if isinstance(numbers, Complaint):
        return numbers
    flags = values.get("flags") or []
    client_id = values.get("client_id") or ""
    if not isinstance(flags, list) or any(flag not in _FLAGS for flag in flags):
        return Complaint("VALIDATION_ERROR", "unknown flag")
    if not isinstance(client_id, str) or len(client_id) > _LONGEST_CLIENT_ID:
        return Complaint("VALIDATION_ERROR", "client_id is no text of up to 64 characters")
    timestamp, window = values.get("signature_timestamp"), values.get("recv_window")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        return Complaint("INVALID_TIMESTAMP", "signature_timestamp is no number of milliseconds")
    if window is not None and (type(window) is not int or window < _SHORTEST_WINDOW_MS):
        return Complaint("VALIDATION_ERROR", "recv_window is too small")
    size, price = numbers
    return OrderForm(
        str(market),
        str(side),
        str(kind),
        size,
        price,
        str(instruction),
        client_id,
        tuple(flags),
        values.get("signature"),
        timestamp,
        window,
    )


def _numbers(values: dict[str, object], *, is_market: bool) -> tuple[Decimal, Decimal] | Complaint:
    """Size and price, both written as text."""
    size, price = _number(values.get("size")), _number(values.get("price"))
    if size is None or size <= 0:
        return Complaint("INVALID_ORDER_SIZE", "size is no positive number")
    if is_market:
        return size, Decimal(0)
    if price is None or price <= 0:
        return Complaint("VALIDATION_ERROR", "price is no positive number")
    return size, price


def _number(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) is not None else None
