"""The auditor's books by themselves, against slower and simpler ones."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import OrderIntended, OrderUpdate, Part
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose
from simulation.auditor.entries import Entries
from simulation.auditor.journal_books import JournalBooks
from simulation.auditor.prices import TargetLadder
from tests.support.told import RULES

levels = st.integers(1, 5)


@settings(max_examples=300, deadline=None)
@given(st.lists(levels, max_size=5), st.lists(levels, max_size=5))
def test_the_ladder_finds_a_shortfall_exactly_where_no_assignment_exists(fills: list[int], closes: list[int]) -> None:
    ladder = TargetLadder()
    for level in fills:
        ladder.add(Decimal(level), Decimal(1))
    can_be_served = len(closes) <= len(fills) and any(
        all(target <= close for target, close in zip(chosen, closes, strict=True))
        for chosen in permutations(fills, len(closes))
    )
    short = ladder.shortfall((Decimal(close), Decimal(1)) for close in closes)
    assert (short is None) is can_be_served


@settings(max_examples=300, deadline=None)
@given(st.lists(levels, max_size=5), st.lists(levels, max_size=5))
def test_filling_closes_that_can_be_served_leaves_the_rest_served(fills: list[int], closes: list[int]) -> None:
    ladder = TargetLadder()
    for level in fills:
        ladder.add(Decimal(level), Decimal(1))
    while closes and ladder.shortfall((Decimal(close), Decimal(1)) for close in closes) is None:
        ladder.close(Decimal(1), Decimal(closes.pop()))
        assert ladder.shortfall((Decimal(close), Decimal(1)) for close in closes) is None


def test_an_exit_takes_the_best_target_so_that_the_worst_stay() -> None:
    ladder = TargetLadder()
    for level in (1, 2, 3):
        ladder.add(Decimal(level), Decimal(1))
    ladder.close(Decimal("1.5"), None)
    assert ladder.shortfall([(Decimal(2), Decimal("1.5"))]) is None
    assert ladder.shortfall([(Decimal(3), Decimal("1.6"))]) == (Decimal(3), Decimal("0.1"))


def test_entries_are_counted_by_the_parts_their_closes_name() -> None:
    def intent(client_id: int, *parts: Part) -> OrderIntended:
        purpose = Purpose.CLOSE if parts else Purpose.OPEN
        return OrderIntended(0, client_id, purpose, Side.BUY, Decimal(1), Decimal(1), client_id, parts)

    entries = Entries()
    entries.take(intent(1), Decimal("0.4"))
    entries.take(intent(1), Decimal("0.6"))
    entries.take(intent(2), Decimal(1))
    close = intent(3, Part(1, Decimal(1)), Part(2, Decimal("0.5")))
    entries.take(close, Decimal("0.9"))
    assert (entries.open, entries.filled) == (2, 2)
    entries.take(close, Decimal("0.2"))
    assert (entries.open, entries.filled) == (1, 2)
    entries.take(close, Decimal("0.4"))
    entries.take(intent(4, Part(2, Decimal("0.5"))), Decimal("0.5"))
    assert (entries.open, entries.filled) == (0, 2)


def test_a_power_loss_takes_back_exactly_what_was_not_synced() -> None:
    books = JournalBooks(RULES)
    intent = OrderIntended(0, 1, Purpose.OPEN, Side.BUY, Decimal(1), Decimal(1), 1)
    books.take(1, intent, is_synced=True)
    books.take(2, OrderUpdate(0, 1, OrderFact.ACCEPTED, "v1", Decimal("0.3")), is_synced=False)
    books.sync(2)
    books.take(3, OrderUpdate(0, 1, OrderFact.CANCELLED, "v1", Decimal("0.5")), is_synced=False)
    assert (books.orders[1].status, books.orders[1].filled) == (OrderStatus.CANCELLED, Decimal("0.5"))
    assert books.unended_opens == {}
    assert books.lose_after(2) == {1}
    assert (books.orders[1].status, books.orders[1].filled) == (OrderStatus.OPEN, Decimal("0.3"))
    assert books.unended_opens == {1: books.orders[1]}
