"""The venue's own truth, as `GET {base_url}/_rehearsal/ledger` answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from exchanges.rehearsal.desk import TwinDesk, TwinFill, TwinOrder


def ledger_of(
    desk: TwinDesk, order_id: Callable[[int], str] = str, trade_id: Callable[[int], str] = str
) -> Mapping[str, object]:
    """All orders and trades, with the ids of the wire; numbers as decimal strings, times in milliseconds.

    `balance` is the equity at the mid.
    """
    return {
        "orders": [_order(order, order_id) for order in desk.orders.values()],
        "fills": [_fill(fill, order_id, trade_id) for fill in desk.fills],
        "position": _text(desk.position),
        "balance": _text(desk.venue.equity_at_mid()),
    }


def _order(order: TwinOrder, order_id: Callable[[int], str]) -> Mapping[str, object]:
    return {
        "order_id": order_id(order.number),
        "client_id": order.client_id,
        "side": order.side.value,
        "price": None if order.price is None else _text(order.price),
        "quantity": _text(order.quantity),
        "filled": _text(order.filled),
        "status": order.status.value,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
    }


def _fill(fill: TwinFill, order_id: Callable[[int], str], trade_id: Callable[[int], str]) -> Mapping[str, object]:
    return {
        "trade_id": trade_id(fill.number),
        "order_id": order_id(fill.order.number),
        "side": fill.side.value,
        "price": _text(fill.price),
        "quantity": _text(fill.quantity),
        "fee": _text(fill.fee),
        "maker": fill.is_maker,
        "time": fill.at_ns // 1_000_000,
    }


def _text(value: Decimal) -> str:
    return format(value, "f")
