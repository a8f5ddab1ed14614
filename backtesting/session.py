"""A live, rehearsed or paper session read from its journal: the same numbers as its own final report, and more.

A journal holds no market. What is open is valued at the last own trade, or at a better price where somebody knows one;
which it is is said in `mark`. Everything else is exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any

from backtesting.equity import EquitySample, largest_drawdown
from backtesting.history import History
from backtesting.money_trace import MoneyStep, money_steps
from backtesting.periods import Mark, days, months
from backtesting.prices import sampling_interval_ns
from domain.accounting import EXACT, Accounting
from domain.events import HaltCleared, Halted, JournalBegan, Record, SessionEnded, SessionStarted
from domain.orders import Purpose
from domain.report import Report, plain, seconds

ZERO = Decimal(0)
_SETTING = re.compile(
    r"(\w+)=(?:Decimal\('([^']{1,60})'\)|'([^']{0,200})'|<[\w.]+: '([^']{1,60})'>|(True|False|None|-?\d{1,30}))"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One start of the bot within the journal. `exit_status` None: it was killed, or it runs still."""

    start_ns: int
    end_ns: int
    exit_status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a journal adds up to. Times are nanoseconds since the epoch, money is quote currency.

    `steps`: money after each record that moved it. `samples`: the same at some 2,000 round times at most, `mid` being
    the last own trade's price; their `equity` is the result alone, for a journal does not know the account's balance.
    `settings`: as the last start had them. `mark`: in words, what the open position is valued at.
    """

    name: str
    journal_mark: str
    report: Report
    history: History
    steps: tuple[MoneyStep, ...]
    samples: tuple[EquitySample, ...]
    max_drawdown: Decimal
    runs: tuple[Run, ...]
    settings: tuple[tuple[str, str], ...]
    start_ns: int
    end_ns: int
    last_mark: Decimal | None
    mark: str
    market: str

    @property
    def result(self) -> Decimal:
        """Grid profit + open position + funding - fees."""
        report = self.report
        assert report.unrealized_pnl is not None
        with localcontext(EXACT):
            return report.realized_pnl + report.unrealized_pnl + report.funding - report.fees

    def marks(self) -> tuple[Mark, ...]:
        return tuple((sample.time_ns, sample.mid) for sample in self.samples)

    def to_json(self) -> str:
        """The keys of a session's final report first."""
        report = self.report
        values: dict[str, Any] = json.loads(report.to_json())
        assert report.unrealized_pnl is not None
        marks = self.marks()
        values |= {
            "grid_profit": plain(report.realized_pnl),
            "open_position": plain(report.unrealized_pnl),
            "result": plain(self.result),
            "mark_price": None if self.last_mark is None else plain(self.last_mark),
            "mark": self.mark,
            "max_drawdown": plain(self.max_drawdown),
            "orders": len(self.history.orders),
            "fills": len(self.history.fills),
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "runs": [
                {"start_ns": run.start_ns, "end_ns": run.end_ns, "exit_status": run.exit_status, "reason": run.reason}
                for run in self.runs
            ],
            "settings": dict(self.settings),
            "journal": {"name": self.name, "mark": self.journal_mark, "market": self.market},
            "days": [row.to_json() for row in days(self.steps, marks, self.last_mark)],
            "months": [row.to_json() for row in months(self.steps, marks, self.last_mark)],
        }
        return json.dumps(values, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Valuation:
    """What the open position is valued at, and in words whose price that is."""

    price: Decimal
    whose: str


def read_session(
    records: Sequence[Record],
    *,
    name: str,
    journal_mark: str,
    valuation: Valuation | None = None,
    market: str = "",
    seed: int | None = None,
) -> SessionResult:
    """`records`: a whole journal, from its first record on, at least one. `market`: what is known of it, for people."""
    accounting = Accounting()
    for record in records:
        accounting.apply(record)
    steps, history = money_steps(records), History.of(records)
    whose = "the last own trade" if history.fills else "the price assumed for what was found open"
    own = None if not steps or steps[-1].price is None else Valuation(steps[-1].price, whose)
    valued = valuation or own
    last_mark = None if valued is None else valued.price
    start_ns, end_ns = records[0].at_ns, max(record.at_ns for record in records)
    samples = tuple(_samples(steps, start_ns, end_ns, last_mark))
    runs, settings = tuple(_runs(records)), _settings(records)
    report = _report(accounting, history, runs, dict(settings), last_mark)
    return SessionResult(
        name,
        journal_mark,
        replace(report, seed=seed, halted=_is_halted(records)),
        history,
        steps,
        samples,
        largest_drawdown(ZERO, samples),
        runs,
        settings,
        start_ns,
        end_ns,
        last_mark,
        "nothing was traded" if valued is None else valued.whose,
        market,
    )


def _report(
    accounting: Accounting, history: History, runs: Sequence[Run], settings: Mapping[str, str], mark: Decimal | None
) -> Report:
    """What a final report would say, but for the seed and whether it is halted."""
    closes = [order for order in history.orders if order.role is Purpose.CLOSE and order.ended_ns is None]
    money = accounting.statement(ZERO if mark is None else mark)
    return Report(
        exchange=settings.get("exchange", ""),
        ticker=settings.get("ticker", ""),
        seed=None,
        duration_s=seconds(sum(run.end_ns - run.start_ns for run in runs)),
        entries=money.entries,
        exits=money.exits,
        open_closes=len(closes),
        position=accounting.position,
        max_position=accounting.max_position,
        covered=sum((order.quantity - order.filled for order in closes), ZERO),
        volume_quote=money.volume_quote,
        fees=money.fees,
        funding=money.funding,
        realized_pnl=money.realized_pnl,
        unrealized_pnl=money.unrealized_pnl,
        wear_bps=money.wear_bps,
        halted=False,
        reason=runs[-1].reason if runs else "",
        written_off=accounting.written_off,
        unexplained=accounting.unexplained,
    )


def _samples(
    steps: Sequence[MoneyStep], start_ns: int, end_ns: int, last_mark: Decimal | None
) -> Iterator[EquitySample]:
    """Money at the end of each interval in which it moved, and at the very end, valued at `last_mark`."""
    interval_ns = sampling_interval_ns(end_ns - start_ns)
    low = high = None
    for index, step in enumerate(steps):
        if step.price is None:
            continue
        low = step.price if low is None else min(low, step.price)
        high = step.price if high is None else max(high, step.price)
        due_ns = -(-step.time_ns // interval_ns) * interval_ns
        if index + 1 < len(steps) and steps[index + 1].time_ns <= due_ns:
            continue
        if due_ns < end_ns:
            yield _sample(step, due_ns, step.price, low, high)
        low = high = None
    if steps and last_mark is not None:
        yield _sample(steps[-1], end_ns, last_mark, last_mark, last_mark)


def _sample(step: MoneyStep, time_ns: int, mark: Decimal, low: Decimal, high: Decimal) -> EquitySample:
    result = step.result(mark)
    return EquitySample(time_ns, mark, low, high, step.position, result, step.fees, step.funding, step.volume_quote)


def _runs(records: Sequence[Record]) -> Iterator[Run]:
    start_ns, last_ns = None, 0
    for record in records:
        if isinstance(record, SessionStarted):
            if start_ns is not None:
                yield Run(start_ns, max(start_ns, last_ns), None, "")
            start_ns = record.at_ns
        last_ns = record.at_ns
        if isinstance(record, SessionEnded) and start_ns is not None:
            yield Run(start_ns, last_ns, record.exit_status, record.reason)
            start_ns = None
    if start_ns is not None:
        yield Run(start_ns, max(start_ns, last_ns), None, "")


def _settings(records: Sequence[Record]) -> tuple[tuple[str, str], ...]:
    """The settings of the last start, by name; as they stand there where they are not understood."""
    texts = [record.settings for record in records if isinstance(record, JournalBegan | SessionStarted)]
    if not texts:
        return ()
    matches = _SETTING.finditer(texts[-1])
    found = tuple((match[1], next(text for text in match.groups()[1:] if text is not None)) for match in matches)
    return found or (("settings", texts[-1]),)


def _is_halted(records: Sequence[Record]) -> bool:
    turns = [record for record in records if isinstance(record, Halted | HaltCleared)]
    return bool(turns) and isinstance(turns[-1], Halted)
