"""Closes on the twins of venues that end resting orders by their age: replaced in time, never two for one quantity.

The whole bot with each venue's own client against its twin, in memory and in virtual time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from domain.events import OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus, Purpose
from exchanges import edgex, lighter
from exchanges.base import BaseExchangeClient
from exchanges.edgex import twin as edgex_twin
from exchanges.lighter import twin as lighter_twin
from exchanges.rehearsal.base import TwinBase
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.setup import ClientSetup
from helpers.clock import VirtualTimeLoop
from helpers.journal import MemoryJournal
from markets.account import AccountTerms
from strategies.take_profit_grid.config import TradingConfig
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, quote, sold
from trading_bot import BotSettings, Outcome, TradingBot

LIFE_S = 600
FILLS = [sold(10 + 60 * number, 30005, 100) for number in range(3)]
FILLED = [quote(0, 30000, 30010), *FILLS, quote(9_000, 30000, 30010)]
"""Three entries fill, a minute after each other; their closes are far away."""
Opened = Callable[[ClientSetup], BaseExchangeClient]


def open_edgex(setup: ClientSetup) -> BaseExchangeClient:
    return edgex.open_client(setup, replace(edgex.Timing(), order_life_s=LIFE_S))


def open_lighter(setup: ClientSetup) -> BaseExchangeClient:
    return lighter.open_client(setup, replace(lighter.Timing(), order_life_s=LIFE_S))


def most_covered(twin: TwinBase) -> Decimal:
    """By how much the closes exceed the position, now."""
    closes = [order.remaining for order in twin.desk.live_orders() if order.side is Side.SELL]
    return sum(closes, Decimal(0)) - twin.desk.position


def lived(twin: TwinBase, open_client: Opened, seconds: int) -> tuple[Outcome, MemoryJournal, Decimal]:
    """A session of this long; what it wrote down, and the most that its closes ever exceeded the position by."""
    loop = VirtualTimeLoop(START_NS)
    with contextlib.closing(loop):
        network = MemoryNetwork(world := TwinWorld(twin, START_NS, latency_ns=40_000_000))
        env = twin.env(f"http://127.0.0.1{twin.rest_path}", f"ws://127.0.0.1{twin.ws_path}")
        loop.live_in(world)
        journal = MemoryJournal()
        excess = [Decimal(0)]

        async def run() -> Outcome:
            client = open_client(
                ClientSetup("ETH", env.get, network.open_http, network.sockets, loop.clock, Random(1))
            )
            await client.connect()
            rules = await client.market_rules()
            config = TradingConfig(
                ticker="ETH",
                contract_id=rules.contract_id,
                quantity=Decimal("0.1"),
                take_profit=Decimal(1),
                tick_size=rules.tick_size,
                direction=Side.BUY,
                max_orders=3,
                wait_time=Decimal(20),
                exchange=client.get_exchange_name(),
            )
            settings = BotSettings("rehearsal", run_for_ns=seconds * NANOSECONDS)
            bot = TradingBot(config, rules, client, journal, loop.clock, Random(1), settings)

            def watch() -> None:
                excess[0] = max(excess[0], most_covered(twin))
                loop.call_later(0.1, watch)

            watch()
            try:
                return await bot.run()
            finally:
                await client.disconnect()

        return loop.run_until_complete(run()), journal, excess[0]


@pytest.mark.parametrize(
    "open_twin, open_client",
    [
        pytest.param(lambda setup: edgex_twin.open_twin(setup), open_edgex, id="edgex"),
        pytest.param(lambda setup: lighter_twin.open_twin(setup), open_lighter, id="lighter"),
    ],
)
def test_closes_outlive_their_orders(open_twin: Callable[[TwinSetup], TwinBase], open_client: Opened) -> None:
    market = ScriptedMarket(FILLED, rules=RULES, scale=SCALE)
    twin = open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), START_NS, seed=7))
    outcome, journal, excess = lived(twin, open_client, 1_300)
    assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
    assert excess <= 0
    intended = [record for _, record in journal.replay() if isinstance(record, OrderIntended)]
    closes = [record for record in intended if record.purpose is Purpose.CLOSE]
    assert len(closes) == 9, "three of each of three generations"
    assert OrderStatus.EXPIRED not in {order.status for order in twin.desk.orders.values()}
    resting = [order.remaining for order in twin.desk.live_orders()]
    assert resting == [Decimal("0.1")] * 3
    assert twin.desk.position == Decimal("0.3")
