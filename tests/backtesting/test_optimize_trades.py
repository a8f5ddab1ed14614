"""What trades add up to: the bot's own books, by another way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from backtesting import run_backtest
from backtesting.optimize.engines import CompiledSweep, Job, open_engine
from backtesting.optimize.folds import Window
from backtesting.optimize.markets import DataFiles, Markets, Place
from backtesting.optimize.objectives import Goal, Objective
from backtesting.optimize.trades import Sums, Trades, Yardstick, by_period
from commands.optimize import interruptible
from domain.market import Side
from tests.support.recordings import NOON, SECOND, write
from tests.support.searching import SETTINGS, candle_files, markets_of, net_of, tick_files

D = Decimal
BUSY = replace(SETTINGS, maker_fee_rate=D("0.0002"), wait_time=D(5), max_orders=20)


def whole(markets: Markets) -> Place:
    return Place(Window(markets.data.start_ns, markets.data.end_ns + 1))


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("is_candles", [True, False])
def test_sums_are_those_of_the_bots_own_books(tmp_path: Path, side: Side, is_candles: bool) -> None:
    markets = markets_of(candle_files(tmp_path, 300) if is_candles else tick_files(tmp_path, 1_500))
    data = markets.at(whole(markets))
    result = run_backtest(data, replace(BUSY, direction=side))
    trades = Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)
    sums = Yardstick.of(data).sums(trades)
    assert sums.result == pytest.approx(net_of(result), abs=1e-9)
    assert sums.volume == pytest.approx(float(result.report.volume_quote))
    assert sums.drawdown == pytest.approx(float(result.max_drawdown), abs=1e-9)
    assert len(trades) > 20
    assert sums.wear_bps == pytest.approx(float(result.report.wear_bps or 0), abs=1e-4)


def test_sums_hold_funding_whoever_ran_it(tmp_path: Path) -> None:
    hours = range(-1, 12)
    dates, rates = [NOON // SECOND + hour * 3_600 for hour in hours], [0.0004 for _ in hours]
    funding = write(tmp_path / "funding.csv", {"date": dates, "funding_rate": rates})
    markets = Markets(DataFiles(candle_files(tmp_path, 200), "BTC", None, funding).open(), 0)
    place = whole(markets)
    data = markets.at(place)
    result = run_backtest(data, BUSY)
    bots = Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)
    [swept] = CompiledSweep(markets, 1).run([Job(place, BUSY)])
    sums = [Yardstick.of(data).sums(trades) for trades in (bots, swept)]
    assert result.report.funding != 0
    assert [one.result for one in sums] == pytest.approx([net_of(result)] * 2, abs=1e-9)
    assert sums[0].drawdown == pytest.approx(float(result.max_drawdown), abs=1e-9)


def test_periods_add_up_to_the_whole_and_are_the_same_for_every_run(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path))
    data = markets.at(whole(markets))
    times = Yardstick.of(data).time_ns
    result = run_backtest(data, BUSY)
    ended_early = run_backtest(data, replace(BUSY, run_for_ns=100_000_000_000))
    period_ns = 30_000_000_000
    rows, short = (by_period(one.equity, BUSY.balance, times, period_ns) for one in (result, ended_early))
    assert sum(earned for earned, _ in rows) == pytest.approx(net_of(result))
    assert sum(traded for _, traded in rows) == pytest.approx(float(result.report.volume_quote))
    assert len(rows) == len(short) == len(np.unique((times - 1) // period_ns)) > 8
    assert short[:3] == rows[:3]
    assert set(short[5:]) == {(0.0, 0.0)}


def test_the_first_difference_between_two_runs_is_found(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path))
    data = markets.at(whole(markets))
    result = run_backtest(data, BUSY)
    trades = Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)
    assert trades.first_difference(trades) is None
    price = trades.price.copy()
    price[3] += 1
    assert trades.first_difference(replace(trades, price=price)) == 3
    cut = replace(trades, time_ns=trades.time_ns[:-1], price=trades.price[:-1], size=trades.size[:-1])
    assert trades.first_difference(cut) == cut.first_difference(trades) == len(cut)
    assert cut.told(len(cut), data.source.scale) == "no trade"
    fill = result.fills[0]
    assert trades.told(0, data.source.scale) == f"bought {fill.quantity:f} at {fill.price:f}, time {fill.time_ns}"


def test_a_run_without_trades_adds_up_to_nothing(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path, 60))
    data = markets.at(whole(markets))
    assert Yardstick.of(data).sums(Trades.of([], [], data.source.scale, data.end_ns)) == Sums(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "goal, sums, null_bps, value",
    [
        (Goal.NET, Sums(10.0, 50_000.0, 4.0), None, 10.0),
        (Goal.NET, Sums(10.0, 50_000.0, 4.0), 3.0, 25.0),
        (Goal.NET, Sums(0.0, 0.0, 0.0), 3.0, 0.0),
        (Goal.DRAWDOWN, Sums(10.0, 50_000.0, 4.0), None, 2.5),
        (Goal.DRAWDOWN, Sums(10.0, 50_000.0, 0.0), None, 10.0 / 0.5),
        (Goal.DRAWDOWN, Sums(-10.0, 50_000.0, 4.0), 3.0, 1.25),
        (Goal.VOLUME, Sums(-10.0, 50_000.0, 4.0), None, 25_000.0),
        (Goal.VOLUME, Sums(-40.0, 50_000.0, 4.0), None, 2.0 - 8.0),
        (Goal.VOLUME, Sums(-40.0, 50_000.0, 4.0), 6.5, 25_000.0),
    ],
)
def test_objectives_are_what_they_are_defined_to_be(
    goal: Goal, sums: Sums, null_bps: float | None, value: float
) -> None:
    assert Objective(goal, max_wear=2.0, least_drawdown=0.5).value(sums, null_bps, days=2.0) == pytest.approx(value)


def test_bots_in_processes_tell_what_the_bot_here_tells(tmp_path: Path) -> None:
    files = DataFiles(candle_files(tmp_path, 40), "BTC", None, None)
    markets = Markets(files.open(), 5)
    places = [whole(markets), replace(whole(markets), draw=1)]
    jobs = [Job(place, replace(BUSY, direction=side)) for place in places for side in Side]
    engine = open_engine(files, markets, 2, interruptible, can_compile=False)
    try:
        there = list(engine.run(jobs))
    finally:
        engine.close()
    here = list(open_engine(files, markets, 1, interruptible, can_compile=False).run(jobs))
    assert (engine.name, engine.is_the_bot) == ("the bot itself, in 2 processes", True)
    assert [one.first_difference(two) for one, two in zip(there, here, strict=True)] == [None] * 4
    assert min(len(trades) for trades in here) > 3


@pytest.mark.parametrize("draw", [None, 0])
def test_the_sweep_tells_the_trades_of_the_bot_in_the_order_of_the_jobs(tmp_path: Path, draw: int | None) -> None:
    markets = markets_of(candle_files(tmp_path, 60))
    place = replace(whole(markets), draw=draw)
    both = [replace(BUSY, direction=side, take_profit=D("0.3")) for side in (Side.BUY, Side.SELL)]
    stopping = replace(BUSY, stop_price=D(1_001))
    engine = CompiledSweep(markets, 2)
    jobs = [Job(place, settings) for settings in (*both, stopping, both[0])]
    told = list(engine.run(jobs))
    engine.close()
    data = markets.at(place)
    for job, trades in zip(jobs, told, strict=True):
        result = run_backtest(data, job.settings)
        bots = Trades.of(result.fills, result.payments, data.source.scale, result.end_ns)
        assert trades.first_difference(bots) is None
        assert trades.fee == pytest.approx(bots.fee)
        assert trades.ended_ns == bots.ended_ns
        assert len(trades) > 5 or job.settings is stopping
