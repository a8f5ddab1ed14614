"""S10: what a bot leaves behind when it returns, and whether its exit status says so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import Halted
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from domain.status import NoticeKind
from simulation.observed import (
    Abandoned,
    DiskTrouble,
    Disturbed,
    Frozen,
    Observation,
    OutsideChange,
    RateLimited,
    Weather,
)
from tests.support.told import BEGAN_NS, running, violation


@pytest.mark.parametrize("mode", ["keep", "cancel", "flatten"])
def test_an_open_left_alive_is_found(mode: str) -> None:
    told = running().at(1).open(1).at(5).stop(mode).ended()
    assert told.violations == [
        violation(5, "S10", "an own open lives after the end: 1"),
        violation(5, "S10", "ended, and the journal still waits for orders: 1"),
    ]


def test_an_open_that_may_live_is_listed_with_status_three() -> None:
    assert running().at(1).open(1).at(5).stop().ended(3, "open 1").violations == []


def test_an_end_that_is_not_confirmed_though_nothing_was_wrong_is_found() -> None:
    told = running(confirms_ends=True).at(1).open(1).at(5).stop().ended(3, "open 1")
    assert told.violations == [violation(5, "S10", "nothing was wrong, and the end is not confirmed: open 1")]


@pytest.mark.parametrize(
    "circumstance",
    [
        Abandoned(),
        Disturbed(None),
        Weather(False),
        DiskTrouble(is_on=True),
        Frozen(BEGAN_NS + 7 * NANOSECONDS),
        RateLimited(10**19),
        OutsideChange("by hand"),
    ],
)
def test_an_end_may_be_unconfirmed_where_something_was_wrong(circumstance: Observation) -> None:
    assert running(confirms_ends=True).at(5).stop().see(circumstance).at(6).ended(3, "open 1").violations == []


@pytest.mark.parametrize("mode, orders, is_found", [("cancel", 6, False), ("cancel", 5, True), ("keep", 6, True)])
def test_a_stop_may_leave_more_closes_unconfirmed_than_the_limit_lets_it_cancel(
    mode: str, orders: int, *, is_found: bool
) -> None:
    told = running(confirms_ends=True, most_cancels=5, max_orders=orders).at(5).stop(mode).ended(3, "close 1")
    found = violation(5, "S10", "nothing was wrong, and the end is not confirmed: close 1")
    assert told.violations == ([found] if is_found else [])


@pytest.mark.parametrize("highest, is_found", [("1.005", False), ("1.015", True)])
def test_an_end_may_be_unconfirmed_where_the_venue_takes_no_close_at_its_price(highest: str, *, is_found: bool) -> None:
    told = running(confirms_ends=True, price_band=(Decimal(0), Decimal(highest))).at(1).open(1).fill(1)
    told.at(2).intend(2, "101", parts=((1, "0.1"),)).send(2, "101", is_open=False).hear_end(2, OrderFact.REFUSED)
    told.at(5).stop().ended(3, "own position")
    found = violation(5, "S10", "nothing was wrong, and the end is not confirmed: own position")
    assert told.violations == ([found] if is_found else [])


def test_what_a_flattening_must_leave_is_listed_with_status_three() -> None:
    assert running(confirms_ends=True).at(5).stop("flatten").ended(3, "that the own position is flat").violations == []


def test_status_three_without_a_list_is_found() -> None:
    told = running().at(5).stop().ended(3)
    assert told.violations == [violation(5, "S10", "status 3, and what is not confirmed is not listed")]


def test_status_zero_with_something_unconfirmed_is_found() -> None:
    told = running().at(5).stop().ended(0, "open 1", "position")
    expected = "status 0 although something is not confirmed: open 1, position"
    assert told.violations == [violation(5, "S10", expected)]


def test_status_zero_with_an_order_never_resolved_is_found() -> None:
    told = running().at(5).intend(1, "100", entry=1).stop().ended()
    assert told.violations == [violation(5, "S10", "ended, and the journal still waits for orders: 1")]


def test_quantity_left_bare_is_found() -> None:
    told = running().at(5).open(1).fill(1).close(2, 1, quantity="0.09").at(6).stop().ended()
    assert told.violations == [violation(6, "S10", "0.01 is without a close after the end")]


def test_dust_left_bare_is_not() -> None:
    told = running().at(5).open(1).fill(1, "0.099").close(2, 1, quantity="0.09").at(6).cancel(1).stop().ended()
    assert told.end() == []


@pytest.mark.parametrize("mode", ["cancel", "flatten"])
def test_closes_left_where_they_were_to_go_are_found(mode: str) -> None:
    told = running().at(5).covered_entry(1).at(6).stop(mode).ended()
    assert told.violations[0] == violation(6, "S10", "own closes live after the end: 2")


def test_a_stop_that_cancels_leaves_the_position() -> None:
    assert running().at(5).covered_entry(1).at(6).stop("cancel").cancel(2).ended().end() == []


def test_a_stop_that_flattens_leaves_none() -> None:
    told = running().at(5).covered_entry(1).at(6).stop("flatten").cancel(2).ended()
    assert told.violations == [violation(6, "S10", "a position of 0.1 is left after flattening")]


def test_flattening_may_leave_dust() -> None:
    told = running().at(5).open(1).fill(1, "0.009").cancel(1).at(6).stop("flatten").ended()
    assert told.end() == []


def test_a_halted_bot_that_says_zero_is_found() -> None:
    told = running().at(1).see(OutsideChange("by hand")).write(Halted(0, "why")).say(NoticeKind.HALT).ended(0)
    assert told.violations == [violation(1, "S11", "the exit status hides that the bot has halted")]


def test_a_halted_bot_keeps_its_closes_whatever_was_asked() -> None:
    told = running().at(1).covered_entry(1).see(OutsideChange("by hand")).write(Halted(0, "why"))
    assert told.say(NoticeKind.HALT).stop("cancel").ended(1, reason="why").end() == []


def test_a_close_that_fills_while_the_last_answer_is_on_its_way_may_be_unknown_to_the_journal() -> None:
    told = running().at(5).covered_entry(1).at(6).stop().at(7).venue_fills(2, "0.1").at(7.5).ended()
    assert told.end() == []


def test_a_close_that_filled_long_before_the_end_and_is_not_in_the_journal_is_found() -> None:
    told = running().at(5).covered_entry(1).at(6).stop().at(7).venue_fills(2, "0.1").at(9).ended()
    assert told.end() == [
        violation(9, "S10", "ended, and the journal still waits for orders: 2"),
        violation(9, "S14", "journal and venue differ over which orders live: 2"),
        violation(9, "S14", "the journal has fills of 0 of order 2, the venue 0.1"),
    ]
