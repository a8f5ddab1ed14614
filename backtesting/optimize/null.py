"""The same candles with random signs: a market with the same shapes and sizes of moves, and no direction.

A path of four points through a candle costs a grid something by itself, whatever the market does: it is filled only
strictly through its price, and the next point is often far away. What candles show as cost per volume is therefore
compared with what the same settings cost on candles whose direction was drawn by lot. Each candle is kept or mirrored
as a whole, around the close before it and in logarithms: a rise of 1 % with a low 0.2 % below becomes a fall by as
much with a high as far above. Times, volumes and holes in the data stay, but the price goes on after a hole where it
was before it: what it did meanwhile is not a shape of candles.

The coin is weighted by a trifle: for a candle of logarithmic return r, the rise comes with probability 1 / (1 +
e^|r|), where the expected price after it is exactly the price before it. (A fair coin would be driftless in
logarithms only, and the price would rise by half the squared return of each candle.) So the price is a fair game, and
a position that is held from the end of one candle on earns nothing on average.

That is used to measure the cost exactly and with few draws: each trade is valued at the mid at the close of *its own*
candle. The rest of the way, from there to the end, has an expectation of 0 and would only be noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.market import MarketRules
from markets.tape import Chunk, FundingTerms, MarketSource, TapeScale

Integers = NDArray[np.int64]
_PIECE = 4_096
"""Candles in a chunk."""
_POINTS = 4


@dataclass(frozen=True)
class Candles:
    """Candles as the tape has them. Times in nanoseconds, prices and sizes in the tape's whole units.

    `points[i]`: the four prices on the path through candle i, and `sizes[i]` what trades at each. `after_gap`: candles
    before which there is a hole in the data. `bar_ns`: the length of one.
    """

    time_ns: Integers
    points: Integers
    sizes: Integers
    after_gap: NDArray[np.bool_]
    bar_ns: int

    @classmethod
    def of(cls, source: MarketSource) -> Candles:
        """Read from a market of candles that begins with a whole one."""
        times: list[int] = []
        prices: list[int] = []
        sizes: list[int] = []
        gaps: list[int] = []
        for chunk in source.chunks():
            if chunk.gap_before:
                gaps.append(len(times))
            for at_ns, is_trade, price, size in zip(
                chunk.time_ns, chunk.is_trade, chunk.low, chunk.low_size, strict=True
            ):
                if is_trade:
                    sizes[-1] = size
                else:
                    times.append(at_ns)
                    prices.append(price)
                    sizes.append(0)
        count = len(times) // _POINTS
        after_gap = np.zeros(count, np.bool_)
        after_gap[[row // _POINTS for row in gaps]] = True
        shape = (count, _POINTS)
        return cls(
            np.array(times[: count * _POINTS : _POINTS], np.int64),
            np.array(prices[: count * _POINTS], np.int64).reshape(shape),
            np.array(sizes[: count * _POINTS], np.int64).reshape(shape),
            after_gap,
            _POINTS * (times[1] - times[0]),
        )

    def with_random_signs(self, seed: int, draw: int) -> Candles:
        """Draw number `draw` of the null of `seed`. The first price stays."""
        logs = np.log(self.points.astype(np.float64))
        before = np.concatenate(([logs[0, 0]], logs[:-1, -1]))
        before[self.after_gap] = logs[self.after_gap, 0]
        moves = logs - before[:, None]
        returns = moves[:, -1]
        chance = np.random.default_rng([seed, draw])
        # A candle is kept with the probability that makes its return a fair game: 1 / (1 + e^r).
        keeps = chance.random(len(returns)) < 1.0 / (1.0 + np.exp(returns))
        signed = np.where(keeps, 1.0, -1.0)[:, None] * moves
        starts = before[0] + np.concatenate(([0.0], np.cumsum(signed[:-1, -1])))
        points = np.rint(np.exp(starts[:, None] + signed)).astype(np.int64)
        return Candles(self.time_ns, np.maximum(points, 1), self.sizes, self.after_gap, self.bar_ns)

    def close_at(self, time_ns: Integers) -> Integers:
        """The closing price of the candle of each time, which must not lie before the first."""
        return np.asarray(self.points[np.searchsorted(self.time_ns, time_ns, "right") - 1, -1])


class CandleMarket:
    """Candles in memory as a `MarketSource`; rules, scale and funding are those of `like`."""

    queues = False

    def __init__(self, candles: Candles, like: MarketSource, identity: str) -> None:
        self.rules: MarketRules = like.rules
        self.scale: TapeScale = like.scale
        self.funding: FundingTerms = like.funding
        self.description = like.description
        self.identity = identity
        self.start_ns = int(candles.time_ns[0])
        self._candles = candles

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        candles = self._candles
        count = len(candles.time_ns)
        edges = np.union1d(np.arange(0, count, _PIECE), np.flatnonzero(candles.after_gap))
        for begin, end in zip(edges, [*edges[1:], count], strict=True):
            if after_ns is not None and candles.time_ns[end - 1] + candles.bar_ns <= after_ns:
                continue
            chunk = self._rows(int(begin), int(end), after_ns)
            if chunk.time_ns:
                yield chunk

    def _rows(self, begin: int, end: int, after_ns: int | None) -> Chunk:
        candles = self._candles
        offsets = np.arange(_POINTS, dtype=np.int64) * candles.bar_ns // _POINTS
        times = np.repeat((candles.time_ns[begin:end, None] + offsets).ravel(), 2)
        low = np.repeat(candles.points[begin:end].ravel(), 2)
        is_trade = np.tile(np.array([False, True]), (end - begin) * _POINTS)
        sizes = np.where(is_trade, np.repeat(candles.sizes[begin:end].ravel(), 2), 0)
        kept = ~is_trade | (sizes > 0)
        if after_ns is not None:
            kept &= times > after_ns
        high = low + ~is_trade
        told = sizes[kept].tolist()
        return Chunk(
            times[kept].tolist(),
            is_trade[kept].tolist(),
            low[kept].tolist(),
            high[kept].tolist(),
            told,
            list(told),
            bool(candles.after_gap[begin]) and (after_ns is None or after_ns < int(candles.time_ns[begin])),
        )
