"""What the recorder remembers of its records, beside the grid's state and the money: a fold like those."""

from __future__ import annotations

from typing import TypeVar

from domain.events import Fill, FundingPayment, JournalBegan, OrderIntended, OrderUpdate, Record, SessionStarted

Key = TypeVar("Key")
_REMEMBERED_IDS = 5_000
"""Funding comes a few times a day and is asked for again over two days; forced trades are rarer still."""


class Memory:
    """Changes by `apply` only. Memory is bounded, however long the journal."""

    def __init__(self) -> None:
        self.began_ns = 0
        """When the journal began: nothing older on the account is ours."""
        self.order_events = 0
        """Counts records that moved an order: two equal readings around a look prove that nothing happened in between.
        """
        self.last_order_event_ns = 0
        self.last_fill_venue_ns = 0
        self._known_at_start_ns: int | None = None
        """The newest known trade when a session began that has not sent anything yet. What a power loss took may have
        traded since, and newer trades be known before that: what is adopted before the first order is looked for from
        here on, however often the process is killed meanwhile. None: an order was sent since."""
        self.last_payment_ns = 0
        self._forced: dict[tuple[str, str], None] = {}
        self._payments: dict[str, None] = {}

    def apply(self, record: Record) -> None:
        if isinstance(record, (OrderUpdate, Fill)):
            self.order_events += 1
            self.last_order_event_ns = record.at_ns
        if isinstance(record, Fill):
            self.last_fill_venue_ns = max(self.last_fill_venue_ns, record.venue_ns)
            if record.forced:
                _remember(self._forced, (record.order_id, record.trade_id))
        elif isinstance(record, OrderIntended):
            if not record.adopted:
                self._known_at_start_ns = None
        elif isinstance(record, FundingPayment):
            _remember(self._payments, record.payment_id)
            self.last_payment_ns = max(self.last_payment_ns, record.at_ns)
        elif isinstance(record, JournalBegan):
            self.began_ns = record.at_ns
        elif isinstance(record, SessionStarted):  # The clock may have been set back: no look lies before what came.
            self.last_order_event_ns = min(self.last_order_event_ns, record.at_ns)
            if self._known_at_start_ns is None:
                self._known_at_start_ns = self.last_fill_venue_ns

    @property
    def trades_known_until_ns(self) -> int:
        """By the venue's clock: of what traded before, everything was told."""
        known_ns = self.last_fill_venue_ns if self._known_at_start_ns is None else self._known_at_start_ns
        return known_ns or self.began_ns

    def knows_payment(self, payment: FundingPayment) -> bool:
        return payment.payment_id in self._payments

    def knows_forced(self, fill: Fill) -> bool:
        """Whether this trade of the venue's own was noted before."""
        return (fill.order_id, fill.trade_id) in self._forced


def _remember(known: dict[Key, None], key: Key) -> None:
    known[key] = None
    if len(known) > _REMEMBERED_IDS:
        del known[next(iter(known))]
