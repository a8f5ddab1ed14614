"""Requests whose outcome is not known: they are asked for by their own id, and never sent again under a new one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from tests.support.bot import Rig, covered_after, script
from tests.support.faults import Fate, first_of, nth, while_true
from tests.support.tape import bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.HANGS])
def test_open_whose_answer_is_lost_is_found_by_its_id_and_not_sent_again(fate: Fate) -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("place", 1, fate)
        rig.start()
        rig.run_to(9)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        assert rig.line.count("place") == 1
        (order,) = rig.bot.state.live_opens.values()
        assert order.status is OrderStatus.OPEN
        rig.check_covered()


def test_open_whose_answer_and_events_are_lost_is_found_by_its_id() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("place", 1, Fate.ANSWER_LOST)
        rig.line.deliver = lambda _event: []
        rig.start()
        rig.run_to(3)
        (order,) = rig.bot.state.live_opens.values()
        assert (order.status, rig.line.count("place"), rig.line.count("query")) == (OrderStatus.OPEN, 1, 1)


def test_open_that_never_arrived_is_given_up_only_after_the_venue_said_so_twice() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("place", 1, Fate.REQUEST_LOST)
        rig.start()
        rig.run_to(10)
        assert (rig.line.count("place"), rig.resting()) == (1, [])
        rig.run_to(14)
        assert (rig.line.count("place"), rig.line.count("query")) == (2, 2)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        facts = [update.fact for update in rig.of_kind(OrderUpdate)]
        assert facts[:2] == [OrderFact.OUTCOME_UNKNOWN, OrderFact.NEVER_PLACED]
        rig.check_covered()


def test_an_absence_counts_from_when_the_venue_first_listed_no_such_order() -> None:
    """A venue whose history lags says so for a while before it is sure; that is not waited for twice."""
    with Rig(script()) as rig:
        lost = nth("place", 1, Fate.REQUEST_LOST)
        behind = while_true(lambda call: call.kind == "query" and rig.now_s < 9, Fate.NOT_LISTED)
        rig.line.fate_of = first_of(lost, behind)
        rig.start()
        rig.run_to(10)
        assert (rig.line.count("place"), rig.resting()) == (1, [])
        rig.run_to(14)
        assert rig.line.count("place") == 2
        facts = [update.fact for update in rig.of_kind(OrderUpdate)]
        assert facts[:2] == [OrderFact.OUTCOME_UNKNOWN, OrderFact.NEVER_PLACED]
        rig.check_covered()


def test_open_that_arrives_late_is_not_placed_twice() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("place", 1, Fate.LATE)
        rig.start()
        rig.run_to(30)
        assert rig.line.count("place") == 1
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        rig.check_covered()


def test_open_that_filled_while_its_answer_was_lost_is_covered() -> None:
    with Rig(script(sold(0.8, 1002, 10))) as rig:
        rig.line.fate_of = nth("place", 1, Fate.ANSWER_LOST)
        rig.line.deliver = lambda _event: []
        rig.start()
        rig.run_to(10)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.HANGS, Fate.REQUEST_LOST, Fate.LATE, Fate.NOT_SENT])
def test_close_is_covered_once_whatever_becomes_of_its_request(fate: Fate) -> None:
    with Rig(script(sold(5, 1002, 10)), reduce_only=False) as rig:
        rig.line.fate_of = nth("place", 2, fate)
        rig.start()
        rig.run_to(14)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        assert rig.auditor.longest_bare_s(rig.world.now_ns) < 5.5
        covered_after(rig)


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.HANGS, Fate.REQUEST_LOST, Fate.LATE, Fate.NOT_SENT])
def test_open_is_repriced_whatever_becomes_of_its_cancel(fate: Fate) -> None:
    with Rig(script(quote(20, 1005, 1008))) as rig:
        rig.line.fate_of = nth("cancel", 1, fate)
        rig.line.deliver = lambda _event: []
        rig.start()
        rig.run_to(60)
        assert rig.resting() == [(BUY, D("100.7"), D("0.10"))]
        assert rig.line.count("place") == 2
        assert rig.line.count("cancel") <= 2
        rig.check_covered()


def test_cancels_that_are_refused_for_an_hour_are_not_hammered_on() -> None:
    with Rig(script(quote(20, 1005, 1008))) as rig:
        rig.line.fate_of = while_true(lambda call: call.kind == "cancel", Fate.REFUSED)
        rig.start()
        rig.run_to(3_600)
        assert rig.line.count("cancel") < 2_000
        assert rig.line.count("query") < 2_000
        rig.line.fate_of = lambda _call: Fate.PASSES
        rig.run_for(10)
        assert rig.resting() == [(BUY, D("100.7"), D("0.10"))]
        rig.check_covered()


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("kind", ["place", "cancel"])
@pytest.mark.parametrize("fate", [fate for fate in Fate if fate not in (Fate.PASSES, Fate.MISCONFIGURED)])
def test_any_single_fault_of_a_write_ends_covered(kind: str, number: int, fate: Fate) -> None:
    market = script(
        sold(5, 1002, 4), quote(30, 1001, 1004), sold(50, 1000, 10), bought(70, 1010, 20), quote(75, 1004, 1007)
    )
    with Rig(market, reduce_only=False) as rig:
        rig.line.fate_of = nth(kind, number, fate)
        rig.start()
        rig.run_to(200)
        rig.check_covered()
        rig.check_money()
        assert rig.stop().exit_status == 0


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("kind", ["query", "open_orders", "position", "fills"])
def test_any_single_failed_read_changes_nothing(kind: str, number: int) -> None:
    market = script(sold(5, 1002, 4), quote(30, 1001, 1004), sold(50, 1000, 10), bought(70, 1010, 20))
    with Rig(market) as rig:
        rig.line.fate_of = nth(kind, number, Fate.REQUEST_LOST)
        rig.start()
        rig.run_to(200)
        rig.check_covered()
        rig.check_money()
        assert rig.stop().exit_status == 0


def test_both_the_open_and_its_cancel_lost_end_with_one_open() -> None:
    with Rig(script(quote(20, 1005, 1008))) as rig:
        rig.line.fate_of = first_of(nth("place", 1, Fate.ANSWER_LOST), nth("cancel", 1, Fate.REQUEST_LOST))
        rig.start()
        rig.run_to(40)
        assert rig.resting() == [(BUY, D("100.7"), D("0.10"))]
        rig.check_covered()
