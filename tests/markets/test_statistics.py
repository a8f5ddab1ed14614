from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from domain.market import NANOSECONDS
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from markets.recordings import open_recording
from markets.statistics import MarketStatistics, conflated, correlation, kurtosis, measure
from markets.tape import Chunk
from tests.support.recordings import real_recording

Row = tuple[int, bool, int, int, int, int]
MS = 1_000_000


def chunk(*rows: Row, gap: bool = False) -> Chunk:
    times, are_trades, lows, highs, low_sizes, high_sizes = zip(*rows, strict=True)
    return Chunk(
        list(times), list(are_trades), list(lows), list(highs), list(low_sizes), list(high_sizes), gap_before=gap
    )


def rows_of(chunks: Iterator[Chunk]) -> list[tuple[bool, list[Row]]]:
    return [
        (each.gap_before, list(zip(*(getattr(each, name) for name in FIELDS), strict=True))) for each in chunks
    ]


FIELDS = ("time_ns", "is_trade", "low", "high", "low_size", "high_size")


def generated(ticker: str, seed: int, seconds: float) -> MarketStatistics:
    return measure(GeneratedMarket(find_instrument(ticker), seed, 0, Decimal(0), Decimal(0)), seconds)


def test_conflation_keeps_the_last_quote_and_adds_trades_by_aggressor() -> None:
    source = chunk(
        (1 * MS, False, 10, 11, 5, 6),
        (2 * MS, True, 11, 11, 0, 3),
        (3 * MS, True, 12, 12, 0, 4),
        (4 * MS, True, 10, 10, 2, 0),
        (5 * MS, False, 11, 12, 7, 8),
        (251 * MS, True, 12, 12, 0, 1),
        (600 * MS, False, 12, 13, 1, 1),
    )
    assert rows_of(conflated([source], 250 * MS)) == [
        (False, [(5 * MS, True, 10, 10, 2, 0), (5 * MS, True, 12, 12, 0, 7), (5 * MS, False, 11, 12, 7, 8)]),
        (False, [(251 * MS, True, 12, 12, 0, 1)]),
        (False, [(600 * MS, False, 12, 13, 1, 1)]),
    ]


def test_conflation_spans_chunks_and_not_gaps() -> None:
    chunks = [
        chunk((1 * MS, False, 10, 11, 1, 1)),
        chunk((2 * MS, False, 11, 12, 1, 1)),
        chunk((3 * MS, False, 12, 13, 1, 1), gap=True),
    ]
    assert rows_of(conflated(chunks, 250 * MS)) == [
        (False, [(2 * MS, False, 11, 12, 1, 1)]),
        (True, [(3 * MS, False, 12, 13, 1, 1)]),
    ]


def test_kurtosis_and_correlation_of_known_series() -> None:
    swinging = [1.0, -1.0] * 50
    assert kurtosis(swinging) == 1.0
    assert correlation(swinging, 1) == -1.0
    assert correlation(swinging, 2) == 1.0
    assert (kurtosis([1.0] * 20), correlation([1.0] * 20, 1), correlation(swinging, 95)) == (None, None, None)


def test_measuring_the_same_market_twice_gives_the_same_figures() -> None:
    assert generated("BTC", 5, 1800) == generated("BTC", 5, 1800)


def test_a_market_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too short to be measured"):
        generated("BTC", 5, 1e-9)


def test_generated_bitcoin_looks_like_a_perpetual() -> None:
    figures = generated("BTC", 1, 86_400)
    assert 0.98 < figures.one_tick_share < 1
    assert 2 < figures.touch_sizes[2] < 4
    assert 0.03 < figures.trade_sizes[2] < 0.3
    assert 1 < figures.trades_per_s < 3
    assert 0.1 < figures.moved_share < 0.4
    assert figures.volatility is not None
    assert 0.2 < figures.volatility < 1
    assert figures.second_kurtosis is not None
    assert figures.second_kurtosis > 6
    assert figures.minute_kurtosis is not None
    assert figures.minute_kurtosis > 4
    assert figures.trade_clustering is not None
    assert figures.trade_clustering > 0.1
    memory = figures.shock_memory[0]
    assert memory is not None
    assert memory > 0.1


def test_recorded_bitcoin_is_measured_with_the_same_rule() -> None:
    paths = [real_recording(f"binance_usdm_BTCUSDT_20240808_{part}.parquet") for part in ("bbo", "trades")]
    figures = measure(open_recording(paths, None, "BTC"), conflate_ns=NANOSECONDS // 4)
    assert 344 < figures.seconds < 345
    assert figures.quotes_per_s == pytest.approx(4, abs=0.05)
    assert figures.one_tick_share > 0.98
