"""A whole session of the bot on a venue's twin, over a way that loses, doubles, delays and replaces what travels.

For any `VenueUnderTest`. The disturbance stops twenty minutes before the session ends: then everything must have been
found out, covered and agreed upon.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from domain.market import NANOSECONDS, Side
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from helpers.clock import VirtualTimeLoop
from helpers.journal import MemoryJournal
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from strategies.take_profit_grid.config import TradingConfig
from tests.support.contract import VenueUnderTest
from trading_bot import BotSettings, Outcome, TradingBot

START_NS = 1_700_000_000 * NANOSECONDS
LATENCY_NS = 40_000_000
WEB_PAGE = HttpResponse(503, (("Content-Type", "text/html"),), b"<html>")


class Chaos:
    """A meddler. `rate`: the share of requests and of socket openings it disturbs; of frames, a quarter of that."""

    def __init__(self, chance: Random, rate: float, load_refusal: HttpResponse) -> None:
        self.is_on = False
        self.disturbed = 0
        self._chance = chance
        self._rate = rate
        self._load_refusal = load_refusal

    def request_fate(self, request: HttpRequest) -> RequestFate:
        if not self._strikes(self._rate):
            return RequestFate()
        late_ns = self._chance.randrange(1, 12) * NANOSECONDS
        return self._chance.choice(
            [
                RequestFate(is_sent=False),
                RequestFate(arrivals=0, is_answered=False),
                RequestFate(is_answered=False),
                RequestFate(answer=WEB_PAGE),
                RequestFate(delay_back_ns=late_ns),
                RequestFate(delay_there_ns=late_ns),
                RequestFate(arrivals=0, answer=self._load_refusal),
            ]
        )

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:
        if not self._strikes(self._rate / 4):
            return FrameFate()
        late_ns = self._chance.randrange(1, 8) * NANOSECONDS
        return self._chance.choice([FrameFate(copies=0), FrameFate(copies=2), FrameFate(delay_ns=late_ns)])

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:
        return HttpResponse(503) if self._strikes(self._rate) else None

    def _strikes(self, rate: float) -> bool:
        strikes = self.is_on and self._chance.random() < rate
        self.disturbed += strikes
        return strikes


@dataclass(frozen=True)
class Aftermath:
    """What a session left. Quantities in base units."""

    outcome: Outcome
    entries: int
    disturbed: int
    believed_position: Decimal
    position: Decimal
    covered: Decimal
    client_ids: list[str] = field(repr=False)
    taker_fills: int = 0


def survived(venue: VenueUnderTest, seed: int, rate: float, minutes: int = 32) -> Aftermath:
    """A session of this long, disturbed but for its first seconds and its last twenty minutes."""
    loop = VirtualTimeLoop(START_NS)
    with contextlib.closing(loop):
        market = GeneratedMarket(find_instrument("ETH"), seed, START_NS, Decimal("0.0001"), Decimal("0.0005"))
        terms = AccountTerms(Decimal(10_000), maker_fee_rate=Decimal("0.0001"))
        twin = venue.open_twin(TwinSetup("ETH", market, terms, START_NS, seed=seed))
        chaos = Chaos(Random(seed), rate, venue.load_refusal)
        world = TwinWorld(twin, START_NS, latency_ns=LATENCY_NS, meddler=chaos)
        network = MemoryNetwork(world)
        env = twin.env(f"http://127.0.0.1{twin.rest_path}", f"ws://127.0.0.1{twin.ws_path}")
        loop.live_in(world)

        async def live() -> Aftermath:
            setup = ClientSetup("ETH", env.get, network.open_http, network.sockets, loop.clock, Random(seed))
            client = venue.open_client(setup)
            await client.connect()
            rules = await client.market_rules()
            config = TradingConfig(
                ticker="ETH",
                contract_id=rules.contract_id,
                quantity=Decimal("0.1"),
                take_profit=Decimal("0.02"),
                tick_size=rules.tick_size,
                direction=Side.BUY,
                max_orders=10,
                wait_time=Decimal(20),
                exchange=venue.name,
            )
            settings = BotSettings("rehearsal", run_for_ns=minutes * 60 * NANOSECONDS)
            bot = TradingBot(config, rules, client, MemoryJournal(), loop.clock, Random(seed), settings, [])
            loop.call_later(5, setattr, chaos, "is_on", True)
            loop.call_later((minutes - 20) * 60, setattr, chaos, "is_on", False)
            try:
                outcome = await bot.run()
            finally:
                await client.disconnect()
            status = bot.status()
            return Aftermath(
                outcome,
                status.money.entries,
                chaos.disturbed,
                status.position,
                twin.desk.position,
                status.covered,
                [order.client_id for order in twin.desk.orders.values() if order.client_id is not None],
                sum(not fill.is_maker for fill in twin.desk.fills),
            )

        return loop.run_until_complete(live())
