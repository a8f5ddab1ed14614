"""What an event costs must not grow with the number of resting closes. Counted in calls, not timed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import FrameType
from typing import Any

import pytest

from domain.events import OrderIntended, Part
from domain.market import Side
from domain.orders import OrderFact, Purpose
from tests.support.grid import Desk, config


def calls(work: Callable[[], object]) -> int:
    """How many Python and C functions `work` calls."""
    count = 0

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()  # What it would call belongs to nobody here: other tests' garbage, and whoever watches collections.
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def resting(closes: int) -> Desk:
    """A desk with that many entries, each under a resting close, and room for more. Built from records alone."""
    desk = Desk(config(max_orders=100_000, grid_step="0", wait_time="1"))
    for entry in range(1, closes + 1):
        price = Decimal(90) + entry * Decimal("0.1")
        open_id, close_id = 2 * entry - 1, 2 * entry
        desk.note(OrderIntended(desk.now_ns, open_id, Purpose.OPEN, Side.BUY, price, Decimal(1), entry))
        desk.fill(desk.state.orders[open_id])
        parts = (Part(entry, Decimal(1)),)
        desk.note(
            OrderIntended(desk.now_ns, close_id, Purpose.CLOSE, Side.SELL, price + 20, Decimal(1), parts=parts)
        )
        desk.accept(desk.state.orders[close_id])
    desk._next_id = 2 * closes + 1
    desk.look()
    return desk


def a_close_fills(desk: Desk) -> None:
    desk.fill(desk.state.orders[40])
    desk.settle()


def a_close_is_told_twice(desk: Desk) -> None:
    desk.tell(desk.state.orders[40], OrderFact.ACCEPTED, filled="0.5")
    desk.tell(desk.state.orders[40], OrderFact.ACCEPTED, filled="0.5")
    desk.settle()


def a_close_expires_and_is_covered_again(desk: Desk) -> None:
    desk.pass_time(1)
    desk.tell(desk.state.orders[40], OrderFact.EXPIRED, filled="0")
    desk.settle()
    desk.look()
    desk.settle()


def an_entry_opens_fills_and_is_covered(desk: Desk) -> None:
    desk.pass_time(10)
    desk.quote("89", "89.1")
    desk.fill(desk.open_one())
    desk.settle()


EVENTS = [
    a_close_fills,
    a_close_is_told_twice,
    a_close_expires_and_is_covered_again,
    an_entry_opens_fills_and_is_covered,
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_costs_the_same_with_4000_resting_closes_as_with_40(event: Callable[[Desk], None]) -> None:
    few, many = resting(40), resting(4_000)
    assert calls(lambda: event(many)) < 1.5 * calls(lambda: event(few))


class Watched(dict[int, Any]):
    """A dictionary that counts how often somebody walks through it."""

    walks = 0

    def __iter__(self) -> Iterator[int]:
        self.walks += 1
        return super().__iter__()

    def values(self) -> Any:
        self.walks += 1
        return super().values()

    def items(self) -> Any:
        self.walks += 1
        return super().items()


class WatchedSet(set[int]):
    walks = 0

    def __iter__(self) -> Iterator[int]:
        self.walks += 1
        return super().__iter__()


@pytest.mark.parametrize("event", EVENTS)
def test_no_event_walks_through_what_rests(event: Callable[[Desk], None]) -> None:
    """A walk inside C, as `sorted` does it, is not seen in calls."""
    desk = resting(40)
    state, book = desk.state, desk.state._book
    live, orders = Watched(state.live), Watched(state.orders)
    entries, unclosed = Watched(state.entries), WatchedSet(state.unclosed)
    state.live, state.orders = live, orders
    state.entries = book.by_id = entries
    state.unclosed = book.unclosed = unclosed
    event(desk)
    assert (live.walks, orders.walks, entries.walks, unclosed.walks) == (0, 0, 0, 0)
