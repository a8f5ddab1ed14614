"""The sweep: thousands of settings of the take-profit grid over one market, compiled. Used like this:

    sweep = Sweep(open_data([Path("candles.parquet")], ticker="BTC"))    # the market made ready, once
    results = sweep.run(settings, threads=2)    # a `SweepResult` for each of many `BacktestSettings`

It is a second telling of the strategy, the fill model and the ways between them, and therefore believed only where it
was held against the first: `tests/backtesting/test_sweep_equals_bot.py` runs hundreds of random settings on generated
and recorded markets through `backtesting.run_backtest` too, and finds order by order the same fills (time, price,
quantity), the same number of orders and the same money. The bot remains what decides: a finalist is run again with it.

What it does not tell it says, per setting, in `SweepResult.why_not`, and gives no number; `run_backtest` then answers.

* By the setting or the market: `on_stop` other than keep; `run_for_ns`; a latency above a second; a market with
  minimums above one step; numbers with so many digits that 64 bits do not hold their products.
* By what happens: margin or liquidation near; a close refused, or an open refused after a hole in the data; a market
  that moves while the session ends at its stop price; an exit at market that finds too little.

Numbers of a result are exact: whole ticks and lots inside, `Decimal` outside. numba (`requirements-fast.txt`) compiles
at the first use, and the compiled code is kept beside the source. Without numba the same code runs as plain Python.

| module | subject |
|---|---|
| `run`, `terms`, `tape` | asked and found; a setting, and a market, in whole numbers |
| `layout` | the arrays, and the names of their places |
| `kernel` | the loop over rows and messages |
| `venue`, `requests` | what fills resting orders; what is admitted |
| `news`, `decisions` | what the bot has heard; what it wants |
| `compiled` | numba, where it is installed |
"""

from __future__ import annotations

from backtesting.sweep.compiled import IS_COMPILED
from backtesting.sweep.layout import Role
from backtesting.sweep.run import Sweep, SweepFill, SweepResult

__all__ = ["IS_COMPILED", "Role", "Sweep", "SweepFill", "SweepResult"]
