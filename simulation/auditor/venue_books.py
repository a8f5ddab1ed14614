"""The auditor's own account of what the venue did: orders, fills and the position that must follow from them.

An order's filled quantity is known twice, as a total of the order and as a sum of its fills, and one may be told before
the other; the larger counts at once for position and remainder alike, so that no sum ever counts a quantity twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from domain.market import Side
from simulation.observed import VenueFill, VenueOrder

ZERO = Decimal(0)


@dataclass(slots=True)
class OwnOrder:
    client_id: int
    order_id: str
    side: Side
    price: Decimal | None
    quantity: Decimal
    is_live: bool
    total: Decimal = ZERO
    """Filled, as the order says."""
    traded: Decimal = ZERO
    """Filled, as the fills add up."""
    value: Decimal = ZERO
    """Sum of price x quantity of the fills."""
    ended_ns: int | None = None
    changed_ns: int = 0
    """When it last filled or ended."""
    was_told: bool = False
    """Seen as an order, not only through a fill."""

    @property
    def filled(self) -> Decimal:
        return max(self.total, self.traded)

    @property
    def remaining(self) -> Decimal:
        return max(ZERO, self.quantity - self.filled) if self.is_live else ZERO


@dataclass(frozen=True, slots=True)
class Change:
    """What one observation did to one own order: its filled total and remainder, after less before.

    `is_new`: seen as an order for the first time.
    """

    order: OwnOrder
    is_new: bool
    filled: Decimal
    remaining: Decimal


class VenueBooks:
    """Quantities in the bot's direction. Sums are kept, not recomputed: each observation costs the same."""

    def __init__(self, direction: Side) -> None:
        self.orders: dict[int, OwnOrder] = {}
        self.owners: dict[str, int | None] = {}
        """The client id behind each of the venue's order ids; None: somebody else's."""
        self.live_opens: dict[int, OwnOrder] = {}
        self.live_closes: dict[int, OwnOrder] = {}
        self.own = ZERO
        """By own fills alone."""
        self.covered = ZERO
        """Sum of what remains of own closes."""
        self.outside = ZERO
        """What others made of the position since the start."""
        self.foreign = ZERO
        """What others had made of it when the journal began: the bot leaves as much alone, whoever closes it later."""
        self.lost = ZERO
        """The most of the own quantity that others can have closed so far: whoever closes by hand need not begin with
        what was foreign from the start."""
        self.was_forced = self.was_traded_by_hand = False
        """Whether the venue itself ever closed something, and whether somebody else ever traded."""
        self.recent_opens: deque[Decimal] = deque(maxlen=1)
        """The price of the last own opening fill."""
        self._direction = direction
        self._told: Decimal | None = None
        self._foreign_at_start: Decimal | None = None

    @property
    def least(self) -> Decimal:
        """The least own position there may be: what others closed is written off."""
        return self.own - self.lost

    @property
    def most(self) -> Decimal:
        """The most that closes may rest for: what others closed is gone from the venue too."""
        return min(self.own, self.own + self.outside)

    @property
    def gap(self) -> Decimal:
        """|P - K|, P being the venue's position less what was foreign when the journal began."""
        return abs(self.own + self.outside - self.foreign - self.covered)

    def is_close(self, side: Side) -> bool:
        return side is not self._direction

    def begin(self) -> None:
        """The journal begins: whatever others hold by now is foreign.

        Whether somebody who takes from the position later, or the venue itself, closes that or what is own, nobody can
        tell.
        """
        self.foreign = self.outside

    def take_position(self, quantity: Decimal) -> None:
        self._told = quantity * self._direction.sign
        if self._foreign_at_start is None:
            self._foreign_at_start = self._told - self.own - self.outside

    @property
    def unexplained(self) -> Decimal:
        """The venue's position less what the fills make of it; zero in a world that tells everything."""
        if self._told is None or self._foreign_at_start is None:
            return ZERO
        return self._told - self._foreign_at_start - self.own - self.outside

    def take_order(self, at_ns: int, seen: VenueOrder) -> Change | None:
        """None: not the bot's."""
        self.owners[seen.order_id] = seen.client_id
        if seen.client_id is None:
            return None
        order = self._order(seen.client_id, seen.order_id, seen.side, seen.price, seen.quantity)
        is_new, before = not order.was_told, (order.filled, order.remaining)
        order.was_told = True
        order.price, order.quantity, order.is_live = seen.price, seen.quantity, seen.is_live
        order.total = max(order.total, seen.filled)
        if not seen.is_live and order.ended_ns is None:
            order.ended_ns = order.changed_ns = at_ns
        return self._change(order, is_new, *before)

    def take_fill(self, at_ns: int, seen: VenueFill) -> Change | None:
        if seen.client_id is None:
            self.outside += seen.quantity * seen.side.sign * self._direction.sign
            self.was_forced = self.was_forced or seen.is_forced
            self.was_traded_by_hand = self.was_traded_by_hand or not seen.is_forced
            forced = min(self.own, self.lost + seen.quantity) if seen.is_forced else ZERO
            self.lost = max(self.lost, forced, -self.outside, self.foreign - self.outside)
            return None
        order = self._order(seen.client_id, seen.order_id, seen.side, seen.price, seen.quantity)
        self.owners.setdefault(seen.order_id, seen.client_id)
        before = (order.filled, order.remaining)
        order.changed_ns = at_ns
        order.traded += seen.quantity
        order.value += seen.price * seen.quantity
        if not self.is_close(seen.side):
            self.recent_opens.append(seen.price)
        return self._change(order, False, *before)

    def _order(
        self, client_id: int, order_id: str, side: Side, price: Decimal | None, quantity: Decimal
    ) -> OwnOrder:
        known = self.orders.get(client_id)
        if known is None:
            # Not live, so that nothing of it counts as resting until it is told as an order.
            known = self.orders[client_id] = OwnOrder(client_id, order_id, side, price, quantity, is_live=False)
        return known

    def _change(self, order: OwnOrder, is_new: bool, filled: Decimal, remaining: Decimal) -> Change:
        change = Change(order, is_new, order.filled - filled, order.remaining - remaining)
        is_close = self.is_close(order.side)
        self.own += -change.filled if is_close else change.filled
        live = self.live_closes if is_close else self.live_opens
        if is_close:
            self.covered += change.remaining
        if order.is_live:
            live[order.client_id] = order
        else:
            live.pop(order.client_id, None)
        return change
