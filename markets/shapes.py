"""The shapes of a generated market as tables of integers: how far, how much, how wide, how busy.

A table holds 4096 quantiles, so that a random 12-bit index draws from it. It is interpolated from a few knots
`(probability, multiple of the unit)`, linearly in the logarithm between knots. All tables are rounded to integers, far
coarser than the last bit of `exp` and `log`, so that they are the same on every platform.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

Knots = tuple[tuple[float, float], ...]

TABLE_BITS = 12
_TABLE_SIZE = 1 << TABLE_BITS

_TOUCH_KNOTS: Knots = (
    (0, 0.004), (0.05, 0.05), (0.25, 0.42), (0.5, 1), (0.75, 1.55), (0.9, 2.3), (0.95, 3.1), (0.99, 5.7), (1, 20),
)  # fmt: skip
_TRADE_KNOTS: Knots = (
    (0, 0.02), (0.05, 0.03), (0.25, 0.22), (0.5, 1), (0.75, 4.8), (0.9, 18), (0.95, 50), (0.99, 200), (0.999, 900),
    (1, 2400),
)  # fmt: skip
_MOVE_KNOTS: Knots = (
    (0, 0.02), (0.05, 0.07), (0.25, 0.45), (0.5, 1), (0.75, 1.6), (0.9, 2.5), (0.95, 3.6), (0.99, 8), (0.999, 14),
    (1, 20),
)  # fmt: skip
_SPREAD_KNOTS: Knots = ((0, 0.5), (0.3, 2), (0.6, 5), (0.85, 14), (1, 60))
"""In 1/600,000 of the price: half of the wide spreads add less than a twentieth of a basis point, a few a whole one."""

MOVE_BITS = 12
SIGMA_BITS = 34
QUOTE_BELOW = 42_000
"""Of 65,536: below it, something of the book changes in a slot."""
WIDE_BELOW = 400
"""Of 65,536: below it, a quote shows a spread of more than a tick."""
KICK = 1_500
"""What a trade or a move adds to the heat; the heat decays by a sixteenth in a slot."""

SWITCH_MINUTES = (2, 6, 20, 60, 180, 600, 1_800, 6_000)
"""Mean lifetimes of the hidden switches of activity."""
FAST_SWITCHES = 0b11
SWITCH_BELOW = tuple(65_536 // minutes for minutes in SWITCH_MINUTES)
_SWITCH_EFFECT = 0.25
"""What one switch does to the logarithm of volatility, up or down."""
MIDDLE_LEVEL = len(SWITCH_MINUTES) // 2

JUMP_BELOW = 270
"""Of 65,536 per minute: six jumps a day."""
JUMP_MOVES = 12
"""A jump is a move of middling times, this many times as far."""

_SLOTS_PER_YEAR = 4 * 86_400 * 365
_MOVE_RATE = 0.12
_TRADE_RATE = 0.20
_VARIANCE_OF_HEAT = 1.4
"""How much the excited moves add to the variance of the unexcited ones; measured."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One level of activity. `move_below` and `trade_below`, of 65,536: a move happens below the first, a trade from
    there to below the second. `sigma`: the root mean square of a move as a fraction of the price, in 2**-34."""

    move_below: int
    trade_below: int
    sigma: int


@cache
def _table(knots: Knots, unit: float) -> tuple[int, ...]:
    """Quantiles at the middle of each 4096th, in multiples of `unit`, at least 1."""
    values = []
    segment = 0
    for index in range(_TABLE_SIZE):
        probability = (index + 0.5) / _TABLE_SIZE
        while probability > knots[segment + 1][0]:
            segment += 1
        (low, low_value), (high, high_value) = knots[segment], knots[segment + 1]
        weight = (probability - low) / (high - low)
        values.append(max(1, round(unit * low_value * math.exp(weight * math.log(high_value / low_value)))))
    return tuple(values)


def _moves() -> tuple[int, ...]:
    """Distances of moves whose root mean square is 1, in 2**-12."""
    raw = _table(_MOVE_KNOTS, 1_000_000)
    root_mean_square = math.sqrt(sum(value * value for value in raw) / len(raw))
    return tuple(round(value * (1 << MOVE_BITS) / root_mean_square) for value in raw)


MOVES = _moves()


def wide_spreads(price: Decimal) -> tuple[int, ...]:
    """Extra ticks of a wide spread, one entry for each word below `WIDE_BELOW`; `price` in ticks."""
    table = _table(_SPREAD_KNOTS, float(price) / 600_000)
    return tuple(table[index * _TABLE_SIZE // WIDE_BELOW] for index in range(WIDE_BELOW))


def touch_sizes(median: Decimal) -> tuple[int, ...]:
    """Displayed sizes at the touch, in size units; `median` in size units."""
    return _table(_TOUCH_KNOTS, float(median))


def trade_sizes(median: Decimal) -> tuple[int, ...]:
    """Sizes of trades before they are capped by what is displayed, in size units; `median` in size units."""
    return _table(_TRADE_KNOTS, float(median))


def activity_levels(volatility: float) -> tuple[Activity, ...]:
    """The level for each number of switches that are up; a year's return then deviates by `volatility` (a fraction)."""
    switches = len(SWITCH_MINUTES)
    pace = [math.exp(_SWITCH_EFFECT * (2 * up - switches)) for up in range(switches + 1)]
    weight = [math.comb(switches, up) / 2**switches for up in range(switches + 1)]
    # A level that is m times as volatile moves m**0.5 times as often and m**0.75 times as far.
    variance = sum(w * m**2 for w, m in zip(weight, pace, strict=True)) * _MOVE_RATE * _VARIANCE_OF_HEAT
    sigma = volatility / math.sqrt(variance * _SLOTS_PER_YEAR)
    return tuple(
        Activity(
            move_below=round(65_536 * _MOVE_RATE * m**0.5),
            trade_below=round(65_536 * (_MOVE_RATE + _TRADE_RATE) * m**0.5),
            sigma=round(sigma * m**0.75 * (1 << SIGMA_BITS)),
        )
        for m in pace
    )
