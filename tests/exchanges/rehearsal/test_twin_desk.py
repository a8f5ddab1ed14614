"""The desk of every twin: wire time, happenings in order, and a ledger that agrees with them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.rehearsal.desk import Happening, OrderMoved, PositionMoved, TouchMoved, TwinDesk, TwinOrder
from exchanges.rehearsal.setup import TwinSetup
from markets.account import AccountTerms
from markets.orders import Reason, Refusal
from tests.support.contract import RULES, SCALE
from tests.support.tape import ScriptedMarket, Tick, quote, sold

D = Decimal
TODAY_NS = 1_800_000_000 * NANOSECONDS
TICKS = [quote(0, 30000, 30010), sold(10, 30005, 40), sold(20, 30005, 60), quote(25, 30020, 30030), quote(3600, 1, 9)]


def desk(ticks: list[Tick] | None = None, speed: Fraction = Fraction(1)) -> TwinDesk:
    market = ScriptedMarket(ticks or TICKS, rules=RULES, scale=SCALE)
    return TwinDesk(TwinSetup("ETH", market, AccountTerms(balance=D(100_000)), TODAY_NS, speed=speed))


def lived(one: TwinDesk, seconds: Fraction | float) -> list[Happening]:
    until_ns = TODAY_NS + int(seconds * NANOSECONDS)
    happenings = one.take_happenings()
    while one.advance(until_ns) < until_ns:
        happenings += one.take_happenings()
    return happenings + one.take_happenings()


def bought(one: TwinDesk) -> TwinOrder:
    order = one.place("a-1", Side.BUY, D("0.1"), D("3000.5"), post_only=True)
    assert isinstance(order, TwinOrder)
    return order


def after_s(happening: Happening, speed: Fraction = Fraction(1)) -> float:
    return float((happening.at_ns - TODAY_NS) * speed / NANOSECONDS)


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(10), Fraction(1, 3), Fraction(7, 2)])
def test_a_recording_of_another_year_is_lived_through_today_at_any_speed(speed: Fraction) -> None:
    one = desk(speed=speed)
    bought(one)
    told = [event for event in lived(one, 30 / speed) if isinstance(event, OrderMoved)]
    assert [(event.fact, event.order.filled) for event in told] == [
        (OrderFact.ACCEPTED, 0), (OrderFact.ACCEPTED, D("0.04")), (OrderFact.FILLED, D("0.1")),
    ]  # fmt: skip
    assert [after_s(event, speed) for event in told] == pytest.approx([0, 10, 20], abs=1e-6)
    assert [fill.at_ns for fill in one.fills] == [event.at_ns for event in told[1:]]
    assert one.now_ns == TODAY_NS + int(30 / speed * NANOSECONDS)


def test_a_hole_in_the_data_is_leapt_over_and_the_wire_does_not_wait() -> None:
    after = [quote(500_000, 30000, 30010, gap=True), sold(500_010, 30005, 100), quote(600_000, 1, 9)]
    one = desk([quote(0, 30000, 30010), *after])
    bought(one)
    (filled,) = [event for event in lived(one, 60) if isinstance(event, OrderMoved) and event.fill is not None]
    assert 10 <= after_s(filled) <= 11
    assert filled.order.status is OrderStatus.FILLED


def test_the_touch_is_told_when_it_moves_and_not_otherwise() -> None:
    touches = [event for event in lived(desk(), 100) if isinstance(event, TouchMoved)]
    assert [(event.quote.bid, round(after_s(event), 1)) for event in touches] == [(D("3000"), 0), (D("3002"), 25)]


def test_a_trade_is_told_with_the_order_after_it_and_the_position_then() -> None:
    one = desk()
    bought(one)
    happenings = [event for event in lived(one, 15) if not isinstance(event, TouchMoved)]
    accepted, traded, moved = happenings
    assert isinstance(accepted, OrderMoved)
    assert accepted.is_new
    assert isinstance(traded, OrderMoved)
    assert traded.fill is not None
    assert (traded.fill.quantity, traded.fill.position, traded.order.remaining) == (D("0.04"), D(0), D("0.06"))
    assert moved == PositionMoved(traded.at_ns, D("0.04"))


def test_what_others_do_is_told_too() -> None:
    one = desk()
    order = bought(one)
    lived(one, 1)
    one.trade_by_hand(Side.BUY, D("0.2"))
    one.end_by_venue(order.number, "Liquidation", expired=True)
    told = [event for event in lived(one, 2) if isinstance(event, OrderMoved)]
    assert [(event.order.client_id, event.fact, event.order.reason) for event in told] == [
        (None, OrderFact.FILLED, ""), ("a-1", OrderFact.EXPIRED, "Liquidation"),
    ]  # fmt: skip
    assert one.position == D("0.2")


def test_a_reduce_only_order_is_trimmed_on_arrival_and_later() -> None:
    one = desk()
    one.trade_by_hand(Side.BUY, D("0.2"))
    closing = one.place("c", Side.SELL, D("0.5"), D("3005"), post_only=True, reduce_only=True)
    assert isinstance(closing, TwinOrder)
    assert (closing.asked, closing.quantity) == (D("0.5"), D("0.2"))
    one.trade_by_hand(Side.SELL, D("0.15"))
    assert one.orders[closing.number].quantity == D("0.05")
    one.trade_by_hand(Side.SELL, D("0.05"))
    ended = one.orders[closing.number]
    assert (ended.status, ended.reason) == (OrderStatus.CANCELLED, Reason.REDUCE_ONLY)


def test_a_refusal_leaves_no_trace() -> None:
    one = desk()
    assert isinstance(one.place("x", Side.BUY, D("0.1"), D("3001"), post_only=True), Refusal)
    assert (one.orders, one.by_client_id("x")) == ({}, None)


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_the_ledger_adds_up_whatever_was_done(seed: int, steps: int) -> None:
    chance = Random(seed)
    ticks = [quote(0, 30000, 30010)]
    for second in range(1, steps + 1):
        bid = 30000 + chance.randint(-20, 20)
        ticks += [sold(second, bid - chance.randint(0, 5), chance.randint(1, 80)), quote(second, bid, bid + 10)]
    one = desk([*ticks, quote(3600, 30000, 30010)])
    happenings: list[Happening] = []
    for second in range(steps):
        side = chance.choice([Side.BUY, Side.SELL])
        price = D(30000 + chance.randint(-30, 40)) / 10
        one.place(str(second), side, D(chance.randint(10, 90)) / 1000, price, post_only=chance.random() < 0.7,
                  reduce_only=chance.random() < 0.3)  # fmt: skip
        for order in one.live_orders():
            if chance.random() < 0.1:
                one.cancel(order.number)
        happenings += lived(one, second + 1)
    signed = sum((fill.quantity * fill.side.sign for fill in one.fills), D(0))
    assert signed == one.position
    last: dict[int, TwinOrder] = {}
    for event in happenings:
        if isinstance(event, OrderMoved):
            before = last.get(event.order.number)
            assert before is None or (event.order.filled >= before.filled and before.is_live)
            last[event.order.number] = event.order
    assert last == one.orders
    for number, order in one.orders.items():
        fills = [fill for fill in one.fills if fill.order.number == number]
        assert sum((fill.quantity for fill in fills), D(0)) == order.filled <= order.quantity <= order.asked
        assert sum((fill.fee for fill in fills), D(0)) == order.fees
    assert {order.number for order in one.live_orders()} == {n for n, order in one.orders.items() if order.is_live}


def test_the_same_setup_gives_the_same_happenings_however_time_is_cut() -> None:
    whole, cut = desk(), desk()
    bought(whole)
    bought(cut)
    pieces: list[Happening] = []
    for step in range(1, 301):
        pieces += lived(cut, step / 10)

    def without_touch(happenings: list[Happening]) -> list[Happening]:
        return [event for event in happenings if not isinstance(event, TouchMoved)]

    assert without_touch(pieces) == without_touch(lived(whole, 30))
    assert replace(whole.orders[1]) == cut.orders[1]
