"""An order book kept from depth messages for its touch alone, where no stream tells best bid and offer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from exchanges.edgex.codec_stream import Best, BookChange

_NOTHING = Decimal(0)


class BookGap(Exception):
    """The messages do not follow on each other, or the book they make is none: it must be begun anew."""


class Book:
    """Levels by price. Constant work per level told; the touch is searched among the 15 levels there are."""

    def __init__(self) -> None:
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._version: int | None = None

    def apply(self, change: BookChange) -> Best:
        """The touch afterwards; a price of 0 where a side is empty. Raises `BookGap`."""
        if change.is_snapshot:
            self._bids.clear()
            self._asks.clear()
        elif self._version is None:
            raise BookGap("a change came before the first whole book")
        elif change.last <= self._version:
            return self._best()  # Told already.
        elif change.first > self._version + 1:
            raise BookGap(f"book versions {self._version + 1} to {change.first - 1} are missing")
        _put(self._bids, change.bids)
        _put(self._asks, change.asks)
        self._version = change.last
        return self._best()

    def _best(self) -> Best:
        bid, ask = max(self._bids, default=_NOTHING), min(self._asks, default=_NOTHING)
        if self._bids and self._asks and bid >= ask:
            raise BookGap("the book is crossed")
        return Best(bid, self._bids.get(bid, _NOTHING), ask, self._asks.get(ask, _NOTHING))


def _put(side: dict[Decimal, Decimal], levels: Mapping[Decimal, Decimal]) -> None:
    for price, size in levels.items():
        if size:
            side[price] = size
        else:
            side.pop(price, None)
