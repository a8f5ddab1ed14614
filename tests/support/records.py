"""Records for tests: short ways to write one, and hypothesis strategies for any."""

from __future__ import annotations

import types
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.events import JOURNALED, ClosedOutside, Fill, Liquidity, OrderIntended, OrderUpdate, Part, Record
from domain.market import MarketRules, Side
from domain.orders import OrderFact, Purpose

ZERO = Decimal(0)

decimals = st.decimals(allow_nan=False, allow_infinity=False)


def any_record(kind: type[Record] | None = None) -> st.SearchStrategy[Record]:
    """Records of one journaled kind, or of all of them."""
    if kind is None:
        return st.one_of([any_record(each) for each in JOURNALED])
    return _values(kind)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if hint is Decimal:
        return decimals
    if hint is str:
        return st.text(st.characters(), max_size=20)
    if hint is int or hint is bool:
        return st.integers(-(2**70), 2**70) if hint is int else st.booleans()
    if get_origin(hint) in (types.UnionType, Union):
        return st.one_of([st.none() if arm is types.NoneType else _values(arm) for arm in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(_values(get_args(hint)[0]), max_size=3).map(tuple)
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    hints = get_type_hints(hint)
    values = {field.name: _values(hints[field.name]) for field in fields(hint)}
    if hint is MarketRules:
        positive = st.decimals(min_value="0.00000001", max_value=10**6, allow_nan=False, allow_infinity=False)
        values |= dict.fromkeys(("tick_size", "quantity_step", "min_quantity"), positive)
    return st.builds(hint, **values)


def opened(client_id: int, quantity: str, *, entry: int, price: str = "100", side: Side = Side.BUY) -> OrderIntended:
    return OrderIntended(1, client_id, Purpose.OPEN, side, Decimal(price), Decimal(quantity), entry)


def closing(
    client_id: int,
    *parts: tuple[int, str],
    price: str | None = "101",
    side: Side = Side.SELL,
    purpose: Purpose = Purpose.CLOSE,
) -> OrderIntended:
    total = sum((Decimal(quantity) for _, quantity in parts), ZERO)
    limit = None if price is None else Decimal(price)
    named = tuple(Part(entry, Decimal(quantity)) for entry, quantity in parts)
    return OrderIntended(2, client_id, purpose, side, limit, total, parts=named)


def trade(
    client_id: int | None,
    quantity: str,
    price: str,
    *,
    side: Side = Side.BUY,
    trade_id: str = "t1",
    fee: str = "0",
    forced: bool = False,
    at_ns: int = 3,
    venue_ns: int = 3,
    order_id: str | None = None,
) -> Fill:
    return Fill(
        at_ns,
        client_id,
        order_id or f"o{client_id}",
        trade_id,
        side,
        Decimal(price),
        Decimal(quantity),
        Decimal(fee),
        Liquidity.MAKER,
        venue_ns,
        forced,
    )


def update(
    client_id: int, fact: OrderFact, *, filled: str | None = None, quantity: str | None = None, at_ns: int = 4
) -> OrderUpdate:
    return OrderUpdate(
        at_ns,
        client_id,
        fact,
        f"o{client_id}",
        None if filled is None else Decimal(filled),
        None if quantity is None else Decimal(quantity),
    )


def closed_outside(quantity: str) -> ClosedOutside:
    return ClosedOutside(5, Decimal(quantity))
