"""L4: from when the cool-down counts where the bot heard late of the last open fill, or by a clock that was set back.

One of three entries is open: a third, so the whole wait time of 40 s; an open is late 90 s after it.
"""

from __future__ import annotations

import pytest

from domain.events import ClockSet, Fill, FundingPayment, IdsReserved, Liquidity, OrderUpdate, SessionStarted
from domain.market import Side
from domain.orders import OrderFact
from simulation.observed import LifeBegan
from tests.support.told import RULES, Told, moment, running

STARTED_S = 80


def filled() -> Told:
    """An entry that filled at 1, the last that is written down."""
    return running(expects_progress=True).at(1).covered_entry(1)


def started(told: Told, clock_s: int, *, number: int = 2, power_lost_after: int | None = None) -> Told:
    """The process is killed, and at 80 another one starts, by whose clock it is `clock_s`."""
    told.at(STARTED_S - 1).killed(number - 1, power_lost_after=power_lost_after)
    told.at(STARTED_S).see(LifeBegan(number))
    return told.write(SessionStarted(moment(clock_s), "{}")).look()


def wrote_at(told: Told, seconds: int) -> Told:
    """Something that says no more than that the session lived then; it is not synced."""
    return told.at(seconds).write(IdsReserved(moment(seconds), 2000))


def is_found_from(told: Told, counted_s: int) -> bool:
    """Whether L4 is broken when cool-down and deadline have passed since then, and not a second before."""
    late_s = counted_s + 40 + 90
    before = list(told.at(late_s).look().violations)
    return not before and [found.invariant for found in told.at(late_s + 1).look().violations] == ["L4"]


@pytest.mark.parametrize("clock_s, counted_s", [(-200, 80), (1, 80), (30, 51), (40, 41)])
def test_a_clock_set_back_before_a_start_may_prolong_the_cool_down_by_as_much(clock_s: int, counted_s: int) -> None:
    """By that clock, so long has passed since the fill as `clock_s` is after 1."""
    assert is_found_from(started(filled(), clock_s), counted_s)


@pytest.mark.parametrize("clock_s", [41, 79, 80, 81, 300])
def test_a_clock_by_which_the_cool_down_is_over_at_the_start_prolongs_nothing(clock_s: int) -> None:
    assert is_found_from(started(filled(), clock_s), STARTED_S - 40)


@pytest.mark.parametrize("clock_s", [-200, 1, 30])
def test_what_a_session_wrote_down_has_passed_by_every_clock(clock_s: int) -> None:
    assert is_found_from(started(wrote_at(filled(), 41), clock_s), STARTED_S - 40)
    assert is_found_from(started(wrote_at(filled(), 35), -200), STARTED_S - 34)


def test_what_a_power_loss_took_proves_nothing() -> None:
    told = filled()
    kept = told.synced().seq
    assert is_found_from(started(wrote_at(told, 41), 1, power_lost_after=kept), STARTED_S)


def test_a_payment_dated_by_the_venue_proves_nothing() -> None:
    told = filled()
    told.at(3).write(FundingPayment(moment(60), "p1", RULES.tick_size))
    assert is_found_from(started(told, 1), STARTED_S)


def test_the_clock_of_an_earlier_start_counts_no_more() -> None:
    """It was set back to -200 and is right again."""
    told = filled().at(50).killed().at(60).see(LifeBegan(2)).write(SessionStarted(moment(-200), "{}")).look()
    told.at(79).killed(2).at(STARTED_S).see(LifeBegan(3)).write(SessionStarted(moment(80), "{}")).look()
    # It was heard at -200 by the clock of the second, and now is 280 s later by that of the third.
    assert is_found_from(told, STARTED_S - 40)


# --- what is heard late ---------------------------------------------------------------------------------------------


def filled_unheard() -> Told:
    """An open of 5 that fills at 10, when nobody lives; the next process starts at 80."""
    told = running(expects_progress=True).at(5).open(1).at(6).killed().at(10).venue_fills(1)
    return told.at(STARTED_S).began(2)


def heard(told: Told, venue_s: int) -> Told:
    now_ns = told.now_ns
    price, quantity = RULES.tick_size * 10_000, told.terms.quantity
    fill = Fill(now_ns, 1, "v1", "t1", Side.BUY, price, quantity, 0 * price, Liquidity.MAKER, moment(venue_s))
    return told.write(fill).close(2, 1)


@pytest.mark.parametrize("venue_s, counted_s", [(4, 80), (5, 40), (10, 40), (60, 60), (80, 80), (81, 80)])
def test_a_fill_heard_late_counts_from_the_venues_time_only_where_that_can_be(venue_s: int, counted_s: int) -> None:
    """Not before the intent at 5, nor after the hearing at 80."""
    assert is_found_from(heard(filled_unheard(), venue_s), counted_s)


def test_a_total_heard_late_counts_from_the_hearing_and_its_trade_changes_nothing() -> None:
    told = filled_unheard()
    told.write(OrderUpdate(told.now_ns, 1, OrderFact.FILLED, "v1"))
    assert is_found_from(heard(told, 10), STARTED_S)


def test_a_cool_down_that_the_bot_says_to_begin_counts_from_then() -> None:
    told = started(filled(), 80)
    told.at(85).write(ClockSet(moment(85)))
    assert is_found_from(told, 85)
