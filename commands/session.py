"""One run of the bot, from options to exit status."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TextIO

from bot.observers import Observer
from commands import paper
from commands.files import SessionFiles
from commands.market_check import check_against_rules
from commands.options import RunOptions
from commands.usage import UsageError
from commands.watchers import LogWatcher, MessengerWatcher, TradeWatcher, ViewWatcher
from domain.report import Report
from helpers.journal import JournalError, SqliteJournal
from helpers.lock import LockError, ProcessLock
from helpers.logger import ActivityLog, Level, file_stem
from helpers.notifications import Notifier, notifier_for
from helpers.redaction import Redactor
from helpers.settings import Settings, SettingsError, load_settings
from helpers.trade_csv import TradeCsv, TradeCsvUnwritable
from helpers.views.choice import open_view
from trading_bot import BotSettings, Outcome, TradingBot

_LAST_MESSAGES_S = 5.0
_REFRESH_S = 0.25


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run takes from its process, as arguments.

    `wall_ns`: now, nanoseconds since the epoch; `wall_s`: a steady clock.
    """

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    wall_ns: Callable[[], int]
    wall_s: Callable[[], float]
    draw_seed: Callable[[], int]


def run(options: RunOptions, around: Surroundings) -> int:
    """Trade as asked; the exit status. Raises `UsageError` for everything that a person can mend before trading."""
    try:
        settings = load_settings(options.env_file, around.environment, must_exist=options.was_given("env-file"))
        files = SessionFiles(
            options.state_dir,
            options.log_dir,
            file_stem(options.exchange, options.ticker, settings.account_name),
        )
        with ProcessLock.acquire(files.journal):
            return _run_locked(options, settings, files, around)
    except (SettingsError, LockError, JournalError, TradeCsvUnwritable) as error:
        raise UsageError(str(error)) from None


def _run_locked(options: RunOptions, settings: Settings, files: SessionFiles, around: Surroundings) -> int:
    session = paper.open_session(options, files, around.wall_ns(), around.draw_seed)
    say = around.err if options.report_on_stdout else around.out
    redactor = Redactor(settings.secrets())
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.closing(session.loop))
        held.enter_context(contextlib.closing(session.ledger))
        journal = held.enter_context(contextlib.closing(_open_journal(options, files)))
        _announce(options, session, settings, say)
        log = ActivityLog(files.activity, session.loop.clock, settings.timezone, redactor)
        held.callback(log.close)
        trades = TradeCsv.open(files.trades, settings.timezone, journal)
        held.callback(trades.close)
        messages = _messenger(settings, options, redactor, log)
        held.callback(messages.close, _LAST_MESSAGES_S)
        watchers = _Watchers(
            TradeWatcher(trades),
            LogWatcher(log, journal.last_seq),
            ViewWatcher(journal.last_seq, is_quiet=options.speed is None),
            MessengerWatcher(messages),
        )
        asyncio.set_event_loop(session.loop)
        session.loop.live_in(session.world)
        work = _trade(options, settings, session, journal, watchers, say, around)
        outcome, report = session.loop.run_until_complete(work)
        if outcome.exit_status == 0:
            session.ledger.mark_ended()
    _write_report(options, report, around.out)
    return outcome.exit_status


def _open_journal(options: RunOptions, files: SessionFiles) -> SqliteJournal:
    journal = SqliteJournal.open(files.journal, durable=options.speed is not None)
    begun_with = journal.note("direction")
    if begun_with is not None and begun_with != options.direction.value:
        journal.close()
        raise UsageError(
            f"the journal {files.journal} was begun with --direction {begun_with}; go on with that, "
            "or use another --state-dir"
        )
    if begun_with is None:
        journal.write_note("direction", options.direction.value)
    return journal


def _announce(options: RunOptions, session: paper.PaperSession, settings: Settings, say: TextIO) -> None:
    """What a person must know before the screen is taken over."""
    lines = [f"market: {session.source.description}"]
    if session.is_continued:
        lines.append("continuing the paper account of a session that did not end by itself (--fresh begins a new one)")
    if session.seed is not None and not options.was_given("seed"):
        lines.append(f"seed: {session.seed}")
    for note in settings.notes:
        lines.append(f"note: {note}")
    if sys.platform == "win32":
        lines.append("note: on Windows files have no modes here, and Ctrl-C is the only signal")
    for warning in check_against_rules(options, session.source.rules, session.world.venue.quote_as_of(session.world.venue.now_ns)):
        lines.append(f"warning: {warning}")
    for line in lines:
        print(line, file=say, flush=True)


def _messenger(settings: Settings, options: RunOptions, redactor: Redactor, log: ActivityLog) -> Notifier:
    """Started where there is real time to speak of: a day in seconds is no news."""
    label = settings.account_name or options.ticker
    messages = notifier_for(settings, redactor, label=label, on_trouble=lambda text: log.line(Level.WARNING, text))
    if options.speed is not None:
        messages.start()
    return messages


@dataclass(frozen=True, slots=True)
class _Watchers:
    trades: TradeWatcher
    log: LogWatcher
    shown: ViewWatcher
    messages: MessengerWatcher

    def of(self, options: RunOptions) -> list[Observer]:
        told: list[Observer] = [self.trades, self.log, self.shown]
        return told if options.speed is None else [*told, self.messages]


async def _trade(
    options: RunOptions,
    settings: Settings,
    session: paper.PaperSession,
    journal: SqliteJournal,
    watchers: _Watchers,
    say: TextIO,
    around: Surroundings,
) -> tuple[Outcome, Report]:
    """Connect, run the bot to its end, and tell how it went."""
    await session.client.connect()
    rules = await session.client.market_rules()
    bot = TradingBot(
        options.trading_config(rules),
        rules,
        session.client,
        journal,
        session.loop.clock,
        Random(f"client ids of {session.source.identity}"),
        BotSettings(paper.mode_text(options), options.on_stop, options.for_ns),
        watchers.of(options),
    )
    view, stream = open_view(bot.status, say, settings.timezone, term=around.environment.get("TERM", ""))
    watchers.shown.show(view)
    beat = asyncio.ensure_future(_beat(options, watchers, around.wall_s))
    try:
        with _interrupts(bot):
            outcome = await bot.run()
    finally:
        beat.cancel()
    report = Report.of(
        bot.status(),
        bot.accounting,
        seed=session.seed,
        duration_ns=outcome.duration_ns,
        halted=outcome.exit_status == 1,
        gaps=session.world.venue.gaps[0],
    )
    view.close([*report.to_lines(), *(f"not confirmed: {line}" for line in outcome.unconfirmed)])
    stream.close()
    await session.client.disconnect()
    return outcome, report


async def _beat(options: RunOptions, watchers: _Watchers, wall_s: Callable[[], float]) -> None:
    """Redraw and flush a few times a second of real time, whatever the speed of the session's own time."""
    own_s = 60.0 if options.speed is None else _REFRESH_S * float(options.speed)
    last = wall_s() - _REFRESH_S
    while True:
        if options.speed is not None or wall_s() - last >= _REFRESH_S:
            last = wall_s()
            watchers.shown.refresh()
            watchers.trades.flush()
        await asyncio.sleep(own_s)


@contextlib.contextmanager
def _interrupts(bot: TradingBot) -> Iterator[None]:
    """Ctrl-C or SIGTERM once: stop gracefully. Twice: end at once, with a list of what is open."""
    loop = asyncio.get_running_loop()
    signals = [signal.SIGINT, signal.SIGTERM]
    asked = 0

    def interrupted(name: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            bot.request_stop(f"stopped by {name}")
        else:
            bot.abandon()

    before = {}
    for number in signals:
        name = "Ctrl-C" if number is signal.SIGINT else "SIGTERM"
        try:
            loop.add_signal_handler(number, interrupted, name)
        except NotImplementedError:  # Windows: the handler runs between two steps of the interpreter.
            before[number] = signal.signal(
                number, lambda *_, name=name: loop.call_soon_threadsafe(interrupted, name)
            )
    try:
        yield
    finally:
        for number in signals:
            if number in before:
                signal.signal(number, before[number])
            else:
                loop.remove_signal_handler(number)


def _write_report(options: RunOptions, report: Report, out: TextIO) -> None:
    if options.report_on_stdout:
        out.write(report.to_json())
        out.flush()
    if options.report_file is not None:
        _write_whole(options.report_file, report.to_json())


def _write_whole(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


