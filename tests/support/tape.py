"""A market written by hand: rows in whole units, one after the other, as a `MarketSource`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from domain.market import NANOSECONDS, MarketRules
from markets.tape import Chunk, FundingTerms, TapeScale

START_NS = 1_700_000_000 * NANOSECONDS

RULES = MarketRules(
    ticker="TST",
    contract_id="TST-PERP",
    tick_size=Decimal("0.1"),
    quantity_step=Decimal("0.01"),
    min_quantity=Decimal("0.01"),
)
SCALE = TapeScale(price_unit=Decimal("0.1"), size_unit=Decimal("0.01"))


class Tick(NamedTuple):
    """One row; `after_gap` begins a new chunk behind a hole in the data."""

    time_ns: int
    is_trade: bool
    low: int
    high: int
    low_size: int
    high_size: int
    after_gap: bool = False


def at(seconds: float) -> int:
    """Nanoseconds of a moment this long after the start of the scripted market."""
    return START_NS + round(seconds * NANOSECONDS)


def quote(seconds: float, bid: int, ask: int, bid_size: int = 100, ask_size: int = 100, *, gap: bool = False) -> Tick:
    return Tick(at(seconds), False, bid, ask, bid_size, ask_size, gap)


def sold(seconds: float, price: int, size: int) -> Tick:
    """An aggressor sold: it consumes bids."""
    return Tick(at(seconds), True, price, price, size, 0)


def bought(seconds: float, price: int, size: int) -> Tick:
    """An aggressor bought: it consumes asks."""
    return Tick(at(seconds), True, price, price, 0, size)


def printed(seconds: float, price: int, size: int) -> Tick:
    """A trade of unknown aggressor, as candles have it."""
    return Tick(at(seconds), True, price, price, size, size)


@dataclass(frozen=True)
class ScriptedMarket:
    """`chunk_rows`: where the script is cut into chunks, besides at gaps."""

    ticks: Sequence[Tick]
    rules: MarketRules = RULES
    scale: TapeScale = SCALE
    funding: FundingTerms = field(default_factory=FundingTerms)
    queues: bool = True
    chunk_rows: int = 4
    identity: str = "scripted"
    description: str = "a market written by hand"

    @property
    def start_ns(self) -> int:
        return self.ticks[0].time_ns

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        chunk = Chunk()
        for tick in self.ticks:
            if after_ns is not None and tick.time_ns <= after_ns:
                continue
            if chunk.time_ns and (tick.after_gap or len(chunk) == self.chunk_rows):
                yield chunk
                chunk = Chunk()
            if not chunk.time_ns:
                chunk.gap_before = tick.after_gap
            chunk.time_ns.append(tick.time_ns)
            chunk.is_trade.append(tick.is_trade)
            chunk.low.append(tick.low)
            chunk.high.append(tick.high)
            chunk.low_size.append(tick.low_size)
            chunk.high_size.append(tick.high_size)
        if chunk.time_ns:
            yield chunk
