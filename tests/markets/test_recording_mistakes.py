"""Recordings that cannot be traded, and wrong words about them: one line that says what to do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from markets.recordings import MarketOverride, RecordingError, open_recording, parse_market_override
from tests.support.recorded import CANDLES, QUOTES, TRADES, changed, opened, refusal
from tests.support.recordings import NOON, Columns, candles, write


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
        list(source.chunks(None))
