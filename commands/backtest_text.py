"""What a backtest says to people, before and after."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from backtesting.data import BacktestData
from backtesting.result import BacktestResult
from domain.market import NANOSECONDS
from domain.report import plain, span
from markets.times import utc_text

_MOST_GAPS_TOLD = 10


def data_lines(data: BacktestData) -> list[str]:
    """The market, the part of it that is run, its files by hash, and its holes."""
    rules = data.source.rules
    lines = [
        f"market: {data.identity.description}",
        f"tick {rules.tick_size}, quantity step {rules.quantity_step}, minimum {rules.min_quantity}",
    ]
    if data.identity.from_ns is not None or data.identity.to_ns is not None:
        lines.append(f"part: {utc_text(data.start_ns)} to {utc_text(data.end_ns)} UTC")
    files = [*data.identity.files, *([data.identity.funding] if data.identity.funding is not None else [])]
    lines += [f"{file.name}: sha256 {file.sha256}" for file in files]
    if data.identity.funding is None:
        lines.append("no funding is charged (--funding FILE charges recorded rates)")
    for start_ns, end_ns in data.gaps[:_MOST_GAPS_TOLD]:
        length = span(Decimal((end_ns - start_ns) // NANOSECONDS))
        lines.append(f"gap: nothing from {utc_text(start_ns)} to {utc_text(end_ns)} UTC ({length}); the clock leaps")
    if len(data.gaps) > _MOST_GAPS_TOLD:
        lines.append(f"and {len(data.gaps) - _MOST_GAPS_TOLD} further gaps")
    return lines


def result_lines(result: BacktestResult, elapsed_s: float) -> list[str]:
    """The report, how the money ties out, how far the data were run, and how fast."""
    lines = list(result.report.to_lines())
    money = result.money
    if money.open_position is not None and money.result is not None:
        lines.append(
            f"result {plain(money.result)} = grid profit {plain(money.grid_profit)} + open position "
            f"{plain(money.open_position)} + funding {plain(money.funding)} - fees {plain(money.fees)}"
        )
        share = (100 * money.result / money.balance).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
        lines.append(f"{plain(share)} % of the balance of {plain(money.balance)}")
    lines.append(f"largest drawdown {plain(result.max_drawdown)} (of {len(result.equity)} samples)")
    if not result.is_complete:
        lines.append(f"the data were not run to their end: only up to {utc_text(result.end_ns)} UTC")
    lines += [f"not confirmed: {line}" for line in result.unconfirmed]
    rate = f", {result.rows / elapsed_s:,.0f} rows/s" if elapsed_s > 0 else ""
    lines.append(f"{result.rows:,} rows and {len(result.orders):,} orders in {elapsed_s:.2f} s{rate}")
    return [*lines, result.report.reason] if result.exit_status == 1 else lines
