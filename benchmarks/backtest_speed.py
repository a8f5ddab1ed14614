"""How fast a backtest goes: `python -m benchmarks.backtest_speed [--repeat 20] [--data FOLDER]`.

The bot trades throughout, on a recording of best bid/offer and trades repeated so many times, and on 1-minute candles.
Beside each stands a bare Python loop over the very same rows, which only compares each with two prices: the least that
any simulation of an order does. Each figure is from a process of its own. `start`: from starting the program to its end
where it plays one second of the market, the reading and checking of the whole file included.

Without the folder of recordings (`MARKET_DATA_DIR`, or ../shared/data) a generated market is measured instead.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from backtesting import BacktestData, BacktestSettings, open_data, run_backtest
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument

ROOT = Path(__file__).resolve().parents[1]
TICKS = ("binance_usdm_BTCUSDT_20240808_bbo.parquet", "binance_usdm_BTCUSDT_20240808_trades.parquet")
CANDLES = ("binance_usdm_BTCUSDT_1m.parquet",)
ROWS_OF_A_CANDLE = 8
ON_CANDLES = BacktestSettings(
    ticker="BTC", take_profit=Decimal("0.5"), wait_time=Decimal(3_600), balance=Decimal(1_000_000)
)
SETTINGS = {
    "ticks": BacktestSettings(ticker="BTC", quantity=Decimal("0.01"), wait_time=Decimal(60)),
    "candles": ON_CANDLES,
    "candles, twice as busy": replace(ON_CANDLES, take_profit=Decimal("0.2"), wait_time=Decimal(1_800)),
}
_PAUSE_NS = 100_000_000


@dataclass(frozen=True)
class Measured:
    """Seconds on the wall and of the processor, for the run alone; `opened_s`: reading and checking before it."""

    rows: int
    orders: int
    fills: int
    opened_s: float
    wall_s: float
    processor_s: float
    bare_s: float
    peak_mb: float


def measure(paths: Sequence[Path], settings: BacktestSettings) -> Measured:
    """One backtest in this process, and the bare loop after it."""
    began_s = time.perf_counter()
    data = open_data(paths, ticker=settings.ticker)
    opened_s = time.perf_counter()
    used_s = time.process_time()
    result = run_backtest(data, settings)
    ended_s, used_s = time.perf_counter(), time.process_time() - used_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(
        result.rows,
        len(result.orders),
        len(result.fills),
        opened_s - began_s,
        ended_s - opened_s,
        used_s,
        bare_loop_s(data),
        peak_mb,
    )


def bare_loop_s(data: BacktestData) -> float:
    """Seconds of the processor for comparing every row with two prices; making the rows is not counted."""
    total_s, quiet = 0.0, 0
    for chunk in data.source.chunks():
        began_s = time.process_time()
        for low, high in zip(chunk.low, chunk.high, strict=True):
            if low > 0 and high < 1 << 62:
                quiet += 1
        total_s += time.process_time() - began_s
    assert quiet
    return total_s


def in_a_process_of_its_own(paths: Sequence[Path], settings_name: str) -> Measured:
    call = [sys.executable, "-m", "benchmarks.backtest_speed", "--only", settings_name, *map(str, paths)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    values: dict[str, Any] = json.loads(done.stdout)
    return Measured(**values)


def start_s(paths: Sequence[Path]) -> float:
    """The whole program, for one second of the market; the second of two runs, so that caches are warm."""
    files = ",".join(map(str, paths))
    call = [sys.executable, str(ROOT / "runbot.py"), "backtest", "--data", files, "--ticker", "BTC", "--for", "1s"]
    taken_s = 0.0
    for _ in range(2):
        began_s = time.perf_counter()
        subprocess.run([*call, "--balance", "1000000"], stdout=subprocess.DEVNULL, check=True)
        taken_s = time.perf_counter() - began_s
    return taken_s


# --- the data -------------------------------------------------------------------------------------------------------


def repeated(paths: Sequence[Path], times: int, folder: Path) -> list[Path]:
    """Best bid/offer and trades, so many times one after the other."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    tables = [pq.read_table(path) for path in paths]
    clock = "ts_local_ns"
    first = min(pc.min(table[clock]).as_py() for table in tables)
    last = max(pc.max(table[clock]).as_py() for table in tables)
    written = []
    for path, table in zip(paths, tables, strict=True):
        column = table.column_names.index(clock)
        shifts = [number * (last - first + _PAUSE_NS) for number in range(times)]
        parts = [table.set_column(column, clock, pc.add(table[clock], shift)) for shift in shifts]
        written.append(folder / path.name)
        pq.write_table(pa.concat_tables(parts), written[-1], compression="zstd")
    return written


def generated(folder: Path, rows: int) -> list[Path]:
    """A generated market as such files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    instrument = find_instrument("BTC")
    market = GeneratedMarket(instrument, 7, 1_704_067_200_000_000_000, Decimal(0), Decimal(0))
    tick, step = float(market.scale.price_unit), float(market.scale.size_unit)
    names = ("ts_local_ns", "bid", "bid_qty", "ask", "ask_qty"), ("ts_local_ns", "price", "qty", "buyer_is_maker")
    told: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]] = ([], [])
    for chunk in market.chunks():
        columns = (chunk.time_ns, chunk.is_trade, chunk.low, chunk.high, chunk.low_size, chunk.high_size)
        for at_ns, is_trade, low, high, low_size, high_size in zip(*columns, strict=True):
            if is_trade:
                told[1].append((at_ns, low * tick, max(low_size, high_size) * step, low_size > 0))
            else:
                told[0].append((at_ns, low * tick, low_size * step, high * tick, high_size * step))
        if len(told[0]) + len(told[1]) >= rows:
            break
    paths = [folder / "bbo.parquet", folder / "trades.parquet"]
    for path, columns_of, values in zip(paths, names, told, strict=True):
        columns_told = dict(zip(columns_of, map(list, zip(*values, strict=True)), strict=True))
        rounded = {k: [round(x, 6) for x in v] if isinstance(v[0], float) else v for k, v in columns_told.items()}
        pq.write_table(pa.table(rounded), path)
    return paths


# --- what is told ---------------------------------------------------------------------------------------------------


def tell(name: str, unit: str, rows_of_one: int, measured: Measured) -> None:
    units = measured.rows // rows_of_one
    print(f"{name}: {units:,} {unit}, {measured.orders:,} orders, {measured.fills:,} fills")
    print(
        f"  read and checked in {measured.opened_s:.2f} s, run in {measured.wall_s:.2f} s "
        f"({measured.processor_s:.2f} s of the processor)"
    )
    print(
        f"  {units / measured.wall_s:,.0f} {unit}/s, {units / measured.processor_s:,.0f} per second of the processor; "
        f"{1e6 * measured.processor_s / max(1, measured.orders):,.0f} us per order, the market included"
    )
    print(
        f"  a bare loop over the rows: {measured.bare_s:.3f} s of the processor; "
        f"ratio {measured.processor_s / measured.bare_s:.1f}"
    )
    print(f"  peak memory {measured.peak_mb:.0f} MB")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20, help="how many times the tick recording is played")
    parser.add_argument("--data", type=Path, default=None, help="the folder of recordings")
    parser.add_argument("--only", choices=tuple(SETTINGS), help=argparse.SUPPRESS)
    parser.add_argument("paths", type=Path, nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.only is not None:
        print(json.dumps(asdict(measure(asked.paths, SETTINGS[asked.only]))))
        return
    folder = asked.data or Path(os.environ.get("MARKET_DATA_DIR", str(ROOT / ".." / "shared" / "data")))
    with tempfile.TemporaryDirectory() as scratch:
        ticks = [folder / name for name in TICKS]
        if not all(path.exists() for path in ticks):
            print(f"no recordings in {folder}: a generated market instead")
            ticks = generated(Path(scratch), 20_000)
        long = repeated(ticks, asked.repeat, _made(Path(scratch) / "long"))
        tell(f"ticks, {asked.repeat} times over", "ticks", 1, in_a_process_of_its_own(long, "ticks"))
        candles = [folder / name for name in CANDLES]
        if all(path.exists() for path in candles):
            for name in ("candles", "candles, twice as busy"):
                tell(name, "candles", ROWS_OF_A_CANDLE, in_a_process_of_its_own(candles, name))
            print(f"start to the end of a second of the candles: {start_s(candles):.2f} s")
        print(f"start to the end of a second of the ticks: {start_s(ticks):.2f} s")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
