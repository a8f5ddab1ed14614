from __future__ import annotations

from decimal import Decimal
from functools import reduce
from math import gcd

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.units import NotWhole, UnitFinder, to_units, to_units_below

UNITS = st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 50), st.integers(0, 8))


@given(unit=UNITS, counts=st.lists(st.integers(1, 10**7), min_size=1, max_size=50))
def test_decimals_written_as_floats_come_back_exactly(unit: Decimal, counts: list[int]) -> None:
    values = [float(count * unit) for count in counts]
    finder = UnitFinder()
    finder.see(pa.array(values, pa.float64()))
    found = finder.divisor
    assert found == unit * reduce(gcd, counts)
    assert [count * found for count in to_units(pa.array(values), found)] == [count * unit for count in counts]


@given(
    unit=UNITS,
    counts=st.lists(st.integers(1, 10**7), min_size=1, max_size=20),
    split=st.integers(0, 20),
)
def test_the_unit_does_not_depend_on_how_the_values_are_batched(unit: Decimal, counts: list[int], split: int) -> None:
    values = [float(count * unit) for count in counts]
    whole, parts = UnitFinder(), UnitFinder()
    whole.see(pa.array(values, pa.float64()))
    for part in (values[:split], values[split:]):
        if part:
            parts.see(pa.array(part, pa.float64()))
    assert (whole.divisor, whole.tick, whole.step) == (parts.divisor, parts.tick, parts.step)


def test_a_value_off_the_unit_is_named_with_its_place() -> None:
    with pytest.raises(NotWhole) as error:
        to_units(pa.array([0.5, 1.0, 1.2]), Decimal("0.5"))
    assert (error.value.index, error.value.value) == (2, 1.2)


def test_a_float_next_to_a_decimal_is_not_that_decimal() -> None:
    with pytest.raises(NotWhole):
        to_units(pa.array([0.1 + 0.2]), Decimal("0.1"))


def test_sums_lose_what_is_below_the_unit() -> None:
    assert to_units_below(pa.array([0.0, 0.1 + 0.2, 0.29, 0.3, 0.31]), Decimal("0.1")) == [0, 3, 2, 3, 3]


def test_large_units_are_units_too() -> None:
    finder = UnitFinder()
    finder.see(pa.array([1500.0, 2000.0]))
    assert finder.divisor == 500
    assert to_units(pa.array([1500.0, 2000.0]), Decimal("5E+2")) == [3, 4]


@pytest.mark.parametrize(
    "values, tick, step",
    [
        ([0.3, 0.6], "0.1", "0.1"),
        ([0.75, 1.5], "0.25", "0.01"),
        ([0.5, 1.0], "0.5", "0.1"),
        ([4.0, 8.0], "2", "1"),
        ([0.001, 7.0], "0.001", "0.001"),
        ([70.0, 140.0], "10", "10"),
    ],
)
def test_units_are_of_the_kind_venues_have(values: list[float], tick: str, step: str) -> None:
    finder = UnitFinder()
    finder.see(pa.array(values))
    assert (finder.tick, finder.step) == (Decimal(tick), Decimal(step))


def test_zeros_tell_no_unit() -> None:
    finder = UnitFinder()
    finder.see(pa.array([0.0, 0.0]))
    assert (finder.divisor, finder.tick, finder.step) == (None, None, None)
