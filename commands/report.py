"""`runbot.py report`: what a session has come to, read from its journal, which is left untouched."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from backtesting.session import SessionResult, Valuation, read_session
from commands import interrupts
from commands.files import SessionFiles
from commands.output_files import write_whole
from commands.report_options import ReportOptions, parse_report
from commands.session import Surroundings
from commands.usage import UsageError
from domain.report import plain
from helpers.journal_errors import JournalError
from helpers.journal_reading import read_journal
from helpers.logger import file_stem
from helpers.settings import SettingsError, load_settings
from markets.ledger_reading import read_books
from markets.times import utc_text

_SEED = re.compile(r" seed (\d+) from ")
_MOST_NAMED = 3


def report(arguments: Sequence[str], around: Surroundings) -> int:
    """Read and tell; 0, or 2 where a result could not be written. Raises `UsageError`."""
    with interrupts.as_keyboard_interrupts():
        options = parse_report(arguments)
        session = _read(options, _journal(options, around))
        say = around.err if options.json_on_stdout else around.out
        with contextlib.suppress(OSError):  # Nobody reads; the files are written all the same.
            for line in _lines(session):
                print(line, file=say, flush=True)
        return _written(options, session, around)


def _journal(options: ReportOptions, around: Surroundings) -> Path:
    if options.journal is not None:
        return options.journal
    try:
        env_file = options.env_file or Path(".env")
        account = load_settings(env_file, around.environment, must_exist=options.env_file is not None).account_name
        stem = file_stem(options.exchange, options.ticker, account)
    except SettingsError as error:
        raise UsageError(str(error)) from None
    return SessionFiles(options.state_dir, options.state_dir, stem).journal


def _read(options: ReportOptions, journal: Path) -> SessionResult:
    if not journal.is_file():
        raise UsageError(f"there is no journal {journal}; {_advice(journal.parent)}")
    try:
        contents = read_journal(journal)
    except JournalError as error:
        raise UsageError(str(error)) from None
    books = read_books(journal.with_name(f"{journal.stem}.ledger{journal.suffix}"))
    valuation = None
    if options.price is not None:
        valuation = Valuation(options.price, "the price given")
    elif books is not None and books.mid is not None:
        valuation = Valuation(books.mid, "the paper exchange's last price")
    market = "" if books is None else books.identity
    seed = _SEED.search(market)
    return read_session(
        contents.records,
        name=journal.name,
        journal_mark=contents.mark,
        valuation=valuation,
        market=market,
        seed=None if seed is None else int(seed[1]),
    )


def _advice(folder: Path) -> str:
    found = sorted(path.name for path in folder.glob("*.sqlite") if not path.name.endswith(".ledger.sqlite"))
    if not found:
        return "run the bot first, or give the path of a journal"
    more = " and others" if len(found) > _MOST_NAMED else ""
    return f"there are {', '.join(found[:_MOST_NAMED])}{more} in {folder}"


def _lines(session: SessionResult) -> list[str]:
    told = session.report
    open_position = Decimal(0) if told.unrealized_pnl is None else told.unrealized_pnl
    lines = [
        f"{session.name}: {utc_text(session.start_ns)} to {utc_text(session.end_ns)} UTC",
        *told.to_lines(),
        f"result {plain(session.result)} = grid profit {plain(told.realized_pnl)} + open position "
        f"{plain(open_position)} + funding {plain(told.funding)} - fees {plain(told.fees)}",
        f"largest drawdown {plain(session.max_drawdown)} (of {len(session.samples)} samples)",
    ]
    if told.position and session.last_mark is not None:
        lines.append(f"what is open is valued at {session.mark}, {plain(session.last_mark)}")
    return lines


def _written(options: ReportOptions, session: SessionResult, around: Surroundings) -> int:
    """Write what was asked for; 2 where something could not be, each said in a line of its own."""
    status = 0
    for where, write in _writers(options, session, around):
        try:
            write()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            print(f"error: the report cannot be written to {where}: {reason}", file=around.err)
            status = 2
    return status


def _writers(
    options: ReportOptions, session: SessionResult, around: Surroundings
) -> list[tuple[str, Callable[[], object]]]:
    found: list[tuple[str, Callable[[], object]]] = []
    if options.json_on_stdout:
        found.append(("standard output", lambda: (around.out.write(session.to_json()), around.out.flush())))
    if options.json is not None:
        target = options.json
        text = session.to_json
        found.append((str(target), lambda: write_whole(target, lambda path: path.write_text(text(), encoding="utf-8"))))
    if options.html is not None:
        from backtesting.report import write_html  # Wanted by few runs.

        page = options.html
        found.append((str(page), lambda: write_whole(page, lambda path: write_html(session, path))))
    return found
