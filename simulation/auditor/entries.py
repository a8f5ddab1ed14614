"""How many entries still have quantity to close: what decides whether another may begin."""

from __future__ import annotations

from decimal import Decimal

from domain.events import OrderIntended
from domain.orders import Purpose

ZERO = Decimal(0)


class Entries:
    """A fold over own fills by the intents they belong to. `filled`: entries with any fill, ever."""

    def __init__(self) -> None:
        self.filled = 0
        self._seen: set[int] = set()
        self._bare: dict[int, Decimal] = {}
        self._closed_of: dict[int, Decimal] = {}

    @property
    def open(self) -> int:
        return len(self._bare)

    def take(self, intent: OrderIntended, quantity: Decimal) -> None:
        """`quantity` more of this order was filled."""
        if intent.purpose is Purpose.OPEN:
            if intent.entry_id is not None:
                self._opened(intent.entry_id, quantity)
            return
        done = self._closed_of.get(intent.client_id, ZERO)
        self._closed_of[intent.client_id] = done + quantity
        for part in intent.parts:
            already = min(done, part.quantity)
            done -= already
            taken = min(quantity, part.quantity - already)
            quantity -= taken
            self._closed(part.entry_id, taken)
            if quantity <= 0:
                return

    def _opened(self, entry_id: int, quantity: Decimal) -> None:
        if entry_id not in self._seen:
            self._seen.add(entry_id)
            self.filled += 1
        self._bare[entry_id] = self._bare.get(entry_id, ZERO) + quantity

    def _closed(self, entry_id: int, quantity: Decimal) -> None:
        left = self._bare.get(entry_id, ZERO) - quantity
        if left > 0:
            self._bare[entry_id] = left
        else:
            self._bare.pop(entry_id, None)
