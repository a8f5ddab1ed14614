"""What the grid knows: the fold of its journal's records, kept so that every question costs O(log n) or less.

`GridState.apply` is the only way the state changes, and only by journaled records; replaying the journal therefore gives the
state that lived. Nothing here looks at a clock, a quote or a venue.

The book-keeping of what a fill is owed, per entry (quantities in base units):

    owed = filled - closed - covering

`filled` and `closed` are totals of own fills; `covering` is what rests in live closing orders. Part of what is owed may be
`returned`: it was under a close that the venue ended. Returned quantity is covered again only after the venue was asked,
because somebody else may have closed it meanwhile; the rest of what is owed is a fresh fill and is covered at once.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import (
    CancelIntended,
    ClockSet,
    ClosedOutside,
    EntryAbandoned,
    Fill,
    HaltCleared,
    Halted,
    IdsReserved,
    JournalBegan,
    OrderIntended,
    OrderUpdate,
    Part,
    Record,
    WaiverLapsed,
)
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, OrderStatus, Purpose, advance

ZERO = Decimal(0)
_REMEMBERED_ENDED_ORDERS = 5_000
"""Ended orders kept for news that comes late. A venue's reordering spans seconds; this spans hours."""
_QUICK_END_NS = 5 * NANOSECONDS
"""An order that the venue ended this soon without a fill was in effect refused, whatever the venue calls it."""
REPRICE = "reprice"
"""The one reason for which a cancelled open is placed again as the same entry."""


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

    @property
    def remaining(self) -> Decimal:
        return max(ZERO, self.quantity - self.filled)

    @property
    def is_live(self) -> bool:
        return not self.status.has_ended


@dataclass(slots=True)
class Entry:
    """One intention to open; owns the closes of what it filled. `worst_price`: the fill price hardest to profit from."""

    entry_id: int
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    covering: Decimal = ZERO
    returned: Decimal = ZERO
    worst_price: Decimal | None = None
    live_opens: int = 0
    open_was_cancelled: bool = False
    was_accepted: bool = False

    @property
    def owed(self) -> Decimal:
        return self.filled - self.closed - self.covering

    @property
    def to_close(self) -> Decimal:
        return self.filled - self.closed

    @property
    def fresh(self) -> Decimal:
        """What is owed for the first time, and needs no question to the venue."""
        return self.owed - self.returned


@dataclass(slots=True)
class Failures:
    """Consecutive orders of one purpose that the venue did not let live."""

    count: int = 0
    last_ns: int = 0
    reason: str = ""


class GridState:
    """The state of one grid; see the module's text. `side` is the bot's direction."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.first_client_id: int | None = None
        self.reserved_until = 0
        self.foreign_position = ZERO
        self.orders: dict[int, Order] = {}
        self.live: dict[int, Order] = {}
        self.live_opens: dict[int, Order] = {}
        self.entries: dict[int, Entry] = {}
        self.unclosed: set[int] = set()
        """Entries with quantity to close: n of the cool-down."""
        self.owing: dict[int, None] = {}
        """Entries whose `owed` is not zero, oldest first."""
        self.covered = ZERO
        """Sum of what remains in own live closing orders."""
        self.own = ZERO
        """Own position in the bot's direction, by our own fills."""
        self.clock_ns: int | None = None
        self.waiver = False
        self.replacing: int | None = None
        self.next_entry_id = 1
        self.highest_client_id = 0
        self.halted: str | None = None
        self.uncertain_since_ns: int | None = None
        """When a venue last ended a close: what it covered is re-covered only after a later look."""
        self.unexplained: set[int] = set()
        """Orders whose filled total is ahead of the trades that arrived."""
        self.failures: dict[Purpose, Failures] = {purpose: Failures() for purpose in Purpose}
        self._ended: deque[int] = deque()
        self._close_prices: list[tuple[Decimal, int]] = []
        self._handlers: dict[type, Callable[..., None]] = {
            JournalBegan: self._journal_began,
            IdsReserved: self._ids_reserved,
            OrderIntended: self._order_intended,
            OrderUpdate: self._order_update,
            Fill: self._fill,
            CancelIntended: self._cancel_intended,
            WaiverLapsed: self._waiver_lapsed,
            EntryAbandoned: self._entry_abandoned,
            ClockSet: self._clock_set,
            ClosedOutside: self._closed_outside,
            Halted: self._was_halted,
            HaltCleared: self._halt_cleared,
        }

    def apply(self, record: Record) -> None:
        """Take one journaled record in. Records that do not concern the grid change nothing."""
        handler = self._handlers.get(type(record))
        if handler is not None:
            handler(record)

    def replay(self, records: Iterable[Record]) -> None:
        for record in records:
            self.apply(record)

    # --- questions ----------------------------------------------------------------------------------------------

    def owns(self, client_id: int | None) -> bool:
        """Whether an id is one this journal ever reserved: an order is ours by its id, never by its shape."""
        if client_id is None or self.first_client_id is None:
            return False
        return self.first_client_id <= client_id < self.reserved_until

    def outermost_close(self) -> Decimal | None:
        """The own live close nearest to the market: the lowest of a buying bot, the highest of a selling one."""
        while self._close_prices:
            key, client_id = self._close_prices[0]
            if client_id in self.live:
                return key * self.side.sign
            heapq.heappop(self._close_prices)
        return None

    def open_exposure(self) -> Decimal:
        """What live opens could still add to the position, unresolved ones at full size."""
        return sum((order.remaining for order in self.live_opens.values()), ZERO)

    def parts_to_cover(self, quantity: Decimal) -> tuple[Part, ...]:
        """`quantity` spread over what is owed, oldest entry first (for an adopted close of unknown parts)."""
        parts = []
        for entry_id in self.owing:
            take = min(quantity, self.entries[entry_id].owed)
            if take > 0:
                parts.append(Part(entry_id, take))
                quantity -= take
        return tuple(parts)

    # --- intents ------------------------------------------------------------------------------------------------

    def _journal_began(self, record: JournalBegan) -> None:
        self.first_client_id = record.first_client_id
        self.reserved_until = max(self.reserved_until, record.first_client_id)
        self.foreign_position = record.foreign_position

    def _ids_reserved(self, record: IdsReserved) -> None:
        self.reserved_until = max(self.reserved_until, record.until)

    def _order_intended(self, record: OrderIntended) -> None:
        order = Order(
            record.client_id,
            record.purpose,
            record.side,
            record.price,
            record.quantity,
            record.at_ns,
            record.entry_id,
            deque(Claim(part.entry_id, part.quantity) for part in record.parts),
        )
        self.orders[order.client_id] = self.live[order.client_id] = order
        self.highest_client_id = max(self.highest_client_id, order.client_id)
        if order.purpose is Purpose.OPEN:
            self._open_intended(order)
        else:
            self.covered += order.quantity
            for part in record.parts:
                self._cover(self.entries[part.entry_id], part.quantity)
            if order.price is not None:
                heapq.heappush(self._close_prices, (order.price * self.side.sign, order.client_id))

    def _open_intended(self, order: Order) -> None:
        assert order.entry_id is not None
        entry = self.entries.setdefault(order.entry_id, Entry(order.entry_id))
        entry.live_opens += 1
        self.live_opens[order.client_id] = order
        self.next_entry_id = max(self.next_entry_id, order.entry_id + 1)
        self.replacing = None

    def _cover(self, entry: Entry, quantity: Decimal) -> None:
        entry.returned -= max(ZERO, quantity - max(ZERO, entry.fresh))
        entry.covering += quantity
        self._settle(entry)

    def _cancel_intended(self, record: CancelIntended) -> None:
        order = self.orders.get(record.client_id)
        if order is not None and order.is_live:
            order.cancel_why = record.why
            order.status = advance(order.status, OrderFact.CANCEL_ASKED)

    def _waiver_lapsed(self, record: WaiverLapsed) -> None:  # noqa: ARG002
        self.waiver = False

    def _entry_abandoned(self, record: EntryAbandoned) -> None:
        if self.replacing == record.entry_id:
            self.replacing = None
        entry = self.entries.get(record.entry_id)
        if entry is not None and not entry.live_opens and not entry.filled:
            del self.entries[record.entry_id]

    def _clock_set(self, record: ClockSet) -> None:
        self.clock_ns = record.at_ns

    def _was_halted(self, record: Halted) -> None:
        self.halted = record.reason

    def _halt_cleared(self, record: HaltCleared) -> None:  # noqa: ARG002
        self.halted = None

    # --- facts --------------------------------------------------------------------------------------------------

    def _order_update(self, update: OrderUpdate) -> None:
        order = self.orders.get(update.client_id) if update.client_id is not None else None
        if order is None:
            return
        order.order_id = order.order_id or update.order_id
        if update.quantity is not None and update.quantity < order.quantity:
            self._resize(order, update.quantity, update.at_ns)
        filled = update.filled
        if filled is None and update.fact is OrderFact.FILLED:
            filled = order.quantity
        if filled is not None:
            self._fill_to(order, filled, order.price, update.at_ns)
        if update.reason:
            order.reason = update.reason
        if update.fact is OrderFact.CANCEL_FAILED and order.status is OrderStatus.CANCELLING:
            order.cancel_failures += 1
            order.cancel_failed_ns = update.at_ns
        self._move(order, update.fact, update.at_ns)

    def _fill(self, fill: Fill) -> None:
        if fill.client_id is None:
            if fill.forced and fill.side is not self.side:
                self.own -= fill.quantity
                self._take_from_entries(fill.quantity)
            return
        order = self.orders.get(fill.client_id)
        if order is None or fill.trade_id in order.trade_ids:
            return
        order.trade_ids.add(fill.trade_id)
        order.order_id = order.order_id or fill.order_id
        order.traded += fill.quantity
        self._fill_to(order, order.traded, fill.price, fill.at_ns)
        self._note_explained(order)
        self._move(order, OrderFact.FILLED if order.filled >= order.quantity else OrderFact.ACCEPTED, fill.at_ns)

    def _move(self, order: Order, fact: OrderFact, at_ns: int) -> None:
        before = order.status
        order.status = advance(before, fact)
        if fact is OrderFact.ACCEPTED and order.accepted_ns is None:
            self._accepted(order, at_ns)
        if order.status.has_ended and not before.has_ended:
            self._end(order, at_ns)
        elif before.has_ended and not order.status.has_ended:
            self._revive(order)

    def _accepted(self, order: Order, at_ns: int) -> None:
        order.accepted_ns = at_ns
        if order.purpose is Purpose.OPEN and order.entry_id in self.entries:
            self.entries[order.entry_id].was_accepted = True
            self.waiver = False

    def _fill_to(self, order: Order, total: Decimal, price: Decimal | None, at_ns: int) -> None:
        """Raise the order's filled total. Totals never fall, so old news and repetitions end here."""
        delta = total - order.filled
        if delta <= 0:
            return
        order.filled = total
        self.failures[order.purpose].count = 0
        if order.purpose is Purpose.OPEN:
            self._opened(order, delta, price, at_ns)
        else:
            self._closed(order, delta)
        self._note_explained(order)

    def _note_explained(self, order: Order) -> None:
        if order.traded < order.filled:
            self.unexplained.add(order.client_id)
        else:
            self.unexplained.discard(order.client_id)

    def _opened(self, order: Order, delta: Decimal, price: Decimal | None, at_ns: int) -> None:
        assert order.entry_id is not None
        entry = self.entries.setdefault(order.entry_id, Entry(order.entry_id))
        entry.filled += delta
        if price is not None and (
            entry.worst_price is None or (price - entry.worst_price) * self.side.sign > 0
        ):
            entry.worst_price = price
        self.own += delta
        self.clock_ns = at_ns
        self.waiver = False
        entry.was_accepted = True
        self._settle(entry)

    def _closed(self, order: Order, delta: Decimal) -> None:
        self.own -= delta
        live = order.is_live
        if live:
            self.covered -= delta
        left = delta
        unclaimed = ZERO
        while left > 0 and order.claims:
            claim = order.claims[0]
            take = min(left, claim.quantity)
            left -= take
            claim.quantity -= take
            if not claim.quantity:
                order.claims.popleft()
            entry = self.entries.get(claim.entry_id)
            if entry is None:
                unclaimed += take
                continue
            entry.closed += take
            if live:
                entry.covering -= take
            self._settle(entry)
            self._finish_if_closed(entry, earns_waiver=True)
        self._take_from_entries(left + unclaimed)

    def _resize(self, order: Order, quantity: Decimal, at_ns: int) -> None:
        """The venue shrank a reduce-only order: what it no longer covers is owed again."""
        before = order.remaining
        order.quantity = max(quantity, order.filled)
        if order.is_live and order.purpose is not Purpose.OPEN:
            self._give_back(order, before - order.remaining, at_ns)

    def _end(self, order: Order, at_ns: int) -> None:
        order.ended_ns = at_ns
        self.live.pop(order.client_id, None)
        self._count_failure(order, at_ns)
        if order.purpose is Purpose.OPEN:
            self._open_ended(order)
        elif order.remaining > 0:
            self._give_back(order, order.remaining, at_ns)
        self._ended.append(order.client_id)
        if len(self._ended) > _REMEMBERED_ENDED_ORDERS:
            self.orders.pop(self._ended.popleft(), None)

    def _revive(self, order: Order) -> None:
        """An order believed never placed lives after all: take back what was given up with it."""
        order.ended_ns = None
        self.live[order.client_id] = order
        if order.purpose is Purpose.OPEN:
            assert order.entry_id is not None
            entry = self.entries.setdefault(order.entry_id, Entry(order.entry_id))
            entry.live_opens += 1
            self.live_opens[order.client_id] = order
            return
        self.covered += order.remaining
        for claim in order.claims:
            self._cover(self.entries.setdefault(claim.entry_id, Entry(claim.entry_id)), claim.quantity)
        if order.price is not None:
            heapq.heappush(self._close_prices, (order.price * self.side.sign, order.client_id))

    def _open_ended(self, order: Order) -> None:
        self.live_opens.pop(order.client_id, None)
        entry = self.entries.get(order.entry_id) if order.entry_id is not None else None
        if entry is None:
            return
        entry.live_opens -= 1
        entry.open_was_cancelled = order.status is not OrderStatus.FILLED
        if entry.live_opens:
            return
        if entry.filled:
            self._finish_if_closed(entry, earns_waiver=True)
        elif self._may_be_placed_again(order, entry):
            self.replacing = entry.entry_id
        else:
            del self.entries[entry.entry_id]

    @staticmethod
    def _may_be_placed_again(order: Order, entry: Entry) -> bool:
        """Re-priced by us; or the attempt to re-place it placed nothing."""
        if order.status is OrderStatus.CANCELLED:
            return order.cancel_why == REPRICE
        placed_nothing = order.status in (OrderStatus.REFUSED, OrderStatus.NEVER_PLACED)
        return placed_nothing and entry.was_accepted and order.accepted_ns is None

    def _give_back(self, order: Order, quantity: Decimal, at_ns: int) -> None:
        """`quantity` of a closing order closes nothing any more: owed again, last part first.

        What never reached the venue is owed as if it were fresh; what the venue ended is `returned`.
        """
        self.covered -= quantity
        never_placed = order.status is OrderStatus.NEVER_PLACED
        left = quantity
        for claim in reversed(order.claims):
            give = min(left, claim.quantity)
            left -= give
            if order.is_live:
                claim.quantity -= give
            entry = self.entries.get(claim.entry_id)
            if entry is None:
                continue
            entry.covering -= give
            if not never_placed:
                entry.returned += give
            self._settle(entry)
            self._finish_if_closed(entry, earns_waiver=False)
        if not never_placed:
            self.uncertain_since_ns = at_ns

    def _count_failure(self, order: Order, at_ns: int) -> None:
        failures = self.failures[order.purpose]
        refused = order.status in (OrderStatus.REFUSED, OrderStatus.NEVER_PLACED) or (
            order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
            and order.cancel_why is None
            and at_ns - order.intended_ns < _QUICK_END_NS
        )
        if not refused or order.filled > 0:
            failures.count = 0
            return
        failures.count = failures.count + 1
        failures.last_ns = at_ns
        failures.reason = order.reason or order.status.value

    def _closed_outside(self, record: ClosedOutside) -> None:
        self.own -= record.quantity
        self._take_from_entries(record.quantity)

    def _take_from_entries(self, quantity: Decimal) -> None:
        """Something that claims no entry closed `quantity`: first what lies bare, then what is covered, oldest first."""
        for bare_only in (True, False):
            for entry_id in sorted(self.unclosed):
                if quantity <= 0:
                    return
                entry = self.entries[entry_id]
                take = min(quantity, max(ZERO, entry.owed) if bare_only else entry.to_close)
                if take <= 0:
                    continue
                quantity -= take
                entry.closed += take
                self._settle(entry)
                self._finish_if_closed(entry, earns_waiver=False)

    # --- shared ends --------------------------------------------------------------------------------------------

    def _settle(self, entry: Entry) -> None:
        """Keep the two indexes, and `returned <= owed`, true after the entry's numbers moved."""
        entry.returned = max(ZERO, min(entry.returned, entry.owed))
        if entry.to_close > 0:
            self.unclosed.add(entry.entry_id)
        else:
            self.unclosed.discard(entry.entry_id)
        if entry.owed != 0:
            self.owing[entry.entry_id] = None
        else:
            self.owing.pop(entry.entry_id, None)

    def _finish_if_closed(self, entry: Entry, *, earns_waiver: bool) -> None:
        """Forget an entry whose open has ended and whose fills are all closed; it earns the next one a waiver."""
        if entry.live_opens or not entry.filled or entry.to_close > 0 or entry.covering > 0:
            return
        if earns_waiver:
            self.waiver = True
        self.entries.pop(entry.entry_id, None)
        self.unclosed.discard(entry.entry_id)
        self.owing.pop(entry.entry_id, None)
