"""The world of one venue: its own client, codec and signing against its twin, over the in-memory transport."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.market import NANOSECONDS, MarketRules, Quote, Side
from exchanges.base import BaseExchangeClient
from exchanges.factory import ExchangeFactory
from exchanges.rehearsal.base import TwinBase
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.caller import retry_after_s
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, Outgoing, RequestFate
from markets.account import AccountTerms
from markets.tape import MarketSource
from markets.venue import SimulatedVenue
from simulation.observed import Carried, RateLimited, SocketAsked
from simulation.worlds.base import CalmWay, MakeScribe, SimulatedWorld, Stage, VenueLimits, Way
from simulation.worlds.line import WatchedClient, errand
from simulation.worlds.loop import Life
from simulation.worlds.venue import WatchedLedger, WorldVenue

_CUT = 1006
_TOO_MANY = 429
_MINUTE_NS = 60 * NANOSECONDS
_OTHERS_USE_NS = 20 * NANOSECONDS
"""How long a refusal for load that others brought about is felt: as long as the longest pause but one after it."""
_DIGITS = re.compile(r"([0-9]+)\Z", re.ASCII)


class WatchedTwin:
    """A twin whose every change is shown as soon as it has happened. See `exchanges.transport.twin.Twin`."""

    def __init__(
        self, twin: TwinBase, after: Callable[[], None], at_load: Callable[[], None] = lambda: None
    ) -> None:
        """`at_load`: the twin has just refused a request because there were too many."""
        self._twin = twin
        self._after = after
        self._at_load = at_load
        self.name, self.rest_path, self.ws_path = twin.name, twin.rest_path, twin.ws_path

    @property
    def ticker(self) -> str:
        return self._twin.ticker

    @property
    def has_ended(self) -> bool:
        return self._twin.has_ended

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        return self._twin.env(base_url, ws_url)

    def advance(self, until_ns: int) -> int:
        reached_ns = self._twin.advance(until_ns)
        self._after()
        return reached_ns

    def take_outgoing(self) -> list[Outgoing]:
        outgoing = self._twin.take_outgoing()
        self._after()
        return outgoing

    def request(self, request: HttpRequest) -> HttpResponse:
        response = self._twin.request(request)
        self._after()
        if response.status == _TOO_MANY:
            self._at_load()
        return response

    def open_socket(self, handshake: HttpRequest) -> int | HttpResponse:
        return self._twin.open_socket(handshake)

    def socket_frame(self, socket_id: int, frame: Frame) -> None:
        self._twin.socket_frame(socket_id, frame)
        self._after()

    def socket_pong(self, socket_id: int) -> None:
        self._twin.socket_pong(socket_id)

    def socket_ping(self, socket_id: int) -> None:
        self._twin.socket_ping(socket_id)

    def socket_closed(self, socket_id: int) -> None:
        self._twin.socket_closed(socket_id)

    def ledger(self) -> Mapping[str, object]:
        return self._twin.ledger()


def client_id_on_the_wire(twin: TwinBase, number: int) -> int | None:
    """Of an order by its number: the digits at the end of its client id, before which the wire may put a word; None for
    an order that is not the bot's."""
    order = twin.desk.orders.get(number)
    if order is None or order.client_id is None:
        return None
    digits = _DIGITS.search(order.client_id)
    return None if digits is None else int(digits[1])


class _Meddling:
    """From the world's way to the transport's seam (`exchanges.transport.twin.Meddler`)."""

    def __init__(self, world: TwinSimulation) -> None:
        self._world = world

    def request_fate(self, request: HttpRequest) -> RequestFate:
        self._world.scribe.tell(Carried(f"{request.method} {request.path}"))
        return self._world.way.request_fate(errand.get())

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:  # noqa: ARG002 - the interface's
        return self._world.way.frame_fate(frame)

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:  # noqa: ARG002
        self._world.scribe.tell(SocketAsked())
        is_away = self._world.now_ns < self._world.streams_back_ns
        return HttpResponse(503) if is_away or self._world.way.refuses_socket() else None


class _LifeWorld(TwinWorld):
    """Takes nothing from a dead process; a machine without power does not even close its sockets."""

    life = Life(0)
    is_dark = False

    def send_there(self, socket_id: int, frame: Frame | None) -> None:
        if not self.life.has_ended:
            super().send_there(socket_id, frame)

    def leave(self, socket_id: int) -> None:
        if not self.is_dark:
            super().leave(socket_id)


class Share:
    """What one process used up of the requests that its venue takes in a minute. Times in nanoseconds."""

    def __init__(self, requests_per_minute: int | None) -> None:
        self._most = requests_per_minute
        self._sent_ns: deque[int] = deque(maxlen=None if requests_per_minute is None else requests_per_minute + 1)

    def note(self, now_ns: int) -> None:
        """It sent a request."""
        self._sent_ns.append(now_ns)

    def is_exceeded(self, now_ns: int) -> bool:
        """Whether it sent more than the venue takes: a refusal for load is its own doing then, not that of a process
        before it, or of a transport that repeats."""
        return self._most is None or sum(at_ns > now_ns - _MINUTE_NS for at_ns in self._sent_ns) > self._most


class _WatchedHttp:
    """Tells when the venue asks for a pause. A dead process sends nothing."""

    def __init__(self, inner: HttpTransport, life: Life, world: TwinSimulation) -> None:
        self._inner = inner
        self._life = life
        self._world = world

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        self._life.check()
        self._world.share.note(self._world.now_ns)
        response = await self._inner.send(request, deadline_s)
        if response.status in (418, _TOO_MANY):
            pause_s = retry_after_s(response, self._world.now_ns)
            if pause_s is not None:
                self._world.scribe.tell(RateLimited(self._world.now_ns + round(pause_s * NANOSECONDS)))
        return response

    async def close(self) -> None:
        await self._inner.close()


def _messenger_keys(seed: int) -> Mapping[str, str]:
    """They stand in the same file as the venue's keys, and are none of the client's business."""
    chance = Random(f"messengers {seed}")
    return {
        "TELEGRAM_BOT_TOKEN": f"{chance.randrange(10**9, 10**10)}:{chance.randbytes(18).hex()}",
        "LARK_SIGN_SECRET": chance.randbytes(16).hex(),
    }


@dataclass(frozen=True, slots=True)
class Pages:
    """The most rows of one answer where a list is read by cursors; None: as the venue does."""

    open_orders: int | None = None
    history: int | None = None


class TwinSimulation(SimulatedWorld):
    """`latency_ns` each way. `skew_ns`: how far the venue's clock is ahead of the world's."""

    def __init__(
        self,
        exchange: str,
        ticker: str,
        source: MarketSource,
        terms: AccountTerms,
        seed: int,
        latency_ns: int,
        skew_ns: int,
        touch_every_ns: int,
        pages: Pages,
        make_scribe: MakeScribe,
    ) -> None:
        self.exchange = exchange
        self.way: Way = CalmWay()
        self.streams_back_ns = 0
        self.latency_ns = latency_ns
        self._ticker = ticker
        self._skew_ns = skew_ns

        def open_venue(source: MarketSource, terms: AccountTerms) -> SimulatedVenue:
            self.ledger = WatchedLedger(source.scale)
            self.venue = WorldVenue(source, terms, self.ledger, 10 * NANOSECONDS)
            return self.venue

        start_ns = source.start_ns
        setup = TwinSetup(
            ticker,
            source,
            terms,
            start_ns + skew_ns,
            seed=seed,
            touch_every_ns=touch_every_ns,
            open_venue=open_venue,
            longest_page=pages.open_orders,
            longest_history_page=pages.history,
        )
        self._client_module, twin_module = ExchangeFactory.load_for_worlds(exchange)
        twin: TwinBase = twin_module.open_twin(setup)
        self.twin = twin
        self.only_lists_orders = twin.only_lists_orders
        self._messenger_keys = _messenger_keys(seed)
        keys = [key.name for key in ExchangeFactory.load_venue(exchange).KEYS if key.is_secret]
        env = {**twin.env("", ""), **self._messenger_keys}
        self.secrets = [env[name] for name in (*keys, *self._messenger_keys) if env.get(name)]
        limits = VenueLimits(twin.requests_per_minute, twin.price_band)
        self.scribe = make_scribe(lambda: twin.now_ns - skew_ns, self.secrets, limits)
        self.share = Share(twin.requests_per_minute)
        self._watched = WatchedTwin(twin, self.show, self.refused_for_load)
        self._carrier = _LifeWorld(
            self._watched, start_ns, latency_ns=latency_ns, skew_ns=skew_ns, meddler=_Meddling(self)
        )
        self.stage = Stage(self._carrier, lambda: self._carrier.now_ns, self.show)
        self.show()

    # --- what is seen -----------------------------------------------------------------------------------------------

    def show(self) -> None:
        self.ledger.show(self.scribe.tell, lambda number, _kept: client_id_on_the_wire(self.twin, number))

    def refused_for_load(self) -> None:
        """A venue whose limit others have used up does not answer. Who exceeds it alone is not excused."""
        if not self.share.is_exceeded(self.now_ns):
            self.scribe.disturb("others have used up the limit on requests", _OTHERS_USE_NS)

    def _age(self, quote: Quote | None) -> int | None:
        """By value, not by the client's own word: how long ago the venue last showed what the client shows."""
        if quote is None:
            return None
        self.venue.quote_as_of(self.venue.now_ns)  # The touch of now counts as shown.
        shown_ns = self.venue.shown_ns(quote)
        return None if shown_ns is None else self.venue.now_ns - shown_ns

    @property
    def now_ns(self) -> int:
        return self.twin.now_ns - self._skew_ns

    # --- lives ------------------------------------------------------------------------------------------------------

    def open_client(self, life: Life, clock: Clock, chance: Random) -> BaseExchangeClient:
        network = MemoryNetwork(self._carrier)
        self._carrier.life, self._carrier.is_dark = life, False
        self.share = Share(self.twin.requests_per_minute)
        twin = self.twin
        urls = f"http://127.0.0.1{twin.rest_path}", f"ws://127.0.0.1{twin.ws_path}"
        env = {**twin.env(*urls), **self._messenger_keys}
        setup = ClientSetup(
            self._ticker,
            env.get,
            lambda base_url: _WatchedHttp(network.open_http(base_url), life, self),
            network.sockets,
            clock,
            chance,
        )
        client: BaseExchangeClient = self._client_module.open_client(setup)
        return WatchedClient(client, life, self.scribe, self._age, lambda: twin.desk.quote)

    def end_life(self, *, power_lost: bool) -> None:
        self._carrier.is_dark = power_lost

    def cut_streams(self, away_ns: int, reason: str = "") -> None:
        self.streams_back_ns = max(self.streams_back_ns, self.now_ns + away_ns)
        for socket_id in list(self.twin.sockets):
            self.twin.hang_up(socket_id, _CUT, reason)

    def mend_streams(self) -> None:
        self.streams_back_ns = self.now_ns

    # --- what others do ---------------------------------------------------------------------------------------------

    def trade_by_hand(self, side: Side, quantity: Decimal) -> None:
        self.twin.desk.trade_by_hand(side, quantity)
        self.show()

    def liquidate(self, quantity: Decimal, *, ends_orders: bool) -> None:
        self.twin.desk.liquidate(quantity, ends_orders=ends_orders)
        self.show()

    def place_by_hand(self, side: Side, quantity: Decimal, price: Decimal) -> None:
        self.twin.desk.place(None, side, quantity, price)
        self.show()

    def end_by_venue(self, order_id: str, reason: str, *, expired: bool) -> None:
        self.twin.desk.end_by_venue(int(order_id), reason, expired=expired)
        self.show()

    def can_list(self, rules: MarketRules) -> bool:
        return self.twin.can_list(rules)

    def change_rules(self, rules: MarketRules) -> None:
        if self.can_list(rules):
            self.twin.desk.change_rules(replace(rules))
            self.show()
