"""Covering: every filled quantity gets a close, once, at the right price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import CancelOrder
from domain.events import Halted
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, Purpose
from domain.stop import StopMode
from tests.support.covers import close, closing, covered, filled
from tests.support.grid import Desk, config, rules

# --- price --------------------------------------------------------------------------------------------------------


def test_a_fill_is_closed_at_its_price_plus_the_take_profit() -> None:
    assert filled().settle() == [close("101.0", (1, "1"))]


def test_a_selling_bot_closes_below() -> None:
    desk = filled(settings=config(direction=Side.SELL))
    assert desk.settle() == [close("99.0", (1, "1"), side=Side.BUY)]  # 100.1 x 0.99 = 99.099, rounded down


@pytest.mark.parametrize(
    "direction, take_profit, price",
    [
        (Side.BUY, "0.02", "100.1"),  # 100.02
        (Side.BUY, "0.1", "100.1"),  # 100.1 exactly
        (Side.BUY, "0.10001", "100.2"),
        (Side.SELL, "0.02", "100.0"),  # 100.1 - 0.02002
        (Side.SELL, "0.2", "99.8"),  # 99.8998
    ],
)
def test_the_close_is_rounded_away_from_loss(direction: Side, take_profit: str, price: str) -> None:
    desk = filled(settings=config(direction=direction, take_profit=take_profit))
    desk.quote("90", "110")
    (command,) = closing(desk.settle())
    assert command == close(price, (1, "1"), side=direction.opposite)


def test_a_close_that_would_cross_goes_one_tick_outside_the_touch() -> None:
    desk = filled()
    desk.quote("101", "101.1")
    assert closing(desk.settle()) == [close("101.1", (1, "1"))]
    desk = filled()
    desk.quote("100.9", "101.1")
    assert closing(desk.settle()) == [close("101.0", (1, "1"))]


def test_a_selling_bots_close_that_would_cross_goes_one_tick_below_the_ask() -> None:
    desk = filled(settings=config(direction=Side.SELL))
    desk.quote("98.8", "98.9")
    assert closing(desk.settle()) == [close("98.8", (1, "1"), side=Side.BUY)]


def test_a_close_outside_an_off_tick_touch_is_on_tick() -> None:
    desk = filled(tick_size="0.5")  # filled at 100.0, from an ask of 100.1
    desk.quote("101.2", "101.7")
    assert closing(desk.settle()) == [close("101.5", (1, "1"))]


def test_without_a_fresh_quote_the_target_stands() -> None:
    desk = filled()
    desk.quote("105", "105.1")
    desk.quote_age_ns = 60 * NANOSECONDS
    assert desk.settle() == [close("101.0", (1, "1"))]


def test_after_a_tick_change_the_close_is_rounded_on_the_new_tick_away_from_loss() -> None:
    desk = filled()
    desk.grid.rules = rules(tick_size="0.4")
    assert closing(desk.settle()) == [close("101.2", (1, "1"))]


def test_a_close_is_priced_from_the_fill_not_from_the_order() -> None:
    desk = Desk()
    desk.fill(desk.open_one(), price="99")
    assert desk.settle() == [close("100.1", (1, "1"))]  # 99.99 rounded up would be 100.0, where the bid is


# --- how much, and once -------------------------------------------------------------------------------------------


def test_a_partial_fill_is_covered_while_its_open_still_rests() -> None:
    desk = filled("0.6")
    assert desk.settle() == [close("101.0", (1, "0.6"))]
    assert desk.only_open().remaining == Decimal("0.4")


def test_partial_fill_is_covered_once() -> None:
    desk = filled("0.6")
    assert desk.settle() == [close("101.0", (1, "0.6"))]
    assert desk.settle() == []
    desk.fill(desk.only_open(), "0.4")
    assert desk.settle() == [close("101.0", (1, "0.4"))]


def test_what_a_cancel_reveals_is_covered() -> None:
    desk = Desk()
    order = desk.open_one()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.3")
    assert desk.settle() == [close("101.0", (1, "0.3"))]


def test_a_fill_after_the_cancel_is_covered() -> None:
    desk = Desk()
    order = desk.open_one()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.fill(order, "0.3")
    assert desk.settle() == [close("101.0", (1, "0.3"))]


def test_a_fill_before_the_acknowledgement_is_covered() -> None:
    desk = Desk()
    desk.settle()
    desk.fill(desk.only_open())
    assert desk.settle() == [close("101.0", (1, "1"))]
    assert desk.state.orders[1].status.value == "filled"


def test_a_repeated_trade_is_covered_once() -> None:
    desk = filled("0.6")
    trade = desk.records[-1]
    desk.settle()
    desk.note(trade)
    assert desk.settle() == []
    assert desk.state.own == Decimal("0.6")


def test_a_total_and_its_trades_are_the_same_fill() -> None:
    desk = Desk()
    order = desk.open_one()
    desk.tell(order, OrderFact.ACCEPTED, filled="0.6")
    assert desk.settle() == [close("101.0", (1, "0.6"))]
    desk.fill(order, "0.25")
    desk.fill(order, "0.35")
    assert desk.settle() == []
    assert desk.state.unexplained == set()


def test_a_lower_total_that_comes_late_takes_nothing_back() -> None:
    desk = filled("0.6")
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.ACCEPTED, filled="0.2")
    assert desk.settle() == []
    assert desk.state.own == Decimal("0.6")


def test_a_filled_fact_without_a_total_means_the_whole_order() -> None:
    desk = Desk()
    desk.tell(desk.open_one(), OrderFact.FILLED)
    assert desk.settle() == [close("101.0", (1, "1"))]


def test_a_fact_without_a_total_says_nothing_about_fills() -> None:
    desk = filled("0.6")
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.CANCELLED)
    assert desk.state.own == Decimal("0.6")
    assert desk.settle() == []


def test_a_halted_bot_still_covers() -> None:
    desk = filled()
    desk.note(Halted(desk.now_ns, "position and closes disagree"))
    desk.see(stopping=StopMode.KEEP)
    assert desk.settle() == [close("101.0", (1, "1"))]


@pytest.mark.parametrize("circumstance", [{"connected": False}, {"look_failed": True}, {"trouble": "full disk"}])
def test_fresh_fills_are_covered_whatever_keeps_opens_back(circumstance: dict[str, object]) -> None:
    desk = filled()
    desk.see(**circumstance)
    assert desk.settle() == [close("101.0", (1, "1"))]


# --- below the minimum --------------------------------------------------------------------------------------------


def test_dust_is_carried() -> None:
    desk = filled("0.09")
    assert desk.settle() == []
    assert desk.state.entries[1].owed == Decimal("0.09")


def test_dust_is_merged_into_the_next_fill_of_its_entry() -> None:
    desk = filled("0.09")
    desk.fill(desk.only_open(), "0.01")
    assert desk.settle() == [close("101.0", (1, "0.10"))]


def dusty() -> Desk:
    """0.09 filled at 100.0 by an entry that is over; the price has moved, and the next entry may begin."""
    desk = filled("0.09")
    order = desk.only_open()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.09")
    desk.see(connected=True)
    desk.pass_time(1000)
    return desk


def test_dust_is_merged_into_the_next_close_at_no_worse_a_price() -> None:
    cheap = dusty()
    cheap.quote("89.9", "90.1")
    cheap.fill(cheap.open_one())
    assert cheap.settle() == [close("101.0", (1, "0.09"), (2, "1"))]
    dear = dusty()
    dear.quote("109.9", "110.1")
    dear.fill(dear.open_one())
    assert dear.settle() == [close("111.1", (1, "0.09"), (2, "1"))]


def test_a_selling_bots_merged_close_takes_the_lowest_target() -> None:
    desk = filled("0.09", config(direction=Side.SELL))
    desk.see(connected=False)
    desk.settle()
    desk.tell(desk.state.orders[1], OrderFact.CANCELLED, filled="0.09")
    desk.see(connected=True)
    desk.pass_time(1000)
    desk.quote("89.9", "90.1")
    desk.fill(desk.open_one())
    assert desk.settle() == [close("89.1", (1, "0.09"), (2, "1"), side=Side.BUY)]


def test_two_pieces_of_dust_that_make_a_minimum_are_closed_together() -> None:
    desk = dusty()
    desk.fill(desk.open_one(), "0.05")
    assert desk.settle() == [close("101.0", (1, "0.09"), (2, "0.05"))]


def test_below_the_minimum_notional_is_dust_too() -> None:
    desk = filled("0.2", min_notional="21")
    assert desk.settle() == []
    desk.fill(desk.only_open(), "0.01")
    assert desk.settle() == [close("101.0", (1, "0.21"))]


def test_what_is_below_the_step_is_carried() -> None:
    """The lot step has grown since the fill."""
    desk = filled("0.66")
    desk.grid.rules = rules(quantity_step="0.1")
    assert desk.settle() == [close("101.0", (1, "0.6"))]
    assert desk.state.entries[1].owed == Decimal("0.06")


def test_pieces_below_the_step_are_merged_into_whole_steps() -> None:
    desk = dusty()
    desk.grid.rules = rules(quantity_step="0.1")
    desk.fill(desk.open_one(), "0.91")
    assert desk.settle() == [close("101.0", (1, "0.09"), (2, "0.91"))]


def test_dust_of_an_entry_keeps_it_open() -> None:
    desk = dusty()
    assert desk.state.unclosed == {1}


def test_dust_alone_does_not_fill_the_grid_for_ever() -> None:
    """With `max_orders` 1 only the next entry's close can take it along."""
    desk = filled("0.09", config(max_orders=1))
    order = desk.only_open()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.09")
    desk.see(connected=True)
    desk.pass_time(1000)
    desk.fill(desk.open_one())
    assert desk.settle() == [close("101.0", (1, "0.09"), (2, "1"))]
    desk.accept(desk.newest())
    desk.pass_time(1000)
    assert desk.holds() == ["max_orders"]


# --- stopping -----------------------------------------------------------------------------------------------------


def test_stopping_with_keep_covers_and_leaves_the_closes() -> None:
    desk = Desk(config(max_orders=2))
    desk.enter()
    desk.pass_time(1000)
    desk.fill(desk.open_one())
    desk.see(stopping=StopMode.KEEP)
    assert desk.settle() == [close("101.0", (2, "1"))]


def test_stopping_with_cancel_takes_the_closes_away_and_covers_nothing() -> None:
    desk = covered()
    order = desk.newest()
    desk.see(stopping=StopMode.CANCEL)
    assert desk.settle() == [CancelOrder(order.client_id, "stop: cancel")]
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.look()
    assert desk.settle() == []


def test_stopping_with_flatten_leaves_at_market_once_nothing_rests() -> None:
    desk = Desk(config(max_orders=2))
    orders = [desk.enter(), desk.enter()]
    desk.see(stopping=StopMode.FLATTEN)
    assert desk.settle() == [CancelOrder(order.client_id, "stop: flatten") for order in orders]
    desk.tell(orders[0], OrderFact.CANCELLED, filled="0")
    assert desk.settle() == []
    desk.tell(orders[1], OrderFact.CANCELLED, filled="0.5")
    desk.look()
    (leave,) = desk.settle()
    exit_order = desk.newest()
    assert (exit_order.purpose, exit_order.price, exit_order.quantity) == (Purpose.EXIT, None, Decimal("1.5"))
    assert leave.__class__.__name__ == "PlaceExit"
    desk.fill(exit_order)
    assert (desk.state.own, desk.state.entries) == (Decimal(0), {})
