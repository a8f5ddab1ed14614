"""Every request, judged when the transport sees it: S1, S6, S8, S11 to S13, S15, S17, and its count (L4)."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from domain.market import NANOSECONDS
from domain.orders import Purpose
from simulation.auditor.case import ACCOUNT_READS, Case
from simulation.observed import Carried, RequestKind, Sent, VenueQuote

_CUT_KNOWN_NS = NANOSECONDS // 10
"""An open that was decided just before the streams were lost may leave just after."""
@dataclass(frozen=True, slots=True)
class SyncDue:
    """A close or exit was sent whose intent was not synced yet."""

    by_ns: int
    seq: int
    client_id: int


class SendingChecks:
    """`requests`: how many of each kind; `requests_of`: of each primitive of the client."""

    def __init__(self, case: Case) -> None:
        self.requests: Counter[RequestKind] = Counter()
        self.requests_of: Counter[str] = Counter()
        self._case = case
        self._unusable_since_ns: int | None = None
        self._minute = 0
        self._in_minute = 0
        self._syncs_due: deque[SyncDue] = deque()

    @property
    def is_book_usable(self) -> bool:
        return self._unusable_since_ns is None

    def take_quote(self, at_ns: int, seen: VenueQuote) -> None:
        if seen.bid is not None and seen.ask is not None and seen.bid < seen.ask:
            self._unusable_since_ns = None
            self._case.mid, self._case.mid_ns = (seen.bid + seen.ask) / 2, at_ns
        elif self._unusable_since_ns is None:
            self._unusable_since_ns = at_ns

    def take(self, at_ns: int, sent: Sent) -> None:
        self.requests[sent.kind] += 1
        self.requests_of[sent.what] += 1
        self._check_life(at_ns, sent)
        self._count(at_ns)
        if sent.kind is RequestKind.PLACE:
            self._place(at_ns, sent)
        elif sent.kind is RequestKind.CANCEL:
            self._cancel(at_ns, sent)
        else:
            self._case.look(at_ns, sent.what)

    def take_carried(self, at_ns: int, carried: Carried) -> None:
        """S17: nothing leaves for the venue before the time it named."""
        until = self._case.conditions.quiet_until_ns
        if at_ns < until:
            self._report(at_ns, "S17", f"{carried.what} left {until - at_ns} ns before the venue's limit ends")

    def _check_life(self, at_ns: int, sent: Sent) -> None:
        life = self._case.conditions.life
        if life is None:
            self._report(at_ns, "S13", f"{sent.what} was sent while no bot lived")
        elif sent.life not in (None, life) and sent.kind is not RequestKind.READ:
            self._report(at_ns, "S13", f"life {sent.life} sent a {sent.what} while life {life} was alive")

    def _count(self, at_ns: int) -> None:
        minute = at_ns // (60 * NANOSECONDS)
        if minute != self._minute:
            self._minute, self._in_minute = minute, 0
        self._in_minute += 1
        if self._in_minute == self._case.terms.requests_per_minute + 1:
            self._report(at_ns, "L4", f"more than {self._in_minute - 1} requests within a minute")

    # --- orders -----------------------------------------------------------------------------------------------------

    def _place(self, at_ns: int, sent: Sent) -> None:
        if sent.client_id is None or sent.side is None or sent.quantity is None:
            self._report(at_ns, "S6", f"an order without id, side or quantity was sent: {sent}")
            return
        case = self._case
        purpose = case.purpose(sent.client_id, sent.side, sent.price)
        if purpose is Purpose.CLOSE:
            case.close_book_age_ns = sent.book_age_ns
        self._check_intent(at_ns, sent, sent.client_id, purpose)
        price = None if purpose is Purpose.EXIT else sent.price
        why = case.rules.breach(at_ns, price, sent.quantity, case.conditions.fair_since_ns)
        if why is not None:
            self._report(at_ns, "S8", f"{purpose} {sent.client_id}: {why}")
        if purpose is not Purpose.EXIT and sent.post_only is False:
            self._report(at_ns, "S4", f"{purpose} {sent.client_id} was sent without post-only")
        if purpose is not Purpose.OPEN and sent.reduce_only is False and case.terms.has_reduce_only:
            self._report(at_ns, "S3", f"{purpose} {sent.client_id} was sent without reduce-only")
        if purpose is Purpose.OPEN:
            self._open(at_ns, sent, sent.client_id)
        elif purpose is Purpose.EXIT and not case.terms.boost and not self._is_flattening():
            self._report(at_ns, "S4", f"the market order {sent.client_id} was not called for")

    def _is_flattening(self) -> bool:
        return self._case.conditions.stop_mode == "flatten" and not self._case.has_halted

    def _check_intent(self, at_ns: int, sent: Sent, client_id: int, purpose: Purpose) -> None:
        journal = self._case.journal
        belief = journal.orders.get(client_id)
        intent = None if belief is None else belief.intent
        has_trouble = self._case.conditions.has_disk_trouble
        if belief is None or intent is None:
            if purpose is Purpose.OPEN or not has_trouble:
                self._report(at_ns, "S6", f"{purpose} {client_id} was sent before its intent was written")
            self._case.unwritten[client_id] = purpose
            return
        if not journal.is_reserved(client_id):
            self._report(at_ns, "S6", f"id {client_id} was used before its block was reserved for good")
        is_meant = sent.side is intent.side and sent.quantity == intent.quantity
        if not is_meant or (purpose is not Purpose.EXIT and sent.price != intent.price):
            self._report(at_ns, "S6", f"{purpose} {client_id} was not sent as it was written down")
        if belief.intent_seq <= journal.synced:
            return
        if purpose is Purpose.OPEN:
            self._report(at_ns, "S6", f"open {client_id} was sent before its intent was synced")
        elif not has_trouble:
            due = at_ns + self._case.terms.deadlines.sync_s * NANOSECONDS
            self._syncs_due.append(SyncDue(due, belief.intent_seq, client_id))

    def _open(self, at_ns: int, sent: Sent, client_id: int) -> None:
        case, deadlines = self._case, self._case.terms.deadlines
        if case.journal.is_halted:
            self._report(at_ns, "S11", f"open {client_id} was sent although the bot has halted")
        if case.gap_since_ns is not None and case.has_passed(at_ns, case.gap_since_ns, deadlines.guard_s):
            gap = case.venue.gap
            self._report(at_ns, "S11", f"open {client_id} was sent although position and closes differ by {gap}")
        cut = case.conditions.cut_since_ns
        if cut is not None and at_ns - cut > _CUT_KNOWN_NS:
            self._report(at_ns, "S11", f"open {client_id} was sent although the streams are lost since {cut}")
        if missing_reads := ACCOUNT_READS - case.looked:
            missing = ", ".join(sorted(missing_reads))
            self._report(at_ns, "S11", f"open {client_id} was sent before the account was looked at: {missing}")
        if sent.book_age_ns is not None and sent.book_age_ns > deadlines.book_age_s * NANOSECONDS:
            self._report(at_ns, "S15", f"open {client_id} was priced from a book {sent.book_age_ns} ns old")
        if self._must_know_book(at_ns):
            self._report(at_ns, "S15", f"open {client_id} was priced from a crossed or empty book")

    def _must_know_book(self, at_ns: int) -> bool:
        """Whether the book has been unusable so long that the bot was told, no message having been disturbed since."""
        unusable, conditions = self._unusable_since_ns, self._case.conditions
        if unusable is None or conditions.stalled_since_ns is not None:
            return False
        told_ns = max(unusable, conditions.disturbed_ns, conditions.frozen_until_ns, conditions.book_held_until_ns)
        return at_ns - told_ns > self._case.terms.deadlines.book_grace_s * NANOSECONDS

    def _cancel(self, at_ns: int, sent: Sent) -> None:
        case = self._case
        if sent.order_id is not None and sent.order_id in case.venue.owners:
            is_own = case.venue.owners[sent.order_id] is not None
        else:
            is_own = sent.client_id in case.intents or sent.client_id in case.unwritten
        if not is_own:
            self._report(at_ns, "S12", f"order {sent.order_id or sent.client_id}, which is not its own, was cancelled")

    # --- the sync that follows --------------------------------------------------------------------------------------

    def check_syncs(self, at_ns: int) -> None:
        """S6: the intent of a close or exit must survive a power loss soon after it was sent."""
        while self._syncs_due and self._syncs_due[0].by_ns < at_ns:
            due = self._syncs_due.popleft()
            if self._case.journal.synced < due.seq and not self._case.conditions.has_disk_trouble:
                self._report(due.by_ns, "S6", f"the intent of {due.client_id} was not synced after it was sent")

    def forget_syncs(self) -> None:
        """The life that owed them is over."""
        self._syncs_due.clear()

    def _report(self, at_ns: int, invariant: str, text: str) -> None:
        self._case.findings.report(at_ns, invariant, text)
