"""The money of one journal, exactly: a pure fold of its records.

Only a trade (`Fill`) is money, because only a trade has a price. What an `OrderUpdate` says beyond the trades that came
counts as filled (for `entries` and `exits`) and is `unexplained` until its trade comes. Every sum is exact: the
arithmetic runs in a context that traps `Inexact`, so a digit is never lost silently.

A closing trade realizes against its own entries, in the order its order names them in `parts`, and within an entry
against the oldest fill first. A forced trade (liquidation, auto-deleveraging) names none and takes the oldest entries
first; what goes beyond the own position known by then is somebody else's, and the share of its fee with it
(`domain.forced`). Other trades come in any order: a close whose opening trade is still missing waits in its entry for
that trade. Shares of a fee alone are rounded, to 28 digits.

At all times `realized_pnl - open_cost == written_off_cost - sum(price x signed quantity of every own trade)`, where
own quantity that was found counts as a trade at its assumed price.

Quantities are base units, money is quote currency; signs as in the report: fees positive are paid, funding positive is
received, realized results are before fees.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from fractions import Fraction

from domain.events import ClosedOutside, Fill, FundingPayment, OrderIntended, OrderUpdate, OwnFound, Record
from domain.forced import OwnQuantity
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose, advance
from domain.recent_ids import RecentIds
from domain.status import MoneyStatement

ZERO = Decimal(0)
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""So many digits hold every sum of prices times quantities, also of the longest numbers that the codecs read (80 digits
each); a result that would not fit raises instead of rounding."""
_REMEMBERED_ENDED_ORDERS = 1_000
"""Ended orders that may still fill, kept for news that comes late. Completed ones are forgotten at once."""
_REMEMBERED_IDS = 5_000
"""Funding payments and forced trades kept to know a repetition."""
_WEAR_PLACES = 4


@dataclass(slots=True)
class _Lot:
    """A trade's quantity not yet matched: positive bought, negative sold."""

    price: Decimal
    quantity: Decimal


@dataclass(slots=True)
class _Entry:
    """The unmatched trades of one entry, all of one sign. `opening_sign`: +1 where its opening orders buy."""

    opening_sign: int
    lots: deque[_Lot] = field(default_factory=deque)
    orders: int = 0
    """Opening orders that may still fill."""
    expected: Decimal = ZERO
    """Filled by the totals of its opening orders, but not yet seen as trades."""
    written_ahead: Decimal = ZERO
    """Written off before the trade that opened it was seen."""
    has_filled: bool = False

    def unclaimed(self) -> Decimal:
        """Expected opening quantity that no early closing trade or write-off waits for."""
        claimed = sum((abs(lot.quantity) for lot in self.lots if lot.quantity * self.opening_sign < 0), ZERO)
        return max(ZERO, self.expected - claimed - self.written_ahead)


@dataclass(slots=True)
class _Order:
    client_id: int
    purpose: Purpose
    side: Side
    intended: Decimal
    quantity: Decimal
    """As intended, or less where the venue shrank it."""
    entry: _Entry | None
    """The entry an opening order opens."""
    entry_id: int | None
    parts: deque[tuple[int, Decimal]]
    status: OrderStatus = OrderStatus.PLANNED
    filled: Decimal = ZERO
    traded: Decimal = ZERO
    trade_ids: set[str] = field(default_factory=set)
    was_completed: bool = False
    is_queued: bool = False
    """Among the ended orders that wait to be forgotten."""


class Accounting:
    """The fold; see the module's text. Memory is bounded by what is open and a fixed number of ended orders."""

    def __init__(self) -> None:
        self.entries = 0
        """Entries with any fill."""
        self.exits = 0
        """Closing orders filled to their full quantity."""
        self.volume_quote = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.realized_pnl = ZERO
        self.position = ZERO
        """Own signed position, by own trades."""
        self.max_position = ZERO
        """The largest absolute own position so far."""
        self.open_cost = ZERO
        """Sum of price x signed quantity of what is unmatched: `position x mid - open_cost` is unrealized."""
        self.written_off = ZERO
        """Quantity closed by somebody else at no known price."""
        self.written_off_cost = ZERO
        """Its price x signed quantity, which left the book without a result."""
        self.unexplained = ZERO
        """Quantity in filled totals for which no trade has arrived: known, but not money yet."""
        self._orders: dict[int, _Order] = {}
        self._entries: dict[int, _Entry] = {}
        self._ended: deque[int] = deque()
        self._loose: deque[_Lot] = deque()
        """Trades beyond everything known to be open, all of one sign."""
        self._payments = RecentIds(_REMEMBERED_IDS)
        self._forced = RecentIds(_REMEMBERED_IDS)
        self._own = OwnQuantity()
        self._handlers: dict[type, Callable[..., None]] = {
            OrderIntended: self._order_intended,
            OrderUpdate: self._order_update,
            Fill: self._fill,
            FundingPayment: self._funding,
            ClosedOutside: self._closed_outside,
            OwnFound: self._own_found,
        }

    def apply(self, record: Record) -> None:
        """Take one journaled record in; a repetition changes nothing. Raises `decimal.Inexact` rather than round."""
        handler = self._handlers.get(type(record))
        if handler is not None:
            with localcontext(EXACT):
                handler(record)

    def statement(self, mid: Decimal | None) -> MoneyStatement:
        """The results with the open position valued at `mid`; None where there is no usable quote."""
        with localcontext(EXACT):
            unrealized = None if mid is None else self.position * mid - self.open_cost
            net = None if unrealized is None else self.realized_pnl + unrealized + self.funding - self.fees
        return MoneyStatement(
            entries=self.entries,
            exits=self.exits,
            volume_quote=self.volume_quote,
            fees=self.fees,
            funding=self.funding,
            realized_pnl=self.realized_pnl,
            unrealized_pnl=unrealized,
            wear_bps=None if net is None else wear_bps(net, self.volume_quote),
        )

    # --- orders and their totals --------------------------------------------------------------------------------

    def _order_intended(self, record: OrderIntended) -> None:
        if record.client_id in self._orders:
            return
        entry = self._entry_opened_by(record) if record.purpose is Purpose.OPEN else None
        self._orders[record.client_id] = _Order(
            record.client_id,
            record.purpose,
            record.side,
            record.quantity,
            record.quantity,
            entry,
            record.entry_id,
            deque((part.entry_id, part.quantity) for part in record.parts),
        )

    def _entry_opened_by(self, record: OrderIntended) -> _Entry:
        if record.entry_id is None:
            raise ValueError(f"opening order {record.client_id} names no entry")
        entry = self._entries.setdefault(record.entry_id, _Entry(record.side.sign))
        entry.orders += 1
        return entry

    def _order_update(self, update: OrderUpdate) -> None:
        order = self._orders.get(update.client_id) if update.client_id is not None else None
        if order is None:
            return
        if update.quantity is not None and update.quantity < order.quantity:
            order.quantity = max(update.quantity, order.filled)
        filled = update.filled
        if filled is None and update.fact is OrderFact.FILLED:
            filled = order.quantity
        self._raise_total(order, filled=filled or ZERO)
        self._move(order, update.fact)

    def _raise_total(self, order: _Order, *, filled: Decimal = ZERO, traded: Decimal = ZERO) -> None:
        """Totals only grow. `filled` is a total from the venue, `traded` one trade more."""
        filled_before, missing_before = order.filled, order.filled - order.traded
        order.traded += traded
        order.filled = max(order.filled, filled, order.traded)
        if order.entry is None:
            self._own.close(order.filled - filled_before)
        else:
            self._own.open(order.side, order.filled - filled_before)
        change = order.filled - order.traded - missing_before
        self.unexplained += change
        if order.entry is not None:
            order.entry.expected += change
            if order.filled > 0 and not order.entry.has_filled:
                order.entry.has_filled = True
                self.entries += 1

    def _move(self, order: _Order, fact: OrderFact) -> None:
        order.status = advance(order.status, fact)
        if not order.was_completed and ZERO < order.quantity <= order.filled:
            order.was_completed = True
            self.exits += order.entry is None
        if order.traded >= order.intended:
            # Nothing more can come but repetitions, and those of an unknown order change nothing.
            self._forget(order)
        elif order.status.has_ended and not order.is_queued:
            order.is_queued = True
            self._ended.append(order.client_id)
            self._forget_oldest_ended()

    def _forget_oldest_ended(self) -> None:
        while len(self._ended) > _REMEMBERED_ENDED_ORDERS:
            order = self._orders.get(self._ended.popleft())
            if order is not None and order.status.has_ended:
                self._forget(order)
            elif order is not None:
                order.is_queued = False

    def _forget(self, order: _Order) -> None:
        del self._orders[order.client_id]
        if order.entry is not None and order.entry_id is not None:
            order.entry.expected -= order.filled - order.traded
            order.entry.orders -= 1
            self._forget_entry_if_over(order.entry_id)

    def _forget_entry_if_over(self, entry_id: int) -> None:
        entry = self._entries.get(entry_id)
        if entry is not None and not entry.orders and not entry.lots:
            del self._entries[entry_id]

    # --- trades -------------------------------------------------------------------------------------------------

    def _fill(self, fill: Fill) -> None:
        if fill.client_id is None:
            is_new = fill.forced and self._forced.is_new(fill.order_id, fill.trade_id)
            if is_new and (own := self._own.take_part(fill)) is not None:
                self._charge(own)
                self._close_oldest(own.price, own.quantity * own.side.sign)
            return
        order = self._orders.get(fill.client_id)
        if order is None or fill.trade_id in order.trade_ids:
            return
        order.trade_ids.add(fill.trade_id)
        self._charge(fill)
        if order.entry is not None:
            self._opened(order.entry, fill)
        else:
            self._closed(order, fill)
        self.max_position = max(self.max_position, abs(self.position))
        self._raise_total(order, traded=fill.quantity)
        self._move(order, OrderFact.FILLED if order.filled >= order.quantity else OrderFact.ACCEPTED)

    def _charge(self, fill: Fill) -> None:
        self.volume_quote += fill.price * fill.quantity
        self.fees += fill.fee
        self.position += fill.quantity * fill.side.sign

    def _opened(self, entry: _Entry, fill: Fill) -> None:
        signed = self._match(entry.lots, fill.price, fill.quantity * fill.side.sign)
        signed = self._match(self._loose, fill.price, signed)
        if signed and entry.written_ahead:
            gone = min(entry.written_ahead, abs(signed)) * entry.opening_sign
            entry.written_ahead -= abs(gone)
            signed -= gone
            self.position -= gone
            self.written_off_cost += fill.price * gone
        self._keep(entry.lots, fill.price, signed)

    def _closed(self, order: _Order, fill: Fill) -> None:
        left = fill.quantity
        beyond = ZERO
        while left and order.parts:
            entry_id, quantity = order.parts.popleft()
            taken = min(left, quantity)
            left -= taken
            if taken < quantity:
                order.parts.appendleft((entry_id, quantity - taken))
            beyond += abs(self._close_entry(entry_id, fill.price, taken * fill.side.sign))
        if left + beyond:
            self._close_oldest(fill.price, (left + beyond) * fill.side.sign)

    def _close_entry(self, entry_id: int, price: Decimal, signed: Decimal) -> Decimal:
        """Close what the entry holds, then what it is known to hold; the rest that it does not."""
        entry = self._entries.get(entry_id)
        if entry is None:
            return signed
        signed = self._wait(entry, price, self._match(entry.lots, price, signed))
        self._forget_entry_if_over(entry_id)
        return signed

    def _close_oldest(self, price: Decimal, signed: Decimal) -> None:
        """Close whatever is open, oldest entry first; linear in the entries, and rare."""
        for entry in self._entries.values():
            signed = self._match(entry.lots, price, signed)
        for entry in self._entries.values():
            signed = self._wait(entry, price, signed)
        self._keep(self._loose, price, self._match(self._loose, price, signed))
        self._forget_entries_that_are_over()

    def _match(self, lots: deque[_Lot], price: Decimal, signed: Decimal) -> Decimal:
        """Realize a trade of `signed` quantity against opposite lots, oldest first; what is left of it."""
        while signed and lots and lots[0].quantity * signed < 0:
            lot = lots[0]
            matched = min(abs(lot.quantity), abs(signed)).copy_sign(lot.quantity)
            self.realized_pnl += (price - lot.price) * matched
            self.open_cost -= lot.price * matched
            lot.quantity -= matched
            signed += matched
            if not lot.quantity:
                lots.popleft()
        return signed

    def _wait(self, entry: _Entry, price: Decimal, signed: Decimal) -> Decimal:
        """Let a closing trade wait for opening trades that are known but not seen; what is left of it."""
        if signed * entry.opening_sign >= 0:
            return signed
        waiting = min(entry.unclaimed(), abs(signed)).copy_sign(signed)
        self._keep(entry.lots, price, waiting)
        return signed - waiting

    def _keep(self, lots: deque[_Lot], price: Decimal, signed: Decimal) -> None:
        if signed:
            lots.append(_Lot(price, signed))
            self.open_cost += price * signed

    # --- everything else ----------------------------------------------------------------------------------------

    def _funding(self, payment: FundingPayment) -> None:
        if self._payments.is_new(payment.payment_id):
            self.funding += payment.amount

    def _closed_outside(self, record: ClosedOutside) -> None:
        left = record.quantity
        self._own.close(left)
        for entry in self._entries.values():
            while left and entry.lots and entry.lots[0].quantity * entry.opening_sign > 0:
                left -= self._write_off(entry.lots, left)
        for entry in self._entries.values():
            ahead = min(left, entry.unclaimed())
            entry.written_ahead += ahead
            left -= ahead
        self.written_off += record.quantity - left
        self._forget_entries_that_are_over()

    def _own_found(self, record: OwnFound) -> None:
        """An entry that filled at an assumed price, with no volume and no fee that are known."""
        entry = self._entries.setdefault(record.entry_id, _Entry(record.side.sign))
        self.entries += 1
        signed = record.quantity * record.side.sign
        self._own.open(record.side, record.quantity)
        self.position += signed
        self.max_position = max(self.max_position, abs(self.position))
        self._keep(entry.lots, record.price, self._match(self._loose, record.price, signed))

    def _write_off(self, lots: deque[_Lot], at_most: Decimal) -> Decimal:
        lot = lots[0]
        gone = min(at_most, abs(lot.quantity)).copy_sign(lot.quantity)
        lot.quantity -= gone
        if not lot.quantity:
            lots.popleft()
        self.position -= gone
        self.open_cost -= lot.price * gone
        self.written_off_cost += lot.price * gone
        return abs(gone)

    def _forget_entries_that_are_over(self) -> None:
        for entry_id in list(self._entries):
            self._forget_entry_if_over(entry_id)


def wear_bps(net: Decimal, volume_quote: Decimal) -> Decimal | None:
    """What trading cost, in 1/100 % of the volume, rounded half-even to 4 places; None without volume.

    `net` is the result after fees and funding; a loss is positive wear. Rounded once, from the exact quotient.
    """
    if not volume_quote:
        return None
    scaled = round(Fraction(-net) * 10 ** (4 + _WEAR_PLACES) / Fraction(volume_quote))
    return Decimal(scaled).scaleb(-_WEAR_PLACES, EXACT)


KNOWN_CLASSES: tuple[type, ...] = (_Lot, _Entry, _Order, RecentIds, OwnQuantity)
"""Of what an `Accounting` holds, for whoever keeps a copy of one."""
