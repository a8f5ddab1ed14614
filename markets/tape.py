"""The one form in which market data reach the matching engine: chunks of rows, as parallel lists of integers.

Prices are whole price units (`TapeScale.price_unit`, normally the tick) and sizes whole size units (normally the
quantity step), so that the engine's inner loop compares integers only, and exactly.

A row is a quote or a trade, told apart by `is_trade`:

| | `low` | `high` | `low_size` | `high_size` |
|---|---|---|---|---|
| quote | best bid | best ask | size at the bid | size at the ask |
| trade | price | price | size, where the aggressor sold (it hits bids), else 0 | size, where it bought, else 0 |

A trade of unknown aggressor, as in candles, has its size on both sides. A row is *quiet* for the engine when
`low > every own bid and high < every own ask` (and the watched band is not left): nothing of ours can be touched.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from domain.market import MarketRules
from markets.rows import NOWHERE


@dataclass(frozen=True, slots=True)
class TapeScale:
    """What one unit of the integers means: quote currency per base unit, and base units."""

    price_unit: Decimal
    size_unit: Decimal


@dataclass(slots=True)
class Chunk:
    """Consecutive rows, times never falling. `gap_before`: there is a hole in the data before the first row; the clock
    leaps over it and nothing happens in between. Sources cut their chunks so that a gap always falls between two."""

    time_ns: list[int] = field(default_factory=list)
    is_trade: list[bool] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    low_size: list[int] = field(default_factory=list)
    high_size: list[int] = field(default_factory=list)
    gap_before: bool = False

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class FundingTerms:
    """Funding is charged whenever the time since the epoch passes a multiple of `interval_ns`, at `rate` of notional at
    the mid (positive: longs pay). An `interval_ns` of 0: none.

    `schedule`: recorded moments (nanoseconds, rising) and their rates, which then count instead.
    """

    interval_ns: int = 0
    rate: Decimal = Decimal(0)
    schedule: tuple[tuple[int, Decimal], ...] = ()

    def next_from(self, at_ns: int) -> int:
        """The first moment of funding at or after `at_ns`; `NOWHERE` where there is none any more."""
        if self.schedule:
            index = self._place(at_ns)
            return self.schedule[index][0] if index < len(self.schedule) else NOWHERE
        return -(-at_ns // self.interval_ns) * self.interval_ns if self.interval_ns else NOWHERE

    def rate_at(self, due_ns: int) -> Decimal:
        """The rate of a moment that `next_from` named, as a fraction of notional."""
        return self.schedule[self._place(due_ns)][1] if self.schedule else self.rate

    def _place(self, at_ns: int) -> int:
        return bisect_left(self.schedule, at_ns, key=lambda moment: moment[0])


class MarketSource(Protocol):
    """A market that can be streamed, and streamed again from any moment.

    `identity` names the market exactly (seed and generator version, or file names and content hash): a paper account
    may be continued on the same identity only. `description` is for people.
    """

    @property
    def rules(self) -> MarketRules: ...

    @property
    def scale(self) -> TapeScale: ...

    @property
    def funding(self) -> FundingTerms: ...

    @property
    def start_ns(self) -> int:
        """The time of the first row."""

    @property
    def identity(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def queues(self) -> bool:
        """False for candles: they know no queue, so a resting order fills only strictly through its price."""

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        """Rows in order; with `after_ns`, only rows later than it. Memory stays bounded by a chunk or two.

        For the same identity the rows are the same on every call, whatever `after_ns`.
        """
