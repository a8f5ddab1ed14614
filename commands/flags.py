"""Every flag and command as data, and the parser and help text made from it.

The parser only splits the command line into texts; `commands.options` gives them their meaning. Flags and commands that
a later version brings are listed, so that the help is the whole contract.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import NoReturn

from commands.usage import UsageError

PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Names for `--exchange`: those this version trades, and those announced for a later one."""

    ready: tuple[str, ...] = (PAPER,)
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """`metavar` None: a switch. `default` is the text read when the flag is absent; None: there is none.

    `simulated_only`: for the paper exchange and rehearsals.
    """

    name: str
    metavar: str | None
    default: str | None
    help: str
    alias: str | None = None
    is_later: bool = False
    simulated_only: bool = False

    @property
    def option(self) -> str:
        return f"--{self.name}"

    def help_text(self) -> str:
        words = self.help
        if self.is_later:
            words += " (not in this version yet)"
        elif self.metavar is not None and self.default is not None:
            words += f" (default: {self.default})"
        return words.replace("%", "%%")


@dataclass(frozen=True, slots=True)
class FlagGroup:
    title: str
    note: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    help: str
    is_later: bool = True


COMMANDS = (
    Command("venue", "serve the local twin of an exchange alone, with a ledger to look at", is_later=False),
    Command("simulate", "run the bot through seeded faults and audit what it did", is_later=False),
    Command("backtest", "run the bot over a recorded market, as fast as it goes", is_later=False),
    Command("optimize", "search settings over a recorded market, tested on what was not searched", is_later=False),
    Command("report", "tell the result of a session from its journal, also while it runs", is_later=False),
)

TRADING = FlagGroup(
    "trading",
    "What is bought and sold. Percentages are percent: 0.02 is 0.02 %.",
    (
        Flag("exchange", "NAME", PAPER, "where to trade"),
        Flag("ticker", "NAME", "ETH", "base asset of the perpetual; with --replay only a label"),
        Flag("quantity", "Q", "0.1", "size of one entry, in base units"),
        Flag("take-profit", "PCT", "0.02", "distance from a fill to its closing order, in percent"),
        Flag("direction", "SIDE", "buy", "buy: open long, close by selling; sell: the mirror image"),
        Flag("max-orders", "N", "40", "entries that may wait for their close at the same time"),
        Flag(
            "wait-time",
            "S",
            "450",
            "cool-down in seconds after an open fill: a quarter of it while few closes wait, twice it when many do",
        ),
        Flag(
            "grid-step",
            "PCT",
            "-100",
            "least distance in percent between a new entry's close and the nearest waiting one; -100: none",
        ),
        Flag(
            "boost",
            None,
            None,
            "close every fill at once with a market order, without take-profit or cool-down: volume at a cost",
            alias="aster-boost",
        ),
    ),
)

SAFETY = FlagGroup(
    "money and safety",
    "Stop and pause prices keep a buying bot from buying high (and a selling one from selling low).\n"
    "They are NOT a stop-loss: a buying bot's act when the price RISES to them; when it falls, the\n"
    "position stays, at any loss.",
    (
        Flag(
            "stop-price",
            "P",
            "-1",
            "stop the bot when a buying bot's best ask is at P or higher (selling: best bid at P or lower); -1: off",
        ),
        Flag("pause-price", "P", "-1", "as --stop-price, but wait and go on once the price is back; -1: off"),
        Flag(
            "on-stop",
            "WHAT",
            "keep",
            "own orders on stop. keep: cancel the open, leave closes; cancel: closes too; flatten: cancel both and "
            "close the own position at market",
        ),
        Flag("for", "TIME", None, "stop by itself after TIME of the bot's own time: 90s, 10m, 6h, 2d"),
        Flag("env-file", "FILE", ".env", "keys and notification settings; needed only where keys are"),
        Flag("live", None, None, "consent to trade real money without being asked"),
        Flag("allow-withdraw-key", None, None, "accept a key that can withdraw"),
        Flag(
            "rehearse",
            None,
            None,
            "trade on a local twin of the exchange, with throw-away keys",
        ),
    ),
)

PAPER_FLAGS = FlagGroup(
    "paper exchange and rehearsals",
    "No keys, no network, no real money.",
    (
        Flag(
            "seed", "N", None, "seed of the generated market (default: random, and printed)", simulated_only=True
        ),
        Flag(
            "replay",
            "FILE[,FILE]",
            None,
            "trade a recorded market instead: best bid/offer with optional trades beside it, or 1-minute candles "
            "(parquet or CSV); ends when the data end",
            simulated_only=True,
        ),
        Flag(
            "market",
            "tick=,step=,min=",
            None,
            "tick size, quantity step and minimum of the recording (default: inferred and printed)",
            simulated_only=True,
        ),
        Flag(
            "speed",
            "X",
            "1",
            "X times real time, or (paper) max: as fast as it goes, which needs --for or --replay",
            simulated_only=True,
        ),
        Flag("maker-fee", "PCT", "0", "fee of resting orders, percent of value; negative: rebate", simulated_only=True),
        Flag("taker-fee", "PCT", "0.05", "fee of market orders, percent of value", simulated_only=True),
        Flag("latency-ms", "MS", "50", "delay of every message, each way; 5000 at most", simulated_only=True),
        Flag("balance", "AMOUNT", "10000", "money on a fresh account, in quote currency", simulated_only=True),
        Flag("leverage", "X", "10", "from 1 to 500", simulated_only=True),
        Flag(
            "fresh",
            None,
            None,
            "paper: begin a new account instead of continuing one that was killed",
            simulated_only=True,
        ),
    ),
)

OUTPUT = FlagGroup(
    "output",
    "",
    (
        Flag(
            "json",
            "FILE",
            None,
            "write the final report there; -: standard output carries it alone, all else goes to standard error",
        ),
        Flag("state-dir", "DIR", "state", "journals and paper accounts"),
        Flag("log-dir", "DIR", "logs", "order and activity logs"),
    ),
)

GROUPS = (TRADING, SAFETY, PAPER_FLAGS, OUTPUT)
FLAGS: dict[str, Flag] = {flag.name: flag for group in GROUPS for flag in group.flags}

_EXAMPLES = """\
examples:
  python runbot.py
      ETH on the paper exchange, in real time, until Ctrl-C
  python runbot.py --ticker BTC --quantity 0.01 --take-profit 0.05 --wait-time 60 --seed 7 --speed max --for 24h
      a day of one generated market, at once; the same result every time
  python runbot.py --ticker BTC --quantity 0.01 --replay bbo.parquet,trades.parquet --speed 10 --json report.json
      a recorded market, ten times as fast, with the report in a file
  python runbot.py --direction sell --stop-price 2500 --pause-price 2600
      sell first; wait while the best bid is at 2600 or lower, end at 2500 or lower

exit status:
  0 ended as asked; 1 halted, the last line says why; 2 wrong use or configuration; 3 stopped, but something could
  not be confirmed and is listed. Ctrl-C stops gracefully; a second Ctrl-C ends at once.
"""


class _Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        missing = re.match(r"argument (--[\w-]+)\S*: expected one argument", message)
        if missing:
            flag = FLAGS[missing[1][2:]]
            raise UsageError(f"{flag.option} needs a value: {flag.option} {flag.metavar}; see --help")
        unwanted = re.match(r"argument (-[\w-]+)\S*: ignored explicit argument", message)
        if unwanted:
            raise UsageError(f"{unwanted[1]} takes no value; leave out what follows the =")
        raise UsageError(f"{message}; see --help")


def build_parser(exchanges: Exchanges | None = None) -> argparse.ArgumentParser:
    """The parser of `runbot.py` without a command. It yields texts, and nothing for a flag that was not given."""
    known = exchanges or Exchanges()
    parser = _Parser(
        prog="runbot.py",
        usage="%(prog)s [flags]\n       %(prog)s COMMAND ...",
        description="Trades a take-profit grid on perpetual futures: maker orders in, maker take-profits out.",
        epilog=f"{_commands_text()}\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
    )
    for group in GROUPS:
        section = parser.add_argument_group(group.title, group.note or None)
        for flag in group.flags:
            _add(section, flag, known)
    rest = parser.add_argument_group("help")
    rest.add_argument("-h", "--help", action="help", help="show this text and exit")
    return parser


def _add(section: argparse._ArgumentGroup, flag: Flag, exchanges: Exchanges) -> None:
    words = flag.help_text()
    if flag.name == "exchange":
        words = f"{flag.help}: {', '.join(exchanges.ready)} (default: {flag.default})"
        if exchanges.later:
            words += f"; not in this version yet: {', '.join(exchanges.later)}"
    names = [flag.option] + ([f"--{flag.alias}"] if flag.alias else [])
    if flag.metavar is None:
        section.add_argument(*names, dest=flag.name, action="store_const", const="on", help=words)
    else:
        section.add_argument(*names, dest=flag.name, metavar=flag.metavar, help=words)


def _commands_text() -> str:
    lines = ["commands:"]
    for command in COMMANDS:
        later = " (not in this version yet)" if command.is_later else ""
        lines.append(f"  {command.name:<10} {command.help}{later}")
    return "\n".join(lines) + "\n"
