"""The best bid and offer as last streamed, how fresh they are, and the watch on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from domain.clock import Clock
from domain.events import QuoteMoved, VenueEvent
from domain.market import PriceBand, Quote


class Touch:
    """`emit` receives one `QuoteMoved` per watch, at the first quote outside its band."""

    def __init__(self, clock: Clock, emit: Callable[[VenueEvent], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._quote: Quote | None = None
        self._band: PriceBand | None = None

    def quote(self) -> Quote | None:
        """The quote and when it was last known to be current; None while unknown."""
        return self._quote

    def update(self, bid: Decimal, bid_size: Decimal, ask: Decimal, ask_size: Decimal) -> None:
        """A quote came from the stream."""
        self._quote = Quote(bid, bid_size, ask, ask_size, self._clock.now_ns())
        self._look()

    def confirm(self) -> None:
        """The stream is alive and told nothing new: the last quote is current."""
        if self._quote is not None:
            self._quote = replace(self._quote, as_of_ns=self._clock.now_ns())

    def clear(self) -> None:
        """The stream is gone: nothing is known."""
        self._quote = None

    def watch(self, band: PriceBand) -> None:
        """Replaces the earlier watch. A quote already outside is told as soon as the loop is free."""
        self._band = band
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        quote, band = self.quote(), self._band
        if quote is None or band is None or band.contains(quote):
            return
        self._band = None
        self._emit(QuoteMoved(self._clock.now_ns(), quote))
