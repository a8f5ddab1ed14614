"""What of a trade that the venue forced on the account (liquidation, auto-deleveraging) was ours.

Somebody else may hold a position on the same account, and a forced trade names no owner. One rule for the strategy and
for the money: it takes from the own position, to nothing at the most; the rest was somebody else's, and so is the rest
of its fee.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal

from domain.events import Fill
from domain.market import Side

_FEE_SHARES = Context(prec=28)
"""A third of a fee has no end: its digits do."""


def own_part(fill: Fill, side: Side | None, own: Decimal) -> Decimal:
    """How much of a forced trade closed own quantity, in base units: `own` is held in the direction `side`."""
    return Decimal(0) if fill.side is side else min(fill.quantity, max(Decimal(0), own))


@dataclass(slots=True)
class OwnQuantity:
    """Own position in base units in the direction `side` (None: nothing was opened yet), by the totals of own orders:
    what filled counts before its trade is seen."""

    side: Side | None = None
    quantity: Decimal = Decimal(0)

    def open(self, side: Side, quantity: Decimal) -> None:
        self.side = side
        self.quantity += quantity

    def close(self, quantity: Decimal) -> None:
        self.quantity -= quantity

    def take_part(self, fill: Fill) -> Fill | None:
        """Take the own part of a forced trade off, and give it as a trade with its share of the fee; None where no
        part of it is own. A share of a fee that has no end is rounded half-even to 28 digits."""
        taken = own_part(fill, self.side, self.quantity)
        if not taken:
            return None
        self.quantity -= taken
        if taken == fill.quantity:
            return fill
        fee = _FEE_SHARES.divide(fill.fee * taken, fill.quantity)
        return replace(fill, quantity=taken, fee=fee)
