"""The orders of one grid, as its state remembers them.

Prices are quote currency per base unit, quantities base units, times nanoseconds since the epoch.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import Fill, OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus, Purpose

ZERO = Decimal(0)
REPRICE = "reprice"
"""The one reason for which a cancelled open is placed again as the same entry."""
CROSSED = "post_only_would_cross"
"""The refusal that says nothing about the account or the market's rules: the market was faster."""
_QUICK_END_NS = 5 * NANOSECONDS
"""An order that the venue ended this soon without a fill was in effect refused, whatever the venue calls it."""
_HEAP_SLACK = 64


@dataclass(slots=True)
class Claim:
    """What a closing order still has to close of one entry."""

    entry_id: int
    quantity: Decimal


@dataclass(slots=True)
class Order:
    """One own order. `claims` of a closing order: what it closes, first to be closed first."""

    client_id: int
    purpose: Purpose
    side: Side
    price: Decimal | None
    quantity: Decimal
    intended_ns: int
    entry_id: int | None = None
    claims: deque[Claim] = field(default_factory=deque)
    status: OrderStatus = OrderStatus.PLANNED
    order_id: str | None = None
    filled: Decimal = ZERO
    traded: Decimal = ZERO
    """Sum of the trades that arrived one by one; `filled` may be ahead of it, never behind."""
    trade_ids: set[str] = field(default_factory=set)
    accepted_ns: int | None = None
    ended_ns: int | None = None
    cancel_why: str | None = None
    cancel_failures: int = 0
    cancel_failed_ns: int = 0
    reason: str = ""
    took_waiver: bool = False
    """An open that began its entry on the cool-down's waiver."""

    @classmethod
    def intended(cls, record: OrderIntended) -> Order:
        return cls(
            record.client_id,
            record.purpose,
            record.side,
            record.price,
            record.quantity,
            record.at_ns,
            record.entry_id,
            deque(Claim(part.entry_id, part.quantity) for part in record.parts),
        )

    @property
    def remaining(self) -> Decimal:
        return max(ZERO, self.quantity - self.filled)

    @property
    def is_live(self) -> bool:
        return not self.status.has_ended

    @property
    def claimed(self) -> Decimal:
        """Sum of the claims: less than `remaining` where an adopted close covers more than was owed."""
        return sum((claim.quantity for claim in self.claims), ZERO)

    def filled_ns(self, fill: Fill) -> int:
        """When a trade of this order happened: the venue's time, where it lies between our intent and our hearing of
        it; else the latter."""
        return fill.venue_ns if self.intended_ns <= fill.venue_ns <= fill.at_ns else fill.at_ns

    @property
    def placed_nothing(self) -> bool:
        """Whether an order that ended was in effect refused: it filled nothing, and the venue did not let it rest."""
        if self.filled or self.ended_ns is None:
            return False
        if self.status in (OrderStatus.REFUSED, OrderStatus.NEVER_PLACED):
            return True
        ended_by_venue = self.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and self.cancel_why is None
        return ended_by_venue and self.ended_ns - self.intended_ns < _QUICK_END_NS

    def is_news(self, fill: Fill) -> bool:
        """Whether a trade adds to what is known of this order.

        More than was sent cannot have traded: such a trade is one of those known, told again under another id.
        """
        return fill.trade_id not in self.trade_ids and self.traded + fill.quantity <= self.quantity

    def may_be_placed_again(self, *, was_accepted: bool) -> bool:
        """Whether an open that ended unfilled goes on as the same entry: re-priced by us; or the attempt to re-place it
        placed nothing. `was_accepted`: an open of the entry once rested."""
        if self.status is OrderStatus.CANCELLED and self.cancel_why == REPRICE:
            return True
        return self.placed_nothing and was_accepted and self.accepted_ns is None

    def start_at(self, now_ns: int) -> None:
        """See `GridState._session_started`."""
        self.intended_ns = min(self.intended_ns, now_ns)
        self.cancel_failed_ns = min(self.cancel_failed_ns, now_ns)
        if self.accepted_ns is not None:
            self.accepted_ns = min(self.accepted_ns, now_ns)

    @property
    def says_nothing(self) -> bool:
        """Whether its end tells nothing about the position: it never reached the venue, or the market was faster."""
        if self.status is OrderStatus.NEVER_PLACED:
            return True
        return self.reason == CROSSED and self.placed_nothing


@dataclass(slots=True)
class Failures:
    """Consecutive orders of one purpose that the venue did not let live."""

    count: int = 0
    last_ns: int = 0
    reason: str = ""

    def note_end(self, order: Order, at_ns: int) -> None:
        if not order.placed_nothing:
            self.count = 0
            return
        self.count += 1
        self.last_ns = at_ns
        self.reason = order.reason or order.status.value

    def start_at(self, now_ns: int) -> None:
        """See `GridState._session_started`."""
        self.last_ns = min(self.last_ns, now_ns)


class ClosePrices:
    """The prices of live closes, nearest to the market first. O(log n) to add, O(1) to ask, O(log n) each to forget."""

    def __init__(self, direction: Side) -> None:
        self._sign = direction.sign
        self._heap: list[tuple[Decimal, int]] = []

    def add(self, order: Order) -> None:
        if order.price is not None:
            heapq.heappush(self._heap, (order.price * self._sign, order.client_id))

    def forget_ended(self, live: Container[int], live_count: int) -> None:
        """To be called when a close has ended: keeps a live one on top, and the heap in proportion to what lives."""
        if len(self._heap) > 2 * live_count + _HEAP_SLACK:
            self._heap = [pair for pair in self._heap if pair[1] in live]
            heapq.heapify(self._heap)
        while self._heap and self._heap[0][1] not in live:
            heapq.heappop(self._heap)

    def outermost(self) -> Decimal | None:
        """The lowest of a buying bot, the highest of a selling one; None without any."""
        return self._heap[0][0] * self._sign if self._heap else None
