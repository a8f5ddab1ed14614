"""Result = grid profit + open position + funding - fees, and the venue's books say the same to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from backtesting import BacktestResult, BacktestSettings, EquitySample, Money, open_data, run_backtest
from backtesting.equity import largest_drawdown
from domain.events import Part
from domain.market import Side
from domain.orders import Purpose
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, candles, write

D = Decimal


def money_from_fills(result: BacktestResult) -> Decimal:
    """Added up here once more, from the trades and payments alone; the position at the last mid."""
    assert result.last_mid is not None
    signed = [(fill.quantity * fill.side.sign, fill) for fill in result.fills]
    cash = -sum((quantity * fill.price for quantity, fill in signed), D(0))
    position = sum((quantity for quantity, _ in signed), D(0))
    fees = sum((fill.fee for _, fill in signed), D(0))
    return cash + position * result.last_mid - fees + sum((p.amount for p in result.payments), D(0))


@pytest.mark.parametrize("seed", range(6))
def test_the_result_equals_the_fills_and_the_last_equity_to_the_last_digit(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    if seed % 2:
        bbo, prints = random_ticks(chance, 2_000)
        files = [write(tmp_path / "bbo.parquet", bbo), write(tmp_path / "trades.parquet", prints)]
    else:
        files = [write(tmp_path / "candles.parquet", random_candles(chance, 800))]
    hours = range(-1, 40)
    rates = [chance.choice((0.000125, -0.00003, 0.0004)) for _ in hours]
    dates = [NOON // SECOND + hour * 3_600 for hour in hours]
    funding = write(tmp_path / "funding.csv", {"date": dates, "funding_rate": rates})
    settings = BacktestSettings(
        ticker="BTC",
        quantity=D("0.05"),
        take_profit=D("0.07"),
        direction=chance.choice(list(Side)),
        wait_time=D(chance.choice((1, 30))),
        boost=seed == 3,
        maker_fee_rate=D("0.0002"),
    )
    result = run_backtest(open_data(files, ticker="BTC", funding=funding), settings)
    money = result.money
    assert money.open_position is not None
    assert money.result == money.grid_profit + money.open_position + money.funding - money.fees
    assert money.result == money_from_fills(result)
    assert money.equity == settings.balance + money_from_fills(result) == result.equity[-1].equity
    assert (money.fees != 0, len(result.fills) > 10) == (True, True)
    assert {order.role for order in result.orders} == {Purpose.OPEN, Purpose.EXIT if seed == 3 else Purpose.CLOSE}
    assert result.max_drawdown == largest_drawdown(settings.balance, result.equity) > 0


def sample(equity: int) -> EquitySample:
    value = D(equity)
    return EquitySample(0, value, value, value, D(0), value, D(0), D(0), D(0))


@pytest.mark.parametrize(
    "equities, deepest",
    [([], 0), ([100, 110, 120], 0), ([90], 10), ([130, 100, 140, 115, 150], 30), ([80, 130, 60], 70)],
)
def test_the_largest_drawdown_is_the_deepest_fall_below_an_earlier_peak(equities: list[int], deepest: int) -> None:
    assert largest_drawdown(D(100), [sample(equity) for equity in equities]) == deepest


def test_one_round_trip_is_told_in_full(tmp_path: Path) -> None:
    """Bought in the first bar, which falls back through the open; sold in the fourth, which rises through the close."""
    bars = [(0, 100.0, 100.4, 100.0, 100.2, 8.0), (1, 100.2, 100.2, 98.0, 99.0, 8.0)]
    bars += [(2, 99.0, 100.5, 99.0, 100.4, 8.0), (3, 100.4, 103.0, 100.0, 103.0, 8.0)]
    bars += [(4, 103.0, 103.0, 103.0, 103.0, 8.0)]
    file = write(tmp_path / "candles.csv", candles(bars))
    settings = BacktestSettings(
        ticker="BTC", quantity=D(1), take_profit=D(1), wait_time=D(100_000), max_orders=1, maker_fee_rate=D("0.001")
    )
    result = run_backtest(open_data([file], ticker="BTC"), settings)
    told = [(fill.role, fill.side, fill.price, fill.quantity, fill.fee, fill.parts) for fill in result.fills]
    opened, closed = D("100.4"), D("101.5")  # 100.4 x 1.01, rounded up to the tick
    whole = (Part(1, D(1)),)
    assert told == [
        (Purpose.OPEN, Side.BUY, opened, D(1), D("0.1004"), whole),
        (Purpose.CLOSE, Side.SELL, closed, D(1), D("0.1015"), whole),
    ]
    assert [(fill.time_ns - NOON) // SECOND for fill in result.fills] == [45, 210]
    assert result.money == Money(settings.balance, D("1.1"), D(0), D(0), D("0.2019"))
    assert result.money.result == D("0.8981")
