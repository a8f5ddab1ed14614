"""What a backtest found: the report of a session, and everything it was made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from decimal import Decimal, localcontext
from typing import Any

from backtesting.data import DataIdentity
from backtesting.equity import EquitySample
from backtesting.history import FillRecord, OrderRecord
from backtesting.money_trace import money_steps
from backtesting.periods import days, months
from backtesting.settings import BacktestSettings
from domain.accounting import EXACT
from domain.events import FundingPayment, Record
from domain.report import Report, plain

VERSION = "1"
"""Raised whenever the same settings on the same data may give other fills: strategy, bot, matching or latencies
changed."""


@dataclass(frozen=True, slots=True)
class Money:
    """How the result ties out, in quote currency: result = grid_profit + open_position + funding - fees.

    `grid_profit`: what closed entries earned, before fees. `open_position`: what is open, at the last mid; None without
    one. `balance`: what the account began with, so that its equity is `balance + result`.
    """

    balance: Decimal
    grid_profit: Decimal
    open_position: Decimal | None
    funding: Decimal
    fees: Decimal

    @property
    def result(self) -> Decimal | None:
        if self.open_position is None:
            return None
        with localcontext(EXACT):
            return self.grid_profit + self.open_position + self.funding - self.fees

    @property
    def equity(self) -> Decimal | None:
        result = self.result
        if result is None:
            return None
        with localcontext(EXACT):
            return self.balance + result


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """One backtest. Times are nanoseconds since the epoch.

    `report` equals the one of a paper session of the same settings over the same data. `fills` are in the order in
    which the bot heard of them, `orders` in that in which it placed them; `records` is the journal they were read from.
    `equity` is sampled at round intervals (`backtesting.prices`). `gaps`: holes in the data that the run leapt over.
    `exit_status` is that of the session, `unconfirmed` what it could not prove at its end. `is_complete`: the data, or
    the time that was asked for, were run to their end. `rows`: rows of the tape that were played.
    """

    settings: BacktestSettings
    data: DataIdentity
    version: str
    report: Report
    money: Money
    fills: tuple[FillRecord, ...]
    orders: tuple[OrderRecord, ...]
    payments: tuple[FundingPayment, ...]
    records: tuple[Record, ...]
    equity: tuple[EquitySample, ...]
    max_drawdown: Decimal
    gaps: tuple[tuple[int, int], ...]
    start_ns: int
    end_ns: int
    last_mid: Decimal | None
    rows: int
    exit_status: int
    unconfirmed: tuple[str, ...]
    is_complete: bool

    def to_json(self) -> str:
        """The report's keys first, then those of the backtest; numbers as decimal strings, counts as numbers."""
        values: dict[str, Any] = json.loads(self.report.to_json())
        money = self.money
        steps, marks = money_steps(self.records), [(sample.time_ns, sample.mid) for sample in self.equity]
        values |= {
            "grid_profit": _text(money.grid_profit),
            "open_position": _text(money.open_position),
            "result": _text(money.result),
            "balance": _text(money.balance),
            "equity": _text(money.equity),
            "max_drawdown": _text(self.max_drawdown),
            "orders": len(self.orders),
            "fills": len(self.fills),
            "complete": self.is_complete,
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "gap_list": [{"from_ns": start, "to_ns": end} for start, end in self.gaps],
            "settings": {
                field.name: _plainly(getattr(self.settings, field.name)) for field in fields(self.settings)
            },
            "data": {
                "files": [{"name": file.name, "sha256": file.sha256} for file in self.data.files],
                "funding": None
                if self.data.funding is None
                else {"name": self.data.funding.name, "sha256": self.data.funding.sha256},
                "from_ns": self.data.from_ns,
                "to_ns": self.data.to_ns,
                "market": self.data.market,
            },
            "version": self.version,
            "days": [row.to_json() for row in days(steps, marks, self.last_mid)],
            "months": [row.to_json() for row in months(steps, marks, self.last_mid)],
        }
        return json.dumps(values, indent=2) + "\n"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _plainly(value: object) -> object:
    """A setting as JSON has it."""
    if isinstance(value, Decimal):
        return plain(value)
    return value if value is None or isinstance(value, bool | int) else str(value)
