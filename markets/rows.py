"""One row of a tape at a time, in whole units, for the parts of the engine that look at single rows."""

from __future__ import annotations

from typing import NamedTuple

NOWHERE = 1 << 62
"""Beyond every price: the floor and ceiling of an empty book, negated where a lowest value is needed."""


class QuoteRow(NamedTuple):
    """A quote in whole units, and the time of its row."""

    time_ns: int
    bid: int
    ask: int
    bid_size: int
    ask_size: int


class Row(NamedTuple):
    """One row of the tape; columns as in `markets.tape`."""

    is_trade: bool
    low: int
    high: int
    low_size: int
    high_size: int
