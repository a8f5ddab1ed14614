"""Every record and notice, judged when it is written or said: S1, S2, S6, S7, S11, S16, L7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from domain.events import JOURNALED, Fill, HaltCleared, Halted, JournalBegan, OrderIntended, OrderUpdate, Record
from domain.market import NANOSECONDS
from domain.orders import OrderFact, OrderStatus, Purpose
from domain.status import Notice, NoticeKind
from simulation.auditor.canaries import Canaries
from simulation.auditor.case import Case
from simulation.auditor.journal_books import Belief
from simulation.observed import Written

_COMMANDING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What commands a terminal or hides a word; every line may end."""
_LONGEST_LINE = 5_000
_LONGEST_TEXT = 2_000
"""In a record: the venue's words are kept, but not a megabyte of them."""
_ALARMS = frozenset({NoticeKind.HALT, NoticeKind.MISMATCH, NoticeKind.ERROR})


class EvidenceChecks:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._canaries = Canaries(case.terms.secrets)
        self._last_alarm_ns: int | None = None
        self._halted_ns: int | None = None
        """When a halt was written that nobody has been told of."""
        self._said_halts: set[str] = set()
        """The halts that people were told of in this life, in the words of the notice."""

    def scan(self, at_ns: int, where: str, *texts: str) -> None:
        for text in texts:
            if self._canaries.shows_in(text):
                self._report(at_ns, "S16", f"a secret shows in {where}")

    def take_shown(self, at_ns: int, where: str, text: str) -> None:
        """S16: what people get to see shows no secret, and nothing that a terminal could obey."""
        self.scan(at_ns, where, text)
        if (found := _COMMANDING.search(text)) is not None:
            self._report(at_ns, "S16", f"an unescaped {found[0]!r} shows in {where}")
        longest = max((len(line) for line in text.split("\n")), default=0)
        if longest > _LONGEST_LINE:
            self._report(at_ns, "S16", f"a line of {longest} characters shows in {where}")

    def take_notice(self, at_ns: int, notice: Notice) -> None:
        self.scan(at_ns, f"a notice ({notice.kind})", notice.text)
        if notice.kind in _ALARMS:
            self._last_alarm_ns = at_ns
            self._halted_ns = None
        if notice.kind is NoticeKind.HALT:
            self._said_halts.add(notice.text)

    def check_alarm(self, at_ns: int) -> None:
        """L7: a halt is told to people, or was just before it was written; or before that, in the same words, where the
        disk made the record wait."""
        if self._halted_ns is not None and at_ns - self._halted_ns > self._alarm_ns:
            self._report(at_ns, "L7", "a halt was written and nobody was told")
            self._halted_ns = None

    def forget_alarm(self) -> None:
        """Whoever owed it was killed."""
        self._halted_ns = None

    def begin(self) -> None:
        """A new life: what an earlier one said announces no halt of this one."""
        self._said_halts.clear()

    @property
    def _alarm_ns(self) -> int:
        return self._case.terms.deadlines.alarm_s * NANOSECONDS

    # --- records ----------------------------------------------------------------------------------------------------

    def take(self, at_ns: int, seen: Written) -> None:
        record = seen.record
        self._scan_record(at_ns, record)
        self._before(at_ns, record)
        belief = self._case.journal.take(seen.seq, record, seen.is_synced)
        if belief is not None:
            self._check_accepted(at_ns, record)
            self._case.compare(at_ns, belief.client_id)
            self._check_totals(at_ns, belief)
            if belief.intent is not None and belief.status.has_ended and isinstance(record, OrderUpdate | Fill):
                self._check_end(at_ns, belief)

    def _scan_record(self, at_ns: int, record: Record) -> None:
        where = f"a record ({type(record).__name__})"
        for text in _texts(record):
            self.scan(at_ns, where, text)
            if len(text) > _LONGEST_TEXT:
                self._report(at_ns, "S16", f"a text of {len(text)} characters is kept in {where}")

    def _check_accepted(self, at_ns: int, record: Record) -> None:
        """S7: an order rests in the journal only where the venue has had it."""
        if not (isinstance(record, OrderUpdate) and record.fact is OrderFact.ACCEPTED):
            return
        is_made_up = self._case.terms.answers_prove and record.client_id not in self._case.venue.orders
        if self._case.findings.begins(("S7 accepted", record.client_id), is_made_up):
            self._report(at_ns, "S7", f"order {record.client_id} is written as accepted, and the venue never had it")

    def _before(self, at_ns: int, record: Record) -> None:
        match record:
            case JournalBegan():
                self._case.venue.begin()
            case OrderIntended():
                self._intended(at_ns, record)
            case Fill(client_id=int() as client_id):
                known = self._case.journal.orders.get(client_id)
                if known is not None and (record.order_id, record.trade_id) in known.trades:
                    self._report(at_ns, "S2", f"fill {record.trade_id} of order {client_id} was written twice")
            case Halted():
                self._halt(at_ns, record.reason)
            case HaltCleared():
                self._case.has_halted = False
                gap = self._case.venue.gap
                if gap > self._case.terms.guard_limit and not self._case.conditions.is_outside_recent(at_ns):
                    self._report(at_ns, "S11", f"the halt was cleared while position and closes differ by {gap}")
            case _:
                pass

    def _intended(self, at_ns: int, intent: OrderIntended) -> None:
        case, client_id = self._case, intent.client_id
        if intent.adopted:
            if client_id not in case.venue.orders:
                self._report(at_ns, "S7", f"order {client_id} was adopted, and the venue does not know it")
            case.intents.setdefault(client_id, intent)
            return
        if client_id in case.intents:
            self._report(at_ns, "S6", f"id {client_id} was used again")
            return
        case.intents[client_id] = intent
        if client_id in case.venue.orders:  # Sent while the disk was full, and written when it was not.
            case.entries.take(intent, case.venue.orders[client_id].filled)
        if intent.purpose is Purpose.OPEN:
            others = sorted((case.journal.unended_opens.keys() | case.venue.live_opens.keys()) - {client_id})
            if others:
                named = ", ".join(map(str, others))
                self._report(at_ns, "S1", f"open {client_id} was written while others are not resolved: {named}")

    def _halt(self, at_ns: int, reason: str) -> None:
        case = self._case
        case.has_halted = True
        if not reason:
            self._report(at_ns, "L7", "a halt was written without a reason")
        is_recent = self._last_alarm_ns is not None and at_ns - self._last_alarm_ns <= self._alarm_ns
        if not is_recent and reason not in self._said_halts:
            self._halted_ns = at_ns
        within = case.terms.deadlines.guard_s * NANOSECONDS
        has_cause = case.gap_since_ns is not None or (
            case.last_gap_ns is not None and at_ns - case.last_gap_ns <= within
        )
        if not has_cause and case.conditions.outside_ns is None:
            self._report(at_ns, "S11", f"halted, and position and closes agree: {reason}")

    def _check_totals(self, at_ns: int, belief: Belief) -> None:
        """S2: no more may be written than the venue has filled."""
        order = self._case.venue.orders.get(belief.client_id)
        filled = 0 if order is None else order.filled
        what = ("S2", belief.client_id)
        if self._case.findings.begins(what, belief.filled > filled):
            text = f"{belief.filled} of order {belief.client_id} are written as filled, the venue filled {filled}"
            self._report(at_ns, "S2", text)

    def _check_end(self, at_ns: int, belief: Belief) -> None:
        """S7: an order ends in the journal only where it has ended at the venue."""
        order = self._case.venue.orders.get(belief.client_id)
        lives = order is not None and order.remaining > 0
        if self._case.findings.begins(("S7", belief.client_id), lives):
            self._report(at_ns, "S7", f"order {belief.client_id} is written as {belief.status} and lives at the venue")
        if belief.status is not OrderStatus.FILLED:
            return
        is_whole = order is not None and order.filled >= min(order.quantity, belief.quantity)
        if self._case.findings.begins(("S7 filled", belief.client_id), not lives and not is_whole):
            filled = 0 if order is None else order.filled
            text = f"order {belief.client_id} is written as {OrderFact.FILLED}, the venue filled {filled}"
            self._report(at_ns, "S7", text)

    def _report(self, at_ns: int, invariant: str, text: str) -> None:
        self._case.findings.report(at_ns, invariant, text)


_TEXT_FIELDS = {
    kind: tuple(field.name for field in fields(kind) if field.type in ("str", "str | None")) for kind in JOURNALED
}


def _texts(record: Record) -> Iterator[str]:
    for name in _TEXT_FIELDS[type(record)]:
        value = getattr(record, name)
        if value:
            yield value
