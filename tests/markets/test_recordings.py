from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.market import MarketRules
from markets.recordings import (
    MarketOverride,
    Recording,
    RecordingError,
    RecordingSummary,
    open_recording,
    parse_market_override,
)
from markets.tape import Chunk, FundingTerms, MarketSource, TapeScale
from tests.support.recordings import NOON, SECOND, Columns, candles, quotes, real_recording, trades, write

QUOTES = quotes([(0, 100.1, 1.5, 100.2, 2.25), (1, 100.0, 1.0, 100.2, 2.0), (2.5, 100.0, 3.0, 100.1, 0.5)])
TRADES = trades([(-1, 100.2, 9.0, False), (0, 100.2, 8.0, False), (0.5, 100.1, 0.25, True), (1, 100.2, 1.0, False)])
CANDLES = candles([(0, 10.0, 10.5, 9.5, 10.2, 8.0), (1, 10.2, 10.4, 9.9, 10.0, 7.0), (2, 10.0, 10.1, 10.0, 10.0, 0.2)])
Row = tuple[float, bool, int, int, int, int]


def rows_of(source: MarketSource, after_ns: int | None = None) -> list[Row]:
    """All rows, times as seconds after noon."""
    return [row for chunk in source.chunks(after_ns) for row in rows_in(chunk)]


def rows_in(chunk: Chunk) -> Iterator[Row]:
    seconds = [(at_ns - NOON) / SECOND for at_ns in chunk.time_ns]
    return zip(seconds, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size, strict=True)


def opened(
    folder: Path, *contents: Columns, ending: str = "parquet", market: MarketOverride | None = None
) -> Recording:
    paths = [write(folder / f"part{index}.{ending}", columns) for index, columns in enumerate(contents)]
    return open_recording(paths, market, "BTC")


def changed(columns: Columns, name: str, row: int, value: object) -> dict[str, list[Any]]:
    """A copy with one value replaced; rows counted from 1, as the errors count them."""
    copy = {key: list(values) for key, values in columns.items()}
    copy[name][row - 1] = value
    return copy


def refusal(folder: Path, *contents: Columns, ending: str = "parquet", market: MarketOverride | None = None) -> str:
    with pytest.raises(RecordingError) as error:
        opened(folder, *contents, ending=ending, market=market)
    text = str(error.value).replace(f"{folder}/", "")
    assert "\n" not in text
    return text


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


@pytest.mark.parametrize(
    "text, override",
    [
        ("tick=0.1", MarketOverride(tick_size=Decimal("0.1"))),
        ("step=0.001, min=0.005", MarketOverride(None, Decimal("0.001"), Decimal("0.005"))),
        ("min=2,tick=1e-5,step=1", MarketOverride(Decimal("0.00001"), Decimal(1), Decimal(2))),
    ],
)
def test_an_override_is_read(text: str, override: MarketOverride) -> None:
    assert parse_market_override(text) == override


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "'' is none of tick=, step=, min="),
        ("tick", "'tick' is none of tick=, step=, min="),
        ("size=1", "'size=1' is none of tick=, step=, min="),
        ("tick=1,tick=2", "tick is given twice"),
        ("tick=0.1.2", "tick needs a number, not '0.1.2'"),
        ("step=NaN", "step must lie between 1e-12 and 1e9, not NaN"),
        ("min=0", "min must lie between 1e-12 and 1e9, not 0"),
        ("tick=-1", "tick must lie between 1e-12 and 1e9, not -1"),
        ("step=0.2,min=0.3", "min must be a multiple of step"),
    ],
)
def test_a_wrong_override_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(RecordingError) as error:
        parse_market_override(text)
    assert str(error.value) == f"--market {text!r}: {complaint}"


NAN = float("nan")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    "contents, complaint",
    [
        (
            (changed(QUOTES, "bid", 2, 100.2),),
            "part0, row 2: the quote is crossed (bid at or above ask); remove the row",
        ),
        ((changed(QUOTES, "bid", 3, 0.0),), "part0, row 3: the quote is zero or negative; remove the row"),
        ((changed(QUOTES, "ask_qty", 1, 0.0),), "part0, row 1: ask_qty is zero or negative; remove the row"),
        ((changed(QUOTES, "ask", 2, float("inf")),), "part0, row 2: ask is not a finite number; remove the row"),
        (
            (changed(QUOTES, "ts_local_ns", 3, NOON),),
            "part0, row 3: its time is earlier than the row before; sort by ts_local_ns, and name files in time order",
        ),
        ((QUOTES, changed(TRADES, "price", 4, -1.0)), "part1, row 4: price is zero or negative; remove the row"),
        (
            (QUOTES, {**TRADES, "ts_local_ns": [NOON - 10**15 + row for row in range(4)]}),
            "part1 has no trade within the time of part0; name files of one session",
        ),
        ((TRADES,), "part0 holds trades only; name the best bid/offer of the same time with it: BBO,TRADES"),
        ((QUOTES, CANDLES), "candles and ticks cannot be replayed together; name files of one sort"),
        ((changed(CANDLES, "low", 1, 0.0),), "part0, row 1: the price is zero or negative; remove the row"),
        (
            (changed(CANDLES, "high", 2, 10.1),),
            "part0, row 2: open or close lies outside low to high; mend or remove the row",
        ),
        ((changed(CANDLES, "volume", 2, -1.0),), "part0, row 2: the volume is negative; mend or remove the row"),
        (
            (changed(CANDLES, "date", 3, NOON // 10**6 + 60_000),),
            "part0, row 3: the bar starts before the last one ended; sort the bars by date, once each, "
            "and name files in time order",
        ),
        (
            (changed(CANDLES, "volume", 1, 0.1 + 0.2),),
            "part0, row 1: volume 0.30000000000000004 has too many digits to be a multiple of a step; "
            "name its unit with --market step=",
        ),
        (
            ({**CANDLES, "volume": [0.0, 0.0, 0.0]},),
            "part0 has no volume at all, so nothing could trade; give other candles",
        ),
        (
            ({name: values[:1] for name, values in CANDLES.items()},),
            "part0 has a single candle, which tells no bar length; give at least two",
        ),
        (
            (CANDLES, candles([(minute, 10.0, 10.0, 10.0, 10.0, 1.0) for minute in (5, 10)])),
            "the candle files have different bar lengths (part0 60 s, part1 300 s); name files of one length",
        ),
        (
            ({**CANDLES, "date": [NOON // 10**6 - 60_000 * row for row in range(3)]},),
            "part0: no bar starts after the one before; sort the bars by date, once each",
        ),
        (
            ({**CANDLES, "date": [NOON // 10**6 + each for each in (0, 500, 1000)]},),
            "part0 holds bars of 0.5 s; give candles of a minute, or at least of a second and at most of an hour",
        ),
        (
            (candles([(1440 * day, 10.0, 12.0, 9.0, 11.0, 4.0) for day in range(3)]),),
            "part0 holds bars of 86400 s; give candles of a minute, or at least of a second and at most of an hour",
        ),
        (
            ({"a": [1], "b": [2]},),
            "part0 has the wrong columns (a, b): needed are best bid/offer (ts_local_ns, bid, bid_qty, ask, ask_qty), "
            "or trades (ts_local_ns, price, qty, buyer_is_maker), or candles (date, open, high, low, close, volume)",
        ),
        (
            ({name: values for name, values in QUOTES.items() if name != "ask_qty"},),
            "part0 has the wrong columns (ts_local_ns, bid, bid_qty, ask): best bid/offer (ts_local_ns, bid, bid_qty, "
            "ask, ask_qty) needs also ask_qty",
        ),
        (
            ({**CANDLES, "contract_type": ["inverse"] * 3},),
            "part0 records an inverse contract (quantities in contracts, settled in the coin), which this bot does not "
            "trade; give a recording of a linear one, such as USDT- or USDC-margined",
        ),
    ],
)
def test_an_unsound_recording_is_refused_in_one_line(
    tmp_path: Path, ending: str, contents: tuple[Columns, ...], complaint: str
) -> None:
    assert refusal(tmp_path, *contents, ending=ending).replace(f".{ending}", "") == complaint


def test_a_number_that_is_missing_or_not_one_is_refused(tmp_path: Path) -> None:
    nan, missing = changed(QUOTES, "bid", 2, NAN), changed(QUOTES, "bid", 2, None)
    assert refusal(tmp_path, nan) == "part0.parquet, row 2: bid is not a finite number; remove the row"
    expected = "row 2: bid is missing or not a number; mend or remove the row"
    assert refusal(tmp_path, missing) == f"part0.parquet, {expected}"
    assert refusal(tmp_path, nan, ending="csv") == f"part0.csv, {expected}"
    word = refusal(tmp_path, changed(QUOTES, "bid", 2, "x"), ending="csv")
    assert word.startswith("part0.csv cannot be read: In CSV column #1: Row #3: CSV conversion error")


def test_a_file_that_is_not_there_empty_or_cut_short_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.parquet", QUOTES).read_bytes()
    (tmp_path / "empty.parquet").touch()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    told = []
    for name in ("none.parquet", "empty.parquet", "cut.parquet"):
        with pytest.raises(RecordingError) as error:
            open_recording([tmp_path / name], None, "BTC")
        told.append(str(error.value).removeprefix(f"{tmp_path}/"))
    assert told[0] == "none.parquet is not a file that can be read; check the path given to --replay"
    assert told[1] == "empty.parquet is empty; record or copy it again"
    assert told[2].startswith("cut.parquet is damaged or cut short (")
    assert told[2].endswith("); copy it again")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("contents", [QUOTES, CANDLES], ids=["ticks", "candles"])
def test_a_file_with_columns_and_no_rows_is_refused(tmp_path: Path, ending: str, contents: Columns) -> None:
    nothing: dict[str, list[Any]] = {name: [] for name in contents}
    expected = f"part0.{ending} has columns but no rows; record or copy it again"
    assert refusal(tmp_path, nothing, ending=ending) == expected


@pytest.mark.parametrize("name", ["binance_coinm_BTCUSD_bbo.parquet", "BTCUSD_PERP-1m.csv"])
def test_an_inverse_contract_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, QUOTES)
    with pytest.raises(RecordingError, match="records an inverse contract"):
        open_recording([path], None, "BTC")


def test_an_inverse_contract_is_known_by_the_files_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "quotes.parquet", QUOTES, metadata={"contract_type": "inverse"})
    with pytest.raises(RecordingError, match="records an inverse contract"):
        open_recording([path], None, "BTC")


def test_a_tick_the_prices_do_not_fit_is_refused(tmp_path: Path) -> None:
    expected = "part0.parquet: its prices move by 0.1, which is no multiple of tick=1; leave tick= out"
    assert refusal(tmp_path, QUOTES, market=MarketOverride(tick_size=Decimal(1))) == expected


def test_32_bit_prices_are_refused_because_they_are_not_what_was_traded(tmp_path: Path) -> None:
    import pyarrow as pa

    blurred: dict[str, Any] = {**QUOTES, "bid": pa.array(QUOTES["bid"], pa.float32())}
    expected = "part0.parquet: column bid is 32-bit floats, which blur prices; use 64-bit floats"
    assert refusal(tmp_path, blurred) == expected


def test_a_file_changed_after_opening_ends_the_stream_with_a_clear_line(tmp_path: Path) -> None:
    source = opened(tmp_path, QUOTES)
    write(tmp_path / "part0.parquet", changed(QUOTES, "bid", 2, 100.05))
    with pytest.raises(RecordingError, match="was changed since it was opened; start again"):
        rows_of(source)


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
