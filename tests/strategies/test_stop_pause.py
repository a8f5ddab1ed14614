"""The stop and the pause price: upward for a buying bot, downward for a selling one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import CancelOrder, PlaceClose, PlaceOpen, RequestStop
from domain.market import NANOSECONDS, PriceBand, Side
from domain.orders import OrderFact
from strategies.take_profit_grid.config import OFF
from tests.support.grid import Desk, config


def grid(direction: Side = Side.BUY, *, stop_price: str = "-1", pause_price: str = "-1") -> Desk:
    return Desk(config(direction=direction, stop_price=stop_price, pause_price=pause_price))


def test_minus_one_is_off() -> None:
    assert Decimal(-1) == OFF
    desk = grid(stop_price="-1", pause_price="-1")
    desk.quote("999999", "1000000")
    assert [type(command) for command in desk.settle()] == [PlaceOpen]
    assert desk.decide().band is None


def test_a_stop_price_reached_from_below_ends_the_session() -> None:
    desk = grid(stop_price="100.2")
    desk.open_one()
    assert desk.commands() == ()
    desk.quote("100.1", "100.2")
    assert desk.commands() == (
        RequestStop("stop price 100.2 reached at 100.2"),
        CancelOrder(1, "stop_price"),
    )


def test_a_stop_price_is_not_a_stop_loss() -> None:
    desk = grid(stop_price="100.2")
    desk.quote("1", "1.1")
    assert [type(command) for command in desk.commands()] == [PlaceOpen]


def test_a_selling_bots_stop_price_is_reached_from_above() -> None:
    desk = grid(Side.SELL, stop_price="99.9")
    assert [type(command) for command in desk.commands()] == [PlaceOpen]
    desk.quote("99.9", "100")
    assert desk.commands() == (RequestStop("stop price 99.9 reached at 99.9"),)
    desk.quote("99.8", "100")
    assert desk.commands() == (RequestStop("stop price 99.9 reached at 99.8"),)


def test_the_ask_counts_for_a_buy_and_the_bid_for_a_sell() -> None:
    buying = grid(stop_price="100.5")
    buying.quote("100.4", "100.5")
    assert buying.holds() == ["stop_price"]
    selling = grid(Side.SELL, stop_price="100.5")
    selling.quote("100.4", "105")
    assert selling.holds() == ["stop_price"]
    selling.quote("100.6", "105")
    assert selling.holds() == []


def test_stopping_is_asked_for_once() -> None:
    desk = grid(stop_price="100.1")
    desk.settle()
    assert desk.stop_requests == ["stop price 100.1 reached at 100.1"]
    assert desk.commands() == ()


@pytest.mark.parametrize("level", ["stop_price", "pause_price"])
def test_a_level_cancels_the_resting_open_at_once(level: str) -> None:
    desk = Desk(config(**{level: "100.2"}))
    order = desk.open_one()
    desk.quote("100.1", "100.2")
    assert CancelOrder(order.client_id, level) in desk.settle()


@pytest.mark.parametrize("level", ["stop_price", "pause_price"])
def test_a_stale_quote_reaches_no_level(level: str) -> None:
    desk = Desk(config(**{level: "100.1"}))
    desk.quote_age_ns = 11 * NANOSECONDS
    assert desk.settle() == []
    assert desk.holds() == ["stale_quote"]


def test_a_pause_price_waits_and_resumes() -> None:
    desk = grid(pause_price="100.2")
    order = desk.open_one()
    desk.quote("100.1", "100.2")
    assert desk.settle() == [CancelOrder(order.client_id, "pause_price")]
    desk.tell(order, OrderFact.CANCELLED, filled="0")
    assert desk.settle() == []
    assert desk.holds() == ["pause_price"]
    desk.quote("100.0", "100.1")
    assert desk.settle() == [PlaceOpen(2, Side.BUY, Decimal("100.0"), Decimal(1))]


def test_a_paused_bot_goes_on_covering() -> None:
    desk = grid(pause_price="100.2")
    order = desk.open_one()
    desk.quote("100.1", "100.2")
    desk.fill(order)
    assert [type(command) for command in desk.settle()] == [PlaceClose]


@pytest.mark.parametrize(
    "direction, pause, bid, ask, band",
    [
        (Side.BUY, "105", "100", "100.1", PriceBand(Side.SELL, None, Decimal(105))),
        (Side.BUY, "100.1", "100", "100.1", PriceBand(Side.SELL, Decimal("100.0"), None)),
        (Side.BUY, "105.05", "110", "110.1", PriceBand(Side.SELL, Decimal("105.0"), None)),
        (Side.SELL, "95", "100", "100.1", PriceBand(Side.BUY, Decimal(95), None)),
        (Side.SELL, "100", "100", "100.1", PriceBand(Side.BUY, None, Decimal("100.1"))),
    ],
)
def test_the_bot_is_woken_when_the_touch_crosses_a_level(
    direction: Side, pause: str, bid: str, ask: str, band: PriceBand
) -> None:
    desk = grid(direction, pause_price=pause)
    desk.quote(bid, ask)
    desk.settle()
    assert desk.decide().band == band


def test_the_nearer_of_two_levels_is_watched() -> None:
    desk = grid(stop_price="107", pause_price="105")
    desk.settle()
    assert desk.decide().band == PriceBand(Side.SELL, None, Decimal(105))
    desk.quote("105.9", "106")
    assert desk.decide().band == PriceBand(Side.SELL, Decimal("104.9"), Decimal(107))
