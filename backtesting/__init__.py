"""Backtests: the bot that trades, over recorded markets, as fast as it goes. Used like this:

    data = open_data([Path("bbo.parquet"), Path("trades.parquet")], ticker="BTC")     # read once, checked, hashed
    result = run_backtest(data, BacktestSettings(ticker="BTC", quantity=Decimal("0.01")))   # as often as wanted

`run_backtest(data, settings, *, progress=None, conduct=None) -> BacktestResult` runs the very `TradingBot` of a paper
session, through the paper exchange's client, on the engine of `markets`, under virtual time; there is no second telling
of the strategy or of the matching. The result equals `--exchange paper --replay ... --speed max` fill for fill.

A `BacktestResult` holds, all frozen, money as exact `Decimal`, times in nanoseconds since the epoch:

| attribute | what |
|---|---|
| `report` | `domain.report.Report`, equal to the paper session's |
| `money` | grid profit + open position + funding - fees = result; exact, and equal to the venue's own books |
| `fills` | `FillRecord`: time, price, quantity, side, fee, maker or taker, role, the entries it opened or closed |
| `orders` | `OrderRecord`: price, quantity, filled, status, role, when intended, accepted and ended, and why |
| `equity` | `EquitySample`, some 2,000 at round times: mid, low, high, position, equity, fees, funding, volume |
| `payments`, `gaps` | funding as it came; holes in the data |
| `max_drawdown`, `last_mid` | the deepest fall of sampled equity below its peak; the mid at the end |
| `settings`, `data`, `version` | `BacktestSettings`; `DataIdentity` with names and SHA-256; `VERSION` |
| `records` | the bot's journal of the run; `History.of(records)` reads any session's, live ones too |

`to_json()` is the report's JSON with the keys of the backtest after it. `settings` hold both what may be searched (the
strategy's) and what never is (fees, latency, account). `dataclasses.replace(settings, take_profit=...)` makes another.

| module | subject |
|---|---|
| `settings`, `data`, `run`, `result` | asked, given, done, found |
| `history` | orders and fills read from a journal's records |
| `prices`, `equity` | the market sampled as it streams by; money over time |
| `money_trace`, `periods`, `holding` | money after each record; cut into days and months; how long entries were held |
| `session` | the same of a live or paper session, from its journal |
| `report` | either as one page for a browser |
| `optimize` | settings searched, and tested on data that no search saw |
"""

from __future__ import annotations

from backtesting.data import BacktestData, DataFile, DataIdentity, RecordingError, open_data
from backtesting.equity import EquitySample
from backtesting.history import FillRecord, History, OrderRecord
from backtesting.result import VERSION, BacktestResult, Money
from backtesting.run import run_backtest
from backtesting.settings import BacktestSettings

__all__ = [
    "VERSION",
    "BacktestData",
    "BacktestResult",
    "BacktestSettings",
    "DataFile",
    "DataIdentity",
    "EquitySample",
    "FillRecord",
    "History",
    "Money",
    "OrderRecord",
    "RecordingError",
    "open_data",
    "run_backtest",
]
