"""One run of the bot, from options to exit status."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

from bot.observers import Observer
from commands import interrupts, paper
from commands.consent import Desk
from commands.files import SessionFiles
from commands.held import Held
from commands.opened import OpenedSession
from commands.options import RunOptions
from commands.report_file import write_report
from commands.usage import UsageError
from commands.venue_session import REHEARSAL, open_venue_session
from commands.watchers import LogWatcher, MessengerWatcher, TradeWatcher, ViewWatcher
from domain.report import Report
from exchanges.errors import ExchangeError
from helpers.background import Background
from helpers.journal import JournalDamaged, JournalError, SqliteJournal
from helpers.lock import LockError, ProcessLock
from helpers.logger import ActivityLog, Level, capture_logging, file_stem
from helpers.notifications import Notifier, notifier_for
from helpers.redaction import Redactor
from helpers.secret import Secret
from helpers.settings import Settings, SettingsError, load_settings
from helpers.trade_csv import TradeCsv, TradeCsvUnwritable
from helpers.views.choice import open_view
from markets.recordings import RecordingError
from markets.store import LedgerError
from trading_bot import BotSettings, Outcome, TradingBot

_LAST_MESSAGES_S = 5.0
_REFRESH_S = 0.25
_CONFIGURATION_ERRORS = (SettingsError, LockError, JournalError, TradeCsvUnwritable)
_MARKET_ERRORS = (ExchangeError, RecordingError, LedgerError)


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
    answer: Callable[[], str]
    """Reads one line that a person types."""
    is_attended: bool
    """Whether somebody is at the terminal to type it."""


def run(options: RunOptions, around: Surroundings) -> int:
    """Trade as asked; the exit status.

    Raises `UsageError` for everything that a person can mend before trading, and `KeyboardInterrupt` when interrupted
    before the bot runs.
    """
    with interrupts.as_keyboard_interrupts():
        try:
            settings = load_settings(options.env_file, around.environment, must_exist=options.was_given("env-file"))
            files = SessionFiles(
                options.state_dir,
                options.log_dir,
                file_stem(options.exchange, options.ticker, _account(options, settings)),
            )
            return _run_paper(options, settings, files, around) if options.is_paper else _run_venue(
                options, settings, files, around
            )
        except _CONFIGURATION_ERRORS as error:
            raise UsageError(str(error)) from None


def _account(options: RunOptions, settings: Settings) -> str:
    """The account's name in file names; a rehearsal's files never meet a live account's."""
    if not options.rehearse:
        return settings.account_name
    return f"{settings.account_name}-{REHEARSAL}" if settings.account_name else REHEARSAL


def _run_paper(options: RunOptions, settings: Settings, files: SessionFiles, around: Surroundings) -> int:
    recorded = paper.open_recorded(options)
    if not files.ledger.exists():
        # Before the lock, which makes the folder: a mistake leaves nothing behind.
        paper.check_first_start(options, recorded)
    with ProcessLock.acquire(files.journal):
        session = paper.open_session(options, files, recorded, around.wall_ns(), around.draw_seed)
        return SessionRun(options, settings, files, session, around).to_its_end()


def _run_venue(options: RunOptions, settings: Settings, files: SessionFiles, around: Surroundings) -> int:
    desk = Desk(around.err, lambda: _typed(around.answer), around.is_attended)
    with ProcessLock.acquire(files.journal):
        with Held():  # It imports the venue.
            session = open_venue_session(options, settings, files, around.draw_seed, desk)
        return SessionRun(options, settings, files, session, around).to_its_end()


def _typed(answer: Callable[[], str]) -> str:
    """Somebody is waited for, and the loop with him: a signal must break into that."""
    with interrupts.as_keyboard_interrupts():
        return answer()


class SessionRun:
    """What the steps of one run share. Resources are closed in the reverse order of their opening."""

    def __init__(
        self,
        options: RunOptions,
        settings: Settings,
        files: SessionFiles,
        session: OpenedSession,
        around: Surroundings,
    ) -> None:
        self._options = options
        self._settings = settings
        self._files = files
        self._session = session
        self._around = around
        self._say = around.err if options.report_on_stdout else around.out
        self._redactor = Redactor(settings.secrets())
        self._unclosed = ""
        """Why the journal could not be closed as it should; empty where it could."""

    def to_its_end(self) -> int:
        options, session = self._options, self._session
        with contextlib.ExitStack() as held:
            held.callback(session.close)
            journal = _open_journal(options, self._files, session.way_out)
            held.callback(self._close, journal)
            is_fast = options.speed is None
            background = None if is_fast else Background("log files")
            if background is not None:
                held.callback(background.close)
            log = ActivityLog(
                self._files.activity, session.clock, self._settings.timezone, self._redactor, background=background
            )
            held.callback(log.close)
            held.callback(capture_logging(log, self._redactor))
            trades = TradeCsv.open(self._files.trades, self._settings.timezone, journal, background)
            held.callback(trades.close)
            self._announce([*session.lines(), *_notes(self._settings)])
            messages = self._messenger(log)
            held.callback(_close_messenger, messages)
            watchers = _Watchers(
                TradeWatcher(trades),
                LogWatcher(log, journal.last_seq),
                ViewWatcher(journal.last_seq, is_quiet=is_fast, is_still=is_fast and not self._say.isatty()),
                MessengerWatcher(messages),
            )
            report: Report | None = None
            try:
                outcome, report = self._trade(journal, watchers)
            except _MARKET_ERRORS as error:
                log.line(Level.ERROR, str(error))
                print(f"error: {error}", file=self._around.err)
                exit_status = 1
            else:
                exit_status = outcome.exit_status or self._end_account()
        unreported = 0 if report is None else self._report(report)
        if self._unclosed:
            print(f"error: {self._unclosed}; the last records may not survive a power loss", file=self._around.err)
            exit_status = exit_status or 3
        return exit_status or unreported

    def _close(self, journal: SqliteJournal) -> None:
        """A full disk changes nothing of how a session went; what it traded must be reported all the same."""
        try:
            journal.close()
        except JournalError as error:
            self._unclosed = str(error)

    def _announce(self, lines: Iterable[str]) -> None:
        """What a person must know before the screen is taken over."""
        with contextlib.suppress(OSError):  # Nobody reads; that is no reason not to trade.
            for line in lines:
                print(self._redactor(line), file=self._say, flush=True)

    def _messenger(self, log: ActivityLog) -> Notifier:
        """Started where there is real time to speak of: a day in seconds is no news."""
        label = self._files.stem.replace("_", " ")
        messages = notifier_for(
            self._settings, self._redactor, label=label, on_trouble=lambda text: log.line(Level.WARNING, text)
        )
        if self._options.speed is not None:
            messages.start()
        return messages

    def _trade(self, journal: SqliteJournal, watchers: _Watchers) -> tuple[Outcome, Report]:
        """Connect, run the bot to its end, and tell how it went."""
        options, session = self._options, self._session
        loop = session.loop
        with interrupts.on_loop(loop) as signals:
            try:
                connected = signals.prepare(session.connect(journal))
                self._redactor.add(*(Secret(secret) for secret in session.secrets))
                self._announce(connected.lines)
                bot = TradingBot(
                    options.trading_config(connected.rules),
                    connected.rules,
                    connected.client,
                    journal,
                    session.clock,
                    session.chance,
                    BotSettings(
                        session.mode,
                        options.on_stop,
                        options.for_ns,
                        session.look_every_s,
                        watches_lag=not options.is_paper,
                    ),
                    watchers.of(options),
                )
                return self._watched(bot, signals, watchers)
            finally:
                try:
                    loop.run_until_complete(session.disconnect())
                finally:
                    interrupts.end_tasks(loop)

    def _watched(self, bot: TradingBot, signals: interrupts.Interrupts, watchers: _Watchers) -> tuple[Outcome, Report]:
        """Run the bot to its end before people's eyes."""
        options, session, around = self._options, self._session, self._around
        loop = session.loop
        term = around.environment.get("TERM", "")
        view, stream = open_view(bot.status, self._say, self._settings.timezone, term=term)
        watchers.shown.show(view)
        beside = [
            loop.create_task(_beat(options, watchers, around.wall_s)),
            loop.create_task(_stop_at_market_end(session, bot)),
        ]
        last_lines: list[str] = []
        try:
            outcome = signals.run(bot)
            report = self._report_of(bot, outcome)
            last_lines = _last_lines(report, outcome)
        finally:
            for task in beside:
                task.cancel()
            view.close(last_lines)
            stream.close()
            loop.run_until_complete(asyncio.wait(beside))
            for task in beside:
                if not task.cancelled() and (error := task.exception()) is not None:
                    print(f"error: what was shown stopped early: {type(error).__name__}: {error}", file=around.err)
        return outcome, report

    def _report_of(self, bot: TradingBot, outcome: Outcome) -> Report:
        return Report.of(
            bot.status(),
            bot.accounting,
            seed=self._session.seed,
            duration_ns=outcome.duration_ns,
            halted=outcome.exit_status == 1,
            gaps=self._session.gaps(),
        )

    def _end_account(self) -> int:
        """Mark the account as history; the next start begins a fresh one."""
        try:
            self._session.mark_ended()
        except LedgerError as error:
            print(f"error: {error}; the next start continues this account", file=self._around.err)
            return 3
        return 0

    def _report(self, report: Report) -> int:
        try:
            write_report(self._options, report, self._around.out)
        except UsageError as error:
            print(f"error: {error}", file=self._around.err)
            return 2
        return 0


def _notes(settings: Settings) -> list[str]:
    notes = [f"note: {note}" for note in settings.notes]
    if sys.platform == "win32":
        notes.append("note: on Windows files have no modes here, and Ctrl-C is the only signal")
    return notes


def _open_journal(options: RunOptions, files: SessionFiles, way_out: str) -> SqliteJournal:
    """Raises `JournalError`, and `UsageError` for a direction other than the one it was begun with."""
    try:
        journal = SqliteJournal.open(files.journal, durable=options.speed is not None)
    except JournalDamaged as error:
        raise UsageError(f"{error}; {way_out}") from None
    begun_with = journal.note("direction")
    if begun_with is None:
        journal.write_note("direction", options.direction.value)
    elif begun_with != options.direction.value:
        journal.close()
        raise UsageError(
            f"the session to be continued was begun with --direction {begun_with}; continue it with that, {way_out}"
        )
    return journal


def _close_messenger(messages: Notifier) -> None:
    """The last messages may take seconds; whoever presses Ctrl-C again has waited long enough."""
    with contextlib.suppress(KeyboardInterrupt), interrupts.as_keyboard_interrupts():
        messages.close(_LAST_MESSAGES_S)


@dataclass(frozen=True, slots=True)
class _Watchers:
    trades: TradeWatcher
    log: LogWatcher
    shown: ViewWatcher
    messages: MessengerWatcher

    def of(self, options: RunOptions) -> list[Observer]:
        told: list[Observer] = [self.trades, self.log, self.shown]
        return told if options.speed is None else [*told, self.messages]


async def _stop_at_market_end(session: OpenedSession, bot: TradingBot) -> None:
    await session.market_ended()
    bot.request_stop("the recorded market has ended")


def _last_lines(report: Report, outcome: Outcome) -> list[str]:
    """The reason of a halt comes last, where people and scripts look for it."""
    lines = [*report.to_lines(), *(f"not confirmed: {line}" for line in outcome.unconfirmed)]
    return [*lines, outcome.reason] if outcome.exit_status == 1 else lines


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
