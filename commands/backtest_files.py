"""The files of a backtest: trades as CSV, a picture, and the report for a browser."""

from __future__ import annotations

import importlib.util
from datetime import tzinfo
from pathlib import Path

from backtesting.result import BacktestResult
from commands.usage import UsageError
from helpers.journal import MemoryJournal
from helpers.trade_csv import TradeCsv

_PLOTTING = "matplotlib"


def check_can_plot() -> None:
    """Raises `UsageError` where the library that draws is not installed."""
    if importlib.util.find_spec(_PLOTTING) is None:
        raise UsageError(
            f"--plot needs {_PLOTTING}, which is not installed: python -m pip install --require-hashes -r "
            "requirements-plot.txt, or leave --plot out"
        )


def write_csv(result: BacktestResult, path: Path, timezone: tzinfo) -> None:
    """Every own trade in the columns of the trade log, which this is. Raises `OSError`."""
    trades = TradeCsv.open(path, timezone, MemoryJournal())
    try:
        for seq, record in enumerate(result.records, start=1):
            trades.saw(seq, record)
    finally:
        trades.close()
    if trades.trouble is not None:
        raise OSError(trades.trouble)


def write_plot(result: BacktestResult, path: Path) -> None:
    """A PNG. Raises `OSError`."""
    from backtesting.plot import draw

    draw(result, path)


def write_html(result: BacktestResult, path: Path) -> None:
    """One file that a browser opens offline. Raises `OSError`."""
    from backtesting.report import write_html as write

    write(result, path)
