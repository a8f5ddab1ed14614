"""L1: what is filled is covered in time, while the bot lives and the venue answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from simulation.auditor import Deadlines
from simulation.observed import (
    Disturbed,
    Healed,
    LifeBegan,
    VenueOvertook,
)
from tests.support.told import Told, moment, running, violation

NARROW = Deadlines(again_s=10)


def test_a_fill_without_a_close_is_found_once_and_late() -> None:
    told = running().at(1).open(1).at(10).fill(1).at(15).look()
    assert told.violations == []
    told.at(16).look().at(30).look()
    assert told.violations == [violation(16, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_a_close_at_the_last_moment_is_in_time_and_is_measured() -> None:
    told = running().at(1).open(1).at(10).fill(1).at(15).close(2, 1).at(60)
    assert told.end() == []
    assert told.auditor.times_to_cover_ns == [5 * NANOSECONDS]


def test_each_part_of_a_fill_has_its_own_clock() -> None:
    told = running().at(1).open(1).at(10).fill(1, "0.05").at(12).close(2, 1, quantity="0.05").fill(1, "0.05")
    told.at(16).close(3, 1, quantity="0.05").at(60)
    assert told.end() == []
    assert told.auditor.times_to_cover_ns == [2 * NANOSECONDS, 4 * NANOSECONDS]


def test_a_close_that_the_venue_takes_away_is_owed_again() -> None:
    told = running().at(1).covered_entry(1).at(20).venue_ends(2).hear_end(2).at(25).look()
    assert told.violations == []
    assert told.at(26).end() == [violation(26, "L1", f"0.1 has been without a close since {moment(20)}")]


def test_a_close_that_a_narrow_venue_takes_away_may_wait_for_room() -> None:
    told = running(deadlines=NARROW).at(1).covered_entry(1).at(20).venue_ends(2).hear_end(2).at(30).look()
    assert told.violations == []
    assert told.at(31).end() == [violation(31, "L1", f"0.1 has been without a close since {moment(20)}")]


def test_a_fill_beside_a_close_that_was_taken_away_has_no_more_time_than_any_other() -> None:
    told = running(deadlines=NARROW).at(1).covered_entry(1).at(20).venue_ends(2).hear_end(2)
    told.at(22).open(3).fill(3).at(28)
    assert told.end() == [violation(28, "L1", f"0.1 has been without a close since {moment(22)}")]


def test_a_close_for_a_part_leaves_the_rest_owed() -> None:
    told = running().at(1).open(1).at(10).fill(1).close(2, 1, quantity="0.08").at(16)
    assert told.end() == [violation(16, "L1", f"0.02 has been without a close since {moment(10)}")]


def offered_in_vain(*seconds: int, book_age_s: int = 1, **terms: Any) -> Told:
    """A fill at 10, whose close was refused at each of these times since the market had moved on."""
    told = running(**terms).at(1).open(1).at(10).fill(1)
    for number, second in enumerate(seconds, 2):
        told.at(second).intend(number, "101", parts=((1, "0.1"),))
        told.send(number, "101", is_open=False, book_age_ns=book_age_s * NANOSECONDS)
        told.see(VenueOvertook(Side.SELL, Decimal(101), Decimal("0.1"))).hear_end(number, OrderFact.REFUSED)
    return told


def test_a_close_that_the_market_overtook_is_offered_again_within_the_same_time() -> None:
    told = offered_in_vain(11, 14).at(19).close(4, 1).at(60)
    assert told.end() == []
    assert (told.auditor.times_to_cover_ns, told.auditor.recovery_times_ns) == ([], [9 * NANOSECONDS])
    late = offered_in_vain(11, 14).at(20).look()
    assert late.violations == [violation(20, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_a_close_that_the_market_overtook_at_a_narrow_venue_may_wait_for_room() -> None:
    told = offered_in_vain(11, 14, deadlines=NARROW).at(24).close(4, 1).at(60)
    assert told.end() == []
    late = offered_in_vain(11, 14, deadlines=NARROW).at(25).look()
    assert late.violations == [violation(25, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_a_close_that_is_overtaken_for_ever_is_late_all_the_same() -> None:
    told = offered_in_vain(*range(11, 42, 2))
    assert told.violations == [violation(41, "L1", f"0.1 has been without a close since {moment(10)}")]


BAND = (Decimal("0.995"), Decimal("1.005"))
"""Around a market at 100, in which a fill at 100 has its target 1 % away."""


def refused_for_its_price(*seconds: int, price: str = "101", first: int = 2, **terms: Any) -> Told:
    """A fill at 10 with its target at 101, whose close was refused at each of these times; the market stands at 100."""
    told = running(**({"price_band": BAND} | terms)).at(1).open(1).at(10).fill(1)
    return offered_and_refused(told, *seconds, price=price, first=first)


def offered_and_refused(told: Told, *seconds: int, price: str = "101", first: int = 2) -> Told:
    for number, second in enumerate(seconds, first):
        told.at(second).intend(number, price, parts=((1, "0.1"),))
        told.send(number, price, is_open=False).hear_end(number, OrderFact.REFUSED)
    return told


def test_a_close_outside_the_venues_price_band_is_owed_once_the_venue_takes_it() -> None:
    told = refused_for_its_price(11, 40, 70).at(100).close(5, 1).at(160)
    assert told.end() == []
    assert told.auditor.times_to_cover_ns == []


def test_a_close_outside_the_venues_price_band_must_be_offered_now_and_then() -> None:
    told = refused_for_its_price(11, 40, 70).at(85).look().at(100).look()
    assert told.violations == []
    assert told.at(101).look().violations == [violation(101, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_a_selling_bots_close_below_the_band_is_kept_out_too() -> None:
    told = running(direction=Side.SELL, price_band=BAND).at(1).open(1).at(10).fill(1)
    offered_and_refused(told, 11, 40, 70, price="99").at(95).look()
    assert told.violations == []


@pytest.mark.parametrize(
    "terms",
    [
        {"price_band": (Decimal("0.985"), Decimal("1.015"))},  # Well within the band.
        {"price_band": (Decimal("0.995"), Decimal("1.015"))},  # The other side's edge is no excuse.
        {"price": "90", "price_band": (Decimal("0.995"), Decimal("1.015"))},
    ],
)
def test_a_close_that_is_refused_for_another_reason_is_late(terms: dict[str, Any]) -> None:
    told = refused_for_its_price(11, 14, **terms).at(16).look()
    assert [found for found in told.violations if found.invariant == "L1"] == [
        violation(16, "L1", f"0.1 has been without a close since {moment(10)}")
    ]


def test_a_fill_beside_one_that_the_venue_takes_no_close_for_is_owed_as_ever() -> None:
    """The first has its target at 111.1, the second at 101, with the market at 100 and a band of 5 %."""
    told = running(price_band=(Decimal("0.95"), Decimal("1.05"))).at(1).open(1, "110").at(10).fill(1)
    offered_and_refused(told, 11, 20, price="111.1").at(21).open(9).at(22).fill(9)
    offered_and_refused(told, 24, price="111.1", first=20).at(28).look()
    assert told.violations == [violation(28, "L1", f"0.1 has been without a close since {moment(22)}")]


def test_a_close_that_rests_outside_the_band_keeps_nothing_else_out() -> None:
    told = running(price_band=(Decimal("0.95"), Decimal("1.05"))).at(1).open(1, "110").at(10).fill(1)
    told.close(2, 1, "111.1").at(21).open(9).at(22).fill(9)
    offered_and_refused(told, 24, price="111.1", first=20).at(28).look()
    assert told.violations == [violation(28, "L1", f"0.1 has been without a close since {moment(22)}")]


@pytest.mark.parametrize("band, is_found", [(BAND, False), ((Decimal("0.985"), Decimal("1.015")), True)])
def test_what_the_venue_takes_no_close_for_need_not_be_covered_after_the_last_fault(
    band: tuple[Decimal, Decimal], *, is_found: bool
) -> None:
    told = refused_for_its_price(11, price_band=band).see(Healed())
    offered_and_refused(told, *range(31, 200, 20), first=3)
    expected = "after the last fault 0.1 is without a close"
    assert [found.text for found in told.end() if found.invariant == "L5"] == ([expected] if is_found else [])


def test_a_close_priced_from_an_old_book_was_not_overtaken() -> None:
    told = offered_in_vain(11, 14, book_age_s=3).at(16).look()
    assert told.violations == [violation(16, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_an_open_that_the_market_overtook_gives_no_close_more_time() -> None:
    told = running().at(1).open(1).at(10).fill(1).at(12).see(VenueOvertook(Side.BUY, Decimal(100), Decimal("0.1")))
    assert told.at(16).end() == [violation(16, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_dust_is_owed_from_when_it_can_be_closed() -> None:
    told = running().at(1).open(1).at(10).fill(1, "0.009").at(100).fill(1, "0.001").at(105).look()
    assert told.violations == []
    told.at(106)
    assert told.end() == [
        violation(106, "L1", f"0.009 has been without a close since {moment(10)}"),
        violation(106, "L1", f"0.001 has been without a close since {moment(100)}"),
    ]


def test_a_restart_begins_the_clock_anew() -> None:
    told = running().at(1).open(1).at(10).venue_fills(1).killed().at(100).began(2).at(130).look()
    assert told.violations == []
    told.at(131).look()
    assert [found.invariant for found in told.violations] == ["L1", "L2"]


def test_a_fill_told_as_the_next_life_begins_was_left_to_it() -> None:
    told = running().at(1).open(1).at(10).killed().at(100).venue_fills(1).began(2).at(107).hear_fill(1).close(2, 1)
    assert told.at(120).end() == []
    assert told.auditor.times_to_cover_ns == []
    assert told.auditor.recovery_times_ns == [7 * NANOSECONDS]


def test_what_is_due_first_is_covered_first() -> None:
    """What an earlier life left may be under a close whose fate is not known yet; a fill of now is covered at once."""
    told = running().at(1).open(1).at(10).venue_fills(1).killed().at(100).began(2).hear_fill(1)
    told.at(110).open(3).fill(3).at(112).close(4, 3).at(118).look()
    assert told.violations == []
    told.at(131).look()
    assert told.violations == [violation(131, "L1", f"0.1 has been without a close since {moment(10)}")]
    assert told.auditor.times_to_cover_ns == [2 * NANOSECONDS]


def test_a_disturbed_message_gives_time_to_find_out() -> None:
    told = running().at(1).open(1).at(10).venue_fills(1).see(Disturbed(1, "event dropped")).at(105).look()
    assert [found.invariant for found in told.violations] == ["L2"]
    told.at(106).look()
    assert told.violations[1:] == [violation(106, "L1", f"0.1 has been without a close since {moment(10)}")]


def test_a_disturbed_message_about_another_order_gives_no_time() -> None:
    told = running().at(1).covered_entry(1).at(5).open(3).at(10).venue_fills(3).see(Disturbed(1)).at(16).look()
    assert [found.invariant for found in told.violations] == ["L1"]


def test_a_disturbed_close_gives_time_for_what_it_was_for() -> None:
    told = running().at(1).open(1).at(10).fill(1).intend(2, "101", parts=((1, "0.1"),)).send(2, "101", is_open=False)
    told.see(Disturbed(2, "request lost")).at(20).hear_end(2, OrderFact.NEVER_PLACED).close(3, 1).at(60)
    assert told.end() == []
    assert told.auditor.times_to_cover_ns == []
    assert told.auditor.recovery_times_ns == [10 * NANOSECONDS]


def test_a_close_that_works_counts_for_what_was_told_and_not_for_what_was_hidden() -> None:
    told = running().at(1).open(1).at(10).fill(1, "0.04")
    told.intend(2, "101", "0.04", parts=((1, "0.04"),)).send(2, "101", "0.04", is_open=False).see(Disturbed(2, "lost"))
    told.at(11).fill(1, "0.06").at(12).close(3, 1, quantity="0.06").at(17).look()
    assert told.violations == []
    told.at(30).hear_end(2, OrderFact.NEVER_PLACED).close(4, 1, quantity="0.04").at(60)
    assert told.end() == []
    assert told.auditor.times_to_cover_ns == [NANOSECONDS]
    assert told.auditor.recovery_times_ns == [20 * NANOSECONDS]


def test_a_fill_while_a_new_life_has_not_looked_yet_is_found_out_and_not_told() -> None:
    told = running().at(1).open(1).at(10).killed().at(100).see(LifeBegan(2)).at(101).venue_fills(1).at(107).look()
    told.hear_fill(1).close(2, 1)
    assert told.at(120).end() == []
    assert told.auditor.recovery_times_ns == [6 * NANOSECONDS]


def test_a_refused_close_gives_no_time() -> None:
    told = running().at(1).open(1).at(10).fill(1).intend(2, "101", parts=((1, "0.1"),)).send(2, "101", is_open=False)
    told.at(11).hear_end(2, OrderFact.REFUSED).at(16)
    assert [found.invariant for found in told.end()] == ["L1"]


def test_a_stop_that_takes_the_closes_away_owes_none_until_the_next_life() -> None:
    told = running().at(1).covered_entry(1).at(20).stop("cancel").cancel(2).at(35).ended()
    assert told.violations == []
    told.at(60).began(2).at(91)
    assert [found.invariant for found in told.end()] == ["L1"]
