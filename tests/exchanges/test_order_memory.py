"""What clients remember of orders stays in bounds over months, and never loses an order that rests."""

from __future__ import annotations

from exchanges.order_memory import OrderMemory


def test_an_order_that_rests_outlives_any_number_that_come_and_go() -> None:
    memory: OrderMemory[int, str] = OrderMemory(most_ended=10)
    memory.keep(0, "rests")
    for client_id in range(1, 10_000):
        memory.keep(client_id, "passes")
        memory.end(client_id)
    assert memory.get(0) == "rests"
    assert len(memory) == 11
    assert (memory.get(9_999), memory.get(9_989)) == ("passes", None)


def test_an_ended_order_is_remembered_for_late_news_and_stays_ended() -> None:
    memory: OrderMemory[int, str] = OrderMemory(most_ended=2)
    memory.keep(1, "first")
    memory.end(1)
    memory.keep(1, "heard again")
    assert (memory.get(1), 1 in memory) == ("heard again", True)
    for client_id in (2, 3):
        memory.keep(client_id, "other")
        memory.end(client_id)
    assert (memory.get(1), 1 in memory) == (None, False)
    memory.end(1)
    assert len(memory) == 2


def test_an_end_that_was_missed_does_not_make_it_grow_for_ever() -> None:
    memory: OrderMemory[int, str] = OrderMemory(most_ended=5, most_live=20)
    for client_id in range(1_000):
        memory.keep(client_id, "never ends")
    assert len(memory) == 25
    assert memory.get(999) == "never ends"
