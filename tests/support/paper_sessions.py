"""A whole paper session at full speed, as the program runs it, beside a backtest of the same flags."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from backtesting.data import BacktestData
from backtesting.settings import BacktestSettings
from commands import interrupts, paper
from commands.backtest_options import parse_backtest
from commands.files import SessionFiles
from commands.options import RunOptions, parse
from commands.session import SessionRun, Surroundings
from domain.events import Record
from helpers.journal import SqliteJournal
from helpers.settings import load_settings
from markets.ledger import Ledger
from markets.store import AccountRecord
from tests.support.recordings import Columns, candles, quotes, trades


@dataclass(frozen=True)
class PaperRun:
    """What a paper session left: its exit status, its journal, the report it wrote, and the exchange's own books."""

    status: int
    books: AccountRecord
    records: tuple[Record, ...]
    report: str


def paper_run(data: BacktestData, flags: Sequence[str], folder: Path) -> PaperRun:
    """`runbot.py FLAGS --replay ... --speed max` over the market of `data`, with its files below `folder`."""
    state, logs, report = (str(folder / name) for name in ("state", "logs", "out.json"))
    places = ["--state-dir", state, "--log-dir", logs, "--json", report]
    options = parse([*flags, "--replay", "of the test", "--speed", "max", *places])
    assert isinstance(options, RunOptions)
    files = SessionFiles(options.state_dir, options.log_dir, "paper_session")
    files.state_dir.mkdir(parents=True)
    out = io.StringIO()
    around = Surroundings({}, out, out, lambda: 0, lambda: 0.0, lambda: 0, lambda: "", is_attended=False)
    settings = load_settings(folder / "no.env", {}, must_exist=False)
    with interrupts.as_keyboard_interrupts():
        session = paper.open_session(options, files, data.source, 0, lambda: 0)
        status = SessionRun(options, settings, files, session, around).to_its_end()
    with closing(SqliteJournal.open(files.journal)) as journal:
        records = tuple(record for _, record in journal.replay())
    ledger = Ledger.open(files.ledger, data.source.identity, session.ledger.terms, data.source.start_ns)
    with closing(ledger):
        stored = ledger.load()
    assert stored is not None
    return PaperRun(status, stored[0], records, (folder / "out.json").read_text(encoding="utf-8"))


def backtest_settings(flags: Sequence[str]) -> BacktestSettings:
    """The same flags as `runbot.py backtest` reads them."""
    return parse_backtest([*flags, "--data", "of the test"]).settings()


def random_ticks(chance: Random, rows: int) -> tuple[Columns, Columns]:
    """Best bid/offer and trades that wander: all spreads, prints at the touch and through it, some holes."""
    bid, at_s = 10_000, 0.0
    told: list[tuple[float, float, float, float, float]] = []
    printed: list[tuple[float, float, float, bool]] = []
    for _ in range(rows):
        at_s += 90.0 if chance.random() < 0.0005 else round(chance.expovariate(2), 6)
        spread = chance.choice((1, 1, 1, 2, 4))
        if chance.random() < 0.4:
            sells = chance.random() < 0.5
            beyond = chance.choice((0, 0, 0, 1, 3))
            price = bid - beyond if sells else bid + spread + beyond
            printed.append((at_s, price / 10, chance.randint(1, 400) / 1000, sells))
        else:
            bid = max(9_000, bid + chance.choice((-3, -2, -1, -1, 0, 0, 0, 1, 1, 2, 3)))
            sizes = chance.randint(1, 900) / 1000, chance.randint(1, 900) / 1000
            told.append((at_s, bid / 10, sizes[0], (bid + spread) / 10, sizes[1]))
    return quotes(told), trades(printed)


def random_candles(chance: Random, bars: int) -> Columns:
    """Candles that wander, with a hole here and there."""
    minute, last = 0, 10_000
    rows: list[tuple[int, float, float, float, float, float]] = []
    for _ in range(bars):
        minute += chance.randint(2, 300) if chance.random() < 0.005 else 1
        first = last + chance.choice((-1, 0, 0, 1))
        last = max(5_000, first + chance.randint(-25, 25))
        low, high = min(first, last) - chance.randint(0, 12), max(first, last) + chance.randint(0, 12)
        rows.append((minute, first / 10, high / 10, low / 10, last / 10, chance.randint(0, 9_000) / 1000))
    return candles(rows)
