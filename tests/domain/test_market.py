"""Rounding names its direction, and means it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import MarketRules, PriceBand, Quote, Side

D = Decimal

RULES = MarketRules("BTC", "BTC-PERP", tick_size=D("0.1"), quantity_step=D("0.001"), min_quantity=D("0.002"))

units = st.sampled_from([D("0.1"), D("0.01"), D("0.5"), D("0.25"), D("5"), D("1"), D("0.00001"), D("0.03"), D("10")])
# Up to 20 digits in all: real prices, sums and ratios stay inside the 28 digits of the default decimal context.
amounts = st.decimals(min_value=D(0), max_value=D(10) ** 10, places=10, allow_nan=False, allow_infinity=False)


def rules(tick: Decimal = Decimal("0.1"), step: Decimal = Decimal("0.001")) -> MarketRules:
    return replace(RULES, tick_size=tick, quantity_step=step)


@given(units, amounts)
def test_price_at_or_below_is_the_nearest_tick_on_the_lower_side(tick: Decimal, target: Decimal) -> None:
    price = rules(tick=tick).price_at_or_below(target)
    assert price % tick == 0
    assert price <= target < price + tick


@given(units, amounts)
def test_price_at_or_above_is_the_nearest_tick_on_the_upper_side(tick: Decimal, target: Decimal) -> None:
    price = rules(tick=tick).price_at_or_above(target)
    assert price % tick == 0
    assert price - tick < target <= price


@given(units, amounts)
def test_quantity_at_or_below_is_the_nearest_step_on_the_lower_side(step: Decimal, target: Decimal) -> None:
    quantity = rules(step=step).quantity_at_or_below(target)
    assert quantity % step == 0
    assert quantity <= target < quantity + step


@given(units, st.integers(0, 10**12))
def test_a_valid_price_is_rounded_to_itself(tick: Decimal, ticks: int) -> None:
    market, price = rules(tick=tick), ticks * tick
    assert (market.price_at_or_below(price), market.price_at_or_above(price)) == (price, price)


@given(units, st.integers(1, 10**8), st.integers(2, 10**6))
def test_orders_on_tick_and_step_are_never_refused_and_others_always_are(tick: Decimal, ticks: int, steps: int) -> None:
    market = rules(tick=tick)
    price, quantity = ticks * tick, steps * market.quantity_step
    assert market.refusal(price, quantity) is None
    assert market.refusal(price + tick / 2, quantity) is not None
    assert market.refusal(price, quantity + market.quantity_step / 2) is not None


@pytest.mark.parametrize(
    "price, quantity, said",
    [
        ("100", "0", "quantity 0 is not positive"),
        ("100", "-0.002", "quantity -0.002 is not positive"),
        ("100", "NaN", "quantity NaN is not positive"),
        ("100", "Infinity", "quantity Infinity is not positive"),
        ("100", "0.0025", "quantity 0.0025 is not a multiple of the step 0.001"),
        ("100", "0.001", "quantity 0.001 is below the minimum 0.002"),
        ("0", "0.002", "price 0 is not positive"),
        ("NaN", "0.002", "price NaN is not positive"),
        ("100.05", "0.002", "price 100.05 is not a multiple of the tick 0.1"),
        ("100", "0.049", "notional 4.900 is below the minimum 5"),
        ("100", "0.05", None),
        (None, "0.002", None),
    ],
)
def test_an_order_is_refused_with_the_rule_it_breaks(price: str | None, quantity: str, said: str | None) -> None:
    market = replace(RULES, min_notional=D(5))
    assert market.refusal(None if price is None else D(price), D(quantity)) == said


@pytest.mark.parametrize("name", ["tick_size", "quantity_step", "min_quantity"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_rules_without_a_positive_unit_are_no_rules(name: str, value: str) -> None:
    units = {"tick_size": D(1), "quantity_step": D(1), "min_quantity": D(1), name: D(value)}
    with pytest.raises(ValueError, match=f"{name} of BTC must be a positive number"):
        MarketRules("BTC", "BTC-PERP", **units)


@pytest.mark.parametrize(
    "bid, ask, usable",
    [
        ("100", "100.1", True),
        ("100", "100", False),
        ("100.1", "100", False),
        ("0", "100", False),
        ("-1", "100", False),
        ("NaN", "100", False),
        ("100", "Infinity", False),
    ],
)
def test_only_a_positive_uncrossed_quote_is_usable(bid: str, ask: str, usable: bool) -> None:
    assert Quote(D(bid), D(1), D(ask), D(1), as_of_ns=0).is_usable is usable


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 100), st.sampled_from(Side))
def test_a_band_contains_what_lies_strictly_between_its_bounds(low: int, high: int, price: int, touch: Side) -> None:
    other = D(price) + 1 if touch is Side.BUY else D(price) - D("0.5")
    bid, ask = (D(price), other) if touch is Side.BUY else (other, D(price))
    quote = Quote(bid, D(1), ask, D(1), as_of_ns=0)
    assert PriceBand(touch, D(low), D(high)).contains(quote) is (low < price < high)
    assert PriceBand(touch, low=D(low)).contains(quote) is (low < price)
    assert PriceBand(touch, high=D(high)).contains(quote) is (price < high)
    assert PriceBand(touch).contains(quote)


def test_sides_oppose_and_sign() -> None:
    assert [(side.opposite, side.sign) for side in Side] == [(Side.SELL, 1), (Side.BUY, -1)]
