"""Streams that are lost or carry nothing, answers that prove something, and failures that the bot is told of."""

from __future__ import annotations

import pytest

from domain.events import SessionStarted
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from simulation.observed import Disturbed, LifeBegan, RequestKind, Sent, SocketAsked, Stalled, StreamsCut
from tests.support.told import BEGAN_NS, Told, running, violation


def test_an_open_while_the_streams_are_lost_is_found() -> None:
    told = running().at(5).see(StreamsCut(is_cut=True)).at(6).open(1)
    since = told.now_ns - 1_000_000_000
    assert told.violations == [violation(6, "S11", f"open 1 was sent although the streams are lost since {since}")]


def test_an_open_that_leaves_just_as_the_streams_are_lost_is_allowed() -> None:
    assert running().at(5).see(StreamsCut(is_cut=True)).open(1).violations == []


def test_an_open_after_the_streams_are_back_needs_a_look_first() -> None:
    told = running().at(5).see(StreamsCut(is_cut=True)).at(8).see(StreamsCut(is_cut=False)).open(1)
    expected = "open 1 was sent before the account was looked at: open_orders, position"
    assert told.violations == [violation(8, "S11", expected)]
    told = running().at(5).see(StreamsCut(is_cut=True)).at(8).see(StreamsCut(is_cut=False)).look()
    assert told.open(1).violations == []


def test_an_order_written_as_accepted_that_the_venue_never_had_is_found_where_answers_prove() -> None:
    told = running(answers_prove=True).at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).accept(1)
    text = "order 1 is written as accepted, and the venue never had it"
    assert told.violations == [violation(1, "S7", text)]
    assert running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).accept(1).violations == []
    assert running(answers_prove=True).at(1).open(1).violations == []


def test_a_close_that_the_bot_knows_never_left_is_sent_again_within_the_time_to_recover() -> None:
    told = running().at(1).open(1).fill(1).intend(2, "101", parts=((1, "0.1"),)).send(2, "101", is_open=False)
    told.see(Disturbed(2, "not sent", is_told=True)).hear_end(2, OrderFact.NEVER_PLACED)
    assert told.at(20).see().violations == []
    told.at(40).look()
    assert [found.invariant for found in told.violations] == ["L1"]


# --- starting while streams carry nothing ---------------------------------------------------------------------------


STALLED, FLOWING = Stalled(is_stalled=True), Stalled(is_stalled=False)
NO_NEW_SOCKET = "streams have carried nothing since {} and the process that starts asked for no new socket"


def starting_in_a_stall(*sockets_at: float, ends_at: float) -> Told:
    """A second life begins at 10, the streams stall at 12, and it asks for sockets; it gets no further."""
    told = running().at(5).killed().at(10).see(LifeBegan(2)).at(12).see(STALLED)
    for seconds in sockets_at:
        told.at(seconds).see(SocketAsked())
    return told.at(ends_at).see(Disturbed(1))


def test_a_process_that_cannot_start_since_streams_carry_nothing_has_no_account_to_look_at() -> None:
    assert starting_in_a_stall(14, 40, 66, ends_at=90).violations == []


def test_a_process_that_cannot_start_asks_for_new_sockets_all_the_same() -> None:
    since = BEGAN_NS + 12 * NANOSECONDS
    told = starting_in_a_stall(14, ends_at=45)
    assert told.violations == [violation(45, "L3", NO_NEW_SOCKET.format(since))]
    told = starting_in_a_stall(ends_at=43)
    assert told.violations == [violation(43, "L3", NO_NEW_SOCKET.format(since))]


@pytest.mark.parametrize("first_act", ["a record", "a request"])
def test_a_process_that_has_started_looks_at_its_account_though_streams_carry_nothing(first_act: str) -> None:
    told = starting_in_a_stall(14, ends_at=15)
    if first_act == "a record":
        told.write(SessionStarted(told.now_ns, "{}"))
    else:
        told.see(Sent(RequestKind.READ, "fills"))
    told.at(40).see(SocketAsked()).at(43).see(Sent(RequestKind.READ, "fills"))
    expected = f"streams have carried nothing since {BEGAN_NS + 12 * NANOSECONDS}"
    assert told.violations == [violation(43, "L3", f"{expected} and were not replaced, and the account looked at")]


def test_what_the_life_before_asked_answers_no_stall_of_the_next() -> None:
    told = running().at(9).look().killed().at(10).see(LifeBegan(2), SocketAsked()).see(Sent(RequestKind.READ, "fills"))
    told.at(11).see(STALLED).at(27).see(SocketAsked()).at(42).see(SocketAsked())
    assert [found.invariant for found in told.violations] == ["L3"]
    assert told.auditor.stall_times_ns == []


def test_a_stall_goes_on_for_a_process_that_begins_in_it() -> None:
    """What is bare cannot be covered before it can start, and is afterwards."""
    told = running().at(1).open(1).fill(1).at(2).see(STALLED).at(3).killed().at(10).see(LifeBegan(2))
    told.at(20).see(SocketAsked()).at(45).see(SocketAsked()).at(60).see(FLOWING)
    assert told.violations == []
    told.at(61).look().at(92).look()
    assert [found.invariant for found in told.violations] == ["L1"]
    told = running().at(2).see(STALLED).at(3).killed().at(10).see(LifeBegan(2)).at(41).see(SocketAsked())
    since = BEGAN_NS + 2 * NANOSECONDS
    assert told.violations == [violation(41, "L3", NO_NEW_SOCKET.format(since))]
