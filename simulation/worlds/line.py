"""The client of a world: the venue's own, with an eye on everything the bot asks of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from decimal import Decimal
from typing import TypeVar

from domain.events import Fill, FundingPayment, VenueEvent
from domain.market import MarketRules, PriceBand, Quote
from exchanges.base import BaseExchangeClient, EventHandler, OrderInfo, OrderRequest
from simulation.observed import RequestKind, Sent, VenueQuote
from simulation.scribe import Scribe
from simulation.worlds.base import NO_ERRAND, Errand
from simulation.worlds.loop import Life

T = TypeVar("T")

errand: ContextVar[Errand] = ContextVar("errand", default=NO_ERRAND)
"""What the running task was asked for."""

QuoteAge = Callable[[Quote | None], int | None]
"""How long ago the touch that a client shows was last in force at the venue, in nanoseconds."""


class WatchedClient(BaseExchangeClient):
    """Passes everything on. Requests and quotes are told before they leave; a dead process asks in vain."""

    def __init__(
        self,
        inner: BaseExchangeClient,
        life: Life,
        scribe: Scribe,
        quote_age: QuoteAge,
        shown: Callable[[], Quote | None],
    ) -> None:
        """`shown`: the touch as the venue shows it now."""
        self.capabilities = inner.capabilities
        self._inner = inner
        self._life = life
        self._scribe = scribe
        self._quote_age = quote_age
        self._shown = shown
        self._handler: EventHandler | None = None

    async def connect(self) -> None:
        await self._inner.connect()

    async def disconnect(self) -> None:
        await self._inner.disconnect()

    def get_exchange_name(self) -> str:
        return self._inner.get_exchange_name()

    @property
    def contract_id(self) -> str:
        return self._inner.contract_id

    async def place(self, request: OrderRequest) -> str | None:
        shown = self._shown()
        self._scribe.tell(VenueQuote(None if shown is None else shown.bid, None if shown is None else shown.ask))
        sent = Sent(
            RequestKind.PLACE,
            "place",
            request.client_id,
            None,
            request.side,
            request.price,
            request.quantity,
            request.post_only,
            request.reduce_only,
            self._quote_age(self.quote()),
            self._life.number,
        )
        return await self._ask(
            Errand(RequestKind.PLACE, "place", request.client_id), lambda: self._inner.place(request), sent
        )

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        sent = Sent(RequestKind.CANCEL, "cancel", client_id, order_id, life=self._life.number)
        return await self._ask(
            Errand(RequestKind.CANCEL, "cancel", client_id), lambda: self._inner.cancel(client_id, order_id), sent
        )

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        return await self._read("query", lambda: self._inner.query(client_id, order_id), client_id)

    async def open_orders(self) -> list[OrderInfo]:
        return await self._read("open_orders", self._inner.open_orders)

    async def position(self) -> Decimal:
        return await self._read("position", self._inner.position)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        return await self._read("fills", lambda: self._inner.fills_since(since_ns))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        return await self._read("funding", lambda: self._inner.funding_since(since_ns))

    async def market_rules(self) -> MarketRules:
        return await self._read("rules", self._inner.market_rules)

    def quote(self) -> Quote | None:
        return self._inner.quote()

    def watch_quotes(self, band: PriceBand) -> None:
        self._life.check()
        self._inner.watch_quotes(band)

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        self._handler = handler
        self._inner.setup_order_update_handler(self._hand_over)

    def _hand_over(self, event: VenueEvent) -> None:
        if self._handler is not None and not self._life.has_ended:
            self._handler(event)

    # --- carrying ---------------------------------------------------------------------------------------------------

    async def _read(self, what: str, read: Callable[[], Awaitable[T]], client_id: int | None = None) -> T:
        kind = RequestKind.READ
        return await self._ask(Errand(kind, what, client_id), read, Sent(kind, what, client_id, life=self._life.number))

    async def _ask(self, asked: Errand, ask: Callable[[], Awaitable[T]], sent: Sent) -> T:
        self._life.check()
        self._scribe.tell(sent)
        token = errand.set(asked)
        try:
            return await self._carry(asked, ask)
        finally:
            errand.reset(token)

    async def _carry(self, asked: Errand, ask: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 - for subclasses
        return await ask()
