"""A perpetual-futures venue in memory: one market, one account, explicit time. No input or output but its ledger.

Requests take effect at the venue's present time (latency belongs to whoever carries them). `advance` lets the market
live; what happened to the account comes out of `take_events`, in order, stamped with venue time, after it was
committed.

At any moment all rows of the tape and all timers up to and including `now_ns` have happened, and nothing later.
Therefore the way a stretch of time is cut into `advance` calls changes nothing, and a venue restored from its ledger
goes on exactly where the killed one was.
"""

from __future__ import annotations

import heapq
from decimal import Decimal

from domain.events import Fill, FundingPayment, MarketEnded, RulesChanged, VenueEvent
from domain.market import NANOSECONDS, MarketRules, PriceBand, Quote, Side
from domain.orders import OrderStatus
from markets.account import AccountTerms, Statement
from markets.admission import in_units
from markets.desk import Desk
from markets.feed import NO_BAND, IntBand, TapeReader
from markets.orders import BookOrder, NewOrder, OrderState, Reason, Refusal
from markets.rows import NOWHERE, QuoteRow
from markets.store import AccountStore, MemoryLedger
from markets.tape import MarketSource

ZERO = Decimal(0)


class SimulatedVenue:
    """`store` None: an account in memory only. `history_ns`: how far back `quote_as_of` reaches."""

    def __init__(
        self,
        source: MarketSource,
        terms: AccountTerms,
        store: AccountStore | None = None,
        *,
        history_ns: int = 10 * NANOSECONDS,
    ) -> None:
        store = MemoryLedger() if store is None else store
        self._funding = source.funding
        self._scale = source.scale
        self._expiries: list[tuple[int, int]] = []
        self._end_told = False
        self._shown_row: QuoteRow | None = None
        self._shown: tuple[Decimal, Decimal, Decimal, Decimal] = (ZERO, ZERO, ZERO, ZERO)
        """The row of the last quote told, and its numbers: a bot asks more often than they change."""
        self._listed: dict[int, tuple[tuple[int, int, OrderStatus], OrderState]] = {}
        self._desk = Desk(source, terms, store, self._quote, self._watch_expiry)
        stored = store.load()
        if stored is None:
            self._tape = TapeReader(source.chunks(), source.start_ns - 1, None, history_ns)
        else:
            record, orders = stored
            self._tape = TapeReader(source.chunks(record.now_ns), record.now_ns, record.quote, history_ns)
            self._desk.restore(record, orders)
            self._desk.settle()
        self._next_funding_ns = self._funding.next_from(self.now_ns + 1)
        self.advance(self.now_ns)

    # --- reads ------------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        return self._desk.now_ns

    @property
    def rules(self) -> MarketRules:
        return self._desk.rules

    @property
    def terms(self) -> AccountTerms:
        return self._desk.terms

    @property
    def position(self) -> Decimal:
        """Signed net position, base units."""
        return self._desk.account.quantity(self._desk.account.position)

    @property
    def has_ended(self) -> bool:
        """The tape has no more rows. Time goes on with the last quote, without funding."""
        return self._end_told

    @property
    def is_over(self) -> bool:
        """The tape has ended and no timer is left: nothing can happen any more by itself."""
        return self._end_told and self._next_timer_ns() == NOWHERE

    @property
    def gaps(self) -> tuple[int, int]:
        """How many holes in the data the clock has leapt over, and their total length in nanoseconds."""
        return self._desk.gaps, self._desk.gaps_ns

    @property
    def ledger_trouble(self) -> str | None:
        """Why the latest step is not in the ledger yet; None when it is."""
        return self._desk.ledger_trouble

    def order(self, *, client_id: int | None = None, order_id: str | None = None) -> OrderState | None:
        """An order of the account, live or ended, by client id, else by order id. None: never accepted."""
        found = self._find(client_id, order_id)
        return None if found is None else self._state(found)

    def open_orders(self) -> list[OrderState]:
        """Every resting order of the account, oldest first. One that has not changed is the object of the last call."""
        known, self._listed = self._listed, {}
        for order in self._desk.live.values():
            facts = (order.filled, order.quantity, order.status)
            listed = known.get(order.number)
            if listed is None or listed[0] != facts:
                listed = (facts, self._state(order))
            self._listed[order.number] = listed
        return [state for _, state in self._listed.values()]

    def fills_since(self, since_ns: int) -> list[Fill]:
        """The account's trades of this venue time or later, oldest first."""
        return self._desk.fills_since(since_ns)

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        """The account's funding of this venue time or later, oldest first."""
        return self._desk.payments_since(since_ns)

    def quote_as_of(self, time_ns: int) -> Quote | None:
        """The quote in force at a slightly earlier time; None where there was none, or it is no longer remembered.

        `as_of_ns` is `time_ns` (a live feed without a new row still says that nothing changed), and the end of the
        data once these have ended.
        """
        row = self._tape.quote if time_ns >= self.now_ns else self._tape.quote_at(time_ns)
        if row is None:
            return None
        if row != self._shown_row:
            account = self._desk.account
            self._shown_row = row
            self._shown = (
                account.price(row.bid),
                account.quantity(row.bid_size),
                account.price(row.ask),
                account.quantity(row.ask_size),
            )
        return Quote(*self._shown, min(time_ns, self._tape.passed_ns) if self._end_told else time_ns)

    def int_band(self, band: PriceBand) -> IntBand:
        """The band in the units of `advance`."""
        return IntBand.of(band, self._scale)

    def is_outside(self, band: IntBand) -> bool:
        """Whether there is a quote now, and it is outside the band."""
        quote = self._tape.quote
        return quote is not None and not band.contains(quote)

    def first_outside(self, band: IntBand, after_ns: int) -> int | None:
        """When, later than `after_ns` and until now, a quote was first outside the band."""
        return self._tape.first_outside(band, after_ns)

    def equity_at_mid(self) -> Decimal:
        """Quote currency, exact: cash + position x mid - fees + funding."""
        quote = self._tape.quote
        return self._desk.account.equity(0 if quote is None else quote.bid + quote.ask)

    def statement(self) -> Statement:
        return self._desk.account.statement()

    @property
    def has_events(self) -> bool:
        """Whether `take_events` has anything."""
        return self._desk.has_events

    def take_events(self) -> list[VenueEvent]:
        """What happened to the account since the last call, in order; `at_ns` is venue time."""
        return self._desk.take_events()

    # --- requests ---------------------------------------------------------------------------------------------------

    def place(self, request: NewOrder) -> OrderState | Refusal:
        """Accept an order and let it take or rest, or refuse it. A refused order leaves no trace: its id stays unused.

        A request with `client_id` None is somebody else's order on this account.
        """
        outcome = self._desk.place(request)
        self._finish_step()
        return outcome if isinstance(outcome, Refusal) else self._state(outcome)

    def cancel(self, *, client_id: int | None = None, order_id: str | None = None) -> OrderState | Refusal:
        """End a resting order by client id, else by order id."""
        order = self._find(client_id, order_id)
        if order is None:
            return Refusal(Reason.UNKNOWN_ORDER, "no such order was ever accepted")
        if not order.is_live:
            return Refusal(Reason.ORDER_HAS_ENDED, f"order {order.number} has ended: {order.status}")
        self._desk.end(order, OrderStatus.CANCELLED, Reason.CANCELLED_BY_OWNER)
        self._finish_step()
        return self._state(order)

    # --- what others do: for tests and twins ------------------------------------------------------------------------

    def cancel_by_venue(self, order_id: str, reason: str, *, expired: bool = False) -> None:
        """The venue itself ends a resting order. Raises `LookupError` when none rests under this id."""
        order = self._find(None, order_id)
        if order is None or not order.is_live:
            raise LookupError(f"no order {order_id} rests")
        self._desk.end(order, OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED, reason)
        self._finish_step()

    def external_trade(self, side: Side, quantity: Decimal) -> None:
        """Somebody else trades on this account, by hand as it were: at the touch, at the taker fee, unasked.

        Raises `ValueError` for a quantity that is not a positive number of size units, and before the first quote.
        """
        units = in_units(quantity, self._scale.size_unit)
        if units is None or units <= 0:
            raise ValueError(f"nobody can trade {quantity} here")
        self._desk.trade_outside(side, units)
        self._finish_step()

    def liquidate(self, quantity: Decimal, *, ends_orders: bool) -> None:
        """The venue itself closes part of the position, at most all of it, whatever the margin. `ends_orders`: it first
        cancels everything resting; otherwise, as when it deleverages, what can reduce nothing any more is trimmed.

        Raises `ValueError` for a quantity that is not a positive number of size units, and before the first quote.
        """
        units, quote = in_units(quantity, self._scale.size_unit), self._quote()
        if units is None or units <= 0 or quote is None:
            raise ValueError(f"no position of {quantity} can be liquidated here")
        if units := min(units, abs(self._desk.account.position)):
            self._desk.liquidate(units, quote, ends_orders=ends_orders)
            self._finish_step()

    def change_rules(self, rules: MarketRules) -> None:
        """The venue changes tick, step, minimums or fees; resting orders stay as they are.

        Raises `ValueError` when tick or step are no multiples of the tape's units, which never change.
        """
        self._desk.set_rules(rules)
        self._desk.tell(RulesChanged(self.now_ns, rules))
        self._finish_step()

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, until_ns: int, band: IntBand | None = None) -> int:
        """Let the market live, at most until `until_ns`; the time reached.

        Returns early after the first instant in which something happened to the account, or whose quote is outside
        `band`. Returns a later time than asked where the data have a gap: nothing happens in it, and the clock leaps
        over it.
        """
        desk, tape = self._desk, self._tape
        next_ns = tape.next_ns
        if next_ns is not None and desk.now_ns <= until_ns < next_ns and until_ns < self._next_timer_ns():
            # Nothing can happen before the next row: only the time passes. Most stretches of a thin tape are so short.
            desk.now_ns = until_ns
            return until_ns
        watched = NO_BAND if band is None else band
        while True:
            target_ns = max(desk.now_ns, min(until_ns, self._next_timer_ns()))
            instant_ns = tape.seek(target_ns, watched, desk.floor, desk.ceiling)
            if instant_ns is not None:
                self._live_through(instant_ns)
            elif tape.has_ended and not self._end_told:
                desk.now_ns = max(desk.now_ns, tape.passed_ns)
            else:
                desk.now_ns = target_ns
            self._run_timers()
            if tape.has_ended and not self._end_told:
                self._end_told = True
                self._next_funding_ns = NOWHERE
                desk.tell(MarketEnded(desk.now_ns))
            desk.settle()
            if desk.has_events or desk.now_ns >= until_ns or (band is not None and self.is_outside(band)):
                return desk.now_ns

    def _live_through(self, instant_ns: int) -> None:
        desk = self._desk
        if self._tape.stands_at_gap:
            self._leap_to(instant_ns)
        desk.now_ns = instant_ns
        book = desk.book
        for is_trade, low, high, low_size, high_size in self._tape.take(instant_ns):
            if is_trade:
                book.traded(low, high, low_size, high_size)
            else:
                book.quoted(low, high, low_size, high_size)
        desk.liquidate_if_due()

    def _leap_to(self, instant_ns: int) -> None:
        """Over a hole in the data: orders expire in it, funding in it is not charged."""
        desk = self._desk
        left_ns = max(desk.now_ns, self._tape.passed_ns)
        if instant_ns > left_ns:
            desk.gaps += 1
            desk.gaps_ns += instant_ns - left_ns
        desk.now_ns = instant_ns
        self._expire()
        self._next_funding_ns = self._funding.next_from(instant_ns)

    def _next_timer_ns(self) -> int:
        return min(self._next_funding_ns, self._expiries[0][0]) if self._expiries else self._next_funding_ns

    def _run_timers(self) -> None:
        self._expire()
        if self._next_funding_ns <= self.now_ns:
            due_ns = self._next_funding_ns
            self._desk.pay_funding(f"funding-{due_ns}", self._funding.rate_at(due_ns))
            self._next_funding_ns = self._funding.next_from(due_ns + 1)
            self._desk.liquidate_if_due()

    def _expire(self) -> None:
        while self._expiries and self._expiries[0][0] <= self.now_ns:
            order = self._desk.live.get(heapq.heappop(self._expiries)[1])
            if order is not None:
                self._desk.end(order, OrderStatus.EXPIRED, Reason.EXPIRED)

    def _watch_expiry(self, order: BookOrder) -> None:
        if order.expires_ns is not None:
            heapq.heappush(self._expiries, (order.expires_ns, order.number))

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _quote(self) -> QuoteRow | None:
        return self._tape.quote

    def _finish_step(self) -> None:
        self._desk.liquidate_if_due()
        self._desk.settle()

    def _find(self, client_id: int | None, order_id: str | None) -> BookOrder | None:
        if client_id is not None:
            return self._desk.by_client_id(client_id)
        if order_id is None or not (order_id.isascii() and order_id.isdigit() and len(order_id) < 19):
            return None
        return self._desk.by_number(int(order_id))

    def _state(self, order: BookOrder) -> OrderState:
        account = self._desk.account
        return OrderState(
            order_id=str(order.number),
            client_id=order.client_id,
            side=order.side,
            price=None if order.price is None else account.price(order.price),
            quantity=account.quantity(order.quantity),
            filled=account.quantity(order.filled),
            status=order.status,
            reason=order.reason,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            placed_ns=order.placed_ns,
            ended_ns=order.ended_ns,
        )
