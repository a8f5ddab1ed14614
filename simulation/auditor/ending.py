"""How a life ends, and what is left when the world ends: S9, S10, S14, and an end that nobody asked for (L5)."""

from __future__ import annotations

from domain.market import NANOSECONDS
from simulation.auditor.case import Case
from simulation.observed import LifeEnded

DONE, HALTED, REFUSED, UNCONFIRMED = 0, 1, 2, 3
"""Exit statuses of the contract."""


class EndingChecks:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._last: LifeEnded | None = None
        """How the last life ended; None: it was killed, or lives."""
        self._ended_ns = 0

    def begin_or_kill(self) -> None:
        self._last = None

    def end(self, at_ns: int, ended: LifeEnded) -> None:
        """To be told before the life is struck off: S10 asks whether it was to stop, and how."""
        if ended.number in self._case.conditions.others:
            return
        self._last, self._ended_ns = ended, at_ns
        status, findings = ended.exit_status, self._case.findings
        if status in (HALTED, UNCONFIRMED) and not ended.reason:
            findings.report(at_ns, "L7", f"ended with status {status} and no reason")
        is_forced = status == REFUSED and not self._was_fair()
        cannot_write = self._case.conditions.has_disk_trouble  # Then it may have halted and only said so.
        if status not in (DONE, UNCONFIRMED) and not (self._case.journal.is_halted or is_forced or cannot_write):
            findings.report(at_ns, "L5", f"ended with status {status}, and had not halted: {ended.reason}")
        if status == DONE and self._case.has_halted:
            findings.report(at_ns, "S11", "the exit status hides that the bot has halted")
        self._check_confirmed(at_ns, ended)
        if status in (DONE, HALTED) and not ended.unconfirmed:
            self._check_orders(at_ns)
            self._check_position(at_ns)

    def _was_fair(self) -> bool:
        """All the time: a start that nothing got in the way of succeeds."""
        conditions = self._case.conditions
        return conditions.fair_since_ns is not None and conditions.fair_since_ns <= conditions.life_began_ns

    def _check_confirmed(self, at_ns: int, ended: LifeEnded) -> None:
        listed = ", ".join(ended.unconfirmed)
        if ended.exit_status == DONE and listed:
            self._report(at_ns, "S10", f"status 0 although something is not confirmed: {listed}")
        if ended.exit_status == UNCONFIRMED and not listed:
            self._report(at_ns, "S10", "status 3, and what is not confirmed is not listed")
        if ended.exit_status == UNCONFIRMED and self._could_confirm(at_ns):
            self._report(at_ns, "S10", f"nothing was wrong, and the end is not confirmed: {listed}")

    def _could_confirm(self, at_ns: int) -> bool:
        """Whether the venue would have told all that a stop has to find out. Where others changed the account it may
        be that nothing can be proven; what a flattening leaves because it is too small is listed too, and what the
        venue takes no close for."""
        conditions = self._case.conditions
        asked_ns = conditions.stop_asked_ns
        if not self._case.terms.confirms_ends or asked_ns is None:
            return False
        if conditions.is_abandoned or conditions.stop_mode == "flatten" or self._case.kept_out(at_ns):
            return False
        most = self._case.terms.most_cancels
        if most is not None and self._case.is_taking_closes_away() and self._case.terms.max_orders > most:
            return False
        return conditions.outside_ns is None and conditions.was_calm_since(asked_ns)

    def _check_orders(self, at_ns: int) -> None:
        case = self._case
        if case.venue.live_opens:
            self._report(at_ns, "S10", f"an own open lives after the end: {_ids(case.venue.live_opens)}")
        if case.is_taking_closes_away() and case.venue.live_closes:
            self._report(at_ns, "S10", f"own closes live after the end: {_ids(case.venue.live_closes)}")
        gone = case.journal.unended_closes.keys() - case.venue.live_closes.keys()
        unsettled = case.journal.unended_opens.keys() | {each for each in gone if self._was_news(each)}
        if unsettled:
            self._report(at_ns, "S10", f"ended, and the journal still waits for orders: {_ids(unsettled)}")

    def _was_news(self, client_id: int) -> bool:
        """Whether what the venue last did to an order can have reached the bot before it ended. What fills while the
        last answer is on its way, or later, cannot."""
        order = self._case.venue.orders.get(client_id)
        news_ns = self._case.terms.deadlines.news_s * NANOSECONDS
        return order is None or order.changed_ns < self._ended_ns - news_ns

    def _check_position(self, at_ns: int) -> None:
        case, conditions = self._case, self._case.conditions
        least = case.least_closable()
        if conditions.is_outside_recent(at_ns):
            return
        if not case.is_taking_closes_away():
            if case.cover.bare >= least:
                self._report(at_ns, "S10", f"{case.cover.bare} is without a close after the end")
        elif conditions.stop_mode == "flatten" and case.venue.least >= least:
            self._report(at_ns, "S10", f"a position of {case.venue.least} is left after flattening")

    # --- the end of the world ---------------------------------------------------------------------------------------

    def at_end(self, at_ns: int) -> None:
        """S9 and S14 are asked of a bot that had the time to find out: one that ended by itself, confirmed."""
        if self._last is None:
            self._check_waiting(at_ns)
        elif self._last.exit_status == DONE:
            self._check_orphans(at_ns)
            self._check_ledger(at_ns)

    def _check_waiting(self, at_ns: int) -> None:
        asked = self._case.conditions.stop_asked_ns
        limit = self._case.terms.deadlines.stop_s * NANOSECONDS
        if asked is not None and self._case.conditions.life is not None and at_ns - asked <= limit:
            self._report(at_ns, "L6", f"the world ended while a stop asked for at {asked} was under way")

    def _check_orphans(self, at_ns: int) -> None:
        case = self._case
        live = case.venue.live_closes.keys() | case.venue.live_opens.keys()
        if orphans := live - case.journal.orders.keys():
            self._report(at_ns, "S9", f"orders live that the journal does not know: {_ids(orphans)}")
        believed = case.journal.unended_closes.keys() | case.journal.unended_opens.keys()
        if apart := {each for each in (live & case.journal.orders.keys()) ^ believed if self._was_news(each)}:
            self._report(at_ns, "S14", f"journal and venue differ over which orders live: {_ids(apart)}")

    def _check_ledger(self, at_ns: int) -> None:
        """The journal's fills, added up per order, are the venue's to the last digit of quantity and price."""
        journal = self._case.journal
        for client_id, order in self._case.venue.orders.items():
            belief = journal.orders.get(client_id)
            if not (self._was_news(client_id) or (belief is not None and belief.status.has_ended)):
                continue
            traded, value = (order.traded * 0, order.value * 0) if belief is None else (belief.traded, belief.value)
            if traded != order.filled:
                text = f"the journal has fills of {traded} of order {client_id}, the venue {order.filled}"
                self._report(at_ns, "S14", text)
            elif value != order.value and order.traded == order.filled:
                text = f"the journal has fills of order {client_id} worth {value}, the venue {order.value}"
                self._report(at_ns, "S14", text)

    def _report(self, at_ns: int, invariant: str, text: str) -> None:
        self._case.findings.report(at_ns, invariant, text)


def _ids(client_ids: object) -> str:
    assert hasattr(client_ids, "__iter__")
    return ", ".join(map(str, sorted(client_ids)))
