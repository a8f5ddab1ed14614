"""The whole bot in a world of a test's own: a scripted market, a line that can be spoilt, and an auditor at the venue.

The world and the journal outlive the bot: it can be killed at any moment, as by `kill -9`, and started again on both.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from bot.observers import Observer
from domain.accounting import Accounting
from domain.events import Fill, Record
from domain.market import NANOSECONDS, Side
from domain.status import Notice, NoticeKind
from domain.stop import StopMode
from exchanges.base import OrderRequest
from exchanges.paper import PaperClient, PaperWorld
from exchanges.paper.world import StreamDelays
from helpers.journal import Journal
from markets.account import AccountTerms
from markets.orders import OrderState
from markets.store import AccountStore, MemoryLedger
from markets.tape import MarketSource
from markets.venue import SimulatedVenue
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.state import GridState
from tests.support.auditor import AuditedStore, Auditor
from tests.support.faults import FaultyClient, Killed, Life, Line
from tests.support.journals import FaultyJournal
from tests.support.loops import Afterlife, CountingLoop, WatchedWorld
from tests.support.tape import ScriptedMarket, Tick, quote
from trading_bot import BotSettings, Outcome, TradingBot

LATENCY_NS = 50_000_000
FAR_S = 200_000.0
"""Where scripted markets end, unless a test lets them end earlier."""
MIRROR = 2003


def settings_of(source: MarketSource, **changes: Any) -> TradingConfig:
    """A buying bot of 0.1 with a take-profit of 0.1 %, at most 6 entries, and 15 s between the first ones."""
    chosen: dict[str, Any] = {
        "ticker": source.rules.ticker,
        "contract_id": source.rules.contract_id,
        "quantity": Decimal("0.1"),
        "take_profit": Decimal("0.1"),
        "tick_size": source.rules.tick_size,
        "direction": Side.BUY,
        "max_orders": 6,
        "wait_time": Decimal(60),
        "exchange": "paper",
    }
    return TradingConfig(**(chosen | changes))


def script(*ticks: Tick, bid: int = 1000, ask: int = 1003, until_s: float = FAR_S) -> ScriptedMarket:
    """A market that stands at `bid` and `ask` from the start, lives the ticks, and goes on as they leave it."""
    quotes = [tick for tick in ticks if not tick.is_trade]
    last = quotes[-1] if quotes else quote(0, bid, ask)
    end = quote(until_s, last.low, last.high, last.low_size, last.high_size)
    return ScriptedMarket([quote(0, bid, ask), *sorted(ticks, key=lambda tick: tick.time_ns), end])


def mirrored(source: ScriptedMarket) -> ScriptedMarket:
    """The same market upside down: a selling bot meets there what a buying one meets here. 1000 and 1003 change places.
    """

    def turned(tick: Tick) -> Tick:
        low, high = MIRROR - tick.high, MIRROR - tick.low
        return Tick(tick.time_ns, tick.is_trade, low, high, tick.high_size, tick.low_size, tick.after_gap)

    return replace(source, ticks=[turned(tick) for tick in source.ticks])


class Told:
    """An observer that remembers everything."""

    def __init__(self) -> None:
        self.records: list[tuple[int, Record]] = []
        self.notices: list[Notice] = []

    def saw(self, seq: int, record: Record) -> None:
        self.records.append((seq, record))

    def said(self, notice: Notice) -> None:
        self.notices.append(notice)

    def texts(self, kind: NoticeKind) -> list[str]:
        return [notice.text for notice in self.notices if notice.kind is kind]


class Rig:
    """One venue, one journal, and one life of the bot after the other. To be used as a context manager."""

    def __init__(
        self,
        source: MarketSource,
        *,
        config: TradingConfig | None = None,
        terms: AccountTerms | None = None,
        settings: BotSettings | None = None,
        latency_ns: int = LATENCY_NS,
        delays: StreamDelays | None = None,
        reduce_only: bool = True,
        journal: Journal | None = None,
        ledger: AccountStore | None = None,
        observers: Sequence[Observer] = (),
        pace: float | None = None,
        wall: Callable[[], float] | None = None,
        **changes: Any,
    ) -> None:
        """`changes` are those to the settings of `settings_of`."""
        self.config = settings_of(source, **changes) if config is None else config
        self.settings = BotSettings("test") if settings is None else settings
        self.start_ns = source.start_ns
        self.terms = AccountTerms(balance=Decimal(1_000_000)) if terms is None else terms
        self.auditor = Auditor(self.config, source.rules, source.scale)
        self.line = Line()
        self.journal = FaultyJournal(journal)
        self.line.about_to_place = self._check_written
        self.told = Told()
        self._observers = [self.told, *observers]
        streams = StreamDelays.all_as(latency_ns) if delays is None else delays
        store = AuditedStore(MemoryLedger() if ledger is None else ledger, self.auditor)
        venue = SimulatedVenue(source, self.terms, store, history_ns=2 * streams.quote_ns + NANOSECONDS)
        self.world = PaperWorld(venue, latency_ns, streams)
        self._reduce_only = reduce_only
        self._latency_ns = latency_ns
        self._timing: dict[str, Any] = {"pace": pace} | ({} if wall is None else {"wall": wall})
        self._condition: Callable[[], bool] = lambda: False
        self._kill_at_advance = 0
        self.advances = 0
        self.rounds = 0
        """Of the event loops of all lives."""
        self.lives = 0
        self._is_alive = False
        self._is_living = False
        """While the loop turns for `run_for` and its like."""

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._is_alive:
            self.kill()

    # --- lives ------------------------------------------------------------------------------------------------------

    def start(self, settings: BotSettings | None = None) -> None:
        """A new process on the same journal and account."""
        assert not self._is_alive, "one bot at a time"
        self.lives += 1
        self._is_alive = True
        self.loop = CountingLoop(self.world.now_ns, **self._timing)
        asyncio.set_event_loop(self.loop)
        self.loop.live_in(WatchedWorld(self.world, self._after_advance))
        self.life = self.journal.life = Life()
        self.journal.kill = self._end_life
        self._paper = PaperClient(self.world, self.loop.clock)
        self.client = FaultyClient(self._paper, self.line, self.life, self.loop.clock, reduce_only=self._reduce_only)
        self._running = self.loop.create_task(self._live(self.settings if settings is None else settings))

    async def _live(self, settings: BotSettings) -> Outcome:
        await self.client.connect()
        rules = await self._paper.market_rules()
        clock, chance = self.loop.clock, Random(7)
        self.bot = TradingBot(
            self.config, rules, self.client, self.journal, clock, chance, settings, self._observers
        )
        return await self.bot.run()

    def kill(self) -> None:
        """As by `kill -9`: whatever has left for the venue arrives there, and nothing else happens any more."""
        self._end_life()
        self.loop.live_in(Afterlife())
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._close_loop()

    def _check_written(self, order: OrderRequest) -> None:
        """Before an order is sent its intent is in the journal; that of an open is on the disk."""
        seq = self.journal.intents.get(order.client_id)
        if seq is None:
            if order.side is self.config.direction or not self.journal.failures:
                self.line.violations.append(f"order {order.client_id} was sent before it was written down")
        elif order.side is self.config.direction and seq > self.journal.synced_seq:
            self.line.violations.append(f"open {order.client_id} was sent before its intent was synced")

    def _end_life(self) -> None:
        if not self.life.has_ended:
            self.life.end()
            self.world.detach()
            self.loop.set_exception_handler(lambda _loop, _context: None)
            if self.loop.is_running():
                self.loop.stop()

    def _close_loop(self) -> None:
        self.rounds += self.loop.rounds
        self.loop.close()
        asyncio.set_event_loop(None)
        self._is_alive = False

    @property
    def was_killed(self) -> bool:
        return self.life.has_ended

    def restart(self) -> None:
        self.kill()
        self.start()

    def downtime(self, seconds: float) -> None:
        """The market lives on while no bot does."""
        assert not self._is_alive
        until_ns = self.world.now_ns + round(seconds * NANOSECONDS)
        while self.world.now_ns < until_ns:
            self.world.advance(until_ns)

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def venue(self) -> SimulatedVenue:
        return self.world.venue

    @property
    def now_s(self) -> float:
        """Seconds since the market began."""
        return (self.world.now_ns - self.start_ns) / NANOSECONDS

    def run_for(self, seconds: float) -> None:
        """Live on for this long; less where the bot ends or is killed meanwhile."""
        self._run_until_ns(self.world.now_ns + round(seconds * NANOSECONDS))

    def run_to(self, seconds: float) -> None:
        """Live on until this long after the market began."""
        self._run_until_ns(self.start_ns + round(seconds * NANOSECONDS))

    def run_until(self, condition: Callable[[], bool], within_s: float = 600) -> None:
        """Live on until `condition`, which is looked at whenever anything happened; an error if it never comes."""
        self._condition = condition
        self.run_for(within_s)
        self._condition = lambda: False
        assert condition(), f"it did not come to that within {within_s} s"

    def finish(self, within_s: float = 3_600) -> Outcome:
        """Live on until the bot ends by itself."""
        self.run_for(within_s)
        assert self._running.done(), f"the bot did not end within {within_s} s"
        outcome = self._running.result()
        self.loop.run_until_complete(self.client.disconnect())
        self.loop.run_until_complete(asyncio.sleep(0))
        self._close_loop()
        return outcome

    def stop(self, mode: StopMode | None = None, within_s: float = 20) -> Outcome:
        """Ask for the end, as one Ctrl-C does, and wait for it."""
        self.bot.request_stop("stopped by Ctrl-C", mode)
        return self.finish(within_s)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something this long after the market began, while this bot lives."""
        when = self.start_ns + round(seconds * NANOSECONDS)
        self.loop.call_later((when - self.world.now_ns) / NANOSECONDS, action)

    def upon_venue(self, action: Callable[[SimulatedVenue], object]) -> None:
        """Somebody else, or the venue itself, does something there now."""
        self.world.send(self.world.now_ns - self._latency_ns, action, lambda _answer: None)

    def _run_until_ns(self, until_ns: int) -> None:
        if self._running.done():
            return
        timer = self.loop.call_later(max(0, until_ns - self.world.now_ns) / NANOSECONDS, self.loop.stop)
        self._running.add_done_callback(self._stop_loop)
        self._is_living = True
        with contextlib.suppress(Killed):
            self.loop.run_forever()
        self._is_living = False
        self._running.remove_done_callback(self._stop_loop)
        timer.cancel()
        if self._running.done() and not self._running.cancelled() and not self.life.has_ended:
            self._running.result()

    def _stop_loop(self, _task: object) -> None:
        if self._is_living:
            self.loop.stop()

    def _after_advance(self) -> None:
        self.advances += 1
        if self.advances == self._kill_at_advance:
            self._end_life()
        if self.life.has_ended or self._condition():
            self.loop.stop()

    def kill_at_advance(self, number: int) -> None:
        """The process dies just before it sees what happened at the `number`-th step of the world."""
        self._kill_at_advance = number

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def records(self) -> list[Record]:
        return self.journal.records()

    def of_kind(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    def own_fills(self) -> list[tuple[Side, Decimal, Decimal]]:
        return [(fill.side, fill.price, fill.quantity) for fill in self.auditor.fills]

    def resting(self) -> list[tuple[Side, Decimal | None, Decimal]]:
        """Own orders at the venue: side, price, what remains; oldest first."""
        return [(o.side, o.price, o.remaining) for o in self.venue.open_orders() if o.client_id is not None]

    def foreign(self) -> list[OrderState]:
        return [order for order in self.venue.open_orders() if order.client_id is None]

    def fills_of_venue(self) -> list[Fill]:
        return self.venue.fills_since(0)

    # --- what must hold ---------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Whatever happened: the auditor is content, and replaying the journal gives what the bot believed."""
        self.auditor.check_close_prices()
        assert self.auditor.violations == []
        assert self.line.violations == []
        state, accounting = GridState(self.config.direction), Accounting()
        for record in self.records:
            state.apply(record)
            accounting.apply(record)
        live = self.bot.state
        assert (state.own, state.covered, sorted(state.live), state.halted) == (
            live.own,
            live.covered,
            sorted(live.live),
            live.halted,
        )
        assert accounting.statement(Decimal(100)) == self.bot.accounting.statement(Decimal(100))

    def check_covered(self) -> None:
        """The bot knows what the venue knows, and every own quantity that can be closed has its close."""
        self.check()
        self.check_covered_but_for_the_journal()

    def check_covered_but_for_the_journal(self) -> None:
        """The same where the journal could not be written."""
        assert self.bot.state.own == self.auditor.own
        assert self.bot.resting_closes() == self.auditor.covered
        assert self.auditor.bare < self.auditor.rules.min_quantity, f"{self.auditor.bare} lies bare"

    def check_money(self) -> None:
        """The books agree with the venue's to the last digit."""
        statement = self.bot.accounting.statement(self._mid())
        account = self.venue.statement()
        assert statement.unrealized_pnl is not None
        assert (statement.fees, statement.funding, statement.volume_quote) == (
            account.fees,
            account.funding,
            account.volume_quote,
        )
        result = statement.realized_pnl + statement.unrealized_pnl + statement.funding - statement.fees
        assert result == self.venue.equity_at_mid() - account.balance

    def _mid(self) -> Decimal:
        now = self.venue.quote_as_of(self.venue.now_ns)
        assert now is not None
        return now.mid


def covered_after(rig: Rig, within_s: float = 30) -> None:
    """Live on until nothing own lies bare, then a little longer, and check everything."""
    rig.run_until(lambda: rig.auditor.bare < rig.auditor.rules.min_quantity, within_s)
    rig.run_for(5)
    rig.check_covered()
