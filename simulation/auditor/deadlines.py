"""What must happen in time: L1 to L6, asked whenever time has moved."""

from __future__ import annotations

from domain.events import Record
from domain.market import NANOSECONDS
from simulation.auditor.account import AccountChecks
from simulation.auditor.case import ACCOUNT_READS, Case
from simulation.auditor.evidence import EvidenceChecks
from simulation.auditor.last_open import LastOpen
from simulation.auditor.sending import SendingChecks

_GIVEN_UP_NS = 25 * NANOSECONDS
"""So long before it asks for a new socket a client may have given the old one up, and the bot have looked."""


class DeadlineChecks:
    def __init__(self, case: Case, account: AccountChecks, sending: SendingChecks, evidence: EvidenceChecks) -> None:
        self._case = case
        self._account = account
        self._sending = sending
        self._evidence = evidence
        self._ready_since_ns: int | None = None
        self._entries_seen = 0
        """Since when nothing known holds an open back."""
        self._last_open = LastOpen(case.journal)
        self._look_since_ns: int | None = None
        """Since when a look at the account has been due, streams having been replaced."""
        self.stall_times_ns: list[int] = []
        """For each stall: until a stream was replaced and the account looked at."""
        self.hindered_stall_times_ns: list[int] = []
        """The same where another message was disturbed meanwhile."""
        self._is_starting = True
        """The life has not written or asked for anything yet but the rules: its streams have never lived."""
        self._replaced_ns = 0
        """When this life last replaced a stream during a stall."""
        self._answered_ns = 0
        """When that and a look had happened."""
        self._read_ns = dict.fromkeys(ACCOUNT_READS, 0)
        self._reads_since: set[str] = set()
        self._is_heal_judged = False

    def begin(self) -> None:
        """A new life, which has not asked for anything."""
        self._is_starting = True
        self._last_open.begin()
        self._replaced_ns = self._answered_ns = 0
        self._read_ns = dict.fromkeys(ACCOUNT_READS, 0)
        self._reads_since.clear()

    def wrote(self, at_ns: int, seq: int, record: Record) -> None:
        """To be called before the journal's books take the record in."""
        self._is_starting = False
        self._last_open.wrote(at_ns, seq, record)

    def lost_after(self, seq: int) -> None:
        """A power loss has taken the records after that."""
        self._last_open.lost_after(seq)

    def socket_asked(self, at_ns: int) -> None:
        if self._case.conditions.stalled_since_ns is not None:
            self._replaced_ns = at_ns
            self._reads_since.clear()
            self._note_answer(at_ns)

    def read(self, at_ns: int, what: str) -> None:
        self._is_starting = self._is_starting and what == "rules"
        self._reads_since.add(what)
        if what in self._read_ns:
            self._read_ns[what] = at_ns
            self._note_answer(at_ns)

    def _note_answer(self, at_ns: int) -> None:
        """A stall is answered by a new socket and a look, in whichever order."""
        since = self._case.conditions.stalled_since_ns
        if since is None or self._replaced_ns < since or self._answered_ns >= since:
            return
        if min(self._read_ns.values()) >= self._replaced_ns - _GIVEN_UP_NS:
            self._answered_ns = at_ns
            begun = self._stall_began_ns(since)
            times_ns = self.hindered_stall_times_ns if self._is_hindered(begun) else self.stall_times_ns
            times_ns.append(at_ns - begun)

    def _is_hindered(self, begun_ns: int) -> bool:
        """Whether the new socket, or the look, may have met another fault."""
        return self._case.conditions.disturbed_ns > begun_ns

    def _stall_began_ns(self, since_ns: int) -> int:
        conditions = self._case.conditions
        return max(since_ns, conditions.life_began_ns, conditions.weather_since_ns)

    def stall_ended(self, at_ns: int, since_ns: int) -> None:
        """After one so long that every stream must have been replaced, the account has to be looked at."""
        begun = max(since_ns, self._case.conditions.life_began_ns)
        is_long = at_ns - begun > self._case.terms.deadlines.stall_s * NANOSECONDS
        if is_long and not self._reads_since >= ACCOUNT_READS:
            self._case.forget_look()
            self._look_since_ns = at_ns

    def open_filled(self, at_ns: int) -> None:
        self._last_open.filled(at_ns)

    def check(self, at_ns: int, since_ns: int) -> None:
        """Judge the time from `since_ns` to `at_ns`, in which nothing was observed."""
        self._sending.check_syncs(at_ns)
        self._evidence.check_alarm(at_ns)
        self._check_stop(at_ns)
        if self._case.conditions.outside_ns is not None:
            self._account.check_over(at_ns)
        fair = self._case.conditions.fair_since_ns
        self._check_stall(at_ns)
        self._check_progress(at_ns, since_ns)
        if fair is not None:
            self._check_cover(at_ns)
            self._check_orders(at_ns)
            self._check_look(at_ns)
        self._check_heal(at_ns)

    def _check_cover(self, at_ns: int) -> None:
        case, sight = self._case, self._case.sight()
        if sight is None or case.is_taking_closes_away():
            return
        case.cover.keep_out(case.mid_ns, case.kept_out(at_ns))
        for lot in case.cover.overdue(at_ns, sight):
            self._report(at_ns, "L1", f"{lot.quantity} has been without a close since {lot.since_ns}")

    def _check_orders(self, at_ns: int) -> None:
        case, deadlines = self._case, self._case.terms.deadlines
        for client_id, since in case.unsure_since_ns.items():
            begun = max(since, case.conditions.disturbed_at(client_id))
            is_late = case.has_passed(at_ns, begun, deadlines.unknown_s)
            if is_late and case.findings.begins(("L2", client_id, since), is_broken=True):
                status = case.journal.orders[client_id].status
                self._report(at_ns, "L2", f"order {client_id} has been {status} since {since}")
        for client_id, since in case.unaware_since_ns.items():
            disturbed, told = case.conditions.disturbed_at(client_id), case.ends_told_ns.get(client_id, -1)
            was_disturbed = disturbed >= 0 and since - disturbed <= deadlines.discover_s * NANOSECONDS
            seconds = deadlines.discover_s if was_disturbed and told < 0 else deadlines.unknown_s
            is_late = case.has_passed(at_ns, max(since, disturbed, told), seconds)
            if is_late and case.findings.begins(("L2 end", client_id, since), is_broken=True):
                self._report(at_ns, "L2", f"order {client_id} ended at {since}, and the journal does not know")

    def _check_stall(self, at_ns: int) -> None:
        conditions = self._case.conditions
        since = conditions.stalled_since_ns
        is_answered = since is not None and self._answered_ns >= since
        is_counted = since is not None and conditions.life is not None and conditions.is_fair and not is_answered
        begun = self._stall_began_ns(since or 0)
        limit = self._case.terms.deadlines.stall_s
        if self._is_hindered(begun):
            limit += self._case.terms.deadlines.disturbed_stall_s
        expected = "and were not replaced, and the account looked at"
        if self._is_starting:  # It cannot have an account to look at before its streams live.
            begun = max(begun, self._replaced_ns)
            expected = "and the process that starts asked for no new socket"
        is_late = is_counted and at_ns - begun > limit * NANOSECONDS
        if self._case.findings.begins("stall", is_late):
            self._report(at_ns, "L3", f"streams have carried nothing since {since} {expected}")

    def _check_look(self, at_ns: int) -> None:
        if self._look_since_ns is None:
            return
        if self._case.looked >= ACCOUNT_READS:
            self._look_since_ns = None
            return
        begun = max(self._look_since_ns, self._case.conditions.disturbed_ns)
        if self._case.has_passed(at_ns, begun, self._case.terms.deadlines.recover_s):
            self._report(at_ns, "L3", f"the account was not looked at after streams were replaced at {begun}")
            self._look_since_ns = None

    # --- progress ---------------------------------------------------------------------------------------------------

    def _check_progress(self, at_ns: int, since_ns: int) -> None:
        if not self._case.terms.expects_progress:
            return
        if not self._may_open():
            self._ready_since_ns = None
            return
        if self._case.entries.open < self._entries_seen:  # With fewer of them the cool-down is shorter from now on.
            self._ready_since_ns = at_ns
        self._entries_seen = self._case.entries.open
        if self._ready_since_ns is None:
            self._ready_since_ns = since_ns
        case = self._case
        opened = self._last_open.since_ns
        cooldown = case.terms.cooldown_s(case.entries.open) * NANOSECONDS if opened else 0
        begun = max(self._ready_since_ns, opened + cooldown, case.conditions.disturbed_ns)
        if at_ns - begun > case.terms.deadlines.progress_s * NANOSECONDS:
            self._report(at_ns, "L4", f"no open was sent although nothing held it back since {begun}")
            self._ready_since_ns = at_ns

    def _may_open(self) -> bool:
        case, conditions = self._case, self._case.conditions
        return (
            conditions.fair_since_ns is not None
            and conditions.stop_asked_ns is None
            and conditions.outside_ns is None
            and not conditions.has_disk_trouble
            and not case.journal.is_halted
            and not case.journal.unended_opens
            and not case.venue.live_opens
            and case.entries.open < case.terms.max_orders
            and self._sending.is_book_usable
        )

    # --- the ends ---------------------------------------------------------------------------------------------------

    def _check_stop(self, at_ns: int) -> None:
        conditions = self._case.conditions
        asked = conditions.stop_asked_ns
        is_late = (
            asked is not None
            and conditions.life is not None
            and at_ns - max(asked, conditions.frozen_until_ns) > self._case.terms.deadlines.stop_s * NANOSECONDS
        )
        if self._case.findings.begins("stop", is_late):
            self._report(at_ns, "L6", f"asked to stop at {asked}, and still running")

    def _check_heal(self, at_ns: int) -> None:
        case, conditions = self._case, self._case.conditions
        if conditions.healed_ns is None or self._is_heal_judged:
            return
        if conditions.stop_asked_ns is not None or case.journal.is_halted:
            self._is_heal_judged = True
            return
        if conditions.life is None:
            # Whoever ended by itself has been judged; who was killed is started again, and has the time from then.
            return
        begun = max(conditions.healed_ns, conditions.life_began_ns, conditions.fair_since_ns or 0)
        if at_ns - begun <= case.terms.deadlines.heal_s * NANOSECONDS:
            return
        self._is_heal_judged = True
        late = at_ns - case.terms.deadlines.unknown_s * NANOSECONDS
        waiting = sorted(
            client_id
            for since in (case.unsure_since_ns, case.unaware_since_ns)
            for client_id, since_ns in since.items()
            if since_ns < late
        )
        if waiting:
            self._report(at_ns, "L5", f"after the last fault orders are not known: {', '.join(map(str, waiting))}")
        if case.cover.owed_before(late) and case.cover.bare > case.kept_out(at_ns):
            self._report(at_ns, "L5", f"after the last fault {case.cover.bare} is without a close")

    def _report(self, at_ns: int, invariant: str, text: str) -> None:
        self._case.findings.report(at_ns, invariant, text)
