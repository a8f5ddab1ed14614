"""The world of the paper exchange, with a way that can be disturbed: requests, answers and events, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from random import Random
from typing import TypeVar

from domain.clock import Clock
from domain.events import OrderUpdate, QuoteMoved, StreamLost, StreamRestored, VenueEvent
from domain.market import NANOSECONDS, MarketRules, Quote, Side
from domain.orders import OrderFact
from exchanges.base import BaseExchangeClient, EventHandler
from exchanges.errors import NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.paper import PaperClient, PaperWorld, StreamDelays
from exchanges.transport.twin import RequestFate
from markets.account import AccountTerms
from markets.orders import NewOrder
from markets.tape import MarketSource
from markets.venue import SimulatedVenue
from simulation.observed import EndTold, RequestKind, StreamsCut
from simulation.worlds.base import CalmWay, Errand, MakeScribe, SimulatedWorld, Stage, VenueLimits
from simulation.worlds.line import WatchedClient
from simulation.worlds.loop import Life
from simulation.worlds.venue import WatchedLedger, WorldVenue

T = TypeVar("T")
Answer = TypeVar("Answer")

_READ_WITHIN_S, _WRITE_WITHIN_S = 10.0, 8.0
_CUT_NOTICED_S = 0.05


class MeddledPaperWorld(PaperWorld):
    """`fate` is that of the next request."""

    def __init__(self, venue: SimulatedVenue, latency_ns: int, delays: StreamDelays) -> None:
        super().__init__(venue, latency_ns, delays)
        self.fate = RequestFate()
        self.delays = delays

    def send(
        self, now_ns: int, request: Callable[[SimulatedVenue], Answer], answered: Callable[[Answer], None]
    ) -> None:
        fate, self.fate = self.fate, RequestFate()
        session, is_lost = self._session, not fate.is_answered or fate.answer is not None

        def give(answer: Answer) -> None:
            if is_lost:
                return
            if not fate.delay_back_ns:
                answered(answer)
                return
            late = partial(self._return, session, answered, answer)
            self._schedule(self.now_ns + fate.delay_back_ns, late)

        for number in range(fate.arrivals):
            super().send(now_ns + fate.delay_there_ns, request, _ignore if number else give)


def _ignore(_answer: object) -> None:
    """The answer to a repetition that nobody sent."""


class PaperSimulation(SimulatedWorld):
    """`latency_ns` each way."""

    exchange = "paper"

    def __init__(
        self,
        source: MarketSource,
        terms: AccountTerms,
        latency_ns: int,
        delays: StreamDelays,
        make_scribe: MakeScribe,
    ) -> None:
        history_ns = 2 * delays.quote_ns + NANOSECONDS
        self.ledger = WatchedLedger(source.scale)
        self.venue = WorldVenue(source, terms, self.ledger, history_ns)
        self.way = CalmWay()
        self.latency_ns = latency_ns
        self.paper = MeddledPaperWorld(self.venue, latency_ns, delays)
        self.scribe = make_scribe(lambda: self.venue.now_ns, self.secrets, VenueLimits())
        self.stage = Stage(self.paper, lambda: self.venue.now_ns, self.show)
        self._client: PaperLine | None = None
        self._streams_back_ns = 0
        self.show()

    def show(self) -> None:
        self.ledger.show(self.scribe.tell, lambda _number, client_id: client_id)

    @property
    def now_ns(self) -> int:
        return self.venue.now_ns

    def open_client(self, life: Life, clock: Clock, chance: Random) -> BaseExchangeClient:
        del chance
        self._client = PaperLine(self, life, clock)
        return self._client

    def end_life(self, *, power_lost: bool) -> None:
        del power_lost
        self.paper.detach()
        self._client = None

    def cut_streams(self, away_ns: int, reason: str = "") -> None:
        self._streams_back_ns = max(self._streams_back_ns, self.now_ns + away_ns)
        if self._client is not None:
            self._client.lose_streams(reason or "connection reset")
        self.stage.at(self._streams_back_ns, self._restore)

    def hold_book(self, lasting_ns: int) -> None:
        if self._client is not None:
            self._client.hold_book()
            self.stage.at(self.now_ns + lasting_ns, self._client.let_book_go)

    def mend_streams(self) -> None:
        self._streams_back_ns = self.now_ns
        self._restore()

    def _restore(self) -> None:
        if self.now_ns >= self._streams_back_ns and self._client is not None:
            self._client.restore_streams()

    @property
    def has_streams(self) -> bool:
        return self.now_ns >= self._streams_back_ns

    def trade_by_hand(self, side: Side, quantity: Decimal) -> None:
        self.venue.external_trade(side, quantity)
        self.show()

    def liquidate(self, quantity: Decimal, *, ends_orders: bool) -> None:
        self.venue.liquidate(quantity, ends_orders=ends_orders)
        self.show()

    def place_by_hand(self, side: Side, quantity: Decimal, price: Decimal) -> None:
        self.venue.place_by_hand(NewOrder(None, side, quantity, price))
        self.show()

    def end_by_venue(self, order_id: str, reason: str, *, expired: bool) -> None:
        self.venue.cancel_by_venue(order_id, reason, expired=expired)
        self.show()

    def change_rules(self, rules: MarketRules) -> None:
        self.venue.change_rules(rules)
        self.show()


class PaperLine(WatchedClient):
    """The paper exchange has no connection that could break, so breaking is done here; and its client's clock is the
    venue's, so that a process whose clock differs is told times by its own."""

    def __init__(self, world: PaperSimulation, life: Life, clock: Clock) -> None:
        super().__init__(PaperClient(world.paper, _VenueClock(world)), life, world.scribe, self._age, self._touch)
        self._world = world
        self._clock = clock
        self._frozen: Quote | None = None
        self._is_deaf = False
        self._held: Quote | None = None
        self._is_held = False
        self._since_ns = 0
        """When the quote began to stand still."""
        self._loop: asyncio.AbstractEventLoop | None = None

    async def connect(self) -> None:
        if not self._world.has_streams:
            raise Unavailable("the streams cannot be opened")
        self._loop = asyncio.get_running_loop()
        await super().connect()

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        """As a venue's client does: whoever comes while the streams are lost is told so."""
        super().setup_order_update_handler(handler)
        if self._is_deaf:
            handler(StreamLost(self._clock.now_ns(), "the streams are being opened again"))

    def lose_streams(self, reason: str) -> None:
        """Events from now on are gone for good, and the quote stands still."""
        if not self._is_deaf and not self._life.has_ended:
            self._frozen = self._visible()
            self._since_ns = self._since_ns if self._is_held else self._world.now_ns
            self._is_deaf, self._is_held = True, False
            self._world.scribe.tell(StreamsCut(is_cut=True))
            self._schedule(StreamLost(self._clock.now_ns(), reason))

    def restore_streams(self) -> None:
        if self._is_deaf and not self._life.has_ended:
            self._is_deaf = False
            self._world.scribe.tell(StreamsCut(is_cut=False))
            self._schedule(StreamRestored(self._clock.now_ns()))

    def hold_book(self) -> None:
        """The quote stands still from now on, and the account's events go on."""
        if not self._is_deaf and not self._is_held:
            self._held, self._is_held, self._since_ns = self._inner.quote(), True, self._world.now_ns

    def let_book_go(self) -> None:
        if self._is_held and not self._life.has_ended:
            self._is_held = False
            if (quote := self.quote()) is not None:
                self._schedule(QuoteMoved(self._clock.now_ns(), quote))

    def _visible(self) -> Quote | None:
        return self._frozen if self._is_deaf else self._held if self._is_held else self._inner.quote()

    def quote(self) -> Quote | None:
        quote = self._visible()
        if quote is None:
            return None
        return replace(quote, as_of_ns=quote.as_of_ns + self._clock.now_ns() - self._world.now_ns)

    def _schedule(self, event: VenueEvent) -> None:
        """While the loop is in `select`: must only schedule."""
        handler = self._handler
        if handler is not None and self._loop is not None:
            self._loop.call_soon(handler, event)

    def _hand_over(self, event: VenueEvent) -> None:
        if isinstance(event, QuoteMoved):
            self._arrive(event)
            return
        fate, told = self._world.way.frame_fate(None), self._world.way.as_told(event)
        if told is None:
            return
        for _ in range(fate.copies):
            if fate.delay_ns and self._loop is not None:
                self._loop.call_later(fate.delay_ns / NANOSECONDS, self._arrive, told)
            else:
                self._arrive(told)

    def _arrive(self, event: VenueEvent) -> None:
        if self._life.has_ended or self._is_deaf or (self._is_held and isinstance(event, QuoteMoved)):
            return
        match event:
            case OrderUpdate(client_id=int() as client_id, fact=OrderFact.CANCELLED, filled=None):
                self._world.scribe.tell(EndTold(client_id))
        super()._hand_over(replace(event, at_ns=self._clock.now_ns()))

    def _age(self, quote: Quote | None) -> int | None:
        if quote is None:
            return None
        delay_ns = self._world.paper.delays.quote_ns
        return delay_ns + (self._world.now_ns - self._since_ns if self._is_deaf or self._is_held else 0)

    def _touch(self) -> Quote | None:
        return self._world.venue.quote_as_of(self._world.now_ns)

    async def _carry(self, asked: Errand, ask: Callable[[], Awaitable[T]]) -> T:
        fate = self._world.way.request_fate(asked)
        is_read = asked.kind is RequestKind.READ
        if not fate.is_sent:
            raise Unavailable("no connection") if is_read else NotSent("no connection")
        self._world.paper.fate = fate
        within_s = _READ_WITHIN_S if is_read else _WRITE_WITHIN_S
        if fate.answer is not None or not fate.is_answered:
            way_ns = 2 * self._world.latency_ns + fate.delay_there_ns + fate.delay_back_ns
            within_s = min(within_s, way_ns / NANOSECONDS + _CUT_NOTICED_S)
        try:
            async with asyncio.timeout(within_s):
                return await ask()
        except TimeoutError:
            raise _failure(fate, is_read=is_read) from None


class _VenueClock:
    def __init__(self, world: PaperSimulation) -> None:
        self._world = world

    def now_ns(self) -> int:
        return self._world.now_ns


def _failure(fate: RequestFate, *, is_read: bool) -> Exception:
    status = None if fate.answer is None else fate.answer.status
    text = "the connection failed" if status is None else f"the exchange answered {status}"
    if is_read:
        return Unavailable(text)
    return Refused("rate_limited", text) if status in (418, 429) else OutcomeUnknown(text)


__all__ = ["PaperSimulation"]
