"""The grid step: how far from the nearest close a new entry must stay."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import AbandonEntry, CancelOrder, PlaceClose, PlaceOpen
from domain.events import OrderIntended, Part
from domain.market import PriceBand, Quote, Side
from domain.orders import OrderFact, Purpose
from tests.support.grid import Desk, config


def opened(desk: Desk) -> list[PlaceOpen]:
    return [command for command in desk.settle() if isinstance(command, PlaceOpen)]


def one_close(step: str, *, side: Side = Side.BUY) -> Desk:
    """One entry under a close at 101.0 (99.0 of a selling bot), and no cool-down in the way."""
    desk = Desk(config(grid_step=step, direction=side, wait_time="0"))
    desk.enter()
    assert [order.price for order in desk.closes()] == [Decimal("101.0") if side is Side.BUY else Decimal("99.0")]
    return desk


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("bid", ["1", "98", "100", "150"])
def test_the_default_always_passes(side: Side, bid: str) -> None:
    desk = one_close("-100", side=side)
    desk.quote(bid, str(Decimal(bid) + 1))
    assert "grid_step" not in desk.holds()


@pytest.mark.parametrize("ask, passes", [("99.0", True), ("99.009900990", True), ("99.1", False), ("120", False)])
def test_a_buy_passes_when_the_lowest_close_is_more_than_the_step_above_its_own(ask: str, passes: bool) -> None:
    """101 / (ask x 1.01) > 1.01 exactly when ask < 99.00990099..."""
    desk = one_close("1")
    desk.bid, desk.ask = Decimal("90"), Decimal(ask)
    assert ("grid_step" not in desk.holds()) is passes


@pytest.mark.parametrize("bid, passes", [("101.1", True), ("101.0", False), ("101.01", True), ("60", False)])
def test_a_sell_passes_when_its_own_close_is_more_than_the_step_above_the_highest(bid: str, passes: bool) -> None:
    """(bid x 0.99) / 99 > 1.01 exactly when bid > 101."""
    desk = one_close("1", side=Side.SELL)
    desk.bid, desk.ask = Decimal(bid), Decimal(130)
    assert ("grid_step" not in desk.holds()) is passes


def test_exactly_the_step_does_not_pass() -> None:
    """101 / (100 x 1.01) is 1, and must be more than 1."""
    desk = one_close("0")
    desk.quote("99.9", "100")
    assert desk.holds() == ["grid_step"]
    desk.quote("99.8", "99.9")
    assert len(opened(desk)) == 1


def test_without_a_close_there_is_no_step() -> None:
    desk = Desk(config(grid_step="50"))
    assert len(opened(desk)) == 1


def test_the_lowest_close_counts() -> None:
    desk = Desk(config(grid_step="0.5", wait_time="0"))
    desk.enter()
    desk.quote("97.9", "98")
    desk.enter()  # closes at 97.9 x 1.01 = 98.879, rounded up to 98.9
    assert sorted(str(order.price) for order in desk.closes()) == ["101.0", "98.9"]
    desk.quote("97.4", "97.5")
    assert desk.holds() == ["grid_step"]
    desk.quote("97.3", "97.4")  # 98.9 / (97.4 x 1.01) = 1.00535
    assert len(opened(desk)) == 1


def test_once_the_lowest_has_filled_the_next_counts() -> None:
    desk = Desk(config(grid_step="0.5", wait_time="0"))
    desk.enter()
    desk.quote("97.9", "98")
    lowest = desk.enter()
    desk.quote("98.9", "99")
    desk.fill(lowest)
    assert len(opened(desk)) == 1  # 101 / (99 x 1.01) = 1.0101


def test_a_cancelled_close_no_longer_counts() -> None:
    desk = one_close("1")
    desk.tell(desk.closes()[0], OrderFact.CANCELLED, filled="0")
    assert "grid_step" not in desk.holds()


def test_the_close_of_the_same_decision_counts() -> None:
    """The next entry may begin at once, but not beside the close that is being placed now."""
    desk = Desk(config(grid_step="1", wait_time="0"))
    desk.fill(desk.open_one())
    decision = desk.decide()
    assert [hold.word for hold in decision.holds] == ["grid_step"]
    assert decision.commands == (
        PlaceClose(Side.SELL, Decimal("101.0"), Decimal(1), (Part(1, Decimal(1)),)),
    )


def test_the_bot_is_woken_at_the_first_ask_that_passes() -> None:
    desk = one_close("1")
    assert desk.decide().band == PriceBand(Side.SELL, Decimal("99.0"), None)
    desk = one_close("0")
    assert desk.decide().band == PriceBand(Side.SELL, Decimal("99.9"), None)


def test_a_selling_bot_is_woken_at_the_first_bid_that_passes() -> None:
    desk = one_close("1", side=Side.SELL)
    assert desk.decide().band == PriceBand(Side.BUY, None, Decimal("101.1"))


def test_the_step_is_checked_again_when_an_open_is_repriced() -> None:
    desk = one_close("1")
    desk.quote("98.8", "98.9")
    order = desk.open_one()
    desk.pass_time(11)
    desk.quote("99.0", "99.2")
    assert desk.settle() == [CancelOrder(order.client_id, "reprice")]
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == [AbandonEntry(2)]
    assert desk.holds() == ["grid_step"]


def test_an_entrys_own_close_does_not_count_against_its_repricing() -> None:
    desk = Desk(config(grid_step="1", wait_time="0"))
    order = desk.open_one()
    desk.fill(order, "0.5")
    desk.settle()
    desk.accept(desk.newest())
    desk.pass_time(11)
    desk.quote("100.1", "100.2")
    assert desk.settle() == [CancelOrder(order.client_id, "reprice")]


def test_closes_of_equal_price_are_each_counted() -> None:
    desk = Desk(config(wait_time="0"))
    for _ in range(3):
        desk.enter()
    first, second, third = desk.closes()
    desk.fill(second)
    desk.tell(first, OrderFact.CANCELLED)
    assert desk.state.outermost_close() == third.price == Decimal("101.0")
    desk.fill(third)
    assert desk.state.outermost_close() is None


def test_asking_for_the_nearest_close_changes_nothing() -> None:
    desk = one_close("1")
    assert [desk.state.outermost_close() for _ in range(2)] == [Decimal("101.0")] * 2


def test_a_close_that_turned_up_counts_again() -> None:
    desk = Desk(config(grid_step="1", wait_time="0"))
    desk.fill(desk.open_one())
    desk.settle()
    order = desk.newest()
    desk.tell(order, OrderFact.NEVER_PLACED)
    assert desk.state.outermost_close() is None
    desk.accept(order)
    assert desk.state.outermost_close() == Decimal("101.0")


def test_closes_far_out_that_come_and_go_leave_nothing_behind() -> None:
    """A close that the venue expires again and again does not make the book of prices grow."""
    desk = one_close("1")
    for number in range(1_000):
        client_id = 100 + number
        intent = OrderIntended(
            desk.now_ns, client_id, Purpose.CLOSE, Side.SELL, Decimal(500), Decimal(1), None, (Part(1, Decimal(1)),)
        )
        desk.note(intent)
        desk.tell(desk.state.orders[client_id], OrderFact.EXPIRED)
    assert desk.state.outermost_close() == Decimal("101.0")
    assert len(desk.state._close_prices._heap) < 100


@pytest.mark.parametrize("step", ["0.1", "0.37", "1", "3"])
@pytest.mark.parametrize("side", list(Side))
def test_the_wake_up_price_is_the_first_that_passes(step: str, side: Side) -> None:
    desk = one_close(step, side=side)
    band = desk.decide().band
    assert band is not None
    edge, inward = (band.low, Decimal("0.1")) if side is Side.BUY else (band.high, Decimal("-0.1"))
    assert edge is not None
    nearest = desk.state.outermost_close()
    assert nearest is not None
    for touch, passes in ((edge, True), (edge + inward, False)):
        quote = Quote(touch, Decimal(1), touch, Decimal(1), 0)
        assert desk.grid.prices.steps_enough(nearest, quote) is passes
