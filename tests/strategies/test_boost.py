"""Boost: each fill leaves at market at once; what a cancel reveals leaves as a maker at the entry price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import Command, PlaceClose, PlaceExit, PlaceOpen
from domain.events import Part
from domain.market import Side
from domain.orders import OrderFact
from tests.support.grid import Desk, config, rules


def boosted(**settings: object) -> Desk:
    return Desk(config(boost_mode=True, **settings))


def leave(*parts: tuple[int, str], side: Side = Side.SELL) -> PlaceExit:
    named = tuple(Part(entry, Decimal(quantity)) for entry, quantity in parts)
    return PlaceExit(side, sum((part.quantity for part in named), Decimal(0)), named)


def leaving(commands: list[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, PlaceExit | PlaceClose)]


def revealed_by_cancel(desk: Desk, filled: str) -> None:
    order = desk.open_one()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled=filled)
    desk.see(connected=True)


def test_the_open_is_the_same_maker_open() -> None:
    assert boosted().commands() == (PlaceOpen(1, Side.BUY, Decimal("100.0"), Decimal(1)),)


def test_a_fill_leaves_at_market_at_once() -> None:
    desk = boosted()
    desk.fill(desk.open_one())
    assert leaving(desk.settle()) == [leave((1, "1"))]


def test_a_selling_bot_buys_back_at_market() -> None:
    desk = boosted(direction=Side.SELL)
    desk.fill(desk.open_one())
    assert leaving(desk.settle()) == [leave((1, "1"), side=Side.BUY)]


def test_each_partial_fill_leaves_while_the_open_rests() -> None:
    desk = boosted()
    order = desk.open_one()
    desk.fill(order, "0.4")
    assert leaving(desk.settle()) == [leave((1, "0.4"))]
    desk.fill(order, "0.6")
    assert leaving(desk.settle()) == [leave((1, "0.6"))]


def test_there_is_no_cool_down() -> None:
    desk = boosted(max_orders=3)
    desk.fill(desk.open_one())
    assert desk.settle()[-1] == PlaceOpen(2, Side.BUY, Decimal("100.0"), Decimal(1))


def test_the_most_entries_hold_in_boost_too() -> None:
    desk = boosted(max_orders=1)
    desk.fill(desk.open_one())
    desk.settle()
    assert desk.holds() == ["max_orders"]
    desk.fill(desk.newest())
    assert len(desk.settle()) == 1


def test_what_a_cancel_reveals_leaves_as_a_maker_at_the_entry_price() -> None:
    desk = boosted()
    revealed_by_cancel(desk, "0.3")
    (command,) = leaving(desk.settle())
    assert command == PlaceClose(Side.SELL, Decimal("100.1"), Decimal("0.3"), (Part(1, Decimal("0.3")),))  # bid 100


def test_at_the_entry_price_where_that_does_not_cross() -> None:
    desk = boosted()
    order = desk.open_one()
    desk.quote("99.8", "99.9")
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.3")
    (command,) = leaving(desk.settle())
    assert command == PlaceClose(Side.SELL, Decimal("100.0"), Decimal("0.3"), (Part(1, Decimal("0.3")),))


def test_a_fill_heard_of_after_the_cancel_leaves_as_a_maker_too() -> None:
    desk = boosted()
    revealed_by_cancel(desk, "0")
    desk.fill(desk.state.orders[1], "0.3")
    assert [type(command) for command in leaving(desk.settle())] == [PlaceClose]


def test_two_kinds_of_dust_that_are_enough_together_leave_as_one_maker() -> None:
    """Neither could leave by itself: they would count as entries for ever, and keep others from being opened."""
    desk = boosted()
    revealed_by_cancel(desk, "0.06")
    assert leaving(desk.settle()) == []
    desk.fill(desk.open_one(), "0.06")
    parts = (Part(1, Decimal("0.06")), Part(2, Decimal("0.06")))
    assert leaving(desk.settle()) == [PlaceClose(Side.SELL, Decimal("100.1"), Decimal("0.12"), parts)]


def test_a_partial_that_left_before_the_cancel_is_not_closed_twice() -> None:
    desk = boosted()
    order = desk.open_one()
    desk.fill(order, "0.3")
    desk.settle()
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.3")
    assert leaving(desk.settle()) == []


def test_the_fill_of_a_replaced_open_leaves_at_market() -> None:
    """The cancel that re-priced it revealed nothing."""
    desk = boosted()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    second = desk.open_one()
    assert second.entry_id == 1
    desk.fill(second, "0.5")
    assert leaving(desk.settle()) == [leave((1, "0.5"))]


def test_what_a_market_order_did_not_fill_is_tried_again_after_a_look() -> None:
    desk = boosted(max_orders=1)
    desk.fill(desk.open_one())
    desk.settle()
    desk.pass_time(1)
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0.6", reason="no more liquidity")
    assert desk.settle() == []
    assert desk.decide().needs_look
    desk.look()
    assert desk.settle() == [leave((1, "0.4"))]


@pytest.mark.parametrize("fact", [OrderFact.REFUSED, OrderFact.NEVER_PLACED])
def test_a_market_order_that_was_not_taken_is_tried_again_with_pauses(fact: OrderFact) -> None:
    desk = boosted(max_orders=1)
    desk.fill(desk.open_one())
    desk.settle()
    desk.tell(desk.newest(), fact)
    desk.look()
    assert desk.settle() == []
    desk.pass_time("0.2")
    assert desk.settle() == [leave((1, "1"))]


def test_dust_waits_for_more() -> None:
    desk = Desk(config(boost_mode=True), rules(min_quantity="0.5"))
    order = desk.open_one()
    desk.fill(order, "0.3")
    assert leaving(desk.settle()) == []
    desk.fill(order, "0.3")
    assert leaving(desk.settle()) == [leave((1, "0.6"))]
