"""The order book, kept from changes for its touch. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchanges.lighter.codec_stream import BookChange


class BookGap(Exception):
    """The changes do not follow on each other, or the book they make is none: it must be begun anew."""


@dataclass(frozen=True, slots=True)
class Best:
    """The touch: prices in quote currency per base unit, sizes in base units."""

    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


class Book:
    """One connection's book: O(log n) for each level that changes."""

    def __init__(self) -> None:
        self._bids, self._asks = _Levels(-1), _Levels(1)
        self._nonce: int | None = None

    def begin(self, snapshot: BookChange) -> Best | None:
        """The whole book; the touch, None while a side is empty. Raises `BookGap`."""
        self._bids, self._asks = _Levels(-1), _Levels(1)
        return self._apply(snapshot)

    def change(self, change: BookChange) -> Best | None:
        """The touch after a change; None while a side is empty. Raises `BookGap`."""
        if self._nonce is None:
            raise BookGap("a change of the book came before the book")
        if change.begin != self._nonce:
            raise BookGap("a change of the book is missing")
        return self._apply(change)

    def _apply(self, change: BookChange) -> Best | None:
        self._nonce = change.nonce
        self._bids.put(change.bids)
        self._asks.put(change.asks)
        bid, ask = self._bids.best(), self._asks.best()
        if bid is None or ask is None:
            return None
        if bid[0] >= ask[0]:
            raise BookGap("the book is crossed")
        return Best(*bid, *ask)


_SLACK = 256
"""Prices that are gone may wait in the heap beside as many as there are, and so many more."""


class _Levels:
    """One side. `_heap` holds every price that is there, and some that were, each once; never many more of these."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._sizes: dict[Decimal, Decimal] = {}
        self._heap: list[Decimal] = []
        self._heaped: set[Decimal] = set()

    def put(self, levels: Mapping[Decimal, Decimal]) -> None:
        for price, size in levels.items():
            key = price * self._sign
            if not size:
                self._sizes.pop(key, None)
                continue
            self._sizes[key] = size
            if key not in self._heaped:
                self._heaped.add(key)
                heapq.heappush(self._heap, key)
        if len(self._heap) > 2 * len(self._sizes) + _SLACK:
            self._heap = list(self._sizes)
            heapq.heapify(self._heap)
            self._heaped = set(self._heap)

    def best(self) -> tuple[Decimal, Decimal] | None:
        heap = self._heap
        while heap and heap[0] not in self._sizes:
            self._heaped.discard(heapq.heappop(heap))
        return (heap[0] * self._sign, self._sizes[heap[0]]) if heap else None
