"""L1: how long own filled quantity is without a close, as a queue of bare lots.

A lot begins when a fill, or the end of a close, leaves quantity bare, and ends when a close rests for it or it is
closed. Less than can be closed at all is dust and is not owed; its clock begins when it can be closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.market import NANOSECONDS
from simulation.auditor.terms import Deadlines

ZERO = Decimal(0)


@dataclass(slots=True)
class BareLot:
    """`causes`: the orders whose change left it bare. `disturbed_ns`: when news of it was last disturbed; -1: never.
    `told_ns`: when a message that the bot knows to have failed last was to cover it; -1: never. `overtaken_ns`: when a
    close for it last came to a market that had moved on; -1: never."""

    quantity: Decimal
    since_ns: int
    causes: frozenset[int]
    is_again: bool = False
    """Not a fill left it bare, but the end of a close: the bot must look before it covers it again."""
    disturbed_ns: int = -1
    told_ns: int = -1
    overtaken_ns: int = -1
    kept_out_ns: int = -1
    """When the venue last took no close at its price; -1: never."""
    is_reported: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What a bot could know. `fair_since_ns`: since when it has been answered and reached; `settled_since_ns`: since
    when it has also looked at its account (None: it has not yet). What came before is found out, not told."""

    fair_since_ns: int
    settled_since_ns: int | None

    def was_told(self, at_ns: int) -> bool:
        return self.settled_since_ns is not None and self.settled_since_ns < at_ns


class Cover:
    """`times_ns`: of quantity that was knowable when it was filled; `recovery_times_ns`: of what a start, an outage, a
    disturbance or the end of a close left, counted from when it could be found out, and of what a close was overtaken
    for."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.bare = ZERO
        self.times_ns: list[int] = []
        self.recovery_times_ns: list[int] = []
        self._lots: deque[BareLot] = deque()
        self._hidden: deque[BareLot] = deque()
        """Lots of which news was disturbed. What is covered counts for the others first: they were told of."""
        self._owed_since_ns: int | None = None
        self._deadlines = deadlines

    def owed_before(self, at_ns: int) -> bool:
        """Whether quantity that can be closed has been bare since before then."""
        if self._owed_since_ns is None:
            return False
        return self._owed_since_ns < at_ns and any(lot.since_ns < at_ns for lot in (*self._hidden, *self._lots))

    def set(
        self,
        at_ns: int,
        bare: Decimal,
        least: Decimal,
        causes: frozenset[int],
        sight: Sight | None,
        *,
        is_again: bool = False,
    ) -> None:
        """`bare`: own quantity without a close now; `least`: the smallest that can be closed. `is_again`: no fill left
        it bare. What is covered counts first for what is due first."""
        change = bare - self.bare
        self.bare = bare
        if change > 0:
            self._lots.append(BareLot(change, at_ns, causes, is_again))
        elif change < 0:
            self._lots = deque(sorted(self._lots, key=lambda lot: self._urgency(lot, sight)))
            left = self._take(at_ns, self._lots, -change, sight)
            self._take(at_ns, self._hidden, left, sight)
        if bare < least:
            self._owed_since_ns = None
        elif self._owed_since_ns is None:
            self._owed_since_ns = at_ns

    def delay(self, at_ns: int, client_id: int | None) -> None:
        """A message failed, as its sender knows: what it was for is tried again."""
        for lot in (*self._hidden, *self._lots):
            if client_id is None or client_id in lot.causes:
                lot.told_ns = at_ns

    def overtake(self, at_ns: int) -> None:
        """A close was refused since the market had moved while it was on its way."""
        for lot in (*self._hidden, *self._lots):
            lot.overtaken_ns = at_ns

    def keep_out(self, at_ns: int, quantity: Decimal) -> None:
        """The venue took no close for so much of it then: nobody can say which, so it is what has waited longest."""
        if quantity <= 0:
            return
        for lot in sorted((*self._hidden, *self._lots), key=lambda lot: lot.since_ns):
            if quantity <= 0:
                return
            if lot.quantity > quantity:
                home = self._hidden if lot in self._hidden else self._lots
                home.append(replace(lot, quantity=lot.quantity - quantity))
                lot.quantity = quantity
            lot.kept_out_ns = at_ns
            quantity -= lot.quantity

    def disturb(self, at_ns: int, client_id: int | None) -> None:
        """News of one order, or of nobody knows what (None), was disturbed."""
        known = self._lots
        for lot in (*self._hidden, *known):
            if client_id is None or client_id in lot.causes:
                lot.disturbed_ns = at_ns
        self._lots = deque(lot for lot in known if lot.disturbed_ns < 0)
        self._hidden.extend(lot for lot in known if lot.disturbed_ns >= 0)

    def overdue(self, at_ns: int, sight: Sight) -> Iterator[BareLot]:
        """Lots that are owed beyond their deadline, each once."""
        if self._owed_since_ns is None:
            return
        for lot in (*self._hidden, *self._lots):
            if not lot.is_reported and at_ns > self._deadline(lot, sight):
                lot.is_reported = True
                yield lot

    def _urgency(self, lot: BareLot, sight: Sight | None) -> tuple[bool, int]:
        """What is due first is covered first: nobody can say which quantity a close is for."""
        return (lot.is_again, lot.since_ns) if sight is None else (False, self._deadline(lot, sight))

    def _deadline(self, lot: BareLot, sight: Sight) -> int:
        begun = max(lot.since_ns, self._owed_since_ns or 0)
        cover = (self._deadlines.again_s if lot.is_again else self._deadlines.cover_s) * NANOSECONDS
        found_out = sight.fair_since_ns + self._deadlines.recover_s * NANOSECONDS
        deadline = begun + cover if sight.was_told(begun) else max(found_out, begun + cover)
        if lot.told_ns >= 0:
            deadline = max(deadline, lot.told_ns + self._deadlines.recover_s * NANOSECONDS)
        if lot.overtaken_ns >= begun:
            longest = begun + self._deadlines.recover_s * NANOSECONDS
            offered_again = lot.overtaken_ns + self._deadlines.again_s * NANOSECONDS
            deadline = max(deadline, min(offered_again, longest))
        if lot.kept_out_ns >= 0:
            deadline = max(deadline, lot.kept_out_ns + self._deadlines.recover_s * NANOSECONDS)
        if lot.disturbed_ns < 0:
            return deadline
        hidden_until = max(lot.disturbed_ns, sight.fair_since_ns) + self._deadlines.discover_s * NANOSECONDS
        return max(deadline, hidden_until + cover)

    def _take(self, at_ns: int, lots: deque[BareLot], quantity: Decimal, sight: Sight | None) -> Decimal:
        """Cover the oldest first; what is left of `quantity`."""
        while quantity > 0 and lots:
            lot = lots[0]
            taken = min(quantity, lot.quantity)
            quantity -= taken
            self._measure(at_ns, lot, sight)
            if taken < lot.quantity:
                lot.quantity -= taken
            else:
                lots.popleft()
        return quantity

    def _measure(self, at_ns: int, lot: BareLot, sight: Sight | None) -> None:
        if self._owed_since_ns is None or sight is None:
            return
        begun = max(lot.since_ns, self._owed_since_ns)
        was_hindered = lot.is_again or max(lot.disturbed_ns, lot.told_ns, lot.overtaken_ns, lot.kept_out_ns) >= 0
        if not was_hindered and sight.was_told(begun):
            self.times_ns.append(at_ns - begun)
        else:
            hindered_ns = max(lot.disturbed_ns, lot.told_ns, lot.kept_out_ns, sight.fair_since_ns)
            self.recovery_times_ns.append(at_ns - max(begun, hindered_ns))
