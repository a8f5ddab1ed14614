"""The command line of commands that run the bot over recordings: flags of their own, and the bot's that mean something
there.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from commands.flags import FLAGS, PAPER_FLAGS, SAFETY, TRADING, Flag
from commands.options import RunOptions, joined, simulated
from commands.usage import UsageError, near, shown

T = TypeVar("T")

_LEFT_OUT = frozenset(
    ("exchange", "env-file", "live", "allow-withdraw-key", "rehearse", "seed", "replay", "speed", "fresh")
)
BOT_FLAGS: tuple[Flag, ...] = tuple(
    flag for group in (TRADING, SAFETY, PAPER_FLAGS) for flag in group.flags if flag.name not in _LEFT_OUT
)
"""The strategy's and the simulated venue's, as `runbot.py` without a command has them."""
DATA = Flag(
    "data",
    "FILE[,FILE]",
    None,
    "the recorded market: best bid/offer with optional trades beside it, or 1-minute candles (parquet or CSV); several "
    "files of a kind in time order",
)


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """One such command: its name, what it does in one sentence, its own flags, and the end of its help."""

    name: str
    description: str
    own: tuple[Flag, ...]
    epilog: str = ""
    without: frozenset[str] = frozenset()
    """The bot's flags that mean nothing for this one, by name."""

    @property
    def of_bot(self) -> tuple[Flag, ...]:
        return tuple(flag for flag in BOT_FLAGS if flag.name not in self.without)


@dataclass(frozen=True, slots=True)
class RecordedOptions:
    """`run`: the bot's options, with the files of `--data` as its replay. `own`: the texts of the command's own flags
    that were given, by name."""

    run: RunOptions
    own: Mapping[str, str]

    def read(self, flag: str, reader: Callable[[str], T]) -> T | None:
        """The value of an own flag; None where it was not given. Raises `UsageError`."""
        if flag not in self.own:
            return None
        text = self.own[flag]
        try:
            return reader(text)
        except ValueError as error:
            raise UsageError(f"--{flag} {shown(text)} {error}") from None


def parse_recorded(command: RecordedCommand, arguments: Sequence[str]) -> RecordedOptions:
    """Read the arguments after the command's name. Raises `UsageError`; `--help` prints and raises `SystemExit(0)`."""
    flags = {flag.name: flag for flag in (*command.own, *command.of_bot)}
    taking = {flag.option for flag in flags.values() if flag.metavar is not None}
    parsed, extra = build_parser(command).parse_known_args(joined(arguments, taking))
    if extra:
        raise UsageError(_about_extra(command, extra[0], flags))
    raw = {name: str(text) for name, text in vars(parsed).items()}
    for name in raw:
        if flags[name].is_later:
            raise UsageError(f"--{name} is not in this version yet; leave it out")
    if DATA.name not in raw:
        raise UsageError(f"{command.name} needs a recorded market: --data {DATA.metavar}; see {_help(command)}")
    of_bot = {name: text for name, text in raw.items() if name in FLAGS and name not in _names(command.own)}
    try:
        run = simulated({**of_bot, "replay": raw[DATA.name]})
    except UsageError as error:
        raise UsageError(str(error).replace("--replay", "--data")) from None
    return RecordedOptions(run, {name: text for name, text in raw.items() if name in _names(command.own)})


def build_parser(command: RecordedCommand) -> argparse.ArgumentParser:
    """It yields texts, and nothing for a flag that was not given."""
    parser = _Parser(
        prog=f"runbot.py {command.name}",
        usage=f"%(prog)s --data {DATA.metavar} [flags]",
        description=command.description,
        epilog=command.epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
    )
    own = parser.add_argument_group(command.name)
    for flag in command.own:
        _add(own, flag)
    bot = parser.add_argument_group("the bot and its simulated exchange", "As in runbot.py --help.")
    for flag in command.of_bot:
        _add(bot, flag)
    parser.add_argument_group("help").add_argument("-h", "--help", action="help", help="show this text and exit")
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        missing = re.match(r"argument (--[\w-]+)\S*: expected one argument", message)
        if missing:
            raise UsageError(f"{missing[1]} needs a value; see {self.prog} --help")
        raise UsageError(f"{message}; see {self.prog} --help")


def _add(group: argparse._ArgumentGroup, flag: Flag) -> None:
    names = [flag.option] + ([f"--{flag.alias}"] if flag.alias else [])
    if flag.metavar is None:
        group.add_argument(*names, dest=flag.name, action="store_const", const="on", help=flag.help_text())
    else:
        group.add_argument(*names, dest=flag.name, metavar=flag.metavar, help=flag.help_text())


def _about_extra(command: RecordedCommand, token: str, flags: Mapping[str, Flag]) -> str:
    name = token.split("=", 1)[0]
    bare = name.lstrip("-")
    if bare == name:
        return f"unexpected argument {shown(token)}; every value follows its flag, see {_help(command)}"
    if bare == "replay":
        return f"{command.name} takes its recorded market with --data; see {_help(command)}"
    if bare in FLAGS:
        return f"--{bare} has no meaning for {command.name}; leave it out"
    return f"unknown flag {shown(name)}; see {_help(command)}.{near(bare, flags, prefix='--')}"


def _help(command: RecordedCommand) -> str:
    return f"runbot.py {command.name} --help"


def _names(flags: tuple[Flag, ...]) -> set[str]:
    return {flag.name for flag in flags}
