"""S4: whether every own close can be given fills of its own that it closes at their take-profit or better.

A close may take any fill whose target it reaches. Those sets are nested: what a close reaches, every better-priced
close reaches too. So giving each close the best target it reaches leaves most to the others, a sum over price levels
decides whether all resting closes can be served, and what a filled close took never has to be looked at again.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal

ZERO = Decimal(0)


class TargetLadder:
    """Own fills not yet closed, by target level. Levels grow away from loss: a price for a buying bot, its negative for
    a selling one. Size and cost of a question are bounded by what is open, not by what ever was."""

    def __init__(self) -> None:
        self._levels: list[Decimal] = []
        self._quantities: dict[Decimal, Decimal] = {}

    def add(self, level: Decimal, quantity: Decimal) -> None:
        if level not in self._quantities:
            insort(self._levels, level)
            self._quantities[level] = ZERO
        self._quantities[level] += quantity

    def close(self, quantity: Decimal, level: Decimal | None) -> None:
        """Take `quantity` away, from the best targets that `level` reaches down; None: from the best of all."""
        at = len(self._levels) if level is None else bisect_right(self._levels, level)
        while quantity > 0 and at > 0:
            at -= 1
            found = self._levels[at]
            taken = min(quantity, self._quantities[found])
            quantity -= taken
            self._quantities[found] -= taken
            if not self._quantities[found]:
                del self._quantities[found]
                del self._levels[at]

    def beyond(self, level: Decimal) -> Decimal:
        """Own quantity not yet closed whose target lies further from loss than that."""
        return sum((self._quantities[found] for found in self._levels[bisect_right(self._levels, level) :]), ZERO)

    def shortfall(self, closes: Iterable[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal] | None:
        """The first level up to which resting closes (level, quantity) exceed the fills below, and by how much."""
        available, at = ZERO, 0
        for level, quantity in sorted(closes):
            while at < len(self._levels) and self._levels[at] <= level:
                available += self._quantities[self._levels[at]]
                at += 1
            available -= quantity
            if available < 0:
                return level, -available
        return None
