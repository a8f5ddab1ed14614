"""Histories without fault, and with faults a bot lived through as it should: the auditor has nothing to say."""

from __future__ import annotations

from decimal import Decimal

from domain.events import HaltCleared, Halted
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from domain.status import NoticeKind
from simulation.observed import OutsideChange, RequestKind, Sent, Weather
from tests.support.told import BEGAN_NS, running


def test_an_entry_that_opens_fills_and_closes_is_clean() -> None:
    told = running().at(1).open(1).at(20).fill(1).at(20.1).close(2, 1).at(300).fill(2).at(400).stop().ended()
    assert told.at(401).end() == []
    assert told.auditor.times_to_cover_ns == [NANOSECONDS // 10]
    assert told.auditor.recovery_times_ns == []
    assert told.auditor.entries_filled == 1
    assert dict(told.auditor.requests) == {RequestKind.READ: 2, RequestKind.PLACE: 2}
    assert dict(told.auditor.requests_of) == {"open_orders": 1, "position": 1, "place": 2}


def test_a_selling_bot_is_judged_the_other_way_round() -> None:
    told = running(direction=Side.SELL).at(1).open(1, "100").at(20).fill(1).close(2, 1, "99").at(300).fill(2)
    assert told.stop().ended().end() == []
    losing = running(direction=Side.SELL).at(1).open(1, "100").at(20).fill(1).close(2, 1, "99.01").at(21)
    assert [found.invariant for found in losing.end()] == ["S4"]


def test_partial_fills_dust_and_a_cancelled_remainder_are_clean() -> None:
    told = running().at(1).open(1).at(12).fill(1, "0.06").close(2, 1, quantity="0.06")
    # 0.005 cannot be closed: it waits, however long, and goes into the next close at a price that serves both.
    told.at(30).fill(1, "0.005").at(100).cancel(1)
    told.at(200).open(3, "99").at(210).fill(3).at(210.2)
    told.intend(4, "101", "0.105", parts=((1, "0.005"), (3, "0.1"))).send(4, "101", "0.105", is_open=False)
    told.rest(4, "101", "0.105", is_open=False).accept(4)
    told.at(500).fill(2, "0.06").at(501).fill(4, "0.1").at(502).stop().ended()
    assert told.at(503).end() == []
    assert told.auditor.times_to_cover_ns == [0, NANOSECONDS // 5, NANOSECONDS // 5]


def test_a_kill_between_fill_and_close_is_mended_by_the_next_life() -> None:
    told = running().at(1).covered_entry(1).at(50).open(3, "99").at(60).venue_fills(3).killed()
    told.at(100).began(2).hear_fill(3).at(104).close(4, 3, "99.99").at(200).stop().ended(number=2)
    assert told.at(201).end() == []
    assert told.auditor.times_to_cover_ns == [0]
    assert told.auditor.recovery_times_ns == [4 * NANOSECONDS]


def test_a_close_that_a_power_loss_took_from_the_journal_is_adopted() -> None:
    told = running().at(1).open(1).at(20).fill(1).synced()
    before = told.seq
    told.intend(2, "101", parts=((1, "0.1"),), sync=False).send(2, "101", is_open=False).rest(2, "101", is_open=False)
    told.at(20.5).killed(power_lost_after=before)
    told.at(60).began(2).intend(2, "101", parts=((1, "0.1"),), adopted=True).accept(2)
    assert told.at(90).stop().ended(number=2).end() == []


def test_several_entries_with_kills_restarts_and_repricing_are_clean() -> None:
    told = running(expects_progress=True).at(1).open(1, "100").at(12).cancel(1).open(2, "100.5", entry=1)
    told.at(30).fill(2, "0.04").close(3, 1, "101.51", "0.04").at(31).fill(2, "0.06").close(4, 1, "101.51", "0.06")
    told.at(45).open(5, "99", entry=2).at(50).killed().at(70).began(2)
    told.at(72).venue_fills(5).hear_fill(5).close(6, 2, "99.99").at(120).fill(6)
    told.at(121).open(7, "98", entry=3).at(125).venue_ends(7).hear_end(7, OrderFact.EXPIRED)
    told.at(126).open(8, "98", entry=4).at(130).stop().cancel(8).ended(number=2)
    assert told.at(140).end() == []
    assert told.auditor.entries_filled == 2


def test_a_position_closed_by_hand_halts_once_and_clears() -> None:
    told = running().at(1).covered_entry(1).at(30).covered_entry(3).at(60).covered_entry(5)
    told.at(90).see(OutsideChange("closed by hand")).foreign_trade("-0.3")
    for client_id in (2, 4, 6):
        told.venue_ends(client_id)
    told.at(95).write(Halted(told.now_ns, "position and closes differ")).say(NoticeKind.HALT)
    for client_id in (2, 4, 6):
        told.hear_end(client_id)
    told.at(96).ended(1, reason="position and closes differ")
    told.at(120).began(2).write(HaltCleared(told.now_ns, "they agree again")).at(130).open(7)
    assert told.at(140).stop().cancel(7).ended(number=2).end() == []


def test_boost_closes_each_fill_at_market() -> None:
    told = running(boost=True).at(1).open(1).at(5).fill(1).at(5.1).intend(2, None, parts=((1, "0.1"),))
    told.send(2, None, is_open=False).rest(2, None, is_open=False).venue_fills(2, price="99.9", is_maker=False)
    told.hear_fill(2, price="99.9")
    assert told.at(10).stop().ended().end() == []


def test_flattening_takes_the_closes_away_and_leaves_nothing() -> None:
    told = running().at(1).covered_entry(1).at(50).stop("flatten").cancel(2).at(52).intend(3, None, parts=((1, "0.1"),))
    told.send(3, None, is_open=False).rest(3, None, is_open=False).venue_fills(3, price="99", is_maker=False)
    told.hear_fill(3, price="99")
    assert told.at(57).ended().end() == []


def test_foul_weather_stops_the_clocks() -> None:
    told = running().at(1).open(1).at(10).see(Weather(False, "no answers")).at(11).venue_fills(1)
    told.at(500).see(Weather(True)).at(520).hear_fill(1).close(2, 1)
    assert told.at(521).stop().ended().end() == []
    assert told.auditor.recovery_times_ns == [20 * NANOSECONDS]


def test_a_foreign_position_at_the_start_is_not_the_bots() -> None:
    told = running().foreign_trade("5").see(Sent(RequestKind.READ, "query")).at(1).covered_entry(1)
    assert told.at(30).stop().ended().end() == []
    assert told.position == Decimal("5.1")
    assert told.now_ns == BEGAN_NS + 30 * NANOSECONDS
