"""Whether a request has the form the venue demands: whole ticks and steps, and the minimums. Exact, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules
from markets.orders import NewOrder, Reason, Refusal
from markets.tape import TapeScale

_MOST_UNITS = 1 << 62
"""What the ledger's columns hold."""

_LARGEST_EXPONENT = 40
"""Decimals beyond 1e40 are no prices; turning 1E+999999 into an integer would take minutes."""


@dataclass(frozen=True, slots=True)
class Units:
    """A well-formed request in whole units. `price` None: at market."""

    price: int | None
    quantity: int


def in_units(value: Decimal, unit: Decimal) -> int | None:
    """`value / unit` where that is a whole number; None where it is not, or is absurd."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        return None
    numerator, denominator = value.as_integer_ratio()
    unit_numerator, unit_denominator = unit.as_integer_ratio()
    units, rest = divmod(numerator * unit_denominator, denominator * unit_numerator)
    return None if rest or abs(units) >= _MOST_UNITS else units


def well_formed(request: NewOrder, rules: MarketRules, scale: TapeScale, touch: int) -> Units | Refusal:
    """The request in units, or why its form is refused. `touch` prices the notional of a market order."""
    if not request.quantity.is_finite() or request.quantity <= 0:
        return Refusal(Reason.BAD_QUANTITY, f"quantity {request.quantity} is not a positive number")
    if in_units(request.quantity, rules.quantity_step) is None:
        return Refusal(
            Reason.OFF_STEP, f"quantity {request.quantity} is not a multiple of the step {rules.quantity_step}"
        )
    quantity = in_units(request.quantity, scale.size_unit)
    if quantity is None:
        return Refusal(Reason.BAD_QUANTITY, f"quantity {request.quantity} is out of range")
    if request.quantity < rules.min_quantity:
        return Refusal(Reason.BELOW_MINIMUM, f"quantity {request.quantity} is below the minimum {rules.min_quantity}")
    price = None
    if request.price is not None:
        if not request.price.is_finite() or request.price <= 0:
            return Refusal(Reason.BAD_PRICE, f"price {request.price} is not a positive number")
        if in_units(request.price, rules.tick_size) is None:
            return Refusal(Reason.OFF_TICK, f"price {request.price} is not a multiple of the tick {rules.tick_size}")
        price = in_units(request.price, scale.price_unit)
        if price is None:
            return Refusal(Reason.BAD_PRICE, f"price {request.price} is out of range")
    notional = (touch if price is None else price) * scale.price_unit * request.quantity
    if notional < rules.min_notional and not request.any_notional:
        return Refusal(Reason.BELOW_NOTIONAL, f"notional {notional} is below the minimum {rules.min_notional}")
    return Units(price, quantity)


def check_rules(rules: MarketRules, scale: TapeScale) -> None:
    """Raise `ValueError` where rules could not be counted in the tape's units."""
    for name, value, unit in (
        ("tick_size", rules.tick_size, scale.price_unit),
        ("quantity_step", rules.quantity_step, scale.size_unit),
    ):
        if in_units(value, unit) is None:
            raise ValueError(f"{name} {value} of {rules.ticker} is not a multiple of the market's unit {unit}")
