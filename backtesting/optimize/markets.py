"""The markets of a search: parts of one recording, as they were or with random signs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from backtesting.data import BacktestData, open_data
from backtesting.optimize.folds import Window
from backtesting.optimize.null import CandleMarket, Candles
from backtesting.optimize.trades import Yardstick
from markets.recordings import MarketOverride

T = TypeVar("T")

_KEPT = 8
"""Markets kept in memory beside each other: one as it was and the draws a search ranks with."""


@dataclass(frozen=True, slots=True)
class DataFiles:
    """What `open_data` is asked for; it can be sent to another process. Times in nanoseconds since the epoch."""

    paths: tuple[Path, ...]
    ticker: str
    market: MarketOverride | None
    funding: Path | None
    from_ns: int | None = None
    to_ns: int | None = None

    def open(self) -> BacktestData:
        """Raises `RecordingError`."""
        return open_data(
            self.paths,
            ticker=self.ticker,
            market=self.market,
            funding=self.funding,
            from_ns=self.from_ns,
            to_ns=self.to_ns,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place. `draw` None: as it was recorded, else the number of a draw with random signs."""

    window: Window
    draw: int | None = None


class Markets:
    """`seed`: of the random signs."""

    def __init__(self, data: BacktestData, seed: int) -> None:
        self.data = data
        self.seed = seed
        self._candles: OrderedDict[Place, Candles] = OrderedDict()
        self._yardsticks: dict[Window, Yardstick] = {}
        self._markets: OrderedDict[Place, BacktestData] = OrderedDict()

    def at(self, place: Place) -> BacktestData:
        """Raises `RecordingError` where there are no data; a draw, `ValueError` on data that are no candles."""
        market = self._markets.get(place)
        if market is None:
            market = self._made(place)
            _keep(self._markets, place, market)
        return market

    def candles(self, place: Place) -> Candles:
        """Raises `ValueError` on data that are no candles."""
        if not self.data.is_candles:
            raise ValueError("only candles can be given random signs")
        candles = self._candles.get(place)
        if candles is None:
            if place.draw is None:
                candles = Candles.of(self.at(place).source)
            else:
                candles = self.candles(Place(place.window)).with_random_signs(self.seed, place.draw)
            _keep(self._candles, place, candles)
        return candles

    def yardstick(self, place: Place) -> Yardstick:
        """What positions are valued at there, as it was recorded."""
        known = self._yardsticks.get(place.window)
        if known is None:
            known = self._yardsticks[place.window] = Yardstick.of(self.at(Place(place.window)))
        return known

    def _made(self, place: Place) -> BacktestData:
        if place.draw is None:
            return self.data.part(place.window.from_ns, place.window.to_ns)
        recorded = self.at(Place(place.window))
        identity = f"{recorded.identity.market}, random signs no. {place.draw} of seed {self.seed}"
        source = CandleMarket(self.candles(place), recorded.source, identity)
        return replace(recorded, source=source, identity=replace(recorded.identity, market=identity))


def _keep(kept: OrderedDict[Place, T], place: Place, value: T) -> None:
    kept[place] = value
    while len(kept) > _KEPT:
        kept.popitem(last=False)
