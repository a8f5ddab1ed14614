"""What the venue keeps of an account between steps, and where: the interface of a ledger, and the one in memory.

A *step* is one instant of the market in which something of the account changed, or one request.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from domain.events import Fill, FundingPayment
from domain.market import MarketRules
from markets.orders import BookOrder
from markets.rows import QuoteRow


class LedgerError(Exception):
    """The message is one line that says what to do."""


class LedgerWriteFailed(LedgerError):
    """A step could not be written; the caller keeps it and tries again with the next one."""


class AccountRecord(NamedTuple):
    """The account and the market at the end of a step, but for orders and trades."""

    now_ns: int
    next_order: int
    next_trade: int
    cash: Decimal
    fees: Decimal
    funding: Decimal
    volume: Decimal
    position: int
    quote: QuoteRow | None
    bid_taken: int
    ask_taken: int
    gaps: int
    gaps_ns: int
    rules: MarketRules


class Step(NamedTuple):
    """What one step changed."""

    record: AccountRecord
    orders: tuple[BookOrder, ...]
    fills: tuple[Fill, ...]
    payments: tuple[FundingPayment, ...]


class AccountStore(Protocol):
    """Where the venue keeps its account, and looks up what has ended."""

    def load(self) -> tuple[AccountRecord, list[BookOrder]] | None:
        """The last step's record and the live orders; None for a new account."""

    def commit(self, step: Step) -> None:
        """Keep a step. Raises `LedgerWriteFailed`."""

    def knows(self, client_id: int) -> bool:
        """Whether an order with this client id was ever accepted."""

    def by_client_id(self, client_id: int) -> BookOrder | None: ...

    def by_number(self, number: int) -> BookOrder | None: ...

    def fills_since(self, since_ns: int) -> list[Fill]:
        """Trades of this venue time or later, oldest first."""

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        """Funding of this venue time or later, oldest first; `at_ns` is venue time."""


class StepWriter:
    """Collects what a step changes, commits it, and knows what is not written yet.

    A ledger that cannot be written (a full disk) does not stop the venue: the step is kept and goes out with the next
    one that can be written. `trouble` says why the last one could not; None when all is written.
    """

    def __init__(self, store: AccountStore) -> None:
        self.trouble: str | None = None
        self._store = store
        self._orders: dict[int, BookOrder] = {}
        self._fills: list[Fill] = []
        self._payments: list[FundingPayment] = []

    def add_order(self, order: BookOrder) -> None:
        self._orders[order.number] = order

    def add_fill(self, fill: Fill) -> None:
        self._fills.append(fill)

    def add_payment(self, payment: FundingPayment) -> None:
        self._payments.append(payment)

    def commit(self, record: AccountRecord) -> None:
        try:
            self._store.commit(Step(record, tuple(self._orders.values()), tuple(self._fills), tuple(self._payments)))
        except LedgerWriteFailed as trouble:
            self.trouble = str(trouble)
            return
        self.trouble = None
        self._orders.clear()
        self._fills.clear()
        self._payments.clear()

    def by_client_id(self, client_id: int) -> BookOrder | None:
        unwritten = (order for order in self._orders.values() if order.client_id == client_id)
        return next(unwritten, None) or self._store.by_client_id(client_id)

    def by_number(self, number: int) -> BookOrder | None:
        return self._orders.get(number) or self._store.by_number(number)

    def knows(self, client_id: int) -> bool:
        return self._store.knows(client_id) or any(order.client_id == client_id for order in self._orders.values())

    def fills_since(self, since_ns: int) -> list[Fill]:
        return self._store.fills_since(since_ns) + [fill for fill in self._fills if fill.venue_ns >= since_ns]

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        unwritten = [payment for payment in self._payments if payment.at_ns >= since_ns]
        return self._store.payments_since(since_ns) + unwritten


class MemoryLedger:
    """An account that ends with the process.

    Remembers all client ids, but only about the last `kept` ended orders and fills; an older order looks unknown.
    """

    def __init__(self, kept: int = 50_000) -> None:
        self._kept = kept
        self._client_ids: dict[int, int] = {}
        self._orders: dict[int, BookOrder] = {}
        self._fills: list[Fill] = []
        self._payments: list[FundingPayment] = []

    def load(self) -> None:
        return None

    def commit(self, step: Step) -> None:
        for order in step.orders:
            self._orders[order.number] = order
            if order.client_id is not None:
                self._client_ids[order.client_id] = order.number
        self._fills += step.fills
        self._payments += step.payments
        if len(self._orders) > 2 * self._kept:
            ended = [number for number, order in self._orders.items() if not order.is_live]
            for number in ended[: -self._kept]:
                del self._orders[number]
        if len(self._fills) > 2 * self._kept:
            del self._fills[: -self._kept]

    def knows(self, client_id: int) -> bool:
        return client_id in self._client_ids

    def by_client_id(self, client_id: int) -> BookOrder | None:
        return self._orders.get(self._client_ids.get(client_id, 0))

    def by_number(self, number: int) -> BookOrder | None:
        return self._orders.get(number)

    def fills_since(self, since_ns: int) -> list[Fill]:
        first = len(self._fills)
        while first and self._fills[first - 1].venue_ns >= since_ns:
            first -= 1
        return self._fills[first:]

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        return [payment for payment in self._payments if payment.at_ns >= since_ns]
