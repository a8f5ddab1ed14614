"""What "better" means. Every objective is a number of which more is better; money is quote currency, marked to market.

| name | value |
|---|---|
| `net` | the net result |
| `drawdown` | the net result over the largest drawdown of sampled equity |
| `volume` | volume per day where the wear is at most `max_wear` basis points, else `max_wear` less the wear: below 0 |

On candles the net result is not the raw one, and the wear not the raw wear: both are the *excess* over the same
settings on the same candles with random signs (`backtesting.optimize.null`). With `wear` and `null` in basis points
of volume, the excess wear is `wear - null`, and the net result that counts is `-(wear - null) x volume / 10,000`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from backtesting.optimize.trades import BPS, Sums


class Goal(Enum):
    """The objectives by name."""

    NET = "net"
    DRAWDOWN = "drawdown"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Objective:
    """`max_wear`: basis points of volume, for `volume` alone. `least_drawdown`: quote currency; a smaller one counts as
    this (one tick on one entry), so that the ratio of a run that never fell is finite.
    """

    goal: Goal
    max_wear: float
    least_drawdown: float

    def value(self, sums: Sums, null_bps: float | None, days: float) -> float:
        """`null_bps`: the wear with random signs; None on ticks, which have none. `days`: how long the data cover."""
        if not sums.volume:
            return 0.0
        net = excess_result(sums, null_bps)
        match self.goal:
            case Goal.NET:
                return net
            case Goal.DRAWDOWN:
                return net / max(sums.drawdown, self.least_drawdown)
            case Goal.VOLUME:
                wear = -net / sums.volume * BPS
                return sums.volume / days if wear <= self.max_wear else self.max_wear - wear

    def __str__(self) -> str:
        if self.goal is Goal.VOLUME:
            return f"volume a day where the wear is at most {self.max_wear:g} bps"
        return {Goal.NET: "net result", Goal.DRAWDOWN: "net result over largest drawdown"}[self.goal]


def excess_result(sums: Sums, null_bps: float | None) -> float:
    """The result less what the same volume costs with random signs, in quote currency."""
    return sums.result + (null_bps or 0.0) * sums.volume / BPS
