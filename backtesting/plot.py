"""A picture of a backtest: price with every open and close on it, position, equity and drawdown.

matplotlib is imported here and nowhere else, when a picture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backtesting.history import FillRecord
from backtesting.result import BacktestResult
from domain.market import NANOSECONDS
from domain.orders import Purpose

_SIZE_INCHES = (12.0, 9.0)
_DOTS_PER_INCH = 120
_OPEN, _CLOSE, _PRICE, _FALL = "#2a78d6", "#c2560c", "#6b6f76", "#b3261e"


def draw(result: BacktestResult, path: Path) -> None:
    """Write a PNG to `path`. Raises `OSError`.

    Prices and money become floats here, for drawing only.
    """
    from matplotlib import dates
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dated: Any = dates
    figure: Any = Figure(figsize=_SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    price, position, equity = figure.subplots(3, 1, sharex=True, height_ratios=(5, 2, 3))
    figure.suptitle(_title(result))
    _draw_price(price, result)
    _draw_position(position, result)
    _draw_equity(equity, result)
    locator = dated.AutoDateLocator(tz=UTC)
    equity.xaxis.set_major_locator(locator)
    equity.xaxis.set_major_formatter(dated.ConciseDateFormatter(locator, tz=UTC))
    equity.set_xlabel("UTC")
    for panel in (price, position, equity):
        panel.grid(visible=True, linewidth=0.3)
        panel.margins(x=0.01)
    figure.savefig(path, dpi=_DOTS_PER_INCH, format="png")


def _title(result: BacktestResult) -> str:
    settings, money = result.settings, result.money
    total = "unknown" if money.result is None else f"{money.result:,.2f}"
    return (
        f"{settings.ticker}: {settings.direction.value} {settings.quantity}, take-profit {settings.take_profit} %, "
        f"{result.report.entries} entries, {result.report.exits} exits, result {total}"
    )


def _draw_price(panel: Any, result: BacktestResult) -> None:
    times = [_moment(sample.time_ns) for sample in result.equity]
    lows = [float(sample.low) for sample in result.equity]
    highs = [float(sample.high) for sample in result.equity]
    panel.fill_between(times, lows, highs, color=_PRICE, alpha=0.3, linewidth=0, label="price, low to high")
    panel.plot(times, [float(sample.mid) for sample in result.equity], color=_PRICE, linewidth=0.8)
    opens = [fill for fill in result.fills if fill.role is Purpose.OPEN]
    closes = [fill for fill in result.fills if fill.role is not Purpose.OPEN]
    _mark(panel, opens, _OPEN, "^", "opens filled")
    _mark(panel, closes, _CLOSE, "v", "closes filled")
    panel.set_ylabel("price")
    panel.legend(loc="best", fontsize="small")


def _mark(panel: Any, fills: Iterable[FillRecord], colour: str, marker: str, label: str) -> None:
    kept = list(fills)
    panel.scatter(
        [_moment(fill.time_ns) for fill in kept],
        [float(fill.price) for fill in kept],
        s=9,
        color=colour,
        marker=marker,
        linewidths=0,
        label=f"{label} ({len(kept):,})",
        zorder=3,
    )


def _draw_position(panel: Any, result: BacktestResult) -> None:
    times = [_moment(sample.time_ns) for sample in result.equity]
    panel.step(times, [float(sample.position) for sample in result.equity], where="post", color=_OPEN, linewidth=0.9)
    panel.set_ylabel("position")


def _draw_equity(panel: Any, result: BacktestResult) -> None:
    times = [_moment(sample.time_ns) for sample in result.equity]
    values = [float(sample.equity) for sample in result.equity]
    peaks, peak = [], float(result.settings.balance)
    for value in values:
        peak = max(peak, value)
        peaks.append(peak)
    panel.plot(times, values, color=_OPEN, linewidth=1.1, label="equity")
    panel.fill_between(times, values, peaks, color=_FALL, alpha=0.2, linewidth=0, label="below its peak")
    panel.set_ylabel("equity")
    panel.ticklabel_format(axis="y", style="plain", useOffset=False)
    panel.legend(loc="best", fontsize="small")


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / NANOSECONDS, UTC)
