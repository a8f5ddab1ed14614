"""A result cut into days and months (UTC). The rows add up to the whole, to the last digit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

from backtesting.money_trace import MoneyStep
from domain.accounting import EXACT, wear_bps
from domain.market import NANOSECONDS
from domain.report import plain

ZERO = Decimal(0)
Mark = tuple[int, Decimal]
"""A moment, and the price at which what is open then is valued."""


@dataclass(frozen=True, slots=True)
class Period:
    """What one day or month added. `open_position`: the change of what open quantity was worth; the rest as in the
    report: result = grid_profit + open_position + funding - fees. `wear_bps` None: nothing was traded in it.
    """

    name: str
    entries: int
    exits: int
    volume_quote: Decimal
    grid_profit: Decimal
    open_position: Decimal
    funding: Decimal
    fees: Decimal
    result: Decimal
    wear_bps: Decimal | None

    def to_json(self) -> dict[str, str | int | None]:
        """Decimals as plain strings, counts as numbers."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def days(steps: Sequence[MoneyStep], marks: Sequence[Mark], last_mark: Decimal | None) -> tuple[Period, ...]:
    """Every day in which there was a price or money moved; what is open at its end is valued at its last mark.

    `marks` in order of time; `last_mark` values what is open at the very end.
    """
    return _cut(steps, marks, last_mark, _midnight, _next_day, 10)


def months(steps: Sequence[MoneyStep], marks: Sequence[Mark], last_mark: Decimal | None) -> tuple[Period, ...]:
    """As `days`, by the month."""
    return _cut(steps, marks, last_mark, _first_midnight, _next_month, 7)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0)


def _first_midnight(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0)


def _next_day(start: datetime) -> datetime:
    return start + timedelta(days=1)


def _next_month(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)


_NOTHING = MoneyStep(0, None, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, 0, 0)


def _cut(
    steps: Sequence[MoneyStep],
    marks: Sequence[Mark],
    last_mark: Decimal | None,
    begin_of: Callable[[datetime], datetime],
    after: Callable[[datetime], datetime],
    name_length: int,
) -> tuple[Period, ...]:
    step_times, mark_times = [step.time_ns for step in steps], [mark[0] for mark in marks]
    moments = sorted({*mark_times, *step_times})
    found: list[Period] = []
    before, worth_before = _NOTHING, ZERO
    index = 0
    while index < len(moments):
        # A price at midnight tells of the interval that ends there.
        begin = begin_of(datetime.fromtimestamp((moments[index] - 1) // NANOSECONDS, UTC))
        end_ns = round(after(begin).timestamp()) * NANOSECONDS
        index = bisect_right(moments, end_ns)
        count, marked = bisect_right(step_times, end_ns), bisect_right(mark_times, end_ns)
        now = steps[count - 1] if count else _NOTHING
        mark = last_mark if index == len(moments) else marks[marked - 1][1] if marked else now.price
        worth = now.open_position(mark)
        found.append(_period(begin.isoformat()[:name_length], before, now, worth_before, worth))
        before, worth_before = now, worth
    return tuple(found)


def _period(name: str, before: MoneyStep, now: MoneyStep, worth_before: Decimal, worth: Decimal) -> Period:
    with localcontext(EXACT):
        volume = now.volume_quote - before.volume_quote
        grid_profit = now.realized_pnl - before.realized_pnl
        funding, fees = now.funding - before.funding, now.fees - before.fees
        open_position = worth - worth_before
        result = grid_profit + open_position + funding - fees
    return Period(
        name,
        now.entries - before.entries,
        now.exits - before.exits,
        volume,
        grid_profit,
        open_position,
        funding,
        fees,
        result,
        wear_bps(result, volume),
    )
