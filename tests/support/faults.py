"""A client whose line a test can spoil: answers lost, reads failing, events late or twice.

It wraps the real client of the paper exchange. Nothing of ours is patched: the bot is given this client instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto
from typing import TypeVar

from domain.clock import Clock
from domain.events import Fill, FundingPayment, StreamLost, StreamRestored, VenueEvent
from domain.market import NANOSECONDS, MarketRules, PriceBand, Quote
from exchanges.base import BaseExchangeClient, EventHandler, OrderInfo, OrderRequest
from exchanges.errors import Misconfigured, NotListed, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.urgency import are_reads_urgent

T = TypeVar("T")

_LOSS_NOTICED_AFTER_S = 0.3
_LATE_S = 3.0
_SLOW_S = 7.0
_CLIENT_DEADLINE_S = 8.0
_ROOM_IN_S = 40.0
_MOST_CALLS_PER_SECOND = 200


class Killed(BaseException):
    """The process is dead: whoever still runs does so with dead hands, and is about to be thrown away."""


class Life:
    """One life of the bot. Once it has ended, nothing that the bot does reaches anything."""

    def __init__(self) -> None:
        self.has_ended = False

    def end(self) -> None:
        self.has_ended = True

    def check(self) -> None:
        if self.has_ended:
            raise Killed


class Fate(Enum):
    """What becomes of one request. Reads turn every loss into `Unavailable`."""

    PASSES = auto()
    NOT_SENT = auto()
    REQUEST_LOST = auto()
    """It never arrives, and nobody can tell."""
    ANSWER_LOST = auto()
    """It takes effect, and nobody can tell."""
    LATE = auto()
    """It arrives seconds after its sender gave it up."""
    HANGS = auto()
    """It takes effect, and its answer never comes: not even an error."""
    SLOW = auto()
    """It arrives seconds later, while its sender still waits for the answer."""
    SWALLOWED = auto()
    """It never arrives, and its sender learns so only by the deadline of the client."""
    BOTTOMLESS = auto()
    """It never arrives, and its sender waits for ever."""
    NOT_LISTED = auto()
    """A question about one order, answered with "not open, and not in the history yet"."""
    NO_ROOM = auto()
    """A read for which the venue's limits leave room in 40 s only, unless it may use what is kept back for closes."""
    NO_ROOM_AT_ALL = auto()
    """The same where that is used up too."""
    REFUSED = auto()
    MISCONFIGURED = auto()


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `number` counts those of its kind from 1, over all lives of the bot."""

    kind: str
    number: int
    at_ns: int
    client_id: int | None = None
    order: OrderRequest | None = None


FateOf = Callable[[Call], Fate]
Deliveries = Sequence[tuple[float, VenueEvent]]
"""How often an event arrives, each time with how many seconds of extra delay."""


def no_fault(call: Call) -> Fate:
    return Fate.PASSES


def nth(kind: str, number: int, fate: Fate) -> FateOf:
    """The `number`-th request of a kind meets `fate`."""
    return lambda call: fate if (call.kind, call.number) == (kind, number) else Fate.PASSES


def while_true(condition: Callable[[Call], bool], fate: Fate) -> FateOf:
    return lambda call: fate if condition(call) else Fate.PASSES


def first_of(*fates: FateOf) -> FateOf:
    """The first of several fault plans that has something in mind."""

    def fate_of(call: Call) -> Fate:
        return next((fate for plan in fates if (fate := plan(call)) is not Fate.PASSES), Fate.PASSES)

    return fate_of


def on_time(event: VenueEvent) -> Deliveries:
    return [(0.0, event)]


class Line:
    """What every life of the bot shares: the fault plan, and the log of all that was sent."""

    def __init__(self) -> None:
        self.fate_of: FateOf = no_fault
        self.deliver: Callable[[VenueEvent], Deliveries] = on_time
        self.about_to_place: Callable[[OrderRequest], None] = lambda _order: None
        self.history_from_ns = 0
        """The venue has forgotten all trades before this moment."""
        self.forgotten: set[int] = set()
        """Client ids of orders that the venue no longer knows, though it keeps their trades."""
        self.calls: list[Call] = []
        self.placed: dict[int, OrderRequest] = {}
        self.refusals: list[tuple[int, str]] = []
        """Client ids of refused orders, with the venue's word."""
        self.violations: list[str] = []
        self._counts: Counter[str] = Counter()
        self._second = (0, 0)

    def begin(self, kind: str, at_ns: int, client_id: int | None = None, order: OrderRequest | None = None) -> Fate:
        self._counts[kind] += 1
        call = Call(kind, self._counts[kind], at_ns, client_id, order)
        self.calls.append(call)
        self._check_rate(at_ns)
        if order is not None:
            if order.client_id in self.placed:
                self.violations.append(f"client id {order.client_id} was sent twice")
            self.placed[order.client_id] = order
            self.about_to_place(order)
        return self.fate_of(call)

    def count(self, *kinds: str, since: int = 0) -> int:
        return sum(call.kind in kinds for call in self.calls[since:])

    def counts(self, since: int = 0) -> dict[str, int]:
        return dict(Counter(call.kind for call in self.calls[since:]))

    def _check_rate(self, at_ns: int) -> None:
        second, count = self._second
        self._second = (second, count + 1) if second == at_ns // NANOSECONDS else (at_ns // NANOSECONDS, 1)
        if self._second[1] > _MOST_CALLS_PER_SECOND:
            raise RuntimeError("the bot hammers the venue")


class FaultyClient(BaseExchangeClient):
    """`reduce_only` False: a venue without reduce-only orders, where covering twice would really be twice."""

    def __init__(
        self, inner: BaseExchangeClient, line: Line, life: Life, clock: Clock, *, reduce_only: bool = True
    ) -> None:
        self.capabilities = replace(inner.capabilities, reduce_only=reduce_only)
        self._inner = inner
        self._line = line
        self._life = life
        self._clock = clock
        self._handler: EventHandler | None = None
        self._is_deaf = False
        self._frozen: Quote | None = None
        self._is_frozen = False
        self._late: set[asyncio.Task[None]] = set()

    # --- what a test does to the line -------------------------------------------------------------------------------

    def lose_streams(self) -> None:
        """The streams break: events from now on are gone for good, and the quote stands still."""
        self.freeze_quotes()
        self._is_deaf = True
        self._hand_over(StreamLost(self._clock.now_ns(), "connection reset"))

    def restore_streams(self) -> None:
        self._is_deaf = False
        self._is_frozen = False
        self._hand_over(StreamRestored(self._clock.now_ns()))

    def go_deaf(self) -> None:
        """Events are gone from now on, and nobody is told."""
        self._is_deaf = True

    def hear_again(self) -> None:
        self._is_deaf = False

    def freeze_quotes(self) -> None:
        self._frozen = self._inner.quote()
        self._is_frozen = True

    def thaw_quotes(self) -> None:
        self._is_frozen = False

    # --- primitives -------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        await self._inner.connect()

    async def disconnect(self) -> None:
        for task in self._late:
            task.cancel()
        await self._inner.disconnect()

    def get_exchange_name(self) -> str:
        return self._inner.get_exchange_name()

    @property
    def contract_id(self) -> str:
        return self._inner.contract_id

    async def place(self, request: OrderRequest) -> str | None:
        self._life.check()
        fate = self._line.begin("place", self._clock.now_ns(), request.client_id, request)
        try:
            return await self._written(fate, lambda: self._inner.place(request))
        except Refused as refusal:
            self._line.refusals.append((request.client_id, refusal.reason))
            raise

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        self._life.check()
        fate = self._line.begin("cancel", self._clock.now_ns(), client_id)
        await self._written(fate, lambda: self._inner.cancel(client_id, order_id))

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        info = await self._read("query", lambda: self._inner.query(client_id, order_id), client_id)
        return None if client_id in self._line.forgotten else info

    async def open_orders(self) -> list[OrderInfo]:
        return await self._read("open_orders", self._inner.open_orders)

    async def position(self) -> Decimal:
        return await self._read("position", self._inner.position)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        return await self._read("fills", lambda: self._inner.fills_since(max(since_ns, self._line.history_from_ns)))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        return await self._read("funding", lambda: self._inner.funding_since(since_ns))

    async def market_rules(self) -> MarketRules:
        return await self._read("rules", self._inner.market_rules)

    def quote(self) -> Quote | None:
        return self._frozen if self._is_frozen else self._inner.quote()

    def watch_quotes(self, band: PriceBand) -> None:
        self._life.check()
        self._inner.watch_quotes(band)

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        self._handler = handler
        self._inner.setup_order_update_handler(self._carry_event)

    # --- carrying ---------------------------------------------------------------------------------------------------

    def _carry_event(self, event: VenueEvent) -> None:
        loop = asyncio.get_running_loop()
        for delay_s, each in self._line.deliver(event):
            if delay_s:
                loop.call_later(delay_s, self._arrive, each)
            else:
                self._arrive(each)

    def _arrive(self, event: VenueEvent) -> None:
        if not self._is_deaf:
            self._hand_over(replace(event, at_ns=self._clock.now_ns()))

    def _hand_over(self, event: VenueEvent) -> None:
        if self._handler is not None and not self._life.has_ended:
            self._handler(event)

    async def _written(self, fate: Fate, request: Callable[[], Awaitable[T]]) -> T:
        match fate:
            case Fate.PASSES:
                return await request()
            case Fate.NOT_SENT:
                raise NotSent("no route to the venue")
            case Fate.REFUSED:
                raise Refused("venue_restricted", "the venue takes no orders now")
            case Fate.MISCONFIGURED:
                raise Misconfigured("this key may not trade: give it the permission, or use another")
            case Fate.HANGS:
                await self._in_effect(request)
                await asyncio.Event().wait()
            case Fate.BOTTOMLESS:
                await asyncio.Event().wait()
            case Fate.SLOW:
                await asyncio.sleep(_SLOW_S)
                return await request()
            case Fate.SWALLOWED:
                await asyncio.sleep(_CLIENT_DEADLINE_S)
            case Fate.ANSWER_LOST:
                await self._in_effect(request)
            case Fate.LATE:
                task = asyncio.ensure_future(self._much_later(request))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                await asyncio.sleep(_LOSS_NOTICED_AFTER_S)
            case Fate.REQUEST_LOST:
                await asyncio.sleep(_LOSS_NOTICED_AFTER_S)
        raise OutcomeUnknown("the connection broke before the answer")

    @staticmethod
    async def _in_effect(request: Callable[[], Awaitable[T]]) -> None:
        with contextlib.suppress(Refused):
            await request()

    async def _much_later(self, request: Callable[[], Awaitable[T]]) -> None:
        await asyncio.sleep(_LATE_S)
        await self._in_effect(request)

    async def _read(self, kind: str, read: Callable[[], Awaitable[T]], client_id: int | None = None) -> T:
        self._life.check()
        fate = self._line.begin(kind, self._clock.now_ns(), client_id)
        if fate is Fate.PASSES or (fate is Fate.NO_ROOM and are_reads_urgent()):
            return await read()
        if fate is Fate.NOT_LISTED:
            raise NotListed("not open, and the history does not have it yet")
        if fate in (Fate.NO_ROOM, Fate.NO_ROOM_AT_ALL):
            raise Unavailable("the rate limit leaves no room", again_s=_ROOM_IN_S)
        if fate is Fate.MISCONFIGURED:
            raise Misconfigured("this key may not read: give it the permission, or use another")
        if fate is Fate.HANGS:
            await asyncio.Event().wait()
        await asyncio.sleep(_LOSS_NOTICED_AFTER_S)
        raise Unavailable("the venue does not answer")
