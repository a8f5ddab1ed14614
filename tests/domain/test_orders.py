"""The order lifecycle against an expectation written by hand, and against every telling of a true story."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders import LIFECYCLE, OrderFact, OrderStatus, advance, lifecycle_diagram

COLUMNS = "accepted filled cancel_asked cancel_failed cancelled expired refused never_placed outcome_unknown"
EXPECTED = """
planned      | open filled cancelling  .     cancelled expired refused never_placed unknown
unknown      | open filled cancelling  .     cancelled expired refused never_placed .
open         | .    filled cancelling  .     cancelled expired refused .            .
cancelling   | .    filled .           open  cancelled expired refused never_placed .
filled       | .    .      .           .     .         .       .       .            .
cancelled    | .    filled .           .     .         .       .       .            .
expired      | .    filled .           .     .         .       .       .            .
refused      | .    filled .           .     .         .       .       .            .
never_placed | open filled .           .     cancelled expired refused .            .
"""
"""`.`: the fact says nothing new, and the status stays."""


def expected_pairs() -> list[tuple[OrderStatus, OrderFact, OrderStatus]]:
    pairs = []
    for line in EXPECTED.strip().splitlines():
        name, cells = line.split("|")
        status = OrderStatus(name.strip())
        for column, cell in zip(COLUMNS.split(), cells.split(), strict=True):
            pairs.append((status, OrderFact(column), status if cell == "." else OrderStatus(cell)))
    return pairs


def told(facts: Iterable[OrderFact]) -> OrderStatus:
    status = OrderStatus.PLANNED
    for fact in facts:
        status = advance(status, fact)
    return status


def test_the_expectation_covers_every_status_and_every_fact() -> None:
    pairs = {(status, fact) for status, fact, _ in expected_pairs()}
    assert pairs == {(status, fact) for status in OrderStatus for fact in OrderFact}


@pytest.mark.parametrize("status, fact, after", expected_pairs(), ids=lambda value: value.value)
def test_fact_leads_to_the_expected_status(status: OrderStatus, fact: OrderFact, after: OrderStatus) -> None:
    assert advance(status, fact) is after


def test_every_status_has_a_row() -> None:
    assert set(LIFECYCLE) == set(OrderStatus)


@given(st.sampled_from(OrderStatus), st.sampled_from(OrderFact))
def test_a_repeated_fact_changes_nothing(status: OrderStatus, fact: OrderFact) -> None:
    once = advance(status, fact)
    assert advance(once, fact) is once


@given(st.sampled_from(OrderStatus), st.lists(st.sampled_from(OrderFact)))
def test_an_ended_order_stays_ended_but_for_late_fills_and_the_never_placed(
    start: OrderStatus, facts: list[OrderFact]
) -> None:
    status = start
    for fact in facts:
        before, status = status, advance(status, fact)
        if before.has_ended and status is not before:
            assert fact is OrderFact.FILLED or before is OrderStatus.NEVER_PLACED
            assert status.has_ended or (before, status) == (OrderStatus.NEVER_PLACED, OrderStatus.OPEN)


def test_filled_is_final() -> None:
    assert {advance(OrderStatus.FILLED, fact) for fact in OrderFact} == {OrderStatus.FILLED}


# True histories. What we did ourselves (sent, lost from sight, asked to cancel) and what the venue says of it may be
# told in any order and any number of times. Only an ended order has one status whatever the telling: "the cancel
# failed" means something only after the cancel was asked for, so histories of a live order keep these two in order.

DOUBTS = st.sets(st.sampled_from([OrderFact.OUTCOME_UNKNOWN, OrderFact.CANCEL_ASKED, OrderFact.CANCEL_FAILED]))


@st.composite
def tellings(draw: st.DrawFn, facts: set[OrderFact]) -> list[OrderFact]:
    """Every fact at least once, some again, in any order."""
    again = draw(st.lists(st.sampled_from(sorted(facts)), max_size=6))
    return list(draw(st.permutations([*sorted(facts), *again])))


@given(st.data(), DOUBTS, st.sets(st.sampled_from([OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.NEVER_PLACED])))
def test_a_completely_filled_order_is_filled_however_it_is_told(
    data: st.DataObject, doubts: set[OrderFact], also: set[OrderFact]
) -> None:
    """`also`: a cancel that lost its race, an expiry of nothing, and a belief that the order was never placed."""
    facts = {OrderFact.ACCEPTED, OrderFact.FILLED} | doubts | also
    assert told(data.draw(tellings(facts))) is OrderStatus.FILLED


@pytest.mark.parametrize("end", [OrderFact.CANCELLED, OrderFact.EXPIRED])
@given(data=st.data(), doubts=DOUBTS, believed_lost=st.booleans())
def test_a_cancelled_or_expired_order_is_just_that_however_it_is_told(
    end: OrderFact, data: st.DataObject, doubts: set[OrderFact], believed_lost: bool
) -> None:
    facts = {OrderFact.ACCEPTED, end} | doubts | ({OrderFact.NEVER_PLACED} if believed_lost else set())
    assert told(data.draw(tellings(facts))) is OrderStatus(end.value)


@given(st.data(), DOUBTS)
def test_a_refused_order_is_refused_however_it_is_told(data: st.DataObject, doubts: set[OrderFact]) -> None:
    assert told(data.draw(tellings({OrderFact.REFUSED} | doubts))) is OrderStatus.REFUSED


@given(st.data(), st.sets(st.sampled_from([OrderFact.OUTCOME_UNKNOWN, OrderFact.CANCEL_ASKED])))
def test_an_order_that_never_left_was_never_placed_however_it_is_told(
    data: st.DataObject, doubts: set[OrderFact]
) -> None:
    assert told(data.draw(tellings({OrderFact.NEVER_PLACED} | doubts))) is OrderStatus.NEVER_PLACED


@given(st.data(), st.booleans(), st.booleans())
def test_a_resting_order_is_open_or_cancelling_however_it_is_told(
    data: st.DataObject, was_unknown: bool, cancel_asked: bool
) -> None:
    facts = {OrderFact.ACCEPTED}
    facts |= {OrderFact.OUTCOME_UNKNOWN} if was_unknown else set()
    facts |= {OrderFact.CANCEL_ASKED} if cancel_asked else set()
    expected = OrderStatus.CANCELLING if cancel_asked else OrderStatus.OPEN
    assert told(data.draw(tellings(facts))) is expected


@given(st.data())
def test_a_failed_cancel_leaves_the_order_open_whenever_its_acceptance_is_heard(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 2))
    facts = [OrderFact.CANCEL_ASKED, OrderFact.CANCEL_FAILED]
    facts.insert(at, OrderFact.ACCEPTED)
    assert told(facts) is OrderStatus.OPEN


def test_the_diagram_draws_every_change_of_the_table_and_nothing_else() -> None:
    drawn = set()
    for line in lifecycle_diagram().splitlines():
        if ":" in line:
            arrow, facts = line.strip().split(": ")
            source, target = arrow.split(" --> ")
            drawn |= {(source, fact, target) for fact in facts.split(", ")}
    table = {(source.value, fact.value, to.value) for source, row in LIFECYCLE.items() for fact, to in row.items()}
    assert drawn == table
