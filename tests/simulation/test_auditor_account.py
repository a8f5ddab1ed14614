"""S1 to S5, told at the venue: each broken once, and once nearly."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import Fill, Halted, Liquidity
from domain.market import NANOSECONDS, Side
from domain.status import NoticeKind
from simulation.observed import OutsideChange, VenueOrder, VenuePosition, VenueQuote
from tests.support.told import BEGAN_NS, RULES, Told, running, violation


def three_covered() -> Told:
    return running().at(1).covered_entry(1).at(30).covered_entry(3).at(60).covered_entry(5)


# --- S1: exposure ---------------------------------------------------------------------------------------------------


def test_an_open_beyond_the_most_exposure_is_found() -> None:
    told = three_covered().at(90).intend(7, "100", entry=7)
    assert told.end() == [violation(90, "S1", "position 0.3 and opens of 0.1 are more than 0.31")]


def test_the_most_exposure_itself_is_allowed() -> None:
    told = running().at(1).covered_entry(1).at(30).covered_entry(3).at(60).open(5)
    assert told.at(61).stop().cancel(5).ended().end() == []


def test_what_cannot_be_closed_for_its_worth_counts_as_the_one_minimum() -> None:
    # At 100, less than 0.06 is worth less than 5 in the auditor's cautious reckoning.
    told = running(max_orders=1, rules=replace(RULES, min_notional=Decimal(5))).at(1).open(1).at(5).fill(1, "0.049")
    told.at(6).cancel(1).at(60).open(2)
    assert told.at(61).stop().cancel(2).ended().end() == []


def test_an_open_whose_fate_is_unknown_counts_whole() -> None:
    told = running(max_orders=1).at(1).open(1).at(5).fill(1, "0.05").close(2, 1, quantity="0.05").at(6).cancel(1)
    told.at(10).intend(3, "100", entry=3)
    assert told.end() == [violation(10, "S1", "position 0.05 and opens of 0.1 are more than 0.11")]


def test_a_second_open_while_one_is_unresolved_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).at(2).intend(2, "100", entry=2)
    assert told.violations == [violation(2, "S1", "open 2 was written while others are not resolved: 1")]


def test_a_second_open_after_the_first_has_ended_is_allowed() -> None:
    assert running().at(1).open(1).at(12).cancel(1).open(2, entry=1).at(13).stop().cancel(2).ended().end() == []


def test_two_opens_that_rest_at_once_are_found() -> None:
    told = running().at(1).open(1).rest(9, "99", is_open=True)
    assert told.end() == [violation(1, "S1", "2 opens rest at once: 1, 9")]


# --- S2: accounting -------------------------------------------------------------------------------------------------


def test_a_fill_written_twice_is_found() -> None:
    told = running().at(1).open(1).at(5).fill(1, "0.05").at(6).hear_fill(1, "0.05", trade=1)
    assert told.violations == [violation(6, "S2", "fill t1 of order 1 was written twice")]


def test_two_fills_of_the_same_size_are_two() -> None:
    assert running().at(1).open(1).at(5).fill(1, "0.05").fill(1, "0.05").violations == []


def test_a_fill_written_again_after_a_power_loss_took_it_is_no_repetition() -> None:
    told = running().at(1).open(1).synced()
    before = told.seq
    told.at(5).fill(1, "0.05").at(6).killed(power_lost_after=before).at(10).began(2).hear_fill(1, "0.05")
    assert told.violations == []


def test_more_written_than_the_venue_filled_is_found() -> None:
    told = running().at(1).open(1).at(5).venue_fills(1, "0.04").hear_fill(1, "0.05")
    expected = "0.05 of order 1 are written as filled, the venue filled 0.04"
    assert told.violations == [violation(5, "S2", expected)]


def test_a_fill_of_an_order_that_never_was_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1)
    trade = Fill(0, 1, "v1", "t1", Side.BUY, Decimal(100), Decimal("0.05"), Decimal(0), Liquidity.MAKER, 0)
    told.write(trade)
    assert told.violations == [violation(1, "S2", "0.05 of order 1 are written as filled, the venue filled 0")]


def test_a_venue_whose_filled_total_falls_is_found() -> None:
    told = running().at(1).open(1).at(5).venue_fills(1, "0.05")
    told.rest(1, "100", is_open=True, filled=Decimal("0.02"))
    assert told.violations == [violation(5, "S2", "filled of order 1 fell from 0.05 to 0.02")]


def test_a_position_that_no_fill_explains_is_found() -> None:
    told = running().at(1).open(1).at(5).see(VenuePosition(Decimal("0.1"))).at(6)
    expected = "the venue's position is 0.1 more than the fills make of it"
    assert told.end() == [violation(5, "S2", expected)]


def test_an_order_its_fill_and_the_position_may_be_told_one_after_the_other() -> None:
    assert running().at(1).open(1).at(5).fill(1).close(2, 1).at(6).end() == []


# --- S3: no over-cover ----------------------------------------------------------------------------------------------


def test_closes_beyond_the_position_are_found_once() -> None:
    told = running().at(1).covered_entry(1).at(2).close(3, 1).at(3).look().at(4)
    assert told.end() == [
        violation(2, "S3", "closes of 0.2 rest on a position of 0.1"),
        violation(2, "S4", "closes up to 101 are 0.1 more than the fills that profit there"),
    ]


def test_a_close_replaced_within_one_step_of_the_venue_is_no_over_cover() -> None:
    told = running().at(1).covered_entry(1).at(2).intend(3, "101", parts=((1, "0.1"),)).send(3, "101", is_open=False)
    told.rest(3, "101", is_open=False).venue_ends(2).accept(3).hear_end(2)
    assert told.at(3).end() == []


def test_closes_left_over_a_position_that_somebody_else_closed_have_time_to_go() -> None:
    told = running().at(1).covered_entry(1).at(10).see(OutsideChange("closed by hand")).foreign_trade("-0.1")
    assert told.at(39).cancel(2).at(50).end() == []


def test_closes_left_over_too_long_are_found() -> None:
    told = running().at(1).covered_entry(1).at(10).see(OutsideChange("closed by hand")).foreign_trade("-0.1")
    assert told.at(41).end() == [violation(41, "S3", "closes of 0.1 rest on a position of 0")]


def test_closes_left_over_under_a_halt_are_left_to_people() -> None:
    told = running().at(1).covered_entry(1).at(10).see(OutsideChange("closed by hand")).foreign_trade("-0.1")
    told.at(12).write(Halted(0, "they differ")).say(NoticeKind.HALT)
    assert told.at(100).end() == []


def test_an_own_order_that_turns_the_position_over_is_found() -> None:
    told = running(boost=True).at(1).open(1).at(2).fill(1).intend(2, None, "0.2", parts=((1, "0.2"),))
    told.send(2, None, "0.2", is_open=False).rest(2, None, "0.2", is_open=False)
    told.venue_fills(2, "0.2", price="100", is_maker=False)
    assert told.violations == [violation(2, "S3", "order 2 turned the own position over to -0.1")]


@pytest.mark.parametrize("has_reduce_only, found", [(True, ["S3", "S3"]), (False, [])])
def test_closes_are_reduce_only_where_the_venue_has_it(has_reduce_only: bool, found: list[str]) -> None:
    told = running(has_reduce_only=has_reduce_only).at(1).open(1).fill(1).intend(2, "101", parts=((1, "0.1"),))
    told.send(2, "101", is_open=False, reduce_only=False).rest(2, "101", is_open=False, reduce_only=False)
    assert [violation.invariant for violation in told.violations] == found


# --- S4: maker only, never at a loss --------------------------------------------------------------------------------


def test_an_open_that_takes_liquidity_is_found() -> None:
    told = running().at(1).open(1).at(2).venue_fills(1, is_maker=False)
    assert told.violations == [violation(2, "S4", "open 1 took liquidity: 0.1 at 100")]


def test_an_order_without_post_only_is_found_when_sent_and_at_the_venue() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True, post_only=False)
    told.rest(1, "100", is_open=True, post_only=False)
    assert told.violations == [
        violation(1, "S4", "open 1 was sent without post-only"),
        violation(1, "S4", "open 1 is not post-only at the venue"),
    ]


def test_a_market_order_that_nobody_asked_for_is_found() -> None:
    told = running().at(1).open(1).fill(1).intend(2, None, parts=((1, "0.1"),)).send(2, None, is_open=False)
    assert told.violations == [violation(1, "S4", "the market order 2 was not called for")]


def test_a_halted_bot_keeps_its_closes_also_when_asked_to_flatten() -> None:
    told = running().at(1).open(1).fill(1).see(OutsideChange("liquidated")).write(Halted(0, "why"))
    told.say(NoticeKind.HALT).stop("flatten").intend(2, None, parts=((1, "0.1"),)).send(2, None, is_open=False)
    assert told.violations == [violation(1, "S4", "the market order 2 was not called for")]


def test_a_close_one_tick_short_of_its_target_is_found() -> None:
    told = running().at(1).covered_entry(1, close="100.99").at(2)
    assert told.end() == [violation(1, "S4", "closes up to 100.99 are 0.1 more than the fills that profit there")]


def test_a_close_rounded_away_from_loss_is_allowed() -> None:
    # 99.99 x 1.01 is 100.9899: the next tick is 100.99.
    assert running().at(1).covered_entry(1, price="99.99", close="100.99").at(2).end() == []


def test_a_low_fill_does_not_excuse_two_closes_at_its_price() -> None:
    told = running().at(1).covered_entry(1, price="90", close="90.90").at(30).covered_entry(3, close="90.90").at(31)
    expected = "closes up to 90.90 are 0.1 more than the fills that profit there"
    assert told.end() == [violation(30, "S4", expected)]


def test_what_a_good_close_has_taken_serves_no_other() -> None:
    told = running().at(1).covered_entry(1, price="90", close="90.90").at(20).fill(2)
    told.at(30).covered_entry(3, close="90.90").at(31)
    assert [found.invariant for found in told.end()] == ["S4"]


def test_a_close_that_had_to_stand_further_out_leaves_the_others_their_room() -> None:
    told = running().at(1).covered_entry(1, price="90", close="105").at(20).covered_entry(3).at(25).fill(2)
    assert told.at(31).end() == []


# --- S5: at most once -----------------------------------------------------------------------------------------------


def test_two_orders_under_one_id_are_found() -> None:
    told = running().at(1).open(1)
    again = VenueOrder(
        "v77", 1, Side.BUY, Decimal(100), Decimal("0.1"), Decimal(0), is_live=True, post_only=True, reduce_only=False
    )
    told.see(again)
    assert told.violations == [violation(1, "S5", "order 1 exists twice: v1 and v77")]


def test_the_same_order_told_twice_is_one() -> None:
    assert running().at(1).open(1).rest(1, "100", is_open=True).at(2).violations == []


def test_an_order_that_is_not_the_one_intended_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).rest(1, "100.01", is_open=True)
    assert told.violations == [violation(1, "S5", "order 1 is not the one intended: buy 0.1 at 100.01")]


def test_an_order_the_venue_made_smaller_is_the_one_intended() -> None:
    told = running().at(1).open(1).fill(1, "0.06").intend(2, "101", parts=((1, "0.1"),)).send(2, "101", is_open=False)
    told.rest(2, "101", "0.06", is_open=False).accept(2)
    assert told.at(2).end() == []


def test_a_violation_is_kept_ten_times_and_counted_always() -> None:
    told = running().at(1).open(1)
    for _ in range(12):
        told.venue_fills(1, "0.001", is_maker=False)
    assert told.violations == 10 * [violation(1, "S4", "open 1 took liquidity: 0.001 at 100")]
    assert told.auditor.counts == {"S4": 12}


# --- S11: what the venue closes by force ----------------------------------------------------------------------------


def liquidated() -> Told:
    """At 10 s the venue closes the one covered entry by force; nothing of it reaches the bot yet."""
    told = running().at(1).covered_entry(1).at(10).see(OutsideChange("liquidated"))
    return told.venue_ends(2).foreign_trade("-0.1", is_forced=True).hear_end(2)


def test_a_bot_that_goes_on_after_a_liquidation_is_found() -> None:
    told = liquidated().at(35).see(VenueQuote(Decimal(100), Decimal("100.01")))
    assert told.violations == []
    told.at(41).see(VenueQuote(Decimal(100), Decimal("100.01")))
    expected = f"the venue itself closed 0.1 at {BEGAN_NS + 10 * NANOSECONDS}, and the bot has not halted"
    assert told.violations == [violation(41, "S11", expected)]


def test_a_bot_that_halts_after_a_liquidation_and_says_so_is_allowed() -> None:
    told = liquidated().at(11).write(Halted(0, "the venue closed 0.1")).say(NoticeKind.HALT, "the venue closed 0.1")
    assert told.at(90).stop().ended(1).end() == []


def test_a_halt_after_a_liquidation_that_nobody_is_told_of_is_found() -> None:
    told = liquidated().at(11).write(Halted(0, "the venue closed 0.1")).at(20).see(VenueQuote(None, None))
    assert told.violations == [violation(20, "L7", "a halt was written and nobody was told")]


def test_a_liquidation_while_nobody_lives_may_be_found_out_by_the_next_life() -> None:
    told = running().at(1).covered_entry(1).at(5).killed().at(10).see(OutsideChange("liquidated")).venue_ends(2)
    told.foreign_trade("-0.1", is_forced=True).at(300).began(2).hear_end(2)
    assert told.at(325).see(VenueQuote(Decimal(100), Decimal("100.01"))).violations == []
    told.at(331).see(VenueQuote(Decimal(100), Decimal("100.01")))
    assert [found.invariant for found in told.violations] == ["S11"]


def test_closes_that_a_halted_bot_leaves_beyond_what_a_liquidation_left_are_found() -> None:
    told = running().at(1).covered_entry(1).at(10).see(OutsideChange("liquidated"))
    told.foreign_trade("-0.06", is_forced=True).write(Halted(0, "closed")).say(NoticeKind.HALT, "closed")
    assert told.at(39).see(VenueQuote(Decimal(100), Decimal("100.01"))).violations == []
    told.at(41).see(VenueQuote(Decimal(100), Decimal("100.01")))
    assert told.violations == [violation(41, "S3", "closes of 0.1 rest on a position of 0.04")]
