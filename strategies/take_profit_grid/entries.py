"""The entries of one grid, and what each is owed.

Per entry, in base units:

    owed = filled - closed - covering

`filled` and `closed` are totals of own fills; `covering` is what live closing orders claim of it. Part of what is owed
may be `returned`: it was under a close that the venue ended, or was owed when the session started. Returned quantity is
covered again only after the venue was asked, because somebody else may have closed it meanwhile, or a close that the
journal lost may rest; the rest of what is owed is a fresh fill and is covered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.events import Part
from strategies.take_profit_grid.orders import ZERO


@dataclass(slots=True)
class Entry:
    """One intention to open; owns the closes of what it filled.

    `worst_price`: the fill price hardest to profit from. `open_was_cancelled`: its newest open ended without being
    filled, so that what is still owed was found on the cancel.
    """

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


class Entries:
    """All entries that are not over, with two indexes: those that have quantity to close, and those that are owed."""

    def __init__(self) -> None:
        self.by_id: dict[int, Entry] = {}
        self.unclosed: set[int] = set()
        """Entries with quantity to close: n of the cool-down."""
        self.owing: dict[int, None] = {}
        """Entries whose `owed` is not zero, in the order in which they came to owe."""

    def get_or_begin(self, entry_id: int) -> Entry:
        return self.by_id.setdefault(entry_id, Entry(entry_id))

    def find(self, entry_id: int, quantity: Decimal, price: Decimal) -> None:
        """Begin an entry whose fills nobody told us of."""
        entry = self.get_or_begin(entry_id)
        entry.filled, entry.worst_price, entry.was_accepted = quantity, price, True
        self.settle(entry)

    def drop_if_unfilled(self, entry_id: int) -> None:
        entry = self.by_id.get(entry_id)
        if entry is not None and not entry.live_opens and not entry.filled:
            del self.by_id[entry_id]

    def cover(self, entry: Entry, quantity: Decimal) -> None:
        """A closing order claims `quantity`: what is fresh first, then what was returned."""
        entry.returned -= max(ZERO, quantity - max(ZERO, entry.fresh))
        entry.covering += quantity
        self.settle(entry)

    def give_back(self, entry_id: int, quantity: Decimal, *, returned: bool) -> None:
        """A closing order will not close `quantity` any more."""
        entry = self.by_id.get(entry_id)
        if entry is None:
            return
        entry.covering -= quantity
        if returned:
            entry.returned += quantity
        self.settle(entry)
        self.finish_if_closed(entry)

    def close(self, entry_id: int, quantity: Decimal, *, claimed: bool) -> tuple[Decimal, bool]:
        """A closing order filled `quantity` of an entry; `claimed`: its claim was still counted as covering.

        What the entry does not have any more (somebody else closed it first), and whether the entry is over by this.
        """
        entry = self.by_id.get(entry_id)
        if entry is None:
            return quantity, False
        if claimed:
            entry.covering -= quantity
        taken = max(ZERO, min(quantity, entry.to_close))
        entry.closed += taken
        self.settle(entry)
        return quantity - taken, self.finish_if_closed(entry)

    def close_oldest(self, quantity: Decimal) -> None:
        """Something that claims no entry closed `quantity`: first what lies bare, then what is covered, oldest first.

        Linear in the entries, and rare.
        """
        for bare_only in (True, False):
            if quantity <= 0:
                return
            for entry_id in sorted(self.unclosed):
                entry = self.by_id[entry_id]
                taken = min(quantity, max(ZERO, entry.owed) if bare_only else entry.to_close)
                quantity -= taken
                entry.closed += taken
                self.settle(entry)
                self.finish_if_closed(entry)

    def doubt_everything_owed(self) -> None:
        """What is owed now may be covered by something unknown: the venue must be asked before it is covered."""
        for entry_id in self.owing:
            entry = self.by_id[entry_id]
            entry.returned = max(ZERO, entry.owed)

    def parts_to_cover(self, quantity: Decimal, filled_at: Decimal | None, sign: int) -> tuple[Part, ...]:
        """`quantity` spread over what is owed (for an adopted close of unknown parts): first over entries for which the
        close is no loss, the one it fits best first; then over those for which it is the least. Of equal ones, and
        without a price, the oldest first.

        `filled_at`: the fill price hardest to profit from that the close's price takes a profit of; `sign` of buying.
        """

        def misfit(entry_id: int) -> tuple[bool, Decimal, int]:
            worst = self.by_id[entry_id].worst_price
            short = ZERO if filled_at is None or worst is None else (worst - filled_at) * sign
            return short > 0, abs(short), entry_id

        parts = []
        for entry_id in sorted(self.owing, key=misfit):
            take = min(quantity, self.by_id[entry_id].owed)
            if take > 0:
                parts.append(Part(entry_id, take))
                quantity -= take
        return tuple(parts)

    def settle(self, entry: Entry) -> None:
        """Keep the two indexes, and `returned <= owed`, true after the entry's numbers moved."""
        owed = entry.owed
        entry.returned = max(ZERO, min(entry.returned, owed))
        if entry.to_close > 0:
            self.unclosed.add(entry.entry_id)
        else:
            self.unclosed.discard(entry.entry_id)
        if owed:
            self.owing[entry.entry_id] = None
        else:
            self.owing.pop(entry.entry_id, None)

    def finish_if_closed(self, entry: Entry) -> bool:
        """Forget an entry whose open has ended and whose fills are all closed; whether a fill of it was closed by this.

        One that never filled can only be the shadow of an entry that was over before a close of it was heard of again.
        """
        if entry.live_opens or entry.to_close > 0 or entry.covering > 0:
            return False
        del self.by_id[entry.entry_id]
        self.unclosed.discard(entry.entry_id)
        self.owing.pop(entry.entry_id, None)
        return entry.filled > 0
