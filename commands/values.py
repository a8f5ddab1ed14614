"""The text of a flag's value, read once into an exact value.

Every function takes the text as typed and raises `ValueError`, whose message goes on from "--flag TEXT": it says what
is wrong and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from domain.market import NANOSECONDS

LARGEST = Decimal(10) ** 12
"""No price, quantity or percentage of a real market comes near it."""
MOST_DECIMALS = 18
LONGEST_LATENCY_MS = 5_000
"""Each way. With twice that every quote is stale when it arrives, and nothing would ever be traded."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 64
_NOT_FINITE = {"nan", "snan", "inf", "infinity"}

_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_DURATION_S = 3_650 * 86_400

_NANOSECONDS_PER_MS = NANOSECONDS // 1_000


def number(text: str) -> Decimal:
    """A finite decimal number of sane size, without an exponent in its representation."""
    if not text:
        raise ValueError("has no value; give a number")
    if text.lstrip("+-").lower() in _NOT_FINITE:
        raise ValueError("is not a finite number; write it like 0.1")
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueError("is not a number; write it like 0.1")
    value = Decimal(text)
    if abs(value) > LARGEST:
        raise ValueError(f"is absurdly large; the limit is {LARGEST}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
        raise ValueError(f"has more than {MOST_DECIMALS} decimals; give fewer")
    return Decimal(format(value, "f")) if value else Decimal(0)


def positive(text: str) -> Decimal:
    value = number(text)
    if value <= 0:
        raise ValueError("must be above 0")
    return value


def between(low: int, high: int) -> Callable[[str], Decimal]:
    """A reader of numbers from `low` to `high`, both included."""

    def read(text: str) -> Decimal:
        value = number(text)
        if not low <= value <= high:
            raise ValueError(f"is out of range; give a number from {low} to {high}")
        return value

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`, both included."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII):
            raise ValueError(f"is not a whole number; give one from {low} to {high}")
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"is out of range; give a whole number from {low} to {high}")
        return value

    return read


def take_profit(text: str) -> Decimal:
    """Percent of the fill price, above 0 and below 100 (a sold unit cannot be bought back for nothing)."""
    value = number(text)
    if value <= 0:
        raise ValueError("leaves no profit; give a percentage above 0, like 0.02")
    if value >= 100:
        raise ValueError("is absurdly large; give a percentage below 100, like 0.02")
    return value


def level(text: str) -> Decimal:
    """A price above 0, or -1 for off."""
    value = number(text)
    if value <= 0 and value != -1:
        raise ValueError("is not a price; give one above 0, or -1 for off")
    return value


def grid_step(text: str) -> Decimal:
    """Percent; -100 always passes, and nothing below it has a meaning."""
    value = number(text)
    if value < -100:
        raise ValueError("is out of range; give a percentage, or -100 for no grid step")
    return value


def fee_rate(text: str) -> Decimal:
    """A percentage of notional as a fraction of it (0.05 becomes 0.0005); negative is a rebate."""
    value = number(text)
    if abs(value) >= 100:
        raise ValueError("is not a fee; give percent of the traded value, like 0.05")
    return value.scaleb(-2)


def milliseconds(text: str) -> int:
    """Milliseconds, up to `LONGEST_LATENCY_MS`, as nanoseconds."""
    value = number(text)
    if not 0 <= value <= LONGEST_LATENCY_MS:
        raise ValueError(f"is out of range; give milliseconds from 0 to {LONGEST_LATENCY_MS}")
    return int(value * _NANOSECONDS_PER_MS)


def duration(text: str) -> int:
    """A number with a unit (`90s`, `10m`, `6h`, `2d`), as nanoseconds."""
    unit_s = _UNIT_S.get(text[-1:])
    try:
        if unit_s is None:
            raise ValueError
        value = number(text[:-1])
    except ValueError:
        raise ValueError("is not a duration; write it like 90s, 10m, 6h or 2d") from None
    ns = int(value * unit_s * NANOSECONDS)
    if ns <= 0:
        raise ValueError("is no time at all; give a duration above 0, like 10m")
    if value * unit_s > _LONGEST_DURATION_S:
        raise ValueError(f"is absurdly long; the limit is {_LONGEST_DURATION_S // 86_400}d")
    return ns


def speed(text: str) -> Decimal | None:
    """Virtual seconds per real second; None is `max`, as fast as it goes."""
    if text == "max":
        return None
    try:
        value = number(text)
    except ValueError:
        raise ValueError("is not a speed; give a number above 0, or max") from None
    if not 0 < value <= 1_000_000:
        raise ValueError("is out of range; give a number above 0 and up to 1000000, or max")
    return value
