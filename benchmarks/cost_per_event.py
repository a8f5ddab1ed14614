"""What an event costs with 4,000 resting closes, beside 40: `python -m benchmarks.cost_per_event`.

Two figures. The *core* is the strategy and its books alone: each event is taken in by the state and the accounting, and
decided upon. The *bot* is the whole TradingBot on the paper exchange: it collects the closes first, then trades the
same hours of the same market with either number of them resting far away. A look at the venue reads every resting order
and cannot cost the same for a hundred times as many; it is a matter of minutes, not of events, and is told apart.
"""

from __future__ import annotations

import argparse
import gc
import time
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.accounting import Accounting
from domain.commands import PlaceClose, PlaceOpen
from domain.events import Fill, Liquidity, OrderIntended, OrderUpdate, Record
from domain.market import NANOSECONDS, MarketRules, Quote, Side
from domain.orders import OrderFact, Purpose
from domain.status import Notice
from exchanges.paper import open_paper
from helpers.clock import VirtualTimeLoop
from helpers.journal import MemoryJournal
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import Situation, TakeProfitGrid
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.state import GridState
from trading_bot import BotSettings, TradingBot

FEW, MANY = 40, 4_000
CYCLES = 400
"""Entries opened, covered and closed in one measurement of the core."""
REPEATS = 5
COLLECT_S, TRADE_S = 8 * 3_600, 3_600
NEVER_S, EVERY_MINUTE_S = 10**6, 60
START_NS = 1_704_067_200 * NANOSECONDS
LATENCY_NS = 50_000_000
QUANTITY = Decimal("0.001")
ZERO = Decimal(0)


def config(max_orders: int, take_profit: str, wait_s: int) -> TradingConfig:
    return TradingConfig(
        ticker="BTC",
        contract_id="BTC-PERP",
        quantity=QUANTITY,
        take_profit=Decimal(take_profit),
        tick_size=Decimal("0.1"),
        direction=Side.BUY,
        max_orders=max_orders,
        wait_time=Decimal(wait_s),
        exchange="paper",
    )


# --- the core -------------------------------------------------------------------------------------------------------


class Core:
    """Strategy, state and accounting, driven through the life of one entry after another."""

    def __init__(self) -> None:
        settings = config(2 * MANY, "1", 0)
        rules = MarketRules("BTC", "BTC-PERP", Decimal("0.1"), QUANTITY, QUANTITY)
        self.grid = TakeProfitGrid(settings, rules)
        self.state = GridState(Side.BUY)
        self.accounting = Accounting()
        self.now_ns = START_NS
        self.client_id = 0
        self.events = 0

    def enter(self) -> OrderIntended:
        """An entry more, filled and under its resting close; the close. Its price differs from the one before."""
        ask = Decimal(60_000) - Decimal(self.client_id % 977) / 10
        quote = Quote(ask - Decimal("0.1"), Decimal(1), ask, Decimal(1), self.now_ns)
        (wanted,) = self._after(None, quote)
        assert isinstance(wanted, PlaceOpen)
        opening = OrderIntended(
            self.now_ns, self._next_id(), Purpose.OPEN, wanted.side, wanted.price, QUANTITY, wanted.entry_id
        )
        self._after(opening, quote)
        self._after(self._accepted(opening), quote)
        (cover,) = (want for want in self._after(self._filled(opening), quote) if isinstance(want, PlaceClose))
        close = OrderIntended(
            self.now_ns, self._next_id(), Purpose.CLOSE, cover.side, cover.price, cover.quantity, None, cover.parts
        )
        self._after(close, quote)
        self._after(self._accepted(close), quote)
        return close

    def leave(self, close: OrderIntended) -> None:
        self._after(self._filled(close), None)

    def _after(self, record: Record | None, quote: Quote | None) -> tuple[object, ...]:
        """Take a record in and decide, as the bot does after each event."""
        if record is not None:
            self.state.apply(record)
            self.accounting.apply(record)
        self.events += 1
        self.now_ns += NANOSECONDS
        fresh = None if quote is None else Quote(quote.bid, quote.bid_size, quote.ask, quote.ask_size, self.now_ns)
        look = Look(self.now_ns, self.now_ns, self.state.own, self.state.covered, self.state.own)
        return self.grid.decide(self.state, Situation(self.now_ns, fresh, look=look)).commands

    def _next_id(self) -> int:
        self.client_id += 1
        return self.client_id

    def _accepted(self, order: OrderIntended) -> OrderUpdate:
        return OrderUpdate(self.now_ns, order.client_id, OrderFact.ACCEPTED, f"o{order.client_id}")

    def _filled(self, order: OrderIntended) -> Fill:
        assert order.price is not None
        name = f"t{order.client_id}"
        return Fill(
            self.now_ns, order.client_id, f"o{order.client_id}", name, order.side, order.price, order.quantity, ZERO,
            Liquidity.MAKER, self.now_ns,
        )  # fmt: skip


def core_costs_us(sizes: tuple[int, ...]) -> list[float]:
    """Microseconds of processor time an event, for each number of closes: the best of measurements taken in turns."""
    cores = [Core() for _ in sizes]
    for core, resting in zip(cores, sizes, strict=True):
        for _ in range(resting):
            core.enter()
    best = [float("inf")] * len(sizes)
    for _ in range(REPEATS):
        for index, core in enumerate(cores):
            gc.collect()
            before, began = core.events, time.process_time()
            for _ in range(CYCLES):
                core.leave(core.enter())
            best[index] = min(best[index], (time.process_time() - began) / (core.events - before) * 1e6)
    assert [len(core.state.unclosed) for core in cores] == list(sizes)
    return best


# --- the bot --------------------------------------------------------------------------------------------------------


@dataclass
class Stopwatch:
    """An observer that times a session from its first own record to its last; those before `replayed` are older."""

    replayed: int
    records: int = 0
    first_s: float = 0.0
    last_s: float = 0.0

    def saw(self, seq: int, record: Record) -> None:
        del record
        if seq <= self.replayed:
            return
        self.last_s = time.process_time()
        self.first_s = self.first_s or self.last_s
        self.records += 1

    def said(self, notice: Notice) -> None:
        """Notices are no events."""


class Bench:
    """One account on one market in memory, and bots on it one after another."""

    def __init__(self) -> None:
        market = GeneratedMarket(find_instrument("BTC"), 7, START_NS, ZERO, ZERO)
        self.loop = VirtualTimeLoop(START_NS)
        terms = AccountTerms(balance=Decimal(10_000_000))
        self.world, self.client = open_paper(market, terms, None, self.loop.clock, LATENCY_NS)
        self.loop.live_in(self.world)
        self.journal = MemoryJournal()

    def session(
        self, settings: TradingConfig, run_s: int, look_every_s: int = NEVER_S, *watches: Stopwatch
    ) -> TradingBot:
        limits = BotSettings("benchmark", run_for_ns=run_s * NANOSECONDS, look_every_s=look_every_s)
        return self.loop.run_until_complete(self._session(settings, limits, watches))

    async def _session(
        self, settings: TradingConfig, limits: BotSettings, observers: tuple[Stopwatch, ...]
    ) -> TradingBot:
        await self.client.connect()
        rules = await self.client.market_rules()
        bot = TradingBot(
            settings, rules, self.client, self.journal, self.loop.clock, Random("ids"), limits, observers
        )
        outcome = await bot.run()
        assert outcome.exit_status == 0, outcome
        await self.client.disconnect()
        return bot


def bot_costs(resting: int, trade_s: int) -> list[tuple[float, int]]:
    """Seconds of processor time and records of an hour without periodic looks at the venue, and of one with them."""
    bench = Bench()
    collected = bench.session(config(resting, "20", 0), COLLECT_S)
    assert len(collected.state.unclosed) == resting, f"only {len(collected.state.unclosed)} closes were collected"
    costs = []
    for look_every_s in (NEVER_S, EVERY_MINUTE_S):
        watch = Stopwatch(bench.journal.last_seq)
        gc.collect()
        bench.session(config(7 * resting + 7_000, "0.02", 30), trade_s, look_every_s, watch)
        costs.append((watch.last_s - watch.first_s, watch.records))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=MANY, help=f"resting closes, beside {FEW} (default {MANY})")
    parser.add_argument("--minutes", type=int, default=TRADE_S // 60, help="virtual, of trading (default 60)")
    options = parser.parse_args()
    most, trade_s = options.many, options.minutes * 60
    few_us, many_us = core_costs_us((FEW, most))
    print(f"core: {few_us:.1f} us with {FEW} closes, {many_us:.1f} us with {most:,}: ratio {many_us / few_us:.2f}")
    few, many = (bot_costs(size, trade_s) for size in (FEW, most))
    assert [records for _, records in few] == [records for _, records in many], "the two did not trade the same"
    (few_s, records), (few_looking_s, _) = few
    (many_s, _), (many_looking_s, _) = many
    print(
        f"bot: {few_s / records * 1e6:.1f} us with {FEW} closes, {many_s / records * 1e6:.1f} us with {most:,}: "
        f"ratio {many_s / few_s:.2f} ({records:,} records in {options.minutes} minutes)"
    )
    looks = trade_s // EVERY_MINUTE_S
    extra_ms = [(looking_s - s) / looks * 1e3 for looking_s, s in ((few_looking_s, few_s), (many_looking_s, many_s))]
    print(f"a look at the venue, once a minute: {extra_ms[0]:.1f} ms and {extra_ms[1]:.1f} ms")
    print("aim of both ratios: below 1.5")


if __name__ == "__main__":
    main()
