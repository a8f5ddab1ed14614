"""The cool-down between entries. W = 400 s and M = 12, where not said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import PlaceClose, PlaceOpen
from domain.events import ClockSet, FundingPayment, SessionEnded, SessionStarted
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from domain.status import Hold
from domain.stop import StopMode
from strategies.take_profit_grid.decisions import TakeProfitGrid
from tests.support.entering import full_to, open_of, opened, restarted
from tests.support.grid import START_NS, Desk, config, rules
from tests.support.records import trade


def wait_s(entries: int, *, most: int, wait: str) -> Decimal:
    grid = TakeProfitGrid(config(max_orders=most, wait_time=wait), rules())
    return Decimal(grid.cooldown_ns(entries)) / NANOSECONDS


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


# --- the journal --------------------------------------------------------------------------------------------------


def test_the_clock_survives_a_restart() -> None:
    desk = full_to(3)
    state = restarted(desk)
    assert state.clock_ns == desk.state.clock_ns == desk.now_ns
    desk.state = state
    assert desk.hold().until_ns == desk.now_ns + 200 * NANOSECONDS


def test_a_clock_set_at_the_start_counts_like_a_fill() -> None:
    desk = full_to(3)
    desk.state.open_clock.last_ns = None
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


def test_a_clock_that_was_set_back_before_a_start_does_not_prolong_the_cooldown() -> None:
    """The last fill lies 300 s ahead by the new clock: it counts as if it were now."""
    desk = Desk(config(max_orders=12, wait_time=400))
    desk.enter()
    desk.pass_time(-300)
    desk.note(SessionStarted(desk.now_ns, ""))
    desk.look()
    assert desk.hold() == Hold(
        "cooldown", "cooling down with 1 of 12 entries open", desk.now_ns + 100 * NANOSECONDS
    )


def began_anew(desk: Desk, after_s: int) -> int:
    """A session begins, so long after the last record by its clock; the seconds that are left of the cool-down."""
    desk.pass_time(after_s)
    desk.note(SessionStarted(desk.now_ns, ""))
    desk.look()
    until_ns = desk.hold().until_ns
    assert until_ns is not None
    return (until_ns - desk.now_ns) // NANOSECONDS


def lived(desk: Desk, seconds: int) -> None:
    """The session went on for so long, as its end tells."""
    desk.pass_time(seconds)
    desk.note(SessionEnded(desk.now_ns, 0, ""))


@pytest.mark.parametrize("after_s, left_s", [(-500, 80), (-120, 80), (-100, 80), (-1, 80), (0, 80), (30, 50)])
def test_what_a_session_lived_through_counts_though_the_clock_was_set_back(after_s: int, left_s: int) -> None:
    """Of 200 s of cool-down 120 passed in the session of the fill: no clock of a later one takes them back."""
    desk = full_to(3)
    lived(desk, 120)
    assert began_anew(desk, after_s) == left_s


def test_what_several_sessions_lived_through_adds_up() -> None:
    desk = full_to(3)
    lived(desk, 50)
    assert began_anew(desk, -300) == 150
    lived(desk, 40)
    assert began_anew(desk, -300) == 110
    assert began_anew(desk, 10) == 100


def test_time_that_no_session_lived_through_is_the_clocks_alone_to_tell() -> None:
    """A start 300 s later, by a clock that may have been ahead; the next one's says that 60 s passed, or 90."""
    for after_s, left_s in ((-310, 130), (-280, 110)):
        desk = full_to(3)
        lived(desk, 50)
        desk.pass_time(300)
        desk.note(SessionStarted(desk.now_ns, ""))
        lived(desk, 20)
        assert began_anew(desk, after_s) == left_s


def test_what_was_lived_through_before_the_last_fill_does_not_count() -> None:
    desk = full_to(2)
    lived(desk, 150)
    began_anew(desk, 10)
    desk.pass_time(100)
    desk.enter()
    lived(desk, 30)
    assert began_anew(desk, -500) == 170


def test_a_payment_dated_by_the_venue_tells_nothing_of_the_time_that_passed() -> None:
    desk = full_to(3)
    desk.note(FundingPayment(desk.now_ns + 150 * NANOSECONDS, "p1", Decimal(1)))
    assert began_anew(desk, -300) == 200
