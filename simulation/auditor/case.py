"""Everything the auditor knows of one account, shared by its checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import Purpose
from simulation.auditor.conditions import Conditions
from simulation.auditor.cover import Cover, Sight
from simulation.auditor.entries import Entries
from simulation.auditor.findings import Findings
from simulation.auditor.journal_books import UNSURE, Belief, JournalBooks
from simulation.auditor.prices import TargetLadder
from simulation.auditor.rules_watch import RulesWatch
from simulation.auditor.terms import AuditTerms
from simulation.auditor.venue_books import OwnOrder, VenueBooks

ZERO = Decimal(0)
_BAND_MARGIN = Decimal("0.002")
"""So far, in fractions of the price, the market may move while an order is on its way."""
ACCOUNT_READS = frozenset({"open_orders", "position"})
"""The two looks that tell what an account holds."""


@dataclass(slots=True)
class Case:
    terms: AuditTerms
    findings: Findings
    conditions: Conditions
    venue: VenueBooks
    journal: JournalBooks
    rules: RulesWatch
    cover: Cover
    entries: Entries
    ladder: TargetLadder = field(default_factory=TargetLadder)
    intents: dict[int, OrderIntended] = field(default_factory=dict)
    """The first intent ever written under each id; no power loss takes one back."""
    unwritten: dict[int, Purpose] = field(default_factory=dict)
    """Closes and exits sent while the journal could not be written."""
    unsure_since_ns: dict[int, int] = field(default_factory=dict)
    """Orders that the journal says must be asked for."""
    unaware_since_ns: dict[int, int] = field(default_factory=dict)
    """Orders that ended at the venue and not in the journal."""
    ends_told_ns: dict[int, int] = field(default_factory=dict)
    """When the bot was told that an order has ended, and not what it had filled."""
    gap_since_ns: int | None = None
    """Since when position and closes differ by more than the guard allows."""
    last_gap_ns: int | None = None
    """When they last did."""
    looked: set[str] = field(default_factory=set)
    """The account reads sent since the life began or its streams were replaced."""
    looked_ns: int | None = None
    """When the last of them was."""
    close_book_age_ns: int | None = None
    """How old the book was from which the last close was priced."""
    mid: Decimal | None = None
    """The middle of the market when an order was last sent, and when that was."""
    mid_ns: int = 0
    has_halted: bool = False
    """In this life; a halt of an earlier one holds opens back and nothing else."""

    @classmethod
    def of(cls, terms: AuditTerms) -> Case:
        return cls(
            terms,
            Findings(),
            Conditions(terms.deadlines.outside_s),
            VenueBooks(terms.direction),
            JournalBooks(terms.rules),
            RulesWatch(terms.rules, terms.deadlines.rules_s),
            Cover(terms.deadlines),
            Entries(),
        )

    def purpose(self, client_id: int, side: Side, price: Decimal | None) -> Purpose:
        """As intended; by its looks where the intent was never seen."""
        intent = self.intents.get(client_id)
        if intent is not None:
            return intent.purpose
        if client_id in self.unwritten:
            return self.unwritten[client_id]
        if side is self.terms.direction:
            return Purpose.OPEN
        return Purpose.EXIT if price is None else Purpose.CLOSE

    def least_closable(self) -> Decimal:
        recent = self.venue.recent_opens
        return self.rules.least_closable(self.journal.rules, recent[-1] if recent else None)

    def has_passed(self, at_ns: int, since_ns: int, seconds: int) -> bool:
        """Whether more than `seconds` of fair weather, in this life, have gone by since then."""
        fair = self.conditions.fair_since_ns
        return fair is not None and at_ns - max(since_ns, fair) > seconds * NANOSECONDS

    def kept_out(self, at_ns: int) -> Decimal:
        """Own quantity whose target the market has left so far behind that the venue takes no close there, and that has
        none: it waits until the market is back. Nothing is, where no order was offered lately."""
        lowest, highest = self.terms.price_band
        is_known = at_ns - self.mid_ns <= self.terms.deadlines.recover_s * NANOSECONDS
        if self.mid is None or not is_known or not self.cover.bare:
            return ZERO
        sign = self.terms.direction.sign
        reach = highest - _BAND_MARGIN if sign > 0 else lowest + _BAND_MARGIN
        if not reach.is_finite() or reach <= 0:
            return ZERO
        level = self.mid * reach * sign
        closes = self.venue.live_closes.values()
        resting = sum((each.remaining for each in closes if each.price is not None and each.price * sign > level), ZERO)
        return max(ZERO, self.ladder.beyond(level) - resting)

    def is_taking_closes_away(self) -> bool:
        """A stop that cancels closes; a halted bot keeps them whatever was asked."""
        return self.conditions.stop_mode in ("cancel", "flatten") and not self.has_halted

    def forget_look(self) -> None:
        """The account has to be looked at anew."""
        self.looked.clear()
        self.looked_ns = None

    def look(self, at_ns: int, what: str) -> None:
        if what in ACCOUNT_READS and what not in self.looked:
            self.looked.add(what)
            if self.looked >= ACCOUNT_READS:
                self.looked_ns = at_ns

    def sight(self) -> Sight | None:
        """None: nobody lives, or in foul weather."""
        fair, looked = self.conditions.fair_since_ns, self.looked_ns
        return None if fair is None else Sight(fair, None if looked is None else max(fair, looked))

    def compare(self, at_ns: int, client_id: int) -> None:
        """Note what the journal does not know for sure, or does not know at all, of this order."""
        belief, order = self.journal.orders.get(client_id), self.venue.orders.get(client_id)
        waits = belief is not None and belief.intent is not None
        is_unsure = belief is not None and waits and belief.status in UNSURE
        self._note(self.unsure_since_ns, at_ns, client_id, is_unsure)
        has_ended = order is not None and order.was_told and not order.is_live
        is_short = client_id in self.ends_told_ns and not self._has_all(client_id)
        is_unaware = belief is not None and waits and has_ended and (is_short or not belief.status.has_ended)
        self._note(self.unaware_since_ns, at_ns, client_id, is_unaware)

    def _has_all(self, client_id: int) -> bool:
        """Whether the journal knows all that an order has filled."""
        belief, order = self.journal.orders.get(client_id), self.venue.orders.get(client_id)
        return belief is None or order is None or belief.filled >= order.filled

    def open_at_risk(self, belief: Belief) -> Decimal:
        """What may still fill of an open that the journal has not ended."""
        order: OwnOrder | None = self.venue.orders.get(belief.client_id)
        return belief.quantity - belief.filled if order is None else order.remaining

    def opening(self) -> Decimal:
        """Sum of what may still fill of own opens, unresolved ones whole."""
        unended = self.journal.unended_opens
        resting = sum((order.remaining for key, order in self.venue.live_opens.items() if key not in unended), ZERO)
        return resting + sum((self.open_at_risk(belief) for belief in unended.values()), ZERO)

    @staticmethod
    def _note(since: dict[int, int], at_ns: int, client_id: int, holds: bool) -> None:
        if holds:
            since.setdefault(client_id, at_ns)
        else:
            since.pop(client_id, None)
