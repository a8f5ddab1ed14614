"""Taking in what the venue tells, by itself or when asked: facts are written down, circumstances are passed on."""

from __future__ import annotations

from collections.abc import Callable

from bot.inquiry import Inquiry
from bot.oversight import Oversight
from bot.recorder import Recorder
from domain.events import (
    Fill,
    FundingPayment,
    MarketEnded,
    OrderUpdate,
    PositionUpdate,
    QuoteMoved,
    RulesChanged,
    StreamLost,
    StreamRestored,
    VenueEvent,
    VenueTrouble,
)
from domain.orders import OrderFact, OrderStatus, advance
from domain.report import plain
from domain.status import NoticeKind
from strategies.take_profit_grid.decisions import TakeProfitGrid
from strategies.take_profit_grid.orders import CROSSED
from strategies.take_profit_grid.state import GridState, Order

_REFUSALS_WORTH_A_NOTICE = 3
_NOT_ABOUT_RULES = frozenset({CROSSED, "insufficient_margin", "rate_limited", "maintenance", "too_many_orders"})
"""Refusals that say nothing about tick, step or minimum."""
_ENDS_WITH_A_TOTAL = (OrderFact.CANCELLED, OrderFact.EXPIRED)
"""An order that rested may have filled before it ended so: without the total it has not ended for us."""


class Intake:
    """`connected_since_ns` is None while the streams are lost."""

    def __init__(
        self,
        state: GridState,
        strategy: TakeProfitGrid,
        recorder: Recorder,
        inquiry: Inquiry,
        oversight: Oversight,
        say: Callable[[NoticeKind, str], None],
        halt: Callable[[str], None],
        stop: Callable[[str], None],
    ) -> None:
        self._state = state
        self._strategy = strategy
        self._recorder = recorder
        self._inquiry = inquiry
        self._oversight = oversight
        self._say = say
        self._halt = halt
        self._stop = stop
        self.connected_since_ns: int | None = None

    def take(self, event: VenueEvent) -> None:
        match event:
            case OrderUpdate():
                self._take_update(event)
            case Fill():
                self._take_fill(event)
            case FundingPayment():
                if not self._recorder.memory.knows_payment(event):
                    self._recorder.note(event)
            case RulesChanged():
                self._take_rules(event)
            case PositionUpdate():
                own = (event.quantity - self._state.foreign_position) * self._state.side.sign
                self._oversight.saw_position(own)
            case StreamLost():
                self.connected_since_ns = None
                self._lose_sight()
                self._say(NoticeKind.INFO, f"streams lost: {event.reason}")
            case StreamRestored():
                self.connected_since_ns = event.at_ns
                self._lose_sight()
                self._say(NoticeKind.INFO, "streams restored; asking the venue before anything is opened")
            case VenueTrouble(must_stop=True):
                self._halt(event.text)
            case VenueTrouble():
                self._say(NoticeKind.INFO, event.text)
            case MarketEnded():
                self._stop("the recorded market has ended")
            case QuoteMoved():
                pass  # The decision reads the newest quote itself.

    # --- orders -------------------------------------------------------------------------------------------------

    def _take_update(self, update: OrderUpdate) -> None:
        order = self._own_order(update.client_id)
        if order is None or not _is_news(order, update):
            return
        if order.is_live and update.filled is None and update.fact in _ENDS_WITH_A_TOTAL:
            # Absent is not zero: a cancel reveals fills, and those are not known yet.
            self._inquiry.ask_later(order.client_id, 0, doubted=True)
            self._oversight.want()
            return
        failures = self._state.failures[order.purpose]
        before = failures.count
        self._recorder.note(update)
        if before < failures.count == _REFUSALS_WORTH_A_NOTICE:
            text = f"{failures.count} {order.purpose.value} orders in a row were refused: {failures.reason}"
            self._say(NoticeKind.ERROR, text)
        # Some venues take an order first and end it at once: that is a refusal too.
        was_refused = order.placed_nothing and update.fact is not OrderFact.NEVER_PLACED
        if was_refused and update.reason not in _NOT_ABOUT_RULES:
            self._oversight.doubt_rules()

    def _take_fill(self, fill: Fill) -> None:
        if fill.forced:
            if not self._recorder.memory.knows_forced(fill):
                # The halt first: whoever dies between the two finds the trade once more, and halts again.
                text = f"the venue itself closed {plain(fill.quantity)} at {plain(fill.price)}"
                self._halt(f"{text} (liquidation or deleveraging)")
                self._recorder.note(fill)
            return
        order = self._own_order(fill.client_id)
        if order is not None and order.is_news(fill):
            self._recorder.note(fill)

    def _own_order(self, client_id: int | None) -> Order | None:
        """The order that carries an id of ours; one that the journal lost is adopted by the look that follows."""
        order = None if client_id is None else self._state.orders.get(client_id)
        if order is None and self._inquiry.adoption.is_lost(client_id):
            self._lose_sight()
        return order

    # --- circumstances ------------------------------------------------------------------------------------------

    def _take_rules(self, event: RulesChanged) -> None:
        self._recorder.note(event)
        self._strategy.rules = event.rules
        text = f"the venue's rules changed: tick {event.rules.tick_size}, step {event.rules.quantity_step}"
        self._say(NoticeKind.INFO, text)

    def _lose_sight(self) -> None:
        """Anything may have happened unheard: the venue is asked for everything that is not settled."""
        self._oversight.lose_sight()
        self._oversight.want()
        for order in self._state.live.values():
            if order.status is not OrderStatus.OPEN:
                self._inquiry.ask_later(order.client_id, 0)


def _is_news(order: Order, update: OrderUpdate) -> bool:
    """Whether an update tells anything that is not known: repetitions and older news are not written down."""
    return (
        advance(order.status, update.fact) is not order.status
        or (update.fact is OrderFact.ACCEPTED and order.accepted_ns is None)
        or (update.filled is not None and update.filled > order.filled)
        or (update.quantity is not None and update.quantity < order.quantity)
        or (update.order_id is not None and order.order_id is None)
    )
