"""The venue's side, judged after every step: S1 to S5, what appears without leave (S7), and what is left bare (L1)."""

from __future__ import annotations

from decimal import Decimal

from domain.market import NANOSECONDS
from domain.orders import Purpose
from markets.orders import Reason
from simulation.auditor.case import Case
from simulation.auditor.venue_books import ZERO, Change, OwnOrder
from simulation.observed import VenueFill, VenueOrder, VenueOvertook


class AccountChecks:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._changed: set[int] = set()
        self._must_price = False
        self._was_filled = False

    # --- one observation --------------------------------------------------------------------------------------------

    def take_order(self, at_ns: int, seen: VenueOrder) -> None:
        venue = self._case.venue
        if seen.client_id is None and seen.word == Reason.CANCELLED_BY_OWNER:  # In the worlds nobody else cancels.
            self._report(at_ns, "S12", f"somebody else's order {seen.order_id} was cancelled")
        known = None if seen.client_id is None else venue.orders.get(seen.client_id)
        if known is not None and known.order_id != seen.order_id:
            self._report(at_ns, "S5", f"order {seen.client_id} exists twice: {known.order_id} and {seen.order_id}")
            return
        if known is not None and seen.filled < known.total:
            self._report(at_ns, "S2", f"filled of order {seen.client_id} fell from {known.total} to {seen.filled}")
        change = venue.take_order(at_ns, seen)
        if change is None:
            return
        if change.is_new:
            self._check_new(at_ns, seen)
        self._take_change(at_ns, change)

    def take_fill(self, at_ns: int, seen: VenueFill) -> None:
        change = self._case.venue.take_fill(at_ns, seen)
        if change is None or seen.client_id is None:
            return
        purpose = self._case.purpose(seen.client_id, seen.side, change.order.price)
        if purpose is not Purpose.EXIT and not seen.is_maker:
            self._report(at_ns, "S4", f"{purpose} {seen.client_id} took liquidity: {seen.quantity} at {seen.price}")
        if purpose is Purpose.OPEN:
            self._was_filled = True
            self._case.ladder.add(self._level(self._case.terms.target(seen.price)), seen.quantity)
        self._take_change(at_ns, change)

    def take_overtaken(self, at_ns: int, seen: VenueOvertook) -> None:
        """A close that was priced from a fresh book, and refused by a market that was faster, is offered again."""
        age_ns, fresh_s = self._case.close_book_age_ns, self._case.terms.deadlines.book_grace_s
        is_close = self._case.venue.is_close(seen.side)
        if is_close and age_ns is not None and age_ns <= fresh_s * NANOSECONDS:
            self._case.cover.overtake(at_ns)

    def _check_new(self, at_ns: int, seen: VenueOrder) -> None:
        case, client_id = self._case, seen.client_id
        assert client_id is not None
        purpose = case.purpose(client_id, seen.side, seen.price)
        if purpose is not Purpose.EXIT and not seen.post_only:
            self._report(at_ns, "S4", f"{purpose} {client_id} is not post-only at the venue")
        if purpose is not Purpose.OPEN and not seen.reduce_only and case.terms.has_reduce_only:
            self._report(at_ns, "S3", f"{purpose} {client_id} is not reduce-only at the venue")
        intent = case.intents.get(client_id)
        if intent is not None:
            is_meant = seen.side is intent.side and seen.quantity <= intent.quantity
            if not is_meant or (purpose is not Purpose.EXIT and seen.price != intent.price):
                self._report(at_ns, "S5", f"order {client_id} is not the one intended: {_terms(seen)}")
        belief = case.journal.orders.get(client_id)
        if belief is not None and belief.status.has_ended and seen.is_live:
            self._report(at_ns, "S7", f"order {client_id}, written off as {belief.status}, is live")

    def _take_change(self, at_ns: int, change: Change) -> None:
        order, case = change.order, self._case
        self._changed.add(order.client_id)
        case.compare(at_ns, order.client_id)
        is_close = case.venue.is_close(order.side)
        if is_close and (change.is_new or change.remaining > 0):
            self._must_price = True
        if not change.filled:
            return
        intent = case.intents.get(order.client_id)
        if intent is not None:
            case.entries.take(intent, change.filled)
        if is_close:
            purpose = case.purpose(order.client_id, order.side, order.price)
            price = None if purpose is Purpose.EXIT else order.price
            self._case.ladder.close(change.filled, None if price is None else self._level(price))
            self._check_sign(at_ns, order)

    def _check_sign(self, at_ns: int, order: OwnOrder) -> None:
        venue = self._case.venue
        excused = self._case.conditions.is_outside_recent(at_ns) and venue.own >= 0
        if venue.most < 0 and not excused:
            self._report(at_ns, "S3", f"order {order.client_id} turned the own position over to {venue.most}")

    # --- the account after a step -----------------------------------------------------------------------------------

    def settle(self, at_ns: int) -> None:
        """Judge the account as it stands once everything that happened at one time is told."""
        case = self._case
        venue, findings = case.venue, case.findings
        if findings.begins("position", venue.unexplained != 0):
            self._report(at_ns, "S2", f"the venue's position is {venue.unexplained} more than the fills make of it")
        self.check_exposure(at_ns)
        if findings.begins("opens", len(venue.live_opens) > 1):
            self._report(at_ns, "S1", f"{len(venue.live_opens)} opens rest at once: {_ids(venue.live_opens)}")
        self.check_over(at_ns)
        if self._must_price:
            self._must_price = False
            self._check_prices(at_ns)
        self._watch_gap(at_ns)
        bare = max(ZERO, venue.least - venue.covered)
        sight = None if case.is_taking_closes_away() else case.sight()
        causes, is_again = frozenset(self._changed), not self._was_filled
        case.cover.set(at_ns, bare, case.least_closable(), causes, sight, is_again=is_again)
        self._was_filled = False
        self._changed.clear()

    def check_exposure(self, at_ns: int) -> None:
        """S1, also when an open was only written down yet."""
        case = self._case
        opening, most = case.opening(), case.terms.most_exposure(case.least_closable())
        position = case.venue.least
        if case.findings.begins("exposure", position + opening > most):
            self._report(at_ns, "S1", f"position {position} and opens of {opening} are more than {most}")

    def check_over(self, at_ns: int) -> None:
        """S3: closes beyond the position; for a while excused after somebody else changed it."""
        case = self._case
        covered, most = case.venue.covered, max(ZERO, case.venue.most)
        if covered <= most:
            case.findings.begins("over", is_broken=False)
            return
        if self._is_halt_excused() or case.conditions.is_outside_recent(at_ns):
            return
        if case.findings.begins("over", is_broken=True):
            self._report(at_ns, "S3", f"closes of {covered} rest on a position of {most}")

    def _is_halt_excused(self) -> bool:
        """Who halts keeps its closes where somebody else traded: what of the rest is its own, nobody can tell. What the
        venue itself closed is told as that, and closes beyond what is left are dropped."""
        venue = self._case.venue
        return self._case.journal.is_halted and (venue.was_traded_by_hand or not venue.was_forced)

    def _check_prices(self, at_ns: int) -> None:
        case = self._case
        closes = [
            (self._level(order.price), order.remaining)
            for order in case.venue.live_closes.values()
            if order.price is not None and case.purpose(order.client_id, order.side, order.price) is Purpose.CLOSE
        ]
        short = self._case.ladder.shortfall(closes)
        if case.findings.begins("prices", short is not None) and short is not None:
            price = short[0] * case.terms.direction.sign
            self._report(at_ns, "S4", f"closes up to {price} are {short[1]} more than the fills that profit there")

    def _watch_gap(self, at_ns: int) -> None:
        case = self._case
        if case.venue.gap > case.terms.guard_limit:
            case.last_gap_ns = at_ns
            if case.gap_since_ns is None:
                case.gap_since_ns = at_ns
        elif case.gap_since_ns is not None:
            case.gap_since_ns, case.last_gap_ns = None, at_ns

    def _level(self, price: Decimal) -> Decimal:
        return price * self._case.terms.direction.sign

    def _report(self, at_ns: int, invariant: str, text: str) -> None:
        self._case.findings.report(at_ns, invariant, text)


def _ids(orders: dict[int, OwnOrder]) -> str:
    return ", ".join(map(str, sorted(orders)))


def _terms(seen: VenueOrder) -> str:
    return f"{seen.side} {seen.quantity} at {'market' if seen.price is None else seen.price}"
