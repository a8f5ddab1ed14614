"""The average entry price of a position, as venues show it beside the position."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from exchanges.rehearsal.desk import TwinFill

_PLACES = Decimal("1E-8")


class AverageEntry:
    """`price` in quote currency per base unit: it moves when the position grows, stays when it shrinks, and begins anew
    when the position changes sides. 0 without a position."""

    def __init__(self) -> None:
        self.price = Decimal(0)
        self._held = Decimal(0)

    def take(self, fill: TwinFill) -> None:
        """Each fill once, in their order."""
        before, signed = self._held, fill.quantity * fill.side.sign
        self._held = before + signed
        if not self._held:
            self.price = Decimal(0)
        elif before * self._held <= 0:
            self.price = fill.price
        elif abs(self._held) > abs(before):
            average = (before * self.price + signed * fill.price) / self._held
            self.price = average.quantize(_PLACES, ROUND_HALF_EVEN)
