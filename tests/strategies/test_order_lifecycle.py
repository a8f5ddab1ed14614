"""One order under every fact that can be told of it, true or not, against a model that knows no table.

The model keeps what was learned (the venue spoke of it, it was given up, a cancel is out, how it ended) and derives the
status from that; quantities are a largest total and a set of trades.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.accounting import Accounting
from domain.events import CancelIntended, Fill, Liquidity, OrderIntended, OrderUpdate, Part, Record
from domain.market import Side
from domain.orders import LIFECYCLE, OrderFact, OrderStatus, Purpose
from strategies.take_profit_grid.orders import Order
from strategies.take_profit_grid.state import GridState

ZERO, ONE = Decimal(0), Decimal(1)
PRICE = Decimal(100)
AMOUNTS = st.sampled_from([Decimal(text) for text in ("0.25", "0.4", "0.5", "0.75", "1")])
ENDS = (OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.REFUSED)
FACTS = [fact for fact in OrderFact if fact is not OrderFact.CANCEL_ASKED]
"""A cancel is asked for by an intent of our own."""


@dataclass(slots=True)
class Known:
    """What was learned of one order of 1."""

    quantity: Decimal = ONE
    total: Decimal = ZERO
    trades: dict[str, Decimal] = field(default_factory=dict)
    is_complete: bool = False
    end: OrderFact | None = None
    was_given_up: bool = False
    was_seen: bool = False
    is_out_of_sight: bool = False
    has_cancel_out: bool = False

    @property
    def traded(self) -> Decimal:
        return sum(self.trades.values(), ZERO)

    @property
    def filled(self) -> Decimal:
        return max(self.total, self.traded)

    @property
    def has_ended(self) -> bool:
        return self.is_complete or self.end is not None

    @property
    def rests(self) -> Decimal:
        """What may still trade: all of it where nobody knows."""
        return ZERO if self.has_ended or self.was_given_up else max(ZERO, self.quantity - self.filled)

    @property
    def status(self) -> OrderStatus:
        if self.is_complete:
            return OrderStatus.FILLED
        if self.end is not None:
            return OrderStatus(self.end.value)
        if self.was_given_up:
            return OrderStatus.NEVER_PLACED
        if self.has_cancel_out:
            return OrderStatus.CANCELLING
        if self.was_seen:
            return OrderStatus.OPEN
        return OrderStatus.UNKNOWN if self.is_out_of_sight else OrderStatus.PLANNED

    def hear(self, fact: OrderFact) -> None:
        if fact is OrderFact.FILLED:
            self.is_complete = True
        elif self.has_ended:
            return
        elif fact in ENDS:
            self.end = fact
        elif fact is OrderFact.ACCEPTED:
            self.was_seen, self.was_given_up = True, False
        elif fact is OrderFact.OUTCOME_UNKNOWN:
            self.is_out_of_sight = True
        elif fact is OrderFact.CANCEL_FAILED and self.has_cancel_out:
            self.was_seen, self.has_cancel_out = True, False
        elif fact is OrderFact.NEVER_PLACED and (self.has_cancel_out or not self.was_seen):
            self.was_given_up, self.has_cancel_out = True, False

    def hear_totals(self, filled: Decimal | None, quantity: Decimal | None, fact: OrderFact) -> None:
        if quantity is not None and quantity < self.quantity:
            self.quantity = max(quantity, self.filled)
        if filled is None and fact is OrderFact.FILLED:
            filled = self.quantity
        self.total = max(self.total, filled or ZERO)


class OrderMachine(RuleBasedStateMachine):
    @initialize(side=st.sampled_from(Side), closes=st.booleans())
    def begin(self, side: Side, closes: bool) -> None:
        """An open of its own entry, or the close of one that has filled."""
        self.state, self.money, self.known = GridState(side), Accounting(), Known()
        self.closes, self.number, self.at_ns = closes, 2 if closes else 1, 1
        self.side = side.opposite if closes else side
        self.take(OrderIntended(1, 1, Purpose.OPEN, side, PRICE, ONE, 1))
        if closes:
            self.take(self.fill_of(1, side, "opening", ONE))
            self.take(OrderIntended(1, 2, Purpose.CLOSE, self.side, PRICE, ONE, None, (Part(1, ONE),)))

    def take(self, record: Record) -> None:
        self.at_ns += 1
        self.state.apply(record)
        self.money.apply(record)

    def fill_of(self, client_id: int, side: Side, trade_id: str, quantity: Decimal) -> Fill:
        return Fill(self.at_ns, client_id, "o", trade_id, side, PRICE, quantity, ZERO, Liquidity.MAKER, self.at_ns)

    @property
    def order(self) -> Order:
        return self.state.orders[self.number]

    @rule(fact=st.sampled_from(FACTS), filled=st.none() | AMOUNTS, quantity=st.none() | AMOUNTS)
    def a_fact_is_told(self, fact: OrderFact, filled: Decimal | None, quantity: Decimal | None) -> None:
        self.known.hear_totals(filled, quantity, fact)
        self.known.hear(fact)
        self.take(OrderUpdate(self.at_ns, self.number, fact, "o", filled, quantity))

    @rule(fact=st.sampled_from(FACTS))
    def a_bare_fact_is_told(self, fact: OrderFact) -> None:
        self.a_fact_is_told(fact, None, None)

    @rule(trade_id=st.sampled_from("abcd"), quantity=AMOUNTS)
    def a_trade_is_told(self, trade_id: str, quantity: Decimal) -> None:
        """As the bot takes it: one that is known by its id, or is more than there can be, is none."""
        is_news = trade_id not in self.known.trades and self.known.traded + quantity <= self.known.quantity
        fill = self.fill_of(self.number, self.side, trade_id, quantity)
        assert self.order.is_news(fill) is is_news
        if is_news:
            self.known.trades[trade_id] = quantity
            is_last = self.known.filled >= self.known.quantity
            self.known.hear(OrderFact.FILLED if is_last else OrderFact.ACCEPTED)
            self.take(fill)

    @rule()
    def a_cancel_is_intended(self) -> None:
        if not self.known.has_ended and not self.known.was_given_up:
            self.known.has_cancel_out = True
        self.take(CancelIntended(self.at_ns, self.number, "why"))

    @invariant()
    def the_order_is_what_was_learned_of_it(self) -> None:
        if not hasattr(self, "known"):
            return
        known, order = self.known, self.order
        assert order.status is known.status
        assert (order.quantity, order.filled, order.traded) == (known.quantity, known.filled, known.traded)
        assert order.is_live is (self.number in self.state.live) is not (known.has_ended or known.was_given_up)

    @invariant()
    def what_may_still_trade_counts_at_full_size(self) -> None:
        if not hasattr(self, "known"):
            return
        known, state = self.known, self.state
        opens, covers = (ZERO, known.rests) if self.closes else (known.rests, ZERO)
        assert (state.open_exposure(), state.covered) == (opens, covers)
        assert state.own == (ONE - known.filled if self.closes else known.filled)
        assert self.money.position == (ONE - known.traded if self.closes else known.traded) * state.side.sign
        assert self.money.unexplained == known.filled - known.traded


TestOrderMachine = OrderMachine.TestCase
TestOrderMachine.settings = settings(stateful_step_count=30)


def test_the_model_reaches_every_status_and_each_change_of_the_table() -> None:
    """What the machine is held against is not poorer than the table: all that the table changes, the model changes."""
    ways: dict[OrderStatus, list[OrderFact]] = {OrderStatus.PLANNED: []}
    for _ in OrderStatus:
        for way in list(ways.values()):
            for fact in OrderFact:
                ways.setdefault(status_after([*way, fact]), [*way, fact])
    assert set(ways) == set(OrderStatus)
    modelled = {(status, fact, status_after([*way, fact])) for status, way in ways.items() for fact in OrderFact}
    changes = {change for change in modelled if change[0] is not change[2]}
    assert changes == {(status, fact, after) for status, row in LIFECYCLE.items() for fact, after in row.items()}


def status_after(facts: list[OrderFact]) -> OrderStatus:
    known = Known()
    for fact in facts:
        if fact is OrderFact.CANCEL_ASKED:
            known.has_cancel_out = known.has_cancel_out or not (known.has_ended or known.was_given_up)
        else:
            known.hear(fact)
    return known.status
