"""The flags of `runbot.py report`, checked and typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from commands import values
from commands.output_files import check_file
from commands.usage import UsageError, shown
from exchanges.factory import ExchangeFactory

_EPILOG = """\
The journal is that of --exchange and --ticker, or the one whose path is given: archived ones are in state/archive.
A journal holds no market prices: what is open is valued at --price, or else at the paper exchange's last price, or
else at the last own trade. Which of them it is is said.
"""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """`journal` None: the one that `exchange` and `ticker` name below `state_dir`."""

    journal: Path | None
    exchange: str
    ticker: str
    state_dir: Path
    env_file: Path | None
    price: Decimal | None
    html: Path | None
    json: Path | None
    json_on_stdout: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see runbot.py report --help")


def build_parser() -> argparse.ArgumentParser:
    """Texts only; nothing for a flag that was not given."""
    parser = _Parser(
        prog="runbot.py report",
        usage="%(prog)s [JOURNAL | --exchange NAME --ticker T] [--html FILE] [--json FILE]",
        description="Tell the result of a session from its journal. The bot may be running: it is not disturbed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("journal", metavar="JOURNAL", nargs="?", help="a journal's path")
    parser.add_argument("--exchange", metavar="NAME", help="whose session (default: paper)")
    parser.add_argument("--ticker", metavar="T", help="its ticker (default: ETH)")
    parser.add_argument("--state-dir", metavar="DIR", help="where journals are (default: state)")
    parser.add_argument("--env-file", metavar="FILE", help="names the account, if one is named (default: .env)")
    parser.add_argument("--price", metavar="P", help="value what is open at this price")
    parser.add_argument("--html", metavar="FILE", help="write a report that opens in a browser, offline")
    parser.add_argument("--json", metavar="FILE", help="write the numbers as JSON; - is standard output")
    return parser


def parse_report(arguments: Sequence[str]) -> ReportOptions:
    """Raises `UsageError`, also for an output that could not be written; creates nothing."""
    given = build_parser().parse_args(list(arguments))
    if given.journal is not None:
        for flag, value in (("exchange", given.exchange), ("ticker", given.ticker), ("state-dir", given.state_dir)):
            if value is not None:
                raise UsageError(f"--{flag} and the path of a journal name two of them; leave one out")
    exchange = "paper" if given.exchange is None else given.exchange
    if exchange not in (*ExchangeFactory.names(), "paper"):
        raise UsageError(f"--exchange {shown(exchange)} is not known; there are {', '.join(ExchangeFactory.names())}")
    options = ReportOptions(
        journal=_path("journal", given.journal),
        exchange=exchange,
        ticker="ETH" if given.ticker is None else given.ticker.upper(),
        state_dir=_path("state-dir", given.state_dir) or Path("state"),
        env_file=_path("env-file", given.env_file),
        price=_price(given.price),
        html=_path("html", given.html),
        json=None if given.json == "-" else _path("json", given.json),
        json_on_stdout=given.json == "-",
    )
    _check_outputs(options)
    return options


def _path(flag: str, text: str | None) -> Path | None:
    if text is None:
        return None
    if not text or "\0" in text:
        raise UsageError(f"--{flag} {shown(text)} is not a path")
    return Path(text)


def _price(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return values.positive(text)
    except ValueError as error:
        raise UsageError(f"--price {shown(text)} {error}") from None


def _check_outputs(options: ReportOptions) -> None:
    for flag, path in (("html", options.html), ("json", options.json)):
        if path is not None:
            check_file(flag, path)
            if options.journal is not None and path.resolve() == options.journal.resolve():
                raise UsageError(f"--{flag} {shown(str(path))} is the journal itself; name another")
    if options.html is not None and options.json is not None and options.html.resolve() == options.json.resolve():
        raise UsageError(f"--json {shown(str(options.json))} is the file of --html; name another")
