from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from domain.market import MarketRules
from markets.recordings import MarketOverride, RecordingError, RecordingSummary, open_recording
from markets.tape import Chunk, FundingTerms, MarketSource, TapeScale
from tests.support.recorded import CANDLES, QUOTES, TRADES, opened
from tests.support.recordings import NOON, SECOND, Columns, candles, quotes, real_recording, trades

Row = tuple[float, bool, int, int, int, int]


def rows_of(source: MarketSource, after_ns: int | None = None) -> list[Row]:
    """All rows, times as seconds after noon."""
    return [row for chunk in source.chunks(after_ns) for row in rows_in(chunk)]


def rows_in(chunk: Chunk) -> Iterator[Row]:
    seconds = [(at_ns - NOON) / SECOND for at_ns in chunk.time_ns]
    return zip(seconds, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size, strict=True)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_quotes_and_trades_become_one_tape_in_whole_units(tmp_path: Path, ending: str) -> None:
    source = opened(tmp_path, QUOTES, TRADES, ending=ending)
    assert source.scale == TapeScale(Decimal("0.1"), Decimal("0.01"))
    assert rows_of(source) == [
        (0, False, 1001, 1002, 150, 225),
        (0.5, True, 1001, 1001, 25, 0),
        (1, True, 1002, 1002, 0, 100),
        (1, False, 1000, 1002, 100, 200),
        (2.5, False, 1000, 1001, 300, 50),
    ]


def test_the_files_may_be_named_in_either_order(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert rows_of(opened(tmp_path, TRADES, QUOTES)) == rows_of(opened(tmp_path / "a", QUOTES, TRADES))


def test_a_recording_says_what_it_is(tmp_path: Path) -> None:
    source = opened(tmp_path, QUOTES, TRADES)
    hashes = [hashlib.sha256((tmp_path / f"part{index}.parquet").read_bytes()).hexdigest() for index in (0, 1)]
    assert source.rules == MarketRules("BTC", "BTC-PERP", Decimal("0.1"), Decimal("0.01"), Decimal("0.01"))
    assert (source.start_ns, source.queues, source.funding) == (NOON, True, FundingTerms())
    assert source.identity == (
        f"recording of BTC, tick 0.1 step 0.01: part0.parquet sha256 {hashes[0]}, part1.parquet sha256 {hashes[1]}"
    )
    assert source.description == (
        "part0.parquet, part1.parquet: 3 quotes, 4 trades, 2023-11-14 22:13:20 to 2023-11-14 22:13:22 UTC, no gap, "
        "2 trades without a quote left out"
    )
    assert source.summary == RecordingSummary(
        NOON, NOON + 5 * SECOND // 2, quotes=3, trades=4, gaps=0, gap_ns=0, dropped_trades=2
    )


def test_trades_come_before_quotes_of_the_same_moment_across_batches(tmp_path: Path) -> None:
    count = 70_000
    bids = quotes([(second // 4, 100.0, 1.0, 100.5, 1.0) for second in range(count)])
    prints = trades([(second // 2, 100.5, 1.0, False) for second in range(2, count // 2)])
    rows = rows_of(opened(tmp_path, bids, prints))
    assert len(rows) == 70_000 + 34_998
    assert rows == sorted(rows, key=lambda row: (row[0], not row[1]))


def test_a_silence_of_the_quotes_is_a_gap_and_its_trades_are_left_out(tmp_path: Path) -> None:
    bids = quotes([(0, 10, 1, 11, 1), (60, 10, 1, 11, 1), (120.5, 10, 1, 11, 1), (121, 10, 1, 11, 1)])
    prints = trades([(second, 10, 1, True) for second in (61, 120, 120.25, 120.5, 121, 181, 182)])
    source = opened(tmp_path, bids, prints)
    chunks = list(source.chunks())
    assert [(chunk.gap_before, [row[0] for row in rows_in(chunk)]) for chunk in chunks] == [
        (False, [0, 60, 61, 120]),
        (True, [120.5, 121, 121]),
        (False, [181]),
    ]
    summary = source.summary
    assert (summary.gaps, summary.gap_ns, summary.dropped_trades) == (1, 60_500_000_000, 3)
    assert summary.end_ns == NOON + 181 * SECOND


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_candle_is_four_points_of_a_path(tmp_path: Path, ending: str) -> None:
    source = opened(tmp_path, CANDLES, ending=ending)
    assert (source.scale, source.queues) == (TapeScale(Decimal("0.1"), Decimal("0.1")), False)
    assert rows_of(source)[:16] == [
        (0, False, 100, 101, 0, 0),
        (0, True, 100, 100, 20, 20),
        (15, False, 95, 96, 0, 0),
        (15, True, 95, 95, 20, 20),
        (30, False, 105, 106, 0, 0),
        (30, True, 105, 105, 20, 20),
        (45, False, 102, 103, 0, 0),
        (45, True, 102, 102, 20, 20),
        (60, False, 102, 103, 0, 0),
        (60, True, 102, 102, 17, 17),
        (75, False, 104, 105, 0, 0),
        (75, True, 104, 104, 17, 17),
        (90, False, 99, 100, 0, 0),
        (90, True, 99, 99, 18, 18),
        (105, False, 100, 101, 0, 0),
        (105, True, 100, 100, 18, 18),
    ]


def test_a_thin_candle_has_no_trades_of_nothing(tmp_path: Path) -> None:
    last = rows_of(opened(tmp_path, CANDLES))[16:]
    assert [row[5] for row in last if row[1]] == [1, 1]
    assert len([row for row in last if not row[1]]) == 4


def test_a_candle_that_closes_at_its_open_goes_low_first(tmp_path: Path) -> None:
    flat = candles([(0, 10, 12, 9, 10, 4), (1, 10, 12, 9, 10, 4)])
    assert [row[2] for row in rows_of(opened(tmp_path, flat))][0:8:2] == [10, 9, 12, 10]


def test_a_missing_bar_and_a_new_segment_are_gaps(tmp_path: Path) -> None:
    bars = candles([(minute, 10, 10, 10, 10, 4) for minute in (0, 1, 3, 4, 5)])
    bars["segment"] = [0, 0, 0, 0, 1]
    source = opened(tmp_path, bars)
    told = [(chunk.gap_before, next(rows_in(chunk))[0]) for chunk in source.chunks()]
    assert told == [(False, 0), (True, 180), (True, 300)]
    assert (source.summary.gaps, source.summary.gap_ns, source.summary.candles) == (2, 60 * SECOND, 5)
    assert source.summary.end_ns == NOON + 345 * SECOND


def test_candle_files_follow_one_another(tmp_path: Path) -> None:
    first, second = ([(minute, 10.0, 10.0, 10.0, 10.0, 4.0) for minute in part] for part in (range(3), range(3, 6)))
    source = opened(tmp_path, candles(first), candles(second))
    assert [row[0] for row in rows_of(source)] == [second for second in range(0, 360, 15) for _ in (0, 1)]
    assert source.summary.gaps == 0


def test_longer_bars_have_their_points_further_apart_and_their_length_is_said(tmp_path: Path) -> None:
    bars = candles([(5 * bar, 10, 12, 9, 11, 4) for bar in range(3)])
    source = opened(tmp_path, bars)
    assert [row[0] for row in rows_of(source) if not row[1]][:5] == [0, 75, 150, 225, 300]
    assert (source.summary.bar_ns, source.summary.end_ns) == (300 * SECOND, NOON + 825 * SECOND)
    assert source.description.startswith("part0.parquet: 3 candles of 300 s, ")
    assert opened(tmp_path, CANDLES).description.startswith("part0.parquet: 3 candles, ")


@pytest.mark.parametrize("contents", [(QUOTES, TRADES), (CANDLES,)], ids=["ticks", "candles"])
def test_resuming_after_any_row_gives_the_rows_that_follow(tmp_path: Path, contents: tuple[Columns, ...]) -> None:
    source = opened(tmp_path, *contents)
    whole = rows_of(source)
    for after in [-5.0, *(row[0] for row in whole), 0.7, 1e6]:
        assert rows_of(source, NOON + round(after * SECOND)) == [row for row in whole if row[0] > after]


def test_a_gap_is_still_told_when_resuming_right_before_it(tmp_path: Path) -> None:
    bids = quotes([(second, 10, 1, 11, 1) for second in (0, 1, 100, 101)])
    source = opened(tmp_path, bids)
    told = [[chunk.gap_before for chunk in source.chunks(NOON + after * SECOND)] for after in (0, 1, 50, 100, 101)]
    assert told == [[False, True], [True], [True], [False], []]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    count = 100_000
    source = opened(tmp_path, quotes([(second / 10, 10, 1, 11, 1) for second in range(count)]))
    assert max(len(chunk) for chunk in source.chunks()) <= 32_768


@pytest.mark.parametrize(
    "text", ["2023-11-14 22:13:20+00:00", "2023-11-14T22:13:20Z", "2023-11-14 22:13:20", str(NOON // SECOND)]
)
def test_dates_are_read_in_the_forms_venues_use(tmp_path: Path, text: str) -> None:
    later = str(NOON // SECOND + 60) if text.isdigit() else text.replace("13:20", "14:20")
    bars = {**candles([(0, 10, 12, 9, 11, 4), (1, 10, 12, 9, 11, 4)]), "date": [text, later]}
    assert [row[0] for row in rows_of(opened(tmp_path, bars, ending="csv"))][::2] == [0, 15, 30, 45, 60, 75, 90, 105]


def test_an_override_replaces_what_the_file_suggests(tmp_path: Path) -> None:
    market = MarketOverride(Decimal("0.05"), Decimal("0.1"), Decimal("0.3"))
    source = opened(tmp_path, QUOTES, market=market)
    rules = source.rules
    assert MarketOverride(rules.tick_size, rules.quantity_step, rules.min_quantity) == market
    # Recorded sizes keep their own, finer unit.
    assert source.scale == TapeScale(Decimal("0.05"), Decimal("0.01"))
    assert rows_of(source)[0] == (0, False, 2002, 2004, 150, 225)


def test_a_step_for_candles_drops_what_is_below_it(tmp_path: Path) -> None:
    noisy = candles([(0, 10, 12, 9, 11, 0.1 + 0.2), (1, 10, 12, 9, 11, 4.0)])
    source = opened(tmp_path, noisy, market=MarketOverride(quantity_step=Decimal("0.05")))
    assert [row[5] for row in rows_of(source) if row[1]] == [1, 1, 2, 2, 20, 20, 20, 20]


def test_the_real_ticks_are_one_sound_tape() -> None:
    paths = [real_recording(f"binance_usdm_BTCUSDT_20240808_{part}.parquet") for part in ("bbo", "trades")]
    source = open_recording(paths, None, "BTC")
    assert source.scale == TapeScale(Decimal("0.1"), Decimal("0.001"))
    assert (source.summary.quotes, source.summary.trades, source.summary.gaps) == (66_089, 21_313, 0)
    rows = rows_of(source)
    assert len(rows) == 66_089 + 21_313 - source.summary.dropped_trades
    assert all(earlier[0] <= later[0] for earlier, later in itertools.pairwise(rows))


@pytest.mark.parametrize(
    "name, bars, gaps, scale",
    [
        ("binance_usdm_BTCUSDT_1m", 171_295, 3, TapeScale(Decimal("0.1"), Decimal("0.001"))),
        ("hyperliquid_BTC_5m", 38_531, 0, TapeScale(Decimal(1), Decimal("0.00001"))),
    ],
)
def test_the_real_candles_are_streamed_whole(name: str, bars: int, gaps: int, scale: TapeScale) -> None:
    source = open_recording([real_recording(f"{name}.parquet")], None, "BTC")
    quote_rows = gap_count = 0
    for chunk in source.chunks():
        quote_rows += chunk.is_trade.count(False)
        gap_count += chunk.gap_before
    assert (quote_rows, gap_count, source.summary.candles, source.summary.gaps) == (4 * bars, gaps, bars, gaps)
    assert source.scale == scale


def test_the_real_inverse_recording_is_refused() -> None:
    with pytest.raises(RecordingError, match="records an inverse contract"):
        open_recording([real_recording("binance_coinm_BTCUSD_PERP_20240808_09_bbo.parquet")], None, "BTC")
