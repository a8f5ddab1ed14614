"""The client of the paper exchange: a request becomes a future that the world resolves. It decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Protocol, TypeVar

from domain.events import Fill, FundingPayment, MarketEnded, QuoteMoved, RulesChanged, VenueEvent
from domain.market import MarketRules, PriceBand, Quote
from exchanges.base import BaseExchangeClient, Capabilities, EventHandler, OrderInfo, OrderRequest
from exchanges.errors import ExchangeError, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.paper.world import PaperWorld
from markets.orders import NewOrder, OrderState, Refusal
from markets.venue import SimulatedVenue

Answer = TypeVar("Answer")


class Clock(Protocol):
    """Structurally `helpers.clock.Clock`, which exchanges do not import."""

    def now_ns(self) -> int: ...


class PaperClient(BaseExchangeClient):
    """A connection to the account in a `PaperWorld`. The running loop must live in that world, by that clock."""

    def __init__(self, world: PaperWorld, clock: Clock) -> None:
        self.capabilities = Capabilities(client_id_bits=62, max_order_life_s=world.venue.terms.max_order_life_s)
        self._world = world
        self._clock = clock
        self._handler: EventHandler | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rules: MarketRules | None = None
        self._first_quote: asyncio.Future[None] | None = None
        """While connecting: done at the first quote, or at the end of the market."""
        self._listed: dict[str, tuple[OrderState, OrderInfo]] = {}
        self._give_up: set[Callable[[], None]] = set()
        """For each wait: what ends it when the connection goes."""

    # --- life -------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Returns with the rules and a first quote. Raises `Unavailable` when the market ends before it quotes."""
        if self._loop is not None:
            raise Unavailable("this client is connected already")
        self._world.attach(self, self._clock.now_ns())
        self._loop = asyncio.get_running_loop()
        try:
            self._rules = await self.market_rules()
            if self.quote() is None:
                await self._wait_for_quote(self._loop)
        except (ExchangeError, asyncio.CancelledError):
            await self.disconnect()
            raise

    async def _wait_for_quote(self, loop: asyncio.AbstractEventLoop) -> None:
        self._first_quote = loop.create_future()
        self._world.watch_quotes(None)
        await self._answer_to(self._first_quote, Unavailable("the connection went before the first quote"))
        if self.quote() is None:
            raise Unavailable("the market ended before its first quote")

    async def disconnect(self) -> None:
        if self._loop is None:
            return
        self._loop = None
        self._world.detach()
        for give_up in tuple(self._give_up):
            give_up()

    def get_exchange_name(self) -> str:
        return "paper"

    @property
    def contract_id(self) -> str:
        if self._rules is None:
            raise Unavailable("the paper exchange is not connected yet")
        return self._rules.contract_id

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, request: OrderRequest) -> str:
        order = NewOrder(
            client_id=request.client_id,
            side=request.side,
            quantity=request.quantity,
            price=request.price,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
        )
        placed = await self._write(lambda venue: venue.place(order))
        return _accepted(placed).order_id

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        del order_id  # our own id is known to the venue from the start
        _accepted(await self._write(lambda venue: venue.cancel(client_id=client_id)))

    # --- reads ------------------------------------------------------------------------------------------------------

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        del order_id
        state = await self._read(lambda venue: venue.order(client_id=client_id))
        return None if state is None else _info(state)

    async def open_orders(self) -> list[OrderInfo]:
        states = await self._read(lambda venue: venue.open_orders())
        # Thousands may rest, and hardly any has changed since the last look.
        known, self._listed = self._listed, {}
        for state in states:
            listed = known.get(state.order_id)
            if listed is None or listed[0] is not state:
                listed = (state, _info(state))
            self._listed[state.order_id] = listed
        return [info for _, info in self._listed.values()]

    async def position(self) -> Decimal:
        return await self._read(lambda venue: venue.position)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        return await self._read(lambda venue: venue.fills_since(since_ns))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        return await self._read(lambda venue: venue.payments_since(since_ns))

    async def market_rules(self) -> MarketRules:
        return await self._read(lambda venue: venue.rules)

    # --- streams ----------------------------------------------------------------------------------------------------

    def quote(self) -> Quote | None:
        """As seen now: the book of a stream's delay ago, known to be current as of then even if no row came."""
        return None if self._loop is None else self._world.quote()

    def watch_quotes(self, band: PriceBand) -> None:
        if self._loop is not None:
            self._world.watch_quotes(band)

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        self._handler = handler

    def receive(self, events: Sequence[VenueEvent]) -> None:
        """The world's side of the streams. The handler runs on the loop, once its clock has moved to this moment."""
        meant = [event for event in events if self._is_meant_for_owner(event)]
        if meant and self._loop is not None and self._handler is not None:
            self._loop.call_soon(self._hand_over, meant)

    def _is_meant_for_owner(self, event: VenueEvent) -> bool:
        """Take notice of what concerns the client itself. False: it asked for this one, and not its owner."""
        if isinstance(event, RulesChanged):
            self._rules = event.rules
        elif self._first_quote is not None and isinstance(event, QuoteMoved | MarketEnded):
            _resolve(self._first_quote, None)
            self._first_quote = None
            return isinstance(event, MarketEnded)
        return True

    def _hand_over(self, events: Sequence[VenueEvent]) -> None:
        for event in events:
            if self._loop is not None and self._handler is not None:
                self._handler(event)

    # --- carrying ---------------------------------------------------------------------------------------------------

    async def _write(self, request: Callable[[SimulatedVenue], Answer]) -> Answer:
        if self._loop is None:
            raise NotSent("the paper exchange is not connected")
        return await self._carried(self._loop, request, OutcomeUnknown("the connection went before the answer came"))

    async def _read(self, request: Callable[[SimulatedVenue], Answer]) -> Answer:
        if self._loop is None:
            raise Unavailable("the paper exchange is not connected")
        return await self._carried(self._loop, request, Unavailable("the connection went before the answer came"))

    async def _carried(
        self, loop: asyncio.AbstractEventLoop, request: Callable[[SimulatedVenue], Answer], if_lost: Exception
    ) -> Answer:
        future: asyncio.Future[Answer] = loop.create_future()
        self._world.send(self._clock.now_ns(), request, partial(_resolve, future))
        return await self._answer_to(future, if_lost)

    async def _answer_to(self, future: asyncio.Future[Answer], if_lost: Exception) -> Answer:
        def give_up() -> None:
            if not future.done():
                future.set_exception(if_lost)

        self._give_up.add(give_up)
        try:
            return await future
        finally:
            self._give_up.discard(give_up)


def _resolve(future: asyncio.Future[Answer], answer: Answer) -> None:
    """Nobody may be waiting any more."""
    if not future.done():
        future.set_result(answer)


def _accepted(answer: OrderState | Refusal) -> OrderState:
    if isinstance(answer, Refusal):
        raise Refused(answer.reason.value, answer.message)
    return answer


def _info(state: OrderState) -> OrderInfo:
    return OrderInfo(
        order_id=state.order_id,
        side=state.side,
        size=state.quantity,
        price=state.price,
        status=state.status,
        filled_size=state.filled,
        remaining_size=state.remaining,
        cancel_reason=state.reason,
        client_id=state.client_id,
    )
