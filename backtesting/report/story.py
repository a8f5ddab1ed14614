"""What a page tells, whatever it was made from: a backtest, or a session's journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from backtesting.equity import EquitySample
from backtesting.history import History
from backtesting.money_trace import MoneyStep, money_steps
from backtesting.result import BacktestResult
from backtesting.session import SessionResult
from markets.times import utc_text


@dataclass(frozen=True, slots=True)
class Story:
    """`numbers` is the JSON of `--json`, read back: what the page shows of it is what stands there.

    Times are nanoseconds since the epoch. `base`: what `EquitySample.equity` began with. `has_market`: prices are the
    market's, not only those of own trades. `settings` and `origins` are pairs of texts. `notes` are said on top.
    """

    title: str
    lead: str
    numbers: Mapping[str, Any]
    history: History
    steps: tuple[MoneyStep, ...]
    samples: tuple[EquitySample, ...]
    base: float
    has_market: bool
    start_ns: int
    end_ns: int
    gaps: tuple[tuple[int, int], ...]
    settings: tuple[tuple[str, str], ...]
    origins: tuple[tuple[str, str], ...]
    runs: tuple[tuple[str, str, str], ...]
    """Starts of the bot: from, to, how it ended."""
    notes: tuple[str, ...]


def backtest_story(result: BacktestResult) -> Story:
    """A backtest's."""
    data = result.data
    origins = [("version of strategy and matching", result.version), ("market", data.market)]
    origins += [(file.name, f"sha256 {file.sha256}") for file in data.files]
    if data.funding is not None:
        origins.append((data.funding.name, f"funding, sha256 {data.funding.sha256}"))
    origins.append(("seed", "none: the market is recorded"))
    notes = [f"Not confirmed at the end: {line}." for line in result.unconfirmed]
    if not result.is_complete:
        notes.append(f"The data were not run to their end: only up to {utc_text(result.end_ns)} UTC.")
    if data.funding is None:
        notes.append("No funding was charged: none was given.")
    if result.gaps:
        notes.append(f"The data have {len(result.gaps)} holes. The clock leapt over them; nothing happened in between.")
    report = result.report
    return Story(
        title=f"Backtest: {report.ticker}, {result.settings.direction.value}",
        lead=f"{data.description}. Run: {_span(result.start_ns, result.end_ns)}. Ended: {report.reason}.",
        numbers=json.loads(result.to_json()),
        history=History(result.fills, result.orders, result.payments),
        steps=money_steps(result.records),
        samples=result.equity,
        base=float(result.settings.balance),
        has_market=True,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        gaps=result.gaps,
        settings=tuple((each.name, _setting(getattr(result.settings, each.name))) for each in fields(result.settings)),
        origins=tuple(origins),
        runs=(),
        notes=tuple(notes),
    )


def session_story(session: SessionResult) -> Story:
    """A journal's."""
    report = session.report
    origins = [("journal", session.name), ("records, checksum of all", session.journal_mark)]
    origins.append(("market", session.market or "as the exchange had it; a journal holds only own orders and trades"))
    origins.append(("seed", "none" if report.seed is None else str(report.seed)))
    notes = []
    if session.steps and session.steps[-1].position:
        price = "" if session.last_mark is None else f" ({session.last_mark:f})"
        notes.append(f"What is open is valued at {session.mark}{price}.")
    if report.halted:
        notes.append(f"Halted: {report.reason or 'see the log'}.")
    return Story(
        title=f"{report.exchange} {report.ticker}",
        lead=f"{_span(session.start_ns, session.end_ns)}. Starts of the bot: {len(session.runs)}.",
        numbers=json.loads(session.to_json()),
        history=session.history,
        steps=session.steps,
        samples=session.samples,
        base=0.0,
        has_market=False,
        start_ns=session.start_ns,
        end_ns=session.end_ns,
        gaps=(),
        settings=session.settings,
        origins=tuple(origins),
        runs=tuple(
            (utc_text(run.start_ns), utc_text(run.end_ns), _ending(run.exit_status, run.reason)) for run in session.runs
        ),
        notes=tuple(notes),
    )


def _span(start_ns: int, end_ns: int) -> str:
    return f"{utc_text(start_ns)} to {utc_text(end_ns)} UTC"


def _setting(value: object) -> str:
    return "none" if value is None else f"{value}"


def _ending(exit_status: int | None, reason: str) -> str:
    if exit_status is None:
        return "runs still, or was killed"
    return f"{reason} (exit status {exit_status})" if reason else f"exit status {exit_status}"
