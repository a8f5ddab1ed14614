"""How many settings a second the sweep tells: `python -m benchmarks.sweep_speed [--settings 1000] [--threads 2]`.

Random settings of the take-profit grid over all 1-minute candles of the recordings folder (`MARKET_DATA_DIR`, or
../shared/data; without it over made-up candles): profit 0.01 to 0.5 %, wait 30 to 900 s, 10 to 80 orders, half of
them with a grid step of 0.05 to 1 %, buying and selling. Beside it a minimal compiled single pass over the same
points, on as many threads: one bid and one ask a fixed distance away that move when they are passed, and no orders,
messages or money. Both are measured after compiling.

The first setting of a process is timed too: with compiling, where no compiled code was kept from an earlier one.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from backtesting import BacktestData, BacktestSettings, open_data
from backtesting.sweep import IS_COMPILED, Sweep
from backtesting.sweep.compiled import compiled
from backtesting.sweep.layout import Ints
from domain.market import Side

ROOT = Path(__file__).resolve().parents[1]
CANDLES = "binance_usdm_BTCUSDT_1m.parquet"


@compiled
def single_pass(prices: Ints, distance: int) -> int:
    """How often a bid and an ask `distance` away from the last one passed are passed."""
    bid, ask, passed = prices[0] - distance, prices[0] + distance, 0
    for index in range(len(prices)):
        price = prices[index]
        if price < bid or price > ask:
            bid, ask = price - distance, price + distance
            passed += 1
    return passed


def random_settings(count: int) -> list[BacktestSettings]:
    chance = random.Random(1)
    return [
        BacktestSettings(
            ticker="BTC",
            quantity=Decimal("0.01"),
            take_profit=Decimal(chance.randint(10, 500)) / 1_000,
            direction=chance.choice(tuple(Side)),
            max_orders=chance.randint(10, 80),
            wait_time=Decimal(chance.randint(30, 900)),
            grid_step=Decimal(chance.randint(50, 1_000)) / 1_000 if chance.random() < 0.5 else Decimal(-100),
            balance=Decimal(1_000_000),
        )
        for _ in range(count)
    ]


def made_up(folder: Path, bars: int) -> Path:
    """Candles of a random walk."""
    chance, last, path = random.Random(1), 600_000, folder / "candles.csv"
    lines = ["date,open,high,low,close,volume"]
    for bar in range(bars):
        first, last = last, last + chance.randint(-300, 300)
        low, high = min(first, last) - chance.randint(0, 200), max(first, last) + chance.randint(0, 200)
        told = ",".join(str(price / 10) for price in (first, high, low, last))
        lines.append(f"{1_700_000_000_000 + bar * 60_000},{told},{chance.randint(1, 90_000) / 1_000}")
    path.write_text("\n".join(lines) + "\n")
    return path


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of the processor."""
    wall_s, processor_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall_s, time.process_time() - processor_s


def passes(prices: Ints, count: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: single_pass(prices, 20 + number % 3_000), range(count)))


def measure(data: BacktestData, count: int, threads: int) -> None:
    sweep, settings = Sweep(data), random_settings(count)
    prices = sweep.prices()
    first_s, _ = timed(lambda: sweep.run(settings[:1]))
    print(f"first setting, compiling included where it was not kept: {first_s:.2f} s")
    single_pass(prices, 100)
    pass_wall_s, pass_s = timed(lambda: passes(prices, count, threads))
    results = []
    wall_s, processor_s = timed(lambda: results.extend(sweep.run(settings, threads=threads)))
    left = Counter(result.why_not for result in results if result.why_not is not None)
    orders = sum(result.orders for result in results)
    for name, wall, processor in (("single pass", pass_wall_s, pass_s), ("sweep", wall_s, processor_s)):
        print(
            f"{name}: {count:,} in {wall:.2f} s on {threads} threads, {count / wall:,.0f} a second; "
            f"{processor / count * 1e3:.3f} ms of the processor each"
        )
    print(f"{orders / count:,.0f} orders a setting, {processor_s / max(1, orders) * 1e9:,.0f} ns an order")
    print(f"left to the bot: {dict(left)}")
    print(f"sweep over single pass, seconds of the processor: ratio {processor_s / pass_s:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=int, default=1_000, help="how many (default 1000)")
    parser.add_argument("--threads", type=int, default=2, help="how many (default 2)")
    parser.add_argument("--bars", type=int, default=171_295, help="of made-up candles, without recordings")
    default = os.environ.get("MARKET_DATA_DIR", str(ROOT / ".." / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of recordings")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = flags.data / CANDLES
        if not path.exists():
            print(f"no recordings in {flags.data}: made-up candles")
            path = made_up(Path(folder), flags.bars)
        data = open_data([path], ticker="BTC")
        print(f"{data.identity.description}; {'compiled' if IS_COMPILED else 'plain Python: numba is not installed'}")
        measure(data, flags.settings, flags.threads)


if __name__ == "__main__":
    main()
