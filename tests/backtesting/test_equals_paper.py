"""A backtest is the paper session of the same flags: the same journal, record for record, and the same report."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from backtesting import BacktestData, open_data, run_backtest
from domain.orders import Purpose
from tests.support.paper_sessions import backtest_settings, paper_run, random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, real_recording, write
from trading_bot import Outcome, TradingBot

SEEDS_ON_TICKS = range(9)
SEEDS_ON_CANDLES = range(100, 109)


def assert_equals_paper(data: BacktestData, flags: list[str], folder: Path) -> int:
    """The number of fills that were found equal."""
    result = run_backtest(data, backtest_settings(flags))
    paper = paper_run(data, flags, folder)
    assert result.records == paper.records
    assert result.report.to_json() == paper.report
    assert result.exit_status == paper.status
    if result.is_complete and result.last_mid is not None:
        books, position = paper.books, paper.books.position * data.source.scale.size_unit
        assert result.money.equity == books.cash + position * result.last_mid - books.fees + books.funding
    return len(result.fills)


def random_flags(chance: Random, price: int) -> list[str]:
    """Settings that trade: any direction, with or without boost, grid step, stop and pause price, fees and rebates."""
    sells = chance.random() < 0.5
    flags = ["--ticker", "BTC", "--direction", "sell" if sells else "buy"]
    flags += ["--quantity", str(chance.choice(("0.001", "0.01", "0.05", "0.3")))]
    flags += ["--take-profit", str(chance.choice(("0.02", "0.05", "0.2", "1")))]
    flags += ["--max-orders", str(chance.choice((1, 3, 10, 40)))]
    flags += ["--wait-time", str(chance.choice((0, 2, 30, 300)))]
    flags += ["--latency-ms", str(chance.choice((0, 1, 50, 400)))]
    flags += ["--maker-fee", str(chance.choice(("0", "0.02", "-0.01"))), "--balance", "100000"]
    if chance.random() < 0.2:
        flags += ["--boost"]
    if chance.random() < 0.4:
        flags += ["--grid-step", str(chance.choice(("-0.2", "0", "0.05")))]
    if chance.random() < 0.2:
        flags += ["--stop-price", str(price - 4 if sells else price + 4)]
    elif chance.random() < 0.3:
        flags += ["--pause-price", str(price - 2 if sells else price + 2)]
    if chance.random() < 0.3:
        flags += ["--on-stop", chance.choice(("cancel", "flatten"))]
    if chance.random() < 0.3:
        flags += ["--for", chance.choice(("10m", "2h"))]
    return flags


@pytest.mark.parametrize("seed", SEEDS_ON_TICKS)
def test_on_ticks_every_record_equals_the_paper_session(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    bbo, prints = random_ticks(chance, 2_500)
    files = [write(tmp_path / "bbo.parquet", bbo), write(tmp_path / "trades.csv", prints)]
    assert_equals_paper(open_data(files, ticker="BTC"), random_flags(chance, 1_000), tmp_path)


@pytest.mark.parametrize("seed", SEEDS_ON_CANDLES)
def test_on_candles_every_record_equals_the_paper_session(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    files = [write(tmp_path / "candles.parquet", random_candles(chance, 600))]
    assert_equals_paper(open_data(files, ticker="BTC"), random_flags(chance, 1_000), tmp_path)


def test_a_part_with_recorded_funding_equals_the_paper_session_on_that_part(tmp_path: Path) -> None:
    chance = Random(7)
    candle_file = write(tmp_path / "candles.csv", random_candles(chance, 900))
    hours = range(-1, 40)
    rates = [round(chance.uniform(-0.0005, 0.0005), 7) for _ in hours]
    dates = [NOON // SECOND + hour * 3_600 for hour in hours]
    funding = write(tmp_path / "funding.parquet", {"date": dates, "funding_rate": rates})
    from_ns, to_ns = NOON + 100 * 60 * SECOND, NOON + 700 * 60 * SECOND
    data = open_data([candle_file], ticker="BTC", funding=funding, from_ns=from_ns, to_ns=to_ns)
    flags = ["--ticker", "BTC", "--quantity", "0.5", "--take-profit", "0.3", "--wait-time", "60"]
    assert assert_equals_paper(data, flags, tmp_path) > 20
    result = run_backtest(data, backtest_settings(flags))
    assert len(result.payments) > 5
    assert result.report.funding == sum(payment.amount for payment in result.payments)
    assert from_ns <= result.start_ns <= result.end_ns < to_ns


@pytest.mark.parametrize(
    "flags",
    [
        ["--quantity", "0.01", "--wait-time", "2"],
        ["--quantity", "0.4", "--wait-time", "5", "--direction", "sell", "--grid-step", "0.01", "--maker-fee", "-0.01"],
        ["--quantity", "0.01", "--boost", "--latency-ms", "5", "--max-orders", "3"],
    ],
)
def test_on_recorded_ticks_every_record_equals_the_paper_session(tmp_path: Path, flags: list[str]) -> None:
    names = ("binance_usdm_BTCUSDT_20240808_bbo.parquet", "binance_usdm_BTCUSDT_20240808_trades.parquet")
    data = open_data([real_recording(name) for name in names], ticker="BTC")
    assert assert_equals_paper(data, ["--ticker", "BTC", "--balance", "1000000", *flags], tmp_path) > 50


def test_on_recorded_candles_every_record_equals_the_paper_session(tmp_path: Path) -> None:
    candle_file = real_recording("binance_usdm_BTCUSDT_1m.parquet")
    data = open_data([candle_file], ticker="BTC", to_ns=1_690_300_000 * SECOND)
    flags = ["--ticker", "BTC", "--take-profit", "0.2", "--wait-time", "1800", "--balance", "1000000"]
    assert assert_equals_paper(data, flags, tmp_path) > 200


def test_running_twice_gives_the_same_result_and_leaves_the_data_as_they_were(tmp_path: Path) -> None:
    bbo, prints = random_ticks(Random(3), 2_000)
    files = [write(tmp_path / "bbo.csv", bbo), write(tmp_path / "trades.parquet", prints)]
    data = open_data(files, ticker="BTC")
    settings = backtest_settings(["--ticker", "BTC", "--quantity", "0.01", "--wait-time", "1"])
    first, second = run_backtest(data, settings), run_backtest(data, settings)
    assert first == second
    assert len(first.fills) > 20
    assert {fill.role for fill in first.fills} == {Purpose.OPEN, Purpose.CLOSE}
    assert json.loads(first.to_json())["data"]["files"][0]["name"] == "bbo.csv"


def test_a_run_that_is_stopped_in_the_middle_keeps_what_was_done(tmp_path: Path) -> None:
    files = [write(tmp_path / "candles.csv", random_candles(Random(8), 600))]
    data = open_data(files, ticker="BTC")
    settings = backtest_settings(["--ticker", "BTC", "--quantity", "0.05", "--take-profit", "0.1", "--wait-time", "5"])
    whole = run_backtest(data, settings)

    def stopped_after_two_hours(loop: asyncio.AbstractEventLoop, bot: TradingBot) -> Outcome:
        loop.call_later(7_200, bot.request_stop, "stopped by the test")
        return loop.run_until_complete(bot.run())

    part = run_backtest(data, settings, conduct=stopped_after_two_hours)
    stopped_ns = data.start_ns + 7_200 * SECOND
    until_then = [fill for fill in whole.fills if fill.known_ns < stopped_ns]
    assert (part.is_complete, whole.is_complete) == (False, True)
    assert (part.report.reason, part.exit_status) == ("stopped by the test", 0)
    assert list(part.fills[: len(until_then)]) == until_then
    assert len(until_then) > 5
    assert stopped_ns <= part.end_ns < stopped_ns + 15 * SECOND
    assert part.equity[-1].time_ns <= part.end_ns
