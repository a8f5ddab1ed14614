"""The auditor: one observation at a time, in the order in which things happened."""

from __future__ import annotations

from collections import Counter

from domain.events import OrderIntended
from domain.orders import Purpose
from simulation.auditor.account import AccountChecks
from simulation.auditor.case import Case
from simulation.auditor.deadlines import DeadlineChecks
from simulation.auditor.ending import EndingChecks
from simulation.auditor.evidence import EvidenceChecks
from simulation.auditor.forced import ForcedChecks
from simulation.auditor.sending import SendingChecks
from simulation.auditor.terms import AuditTerms
from simulation.observed import (
    VENUE_FACTS,
    Carried,
    Disturbed,
    EndTold,
    LifeBegan,
    LifeEnded,
    LifeKilled,
    Observation,
    PowerLost,
    RequestKind,
    Said,
    Sent,
    Shown,
    SocketAsked,
    Stalled,
    StreamsCut,
    Synced,
    VenueFill,
    VenueOrder,
    VenueOvertook,
    VenuePosition,
    VenueQuote,
    VenueRules,
    Violation,
    Written,
)


class Auditor:
    """Tell it everything with `see`, times never falling, and `at_end` once. It never raises for what it finds.

    The account is judged when all that the venue did at one time is told: with the first observation of another kind
    or of a later time.
    """

    def __init__(self, terms: AuditTerms) -> None:
        self._case = Case.of(terms)
        self._account = AccountChecks(self._case)
        self._sending = SendingChecks(self._case)
        self._evidence = EvidenceChecks(self._case)
        self._ending = EndingChecks(self._case)
        self._forced = ForcedChecks(self._case)
        self._deadlines = DeadlineChecks(self._case, self._account, self._sending, self._evidence)
        self._now_ns = 0
        self._is_unsettled = False

    # --- what was found ---------------------------------------------------------------------------------------------

    @property
    def violations(self) -> list[Violation]:
        """In order; of each invariant the first ten."""
        return self._case.findings.violations

    @property
    def counts(self) -> Counter[str]:
        """How often each invariant was found broken, those not kept included."""
        return self._case.findings.counts

    @property
    def times_to_cover_ns(self) -> list[int]:
        """For each covered part of a fill: from when it was knowable to when a close for it lived."""
        return self._case.cover.times_ns

    @property
    def recovery_times_ns(self) -> list[int]:
        """The same for what a start, an outage, a stall or a disturbed message had left."""
        return self._case.cover.recovery_times_ns

    @property
    def stall_times_ns(self) -> list[int]:
        """For each stall of the streams: until one was replaced and the account looked at."""
        return self._deadlines.stall_times_ns

    @property
    def hindered_stall_times_ns(self) -> list[int]:
        """The same for those during which another message was disturbed too."""
        return self._deadlines.hindered_stall_times_ns

    @property
    def requests(self) -> Counter[RequestKind]:
        return self._sending.requests

    @property
    def requests_of(self) -> Counter[str]:
        return self._sending.requests_of

    @property
    def halts(self) -> int:
        """How many halts the journal holds."""
        return sum(has_halted for _, has_halted in self._case.journal.halts)

    @property
    def entries_filled(self) -> int:
        """Entries with any fill."""
        return self._case.entries.filled

    # --- what is told -----------------------------------------------------------------------------------------------

    def see(self, at_ns: int, seen: Observation) -> None:
        """`seen` has just happened, at `at_ns` by the world's clock."""
        is_venue_fact = isinstance(seen, VENUE_FACTS)
        if self._is_unsettled and (at_ns != self._now_ns or not is_venue_fact):
            self._settle()
        if at_ns != self._now_ns:
            self._deadlines.check(at_ns, self._now_ns)
            self._forced.check(at_ns)
            self._now_ns = at_ns
        if is_venue_fact:
            self._take_venue_fact(at_ns, seen)
        else:
            self._take(at_ns, seen)

    def at_end(self, at_ns: int) -> None:
        """The world has ended; nothing more will be told."""
        if self._is_unsettled:
            self._settle()
        self._deadlines.check(at_ns, self._now_ns)
        self._forced.check(at_ns)
        self._now_ns = at_ns
        self._ending.at_end(at_ns)

    def _settle(self) -> None:
        self._is_unsettled = False
        self._account.settle(self._now_ns)

    def _take_venue_fact(self, at_ns: int, seen: Observation) -> None:
        match seen:
            case VenueOrder():
                self._account.take_order(at_ns, seen)
            case VenueFill():
                self._account.take_fill(at_ns, seen)
                self._forced.take_fill(at_ns, seen)
                if seen.side is self._case.terms.direction and seen.client_id is not None:
                    self._deadlines.open_filled(at_ns)
            case VenuePosition(quantity):
                self._case.venue.take_position(quantity)
            case VenueRules(rules):
                self._case.rules.change(rules)
            case VenueQuote():
                self._sending.take_quote(at_ns, seen)
                return
            case VenueOvertook():
                self._account.take_overtaken(at_ns, seen)
                return
            case _:
                return
        self._is_unsettled = True

    def _take(self, at_ns: int, seen: Observation) -> None:
        match seen:
            case Sent():
                self._sending.take(at_ns, seen)
                self._deadlines.read(at_ns, seen.what)
            case Carried():
                self._sending.take_carried(at_ns, seen)
            case Written():
                self._deadlines.wrote(at_ns, seen.seq, seen.record)
                self._evidence.take(at_ns, seen)
                if isinstance(seen.record, OrderIntended) and seen.record.purpose is Purpose.OPEN:
                    self._account.check_exposure(at_ns)
            case Synced(seq):
                self._case.journal.sync(seq)
            case PowerLost(seq):
                self._deadlines.lost_after(seq)
                for client_id in self._case.journal.lose_after(seq):
                    self._case.compare(at_ns, client_id)
            case Said(notice):
                self._evidence.take_notice(at_ns, notice)
            case Shown(where, text):
                self._evidence.take_shown(at_ns, where, text)
            case _:
                self._take_circumstance(at_ns, seen)

    def _take_circumstance(self, at_ns: int, seen: Observation) -> None:
        match seen:
            case LifeBegan():
                self._begin()
            case LifeKilled():
                self._kill(seen)
            case LifeEnded():
                self._evidence.scan(at_ns, "the last line", seen.reason, *seen.unconfirmed)
                self._ending.end(at_ns, seen)
                self._sending.forget_syncs()
            case Stalled(is_stalled=False):
                since = self._case.conditions.stalled_since_ns
                if since is not None:
                    self._deadlines.stall_ended(at_ns, since)
            case StreamsCut(is_cut=False):
                self._case.forget_look()
            case SocketAsked():
                self._deadlines.socket_asked(at_ns)
            case EndTold(client_id):
                self._case.ends_told_ns.setdefault(client_id, at_ns)
                self._case.compare(at_ns, client_id)
            case Disturbed(client_id, is_told=is_told):
                self._disturb(at_ns, client_id, is_told)
            case _:
                pass
        self._case.conditions.take(at_ns, seen)

    def _begin(self) -> None:
        if self._case.conditions.life is None:
            self._case.forget_look()
            self._case.has_halted = False
            self._ending.begin_or_kill()
            self._evidence.begin()
            self._deadlines.begin()

    def _kill(self, killed: LifeKilled) -> None:
        if killed.number == self._case.conditions.life:
            self._sending.forget_syncs()
            self._evidence.forget_alarm()
            self._ending.begin_or_kill()

    def _disturb(self, at_ns: int, client_id: int | None, is_told: bool) -> None:
        """A close whose request or answer was disturbed may hide that what it was for is still bare."""
        order = None if client_id is None else self._case.intents.get(client_id)
        is_open = order is not None and order.purpose is Purpose.OPEN
        concerned = client_id if is_open else None
        if is_told:
            self._case.cover.delay(at_ns, concerned)
        else:
            self._case.cover.disturb(at_ns, concerned)
