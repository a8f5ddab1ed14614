"""The venue of a world: the simulated one, whose every step is shown to the scribe, and which can be made to lie.

The auditor sees what the venue *commits*. What a disturbed venue *says* (an order left out of a list, a position of 0)
comes from the methods overridden here, so the two can differ, as they do at real venues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from domain.events import Fill, Liquidity
from domain.market import MarketRules, Quote
from markets.account import AccountTerms
from markets.orders import BookOrder, NewOrder, OrderState, Reason, Refusal
from markets.store import MemoryLedger, Step
from markets.tape import MarketSource, TapeScale
from markets.venue import SimulatedVenue
from simulation.observed import Observation, VenueFill, VenueOrder, VenueOvertook, VenuePosition, VenueRules

_TOUCHES_REMEMBERED = 4_096

Tell = Callable[[Observation], None]
NumberOf = Callable[[int, int | None], int | None]
"""From an order's number, and the client id the venue keeps for it, to the bot's client id; None for foreign ones."""


class VenueMood(Protocol):
    """What is wrong with a venue now. Every method is asked at the moment it matters."""

    def refusal(self, request: NewOrder) -> Refusal | None:
        """Why an order is refused that the venue would otherwise take."""

    def hides(self, order: OrderState) -> bool:
        """Whether a resting order is left out of the list of open orders."""

    def position(self, true: Decimal) -> Decimal:
        """The position that is told."""

    def quote(self, true: Quote | None) -> Quote | None:
        """The touch that is shown."""


class GoodMood:
    """A venue that says what is."""

    def refusal(self, request: NewOrder) -> Refusal | None:  # noqa: ARG002 - the interface's, here and below
        return None

    def hides(self, order: OrderState) -> bool:  # noqa: ARG002
        return False

    def position(self, true: Decimal) -> Decimal:
        return true

    def quote(self, true: Quote | None) -> Quote | None:
        return true


class WatchedLedger(MemoryLedger):
    """Keeps the account in memory, and every step until it is shown."""

    def __init__(self, scale: TapeScale) -> None:
        super().__init__()
        self._scale = scale
        self._unshown: list[VenueOrder | VenueFill | VenuePosition | VenueOvertook | VenueRules] = []
        self._seen: dict[int, tuple[object, ...]] = {}
        self._position: int | None = None
        self._rules: MarketRules | None = None

    def commit(self, step: Step) -> None:
        super().commit(step)
        record = step.record
        if record.rules is not self._rules and record.rules != self._rules:
            self._unshown.append(VenueRules(record.rules))
        self._rules = record.rules
        self._unshown += [_told_fill(fill) for fill in step.fills]
        for order in step.orders:
            facts = (order.quantity, order.filled, order.ended_ns)
            if self._seen.get(order.number) != facts:
                self._seen[order.number] = facts
                self._unshown.append(_told_order(order, self._scale))
        if record.position != self._position:
            self._position = record.position
            self._unshown.append(VenuePosition(self._scale.size_unit * record.position))

    def overtake(self, order: NewOrder) -> None:
        """A post-only order was refused since it would have taken."""
        if order.price is not None:
            self._unshown.append(VenueOvertook(order.side, order.price, order.quantity))

    def show(self, tell: Tell, client_id_of: NumberOf) -> None:
        """Tell what was committed since the last call."""
        if not self._unshown:
            return
        news, self._unshown = self._unshown, []
        for item in news:
            if isinstance(item, VenueOrder | VenueFill):
                tell(replace(item, client_id=client_id_of(int(item.order_id), item.client_id)))
            else:
                tell(item)


def _told_order(order: BookOrder, scale: TapeScale) -> VenueOrder:
    return VenueOrder(
        order_id=str(order.number),
        client_id=order.client_id,
        side=order.side,
        price=None if order.price is None else scale.price_unit * order.price,
        quantity=scale.size_unit * order.quantity,
        filled=scale.size_unit * order.filled,
        is_live=order.is_live,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        word=str(order.reason),
    )


def _told_fill(fill: Fill) -> VenueFill:
    return VenueFill(
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        client_id=fill.client_id,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        is_maker=fill.liquidity is Liquidity.MAKER,
        is_forced=fill.forced,
    )


class WorldVenue(SimulatedVenue):
    """The simulated venue with a mood. `truth` reads past it."""

    def __init__(self, source: MarketSource, terms: AccountTerms, ledger: WatchedLedger, history_ns: int) -> None:
        self.mood: VenueMood = GoodMood()
        self._last_shown: dict[tuple[Decimal, Decimal], int] = {}
        self.ledger = ledger
        super().__init__(source, terms, ledger, history_ns=history_ns)

    @property
    def position(self) -> Decimal:
        return self.mood.position(self.true_position)

    @property
    def true_position(self) -> Decimal:
        return super().position

    def open_orders(self) -> list[OrderState]:
        return [order for order in super().open_orders() if not self.mood.hides(order)]

    def true_open_orders(self) -> list[OrderState]:
        return super().open_orders()

    def quote_as_of(self, time_ns: int) -> Quote | None:
        quote = super().quote_as_of(time_ns)
        if quote is not None and time_ns >= self.now_ns:
            self._note_shown((quote.bid, quote.ask))
        return self.mood.quote(quote)

    def _note_shown(self, touch: tuple[Decimal, Decimal]) -> None:
        self._last_shown.pop(touch, None)
        self._last_shown[touch] = self.now_ns
        if len(self._last_shown) > _TOUCHES_REMEMBERED:
            del self._last_shown[next(iter(self._last_shown))]

    def shown_ns(self, quote: Quote) -> int | None:
        """When the venue last looked at its touch and it was this one; None: not that is known."""
        return self._last_shown.get((quote.bid, quote.ask))

    def place(self, request: NewOrder) -> OrderState | Refusal:
        outcome = self.mood.refusal(request) or super().place(request)
        if isinstance(outcome, Refusal) and outcome.reason is Reason.POST_ONLY_WOULD_CROSS:
            self.ledger.overtake(request)
        return outcome

    def place_by_hand(self, request: NewOrder) -> OrderState | Refusal:
        """Somebody else's order on this account."""
        return super().place(request)
