"""The cool-down between entries, and the waiver that a closed entry earns. W = 400 s and M = 12, where not said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import LapseWaiver, PlaceClose, PlaceOpen
from domain.events import ClockSet, ClosedOutside, Halted
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from domain.stop import StopMode
from strategies.take_profit_grid.decisions import TakeProfitGrid
from strategies.take_profit_grid.state import GridState
from tests.support.grid import START_NS, Desk, config, rules
from tests.support.records import trade


def wait_s(entries: int, *, most: int, wait: str) -> Decimal:
    grid = TakeProfitGrid(config(max_orders=most, wait_time=wait), rules())
    return Decimal(grid.cooldown_ns(entries)) / NANOSECONDS


def opened(desk: Desk) -> list[PlaceOpen]:
    return [command for command in desk.settle() if isinstance(command, PlaceOpen)]


def open_of(entry: int) -> list[PlaceOpen]:
    return [PlaceOpen(entry, Side.BUY, Decimal("100.0"), Decimal(1))]


def full_to(entries: int, **settings: object) -> Desk:
    """A desk with so many entries under resting closes, the last filled this instant."""
    desk = Desk(config(**settings))
    for _ in range(entries):
        desk.enter()
    return desk


# --- how long -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entries, seconds",
    [(0, "112.5"), (6, "112.5"), (7, "225"), (13, "225"), (14, "450"), (26, "450"), (27, "900"), (39, "900")],
)
def test_the_wait_with_the_default_settings(entries: int, seconds: str) -> None:
    assert wait_s(entries, most=40, wait="450") == Decimal(seconds)


@pytest.mark.parametrize(
    "entries, seconds", [(0, 100), (1, 100), (2, 200), (3, 200), (4, 400), (7, 400), (8, 800), (11, 800)]
)
def test_a_share_exactly_on_a_bound_waits_the_longer_time(entries: int, seconds: int) -> None:
    assert wait_s(entries, most=12, wait="400") == seconds


def test_a_fraction_of_a_second_is_kept() -> None:
    assert wait_s(0, most=40, wait="0.5") == Decimal("0.125")


def test_the_first_entry_waits_for_nothing() -> None:
    assert opened(Desk()) == open_of(1)


def test_the_wait_counts_from_the_last_open_fill() -> None:
    desk = Desk()
    order = desk.open_one()
    desk.pass_time(30)
    desk.fill(order, "0.5")
    desk.pass_time(30)
    desk.fill(order, "0.5")
    desk.settle()
    assert desk.hold().word == "cooldown"
    assert desk.hold().until_ns == START_NS + (60 + 100) * NANOSECONDS
    assert desk.decide().wake_ns == START_NS + 160 * NANOSECONDS


def test_the_next_entry_begins_at_the_very_end_of_the_wait() -> None:
    desk = full_to(1)
    desk.pass_time("99.999999999")
    assert opened(desk) == []
    desk.pass_time("0.000000001")
    assert opened(desk) == open_of(2)


@pytest.mark.parametrize("entries, seconds", [(1, 100), (2, 200), (4, 400), (8, 800)])
def test_more_open_entries_wait_longer(entries: int, seconds: int) -> None:
    desk = full_to(entries)
    assert desk.hold().until_ns == desk.now_ns + seconds * NANOSECONDS


def test_a_full_grid_holds_however_long_it_takes() -> None:
    desk = full_to(12)
    desk.pass_time(10**6)
    assert opened(desk) == []
    assert desk.holds() == ["max_orders"]


def test_a_partly_filled_entry_counts() -> None:
    desk = full_to(1)
    desk.pass_time(1000)
    order = desk.open_one()
    desk.fill(order, "0.2")
    assert len(desk.state.unclosed) == 2


def test_a_partly_closed_entry_counts_still() -> None:
    desk = full_to(1)
    desk.fill(desk.newest(), "0.9")
    assert len(desk.state.unclosed) == 1
    assert not desk.state.waiver


def test_filled_but_not_yet_covered_entries_count() -> None:
    desk = Desk(config(max_orders=1))
    desk.fill(desk.open_one())
    assert desk.holds() == ["max_orders"]


def test_an_open_that_fills_nothing_does_not_count() -> None:
    desk = Desk()
    desk.open_one()
    assert len(desk.state.unclosed) == 0


def test_late_fills_count_against_the_size_of_the_grid() -> None:
    """An entry that a late fill made larger than one quantity takes the room of another."""
    desk = Desk(config(max_orders=2))
    first = desk.open_one()
    desk.pass_time(11)
    desk.quote("101", "101.1")
    desk.settle()
    desk.tell(first, OrderFact.CANCELLED)
    second = desk.open_one()
    desk.fill(second)
    desk.fill(first)
    desk.settle()
    desk.pass_time(10_000)
    assert len(desk.state.unclosed) == 1
    assert desk.holds() == ["max_orders"]


# --- the waiver ---------------------------------------------------------------------------------------------------


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


def restarted(desk: Desk) -> GridState:
    state = GridState(Side.BUY)
    for record in desk.records:
        state.apply(record)
    return state


def test_the_clock_survives_a_restart() -> None:
    desk = full_to(3)
    state = restarted(desk)
    assert state.clock_ns == desk.state.clock_ns == desk.now_ns
    desk.state = state
    assert desk.hold().until_ns == desk.now_ns + 200 * NANOSECONDS


def test_the_waiver_survives_a_restart() -> None:
    desk = full_to(3)
    desk.fill(desk.closes()[0])
    desk.state = restarted(desk)
    assert opened(desk) == open_of(4)


def test_a_lapse_survives_a_restart(paused: Desk) -> None:
    paused.settle()
    paused.state = restarted(paused)
    assert not paused.state.waiver


def test_a_clock_set_at_the_start_counts_like_a_fill() -> None:
    desk = full_to(3)
    desk.state.clock_ns = None
    desk.pass_time(7)
    desk.note(ClockSet(desk.now_ns))
    assert desk.hold().until_ns == START_NS + (desk.now_ns - START_NS) + 200 * NANOSECONDS


def test_a_close_and_the_next_open_go_out_together() -> None:
    """The waiver lets the next entry begin in the very decision that covers the last one."""
    desk = full_to(3)
    desk.pass_time(1000)
    order = desk.open_one()
    desk.fill(desk.closes()[0])
    desk.fill(order)
    assert [type(command) for command in desk.commands()] == [PlaceClose, PlaceOpen]


def test_while_the_session_ends_only_that_is_the_reason_not_to_open() -> None:
    desk = Desk(config())
    desk.enter()
    assert desk.holds() == ["cooldown"]
    desk.see(stopping=StopMode.KEEP)
    assert desk.holds() == ["stopping"]
    desk.see(trouble="disk full", connected=False)
    assert desk.holds() == ["stopping", "trouble", "disconnected"]


def test_a_fill_heard_of_late_counts_from_when_it_happened_and_never_back() -> None:
    desk = Desk(config())
    desk.settle()
    order = desk.accept(desk.only_open())
    desk.pass_time(60)
    intended_ns, heard_ns = order.intended_ns, desk.now_ns
    for number, (venue_ns, clock_ns) in enumerate(
        [
            (intended_ns + 7, intended_ns + 7),
            (intended_ns + 3, intended_ns + 7),
            (heard_ns - 1, heard_ns - 1),
            (heard_ns + 1, heard_ns),
            (intended_ns - 1, heard_ns),
            (0, heard_ns),
        ]
    ):
        part = trade(order.client_id, "0.1", "100", trade_id=f"t{number}", at_ns=heard_ns, venue_ns=venue_ns)
        desk.note(part)
        assert desk.state.clock_ns == clock_ns
