"""When the last open filled, as far as a bot can know: L4 counts the cool-down from then.

By the account's own word, or later in two cases: where the venue's time of the fill does not lie between intent and
hearing by the bot's clock, from the hearing; and where the machine's clock was set back before a start, from what that
clock makes of it. What the surviving records of the sessions since prove to have passed has passed by every clock; of
the time in which nobody lived a bot knows what its clock says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from domain.events import ClockSet, Fill, FundingPayment, JournalBegan, OrderUpdate, Record, SessionStarted
from domain.orders import OrderFact, Purpose
from simulation.auditor.journal_books import JournalBooks


@dataclass(frozen=True, slots=True)
class _Told:
    """What the journal's records up to one add up to, by the clock of the session that wrote it.

    `open_ns`: the last open fill (None: never). `lived_ns`: what earlier sessions lived through since it was told.
    `from_ns`: this session's start, or when it told it. `newest_ns`: the latest moment written.
    """

    open_ns: int | None = None
    lived_ns: int = 0
    from_ns: int = 0
    newest_ns: int = 0
    began_ns: int = 0
    began_seq: int = 0


class LastOpen:
    def __init__(self, journal: JournalBooks) -> None:
        self._journal = journal
        self._filled_ns = 0
        """At the venue, by the world's clock."""
        self._told: deque[tuple[int, _Told]] = deque([(0, _Told())])
        """By the number of the record; those a power loss can take, and the last one that it cannot."""
        self._ahead_ns: int | None = None
        """How far the clock of the session that lives is ahead of the world's."""

    @property
    def since_ns(self) -> int:
        """From when the cool-down counts, by the world's clock; 0: no open has filled."""
        open_ns = self._told[-1][1].open_ns
        if open_ns is None or self._ahead_ns is None:
            return self._filled_ns
        return max(self._filled_ns, open_ns - self._ahead_ns)

    def begin(self) -> None:
        """A new life, whose clock nothing is known of."""
        self._ahead_ns = None

    def filled(self, at_ns: int) -> None:
        """An own open filled at the venue."""
        self._filled_ns = at_ns

    def wrote(self, at_ns: int, seq: int, record: Record) -> None:
        """To be called before the journal's books take the record in."""
        if isinstance(record, FundingPayment):  # Dated by the venue.
            return
        if isinstance(record, SessionStarted):
            self._ahead_ns = record.at_ns - at_ns
        while len(self._told) > 1 and self._told[1][0] <= self._journal.synced:
            self._told.popleft()
        self._told.append((seq, self._with(self._told[-1][1], seq, record)))

    def lost_after(self, seq: int) -> None:
        """A power loss has taken the records after that."""
        while len(self._told) > 1 and self._told[-1][0] > seq:
            self._told.pop()

    def _with(self, told: _Told, seq: int, record: Record) -> _Told:
        now_ns = record.at_ns
        if isinstance(record, JournalBegan):
            return _Told(from_ns=now_ns, newest_ns=now_ns, began_ns=now_ns, began_seq=seq)
        if isinstance(record, SessionStarted):
            lived_ns = told.lived_ns + told.newest_ns - told.from_ns
            open_ns = None if told.open_ns is None else min(told.open_ns, now_ns - lived_ns)
            return _Told(open_ns, lived_ns, now_ns, now_ns, now_ns, seq)
        told = replace(told, newest_ns=max(told.newest_ns, now_ns))
        open_ns = now_ns if isinstance(record, ClockSet) else self._open_told(told, record)
        if open_ns is None:
            return told
        if not isinstance(record, ClockSet):
            open_ns = max(told.open_ns or open_ns, open_ns)
        return replace(told, open_ns=open_ns, lived_ns=0, from_ns=told.newest_ns)

    def _open_told(self, told: _Told, record: Record) -> int | None:
        """When an open filled, where the record is the first to tell of it."""
        if not isinstance(record, OrderUpdate | Fill) or record.client_id is None:
            return None
        belief = self._journal.orders.get(record.client_id)
        if belief is None or belief.intent is None or belief.intent.purpose is not Purpose.OPEN:
            return None
        if isinstance(record, OrderUpdate):
            whole = belief.quantity if record.fact is OrderFact.FILLED else None
            total = whole if record.filled is None else record.filled
            return record.at_ns if total is not None and total > belief.filled else None
        is_known = (record.order_id, record.trade_id) in belief.trades
        if is_known or belief.traded + record.quantity <= belief.filled:
            return None
        intended_ns = belief.intent.at_ns
        if belief.intent_seq < told.began_seq:
            intended_ns = min(intended_ns, told.began_ns)
        return record.venue_ns if intended_ns <= record.venue_ns <= record.at_ns else record.at_ns
