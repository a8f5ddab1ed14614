"""What may be searched: the grammar of `--space`, and one line for each mistake in it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backtesting.optimize.space import Dimension, Space, SpaceError, Values, applied, parse_space
from backtesting.settings import BacktestSettings
from domain.market import Side

D = Decimal
FULL = "take_profit=0.01:0.5,wait_time=30:900,max_orders=10:80,grid_step=-100|0.05:1"


def test_a_space_holds_ranges_values_and_alternatives_of_both() -> None:
    assert parse_space(FULL) == Space(
        (
            Dimension("take_profit", (Values(D("0.01"), D("0.5"), is_log=True),)),
            Dimension("wait_time", (Values(D(30), D(900), is_log=True),)),
            Dimension("max_orders", (Values(D(10), D(80), is_whole=True),)),
            Dimension("grid_step", (Values(D(-100), D(-100)), Values(D("0.05"), D(1), is_log=True))),
        )
    )


def test_a_space_is_told_with_its_scales() -> None:
    assert str(parse_space(FULL + ",direction=buy|sell")) == (
        "take_profit 0.01 to 0.5 (log), wait_time 30 to 900 (log), max_orders 10 to 80, "
        "grid_step -100 or 0.05 to 1 (log), direction buy or sell"
    )


def test_a_range_that_is_not_above_zero_is_searched_evenly() -> None:
    [dimension] = parse_space("wait_time=0:900").dimensions
    assert dimension.alternatives == (Values(D(0), D(900)),)


def test_names_may_be_written_as_the_flags_are() -> None:
    assert parse_space(" take-profit = 0.01 : 0.5 ") == parse_space("take_profit=0.01:0.5")


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("take_profit=0.5:0.01", "take_profit=0.5:0.01 has its low above its high; write take_profit=0.01:0.5"),
        (
            "maker_fee=0:1",
            "maker_fee cannot be searched; the settings that can: take_profit, wait_time, max_orders, grid_step, dir",
        ),
        ("latency_ms=0:1", "latency_ms cannot be searched; the settings that can: take_profit, "),
        ("quantity=1:2", "quantity cannot be searched; the settings that can: take_profit, "),
        ("", "'' cannot be searched; the settings that can: take_profit, "),
        ("take_profit", "take_profit has no values; write it like take_profit=0.01:0.5"),
        ("take_profit=", "take_profit: '' is not a number; write it like take_profit=0.01:0.5"),
        ("take_profit=a:b", "take_profit: a is not a number; write it like take_profit=0.01:0.5"),
        ("take_profit=0:1", "take_profit: 0 is outside 0.0001 to 99"),
        ("take_profit=nan:1", "take_profit: nan is not a number; write it like take_profit=0.01:0.5"),
        ("take_profit=0.1", "nothing is left to choose; give a range like low:high, or alternatives like a|b"),
        ("take_profit=0.1:0.1", "take_profit=0.1:0.1 is a single value; write take_profit=0.1"),
        ("take_profit=0.1:1,take-profit=2:3", "take_profit stands there twice; join its alternatives with |"),
        ("max_orders=1.5:4", "max_orders: 1.5 is not a whole number"),
        ("grid_step=-101:0", "grid_step: -101 is outside -100 to 10000"),
        ("direction=up|sell", "direction=up is unknown; give buy|sell"),
    ],
)
def test_what_is_wrong_with_a_space_is_said_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(SpaceError) as error:
        parse_space(text)
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


def test_values_are_tried_with_three_digits_and_inside_their_range() -> None:
    values = Values(D("0.0123"), D("0.5"), is_log=True)
    tried = [values.nearest(value) for value in (0.0, 0.0123, 0.123456, 0.49999, 3.0)]
    assert tried == [D("0.0123"), D("0.0123"), D("0.123"), D("0.5"), D("0.5")]
    assert Values(D(10), D(80), is_whole=True).nearest(33.6) == D(34)
    assert [values.at(share) for share in (0, 0.5, 1)] == [D("0.0123"), D("0.0784"), D("0.5")]


def test_a_grid_has_as_many_evenly_spaced_values_as_fit() -> None:
    space = parse_space("take_profit=0.01:1,direction=buy|sell")
    assert space.grid(6) == space.grid(7) == [
        {"take_profit": D(text), "direction": side} for text in ("0.01", "0.1", "1") for side in (Side.BUY, Side.SELL)
    ]
    assert [point["take_profit"] for point in space.grid(1)] == [D("0.01"), D("0.01"), D(1), D(1)]


def test_a_grid_tries_no_value_twice() -> None:
    assert [point["max_orders"] for point in parse_space("max_orders=1|1:3").grid(100)] == [1, 2, 3]


def test_settings_that_are_not_searched_stay_as_they_were() -> None:
    settings = BacktestSettings(ticker="BTC", quantity=D(2), latency_ns=7)
    found = applied(settings, {"take_profit": D("0.3"), "max_orders": 4, "direction": Side.SELL})
    assert found == BacktestSettings(
        ticker="BTC", quantity=D(2), latency_ns=7, take_profit=D("0.3"), max_orders=4, direction=Side.SELL
    )
