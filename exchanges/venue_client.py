"""What the clients of all venues do alike: the order of connecting, the streams, the touch, the chores, the checks.

A venue adds what differs: how it logs in, what its answers and messages mean. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import difflib
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from domain.clock import Clock
from domain.events import OrderUpdate, RulesChanged, StreamLost, StreamRestored, VenueEvent, VenueTrouble
from domain.market import NANOSECONDS, MarketRules, PriceBand, Quote
from domain.orders import OrderFact, OrderStatus
from exchanges.base import BaseExchangeClient, EventHandler, OrderInfo, OrderLimits, OrderRequest
from exchanges.errors import Misconfigured, NotSent, Refused
from exchanges.transport.chores import Chores
from exchanges.transport.streams import StreamGroup
from exchanges.transport.touch import Touch

CLOCK_EVERY_S = 20.0
"""How often the venue's time is asked for. It is a cheap request, and it keeps the connections warm over which a close
will leave: both ends drop those that nobody used for about a minute."""
_WARM_CONNECTIONS = 2
"""Kept open, so that one is free when the other is busy. Requests take them in turn."""
_FACTS = {
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}
_ENDS = frozenset(_FACTS.values())
_FUNDING_OVERLAP_NS = 3_600 * NANOSECONDS
_REMEMBERED_PAYMENTS = 1_000
"""Far more than an hour's."""


class VenueClient(BaseExchangeClient):
    """A subclass sets `_streams`, whose events go to `_on_stream`."""

    _streams: StreamGroup

    def __init__(self, ticker: str, clock: Clock, connect_within_s: float) -> None:
        self._ticker = ticker
        self._clock = clock
        self._connect_within_s = connect_within_s
        self._handler: EventHandler = lambda _event: None
        self._is_connected = False
        self._touch = Touch(clock, self._emit)
        self._chores = Chores(self._on_trouble)
        self._rules: MarketRules | None = None
        self._funding_since_ns = 0
        self._funding_ns = 0
        self._paid: dict[str, None] = {}

    # --- what a venue adds ------------------------------------------------------------------------------------------

    @abstractmethod
    async def _log_in(self) -> None:
        """Everything before the streams: the account, the market, its rules. Raises as `connect`."""

    @abstractmethod
    async def _settle_in(self) -> None:
        """Everything after the streams are ready: a first quote, the chores. Raises as `connect`."""

    @abstractmethod
    async def _sync_clock(self) -> None:
        """One sample of the venue's time. Raises `Unavailable`."""

    @abstractmethod
    async def _place(self, request: OrderRequest) -> str | None:
        """As `place`, for an order that was checked."""

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        """What is remembered of this order may be forgotten in time. May be told twice."""

    def _on_restored(self) -> None:
        """The streams are back; told after the event."""

    # --- life -------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Whole, or not at all: what was begun is ended where it fails or is given up."""
        try:
            await self._set_clock()
            await self._log_in()
            await self._streams.start(self._connect_within_s)
            await self._settle_in()
        except BaseException:
            await self.disconnect()
            raise
        self._is_connected = True

    async def disconnect(self) -> None:
        self._is_connected = False
        await self._chores.stop()
        await self._streams.stop()
        self._touch.clear()

    async def _set_clock(self) -> None:
        """The first samples open the connections; one more, over a warm one, binds the clock tighter."""
        samples = (self._sync_clock() for _ in range(_WARM_CONNECTIONS))
        for outcome in await asyncio.gather(*samples, return_exceptions=True):
            if outcome is not None:
                raise outcome
        await self._sync_clock()

    def _not_listed(self, names: Iterable[str]) -> Misconfigured:
        """The venue has no perpetual of the ticker; `names`: the base assets of those it has."""
        near = difflib.get_close_matches(self._ticker.upper(), list(names), 3, 0.5)
        advice = f"; near it: {', '.join(near)}" if near else ""
        return Misconfigured(f"{self.get_exchange_name()} lists no perpetual of {self._ticker}{advice}")

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, request: OrderRequest) -> str | None:
        if request.price is not None and not request.post_only:
            raise ValueError("a limit order that may take is never sent")
        try:
            return await self._place(request)
        except (Refused, NotSent):
            self._order_ended(request.client_id, None)
            raise

    def _check_echo(self, request: OrderRequest, contract_id: str, booked: OrderInfo) -> None:
        """What the venue booked must be what was sent: anything else is a defect that no retry mends."""
        sent = (self.contract_id, request.client_id, request.side, request.price)
        price = booked.price if request.price is not None else None
        # A reduce-only order may be trimmed; no order may grow.
        if sent != (contract_id, booked.client_id, booked.side, price) or booked.size > request.quantity:
            raise Misconfigured(f"the exchange booked another order than was sent: order {booked.order_id}; look at it")

    def _tell_ended(self, client_id: int, info: OrderInfo) -> None:
        """An answer may be faster than the stream; the fact is the same."""
        fact, now_ns = _FACTS[info.status], self._clock.now_ns()
        self._emit(OrderUpdate(now_ns, client_id, fact, info.order_id, info.filled_size, reason=info.cancel_reason))

    # --- rules ------------------------------------------------------------------------------------------------------

    async def _refresh_rules(self) -> None:
        self._learn_rules(await self.market_rules())

    def _learn_rules(self, rules: MarketRules) -> None:
        before, self._rules = self._rules, rules
        if before is not None and before != rules:
            self._emit(RulesChanged(self._clock.now_ns(), rules))

    def _learn_limits(self, limits: OrderLimits) -> None:
        self.capabilities = replace(self.capabilities, order_limits=limits)

    def _count_funding_from(self, venue_ns: int) -> None:
        """What was paid before is asked for by whoever wants to know."""
        self._funding_since_ns = self._funding_ns = venue_ns

    async def _tell_funding(self) -> None:
        """For venues whose streams do not tell how much was paid. What is booked late is found by asking again for a
        while of the past; each payment is told once."""
        since_ns = max(self._funding_since_ns, self._funding_ns - _FUNDING_OVERLAP_NS)
        for payment in await self.funding_since(since_ns):
            self._funding_ns = max(self._funding_ns, payment.at_ns)
            if payment.payment_id not in self._paid:
                self._paid[payment.payment_id] = None
                self._emit(replace(payment, at_ns=self._clock.now_ns()))
        while len(self._paid) > _REMEMBERED_PAYMENTS:
            del self._paid[next(iter(self._paid))]

    # --- the streams ------------------------------------------------------------------------------------------------

    def quote(self) -> Quote | None:
        return self._touch.quote()

    def watch_quotes(self, band: PriceBand) -> None:
        self._touch.watch(band)

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        """Whoever comes while the streams are away is told so, and will be told when they are back."""
        self._handler = handler
        if self._is_connected and not self._streams.is_whole:
            handler(StreamLost(self._clock.now_ns(), "the streams are being opened again"))

    def _emit(self, event: VenueEvent) -> None:
        if isinstance(event, OrderUpdate) and event.fact in _ENDS:
            self._order_ended(event.client_id, event.order_id)
        self._handler(event)

    def _on_stream(self, event: VenueEvent) -> None:
        if isinstance(event, StreamLost):
            self._touch.clear()
        self._emit(event)
        if isinstance(event, StreamRestored):
            self._on_restored()

    def _on_trouble(self, text: str, must_stop: bool) -> None:
        self._emit(VenueTrouble(self._clock.now_ns(), text, must_stop))

    def _update_touch(self, bid: Decimal | None, bid_size: Decimal, ask: Decimal | None, ask_size: Decimal) -> None:
        """A book with an empty side has no touch."""
        if bid is None or ask is None:
            self._touch.clear()
        else:
            self._touch.update(bid, bid_size, ask, ask_size)
