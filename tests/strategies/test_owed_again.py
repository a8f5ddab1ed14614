"""Covering again: what a close no longer covers is owed once more, and never more than there is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import CancelOrder, PlaceExit
from domain.events import ClosedOutside, Fill, JournalBegan, Liquidity, OrderIntended, Part, SessionStarted
from domain.market import NANOSECONDS, Quote, Side
from domain.orders import OrderFact, Purpose
from domain.status import Hold
from domain.stop import StopMode
from tests.support.covers import close, closing, covered, filled
from tests.support.grid import START_NS, Desk, config

ENDS = [OrderFact.REFUSED, OrderFact.EXPIRED, OrderFact.CANCELLED]


@pytest.mark.parametrize("fact", ENDS)
def test_a_close_the_venue_ended_is_owed_again_after_one_look(fact: OrderFact) -> None:
    desk = covered()
    desk.tell(desk.newest(), fact, filled="0")
    assert desk.settle() == []
    assert desk.decide().needs_look
    desk.pass_time(1)
    desk.look()
    assert desk.settle() == [close("101.0", (1, "1"))]


@pytest.mark.parametrize("foreign, again", [("-0.3", "0.7"), ("0.3", "1")])
def test_what_somebody_else_holds_the_other_way_is_no_position_to_close(foreign: str, again: str) -> None:
    """The venue's position is 0.7 where 1 is own and -0.3 was there before: a close of 1 would be refused for ever."""
    desk = Desk(config(max_orders=1))
    desk.note(JournalBegan(START_NS, 1, Decimal(foreign), ""))
    desk.enter()
    desk.tell(desk.newest(), OrderFact.REFUSED, filled="0", reason="reduce_only")
    desk.look()
    desk.pass_time(2)
    assert desk.settle() == [close("101.0", (1, again))]


def beside(foreign: str, entries: int, most: int = 4) -> Desk:
    """A desk that bought `entries` of 1, each offered its close, where somebody held `foreign` before it began."""
    desk = Desk(config(max_orders=most, boost_mode=False, wait_time="0"))
    desk.note(JournalBegan(START_NS, 1, Decimal(foreign), ""))
    for _ in range(entries):
        desk.fill(desk.open_one())
    return desk


def test_a_fresh_fill_is_covered_no_further_than_the_position_reaches() -> None:
    """0.7 is there to close: a first close of 1 would be refused as not reducing."""
    desk = beside("-0.3", 1)
    assert desk.settle() == [close("101.0", (1, "0.7"))]
    assert desk.decide().uncoverable == Decimal("0.3")


@pytest.mark.parametrize("foreign", ["-1", "-5"])
def test_a_fill_that_others_hold_against_is_not_offered_at_all(foreign: str) -> None:
    desk = beside(foreign, 1)
    assert desk.settle() == []
    assert desk.decide().uncoverable == Decimal(1)


def test_nothing_is_opened_while_something_bare_cannot_be_covered() -> None:
    desk = beside("-0.3", 1)
    desk.settle()
    desk.accept(desk.newest())
    desk.look()
    text = "0.3 cannot be covered: others hold as much the other way, and no close may turn the position over"
    assert desk.hold() == Hold("opposed", text)


def test_closes_and_opens_go_on_when_the_others_have_left() -> None:
    desk = beside("-0.3", 1)
    desk.settle()
    desk.accept(desk.newest())
    desk.look("1.3")  # The venue's 1, less what was foreign.
    assert desk.settle()[0] == close("101.0", (1, "0.3"))
    assert (desk.decide().uncoverable, "opposed" in desk.holds()) == (Decimal(0), False)


def test_dust_that_cannot_be_covered_keeps_nobody_from_opening() -> None:
    """0.05 is below the venue's minimum, and would be carried anyway."""
    desk = beside("-0.05", 1)
    assert closing(desk.settle()) == [close("101.0", (1, "0.95"))]
    assert (desk.decide().uncoverable, desk.state.live_opens != {}) == (Decimal(0), True)


def test_what_is_held_on_the_same_side_holds_nothing_up() -> None:
    desk = beside("0.3", 1)
    assert closing(desk.settle()) == [close("101.0", (1, "1"))]
    assert (desk.decide().uncoverable, desk.state.live_opens != {}) == (Decimal(0), True)


def test_an_exit_at_market_is_no_larger_than_the_position() -> None:
    desk = beside("-0.3", 1)
    desk.see(stopping=StopMode.FLATTEN)
    assert desk.settle() == [PlaceExit(Side.SELL, Decimal("0.7"), (Part(1, Decimal("0.7")),))]
    desk.fill(desk.newest())
    assert desk.settle() == []
    quote = Quote(desk.bid, Decimal(5), desk.ask, Decimal(5), desk.now_ns)
    assert not desk.grid.could_cover(desk.state, StopMode.FLATTEN, quote, desk.situation.look)


def test_a_look_from_before_the_end_does_not_count() -> None:
    desk = covered()
    desk.look()
    desk.pass_time(60)
    desk.tell(desk.newest(), OrderFact.EXPIRED, filled="0")
    assert desk.decide().needs_look


def test_a_look_that_began_at_the_very_moment_of_the_end_counts() -> None:
    """Under virtual time a look often begins at the very nanosecond of the event that asked for it."""
    desk = covered()
    desk.tell(desk.newest(), OrderFact.EXPIRED, filled="0")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "1"))]


@pytest.mark.parametrize("fact", ENDS)
def test_what_an_ended_close_filled_is_not_owed_again(fact: OrderFact) -> None:
    desk = covered()
    desk.tell(desk.newest(), fact, filled="0.7")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.3"))]


def test_a_close_that_never_left_is_offered_again_without_a_look() -> None:
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    desk.settle()
    desk.tell(desk.newest(), OrderFact.NEVER_PLACED)
    desk.see(look=None)
    assert desk.settle() == []
    desk.pass_time("0.2")
    assert desk.settle() == [close("101.0", (1, "1"))]


def test_a_clock_that_was_set_back_before_a_start_does_not_keep_a_close_waiting() -> None:
    """The close never left 300 s ahead by the new clock: it counts as if that were now."""
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    desk.settle()
    desk.tell(desk.newest(), OrderFact.NEVER_PLACED)
    desk.pass_time(-300)
    desk.note(SessionStarted(desk.now_ns, ""))
    desk.look()
    assert desk.settle() == []
    desk.pass_time("0.2")
    assert desk.settle() == [close("101.0", (1, "1"))]


@pytest.mark.parametrize("fact", ENDS)
def test_a_close_that_would_have_crossed_is_offered_again_without_a_look(fact: OrderFact) -> None:
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    desk.settle()
    desk.tell(desk.newest(), fact, filled="0", reason="post_only_would_cross")
    desk.see(look=None)
    desk.quote("101.9", "102")
    desk.pass_time("0.2")
    assert desk.settle() == [close("102.0", (1, "1"))]


def test_what_filled_before_the_market_was_faster_is_not_owed_again() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0.7", reason="post_only_would_cross")
    assert desk.decide().needs_look
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.3"))]


def test_a_close_of_unknown_outcome_is_not_sent_again() -> None:
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    desk.settle()
    desk.tell(desk.newest(), OrderFact.OUTCOME_UNKNOWN)
    desk.pass_time(3600)
    desk.look()
    assert desk.settle() == []


def test_a_shrunk_close_owes_the_difference_again_after_one_look() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.ACCEPTED, quantity="0.4")
    assert desk.decide().needs_look
    assert desk.state.covered == Decimal("0.4")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.6"))]


def test_a_shrunk_close_that_had_filled_owes_only_what_is_left() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.ACCEPTED, filled="0.5", quantity="0.7")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.3"))]
    assert desk.state.own == Decimal("0.5")


def test_a_shrunk_close_that_fills_more_after_all_stays_in_balance() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.ACCEPTED, quantity="0.4")
    desk.tell(desk.newest(), OrderFact.FILLED, filled="1")
    assert (desk.state.own, desk.state.covered, desk.state.entries) == (Decimal(0), Decimal(0), {})


def test_only_what_the_venue_still_holds_is_covered_again() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0")
    desk.look(position="0.25")
    assert desk.settle() == [close("101.0", (1, "0.25"))]


def test_no_more_than_our_own_is_covered_again_of_a_larger_position() -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0")
    desk.look(position="7")
    assert desk.settle() == [close("101.0", (1, "1"))]


@pytest.mark.parametrize("position", ["0", "-3"])
def test_nothing_is_covered_again_where_there_is_nothing_left(position: str) -> None:
    desk = covered()
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0")
    desk.look(position=position)
    assert desk.settle() == []


def test_what_rests_counts_against_the_position() -> None:
    desk = Desk(config(max_orders=2))
    first = desk.enter()
    desk.enter()
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    desk.look(position="1.5")  # of which 1 rests
    assert desk.settle() == [close("101.0", (1, "0.5"))]


def test_a_fresh_fill_counts_against_the_position_too() -> None:
    """Both are covered in one decision, and together not more than the venue holds."""
    desk = Desk(config(max_orders=2))
    first = desk.enter()
    desk.pass_time(1000)
    order = desk.open_one()
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    desk.fill(order)
    desk.look(position="1.25")
    assert desk.settle() == [close("101.0", (1, "0.25"), ), close("101.0", (2, "1"))]


def test_own_fills_after_the_look_are_taken_into_account() -> None:
    desk = Desk(config(max_orders=2))
    first, second = desk.enter(), desk.enter()
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    desk.look()
    desk.fill(second)
    assert closing(desk.settle()) == [close("101.0", (1, "1"))]


def test_refused_closes_are_offered_again_every_two_seconds_at_the_latest() -> None:
    desk = filled(settings=config(max_orders=1))
    for pause in ("0.2", "0.4", "0.8", "1.6", "2", "2", "2"):
        assert len(desk.settle()) == 1
        desk.tell(desk.newest(), OrderFact.REFUSED, reason="would cross")
        desk.look()
        assert desk.settle() == []
        assert desk.decide().wake_ns == desk.now_ns + int(Decimal(pause) * NANOSECONDS)
        desk.pass_time(pause)


def test_the_market_is_chased_five_times_before_the_pauses_grow() -> None:
    desk = filled(settings=config(max_orders=1))
    for pause in ("0.2", "0.2", "0.2", "0.2", "0.2", "0.2", "0.4", "0.8", "1.6", "2", "2"):
        assert len(desk.settle()) == 1
        desk.tell(desk.newest(), OrderFact.REFUSED, reason="post_only_would_cross")
        assert desk.settle() == []
        assert desk.decide().wake_ns == desk.now_ns + int(Decimal(pause) * NANOSECONDS)
        desk.pass_time(pause)


def test_a_refused_close_is_priced_from_a_fresh_book() -> None:
    desk = filled(settings=config(max_orders=1))
    desk.quote("101.5", "101.6")
    assert desk.settle() == [close("101.6", (1, "1"))]
    desk.tell(desk.newest(), OrderFact.REFUSED, reason="would cross")
    desk.quote("101.9", "102")
    desk.pass_time(1)
    desk.look()
    assert desk.settle() == [close("102.0", (1, "1"))]


# --- covering more than there is ----------------------------------------------------------------------------------


def test_a_late_fill_of_a_replaced_close_takes_the_new_one_back() -> None:
    desk = covered()
    first = desk.newest()
    desk.tell(first, OrderFact.CANCELLED)
    desk.look()
    desk.settle()
    second = desk.accept(desk.newest())
    desk.fill(first, "0.4")
    assert desk.settle() == [CancelOrder(second.client_id, "covers more than there is")]
    desk.tell(second, OrderFact.CANCELLED, filled="0")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.6"))]


def test_what_somebody_else_closed_is_uncovered() -> None:
    desk = covered()
    order = desk.newest()
    desk.note(ClosedOutside(desk.now_ns, Decimal("0.75")))
    assert desk.settle() == [CancelOrder(order.client_id, "covers more than there is")]
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    desk.look()
    assert desk.settle() == [close("101.0", (1, "0.25"))]


def test_what_lies_bare_is_closed_outside_first() -> None:
    desk = Desk(config(max_orders=2))
    first, _ = desk.enter(), desk.enter()
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    desk.note(ClosedOutside(desk.now_ns, Decimal(1)))
    assert desk.state.unclosed == {2}
    assert closing(desk.settle()) == []


def forced(desk: Desk, quantity: str, trade_id: str = "x1") -> Fill:
    return Fill(
        desk.now_ns,
        None,
        "liq",
        trade_id,
        Side.SELL,
        Decimal(90),
        Decimal(quantity),
        Decimal(0),
        Liquidity.TAKER,
        0,
        True,
    )


def test_a_liquidation_uncovers_what_it_closed() -> None:
    desk = covered()
    order = desk.newest()
    desk.note(forced(desk, "1"))
    assert desk.settle() == [CancelOrder(order.client_id, "covers more than there is")]
    assert desk.state.own == 0
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.state.entries == {}


def test_a_liquidation_of_more_than_is_own_leaves_nothing_and_no_debt() -> None:
    """Somebody else held a position on the same side; the next entry is own to the full."""
    desk = covered()
    desk.note(forced(desk, "1.7"))
    desk.tell(desk.newest(), OrderFact.CANCELLED, filled="0")
    assert (desk.state.own, desk.state.entries) == (Decimal(0), {})
    desk.enter()
    assert (desk.state.own, desk.state.covered) == (Decimal(1), Decimal(1))


def test_a_liquidation_told_twice_counts_once() -> None:
    desk = covered()
    desk.note(forced(desk, "0.3"))
    desk.note(forced(desk, "0.3"))
    assert desk.state.own == Decimal("0.7")
    desk.note(forced(desk, "0.3", "x2"))
    assert desk.state.own == Decimal("0.4")


def test_a_close_that_closes_what_another_entry_has_takes_it_from_there() -> None:
    """Both the close believed cancelled and the one placed instead of it have filled."""
    desk = Desk(config(max_orders=2))
    first, other = desk.enter(), desk.enter()
    desk.tell(first, OrderFact.CANCELLED)
    desk.look()
    desk.settle()
    instead = desk.accept(desk.newest())
    desk.fill(instead)
    desk.fill(first)
    assert desk.state.own == 0
    assert closing(desk.settle()) == []
    assert other.status.value == "cancelling"


def test_a_close_that_fills_beyond_its_entry_takes_the_rest_from_another() -> None:
    """The close believed cancelled fills in part, and the one placed instead of it fills before its own cancel."""
    desk = Desk(config(max_orders=2))
    first, _ = desk.enter(), desk.enter()
    desk.tell(first, OrderFact.CANCELLED)
    desk.look()
    desk.settle()
    instead = desk.accept(desk.newest())
    desk.fill(first, "0.4")
    desk.fill(instead)
    assert desk.state.own == Decimal("0.6")
    assert {key: entry.to_close for key, entry in desk.state.entries.items()} == {2: Decimal("0.6")}


# --- start --------------------------------------------------------------------------------------------------------


def test_what_is_owed_at_a_start_is_covered_after_the_first_look() -> None:
    """A close that a torn journal tail lost may rest on the venue."""
    desk = filled(settings=config(max_orders=1))
    desk.note(SessionStarted(desk.now_ns, ""))
    desk.see(look=None)
    assert desk.settle() == []
    assert desk.decide().needs_look
    desk.look()
    assert desk.settle() == [close("101.0", (1, "1"))]


def test_a_close_that_the_journal_lost_is_adopted_instead_of_doubled() -> None:
    desk = filled(settings=config(max_orders=1))
    desk.note(SessionStarted(desk.now_ns, ""))
    parts = desk.state.parts_to_cover(Decimal(1))
    desk.note(OrderIntended(START_NS, 9, Purpose.CLOSE, Side.SELL, Decimal(101), Decimal(1), None, parts, adopted=True))
    desk.look()
    assert parts == (Part(1, Decimal(1)),)
    assert desk.settle() == []


def test_an_adopted_close_of_more_than_is_owed_is_cancelled() -> None:
    desk = covered()
    parts = desk.state.parts_to_cover(Decimal(1))
    desk.note(OrderIntended(START_NS, 9, Purpose.CLOSE, Side.SELL, Decimal(101), Decimal(1), None, parts, adopted=True))
    desk.accept(desk.state.orders[9])
    assert parts == ()
    assert desk.settle() == [CancelOrder(9, "covers more than there is")]
    desk.tell(desk.state.orders[9], OrderFact.CANCELLED, filled="0")
    assert desk.settle() == []
    assert desk.state.covered == Decimal(1)


@pytest.mark.parametrize("direction", Side)
def test_what_an_adopted_close_closes_is_what_it_takes_a_profit_of(direction: Side) -> None:
    """Oldest first would give it to an entry that it closes at a loss, and leave the other's close to be placed again.
    """
    desk = Desk(config(max_orders=3, direction=direction))
    prices = {Side.BUY: ("104", "100", "102"), Side.SELL: ("96", "100", "98")}[direction]
    for price in prices:
        desk.pass_time(1000)
        desk.fill(desk.open_one(), price=price)
        desk.perform(closing(list(desk.commands()))[0])
    for order in desk.closes():
        desk.tell(order, OrderFact.CANCELLED, filled="0")
    parts = desk.state.parts_to_cover(Decimal("1.5"), Decimal(prices[2]))
    assert parts == (Part(3, Decimal(1)), Part(2, Decimal("0.5")))
    assert desk.state.parts_to_cover(Decimal("0.5"), Decimal(prices[0])) == (Part(1, Decimal("0.5")),)
    assert desk.state.parts_to_cover(Decimal("0.5")) == (Part(1, Decimal("0.5")),)
