"""Money as the records tell it, step by step: what `domain.accounting` knew after each record that moved it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from domain.accounting import EXACT, Accounting
from domain.events import ClosedOutside, Fill, FundingPayment, OrderUpdate, OwnFound, Record

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class MoneyStep:
    """Totals since the journal began, at `time_ns`; signs as in the report. `price`: of the last own trade so far, or
    before any, the one assumed for what was found open.

    `time_ns` is the venue's time of a trade and the bot's of everything else, and never runs back.
    """

    time_ns: int
    price: Decimal | None
    position: Decimal
    realized_pnl: Decimal
    open_cost: Decimal
    fees: Decimal
    funding: Decimal
    volume_quote: Decimal
    entries: int
    exits: int

    def open_position(self, mark: Decimal | None) -> Decimal:
        """What is open, valued at `mark`. Without a mark nothing was ever traded, and nothing is open."""
        with localcontext(EXACT):
            return ZERO if mark is None else self.position * mark - self.open_cost

    def result(self, mark: Decimal | None) -> Decimal:
        """Grid profit + open position + funding - fees."""
        with localcontext(EXACT):
            return self.realized_pnl + self.open_position(mark) + self.funding - self.fees


def money_steps(records: Iterable[Record]) -> tuple[MoneyStep, ...]:
    """Fold a journal, from its first record on; a step for each record after which a total is another."""
    accounting = Accounting()
    steps: list[MoneyStep] = []
    now_ns, price = 0, None
    for record in records:
        accounting.apply(record)
        if not isinstance(record, Fill | FundingPayment | ClosedOutside | OrderUpdate | OwnFound):
            continue
        if isinstance(record, Fill) or (isinstance(record, OwnFound) and price is None):
            price = record.price
        now_ns = max(now_ns, record.venue_ns if isinstance(record, Fill) else record.at_ns)
        step = MoneyStep(
            now_ns,
            price,
            accounting.position,
            accounting.realized_pnl,
            accounting.open_cost,
            accounting.fees,
            accounting.funding,
            accounting.volume_quote,
            accounting.entries,
            accounting.exits,
        )
        if not steps or _totals(step) != _totals(steps[-1]):
            steps.append(step)
    return tuple(steps)


def _totals(step: MoneyStep) -> tuple[object, ...]:
    return (
        step.price,
        step.position,
        step.realized_pnl,
        step.fees,
        step.funding,
        step.volume_quote,
        step.entries,
        step.exits,
    )
