"""What a sweep refuses to tell, and that neither threads nor the compiler change what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from backtesting import BacktestData, BacktestSettings, open_data
from backtesting.sweep import IS_COMPILED, Sweep, SweepResult
from domain.market import Side
from domain.stop import StopMode
from markets.recordings import MarketOverride
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import write
from tests.support.sweeps import random_setting

PLAIN = BacktestSettings(ticker="BTC", quantity=Decimal("0.01"), wait_time=Decimal(30), balance=Decimal(100_000))
LEVERED: dict[str, object] = {
    "quantity": Decimal("0.3"),
    "direction": Side.SELL,
    "max_orders": 1,
    "take_profit": Decimal(1),
    "leverage": Decimal(100),
    "balance": Decimal(4),
}
"""One position of 300 on a margin of 3."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> BacktestData:
    folder = tmp_path_factory.mktemp("market")
    return open_data([write(folder / "candles.parquet", random_candles(Random(1), 400))], ticker="BTC")


def why_not(data: BacktestData, settings: BacktestSettings) -> str | None:
    [result] = Sweep(data).run([settings])
    if result.why_not is not None:
        assert result == SweepResult(settings, result.why_not)
    return result.why_not


def test_numba_is_there_where_the_tests_run() -> None:
    assert IS_COMPILED


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"on_stop": StopMode.FLATTEN}, "on_stop flatten trades at the end of the session"),
        ({"on_stop": StopMode.CANCEL}, "on_stop cancel trades at the end of the session"),
        ({"run_for_ns": 1}, "the session ends before the data"),
        ({"latency_ns": 1_000_000_001}, "the latency is above a second"),
        ({"quantity": Decimal("0.0105")}, "the quantity is not one that the market takes"),
        ({"take_profit": Decimal("0.12345678901234567")}, "take_profit and grid_step have too many digits"),
        ({"take_profit": Decimal(100), "direction": Side.SELL}, "a profit of 100 % downward is no price"),
        ({"max_orders": 0}, "take_profit, wait_time or max_orders is not one that the bot trades"),
        (LEVERED, "equity came close to liquidation"),
        ({"balance": Decimal("0.5")}, "equity came close to the margin of an open"),
    ],
)
def test_a_setting_that_is_not_told_has_a_reason_and_no_number(
    market: BacktestData, changes: dict[str, object], reason: str
) -> None:
    told = why_not(market, replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert told is not None
    assert told.startswith(reason)


@pytest.mark.parametrize("override", [MarketOverride(min_quantity=Decimal("0.01")), MarketOverride(Decimal("0.05"))])
def test_a_market_of_other_units_or_minimums_is_left_to_the_bot(tmp_path: Path, override: MarketOverride) -> None:
    path = write(tmp_path / "candles.csv", random_candles(Random(1), 60))
    data = open_data([path], ticker="BTC", market=override)
    if override.tick_size is not None:
        assert why_not(data, PLAIN) is None
    else:
        assert why_not(data, PLAIN) == "the market has a minimum above one step, so that small fills are carried"


def test_any_number_of_threads_gives_the_same_results_in_the_same_order(market: BacktestData) -> None:
    chance = Random(2)
    settings = [random_setting(chance, 1_000) for _ in range(21)]
    sweep = Sweep(market)
    one = sweep.run(settings, with_fills=True)
    assert [result.settings for result in one] == settings
    assert sweep.run(settings, threads=2, with_fills=True) == one
    assert sweep.run(settings, threads=40, with_fills=True) == one
    assert sweep.run([]) == []


def test_more_fills_than_were_expected_take_more_room_and_change_nothing(market: BacktestData) -> None:
    busy = replace(PLAIN, wait_time=Decimal(0), boost=True)
    roomy, tight = Sweep(market), Sweep(market, room_for_fills=4)
    assert tight.run([busy], with_fills=True) == roomy.run([busy], with_fills=True)
    assert roomy.run([busy])[0].trades > 1_000
    assert roomy.run([busy])[0].fills == ()


def test_without_numba_the_same_code_tells_the_same(tmp_path: Path) -> None:
    """In a process of its own, in which numba cannot be imported."""
    bbo, prints = random_ticks(Random(5), 1_200)
    ticks = [write(tmp_path / "bbo.csv", bbo), write(tmp_path / "trades.csv", prints)]
    candles = [write(tmp_path / "candles.csv", random_candles(Random(5), 200))]
    script = (
        "import sys\n"
        "if sys.argv[1] == 'plain': sys.modules['numba'] = None\n"
        "from tests.backtesting.test_sweep import told_of\n"
        "print(told_of(sys.argv[2:]))\n"
    )
    for files in (ticks, candles):
        names = [str(path) for path in files]
        arguments = [sys.executable, "-c", script, "plain", *names]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == json.loads(told_of(names, compiled=True))


def told_of(names: list[str], *, compiled: bool = False) -> str:
    """What a sweep of the files tells, in words that another process can print."""
    assert IS_COMPILED is compiled
    chance = Random(9)
    settings = [random_setting(chance, 1_000) for _ in range(6)]
    results = Sweep(open_data([Path(name) for name in names], ticker="BTC")).run(settings, with_fills=True)
    assert sum(len(result.fills) for result in results) > 100
    return json.dumps([repr(result) for result in results])
