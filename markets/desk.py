"""One account at its venue: orders admitted, filled, trimmed, liquidated, and every step committed before it is told.

The desk knows no time stretch and no tape: the venue says what time it is and shows it the rows that touch it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from domain.events import Fill, FundingPayment, Liquidity, OrderUpdate, PositionUpdate, VenueEvent
from domain.market import NANOSECONDS, MarketRules, Side
from domain.orders import OrderFact, OrderStatus
from markets.account import Account, AccountTerms
from markets.admission import Units, check_rules, in_units, well_formed
from markets.matching import BookSide, OwnBook
from markets.orders import BookOrder, NewOrder, Reason, Refusal, SelfTrade
from markets.rows import NOWHERE, QuoteRow
from markets.store import AccountRecord, AccountStore, StepWriter
from markets.tape import MarketSource

_FACTS = {OrderStatus.CANCELLED: OrderFact.CANCELLED, OrderStatus.EXPIRED: OrderFact.EXPIRED}


class Desk:
    """`quote` tells the quote in force. `on_resting` is told of each order that begins to rest.

    `floor`, `ceiling`: a row with `low > floor` and `high < ceiling` cannot touch the account.
    """

    def __init__(
        self,
        source: MarketSource,
        terms: AccountTerms,
        store: AccountStore,
        quote: Callable[[], QuoteRow | None],
        on_resting: Callable[[BookOrder], None],
    ) -> None:
        self.now_ns = source.start_ns
        self.terms = terms
        self.account = Account(source.scale, terms, cash=terms.balance)
        self.live: dict[int, BookOrder] = {}
        """By number, oldest first."""
        self.floor = -NOWHERE
        self.ceiling = NOWHERE
        self.gaps = 0
        self.gaps_ns = 0
        self._scale = source.scale
        self._writer = StepWriter(store)
        self._quote = quote
        self._on_resting = on_resting
        self.book = OwnBook(source.queues, self._fill_resting)
        self._live_clients: dict[int, BookOrder] = {}
        self._next_order = 1
        self._next_trade = 1
        self._safe = (-NOWHERE, NOWHERE)
        self._safe_with: tuple[int, Decimal, Decimal, Decimal] | None = None
        """The position, cash, fees and funding that `_safe` was found for."""
        self._events: list[VenueEvent] = []
        self._is_dirty = True
        self.set_rules(replace(source.rules, maker_fee_rate=terms.maker_fee_rate, taker_fee_rate=terms.taker_fee_rate))

    def restore(self, record: AccountRecord, orders: list[BookOrder]) -> None:
        """Go on from a committed step."""
        self.now_ns = record.now_ns
        self._next_order, self._next_trade = record.next_order, record.next_trade
        account = self.account
        account.cash, account.fees, account.funding = record.cash, record.fees, record.funding
        account.volume, account.position = record.volume, record.position
        self.gaps, self.gaps_ns = record.gaps, record.gaps_ns
        self.set_rules(record.rules)
        if record.quote is not None:
            self.book.sync(record.quote)
        self.book.bid.taken, self.book.ask.taken = record.bid_taken, record.ask_taken
        for order in orders:
            self._register(order)
            self.book.side(order.side).add(order)
            self._on_resting(order)
        self._safe = account.safe_prices()

    # --- reads ------------------------------------------------------------------------------------------------------

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    def take_events(self) -> list[VenueEvent]:
        events, self._events = self._events, []
        return events

    @property
    def ledger_trouble(self) -> str | None:
        return self._writer.trouble

    def by_client_id(self, client_id: int) -> BookOrder | None:
        """An order of the account, live or ended."""
        return self._live_clients.get(client_id) or self._writer.by_client_id(client_id)

    def by_number(self, number: int) -> BookOrder | None:
        return self.live.get(number) or self._writer.by_number(number)

    def fills_since(self, since_ns: int) -> list[Fill]:
        return self._writer.fills_since(since_ns)

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        return self._writer.payments_since(since_ns)

    # --- requests ---------------------------------------------------------------------------------------------------

    def place(self, request: NewOrder) -> BookOrder | Refusal:
        quote = self._quote()
        if quote is None:
            return Refusal(Reason.NO_QUOTE, "the market has no quote yet")
        if request.client_id is not None and self._writer.knows(request.client_id):
            return Refusal(Reason.DUPLICATE_CLIENT_ID, f"client id {request.client_id} was used before")
        self.book.sync(quote)
        opposite = self.book.displayed(request.side.opposite)
        units = well_formed(request, self.rules, self._scale, opposite.price)
        if isinstance(units, Refusal):
            return units
        order = self._admitted(request, units, quote)
        if isinstance(order, Refusal):
            return order
        self._next_order += 1
        self._register(order)
        trimmed = None if order.quantity == units.quantity else order.quantity
        self._tell_order(order, OrderFact.ACCEPTED, quantity=trimmed)
        if not order.post_only:
            for price, quantity in list(opposite.ladder(order.remaining, order.price, self._tick)):
                self._fill_taking(order, price, quantity)
        if order.is_live and (order.price is None or request.immediate):
            self.end(order, OrderStatus.CANCELLED, Reason.NO_LIQUIDITY)
        elif order.is_live:
            self._rest(order)
        return order

    def end(self, order: BookOrder, status: OrderStatus, reason: str) -> None:
        """End a live order that is not filled."""
        self.book.side(order.side).discard(order)
        order.status, order.reason = status, str(reason)
        self._unregister(order)
        self._tell_order(order, _FACTS[status])

    def trade_outside(self, side: Side, quantity: int) -> None:
        """Somebody else trades on this account, at the touch."""
        quote = self._quote()
        if quote is None:
            raise ValueError("nobody can trade before the first quote")
        self._fill_taking(self._unasked_order(side, quantity), quote.ask if side is Side.BUY else quote.bid, quantity)

    def set_rules(self, rules: MarketRules) -> None:
        """Raises `ValueError` where the tape's units cannot count them."""
        check_rules(rules, self._scale)
        self.rules = rules
        tick = in_units(rules.tick_size, self._scale.price_unit)
        assert tick is not None, "the rules were checked"
        self._tick = tick

    # --- the market ------------------------------------------------------------------------------------------------

    def pay_funding(self, payment_id: str, rate: Decimal) -> None:
        """Funding of the position at the mid; nothing without a position."""
        quote = self._quote()
        if quote is None or not self.account.position:
            return
        amount = self.account.receive_funding(quote.bid + quote.ask, rate)
        payment = FundingPayment(self.now_ns, payment_id, amount)
        self._writer.add_payment(payment)
        self.tell(payment)

    def liquidate_if_due(self) -> None:
        """Below the maintenance margin everything resting is cancelled and the position closed at market."""
        if not self.account.position or (quote := self._quote()) is None:
            return
        doubled_mid = quote.bid + quote.ask
        is_safe = not self._is_dirty and 2 * self._safe[0] < doubled_mid < 2 * self._safe[1]
        if not is_safe and self.account.must_be_liquidated(doubled_mid):
            self.liquidate(abs(self.account.position), quote, ends_orders=True)

    def liquidate(self, quantity: int, quote: QuoteRow, *, ends_orders: bool) -> None:
        """The venue closes so much of the position at market; `ends_orders`: after cancelling everything resting."""
        for order in list(self.live.values()) if ends_orders else ():
            self.end(order, OrderStatus.CANCELLED, Reason.LIQUIDATION)
        self.book.sync(quote)
        side = Side.SELL if self.account.position > 0 else Side.BUY
        opposite = self.book.displayed(side.opposite)
        order, price = self._unasked_order(side, quantity), opposite.price
        for price, part in list(opposite.ladder(quantity, None, self._tick)):
            self._fill_taking(order, price, part, forced=True)
        if order.remaining:
            self._fill_taking(order, price, order.remaining, forced=True)

    # --- the end of a step ------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Commit what changed, and find which rows may touch the account from now on."""
        if self._is_dirty:
            self._is_dirty = False
            self._find_safe_prices()
            for order in self.book.take_requeued():
                self._writer.add_order(order)
            self._writer.commit(self._record())
        book = self.book
        self.floor = NOWHERE if book.has_taken else max(book.bids.best, self._safe[0])
        self.ceiling = min(-book.asks.best, self._safe[1])

    def _find_safe_prices(self) -> None:
        """Most steps move orders and no money."""
        account = self.account
        money = (account.position, account.cash, account.fees, account.funding)
        if money != self._safe_with:
            self._safe_with = money
            self._safe = account.safe_prices()

    def _record(self) -> AccountRecord:
        account = self.account
        return AccountRecord(
            self.now_ns,
            self._next_order,
            self._next_trade,
            account.cash,
            account.fees,
            account.funding,
            account.volume,
            account.position,
            self._quote(),
            self.book.bid.taken,
            self.book.ask.taken,
            self.gaps,
            self.gaps_ns,
            self.rules,
        )

    def tell(self, event: VenueEvent) -> None:
        self._events.append(event)
        self._is_dirty = True

    # --- admission --------------------------------------------------------------------------------------------------

    def _admitted(self, request: NewOrder, units: Units, quote: QuoteRow) -> BookOrder | Refusal:
        """The order as accepted (a reduce-only one trimmed), or why the account or the book refuses it."""
        side, price, quantity = request.side, units.price, units.quantity
        opposite = self.book.displayed(side.opposite)
        reach = opposite.farthest(quantity, self._tick) if price is None else price
        crosses = (reach - opposite.price) * side.sign >= 0
        if request.post_only and crosses:
            at = self.account.price(opposite.price)
            return Refusal(Reason.POST_ONLY_WOULD_CROSS, f"the order would take at {at}")
        if request.reduce_only:
            quantity = min(quantity, self._room_to_reduce(side, takes=crosses))
            if quantity <= 0:
                return Refusal(Reason.REDUCE_ONLY_WOULD_NOT_REDUCE, f"there is nothing left to reduce by a {side}")
        elif not self._can_carry(side, reach * quantity, quote):
            return Refusal(Reason.INSUFFICIENT_MARGIN, "equity does not cover the initial margin of this order")
        if self._is_stopped_by_own(side, reach, request.post_only):
            return Refusal(Reason.SELF_TRADE, "the order would meet an own order")
        life_s = self.terms.max_order_life_s
        expires_ns = None if life_s is None or price is None else self.now_ns + life_s * NANOSECONDS
        return BookOrder(
            self._next_order,
            request.client_id,
            side,
            price,
            quantity,
            request.post_only,
            request.reduce_only,
            self.now_ns,
            expires_ns,
        )

    def _room_to_reduce(self, side: Side, *, takes: bool) -> int:
        """How much a reduce-only order could close. One that takes goes before those that rest, which are trimmed."""
        room = -side.sign * self.account.position
        return room if takes else room - self.book.side(side).reduce_only_size

    def _can_carry(self, side: Side, notional: int, quote: QuoteRow) -> bool:
        """An order that does not raise the margined exposure needs no margin."""
        bids, asks = self.book.bids.opening_notional, self.book.asks.opening_notional
        doubled_mid = quote.bid + quote.ask
        before = self.account.exposure(doubled_mid, bids, asks)
        added = (bids + notional, asks) if side is Side.BUY else (bids, asks + notional)
        after = self.account.exposure(doubled_mid, *added)
        return after <= before or self.account.can_carry(doubled_mid, after)

    def _is_stopped_by_own(self, side: Side, reach: int, post_only: bool) -> bool:
        """Self-trade prevention; own resting orders are cancelled where the account's terms say so."""
        met = self.book.side(side.opposite).at_or_better(reach)
        mode = self.terms.self_trade
        if not met or post_only or mode is SelfTrade.CANCEL_INCOMING:
            return bool(met)
        for own in met:
            self.end(own, OrderStatus.CANCELLED, Reason.SELF_TRADE)
        return mode is SelfTrade.CANCEL_BOTH

    # --- execution --------------------------------------------------------------------------------------------------

    def _rest(self, order: BookOrder) -> None:
        own = self.book.displayed(order.side)
        side = self.book.side(order.side)
        side.place_in_queue(order, own.price, own.size)
        side.add(order)
        self._on_resting(order)
        self._trim_reduce_only()

    def _fill_resting(self, order: BookOrder, quantity: int) -> None:
        assert order.price is not None, "a market order never rests"
        self.book.side(order.side).fill(order, quantity)
        self._book(order, order.price, quantity, Liquidity.MAKER, forced=False)

    def _fill_taking(self, order: BookOrder, price: int, quantity: int, *, forced: bool = False) -> None:
        order.filled += quantity
        self._book(order, price, quantity, Liquidity.TAKER, forced=forced)

    def _book(self, order: BookOrder, price: int, quantity: int, liquidity: Liquidity, *, forced: bool) -> None:
        """Money, events and consequences of a fill that the order has counted already."""
        account = self.account
        rate = self.rules.maker_fee_rate if liquidity is Liquidity.MAKER else self.rules.taker_fee_rate
        fill = Fill(
            at_ns=self.now_ns,
            client_id=order.client_id,
            order_id=str(order.number),
            trade_id=str(self._next_trade),
            side=order.side,
            price=account.price(price),
            quantity=account.quantity(quantity),
            fee=account.trade(order.side, price, quantity, rate),
            liquidity=liquidity,
            venue_ns=self.now_ns,
            forced=forced,
        )
        self._next_trade += 1
        self._writer.add_fill(fill)
        self.tell(fill)
        if order.remaining:
            self._tell_order(order, OrderFact.ACCEPTED)
        else:
            order.status = OrderStatus.FILLED
            self._unregister(order)
            self._tell_order(order, OrderFact.FILLED)
        self.tell(PositionUpdate(self.now_ns, account.quantity(account.position)))
        self._trim_reduce_only()

    def _trim_reduce_only(self) -> None:
        """Cut resting reduce-only orders down to the position: the worst-priced first, among equals the newest."""
        self._trim(self.book.bids, -self.account.position)
        self._trim(self.book.asks, self.account.position)

    def _trim(self, side: BookSide, reducible: int) -> None:
        excess = side.reduce_only_size - max(0, reducible)
        if excess <= 0:
            return
        for order in [own for own in reversed(side.orders) if own.reduce_only]:
            cut = min(excess, order.remaining)
            excess -= cut
            if cut == order.remaining:
                self.end(order, OrderStatus.CANCELLED, Reason.REDUCE_ONLY)
            else:
                side.shrink(order, cut)
                self._tell_order(order, OrderFact.ACCEPTED, quantity=order.quantity, reason=Reason.REDUCE_ONLY)
            if not excess:
                return

    def _unasked_order(self, side: Side, quantity: int) -> BookOrder:
        """A market order that nobody of ours placed."""
        order = BookOrder(self._next_order, None, side, None, quantity, False, False, self.now_ns)
        self._next_order += 1
        self._register(order)
        return order

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _register(self, order: BookOrder) -> None:
        self.live[order.number] = order
        if order.client_id is not None:
            self._live_clients[order.client_id] = order

    def _unregister(self, order: BookOrder) -> None:
        order.ended_ns = self.now_ns
        del self.live[order.number]
        if order.client_id is not None:
            del self._live_clients[order.client_id]

    def _tell_order(
        self, order: BookOrder, fact: OrderFact, *, quantity: int | None = None, reason: str | None = None
    ) -> None:
        self._writer.add_order(order)
        self.tell(
            OrderUpdate(
                at_ns=self.now_ns,
                client_id=order.client_id,
                fact=fact,
                order_id=str(order.number),
                filled=self.account.quantity(order.filled),
                quantity=None if quantity is None else self.account.quantity(quantity),
                reason=order.reason if reason is None else str(reason),
            )
        )
