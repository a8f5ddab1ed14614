"""Candles with random signs: the same shapes, a fair game, and the same draw every time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np
import pytest

from backtesting import BacktestData, open_data, run_backtest
from backtesting.optimize.folds import Window
from backtesting.optimize.markets import DataFiles, Markets, Place
from backtesting.optimize.null import CandleMarket, Candles
from backtesting.optimize.trades import Trades, markout
from markets.recordings import MarketOverride
from markets.tape import Chunk, MarketSource
from tests.support.paper_sessions import backtest_settings, random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, candles, write

MINUTE = 60 * SECOND


def data_of(folder: Path, bars: int, seed: int) -> BacktestData:
    return open_data([write(folder / "candles.parquet", random_candles(Random(seed), bars))], ticker="BTC")


def rows(source: MarketSource, after_ns: int | None = None) -> list[tuple[int, ...]]:
    return [
        row
        for chunk in source.chunks(after_ns)
        for row in zip(
            chunk.time_ns, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size, strict=True
        )
    ]


def begins_after_gap(chunks: list[Chunk]) -> list[int]:
    return [chunk.time_ns[0] for chunk in chunks if chunk.gap_before]


def test_candles_in_memory_are_the_tape_they_were_read_from(tmp_path: Path) -> None:
    data = data_of(tmp_path, 9_000, 3)
    market = CandleMarket(Candles.of(data.source), data.source, "the same")
    assert rows(market) == rows(data.source)
    assert begins_after_gap(list(market.chunks())) == begins_after_gap(list(data.source.chunks()))
    assert len(begins_after_gap(list(market.chunks()))) > 20
    assert (market.start_ns, market.rules, market.scale) == (data.start_ns, data.source.rules, data.source.scale)


@pytest.mark.parametrize("offset_s", [0, 15, 100, 30_000])
def test_candles_in_memory_can_be_streamed_from_the_middle(tmp_path: Path, offset_s: int) -> None:
    data = data_of(tmp_path, 600, 8)
    market = CandleMarket(Candles.of(data.source), data.source, "the same")
    after_ns = data.start_ns + offset_s * SECOND
    assert rows(market, after_ns) == rows(data.source, after_ns)


def test_each_candle_is_kept_or_mirrored_as_a_whole(tmp_path: Path) -> None:
    drawn = Candles.of(data_of(tmp_path, 2_000, 5).source)
    null = drawn.with_random_signs(1, 0)
    moves, signed = (np.log(one.points[1:]) - np.log(one.points[:-1, -1:]) for one in (drawn, null))
    kept = np.abs(signed - moves).max(axis=1) < 3e-4  # a tick in ten thousand
    mirrored = np.abs(signed + moves).max(axis=1) < 3e-4
    assert (kept | mirrored).all()
    assert 800 < int((kept & ~mirrored).sum()) < 1_200
    assert null.points[0, 0] == drawn.points[0, 0]
    assert (null.sizes == drawn.sizes).all()
    assert (null.time_ns == drawn.time_ns).all()


def test_after_a_hole_the_price_goes_on_where_it_was(tmp_path: Path) -> None:
    bars = [(0, 100.0, 101.0, 99.0, 100.5, 8.0), (90, 300.0, 303.0, 300.0, 301.5, 8.0)]
    bars.append((91, 301.5, 301.5, 301.5, 301.5, 8.0))
    candle = Candles.of(open_data([write(tmp_path / "two.csv", candles(bars))], ticker="BTC").source)
    for draw in range(8):
        null = candle.with_random_signs(0, draw).points
        assert null[1, 0] == null[0, 3]
        assert abs(np.log(null[1, 3] / null[1, 0])) == pytest.approx(np.log(301.5 / 300.0), abs=0.004)


def test_a_draw_is_the_same_every_time_and_no_two_draws_are(tmp_path: Path) -> None:
    drawn = Candles.of(data_of(tmp_path, 300, 5).source)
    again = [drawn.with_random_signs(4, 7).points for _ in range(2)]
    assert (again[0] == again[1]).all()
    assert (again[0] != drawn.with_random_signs(4, 8).points).any()
    assert (again[0] != drawn.with_random_signs(5, 7).points).any()


def test_the_price_is_a_fair_game_and_not_only_its_logarithm(tmp_path: Path) -> None:
    """A single move of 10 %, drawn often: with a fair coin its mean would be 0.5 % up."""
    bars = [(0, 100.0, 100.0, 100.0, 100.0, 8.0), (1, 100.0, 110.0, 100.0, 110.0, 8.0)]
    finely = MarketOverride(tick_size=Decimal("0.001"))
    data = open_data([write(tmp_path / "two.csv", candles(bars))], ticker="BTC", market=finely)
    candle = Candles.of(data.source)
    ends = [candle.with_random_signs(0, draw).points[-1, -1] / candle.points[0, 0] for draw in range(4_000)]
    assert sorted({round(end, 2) for end in ends}) == [0.91, 1.1]
    assert abs(np.mean(ends) - 1) < 0.0035  # within 2.3 standard errors; 0.0048 with a fair coin


def test_trades_valued_at_their_own_candle_cost_what_they_cost_in_the_end_only_with_less_noise(tmp_path: Path) -> None:
    data = data_of(tmp_path, 80, 11)
    markets = Markets(data, 0)
    flags = ["--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.1", "--wait-time", "120"]
    settings = backtest_settings(flags)
    whole = Window(data.start_ns, data.end_ns + 1)
    own, final = [], []
    for draw in range(16):
        place = Place(whole, draw)
        result = run_backtest(markets.at(place), settings)
        trades = Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)
        own.append(markout(trades, markets.candles(place), data.source.scale)[0])
        assert result.money.result is not None
        final.append(float(result.money.result))
    difference = np.subtract(own, final)
    assert abs(difference.mean()) < 2.5 * difference.std(ddof=1) / 16**0.5
    assert np.std(own) < np.std(final) / 3


def test_a_trade_is_valued_at_the_mid_of_the_close_of_its_own_candle(tmp_path: Path) -> None:
    bars = [(0, 100.0, 101.0, 99.0, 100.5, 8.0), (1, 100.5, 102.0, 100.0, 101.0, 8.0)]
    data = open_data([write(tmp_path / "two.csv", candles(bars))], ticker="BTC")
    trades = Trades(
        np.array([NOON + 15 * SECOND, NOON + MINUTE]),
        np.array([200, 202], np.int64),
        np.array([3, -2], np.int64),
        np.array([0.25, 0.0]),
        np.array([], np.int64),
        np.array([], np.float64),
        data.end_ns,
    )
    scale = data.source.scale
    assert (scale.price_unit, scale.size_unit) == (data.source.rules.tick_size, data.source.rules.quantity_step)
    tick, step = float(scale.price_unit), float(scale.size_unit)
    earned, volume = markout(trades, Candles.of(data.source), scale)
    bought = 3 * step * (100.5 + tick / 2 - 200 * tick) - 0.25
    sold = -2 * step * (101.0 + tick / 2 - 202 * tick)
    assert earned == pytest.approx(bought + sold)
    assert volume == pytest.approx(step * tick * (600 + 404))


def test_only_candles_can_be_given_random_signs(tmp_path: Path) -> None:
    bbo, prints = random_ticks(Random(1), 200)
    files = (write(tmp_path / "b.csv", bbo), write(tmp_path / "t.csv", prints))
    markets = Markets(DataFiles(files, "BTC", None, None).open(), 0)
    window = Window(markets.data.start_ns, markets.data.end_ns)
    with pytest.raises(ValueError, match="only candles can be given random signs"):
        markets.at(Place(window, 0))
