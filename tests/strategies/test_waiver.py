"""The waiver that a closed entry earns: the next entry may begin without a cool-down. W = 400 s and M = 12."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import LapseWaiver
from domain.events import ClosedOutside, Halted
from domain.orders import OrderFact
from tests.support.entering import full_to, open_of, opened, restarted
from tests.support.grid import Desk, config


def test_a_closed_entry_lets_the_next_begin_at_once() -> None:
    desk = full_to(3)
    assert desk.holds() == ["cooldown"]
    desk.fill(desk.closes()[0])
    assert opened(desk) == open_of(4)


def test_a_full_grid_opens_at_once_when_an_entry_closes() -> None:
    desk = full_to(12)
    desk.fill(desk.closes()[0])
    assert opened(desk) == open_of(13)


def test_one_waiver_however_many_entries_closed() -> None:
    desk = full_to(5)
    for order in desk.closes()[:3]:
        desk.fill(order)
    order = desk.open_one()
    desk.fill(order)
    desk.settle()
    assert desk.holds() == ["cooldown"]


def test_part_of_an_entry_earns_none() -> None:
    desk = full_to(2)
    desk.fill(desk.closes()[0], "0.99")
    assert opened(desk) == []


@pytest.mark.parametrize("fact", [OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.REFUSED])
def test_a_close_that_ended_unfilled_earns_none(fact: OrderFact) -> None:
    desk = full_to(2)
    desk.tell(desk.closes()[0], fact, filled="0")
    assert opened(desk) == []
    assert not desk.state.waiver


def test_what_somebody_else_closed_earns_none() -> None:
    desk = full_to(2)
    desk.note(ClosedOutside(desk.now_ns, Decimal(1)))
    assert not desk.state.waiver


def test_an_entry_whose_open_still_rests_has_not_closed() -> None:
    desk = Desk()
    order = desk.open_one()
    desk.fill(order, "0.5")
    desk.settle()
    desk.fill(desk.accept(desk.newest()))
    assert not desk.state.waiver
    desk.see(connected=False)
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0.5")
    desk.see(connected=True)
    assert opened(desk) == open_of(2)


@pytest.fixture
def paused() -> Desk:
    """Three entries, then a price at which the grid pauses, and an entry closes."""
    desk = Desk(config(pause_price="100.2"))
    for _ in range(3):
        desk.enter()
    desk.quote("100.1", "100.2")
    desk.fill(desk.closes()[0])
    return desk


def test_the_waiver_lapses_when_the_entry_cannot_begin_at_the_first_look(paused: Desk) -> None:
    assert paused.settle() == [LapseWaiver()]
    paused.quote("100", "100.1")
    assert paused.holds() == ["cooldown"]


def test_a_waiver_lapses_by_a_halt() -> None:
    desk = full_to(3)
    desk.note(Halted(desk.now_ns, "they differ"))
    desk.fill(desk.closes()[0])
    assert desk.settle() == [LapseWaiver()]


def test_while_an_open_rests_the_first_look_after_its_end_counts() -> None:
    desk = full_to(3)
    desk.pass_time(1000)
    order = desk.open_one()
    desk.fill(desk.closes()[0])
    assert opened(desk) == []
    assert desk.state.waiver
    desk.pass_time(1)
    desk.fill(order)
    assert opened(desk) == open_of(5)


def test_while_an_open_is_unresolved_the_first_look_after_its_end_counts() -> None:
    """The entry closed after the open was sent: its acknowledgement has nothing to do with the waiver."""
    desk = full_to(3)
    desk.pass_time(1000)
    desk.settle()
    order = desk.only_open()
    desk.tell(order, OrderFact.OUTCOME_UNKNOWN)
    desk.fill(desk.closes()[0])
    desk.accept(order)
    assert desk.state.waiver
    desk.fill(order)
    assert opened(desk) == open_of(5)


def test_a_repriced_entry_does_not_take_the_waiver_of_the_next() -> None:
    desk = full_to(3)
    desk.pass_time(1000)
    order = desk.open_one()
    desk.fill(desk.closes()[0])
    desk.pass_time(11)
    desk.quote("100.2", "100.3")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    again = desk.open_one()
    assert again.entry_id == 4
    assert desk.state.waiver
    desk.fill(again)
    assert [command.entry_id for command in opened(desk)] == [5]


def test_after_an_open_ended_a_waiver_lapses_at_that_first_look() -> None:
    desk = full_to(3, pause_price="100.2")
    desk.pass_time(1000)
    order = desk.open_one()
    desk.fill(desk.closes()[0])
    desk.quote("100.1", "100.2")
    desk.settle()
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == [LapseWaiver()]


def test_the_entry_that_began_by_a_waiver_has_used_it() -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    order = desk.open_one()
    assert not desk.state.waiver
    desk.fill(order)
    desk.settle()
    assert desk.holds() == ["cooldown"]


@pytest.mark.parametrize("fact", [OrderFact.REFUSED, OrderFact.NEVER_PLACED])
def test_an_attempt_that_placed_nothing_leaves_the_waiver(fact: OrderFact) -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    desk.settle()
    desk.tell(desk.only_open(), fact)
    assert desk.settle() == []
    assert desk.holds() == ["backoff"]
    desk.pass_time("0.2")
    assert opened(desk) == open_of(5)


def test_an_open_that_the_venue_cancelled_at_once_placed_nothing() -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    desk.tell(desk.open_one(), OrderFact.CANCELLED, filled="0", reason="POST_ONLY_WOULD_CROSS")
    desk.pass_time("0.2")
    assert opened(desk) == open_of(5)


def test_an_attempt_that_placed_nothing_leaves_the_clock() -> None:
    desk = full_to(1)
    clock = desk.state.clock_ns
    desk.pass_time(100)
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.REFUSED)
    assert desk.state.clock_ns == clock


def test_an_open_that_rested_without_a_fill_leaves_the_clock_and_uses_the_waiver() -> None:
    desk = full_to(3)
    clock = desk.state.clock_ns
    desk.fill(desk.closes()[0])
    order = desk.open_one()
    desk.pass_time(6)
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.state.clock_ns == clock
    assert desk.holds() == ["cooldown"]


def test_a_refused_waived_open_that_meets_another_limit_lapses_it() -> None:
    desk = full_to(3, pause_price="100.2")
    desk.fill(desk.closes()[0])
    desk.settle()
    desk.tell(desk.only_open(), OrderFact.REFUSED)
    desk.quote("100.1", "100.2")
    assert desk.settle() == [LapseWaiver()]


def test_a_waived_open_that_turns_up_after_all_takes_the_waiver_back() -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    desk.settle()
    order = desk.only_open()
    desk.tell(order, OrderFact.NEVER_PLACED)
    assert desk.state.waiver
    desk.accept(order)
    assert not desk.state.waiver


@pytest.mark.parametrize("circumstance", [{"look": None}, {"look_failed": True}, {"connected": False, "look": None}])
def test_not_being_able_to_see_the_venue_is_not_a_look(circumstance: dict[str, object]) -> None:
    desk = full_to(3)
    desk.see(**circumstance)
    desk.fill(desk.closes()[0])
    assert desk.settle() == []
    desk.see(connected=True)
    desk.look()
    assert opened(desk) == open_of(4)


# --- the journal --------------------------------------------------------------------------------------------------


def test_the_waiver_survives_a_restart() -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    desk.state = restarted(desk)
    assert opened(desk) == open_of(4)


def test_a_lapse_survives_a_restart(paused: Desk) -> None:
    paused.settle()
    paused.state = restarted(paused)
    assert not paused.state.waiver
