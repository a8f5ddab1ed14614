"""What the grid knows: the fold of its journal's records, kept so that every question costs O(log n) or less.

`GridState.apply` is the only way the state changes, and only by journaled records; replaying the journal therefore
gives the state that lived. Nothing here looks at a clock, a quote or a venue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from domain.events import (
    CancelIntended,
    ClosedOutside,
    EntryAbandoned,
    Fill,
    HaltCleared,
    Halted,
    IdsReserved,
    JournalBegan,
    OrderIntended,
    OrderUpdate,
    OwnFound,
    Part,
    Record,
    SessionStarted,
    WaiverLapsed,
)
from domain.forced import own_part
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose, advance
from strategies.take_profit_grid.entries import Entries, Entry
from strategies.take_profit_grid.open_clock import OpenClock
from strategies.take_profit_grid.orders import REPRICE, ZERO, ClosePrices, Failures, Order

__all__ = ["REPRICE", "ZERO", "Entry", "Failures", "GridState", "Order"]

_REMEMBERED_ENDED_ORDERS = 1_000
"""Ended orders kept for news that comes late. A venue's reordering spans seconds; this spans hours."""
_REMEMBERED_FORCED_TRADES = 5_000


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
        self._book = Entries()
        self.entries = self._book.by_id
        self.unclosed = self._book.unclosed
        self.owing = self._book.owing
        self.covered = ZERO
        """Sum of what remains in own live closing orders."""
        self.own = ZERO
        """Own position in the bot's direction, by our own fills."""
        self.open_clock = OpenClock()
        self.waiver = False
        """An entry closed: the next one may begin without a cool-down."""
        self.replacing: int | None = None
        """The entry whose open was cancelled unfilled to be placed again at a better price."""
        self.next_entry_id = 1
        self.highest_client_id = 0
        self.halted: str | None = None
        self.uncertain_since_ns: int | None = None
        """When a close last ended, or the session began: returned quantity is covered only after a later look."""
        self.unexplained: set[int] = set()
        """Orders whose filled total is ahead of the trades that arrived."""
        self.failures: dict[Purpose, Failures] = {purpose: Failures() for purpose in Purpose}
        self._ended: deque[int] = deque()
        self._forced: dict[tuple[str, str], None] = {}
        self._close_prices = ClosePrices(side)
        self._handlers: dict[type, Callable[..., None]] = {
            JournalBegan: self._journal_began,
            SessionStarted: self._session_started,
            IdsReserved: self._ids_reserved,
            OrderIntended: self._order_intended,
            OrderUpdate: self._order_update,
            Fill: self._fill,
            CancelIntended: self._cancel_intended,
            WaiverLapsed: self._waiver_lapsed,
            EntryAbandoned: self._entry_abandoned,
            ClosedOutside: self._closed_outside,
            OwnFound: self._own_found,
            Halted: self._was_halted,
            HaltCleared: self._halt_cleared,
        }

    def apply(self, record: Record) -> None:
        """Take one journaled record in. Of those that do not concern the grid only the time is kept."""
        self.open_clock.take(record)
        handler = self._handlers.get(type(record))
        if handler is not None:
            handler(record)

    # --- questions ----------------------------------------------------------------------------------------------

    def outermost_close(self) -> Decimal | None:
        """The own live close nearest to the market: the lowest of a buying bot, the highest of a selling one."""
        return self._close_prices.outermost()

    @property
    def clock_ns(self) -> int | None:
        """When an open last filled: the cool-down counts from here."""
        return self.open_clock.last_ns

    def open_exposure(self) -> Decimal:
        """What live opens could still add to the position, unresolved ones at full size."""
        return sum((order.remaining for order in self.live_opens.values()), ZERO)

    def parts_to_cover(self, quantity: Decimal, filled_at: Decimal | None = None) -> tuple[Part, ...]:
        """See `Entries.parts_to_cover`."""
        return self._book.parts_to_cover(quantity, filled_at, self.side.sign)

    # --- intents ------------------------------------------------------------------------------------------------

    def _journal_began(self, record: JournalBegan) -> None:
        self.first_client_id = record.first_client_id
        self.reserved_until = max(self.reserved_until, record.first_client_id)
        self.foreign_position = record.foreign_position

    def _session_started(self, record: SessionStarted) -> None:
        """A lost journal tail may have covered what looks bare: the venue is asked before anything old is covered. The
        machine's clock may have been set back: no retry waits for a time that lies ahead."""
        for failures in self.failures.values():
            failures.start_at(record.at_ns)
        for order in self.live.values():
            order.start_at(record.at_ns)
        self._book.doubt_everything_owed()
        self.uncertain_since_ns = record.at_ns

    def _ids_reserved(self, record: IdsReserved) -> None:
        self.reserved_until = max(self.reserved_until, record.until)

    def _order_intended(self, record: OrderIntended) -> None:
        order = Order.intended(record)
        self.orders[order.client_id] = self.live[order.client_id] = order
        self.highest_client_id = max(self.highest_client_id, order.client_id)
        if order.purpose is Purpose.OPEN:
            self._open_intended(order)
        else:
            self._cover_with(order)

    def _open_intended(self, order: Order) -> None:
        entry = self._entry_of(order)
        entry.live_opens += 1
        entry.open_was_cancelled = False
        self.live_opens[order.client_id] = order
        self.next_entry_id = max(self.next_entry_id, entry.entry_id + 1)
        self._replace(None)
        if self.waiver and not entry.was_accepted:
            order.took_waiver = True
            self.waiver = False

    def _entry_of(self, order: Order) -> Entry:
        assert order.entry_id is not None, f"opening order {order.client_id} names no entry"
        return self._book.get_or_begin(order.entry_id)

    def _cover_with(self, order: Order) -> None:
        self.covered += order.remaining
        for claim in order.claims:
            self._book.cover(self._book.get_or_begin(claim.entry_id), claim.quantity)
        self._close_prices.add(order)

    def _cancel_intended(self, record: CancelIntended) -> None:
        order = self.orders.get(record.client_id)
        if order is not None and order.is_live:
            order.cancel_why = record.why
            order.status = advance(order.status, OrderFact.CANCEL_ASKED)

    def _waiver_lapsed(self, record: WaiverLapsed) -> None:  # noqa: ARG002
        self.waiver = False

    def _entry_abandoned(self, record: EntryAbandoned) -> None:
        if self.replacing == record.entry_id:
            self._replace(None)

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
            self._forced_fill(fill)
            return
        order = self.orders.get(fill.client_id)
        if order is None or fill.trade_id in order.trade_ids:
            return
        order.trade_ids.add(fill.trade_id)
        order.order_id = order.order_id or fill.order_id
        order.traded += fill.quantity
        self._fill_to(order, order.traded, fill.price, order.filled_ns(fill))
        self._note_explained(order)
        self._move(order, OrderFact.FILLED if order.filled >= order.quantity else OrderFact.ACCEPTED, fill.at_ns)

    def _forced_fill(self, fill: Fill) -> None:
        """The venue itself reduced the position: ours to nothing at the most, the rest was somebody else's."""
        key = (fill.order_id, fill.trade_id)
        if not fill.forced or key in self._forced:
            return
        self._forced[key] = None
        if len(self._forced) > _REMEMBERED_FORCED_TRADES:
            del self._forced[next(iter(self._forced))]
        taken = own_part(fill, self.side, self.own)
        self.own -= taken
        self._book.close_oldest(taken)

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

    def _fill_to(self, order: Order, total: Decimal, price: Decimal | None, at_ns: int) -> None:
        """Raise the order's filled total. Totals never fall, so old news and repetitions end here."""
        delta = total - order.filled
        if delta <= 0:
            return
        rested = order.remaining
        order.filled = total
        self.failures[order.purpose].count = 0
        if order.purpose is Purpose.OPEN:
            self._opened(order, delta, price, at_ns)
        else:
            self._closed(order, delta, rested - order.remaining)
        self._note_explained(order)

    def _note_explained(self, order: Order) -> None:
        if order.traded < order.filled:
            self.unexplained.add(order.client_id)
        else:
            self.unexplained.discard(order.client_id)

    def _opened(self, order: Order, delta: Decimal, price: Decimal | None, at_ns: int) -> None:
        entry = self._entry_of(order)
        entry.filled += delta
        if price is not None and (entry.worst_price is None or (price - entry.worst_price) * self.side.sign > 0):
            entry.worst_price = price
        self.own += delta
        self.open_clock.filled(at_ns)
        entry.was_accepted = True
        if not order.is_live:
            entry.open_was_cancelled = True
        if self.replacing == entry.entry_id:
            self._replace(None)  # Late news: it filled after all, and so it ended with its cancel.
        self._book.settle(entry)

    def _closed(self, order: Order, delta: Decimal, rested: Decimal) -> None:
        """A closing order filled `delta`, of which `rested` had been counted as covering."""
        self.own -= delta
        live = order.is_live
        if live:
            self.covered -= rested
        left, unclaimed = delta, ZERO
        while left > 0 and order.claims:
            claim = order.claims[0]
            take = min(left, claim.quantity)
            left -= take
            claim.quantity -= take
            if not claim.quantity:
                order.claims.popleft()
            beyond, is_over = self._book.close(claim.entry_id, take, claimed=live)
            unclaimed += beyond
            self.waiver = self.waiver or is_over
        self._book.close_oldest(left + unclaimed)

    def _resize(self, order: Order, quantity: Decimal, at_ns: int) -> None:
        """The venue shrank a reduce-only order: what it no longer covers is owed again."""
        rested, unclaimed = order.remaining, order.remaining - order.claimed
        order.quantity = max(quantity, order.filled)
        if order.is_live and order.purpose is not Purpose.OPEN:
            self._give_back(order, rested - order.remaining, unclaimed, at_ns)

    def _end(self, order: Order, at_ns: int) -> None:
        order.ended_ns = at_ns
        self.live.pop(order.client_id, None)
        self.failures[order.purpose].note_end(order, at_ns)
        if order.purpose is Purpose.OPEN:
            self._open_ended(order)
        else:
            self._give_back(order, order.remaining, order.remaining - order.claimed, at_ns)
            self._close_prices.forget_ended(self.live, len(self.live))
        self._ended.append(order.client_id)
        if len(self._ended) > _REMEMBERED_ENDED_ORDERS:
            self._forget(self._ended.popleft())

    def _forget(self, client_id: int) -> None:
        order = self.orders.get(client_id)
        if order is not None and not order.is_live:
            del self.orders[client_id]
            self.unexplained.discard(client_id)

    def _revive(self, order: Order) -> None:
        """An order believed never placed lives after all: take back what was given up with it."""
        order.ended_ns = None
        self.live[order.client_id] = order
        if order.purpose is not Purpose.OPEN:
            self._cover_with(order)
            return
        entry = self._entry_of(order)
        entry.live_opens += 1
        self.live_opens[order.client_id] = order
        if self.replacing == entry.entry_id:
            self._replace(None)
        if order.took_waiver:
            self.waiver = False

    def _open_ended(self, order: Order) -> None:
        self.live_opens.pop(order.client_id, None)
        if order.took_waiver and order.placed_nothing:
            self.waiver = True
        entry = self._entry_of(order)
        entry.live_opens -= 1
        entry.open_was_cancelled = order.status is not OrderStatus.FILLED
        if entry.live_opens:
            return
        if entry.filled:
            self.waiver = self._book.finish_if_closed(entry) or self.waiver
        elif order.may_be_placed_again(was_accepted=entry.was_accepted):
            self._replace(entry.entry_id)
        else:
            self._book.drop_if_unfilled(entry.entry_id)

    def _replace(self, entry_id: int | None) -> None:
        """Whose open is to be placed again; one that will not be, and filled nothing, is forgotten."""
        before, self.replacing = self.replacing, entry_id
        if before is not None and before != entry_id:
            self._book.drop_if_unfilled(before)

    def _give_back(self, order: Order, quantity: Decimal, unclaimed: Decimal, at_ns: int) -> None:
        """`quantity` of a closing order closes nothing any more: owed again, first what it covered of no entry
        (`unclaimed`), then its last part first.

        What never reached the venue, or was not taken because the market was faster, is owed as if it were fresh; what
        the venue ended for any other reason is `returned`. The claims of an ended order stay, for fills that are heard
        of late.
        """
        if not quantity:
            return
        self.covered -= quantity
        is_doubtful = not order.says_nothing
        left = quantity - max(ZERO, unclaimed)
        for claim in reversed(order.claims):
            if left <= 0:
                break
            give = min(left, claim.quantity)
            left -= give
            if order.is_live:
                claim.quantity -= give
            self._book.give_back(claim.entry_id, give, returned=is_doubtful)
        if is_doubtful:
            self.uncertain_since_ns = at_ns

    def _closed_outside(self, record: ClosedOutside) -> None:
        self.own -= record.quantity
        self._book.close_oldest(record.quantity)

    def _own_found(self, record: OwnFound) -> None:
        self.own += record.quantity
        self.next_entry_id = max(self.next_entry_id, record.entry_id + 1)
        self._book.find(record.entry_id, record.quantity, record.price)
