"""The whole bot with each venue's own client against its twin, in memory and in virtual time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from bot.observers import Observer
from domain.market import NANOSECONDS, Side
from domain.report import Report
from exchanges.base import BaseExchangeClient
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.setup import ClientSetup
from helpers.clock import VirtualTimeLoop
from helpers.journal import MemoryJournal
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from strategies.take_profit_grid.config import TradingConfig
from tests.support.contract import VenueUnderTest, venues
from tests.support.spoiling import Spoiler, SpoilingHttp
from trading_bot import BotSettings, Outcome, TradingBot

START_NS = 1_700_000_000 * NANOSECONDS
LATENCY_NS = 40_000_000
EACH = pytest.mark.parametrize("venue", [pytest.param(venue, id=venue.name) for venue in venues()])


@dataclass(frozen=True)
class Ending:
    outcome: Outcome
    report: str
    ledger: str
    fees: Decimal
    position: Decimal
    covered: Decimal
    entries: int
    spoilt: int


def lived(venue: VenueUnderTest, seconds: int, seed: int = 7, spoilt_one_in: int = 0) -> Ending:
    """A session of this long on a generated market. `spoilt_one_in`: so many messages, in the first three quarters of
    it and once it is connected."""
    loop = VirtualTimeLoop(START_NS)
    spoilt_ns = [0, 0]
    spoiler = Spoiler(
        Random(f"spoil {seed}"), max(1, spoilt_one_in), lambda: spoilt_ns[0] < loop.clock.now_ns() < spoilt_ns[1]
    )
    with contextlib.closing(loop):
        market = GeneratedMarket(find_instrument("ETH"), seed, START_NS, Decimal("0.0001"), Decimal("0.0005"))
        terms = AccountTerms(Decimal(10_000), maker_fee_rate=Decimal("0.0001"))
        twin = venue.open_twin(TwinSetup("ETH", market, terms, START_NS, seed=seed))
        world = TwinWorld(twin, START_NS, latency_ns=LATENCY_NS, meddler=spoiler)
        network = MemoryNetwork(world)
        env = twin.env(f"http://127.0.0.1{twin.rest_path}", f"ws://127.0.0.1{twin.ws_path}")
        loop.live_in(world)

        async def run() -> Ending:
            setup = ClientSetup(
                "ETH",
                env.get,
                lambda base_url: SpoilingHttp(network.open_http(base_url), spoiler),
                network.sockets,
                loop.clock,
                Random(seed),
            )
            client = venue.open_client(setup)
            await client.connect()
            if spoilt_one_in:
                spoilt_ns[:] = [loop.clock.now_ns() + NANOSECONDS, loop.clock.now_ns() + seconds * 3 * NANOSECONDS // 4]
            try:
                return await trade(client)
            finally:
                await client.disconnect()

        async def trade(client: BaseExchangeClient) -> Ending:
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
            settings = BotSettings("rehearsal", run_for_ns=seconds * NANOSECONDS)
            observers: list[Observer] = []
            bot = TradingBot(config, rules, client, MemoryJournal(), loop.clock, Random(seed), settings, observers)
            outcome = await bot.run()
            status = bot.status()
            report = Report.of(
                status,
                bot.accounting,
                seed=seed,
                duration_ns=outcome.duration_ns,
                halted=outcome.exit_status == 1,
                gaps=0,
            )
            return Ending(
                outcome,
                report.to_json(),
                repr(twin.ledger()),
                status.money.fees,
                status.position,
                status.covered,
                status.money.entries,
                spoiler.spoilt,
            )

        ending = loop.run_until_complete(run())
        assert ending.position == twin.desk.position
        assert ending.fees == sum((fill.fee for fill in twin.desk.fills), Decimal(0))
        assert ending.covered == sum((order.remaining for order in twin.desk.live_orders()), Decimal(0))
        assert all(fill.is_maker for fill in twin.desk.fills)
        return ending


@EACH
def test_the_bot_trades_and_agrees_with_the_twin_to_the_last_digit(venue: VenueUnderTest) -> None:
    ending = lived(venue, 1200)
    assert (ending.outcome.exit_status, ending.outcome.unconfirmed) == (0, ())
    assert ending.entries > 5
    assert ending.covered == ending.position


@EACH
def test_the_same_seed_gives_the_same_session_byte_for_byte(venue: VenueUnderTest) -> None:
    assert lived(venue, 300) == lived(venue, 300)


@EACH
@pytest.mark.parametrize("seed", [7, 8])
def test_spoilt_messages_never_become_a_value_and_the_books_agree_to_the_last_digit(
    venue: VenueUnderTest, seed: int
) -> None:
    """Whatever field of whatever message: the stream is replaced, the read fails, and what was missed is found out."""
    ending = lived(venue, 400, seed, spoilt_one_in=15)
    assert (ending.outcome.exit_status, ending.outcome.unconfirmed, ending.outcome.reason) == (
        0,
        (),
        "the session's time is up",
    )
    assert ending.spoilt > 20
    assert ending.entries > 0
    assert ending.covered == ending.position
