"""The Paradex client and its twin in one process, in virtual time: for tests of what is peculiar to the venue."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TypeVar

from domain.events import VenueEvent
from domain.market import MarketRules, Side
from exchanges.base import OrderRequest
from exchanges.paradex import ParadexClient, open_client
from exchanges.paradex.twin import ParadexTwin, open_twin
from exchanges.paradex.twin_switches import Switches
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from helpers.clock import VirtualTimeLoop
from markets.account import AccountTerms
from markets.tape import FundingTerms, TapeScale
from tests.support.tape import START_NS, ScriptedMarket, Tick, quote

T = TypeVar("T")
D = Decimal
RULES = MarketRules("ETH", "ETH-PERP", D("0.1"), D("0.001"), D("0.01"))
SCALE = TapeScale(D("0.1"), D("0.001"))
QUIET = (quote(0, 30000, 30010), quote(36000, 30000, 30010))


class Faults:
    """The meddler: what happens to requests and frames on their way."""

    def __init__(self) -> None:
        self.on_request: Callable[[HttpRequest], RequestFate | None] = lambda _request: None
        self.on_frame: Callable[[Frame], FrameFate | None] = lambda _frame: None
        self.seen: list[HttpRequest] = []

    def request_fate(self, request: HttpRequest) -> RequestFate:
        self.seen.append(request)
        return self.on_request(request) or RequestFate()

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:
        return self.on_frame(frame) or FrameFate()

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:
        return None


@dataclass
class Session:
    client: ParadexClient
    twin: ParadexTwin
    faults: Faults
    events: list[VenueEvent]
    env: dict[str, str]


def run_session(
    story: Callable[[Session], Awaitable[T]],
    ticks: Sequence[Tick] = QUIET,
    *,
    switches: Switches | None = None,
    ticker: str = "ETH",
    env: dict[str, str] | None = None,
    before: Callable[[Session], None] = lambda _session: None,
    connects: bool = True,
    funding: FundingTerms | None = None,
) -> T:
    """Live through `story` with a connected client; `env` replaces variables; `before` happens before connecting."""
    loop = VirtualTimeLoop(START_NS)
    with contextlib.closing(loop):
        market = ScriptedMarket(ticks, rules=RULES, scale=SCALE, funding=funding or FundingTerms())
        terms = AccountTerms(D(100_000), maker_fee_rate=D("0.0001"), taker_fee_rate=D("0.0005"))
        twin = open_twin(TwinSetup("ETH", market, terms, START_NS, seed=7), switches)
        faults = Faults()
        world = TwinWorld(twin, START_NS, latency_ns=20_000_000, meddler=faults)
        network = MemoryNetwork(world)
        values = {**twin.env("http://127.0.0.1/v1", "ws://127.0.0.1/v1"), **(env or {})}
        loop.live_in(world)

        async def live() -> T:
            setup = ClientSetup(ticker, values.get, network.open_http, network.sockets, loop.clock, Random(1))
            client = open_client(setup)
            session = Session(client, twin, faults, [], values)
            before(session)
            try:
                if connects:
                    await client.connect()
                    client.setup_order_update_handler(session.events.append)
                return await story(session)
            finally:
                await client.disconnect()

        return loop.run_until_complete(live())


def buy(client_id: int, price: str = "3000.5", quantity: str = "0.1") -> OrderRequest:
    return OrderRequest(client_id, Side.BUY, D(quantity), D(price), post_only=True, reduce_only=False)


def close(client_id: int, price: str = "3005", quantity: str = "0.1") -> OrderRequest:
    return OrderRequest(client_id, Side.SELL, D(quantity), D(price), post_only=True, reduce_only=True)
