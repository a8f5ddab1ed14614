"""One true history, told in any order and any number of times, ends in one state once the truth is read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import NANOSECONDS
from domain.orders import OrderFact, OrderStatus
from strategies.take_profit_grid.orders import Order
from tests.support.grid import ZERO, Desk, config

LATER_NS = 60 * NANOSECONDS
ENDS = {
    OrderFact.FILLED: OrderStatus.FILLED,
    OrderFact.CANCELLED: OrderStatus.CANCELLED,
    OrderFact.EXPIRED: OrderStatus.EXPIRED,
    OrderFact.ACCEPTED: OrderStatus.OPEN,
}


History = tuple[list[Decimal], OrderFact, bool, bool]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """The trades of an order of 1, how it stands in the end, and whether it was once lost from sight or given up."""
    hundredths = draw(st.lists(st.integers(1, 40), max_size=5))
    trades: list[Decimal] = []
    for amount in hundredths:
        left = 1 - sum(trades, ZERO)
        if left > 0:
            trades.append(min(left, Decimal(amount) / 100))
    if sum(trades, ZERO) == 1 or draw(st.booleans()):
        trades += [1 - sum(trades, ZERO)] if sum(trades, ZERO) < 1 else []
        return trades, OrderFact.FILLED, draw(st.booleans()), draw(st.booleans())
    end = draw(st.sampled_from([OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.ACCEPTED]))
    return trades, end, draw(st.booleans()), draw(st.booleans())


def news(
    order: Order, trades: list[Decimal], end: OrderFact, *, lost: bool, given_up: bool
) -> list[OrderUpdate | Fill]:
    """Every fact of the history: each trade, each total on the way, doubts, and the end."""
    at_ns, order_id = order.intended_ns + LATER_NS, "o"
    assert order.price is not None
    facts: list[OrderUpdate | Fill] = [OrderUpdate(at_ns, order.client_id, OrderFact.ACCEPTED, order_id)]
    total = ZERO
    for number, amount in enumerate(trades):
        total += amount
        facts.append(
            Fill(
                at_ns,
                order.client_id,
                order_id,
                f"{order.client_id}-{number}",
                order.side,
                order.price,
                amount,
                ZERO,
                Liquidity.MAKER,
                at_ns,
            )
        )
        facts.append(OrderUpdate(at_ns, order.client_id, OrderFact.ACCEPTED, order_id, total))
    facts += [OrderUpdate(at_ns, order.client_id, OrderFact.OUTCOME_UNKNOWN)] if lost else []
    facts += [OrderUpdate(at_ns, order.client_id, OrderFact.NEVER_PLACED)] if given_up else []
    return [*facts, OrderUpdate(at_ns, order.client_id, end, order_id, total)]


def told(data: st.DataObject, desk: Desk, order: Order, history: History) -> None:
    """In any order, some of it again, some of it not at all; the truth is read last, trades included."""
    trades, end, lost, given_up = history
    facts = news(order, trades, end, lost=lost, given_up=given_up)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4))
    shuffled = data.draw(st.permutations([*facts, *again]))
    for fact in shuffled[: data.draw(st.integers(0, len(shuffled)))]:
        desk.note(fact)
    for fact in facts:
        if isinstance(fact, Fill):
            desk.note(fact)
    desk.note(facts[-1])


def amounts(desk: Desk) -> dict[str, Any]:
    """All that must not depend on the telling. What is owed may await a look or not: that is part of the telling."""
    state = desk.state
    return {
        "status": {order.client_id: order.status for order in state.orders.values()},
        "filled": {order.client_id: order.filled for order in state.orders.values()},
        "traded": {order.client_id: order.traded for order in state.orders.values()},
        "own": state.own,
        "covered": state.covered,
        "owed": {entry.entry_id: entry.owed for entry in state.entries.values() if entry.filled},
        "unclosed": state.unclosed,
        "unexplained": state.unexplained,
        "live": set(state.live),
    }


@given(st.data(), histories())
def test_the_telling_of_an_open_does_not_matter(data: st.DataObject, history: History) -> None:
    desk = Desk()
    desk.settle()
    order = desk.only_open()
    told(data, desk, order, history)
    trades, end, *_ = history
    filled = sum(trades, ZERO)
    assert amounts(desk) == {
        "status": {1: ENDS[end]},
        "filled": {1: filled},
        "traded": {1: filled},
        "own": filled,
        "covered": ZERO,
        "owed": {1: filled} if filled else {},
        "unclosed": {1} if filled else set(),
        "unexplained": set(),
        "live": {1} if end is OrderFact.ACCEPTED else set(),
    }


@given(st.data(), histories())
def test_the_telling_of_a_close_does_not_matter(data: st.DataObject, history: History) -> None:
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    desk.settle()
    order = desk.newest()
    told(data, desk, order, history)
    trades, end, *_ = history
    filled = sum(trades, ZERO)
    rests = 1 - filled if end is OrderFact.ACCEPTED else ZERO
    assert amounts(desk) == {
        "status": {1: OrderStatus.FILLED, 2: ENDS[end]},
        "filled": {1: Decimal(1), 2: filled},
        "traded": {1: Decimal(1), 2: filled},
        "own": 1 - filled,
        "covered": rests,
        "owed": {1: 1 - filled - rests} if filled < 1 else {},
        "unclosed": {1} if filled < 1 else set(),
        "unexplained": set(),
        "live": {2} if rests else set(),
    }
