"""A market that does one thing: every period it fills what was opened, and half a period before, what closes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from domain.market import MarketRules
from markets.tape import Chunk, FundingTerms, TapeScale

_TICK, _STEP = Decimal("0.1"), Decimal("0.01")
_BID, _ASK, _SIZE = 30_000, 30_010, 100
_SOLD_AT, _BOUGHT_AT = _ASK - 5, _ASK + 30
"""An open rests one tick below the ask, its close a fiftieth of a percent above: both lie between these prices."""
_PERIODS_IN_A_CHUNK = 64


@dataclass(frozen=True)
class Metronome:
    """A `MarketSource` whose touch stands still. `period_ns` of market time; the first row is at `start_ns`."""

    start_ns: int
    period_ns: int
    rules: MarketRules = field(default_factory=lambda: MarketRules("ETH", "ETH-PERP", _TICK, _STEP, _STEP))
    scale: TapeScale = field(default_factory=lambda: TapeScale(_TICK, _STEP))
    funding: FundingTerms = field(default_factory=FundingTerms)
    queues: bool = True
    identity: str = "metronome"
    description: str = "a market that fills by the clock"

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        first = Chunk()
        _add(first, self.start_ns, _BID, _ASK, is_trade=False)
        yield first
        index = 0
        while True:
            chunk = Chunk()
            for _ in range(_PERIODS_IN_A_CHUNK):
                index += 1
                at_ns = self.start_ns + index * self.period_ns
                if after_ns is None or at_ns > after_ns:
                    _add(chunk, at_ns, _BOUGHT_AT, _BOUGHT_AT, is_trade=True)
                    _add(chunk, at_ns + self.period_ns // 2, _SOLD_AT, _SOLD_AT, is_trade=True)
            yield chunk


def _add(chunk: Chunk, at_ns: int, low: int, high: int, *, is_trade: bool) -> None:
    chunk.time_ns.append(at_ns)
    chunk.is_trade.append(is_trade)
    chunk.low.append(low)
    chunk.high.append(high)
    chunk.low_size.append(0 if is_trade and low == _BOUGHT_AT else _SIZE)
    chunk.high_size.append(0 if is_trade and low == _SOLD_AT else _SIZE)
