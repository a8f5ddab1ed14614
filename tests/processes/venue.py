"""An exchange that outlives every process of the bot: a twin on loopback in this one, before the auditor's eyes.

The bot is a process of its own and knows nothing of this. What the auditor is told comes from three places: the twin's
own ledger, step by step; the requests as they arrive over the socket; and the journal as it lies in its file at that
moment. So a request whose intent could not be read yet is seen (S6), and an order placed twice (S5), whoever was
killed between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from domain.market import NANOSECONDS, Side
from exchanges.factory import ExchangeFactory
from exchanges.rehearsal.base import TwinBase
from exchanges.rehearsal.host import RunningTwin, start_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.twin import RequestFate, Undisturbed
from helpers.clock import SystemClock
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import LISTED
from markets.tape import MarketSource
from markets.venue import SimulatedVenue
from simulation.auditor import Auditor, AuditTerms, Deadlines
from simulation.observed import (
    Disturbed,
    LifeBegan,
    LifeEnded,
    LifeKilled,
    Observation,
    RequestKind,
    Sent,
    Shown,
    StopAsked,
    VenueFill,
    VenueOrder,
)
from simulation.plan import START_NS
from simulation.scribe import Scribe
from simulation.timeline import timeline
from simulation.worlds.twin import WatchedTwin, client_id_on_the_wire
from simulation.worlds.venue import WatchedLedger, WorldVenue
from tests.processes.journal_tail import JournalTail

TICKER = "ETH"
MAKER_FEE, TAKER_FEE = Decimal("0.000137"), Decimal("0.000411")
READS: Mapping[str, tuple[str, str]] = {
    "aster": ("/openOrders", "/positionRisk"),
    "backpack": ("/api/v1/orders", "/api/v1/position"),
    "edgex": ("/getActiveOrderPage", "/getAccountAsset"),
    "lighter": ("/accountActiveOrders", "/api/v1/account"),
    "paradex": ("/orders", "/positions"),
}
"""What the paths of the two looks at an account end with: open orders, position."""
_NARROW_REQUESTS, _MORE_S_PER_ORDER = 60, 2
_FOUND_OUT_S = 30
_RESTED = "70s"
_STOOD_STILL_NS = NANOSECONDS
"""A machine that lets the exchange stand still for so long lets the bot do so too."""
_TAIL_EVERY_S = 0.05
_REFUSED = "refused for load"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bot is asked to trade, and what the auditor holds it to. `wait_time` in seconds, `take_profit` in
    percent; `speed`: market seconds per real one; `latency_ns` each way."""

    exchange: str
    seed: int
    quantity: Decimal = Decimal("0.1")
    take_profit: Decimal = Decimal("0.02")
    max_orders: int = 6
    wait_time: int = 2
    speed: int = 12
    latency_ns: int = 10_000_000

    @property
    def flags(self) -> tuple[str, ...]:
        return (
            "--exchange", self.exchange, "--ticker", TICKER, "--quantity", str(self.quantity),
            "--take-profit", str(self.take_profit), "--max-orders", str(self.max_orders),
            "--wait-time", str(self.wait_time),
        )  # fmt: skip


class _Arrivals(Undisturbed):
    """Tells of each request and handshake as it arrives, before anything is done with it."""

    def __init__(self, tell: Callable[[HttpRequest], None]) -> None:
        self._tell = tell

    def request_fate(self, request: HttpRequest) -> RequestFate:
        self._tell(request)
        return RequestFate()

    def refuses_socket(self, handshake: HttpRequest) -> None:
        self._tell(handshake)


class _ReadTwin(WatchedTwin):
    """The journal is read before a message of the bot has any effect. Who starts again and again may have used up what
    an exchange takes in a minute: while it refuses for load it does not answer, and nothing has to be found out."""

    def __init__(
        self, twin: TwinBase, before: Callable[[], None], after: Callable[[], None], limited: Callable[[], None]
    ) -> None:
        super().__init__(twin, after)
        self._before = before
        self._limited = limited

    def request(self, request: HttpRequest) -> HttpResponse:
        response = super().request(request)
        if response.status in (418, 429):
            self._limited()
        return response

    def socket_frame(self, socket_id: int, frame: Frame) -> None:
        self._before()
        super().socket_frame(socket_id, frame)


class AuditedVenue:
    """`began`, `killed` and `ended` are told by whoever runs the processes; `at_request` and `at_fact` tell others."""

    running: RunningTwin

    def __init__(self, asked: Asked, journal: Path) -> None:
        self.asked = asked
        self.at_request: Callable[[], None] = lambda: None
        """Called at each request that arrives."""
        self.at_fact: Callable[[], None] = lambda: None
        """Called whenever an own order appeared, filled or ended."""
        market = GeneratedMarket(LISTED[TICKER], asked.seed, SystemClock().now_ns(), MAKER_FEE, TAKER_FEE)
        terms = AccountTerms(Decimal(1_000_000), maker_fee_rate=MAKER_FEE, taker_fee_rate=TAKER_FEE)

        def open_venue(source: MarketSource, terms: AccountTerms) -> SimulatedVenue:
            self._ledger = WatchedLedger(source.scale)
            return WorldVenue(source, terms, self._ledger, 10 * NANOSECONDS)

        setup = TwinSetup(
            TICKER,
            market,
            terms,
            market.start_ns,
            seed=asked.seed,
            speed=Fraction(asked.speed),
            open_venue=open_venue,
        )
        self.twin: TwinBase = ExchangeFactory.load_twin(asked.exchange).open_twin(setup)
        self._began_ns = self._seen_ns = self.twin.now_ns
        rules = replace(market.rules, maker_fee_rate=MAKER_FEE, taker_fee_rate=TAKER_FEE)
        secrets = [key.name for key in ExchangeFactory.load_venue(asked.exchange).KEYS if key.is_secret]
        env = self.twin.env("", "")
        self.scribe = Scribe(
            Auditor(
                AuditTerms(
                    Side.BUY,
                    asked.quantity,
                    asked.max_orders,
                    asked.take_profit,
                    rules,
                    asked.wait_time,
                    secrets=tuple(env[name] for name in secrets if env.get(name)),
                    deadlines=self._deadlines(),
                )
            ),
            lambda: self.twin.now_ns,
        )
        self.tail = JournalTail(journal, self.tell)
        self.watched = _ReadTwin(self.twin, self.tail.read, self._show, lambda: self.scribe.disturb(_REFUSED))
        self.arrivals = _Arrivals(self._arrived)
        self._life: int | None = None
        self._spawned: int | None = None
        """A process that has not been heard of yet: what arrives before its first word was sent by the one before."""
        self._known: set[str] = set()
        self._news = asyncio.Event()
        self._show()

    @property
    def is_narrow(self) -> bool:
        """Whether it takes so few requests that every start uses up a good part of a minute's."""
        most = self.twin.requests_per_minute
        return most is not None and most <= _NARROW_REQUESTS

    def at_least(self, length: str) -> str:
        """For `--for`: `length`, or so long that the exchange answers again whoever was started before."""
        return _RESTED if self.is_narrow else length

    def _deadlines(self) -> Deadlines:
        more_s = _MORE_S_PER_ORDER * self.asked.max_orders if self.is_narrow else 0
        return Deadlines(recover_s=_FOUND_OUT_S + more_s, unknown_s=_FOUND_OUT_S + more_s)

    # --- what is told to the auditor ----------------------------------------------------------------------------------

    def tell(self, seen: Observation) -> None:
        self.scribe.tell(seen)

    def _show(self) -> None:
        now_ns = self.twin.now_ns
        if now_ns - self._seen_ns > _STOOD_STILL_NS:
            self.tell(Disturbed(None, f"the machine stood still for {(now_ns - self._seen_ns) / NANOSECONDS:.1f} s"))
        self._seen_ns = now_ns
        self._ledger.show(self._tell_fact, lambda number, _kept: client_id_on_the_wire(self.twin, number))

    def _tell_fact(self, fact: Observation) -> None:
        if isinstance(fact, VenueOrder) and fact.client_id is not None and fact.order_id not in self._known:
            self._known.add(fact.order_id)
            self._tell_sent(fact, fact.client_id)
        self.tell(fact)
        if isinstance(fact, VenueOrder | VenueFill) and fact.client_id is not None:
            self.at_fact()
            self._news.set()

    def _tell_sent(self, order: VenueOrder, client_id: int) -> None:
        """What a process sent before it was killed is nobody's any more."""
        if self._life is not None:
            terms = order.side, order.price, order.quantity, order.post_only, order.reduce_only
            self.tell(Sent(RequestKind.PLACE, "place", client_id, None, *terms, life=self._life))

    def _arrived(self, request: HttpRequest) -> None:
        if self._life is None and self._spawned is not None:
            self._life, self._spawned = self._spawned, None
            self.tell(LifeBegan(self._life))
        if self._life is None:
            return
        self.tail.read()
        what = self._read_of(request)
        if what is not None:
            self.tell(Sent(RequestKind.READ, what, life=self._life))
        self.at_request()

    def _read_of(self, request: HttpRequest) -> str | None:
        if request.method != "GET":
            return None
        looks = zip(("open_orders", "position"), READS[self.asked.exchange], strict=True)
        return next((what for what, ending in looks if request.path.endswith(ending)), None)

    # --- processes ----------------------------------------------------------------------------------------------------

    def began(self, number: int) -> None:
        """A process was started: it counts as alive from its first request on."""
        self._spawned = number

    def asked_to_stop(self) -> None:
        if self._life is not None:
            self.tell(StopAsked("keep"))

    def killed(self, number: int, said: str) -> None:
        """Its process is gone, and with it what it had not handed over."""
        if self._leave(number, said):
            self.tell(LifeKilled(number))

    def ended(self, number: int, status: int, reason: str, unconfirmed: tuple[str, ...], said: str) -> None:
        if self._leave(number, said):
            self.tell(LifeEnded(number, status, reason, unconfirmed))

    def _leave(self, number: int, said: str) -> bool:
        """Whether it had been heard of."""
        self.tail.read()
        self.tell(Shown("what it said", said))
        if self._spawned == number:
            self._spawned = None
        was_heard = self._life == number
        if was_heard:
            self._life = None
        return was_heard

    async def next_fact(self) -> None:
        """Wait until an own order has appeared, filled or ended."""
        self._news.clear()
        await self._news.wait()

    # --- afterwards ---------------------------------------------------------------------------------------------------

    @property
    def env(self) -> Mapping[str, str]:
        return self.running.env

    def ledger(self) -> Mapping[str, Any]:
        return self.twin.ledger()

    @property
    def own_orders(self) -> int:
        """Ever accepted."""
        return len(self._known)

    def findings(self) -> list[str]:
        """Everything that was broken, with the story that led to the first of it; empty when all is well."""
        self.scribe.finish()
        if not (violations := self.scribe.violations):
            return []
        story = [(at_ns - self._began_ns + START_NS, seen) for at_ns, seen in self.scribe.at_violation]
        moved = [replace(each, at_ns=each.at_ns - self._began_ns + START_NS) for each in violations]
        return timeline(story, moved, Side.BUY)

    async def keep_reading(self) -> None:
        """Records without a request beside them are read soon, too."""
        while True:
            await asyncio.sleep(_TAIL_EVERY_S)
            if self._life is not None:
                self.tail.read()


@asynccontextmanager
async def audited_venue(asked: Asked, journal: Path) -> AsyncIterator[AuditedVenue]:
    """Served until the block ends."""
    venue = AuditedVenue(asked, journal)
    venue.running = await start_twin(
        venue.watched, SystemClock(), latency_ns=asked.latency_ns, meddler=venue.arrivals
    )
    reading = asyncio.create_task(venue.keep_reading())
    try:
        yield venue
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await venue.running.close()
        if not reading.cancelled():
            reading.result()
