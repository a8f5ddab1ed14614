"""S6, S7, S9 and S14: what the journal says, and when, against what the venue did."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import IdsReserved, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from simulation.observed import DiskTrouble, VenueFill, VenuePosition
from tests.support.told import Told, running, violation

# --- S6: write-ahead ------------------------------------------------------------------------------------------------


def test_an_order_sent_before_its_intent_is_written_is_found() -> None:
    told = running().at(1).send(1, "100", is_open=True)
    assert told.violations == [violation(1, "S6", "open 1 was sent before its intent was written")]


def test_an_open_sent_before_its_intent_is_synced_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1, sync=False).send(1, "100", is_open=True)
    assert told.violations == [violation(1, "S6", "open 1 was sent before its intent was synced")]


def test_a_close_may_be_synced_right_after() -> None:
    told = running().at(1).open(1).fill(1).intend(2, "101", parts=((1, "0.1"),), sync=False)
    told.send(2, "101", is_open=False).rest(2, "101", is_open=False).synced().accept(2)
    assert told.at(3).end() == []


def test_a_close_that_is_never_synced_is_found() -> None:
    told = running().at(1).open(1).fill(1).intend(2, "101", parts=((1, "0.1"),), sync=False)
    told.send(2, "101", is_open=False).rest(2, "101", is_open=False).accept(2).at(3)
    assert told.end() == [violation(2, "S6", "the intent of 2 was not synced after it was sent")]


def test_an_order_sent_otherwise_than_written_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100.01", is_open=True)
    assert told.violations == [violation(1, "S6", "open 1 was not sent as it was written down")]


def test_an_id_used_again_is_found_also_when_a_power_loss_took_the_first_use() -> None:
    told = running().at(1).open(1).fill(1).synced()
    before = told.seq
    told.intend(2, "101", parts=((1, "0.1"),), sync=False).killed(power_lost_after=before)
    told.at(5).began(2).intend(2, "101", parts=((1, "0.1"),))
    assert told.violations == [violation(5, "S6", "id 2 was used again")]


def test_an_id_sent_again_with_the_same_terms_is_the_same_order() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).at(2).send(1, "100", is_open=True)
    assert told.violations == []


def test_an_id_beyond_the_block_reserved_is_found() -> None:
    told = running().at(1).intend(1000, "100", entry=1).send(1000, "100", is_open=True)
    assert told.violations == [violation(1, "S6", "id 1000 was used before its block was reserved for good")]


@pytest.mark.parametrize("sync, found", [(True, []), (False, ["S6"])])
def test_a_block_counts_once_its_reservation_is_synced(sync: bool, found: list[str]) -> None:
    told = running().at(1).covered_entry(1).at(2).write(IdsReserved(0, 2000), sync=sync)
    told.intend(1000, "101", parts=((1, "0.1"),), sync=False).send(1000, "101", is_open=False)
    assert [violation.invariant for violation in told.violations] == found


def test_a_close_goes_out_unwritten_while_the_disk_is_full() -> None:
    told = running().at(1).open(1).fill(1).see(DiskTrouble(is_on=True)).send(2, "101", is_open=False)
    told.rest(2, "101", is_open=False).at(10).see(DiskTrouble(is_on=False))
    told.intend(2, "101", parts=((1, "0.1"),)).accept(2)
    assert told.stop().ended().end() == []


def test_a_market_exit_sent_unwritten_is_still_known_for_one() -> None:
    told = running(boost=True).at(1).open(1).fill(1).see(DiskTrouble(is_on=True)).send(2, None, is_open=False)
    exit_fill = VenueFill(
        "t9", "v2", 2, Side.SELL, Decimal(100), Decimal("0.1"), Decimal(0), is_maker=False
    )
    told.see(exit_fill).rest(2, None, is_open=False, filled=Decimal("0.1"), is_live=False)
    told.see(VenuePosition(Decimal(0))).at(10).see(DiskTrouble(is_on=False)).intend(2, None, parts=((1, "0.1"),))
    told.hear_fill(2, trade=9, price="100")
    assert told.stop().ended().end() == []


def test_an_open_never_goes_out_unwritten() -> None:
    told = running().at(1).see(DiskTrouble(is_on=True)).send(1, "100", is_open=True)
    assert told.violations == [violation(1, "S6", "open 1 was sent before its intent was written")]


# --- S7: evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", [OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.REFUSED, OrderFact.NEVER_PLACED])
def test_an_end_that_the_venue_knows_nothing_of_is_found(fact: OrderFact) -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).rest(1, "100", is_open=True)
    told.at(2).hear_end(1, fact)
    assert told.violations == [violation(2, "S7", f"order 1 is written as {fact} and lives at the venue")]


def test_a_fill_that_is_not_whole_ends_nothing() -> None:
    told = running().at(1).open(1).at(2).venue_fills(1, "0.06").venue_ends(1)
    told.write(OrderUpdate(0, 1, OrderFact.FILLED, "v1"))
    assert told.violations == [
        violation(2, "S2", "0.1 of order 1 are written as filled, the venue filled 0.06"),
        violation(2, "S7", "order 1 is written as filled, the venue filled 0.06"),
    ]


def test_ends_that_the_venue_reported_are_believed() -> None:
    told = running().at(1).open(1).at(2).venue_ends(1).hear_end(1, OrderFact.EXPIRED)
    told.at(3).intend(2, "100", entry=2).send(2, "100", is_open=True).hear_end(2, OrderFact.REFUSED)
    assert told.at(4).stop().ended().end() == []


def test_an_order_given_up_that_comes_alive_is_found() -> None:
    told = running().at(1).intend(1, "100", entry=1).send(1, "100", is_open=True).at(12)
    told.hear_end(1, OrderFact.NEVER_PLACED).at(13).rest(1, "100", is_open=True)
    assert told.violations == [violation(13, "S7", "order 1, written off as never_placed, is live")]


def test_an_adopted_order_must_be_at_the_venue() -> None:
    told = running().at(1).open(1).fill(1).intend(2, "101", parts=((1, "0.1"),), adopted=True)
    assert told.violations == [violation(1, "S7", "order 2 was adopted, and the venue does not know it")]


# --- S9 and S14: what is left at the end ----------------------------------------------------------------------------


def lost_close() -> Told:
    """A power loss takes the intent of a close that rests at the venue."""
    told = running().at(1).open(1).fill(1).synced()
    before = told.seq
    told.intend(2, "101", parts=((1, "0.1"),), sync=False).send(2, "101", is_open=False).rest(2, "101", is_open=False)
    return told.killed(power_lost_after=before).at(20).began(2)


def test_a_live_order_that_the_journal_never_learned_of_is_found() -> None:
    told = lost_close().stop().ended(number=2)
    assert told.end() == [violation(20, "S9", "orders live that the journal does not know: 2")]


def test_a_live_order_found_again_is_no_orphan() -> None:
    told = lost_close().intend(2, "101", parts=((1, "0.1"),), adopted=True).accept(2)
    assert told.stop().ended(number=2).end() == []


def test_a_duplicate_close_after_a_restart_is_found() -> None:
    told = lost_close().intend(3, "101", parts=((1, "0.1"),)).send(3, "101", is_open=False)
    told.rest(3, "101", is_open=False).accept(3).at(21)
    assert [found.invariant for found in told.end()] == ["S3", "S4"]


def test_a_fill_the_journal_never_learned_of_is_found() -> None:
    told = running().at(1).covered_entry(1).at(9).venue_fills(2, "0.04").venue_ends(2).hear_end(2)
    told.close(3, 1, quantity="0.06").stop().ended()
    expected = "the journal has fills of 0 of order 2, the venue 0.04"
    assert told.end() == [violation(9, "S14", expected)]


def test_a_fill_written_at_another_price_is_found() -> None:
    told = running().at(1).open(1).venue_fills(1).hear_fill(1, price="99.5").close(2, 1).at(5).stop().ended()
    expected = "the journal has fills of order 1 worth 9.95, the venue 10.0"
    assert told.end() == [violation(5, "S14", expected)]


def test_fills_heard_in_another_order_add_up_to_the_same() -> None:
    told = running().at(1).open(1).venue_fills(1, "0.04").venue_fills(1, "0.06")
    told.hear_fill(1, "0.06", trade=2).hear_fill(1, "0.04", trade=1).close(2, 1)
    assert told.at(5).stop().ended().end() == []


def test_an_order_alive_for_the_journal_alone_is_found() -> None:
    told = running().at(1).covered_entry(1).at(3).venue_ends(2).at(5).stop().ended().at(6)
    assert told.end() == [
        violation(5, "S10", "ended, and the journal still waits for orders: 2"),
        violation(5, "S10", "0.1 is without a close after the end"),
        violation(6, "S14", "journal and venue differ over which orders live: 2"),
    ]
