"""Money over time, from fills and prices alone: exact, so that it can be held against the venue's own books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from backtesting.history import FillRecord
from backtesting.prices import PriceSample
from domain.accounting import EXACT
from domain.events import FundingPayment

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class EquitySample:
    """The account at `time_ns`, in quote currency; `position` signed, in base units.

    `equity` = balance at the beginning + everything sold - everything bought + `position` x `mid` - `fees` + `funding`.
    `mid`, `low` and `high`: see `backtesting.prices.PriceSample`. Totals since the beginning.
    """

    time_ns: int
    mid: Decimal
    low: Decimal
    high: Decimal
    position: Decimal
    equity: Decimal
    fees: Decimal
    funding: Decimal
    volume_quote: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """Totals of some trades and payments. `cash`: everything sold less everything bought."""

    cash: Decimal = ZERO
    position: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    volume_quote: Decimal = ZERO

    def with_fill(self, fill: FillRecord) -> Books:
        with localcontext(EXACT):
            value = fill.price * fill.quantity
            return Books(
                self.cash - value * fill.side.sign,
                self.position + fill.quantity * fill.side.sign,
                self.fees + fill.fee,
                self.funding,
                self.volume_quote + value,
            )

    def with_payment(self, payment: FundingPayment) -> Books:
        with localcontext(EXACT):
            funding = self.funding + payment.amount
        return Books(self.cash, self.position, self.fees, funding, self.volume_quote)

    def result(self, mid: Decimal) -> Decimal:
        """What was earned since the beginning, the position valued at `mid`."""
        with localcontext(EXACT):
            return self.cash + self.position * mid - self.fees + self.funding


def equity_samples(
    balance: Decimal,
    fills: Sequence[FillRecord],
    payments: Sequence[FundingPayment],
    prices: Iterable[PriceSample],
) -> Iterator[EquitySample]:
    """The account at the moment of each price, what happened at that very moment included.

    Payments count when the venue made them, which is `FundingPayment.at_ns` less the way here; the bot's time is used.
    """
    changes: list[tuple[int, FillRecord | FundingPayment]] = [(fill.time_ns, fill) for fill in fills]
    changes += [(payment.at_ns, payment) for payment in payments]
    changes.sort(key=lambda change: change[0])
    books, index = Books(), 0
    for price in prices:
        while index < len(changes) and changes[index][0] <= price.time_ns:
            change = changes[index][1]
            books = books.with_fill(change) if isinstance(change, FillRecord) else books.with_payment(change)
            index += 1
        with localcontext(EXACT):
            equity = balance + books.result(price.mid)
        yield EquitySample(
            price.time_ns,
            price.mid,
            price.low,
            price.high,
            books.position,
            equity,
            books.fees,
            books.funding,
            books.volume_quote,
        )


def largest_drawdown(balance: Decimal, samples: Iterable[EquitySample]) -> Decimal:
    """The deepest fall of sampled equity below its highest value so far, in quote currency, at least 0."""
    peak, deepest = balance, ZERO
    with localcontext(EXACT):
        for sample in samples:
            peak = max(peak, sample.equity)
            deepest = max(deepest, peak - sample.equity)
    return deepest
