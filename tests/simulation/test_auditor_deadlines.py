"""L2 to L7: what must happen in time, while the bot lives and the venue answers."""

from __future__ import annotations

import pytest

from domain.events import CancelIntended, HaltCleared, Halted, OrderUpdate
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from domain.status import NoticeKind
from simulation.observed import (
    DiskTrouble,
    Disturbed,
    EndTold,
    Frozen,
    Healed,
    OutsideChange,
    RequestKind,
    Sent,
    SocketAsked,
    Stalled,
    Weather,
)
from tests.support.told import Told, moment, running, violation

# --- L2: resolve ----------------------------------------------------------------------------------------------------


def unknown() -> Told:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True)
    return told.write(OrderUpdate(0, 1, OrderFact.OUTCOME_UNKNOWN))


def test_an_order_that_stays_unknown_is_found() -> None:
    told = unknown().at(32).look().at(60).look()
    assert told.violations == [violation(32, "L2", f"order 1 has been unknown since {moment(1)}")]


def test_an_order_resolved_in_time_is_not() -> None:
    assert unknown().at(31).hear_end(1, OrderFact.NEVER_PLACED).at(60).stop().ended().end() == []


def test_an_order_that_cannot_be_asked_for_in_foul_weather_has_time_after_it() -> None:
    told = unknown().at(5).see(Weather(False)).at(100).see(Weather(True)).at(130).look()
    assert told.violations == []
    assert [found.invariant for found in told.at(131).look().violations] == ["L2"]


def test_a_cancel_that_never_comes_to_an_end_is_found() -> None:
    told = running().at(1).open(1).at(10).write(CancelIntended(0, 1, "better price"))
    told.write(OrderUpdate(0, 1, OrderFact.CANCEL_ASKED)).at(41).look()
    assert told.violations == [violation(41, "L2", f"order 1 has been cancelling since {moment(10)}")]


@pytest.mark.parametrize("is_disturbed, found_at", [(False, 41), (True, 101)])
def test_an_end_that_the_journal_never_learns_of_is_found(is_disturbed: bool, found_at: int) -> None:
    told = running().at(1).open(1).at(10).venue_ends(1)
    if is_disturbed:
        told.see(Disturbed(1, "event dropped"))
    told.at(found_at - 1).look()
    assert told.violations == []
    expected = f"order 1 ended at {moment(10)}, and the journal does not know"
    assert told.at(found_at).look().violations == [violation(found_at, "L2", expected)]


def ended_without_a_total() -> Told:
    told = running().at(1).open(1).at(10).venue_fills(1, "0.04").venue_ends(1).see(Disturbed(1), EndTold(1))
    return told.write(OrderUpdate(0, 1, OrderFact.CANCELLED))


def test_an_end_that_names_no_total_and_is_not_asked_about_is_found() -> None:
    told = ended_without_a_total().at(40).look()
    assert told.violations == []
    expected = f"order 1 ended at {moment(10)}, and the journal does not know"
    assert told.at(41).look().violations == [violation(41, "L2", expected)]


def test_an_end_that_names_no_total_is_known_once_its_fills_are() -> None:
    told = ended_without_a_total().at(12).hear_fill(1, "0.04").close(2, 1, quantity="0.04")
    assert told.at(60).look().violations == []


# --- L3: reconnect --------------------------------------------------------------------------------------------------


NOT_ANSWERED = f"streams have carried nothing since {moment(10)} and were not replaced, and the account looked at"


def test_a_stall_that_is_not_noticed_is_found() -> None:
    told = running().at(10).see(Stalled(is_stalled=True)).at(41).look()
    assert told.violations == [violation(41, "L3", NOT_ANSWERED)]


def test_a_stall_that_is_answered_without_a_look_is_found() -> None:
    """A look long before the streams were given up says nothing about what they did not carry since."""
    told = running().at(10).see(Stalled(is_stalled=True)).at(11).look().at(40).see(SocketAsked()).at(41)
    told.see(Stalled(is_stalled=False))
    assert told.violations == [violation(41, "L3", NOT_ANSWERED)]


def test_the_time_until_a_stall_is_answered_is_measured() -> None:
    told = running().at(10).see(Stalled(is_stalled=True)).at(26).look().at(27).see(SocketAsked()).at(90)
    told.see(Stalled(is_stalled=False)).at(100).see(Stalled(is_stalled=True)).at(120).see(SocketAsked()).at(125).look()
    assert told.violations == []
    assert told.auditor.stall_times_ns == [17 * NANOSECONDS, 25 * NANOSECONDS]


def test_a_stall_noticed_in_time_and_looked_after_is_not() -> None:
    long = running().at(10).see(Stalled(is_stalled=True)).at(40).see(SocketAsked()).look().at(90)
    long.see(Stalled(is_stalled=False)).at(200).stop().ended()
    short = running().at(10).see(Stalled(is_stalled=True)).at(40).see(Stalled(is_stalled=False)).at(200).stop().ended()
    assert long.end() + short.end() == []


def test_streams_replaced_without_a_look_are_found() -> None:
    told = running().at(10).see(Stalled(is_stalled=True)).at(34).look().at(35).see(SocketAsked()).at(50)
    told.see(Stalled(is_stalled=False)).see(Sent(RequestKind.READ, "position")).at(81)
    expected = f"the account was not looked at after streams were replaced at {moment(50)}"
    assert told.end() == [violation(81, "L3", expected)]


def test_an_open_after_a_stall_waits_for_the_look() -> None:
    told = running().at(10).see(Stalled(is_stalled=True)).at(34).look().at(35).see(SocketAsked()).at(50)
    told.see(Stalled(is_stalled=False)).intend(1, "100", entry=1).send(1, "100", is_open=True)
    assert [found.invariant for found in told.violations] == ["S11"]


# --- L4: progress ---------------------------------------------------------------------------------------------------


def test_a_bot_that_never_opens_is_found() -> None:
    told = running(expects_progress=True).at(91).look()
    assert told.violations == [
        violation(91, "L4", f"no open was sent although nothing held it back since {moment(0)}")
    ]


def test_the_cool_down_counts_from_the_last_open_fill() -> None:
    # One of three entries is open: a third, so the whole wait time of 40 s.
    told = running(expects_progress=True).at(1).covered_entry(1).at(131).look()
    assert told.violations == []
    assert [found.invariant for found in told.at(132).look().violations] == ["L4"]


@pytest.mark.parametrize("entries, seconds", [(0, 113), (6, 113), (7, 225), (13, 225), (14, 450), (27, 900)])
def test_the_cool_down_is_that_of_the_contract(entries: int, seconds: int) -> None:
    assert Told(max_orders=40, wait_time_s=450).terms.cooldown_s(entries) == seconds


def test_a_grid_that_is_full_or_a_bot_that_is_held_owes_no_open() -> None:
    told = running(expects_progress=True).at(1).covered_entry(1).at(50).covered_entry(3).at(140).covered_entry(5)
    told.at(1000).look()
    held = running().at(1000).look()
    foul = running(expects_progress=True).at(1).see(Weather(False)).at(1000).look()
    resting = running(expects_progress=True).at(1).open(1).at(1000).look()
    assert told.violations + held.violations + foul.violations + resting.violations == []


def test_a_loop_of_requests_is_found_once_a_minute() -> None:
    told = running(requests_per_minute=10)
    for second in range(1, 20):
        told.at(second).see(Sent(RequestKind.READ, "query"))
    assert told.violations == [violation(9, "L4", "more than 10 requests within a minute")]


def test_as_many_requests_as_allowed_are_no_loop() -> None:
    told = running(requests_per_minute=10)
    for second in range(10, 300, 7):
        told.at(second).see(Sent(RequestKind.READ, "query"))
    assert told.violations == []


# --- L5: heal -------------------------------------------------------------------------------------------------------


def test_an_order_unknown_long_after_the_last_fault_is_found() -> None:
    told = unknown().at(10).see(Healed()).at(131)
    assert told.end() == [
        violation(131, "L2", f"order 1 has been unknown since {moment(1)}"),
        violation(131, "L5", "after the last fault orders are not known: 1"),
    ]


def test_quantity_bare_long_after_the_last_fault_is_found() -> None:
    told = running().at(1).open(1).at(10).fill(1).see(Healed()).at(131)
    assert told.end() == [
        violation(131, "L1", f"0.1 has been without a close since {moment(10)}"),
        violation(131, "L5", "after the last fault 0.1 is without a close"),
    ]


def test_a_bot_killed_after_the_last_fault_has_the_time_from_its_restart() -> None:
    told = running().at(1).open(1).at(10).see(Healed()).at(20).venue_fills(1).killed().at(500).began(2).at(620).look()
    assert [found.invariant for found in told.violations] == ["L1", "L2"]
    told.at(621).look()
    assert told.violations[2:] == [
        violation(621, "L5", "after the last fault orders are not known: 1"),
        violation(621, "L5", "after the last fault 0.1 is without a close"),
    ]


def test_a_bot_running_and_covered_or_halted_or_asked_to_stop_is_healed() -> None:
    covered = running().at(1).covered_entry(1).at(10).see(Healed()).at(131).look()
    halted = running().at(1).see(OutsideChange("by hand")).write(Halted(0, "why")).say(NoticeKind.HALT)
    halted.ended(1, reason="why").at(10).see(Healed()).at(131)
    asked = running().at(1).see(Healed()).at(5).stop().ended().at(131)
    by_itself = running().at(1).see(Healed()).at(5).ended(reason="stop price reached").at(131)
    assert covered.violations + halted.end() + asked.end() + by_itself.end() == []


def test_an_end_with_an_error_that_is_no_halt_is_found() -> None:
    told = running().at(1).ended(1, reason="TypeError")
    assert told.violations == [violation(1, "L5", "ended with status 1, and had not halted: TypeError")]


def test_a_start_that_foul_weather_prevents_is_no_third_state() -> None:
    told = running().at(1).killed().see(Weather(False)).at(5).began(2).at(10).ended(2, number=2, reason="no answer")
    assert told.violations == []


# --- L6: stop -------------------------------------------------------------------------------------------------------


def test_a_stop_that_takes_too_long_is_found_in_any_weather() -> None:
    told = running().at(10).see(Weather(False)).stop().at(29).ended(3, "position")
    assert told.violations == [violation(29, "L6", f"asked to stop at {moment(10)}, and still running")]


def test_a_stop_in_time_or_cut_short_by_a_kill_is_not() -> None:
    in_time = running().at(10).stop().at(28).ended().at(100)
    killed = running().at(10).stop().at(28).killed().at(100).began(2).at(200)
    frozen = running().at(5).see(Frozen(moment(40))).at(10).stop().at(58).ended().at(100)
    assert in_time.end() + killed.end() + frozen.end() == []


def test_a_world_that_ends_before_its_stop_did_is_found() -> None:
    told = running().at(10).stop().at(12)
    assert told.end() == [violation(12, "L6", f"the world ended while a stop asked for at {moment(10)} was under way")]


# --- L7: halts are announced ----------------------------------------------------------------------------------------


def halted_unsaid() -> Told:
    return running().see(OutsideChange("by hand")).at(10).write(Halted(0, "why"))


def test_a_halt_that_nobody_is_told_of_is_found() -> None:
    told = halted_unsaid().at(12).say(NoticeKind.INFO).at(16).look()
    assert told.violations == [violation(16, "L7", "a halt was written and nobody was told")]


def test_a_halt_told_before_or_after_is_announced() -> None:
    after = halted_unsaid().at(15).say(NoticeKind.HALT).at(60).look()
    before = running().see(OutsideChange("by hand")).at(8).say(NoticeKind.MISMATCH).at(10).write(Halted(0, "why"))
    killed = halted_unsaid().at(12).killed().at(60).began(2)
    assert after.violations + before.at(60).look().violations + killed.violations == []


def test_a_halt_told_while_its_record_waited_for_the_disk_is_announced() -> None:
    told = running().see(OutsideChange("by hand"), DiskTrouble(is_on=True)).at(8).say(NoticeKind.HALT, "why")
    told.at(20).see(DiskTrouble(is_on=False)).at(25).write(Halted(0, "why"))
    assert told.at(60).look().violations == []


def test_another_halt_or_one_of_an_earlier_life_announces_nothing() -> None:
    other = running().see(OutsideChange("by hand")).at(8).say(NoticeKind.HALT, "why not").at(25).write(Halted(0, "why"))
    killed = running().see(OutsideChange("by hand")).at(8).say(NoticeKind.HALT, "why").killed()
    killed.at(15).began(2).at(25).write(Halted(0, "why"))
    unsaid = [violation(60, "L7", "a halt was written and nobody was told")]
    assert other.at(60).look().violations == killed.at(60).look().violations == unsaid


def test_a_halt_without_a_reason_is_found() -> None:
    told = running().see(OutsideChange("by hand")).at(10).write(Halted(0, "")).say(NoticeKind.HALT).ended(1, reason="")
    assert told.violations == [
        violation(10, "L7", "a halt was written without a reason"),
        violation(10, "L7", "ended with status 1 and no reason"),
    ]


def test_a_halt_lost_with_the_power_is_no_halt() -> None:
    told = running().synced()
    before = told.seq
    told.see(OutsideChange("by hand")).at(10).write(Halted(0, "why")).say(NoticeKind.HALT)
    told.killed(power_lost_after=before).at(20).began(2).open(1)
    assert told.write(HaltCleared(0, "gone")).violations == []
