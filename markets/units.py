"""Recorded floats as exact whole units.

A float that was read from a short decimal is the float nearest to that decimal. So the value is `count x unit` exactly
if, and only if, the float nearest to `count x unit` is the recorded float; with `unit = digits x 10**-places` that
nearest float is `count x digits / 10**places`, one correctly rounded division of two exactly held numbers. That is what
is checked here, for every value.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

Array = Any

_MOST_PLACES = 12
_EXACT = 2**53
"""Up to here a float holds every whole number."""


class NotWhole(ValueError):
    """A value is no multiple of any plausible unit, or not of the given one; `index` is its position in the array."""

    def __init__(self, index: int, value: float) -> None:
        super().__init__(f"{value!r} is not a whole number of units")
        self.index = index
        self.value = value


class UnitFinder:
    """Finds a unit that all values seen are multiples of, as large as venues have them.

    `divisor` is the largest there is, the greatest common divisor of the exact decimals. A short recording may share a
    divisor by accident, so a step is taken to be a power of ten, and a tick 1, 2, 2.5 or 5 times one.
    """

    def __init__(self) -> None:
        self._places = 0
        self._divisor = 0

    def see(self, values: Array) -> None:
        """Raises `NotWhole` for a value of more than 12 decimals, or too large for them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        unique = pc.unique(values)
        places = self._places
        while True:
            counts = _counts(unique, 1, places)
            bad = pc.invert(pc.equal(pc.divide(counts, 10.0**places), unique))
            index = pc.index(bad, True).as_py()
            if index < 0 and pc.max(pc.abs(counts)).as_py() < _EXACT:
                break
            places += 1
            if places > _MOST_PLACES:
                value = unique[max(index, 0)].as_py()
                raise NotWhole(pc.index(values, value).as_py(), value)
        self._divisor *= 10 ** (places - self._places)
        self._places = places
        if self._divisor != 1:
            self._divisor = math.gcd(self._divisor, *counts.cast(pa.int64()).to_pylist())

    @property
    def divisor(self) -> Decimal | None:
        """None when nothing but zeros has been seen."""
        return Decimal(self._divisor).scaleb(-self._places).normalize() if self._divisor else None

    @property
    def step(self) -> Decimal | None:
        """The largest power of ten that divides everything seen."""
        divisor = self.divisor
        return None if divisor is None else Decimal(1).scaleb(_exponent(divisor))

    @property
    def tick(self) -> Decimal | None:
        """The largest of 1, 2, 2.5 and 5 times a power of ten that divides everything seen."""
        divisor = self.divisor
        if divisor is None:
            return None
        digits = int(divisor.scaleb(-_exponent(divisor)))
        lead = next(lead for lead in (25, 5, 2, 1) if digits % lead == 0)
        return Decimal(lead).scaleb(_exponent(divisor))


def to_units(values: Array, unit: Decimal) -> list[int]:
    """Every value as a whole number of `unit`. Raises `NotWhole` for the first that is not one."""
    import pyarrow.compute as pc

    digits, places = _parts(unit)
    counts = _counts(values, digits, places)
    back = pc.divide(pc.multiply(counts, float(digits)), 10.0**places)
    index = pc.index(pc.invert(pc.equal(back, values)), True).as_py()
    if index >= 0:
        raise NotWhole(index, values[index].as_py())
    return integers(counts)


def to_units_below(values: Array, unit: Decimal) -> list[int]:
    """The whole units in every value, the rest dropped: for sums such as a candle's volume."""
    import pyarrow.compute as pc

    digits, places = _parts(unit)
    counts = _counts(values, digits, places)
    back = pc.divide(pc.multiply(counts, float(digits)), 10.0**places)
    return integers(pc.if_else(pc.greater(back, values), pc.subtract(counts, 1.0), counts))


def integers(counts: Array) -> list[int]:
    """An Arrow array of whole numbers as Python integers."""
    import pyarrow as pa

    whole: list[int] = counts.cast(pa.int64()).to_pylist()
    return whole


def _parts(unit: Decimal) -> tuple[int, int]:
    """`unit` as whole digits and decimal places."""
    exponent = min(0, _exponent(unit))
    return int(unit.scaleb(-exponent)), -exponent


def _exponent(value: Decimal) -> int:
    """The power of ten of the last digit that is not zero."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def _counts(values: Array, digits: int, places: int) -> Array:
    """The nearest whole number of units, as floats."""
    import pyarrow.compute as pc

    return pc.round(pc.divide(pc.multiply(values, 10.0**places), float(digits)))
