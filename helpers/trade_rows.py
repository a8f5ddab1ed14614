"""Which rows of the trade CSV a journal's records make; the rules are in `helpers.trade_csv`. No input or output."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import Fill, Liquidity, OrderIntended, OrderUpdate, Record
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose, advance

ZERO = Decimal(0)
PARTIALLY_FILLED, FILLED, CANCELED = "PARTIALLY_FILLED", "FILLED", "CANCELED"
_REMEMBERED_ENDED_ORDERS = 1_000
_REMEMBERED_FORCED_TRADES = 5_000
_EARLIEST_NS, _LATEST_NS = 0, 4_102_444_800_000_000_000
"""1970 to 2100: a venue's time outside is no time."""


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One row. None: an empty cell."""

    at_ns: int
    order_id: str | None
    side: Side
    quantity: Decimal
    price: Decimal | None
    status: str
    trade_id: str | None = None
    client_id: int | None = None
    fee: Decimal | None = None
    role: Liquidity | None = None


@dataclass(slots=True)
class _Order:
    intent: OrderIntended
    quantity: Decimal
    order_id: str | None = None
    filled: Decimal = ZERO
    traded: Decimal = ZERO
    trade_ids: set[str] = field(default_factory=set)
    status: OrderStatus = OrderStatus.PLANNED
    has_filled_row: bool = False
    has_cancelled_row: bool = False
    is_queued: bool = False


class TradeRows:
    """The fold from records to rows; repetitions make none. Memory is bounded as in `domain.accounting`."""

    def __init__(self) -> None:
        self._orders: dict[int, _Order] = {}
        self._ended: deque[int] = deque()
        self._forced: dict[tuple[str, str], None] = {}

    def of(self, record: Record) -> list[TradeRow]:
        """The rows that `record` adds, in order."""
        if isinstance(record, Fill):
            return self._fill(record)
        if isinstance(record, OrderUpdate):
            return self._order_update(record)
        if isinstance(record, OrderIntended):
            self._orders.setdefault(record.client_id, _Order(record, record.quantity))
        return []

    def _fill(self, fill: Fill) -> list[TradeRow]:
        if fill.client_id is None:
            return self._forced_fill(fill)
        order = self._orders.get(fill.client_id)
        if order is None or fill.trade_id in order.trade_ids:
            return []
        order.trade_ids.add(fill.trade_id)
        order.order_id = order.order_id or fill.order_id
        order.traded += fill.quantity
        order.filled = max(order.filled, order.traded)
        completes = order.traded >= order.quantity and not order.has_filled_row
        order.has_filled_row |= completes
        rows = [_trade_row(fill, FILLED if completes else PARTIALLY_FILLED)]
        order.status = advance(order.status, OrderFact.FILLED if completes else OrderFact.ACCEPTED)
        rows += self._ending_rows(order, fill.at_ns)
        return rows

    def _forced_fill(self, fill: Fill) -> list[TradeRow]:
        key = (fill.order_id, fill.trade_id)
        if not fill.forced or key in self._forced:
            return []
        self._forced[key] = None
        if len(self._forced) > _REMEMBERED_FORCED_TRADES:
            del self._forced[next(iter(self._forced))]
        return [_trade_row(fill, PARTIALLY_FILLED)]

    def _order_update(self, update: OrderUpdate) -> list[TradeRow]:
        order = self._orders.get(update.client_id) if update.client_id is not None else None
        if order is None:
            return []
        order.order_id = order.order_id or update.order_id
        if update.quantity is not None and update.quantity < order.quantity:
            order.quantity = max(update.quantity, order.filled)
        if update.filled is not None:
            order.filled = max(order.filled, update.filled)
        order.status = advance(order.status, update.fact)
        if order.status is OrderStatus.FILLED:
            # Complete with what has filled, where the venue states that; else with all of it.
            order.quantity = order.filled if update.filled is not None and order.filled else order.quantity
        return self._ending_rows(order, update.at_ns)

    def _ending_rows(self, order: _Order, at_ns: int) -> list[TradeRow]:
        """The rows that have no trade: see the module's text."""
        rows = []
        was_complete = order.status is OrderStatus.FILLED or order.quantity == order.traded
        if was_complete and order.traded and order.traded >= order.quantity and not order.has_filled_row:
            order.has_filled_row = True
            rows.append(_order_row(order, at_ns, ZERO, FILLED))
        was_cancelled = order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
        if was_cancelled and order.intent.purpose is Purpose.OPEN and order.filled and not order.has_cancelled_row:
            order.has_cancelled_row = True
            rows.append(_order_row(order, at_ns, order.filled, CANCELED))
        self._forget_if_over(order)
        return rows

    def _forget_if_over(self, order: _Order) -> None:
        client_id = order.intent.client_id
        if order.traded >= order.intent.quantity:
            # Nothing more can come but repetitions, and those of an unknown order make no row.
            del self._orders[client_id]
        elif order.status.has_ended and not order.is_queued:
            order.is_queued = True
            self._ended.append(client_id)
            while len(self._ended) > _REMEMBERED_ENDED_ORDERS:
                oldest = self._orders.get(self._ended.popleft())
                if oldest is not None and oldest.status.has_ended:
                    del self._orders[oldest.intent.client_id]
                elif oldest is not None:
                    oldest.is_queued = False


def _trade_row(fill: Fill, status: str) -> TradeRow:
    return TradeRow(
        at_ns=fill.venue_ns if _EARLIEST_NS < fill.venue_ns < _LATEST_NS else fill.at_ns,
        order_id=fill.order_id,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        status=status,
        trade_id=fill.trade_id,
        client_id=fill.client_id,
        fee=fill.fee,
        role=fill.liquidity,
    )


def _order_row(order: _Order, at_ns: int, quantity: Decimal, status: str) -> TradeRow:
    intent = order.intent
    return TradeRow(at_ns, order.order_id, intent.side, quantity, intent.price, status, client_id=intent.client_id)
