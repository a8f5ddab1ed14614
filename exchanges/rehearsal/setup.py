"""What a twin is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from markets.account import AccountTerms
from markets.tape import MarketSource
from markets.venue import SimulatedVenue


@dataclass(frozen=True, slots=True)
class TwinSetup:
    """`source` is the market, `terms` the account on it. `start_ns`: the wire time at which the market's first row
    happens; a recording of years ago is lived through as if it were today. `speed`: market seconds per wire second.
    `seed` draws throw-away keys and ids. `touch_every_ns`: at most once in so much wire time a changed touch is told.
    `open_venue` makes the simulated venue behind the twin. `longest_page`, `longest_history_page`: where
    lists are read by cursors, no answer holds more open orders, or more trades and ended orders, than this, however
    many were asked for; None: as the venue does."""

    ticker: str
    source: MarketSource
    terms: AccountTerms
    start_ns: int
    seed: int = 0
    speed: Fraction = Fraction(1)
    touch_every_ns: int = 50_000_000
    open_venue: Callable[[MarketSource, AccountTerms], SimulatedVenue] = SimulatedVenue
    longest_page: int | None = None
    longest_history_page: int | None = None
