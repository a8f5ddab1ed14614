"""A close is replaced before the venue ends it by its age: one at a time, and only where it can be covered again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.commands import CancelOrder, PlaceClose
from domain.market import NANOSECONDS
from domain.orders import OrderFact
from domain.stop import StopMode
from strategies.take_profit_grid.renewal import RENEW
from tests.support.grid import Desk, config, rules

LIFE_S = 100_000
D = Decimal


def desk_with(closes: int, **changes: Any) -> Desk:
    """Entries under resting closes, at least `LIFE_S / 20` apart."""
    desk = Desk(config(max_orders=closes, wait_time=str(LIFE_S // 40), **changes), rules(), order_life_s=LIFE_S)
    for _ in range(closes):
        desk.enter()
    desk.look()
    return desk


def age_first_close(desk: Desk, share: str) -> None:
    """To the moment at which the oldest close has lived this share of its life."""
    desk.now_ns = desk.closes()[0].intended_ns + int(D(share) * LIFE_S * NANOSECONDS)
    desk.look()


def test_a_close_is_left_alone_until_a_tenth_of_its_life_is_left_and_the_bot_is_woken_then() -> None:
    desk = desk_with(1)
    close = desk.closes()[0]
    age_first_close(desk, "0.899")
    decision = desk.decide()
    assert decision.commands == ()
    assert decision.wake_ns is not None
    assert decision.wake_ns <= close.intended_ns + 90_000 * NANOSECONDS
    age_first_close(desk, "0.9")
    assert desk.commands() == (CancelOrder(close.client_id, RENEW),)


def test_what_filled_before_the_cancel_is_not_covered_again() -> None:
    desk = desk_with(1)
    close = desk.closes()[0]
    price = close.price
    age_first_close(desk, "0.9")
    desk.settle()
    desk.fill(close, "0.3")
    desk.pass_time(1)
    desk.tell(close, OrderFact.CANCELLED, filled="0.3")
    assert desk.settle() == []
    desk.pass_time(1)
    desk.look()
    (placed,) = desk.settle()
    assert isinstance(placed, PlaceClose)
    assert (placed.price, placed.quantity) == (price, D("0.7"))
    assert desk.state.covered == desk.state.own


def test_closes_of_one_age_are_renewed_one_after_the_other() -> None:
    desk = desk_with(3)
    age_first_close(desk, "5")
    renewed: list[int] = []
    for _ in range(3):
        (command,) = desk.settle()
        assert isinstance(command, CancelOrder)
        renewed.append(command.client_id)
        order = desk.state.orders[command.client_id]
        assert desk.settle() == []
        desk.pass_time(1)
        desk.tell(order, OrderFact.CANCELLED, filled="0")
        assert desk.settle() == []
        desk.pass_time(1)
        desk.look()
        (placed,) = desk.settle()
        assert isinstance(placed, PlaceClose)
        assert desk.settle() == []
        desk.accept(desk.newest())
    assert renewed == sorted(renewed)
    assert len(set(renewed)) == 3
    assert desk.settle() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"connected": False},
        {"look_failed": True},
        {"recovering": True},
        {"trouble": "the journal cannot be written"},
        {"stopping": StopMode.KEEP},
    ],
)
def test_nothing_is_cancelled_for_its_age_while_it_could_not_be_covered_again(changes: dict[str, Any]) -> None:
    desk = desk_with(1)
    age_first_close(desk, "0.95")
    desk.see(**changes)
    assert not [command for command in desk.commands() if isinstance(command, CancelOrder)]


def test_nothing_is_cancelled_for_its_age_without_a_fresh_quote() -> None:
    desk = desk_with(1)
    age_first_close(desk, "0.95")
    desk.quote_age_ns = 60 * NANOSECONDS
    assert desk.commands() == ()


def test_nothing_is_cancelled_for_its_age_while_the_venue_refuses_closes() -> None:
    desk = desk_with(2)
    age_first_close(desk, "0.9")
    desk.settle()
    first, second = desk.closes()
    desk.pass_time(1)
    desk.tell(first, OrderFact.CANCELLED, filled="0")
    desk.pass_time(10_000)
    desk.look()
    desk.settle()
    desk.tell(desk.newest(), OrderFact.REFUSED, filled="0", reason="venue_restricted")
    assert [c for c in desk.settle() if isinstance(c, CancelOrder)] == []
    assert second.status.value == "open"


def test_a_rest_below_the_venues_minimum_keeps_its_place() -> None:
    desk = desk_with(2)
    first, second = desk.closes()
    desk.fill(first, "0.95")
    age_first_close(desk, "0.99")
    assert desk.commands() == (CancelOrder(second.client_id, RENEW),)


def test_a_close_that_cannot_be_cancelled_holds_up_no_other() -> None:
    desk = desk_with(2)
    first, second = desk.closes()
    age_first_close(desk, "1")
    desk.settle()
    desk.tell(first, OrderFact.CANCEL_FAILED)
    assert desk.commands() == (CancelOrder(second.client_id, RENEW),)


def test_no_entry_begins_while_a_close_is_between_two_orders() -> None:
    """The grid step is measured to the nearest close, which is not seen then."""
    desk = Desk(config(max_orders=9, wait_time="1000", grid_step="0.5"), rules(), order_life_s=LIFE_S)
    close = desk.enter()
    age_first_close(desk, "0.9")
    desk.settle()
    assert desk.holds() == ["grid_step"]
    desk.pass_time(1)
    desk.tell(close, OrderFact.CANCELLED, filled="0")
    assert desk.holds() == ["unreconciled"]
    desk.pass_time(1)
    desk.look()
    assert desk.holds() == ["grid_step"]


def test_where_orders_rest_for_ever_nothing_is_renewed() -> None:
    desk = Desk()
    desk.enter()
    desk.pass_time(10**9)
    desk.look()
    assert not [command for command in desk.commands() if isinstance(command, CancelOrder)]
