"""What may be searched: `take_profit=0.01:0.5,wait_time=30:900,max_orders=10:80,grid_step=-100|0.05:1`.

Each setting stands once, with alternatives between `|`: a value, or a range `low:high` with both ends in it. Numbers
in a range are tried with three significant digits, so that what is found can be typed. Take-profit, wait time and
grid step are searched on a logarithmic scale where their range lies above 0 (0.01 to 0.1 is as wide as 0.1 to 1); max
orders are whole numbers on a linear one.

Only the strategy's settings can stand here. Fees, latency and the account are the simulator's: a search that could
choose them would find a better simulator. The quantity scales result and risk together and stop prices belong to one
time's prices, so a search has nothing to say about them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import product

from backtesting.settings import BacktestSettings
from domain.market import Side

_DIGITS = 3
_MOST_GRID_POINTS = 1_000


class SpaceError(ValueError):
    """What is wrong with a space, in one line that goes on from "--space: "."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a setting may be. `low` and `high` are included; `is_log`: the scale of a range."""

    low: Decimal
    high: Decimal
    is_whole: bool = False
    is_log: bool = False

    @property
    def is_range(self) -> bool:
        return self.low < self.high

    def at(self, share: float) -> Decimal:
        """The value so far along the range, 0 to 1, as it is tried."""
        low, high = float(self.low), float(self.high)
        value = low * (high / low) ** share if self.is_log else low + (high - low) * share
        return self.nearest(value)

    def nearest(self, value: float) -> Decimal:
        """`value` with as many digits as are tried, inside the range."""
        rounded = Decimal(round(value)) if self.is_whole else Decimal(f"{value:.{_DIGITS}g}")
        return Decimal(f"{min(self.high, max(self.low, rounded)):f}")

    def __str__(self) -> str:
        if not self.is_range:
            return f"{self.low:f}"
        return f"{self.low:f} to {self.high:f}{' (log)' if self.is_log else ''}"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting by its name in `BacktestSettings`, with its alternatives: `Values`, or a side."""

    name: str
    alternatives: tuple[Values | Side, ...]

    def __str__(self) -> str:
        told = (part.value if isinstance(part, Side) else str(part) for part in self.alternatives)
        return f"{self.name} {' or '.join(told)}"


Setting = Decimal | int | Side
Point = Mapping[str, Setting]
"""A value for each dimension, by name."""


@dataclass(frozen=True, slots=True)
class Space:
    """All that is searched, in the order of its text."""

    dimensions: tuple[Dimension, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    def __str__(self) -> str:
        return ", ".join(map(str, self.dimensions))

    def grid(self, most: int) -> list[dict[str, Setting]]:
        """Every combination of evenly spaced values: as many of each range as give at most `most` combinations in all,
        and at least its two ends. The number may be above `most` where even the ends are more.
        """
        points = 2
        while points < min(most, _MOST_GRID_POINTS) and _size(self.dimensions, points + 1) <= most:
            points += 1
        axes = [list(dict.fromkeys(_spread(dimension, points))) for dimension in self.dimensions]
        return [dict(zip(self.names, combination, strict=True)) for combination in product(*axes)]


def applied(settings: BacktestSettings, point: Point) -> BacktestSettings:
    """`settings` with those of `point` in place of their own."""
    return replace(settings, **point)  # type: ignore[arg-type]  # The names and types are those of _ALLOWED.


def parse_space(text: str) -> Space:
    """Raises `SpaceError`."""
    dimensions: dict[str, Dimension] = {}
    for item in text.split(","):
        name, equals, alternatives = (part.strip() for part in item.partition("="))
        name = name.replace("-", "_")
        if name not in _ALLOWED:
            raise SpaceError(f"{_quoted(name)} cannot be searched; the settings that can: {', '.join(_ALLOWED)}")
        if not equals:
            raise SpaceError(f"{name} has no values; write it like {name}={_ALLOWED[name].example}")
        if name in dimensions:
            raise SpaceError(f"{name} stands there twice; join its alternatives with |")
        dimensions[name] = Dimension(name, tuple(_alternative(name, part.strip()) for part in alternatives.split("|")))
    if all(len(one.alternatives) == 1 and not _is_range(one.alternatives[0]) for one in dimensions.values()):
        raise SpaceError("nothing is left to choose; give a range like low:high, or alternatives like a|b")
    return Space(tuple(dimensions.values()))


@dataclass(frozen=True, slots=True)
class _Allowed:
    """`check`: what is wrong with a value, in words that go on from it; empty where nothing is."""

    example: str
    check: Callable[[Decimal], str]
    is_whole: bool = False


def _within(low: str, high: str) -> Callable[[Decimal], str]:
    """The limits that the command line's own flag has."""
    ends = Decimal(low), Decimal(high)
    return lambda value: "" if ends[0] <= value <= ends[1] else f"is outside {low} to {high}"


_ALLOWED: dict[str, _Allowed] = {
    "take_profit": _Allowed("0.01:0.5", _within("0.0001", "99")),
    "wait_time": _Allowed("30:900", _within("0", "31536000")),
    "max_orders": _Allowed("10:80", _within("1", "10000"), is_whole=True),
    "grid_step": _Allowed("-100|0.05:1", _within("-100", "10000")),
    "direction": _Allowed("buy|sell", lambda _: ""),
}


def _alternative(name: str, text: str) -> Values | Side:
    if name == "direction":
        if text not in (Side.BUY.value, Side.SELL.value):
            raise SpaceError(f"direction={_quoted(text)} is unknown; give buy|sell")
        return Side(text)
    low_text, colon, high_text = text.partition(":")
    low = _number(name, low_text)
    high = _number(name, high_text) if colon else low
    if low > high:
        raise SpaceError(f"{name}={text} has its low above its high; write {name}={high_text}:{low_text}")
    if colon and low == high:
        raise SpaceError(f"{name}={text} is a single value; write {name}={low_text}")
    is_whole = _ALLOWED[name].is_whole
    return Values(low, high, is_whole, is_log=not is_whole and 0 < low < high)


def _number(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise SpaceError(f"{name}: {_quoted(text)} is not a number; write it like {_example(name)}") from None
    if not value.is_finite() or len(text) > 32:
        raise SpaceError(f"{name}: {_quoted(text)} is not a number; write it like {_example(name)}")
    if wrong := _ALLOWED[name].check(value):
        raise SpaceError(f"{name}: {_quoted(text)} {wrong}")
    if _ALLOWED[name].is_whole and value != int(value):
        raise SpaceError(f"{name}: {_quoted(text)} is not a whole number")
    return Decimal(f"{value:f}")


def _example(name: str) -> str:
    return f"{name}={_ALLOWED[name].example}"


def _quoted(text: str) -> str:
    cut = text if len(text) <= 40 else text[:37] + "..."
    return cut if cut and cut.isascii() and cut.isprintable() and " " not in cut else ascii(cut)


def _is_range(part: Values | Side) -> bool:
    return isinstance(part, Values) and part.is_range


def setting(part: Values, value: Decimal) -> Setting:
    """A value as `BacktestSettings` has it."""
    return int(value) if part.is_whole else value


def _spread(dimension: Dimension, points: int) -> Iterator[Setting]:
    for part in dimension.alternatives:
        if isinstance(part, Side):
            yield part
            continue
        shares = [index / (points - 1) for index in range(points)] if part.is_range else [0.0]
        for share in shares:
            yield setting(part, part.at(share) if part.is_range else part.low)


def _size(dimensions: tuple[Dimension, ...], points: int) -> int:
    size = 1
    for dimension in dimensions:
        size *= len(dict.fromkeys(_spread(dimension, points)))
    return size
