"""The sweep is held against the bot: for hundreds of settings, order by order, the same fills."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from backtesting import BacktestSettings, open_data, run_backtest
from backtesting.sweep import Sweep
from domain.market import Side
from markets.recordings import RecordingError
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, Columns, real_recording, write
from tests.support.sweeps import Tally, hold_against_bot, random_setting

SLICES = 15
SETTINGS_PER_SLICE = 8


def test_on_candles_every_fill_equals_the_bots(tmp_path: Path) -> None:
    tally = Tally()
    for seed in range(SLICES):
        chance = Random(seed)
        data = open_data([write(tmp_path / f"{seed}.parquet", random_candles(chance, 150))], ticker="BTC")
        hold_against_bot(data, [random_setting(chance, 1_000) for _ in range(SETTINGS_PER_SLICE)], tally)
    assert tally.equal > 100
    assert tally.fills > 5_000


def test_on_ticks_every_fill_equals_the_bots(tmp_path: Path) -> None:
    tally = Tally()
    for seed in range(1_000, 1_000 + SLICES):
        chance = Random(seed)
        bbo, prints = random_ticks(chance, 1_500)
        files = [write(tmp_path / f"{seed}.parquet", bbo), write(tmp_path / f"{seed}.csv", prints)]
        hold_against_bot(
            open_data(files, ticker="BTC"),
            [random_setting(chance, 1_000) for _ in range(SETTINGS_PER_SLICE)],
            tally,
        )
    assert tally.equal > 80
    assert tally.fills > 3_000


def test_quotes_without_trades_equal_the_bots(tmp_path: Path) -> None:
    tally = Tally()
    for seed in range(5):
        chance = Random(seed)
        data = open_data([write(tmp_path / f"{seed}.csv", random_ticks(chance, 2_000)[0])], ticker="BTC")
        hold_against_bot(data, [random_setting(chance, 1_000) for _ in range(3)], tally)
    assert tally.equal > 10
    assert tally.fills > 500


def test_parts_that_begin_with_trades_equal_the_bots(tmp_path: Path) -> None:
    """The bot waits for the first quote, however long before it trades were printed."""
    tally = Tally()
    for seed in range(10):
        chance = Random(seed)
        bbo, prints = random_ticks(chance, 400)
        files = [write(tmp_path / f"{seed}.csv", bbo), write(tmp_path / f"{seed}_trades.csv", prints)]
        for _ in range(2):
            data = open_data(files, ticker="BTC", from_ns=_just_before_a_trade(chance, bbo, prints))
            assert next(iter(data.source.chunks())).is_trade[0]
            hold_against_bot(data, [random_setting(chance, 1_000) for _ in range(5)], tally)
    assert tally.equal > 80
    assert tally.fills > 700


def _just_before_a_trade(chance: Random, bbo: Columns, prints: Columns) -> int:
    """One of the first forty trades, but not of those that the next quote follows soonest."""
    quoted = bbo["ts_local_ns"]
    waits = sorted((quoted[bisect_right(quoted, printed)] - printed, printed) for printed in prints["ts_local_ns"][:40])
    return int(chance.choice(waits[10:])[1])


def test_a_part_without_any_quote_is_no_market(tmp_path: Path) -> None:
    times = [NOON + second * SECOND for second in range(5)]
    bids, asks, sizes = [10.0] * 2, [10.1] * 2, [1.0] * 2
    bbo: Columns = {"ts_local_ns": times[::4], "bid": bids, "bid_qty": sizes, "ask": asks, "ask_qty": sizes}
    prints: Columns = {"ts_local_ns": times[1:4], "price": [10.1] * 3, "qty": [1.0] * 3, "buyer_is_maker": [False] * 3}
    files = [write(tmp_path / "bbo.csv", bbo), write(tmp_path / "trades.csv", prints)]
    data = open_data(files, ticker="BTC", from_ns=times[1], to_ns=times[4])
    words = "the market ended before its first quote"
    with pytest.raises(RecordingError, match=words):
        run_backtest(data, BacktestSettings(ticker="BTC", quantity=Decimal(1)))
    with pytest.raises(RecordingError, match=words):
        Sweep(data)


def test_a_part_with_funding_has_the_bots_money_to_the_last_digit(tmp_path: Path) -> None:
    chance, tally = Random(7), Tally()
    candle_file = write(tmp_path / "candles.csv", random_candles(chance, 900))
    hours = range(-1, 40)
    rates = [round(chance.uniform(-0.0005, 0.0005), 7) for _ in hours]
    dates = [NOON // SECOND + hour * 3_600 for hour in hours]
    funding = write(tmp_path / "funding.parquet", {"date": dates, "funding_rate": rates})
    from_ns, to_ns = NOON + 100 * 60 * SECOND, NOON + 700 * 60 * SECOND
    data = open_data([candle_file], ticker="BTC", funding=funding, from_ns=from_ns, to_ns=to_ns)
    buys = BacktestSettings(ticker="BTC", quantity=Decimal("0.5"), take_profit=Decimal("0.3"), wait_time=Decimal(60))
    hold_against_bot(data, [buys, replace(buys, direction=Side.SELL), replace(buys, boost=True)], tally)
    assert tally.equal == 3
    assert tally.fills > 100


def test_on_recorded_ticks_every_fill_equals_the_bots() -> None:
    names = [f"binance_usdm_BTCUSDT_20240808_{kind}.parquet" for kind in ("bbo", "trades")]
    data = open_data([real_recording(name) for name in names], ticker="BTC")
    tally, chance = Tally(), Random(4)
    step = data.source.rules.quantity_step
    wanted = [
        BacktestSettings(
            ticker="BTC",
            quantity=step * chance.choice((1, 10, 300)),
            take_profit=Decimal(chance.randint(15, 120)) / 1_000,
            direction=chance.choice(tuple(Side)),
            max_orders=chance.choice((3, 40)),
            wait_time=Decimal(chance.choice((1, 5, 40))),
            grid_step=chance.choice((Decimal(-100), Decimal("0.01"))),
            latency_ns=chance.choice((3, 50, 250)) * 1_000_000,
            balance=Decimal(100_000_000),
        )
        for _ in range(4)
    ]
    hold_against_bot(data, wanted, tally)
    assert tally.equal > 2
    assert tally.fills > 100


def test_on_recorded_candles_every_fill_equals_the_bots() -> None:
    """Two slices, one of them with a hole between two segments."""
    path = real_recording("binance_usdm_BTCUSDT_1m.parquet")
    whole = open_data([path], ticker="BTC")
    tally, chance = Tally(), Random(11)
    day_ns = 86_400 * SECOND
    [hole, *_] = whole.gaps
    for from_ns, to_ns in (
        (hole[0] - day_ns // 2, hole[1] + day_ns // 2),
        (whole.start_ns + 9 * day_ns, whole.start_ns + 10 * day_ns),
    ):
        data = open_data([path], ticker="BTC", from_ns=from_ns, to_ns=to_ns)
        wanted = [
            BacktestSettings(
                ticker="BTC",
                quantity=Decimal("0.01"),
                take_profit=Decimal(chance.randint(20, 500)) / 1_000,
                direction=chance.choice(tuple(Side)),
                max_orders=chance.randint(5, 80),
                wait_time=Decimal(chance.randint(30, 900)),
                grid_step=chance.choice((Decimal(-100), Decimal("0.05"), Decimal("0.4"))),
                boost=chance.random() < 0.2,
                balance=Decimal(1_000_000),
            )
            for _ in range(4)
        ]
        hold_against_bot(data, wanted, tally)
    assert tally.equal == 8
    assert tally.fills > 200
