"""The opening order: its price, its watch, and one at a time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import AbandonEntry, CancelOrder, PlaceClose
from domain.events import OrderIntended, OrderUpdate, Part
from domain.market import NANOSECONDS, PriceBand, Side
from domain.orders import OrderFact, Purpose
from tests.support.entering import buys, open_at, sells
from tests.support.grid import START_NS, Desk, config, rules

# --- price --------------------------------------------------------------------------------------------------------


def test_a_buying_bot_opens_one_tick_below_the_ask() -> None:
    desk = buys()
    desk.quote("99.5", "100.3")
    assert desk.commands() == (open_at("100.2"),)


def test_a_selling_bot_opens_one_tick_above_the_bid() -> None:
    desk = sells()
    desk.quote("99.5", "100.3")
    assert desk.commands() == (open_at("99.6", side=Side.SELL),)


def test_an_open_joins_the_bid_when_the_spread_is_one_tick() -> None:
    desk = buys()
    desk.quote("100", "100.1")
    assert desk.commands() == (open_at("100.0"),)


def test_an_open_is_on_tick_and_below_an_ask_that_is_not() -> None:
    """The tick has grown, and the book still shows prices of the old one."""
    desk = Desk(market=rules(tick_size="0.5"))
    desk.quote("99.5", "100.1")
    assert desk.commands() == (open_at("100.0"),)


@pytest.mark.parametrize("bid, ask", [("100.1", "100.1"), ("100.2", "100.1"), ("0", "100"), ("NaN", "100")])
def test_no_open_is_priced_from_a_book_that_is_no_book(bid: str, ask: str) -> None:
    desk = buys()
    desk.quote(bid, ask)
    assert desk.commands() == ()
    assert desk.holds() == ["stale_quote"]


def test_an_open_that_breaks_the_rules_is_not_sent() -> None:
    desk = Desk(market=rules(min_quantity="2"))
    assert desk.commands() == ()
    assert desk.holds() == ["rules"]


def test_an_open_below_the_minimum_notional_is_not_sent() -> None:
    desk = Desk(market=rules(min_notional="100.01"))
    assert desk.holds() == ["rules"]
    desk.quote("100", "100.2")
    assert desk.commands() == (open_at("100.1"),)


# --- watch and re-pricing -----------------------------------------------------------------------------------------


def test_an_open_is_left_alone_for_ten_seconds_from_its_acknowledgement() -> None:
    desk = buys()
    desk.settle()
    desk.pass_time(7)  # the acknowledgement takes its time
    order = desk.accept(desk.only_open())
    desk.quote("101", "101.1")
    desk.pass_time("9.999999999")
    assert desk.commands() == ()
    desk.pass_time("0.000000001")
    assert desk.commands() == (CancelOrder(order.client_id, "reprice"),)


def test_the_end_of_the_watch_wakes_the_bot() -> None:
    desk = buys()
    desk.settle()
    desk.pass_time(3)
    desk.accept(desk.only_open())
    assert desk.decide().wake_ns == START_NS + 13 * NANOSECONDS


def test_a_first_partial_fill_acknowledges_an_open() -> None:
    desk = buys()
    desk.settle()
    desk.fill(desk.only_open(), "0.5")
    assert desk.only_open().accepted_ns == START_NS


def test_an_unacknowledged_open_is_not_repriced() -> None:
    desk = buys()
    desk.settle()
    desk.pass_time(60)
    desk.quote("101", "101.1")
    assert desk.commands() == ()
    desk.tell(desk.only_open(), OrderFact.OUTCOME_UNKNOWN)
    assert desk.commands() == ()


@pytest.mark.parametrize("ask", ["100.1", "100.0", "90"])
def test_a_watched_open_stays_while_the_fresh_price_is_not_better(ask: str) -> None:
    desk = buys()
    desk.open_one()
    desk.pass_time(11)
    desk.quote("80", ask)
    assert desk.commands() == ()


def test_a_watched_open_that_stays_is_looked_at_on_the_first_better_touch() -> None:
    """At 100.0, an ask of 100.2 gives 100.1: the first that is better."""
    desk = buys()
    desk.open_one()
    desk.pass_time(11)
    assert desk.decide().band == PriceBand(Side.SELL, None, Decimal("100.2"))
    desk.quote("100", "100.2")
    assert desk.commands() == (CancelOrder(1, "reprice"),)


def test_a_selling_open_is_repriced_when_the_bid_falls() -> None:
    desk = sells()
    order = desk.open_one()
    assert order.price == Decimal("100.1")
    desk.pass_time(11)
    assert desk.decide().band == PriceBand(Side.BUY, Decimal("99.9"), None)
    assert desk.commands() == ()
    desk.quote("99.9", "100")
    assert desk.commands() == (CancelOrder(1, "reprice"),)


def test_a_cancel_is_asked_for_once() -> None:
    desk = buys()
    desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    assert desk.settle() == [CancelOrder(1, "reprice")]
    assert desk.commands() == ()


def test_an_unfilled_open_is_placed_again_at_once_as_the_same_entry() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == [open_at("101.0", entry=1)]


def test_replacing_needs_no_second_cool_down() -> None:
    """The entry passed its cool-down when it began, here by a waiver."""
    desk = buys()
    desk.fill(desk.enter())
    order = desk.open_one()
    assert order.entry_id == 2
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == [open_at("101.0", entry=2)]


def test_an_entry_that_filled_anything_ends_on_cancel() -> None:
    desk = buys()
    order = desk.open_one()
    desk.fill(order, "0.4")
    desk.settle()
    desk.pass_time(200)  # past the cool-down, so that only the entry's end keeps it from being placed again
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.4")
    assert desk.settle() == [open_at("100.9", entry=2)]  # its own close at 101.0 is the touch


def test_the_remainder_of_an_entry_is_not_placed_again() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.4")
    target = PlaceClose(Side.SELL, Decimal("101.1"), Decimal("0.4"), (Part(1, Decimal("0.4")),))
    assert desk.settle() == [target]
    assert desk.holds() == ["cooldown"]


def test_a_fill_heard_of_after_the_cancel_ends_the_entry_too() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED)
    desk.fill(order, "0.4")
    assert [type(command) for command in desk.settle()] == [PlaceClose]
    assert desk.state.replacing is None
    assert desk.holds() == ["cooldown"]


def test_a_fill_heard_of_after_the_replacement_takes_the_replacement_back() -> None:
    desk = buys()
    first = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(first, OrderFact.CANCELLED)
    second = desk.open_one()
    desk.fill(first, "0.4")
    commands = desk.settle()
    assert CancelOrder(second.client_id, "one open at a time") in commands
    desk.tell(second, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == []
    assert desk.state.entries[1].filled == Decimal("0.4")


def test_all_limits_are_checked_again_before_replacing() -> None:
    desk = Desk(config(pause_price="101"))
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("100.8", "100.9")
    desk.settle()
    desk.quote("101", "101.1")
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == [AbandonEntry(1)]
    desk.quote("100.8", "100.9")
    assert desk.settle() == [open_at("100.8", entry=2)]


def test_a_replacement_that_placed_nothing_is_tried_again_as_the_same_entry() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.REFUSED, reason="would cross")
    assert desk.settle() == []
    assert desk.holds() == ["backoff"]
    desk.pass_time("0.2")
    assert desk.settle() == [open_at("101.0", entry=1)]


def test_a_restart_between_cancel_and_replacement_changes_nothing() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.see(look=None)
    assert desk.settle() == []
    assert desk.holds() == ["unreconciled"]
    desk.look()
    assert desk.settle() == [open_at("101.0", entry=1)]


def test_an_open_the_venue_cancelled_is_not_the_same_entry_again() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(20)
    desk.tell(order, OrderFact.CANCELLED, filled="0", reason="maintenance")
    assert desk.settle() == [open_at("100.0", entry=2)]


# --- one at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", [OrderFact.ACCEPTED, OrderFact.OUTCOME_UNKNOWN, OrderFact.CANCEL_FAILED, None])
def test_nothing_is_opened_while_an_open_rests_or_is_unresolved(fact: OrderFact | None) -> None:
    desk = buys()
    desk.settle()
    if fact is not None:
        desk.tell(desk.only_open(), fact)
    desk.pass_time(9)
    assert desk.commands() == ()


def test_nothing_is_opened_while_a_cancel_is_unproven() -> None:
    desk = buys()
    desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.pass_time(3600)
    assert desk.commands() == ()


def test_a_second_open_that_turned_up_is_cancelled() -> None:
    """Believed never placed, so that the next was sent; then the venue spoke of it."""
    desk = buys()
    desk.settle()
    first = desk.only_open()
    desk.tell(first, OrderFact.NEVER_PLACED)
    desk.pass_time(1)
    second = desk.open_one()
    desk.accept(first)
    assert desk.settle() == [CancelOrder(first.client_id, "one open at a time")]
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    assert list(desk.state.live_opens) == [second.client_id]


def test_a_replacement_that_turned_up_after_all_is_not_placed_again() -> None:
    desk = buys()
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.settle()
    second = desk.only_open()
    desk.tell(second, OrderFact.NEVER_PLACED)
    desk.accept(second)
    assert desk.state.replacing is None
    desk.pass_time(6)
    desk.tell(second, OrderFact.CANCELLED, filled="0", reason="maintenance")
    assert desk.settle() == [open_at("101.0", entry=2)]


def test_an_open_that_turned_up_is_remembered_however_many_orders_end() -> None:
    desk = buys()
    desk.settle()
    order = desk.only_open()
    desk.tell(order, OrderFact.NEVER_PLACED)
    desk.accept(order)
    for client_id in range(100, 1_101):
        desk.note(OrderIntended(desk.now_ns, client_id, Purpose.OPEN, Side.BUY, Decimal(100), Decimal(1), client_id))
        desk.note(OrderUpdate(desk.now_ns, client_id, OrderFact.REFUSED))
    assert len(desk.state.orders) == 1_001
    desk.fill(order)
    assert desk.state.own == 1
