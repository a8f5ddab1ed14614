"""What a journal's records tell of orders and fills: the form in which results, reports and comparisons read a session.

It is a fold over records, so it reads the journal of a backtest, of a paper session and of a live one alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import (
    CancelIntended,
    Fill,
    FundingPayment,
    Liquidity,
    OrderIntended,
    OrderUpdate,
    Part,
    Record,
)
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose, advance

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One own trade. Times in nanoseconds since the epoch, `fee` in quote currency and positive when paid.

    `time_ns` is the venue's time, `known_ns` when the bot heard of it. `role` None: the venue forced it. `parts`: which
    entries it opened or closed, oldest claim first; quantity that belongs to no known entry is in none.
    """

    time_ns: int
    known_ns: int
    client_id: int | None
    order_id: str
    trade_id: str
    role: Purpose | None
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    liquidity: Liquidity
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One own order at the end of the session. `price` None: at market. `ended_ns` None: it still rests.

    `entry_id` names the entry that an open opens, `parts` what a closing order was placed to close. `reason`: why it
    was cancelled or refused, in the words of the bot or the venue.
    """

    client_id: int
    order_id: str | None
    role: Purpose
    side: Side
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    status: OrderStatus
    intended_ns: int
    accepted_ns: int | None
    ended_ns: int | None
    entry_id: int | None
    parts: tuple[Part, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """Fills and orders in the order in which the bot heard of them and placed them; payments as they came."""

    fills: tuple[FillRecord, ...]
    orders: tuple[OrderRecord, ...]
    payments: tuple[FundingPayment, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> History:
        """Fold a journal, from its first record on. Repetitions change nothing."""
        fold = _Fold()
        for record in records:
            fold.take(record)
        return cls(tuple(fold.fills), tuple(order.record() for order in fold.orders.values()), tuple(fold.payments))


@dataclass(slots=True)
class _Order:
    intent: OrderIntended
    quantity: Decimal
    claims: deque[Part]
    """What of its entries it has not closed yet."""
    order_id: str | None = None
    filled: Decimal = ZERO
    traded: Decimal = ZERO
    status: OrderStatus = OrderStatus.PLANNED
    accepted_ns: int | None = None
    ended_ns: int | None = None
    reason: str = ""
    trade_ids: set[str] = field(default_factory=set)

    def move(self, fact: OrderFact, at_ns: int) -> None:
        before = self.status
        self.status = advance(before, fact)
        if fact is OrderFact.ACCEPTED and self.accepted_ns is None:
            self.accepted_ns = at_ns
        if self.status.has_ended and not before.has_ended:
            self.ended_ns = at_ns
        elif before.has_ended and not self.status.has_ended:
            self.ended_ns = None

    def parts_of(self, quantity: Decimal) -> tuple[Part, ...]:
        """Which entries a trade of `quantity` belongs to."""
        if self.intent.entry_id is not None:
            return (Part(self.intent.entry_id, quantity),)
        parts = []
        while quantity and self.claims:
            claim = self.claims.popleft()
            taken = min(quantity, claim.quantity)
            quantity -= taken
            parts.append(Part(claim.entry_id, taken))
            if taken < claim.quantity:
                self.claims.appendleft(Part(claim.entry_id, claim.quantity - taken))
        return tuple(parts)

    def record(self) -> OrderRecord:
        intent = self.intent
        return OrderRecord(
            intent.client_id,
            self.order_id,
            intent.purpose,
            intent.side,
            intent.price,
            self.quantity,
            self.filled,
            self.status,
            intent.at_ns,
            self.accepted_ns,
            self.ended_ns,
            intent.entry_id,
            intent.parts,
            self.reason,
        )


class _Fold:
    def __init__(self) -> None:
        self.orders: dict[int, _Order] = {}
        self.fills: list[FillRecord] = []
        self.payments: list[FundingPayment] = []
        self._forced: set[tuple[str, str]] = set()
        self._payment_ids: set[str] = set()

    def take(self, record: Record) -> None:
        match record:
            case OrderIntended():
                self.orders.setdefault(record.client_id, _Order(record, record.quantity, deque(record.parts)))
            case OrderUpdate():
                self._update(record)
            case Fill():
                self._fill(record)
            case CancelIntended():
                order = self.orders.get(record.client_id)
                if order is not None:
                    order.reason = record.why
                    order.move(OrderFact.CANCEL_ASKED, record.at_ns)
            case FundingPayment():
                if record.payment_id not in self._payment_ids:
                    self._payment_ids.add(record.payment_id)
                    self.payments.append(record)
            case _:
                pass  # Circumstances of the session, which move no order and no money.

    def _update(self, update: OrderUpdate) -> None:
        order = None if update.client_id is None else self.orders.get(update.client_id)
        if order is None:
            return
        order.order_id = order.order_id or update.order_id
        if update.quantity is not None and update.quantity < order.quantity:
            order.quantity = max(update.quantity, order.filled)
        if update.filled is not None:
            order.filled = max(order.filled, update.filled)
        elif update.fact is OrderFact.FILLED:
            order.filled = order.quantity
        order.reason = order.reason or update.reason
        order.move(update.fact, update.at_ns)

    def _fill(self, fill: Fill) -> None:
        if fill.client_id is None:
            key = (fill.order_id, fill.trade_id)
            if fill.forced and key not in self._forced:
                self._forced.add(key)
                self.fills.append(_fill_record(fill, None, ()))
            return
        order = self.orders.get(fill.client_id)
        if order is None or fill.trade_id in order.trade_ids:
            return
        order.trade_ids.add(fill.trade_id)
        order.order_id = order.order_id or fill.order_id
        order.traded += fill.quantity
        order.filled = max(order.filled, order.traded)
        order.move(OrderFact.FILLED if order.filled >= order.quantity else OrderFact.ACCEPTED, fill.at_ns)
        self.fills.append(_fill_record(fill, order.intent.purpose, order.parts_of(fill.quantity)))


def _fill_record(fill: Fill, role: Purpose | None, parts: tuple[Part, ...]) -> FillRecord:
    return FillRecord(
        fill.venue_ns,
        fill.at_ns,
        fill.client_id,
        fill.order_id,
        fill.trade_id,
        role,
        fill.side,
        fill.price,
        fill.quantity,
        fill.fee,
        fill.liquidity,
        parts,
    )
