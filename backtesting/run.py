"""Running a backtest: the very bot of a paper session, in virtual time, with its books in memory.

Nothing of the strategy or the matching is told a second time here. `TradingBot` trades through `PaperClient` on the
engine of `markets`; only the journal and the ledger are kept in memory instead of on a disk. A run therefore equals
`--exchange paper --replay ... --speed max` of the same settings fill for fill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from backtesting.data import BacktestData
from backtesting.equity import Books, equity_samples, largest_drawdown
from backtesting.history import History
from backtesting.prices import SampledSource, sampling_interval_ns
from backtesting.result import VERSION, BacktestResult, Money
from backtesting.settings import BacktestSettings
from domain.market import MarketRules
from domain.report import Report
from exchanges.errors import Unavailable
from exchanges.paper import LOOK_EVERY_S, PaperClient, PaperWorld, open_world
from helpers.clock import VirtualTimeLoop
from helpers.journal import MemoryJournal
from markets.recordings import RecordingError
from markets.store import MemoryLedger
from trading_bot import BotSettings, Outcome, TradingBot

_NEVER = 1 << 62
"""Records after which a journal in memory gets a checkpoint: nobody will start from it."""

Progress = Callable[[int, int], None]
"""Told the time reached (nanoseconds since the epoch) and the rows played, some dozens of times a second at most."""
Conduct = Callable[[asyncio.AbstractEventLoop, TradingBot], Outcome]
"""Runs the bot on the loop to its end: where a caller lets signals ask it to stop."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What was alive when the bot had ended."""

    outcome: Outcome
    report: Report
    last_mid: Decimal | None
    world: PaperWorld
    journal: MemoryJournal
    ended_ns: int


def run_backtest(
    data: BacktestData,
    settings: BacktestSettings,
    *,
    progress: Progress | None = None,
    conduct: Conduct | None = None,
) -> BacktestResult:
    """Run the bot over `data`. Deterministic: the same data and settings give the same result, whatever else happens.

    Raises `RecordingError` when a file was changed since it was opened, or the data never quote.
    """
    interval_ns = sampling_interval_ns(data.covered_ns(data.end_ns))
    source = SampledSource(data.source, interval_ns, progress or _nobody)
    session = _run(source, settings, conduct or _to_its_end)
    records = tuple(record for _, record in session.journal.replay())
    history = History.of(records)
    _check_books(session, history)
    money = Money(
        balance=settings.balance,
        grid_profit=session.report.realized_pnl,
        open_position=session.report.unrealized_pnl,
        funding=session.report.funding,
        fees=session.report.fees,
    )
    prices = source.samples(session.ended_ns)
    equity = tuple(equity_samples(settings.balance, history.fills, history.payments, prices))
    return BacktestResult(
        settings=settings,
        data=data.identity,
        version=VERSION,
        report=session.report,
        money=money,
        fills=history.fills,
        orders=history.orders,
        payments=history.payments,
        records=records,
        equity=equity,
        max_drawdown=largest_drawdown(settings.balance, equity),
        gaps=tuple(gap for gap in data.gaps if gap[1] <= session.ended_ns),
        start_ns=data.start_ns,
        end_ns=min(session.ended_ns, data.end_ns),
        last_mid=session.last_mid,
        rows=source.rows,
        exit_status=session.outcome.exit_status,
        unconfirmed=session.outcome.unconfirmed,
        is_complete=session.world.venue.has_ended,
    )


def _run(source: SampledSource, settings: BacktestSettings, conduct: Conduct) -> _Session:
    world = open_world(source, settings.account_terms(), MemoryLedger(), settings.latency_ns)
    loop = VirtualTimeLoop(world.now_ns)
    client = PaperClient(world, loop.clock)
    try:
        loop.live_in(world)
        rules = loop.run_until_complete(_connected(client, source))
        journal = MemoryJournal()
        bot = TradingBot(
            settings.trading_config(rules),
            rules,
            client,
            journal,
            loop.clock,
            Random(f"client ids of {source.identity}"),
            BotSettings(
                "backtest", settings.on_stop, settings.run_for_ns, LOOK_EVERY_S, checkpoint_every=_NEVER
            ),
        )
        outcome = conduct(loop, bot)
        return _ended(bot, outcome, client, world, journal, loop.clock.now_ns())
    finally:
        loop.run_until_complete(client.disconnect())
        loop.close()


async def _connected(client: PaperClient, source: SampledSource) -> MarketRules:
    try:
        await client.connect()
    except Unavailable as error:
        raise RecordingError(f"{source.description}: {error}") from None
    return await client.market_rules()


def _ended(
    bot: TradingBot, outcome: Outcome, client: PaperClient, world: PaperWorld, journal: MemoryJournal, now_ns: int
) -> _Session:
    report = Report.of(
        bot.status(),
        bot.accounting,
        seed=None,
        duration_ns=outcome.duration_ns,
        halted=outcome.exit_status == 1,
        gaps=world.venue.gaps[0],
    )
    quote = client.quote()
    mid = quote.mid if quote is not None and quote.is_usable else None
    return _Session(outcome, report, mid, world, journal, now_ns)


def _check_books(session: _Session, history: History) -> None:
    """The venue's books and what the bot heard must agree to the last digit.

    A trade may still have been on its way when the session ended before the data; it is not in the report of a paper
    session either.
    """
    books = Books()
    for fill in history.fills:
        books = books.with_fill(fill)
    for payment in history.payments:
        books = books.with_payment(payment)
    heard = {fill.trade_id for fill in history.fills}
    statement = session.world.venue.statement()
    earliest_ns = session.ended_ns - 60_000_000_000
    unheard = [fill for fill in session.world.venue.fills_since(earliest_ns) if fill.trade_id not in heard]
    if unheard and not session.world.venue.has_ended:
        return
    told = (statement.cash - statement.balance, statement.position, statement.fees, statement.volume_quote)
    ours = (books.cash, books.position, books.fees, books.volume_quote)
    if told != ours:
        raise AssertionError(f"the venue's books {told} and the bot's {ours} differ")


def _nobody(time_ns: int, rows: int) -> None:
    """Nobody watches the progress."""


def _to_its_end(loop: asyncio.AbstractEventLoop, bot: TradingBot) -> Outcome:
    return loop.run_until_complete(bot.run())
