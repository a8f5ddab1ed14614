"""Streams that are lost, answers that prove something, and failures that the bot is told of."""

from __future__ import annotations

from domain.orders import OrderFact
from simulation.observed import Disturbed, StreamsCut
from tests.support.told import running, violation


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
