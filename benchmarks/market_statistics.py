"""Generated markets beside recorded ones, as the tables of `docs/MARKETS.md`.

    python -m benchmarks.market_statistics [--days 10] [--data FOLDER]

Recordings are looked for in `--data` (default: the environment's MARKET_DATA_DIR, else `../shared/data`); without them
the generated columns are printed alone. Ticks are conflated to 250 ms, which is what the generator imitates.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from markets.recordings import open_recording
from markets.statistics import MarketStatistics, measure

_TICKS = ("binance_usdm_BTCUSDT_20240808_bbo.parquet", "binance_usdm_BTCUSDT_20240808_trades.parquet")
_CANDLES = "binance_usdm_BTCUSDT_1m.parquet"
_START_NS = 1_700_000_000 * 10**9
_CONFLATE_NS = 250_000_000
_DAY_S = 86_400.0

Figure = tuple[str, Callable[[MarketStatistics], str]]


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _sizes(values: tuple[float, ...]) -> str:
    return " / ".join(f"{value:.3g}" for value in values)


_TICK_FIGURES: tuple[Figure, ...] = (
    ("measured, s", lambda s: f"{s.seconds:,.0f}"),
    ("quotes per second", lambda s: _number(s.quotes_per_s)),
    ("trade rows per second", lambda s: _number(s.trades_per_s)),
    ("quotes one tick wide", lambda s: f"{s.one_tick_share:.2%}"),
    ("mean / widest spread, ticks", lambda s: f"{s.mean_spread:.2f} / {s.widest_spread}"),
    ("size at the touch, 5-25-50-75-95-99 %", lambda s: _sizes(s.touch_sizes)),
    ("size of a trade row, same quantiles", lambda s: _sizes(s.trade_sizes)),
    ("quotes that moved the mid", lambda s: f"{s.moved_share:.1%}"),
    ("how far, ticks, same quantiles", lambda s: _sizes(s.moves)),
    ("autocorrelation of mid changes", lambda s: _number(s.mid_autocorrelation)),
    ("trades in a second: variance / mean", lambda s: _number(s.trade_dispersion)),
    ("... correlation with the next second", lambda s: _number(s.trade_clustering)),
    ("time between trades: deviation / mean", lambda s: _number(s.wait_variation)),
    ("kurtosis of 1 s returns", lambda s: _number(s.second_kurtosis, 0)),
)
_MINUTE_FIGURES: tuple[Figure, ...] = (
    ("measured, days", lambda s: _number(s.seconds / _DAY_S, 1)),
    ("volatility a year", lambda s: "-" if s.volatility is None else f"{s.volatility:.0%}"),
    ("deviation of a minute's return, bps", lambda s: _number(s.minute_deviation_bps)),
    ("kurtosis of a minute's return", lambda s: _number(s.minute_kurtosis, 0)),
    ("memory of shocks, 1 minute later", lambda s: _number(s.shock_memory[0])),
    ("memory of shocks, 60 minutes later", lambda s: _number(s.shock_memory[1])),
)


def generated(ticker: str, seed: int, days: float) -> MarketStatistics:
    market = GeneratedMarket(find_instrument(ticker), seed, _START_NS, Decimal(0), Decimal(0))
    return measure(market, days * _DAY_S)


def _print_table(columns: dict[str, MarketStatistics], figures: tuple[Figure, ...]) -> None:
    print("| |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for name, figure in figures:
        print(f"| {name} |", " | ".join(figure(column) for column in columns.values()), "|")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description="Statistics of generated and recorded markets, as Markdown tables.")
    parser.add_argument("--days", type=float, default=10.0, help="length of the generated markets (default 10)")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MARKET_DATA_DIR", "../shared/data")))
    options = parser.parse_args()
    long = {f"generated BTC, seed {seed}": generated("BTC", seed, options.days) for seed in (1, 2, 3)}
    ticks = {"generated BTC, seed 1": next(iter(long.values())), "generated ETH, seed 1": generated("ETH", 1, 1.0)}
    paths = [options.data / name for name in _TICKS]
    if all(path.is_file() for path in paths):
        ticks["recorded BTC"] = measure(open_recording(paths, None, "BTC"), conflate_ns=_CONFLATE_NS)
    if (options.data / _CANDLES).is_file():
        long["recorded BTC, candles"] = measure(open_recording([options.data / _CANDLES], None, "BTC"))
    _print_table(ticks, _TICK_FIGURES)
    _print_table(long, _MINUTE_FIGURES)


if __name__ == "__main__":
    main()
