"""What a person asked for on the command line, checked and typed.

`parse` checks all that can be known without a market; `commands.market_check.check_against_rules` does the rest once
the market's rules are known. Both raise `UsageError`: one line, exit status 2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from commands import values
from commands.flags import COMMANDS, FLAGS, PAPER, Exchanges, build_parser
from commands.output_files import check_file
from commands.usage import UsageError, near, shown
from domain.market import MarketRules, Side
from domain.stop import StopMode
from strategies.take_profit_grid.config import OFF, TradingConfig

__all__ = ["CommandRequest", "Exchanges", "RunOptions", "UsageError", "build_parser", "parse"]

T = TypeVar("T")

_MOST_ORDERS = 10_000
_LARGEST_SEED = 2**64 - 1
_LONGEST_WAIT_S = 365 * 86_400
_TICKER_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_TICKER = 32


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """`runbot.py NAME ARGUMENTS...`"""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The settings of one run.

    `quantity` in base units; `take_profit` and `grid_step` in percent; `wait_time` in seconds; `stop_price` and
    `pause_price` in quote currency per base unit, -1 for off; fee rates as fractions of notional; `balance` in quote
    currency; times in `_ns` in nanoseconds.
    """

    exchange: str
    ticker: str
    quantity: Decimal
    take_profit: Decimal
    direction: Side
    max_orders: int
    wait_time: Decimal
    grid_step: Decimal
    stop_price: Decimal
    pause_price: Decimal
    boost: bool
    on_stop: StopMode
    for_ns: int | None
    env_file: Path
    seed: int | None
    """None: not given; the caller draws one, or continues with that of the account."""
    replay: tuple[Path, ...]
    market: str | None
    """The text of `--market`, for the reader of recordings."""
    speed: Decimal | None
    """Virtual seconds per real second; None: as fast as it goes."""
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    latency_ns: int
    balance: Decimal
    leverage: Decimal
    fresh: bool
    rehearse: bool
    live: bool
    allow_withdraw_key: bool
    report_file: Path | None
    report_on_stdout: bool
    state_dir: Path
    log_dir: Path
    given: frozenset[str]
    """Names of the flags that were typed, without dashes (an alias counts as the flag)."""

    @property
    def is_paper(self) -> bool:
        return self.exchange == PAPER

    def was_given(self, flag: str) -> bool:
        """Whether `flag` (its name without dashes) was typed, rather than left at its default."""
        if flag not in FLAGS:
            raise KeyError(flag)
        return flag in self.given

    def trading_config(self, rules: MarketRules) -> TradingConfig:
        """These settings as the strategy's, on the market of `rules`."""
        return TradingConfig(
            ticker=self.ticker,
            contract_id=rules.contract_id,
            quantity=self.quantity,
            take_profit=self.take_profit,
            tick_size=rules.tick_size,
            direction=self.direction,
            max_orders=self.max_orders,
            wait_time=self.wait_time,
            exchange=self.exchange,
            grid_step=self.grid_step,
            stop_price=self.stop_price,
            pause_price=self.pause_price,
            boost_mode=self.boost,
        )


def parse(argv: Sequence[str], exchanges: Exchanges | None = None) -> RunOptions | CommandRequest:
    """Read the arguments after the program's name.

    Raises `UsageError`. `--help` prints the help and raises `SystemExit(0)`. Looks at the file system only to see that
    the report, state and log can be written later; creates nothing.
    """
    known = exchanges or Exchanges()
    if argv and not argv[0].startswith("-"):
        return _command(argv[0], tuple(argv[1:]))
    raw = _texts(argv, known)
    for name in raw:
        if FLAGS[name].is_later:
            raise UsageError(f"--{name} is not in this version yet; leave it out and trade on --exchange {PAPER}")
    options = _typed(raw, known)
    _check_together(options)
    _check_writable(options)
    return options


def simulated(raw: Mapping[str, str]) -> RunOptions:
    """The options of a bot on a recorded market, from the texts of its flags (`--replay` among them), for commands that
    have a command line of their own. Raises `UsageError`; looks at no folder.
    """
    options = _typed({**raw, "exchange": PAPER, "speed": "max"}, Exchanges())
    _check_together(options)
    return options


def _command(name: str, arguments: tuple[str, ...]) -> CommandRequest:
    for command in COMMANDS:
        if command.name == name:
            if command.is_later:
                raise UsageError(f"the command {name} is not in this version yet; see --help for what is")
            return CommandRequest(name, arguments)
    bare = _without_dashes(name)
    if bare != name:
        raise UsageError(f"unknown argument {shown(name)}; flags begin with two plain hyphens.{_near_flags(bare)}")
    question = near(name, [command.name for command in COMMANDS])
    raise UsageError(f"unknown command {shown(name)}; see --help.{question}")


def _texts(argv: Sequence[str], exchanges: Exchanges) -> dict[str, str]:
    """Flag name -> text, for the flags that were given."""
    parsed, extra = build_parser(exchanges).parse_known_args(_joined(argv))
    if extra:
        raise UsageError(_about_extra(extra[0]))
    return {name: str(text) for name, text in vars(parsed).items()}


def _joined(argv: Sequence[str]) -> list[str]:
    """`--flag -1e5` as `--flag=-1e5`: a value may begin with a minus, and argparse knows few of those."""
    return joined(argv, {flag.option for flag in FLAGS.values() if flag.metavar is not None})


def joined(argv: Sequence[str], taking: Container[str]) -> list[str]:
    """`--flag -1e5` as `--flag=-1e5` for the options in `taking`."""
    tokens: list[str] = []
    for token in argv:
        is_value = token.startswith("-") and not token.startswith("--") and token not in {"-", "-h"}
        if is_value and tokens and tokens[-1] in taking:
            tokens[-1] = f"{tokens[-1]}={token}"
        else:
            tokens.append(token)
    return tokens


def _about_extra(token: str) -> str:
    name = token.split("=", 1)[0]
    bare = _without_dashes(name)
    if bare == name:
        if any(command.name == name for command in COMMANDS):
            return f"the command {name} must come first: runbot.py {name} ..."
        return f"unexpected argument {shown(token)}; every value follows its flag, see --help"
    if name.startswith("--") or name.isascii():
        return f"unknown flag {shown(name)}; see --help.{_near_flags(bare)}"
    return f"unknown argument {shown(name)}; flags begin with two plain hyphens.{_near_flags(bare)}"


def _without_dashes(name: str) -> str:
    """Without leading hyphens, also those a word processor makes of them."""
    return name.lstrip("-\u2010\u2011\u2012\u2013\u2014\u2212")


def _near_flags(bare: str) -> str:
    names = [name for flag in FLAGS.values() for name in (flag.name, flag.alias) if name]
    return near(bare.replace("_", "-").lower(), names, prefix="--")


def _typed(raw: Mapping[str, str], exchanges: Exchanges) -> RunOptions:
    report = _read(raw, "json", _path) if "json" in raw else None
    on_stdout = report == Path("-")
    return RunOptions(
        exchange=_read(raw, "exchange", lambda text: _exchange(text, exchanges)),
        ticker=_read(raw, "ticker", _ticker),
        quantity=_read(raw, "quantity", values.positive),
        take_profit=_read(raw, "take-profit", values.take_profit),
        direction=Side(_read(raw, "direction", lambda text: _one_of(text, Side))),
        max_orders=_read(raw, "max-orders", values.whole(1, _MOST_ORDERS)),
        wait_time=_read(raw, "wait-time", values.between(0, _LONGEST_WAIT_S)),
        grid_step=_read(raw, "grid-step", values.grid_step),
        stop_price=_read(raw, "stop-price", values.level),
        pause_price=_read(raw, "pause-price", values.level),
        boost="boost" in raw,
        on_stop=StopMode(_read(raw, "on-stop", lambda text: _one_of(text, StopMode))),
        for_ns=_read(raw, "for", values.duration) if "for" in raw else None,
        env_file=_read(raw, "env-file", _path),
        seed=_read(raw, "seed", values.whole(0, _LARGEST_SEED)) if "seed" in raw else None,
        replay=_read(raw, "replay", _paths) if "replay" in raw else (),
        market=_read(raw, "market", _not_empty) if "market" in raw else None,
        speed=_read(raw, "speed", values.speed),
        maker_fee_rate=_read(raw, "maker-fee", values.fee_rate),
        taker_fee_rate=_read(raw, "taker-fee", values.fee_rate),
        latency_ns=_read(raw, "latency-ms", values.milliseconds),
        balance=_read(raw, "balance", values.positive),
        leverage=_read(raw, "leverage", values.between(1, 500)),
        fresh="fresh" in raw,
        rehearse="rehearse" in raw,
        live="live" in raw,
        allow_withdraw_key="allow-withdraw-key" in raw,
        report_file=None if on_stdout else report,
        report_on_stdout=on_stdout,
        state_dir=_read(raw, "state-dir", _path),
        log_dir=_read(raw, "log-dir", _path),
        given=frozenset(raw),
    )


def _read(raw: Mapping[str, str], flag: str, read: Callable[[str], T]) -> T:
    """The value of `flag`: as typed, or its default."""
    text = raw.get(flag, FLAGS[flag].default)
    if text is None:
        raise KeyError(flag)
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"--{flag} {shown(text)} {error}") from None


def _exchange(text: str, exchanges: Exchanges) -> str:
    name = text.lower()
    if name in exchanges.ready:
        return name
    choice = " or ".join(exchanges.ready)
    if name in exchanges.later:
        raise ValueError(f"is not in this version yet; use {choice}")
    question = near(name, (*exchanges.ready, *exchanges.later))
    raise ValueError(f"is an unknown exchange; use {choice}.{question}")


def _ticker(text: str) -> str:
    """The ticker stands in file names, so it is a plain word."""
    ticker = text.upper()
    if not ticker or len(ticker) > _LONGEST_TICKER or not _TICKER_CHARACTERS.issuperset(ticker):
        raise ValueError("is not a ticker; give the base asset as letters and digits, like ETH")
    return ticker


def _one_of(text: str, choices: type[Side] | type[StopMode]) -> str:
    names = [choice.value for choice in choices]
    if text.lower() not in names:
        raise ValueError(f"is unknown; give {', '.join(names[:-1])} or {names[-1]}")
    return text.lower()


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("has no value; see --help")
    return text


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("is not a path")
    return Path(text)


def _paths(text: str) -> tuple[Path, ...]:
    parts = text.split(",")
    if not all(part.strip() for part in parts):
        raise ValueError("names an empty file; write FILE or FILE,FILE without blanks")
    if len(set(parts)) < len(parts):
        raise ValueError("names a file twice; name each once")
    return tuple(_path(part) for part in parts)


def _check_together(options: RunOptions) -> None:
    """Flags that contradict each other."""
    _check_exchange(options)
    if options.replay and options.was_given("seed"):
        raise UsageError("--seed makes a generated market and --replay a recorded one; give only one of them")
    if options.market is not None and not options.replay:
        raise UsageError("--market describes a recording; give it with --replay, or leave it out")
    if options.speed is None and options.for_ns is None and not options.replay:
        raise UsageError("--speed max would never end; add --for, like --for 24h, or --replay")
    _check_levels(options)


def _check_exchange(options: RunOptions) -> None:
    """Flags that mean nothing where they were given."""
    if options.is_paper:
        for name in ("rehearse", "live", "allow-withdraw-key"):
            if name in options.given:
                raise UsageError(f"--{name} is for exchanges with keys; leave it out on {PAPER}")
        return
    if options.rehearse:
        if options.live:
            raise UsageError("--rehearse trades no real money and --live does; give only one of them")
        if options.speed is None:
            raise UsageError("--speed max has no meaning for a rehearsal, which is lived in real time; give a number")
        if options.fresh:
            raise UsageError("--fresh is for the paper exchange; every rehearsal is fresh")
        return
    for name in sorted(options.given):
        if FLAGS[name].simulated_only:
            raise UsageError(f"--{name} works on {PAPER} and with --rehearse only; leave it out to trade for real")


def _check_levels(options: RunOptions) -> None:
    """A stop that acts no later than the pause leaves the pause without effect."""
    stop, pause = options.stop_price, options.pause_price
    if OFF in (stop, pause):
        return
    if options.direction is Side.BUY and stop <= pause:
        raise UsageError(
            f"--pause-price {pause} can never act: buying, the bot has already stopped at --stop-price {stop}; "
            "give a stop price above the pause price"
        )
    if options.direction is Side.SELL and stop >= pause:
        raise UsageError(
            f"--pause-price {pause} can never act: selling, the bot has already stopped at --stop-price {stop}; "
            "give a stop price below the pause price"
        )


def _check_writable(options: RunOptions) -> None:
    """Find out now, not after hours of trading, that a result has nowhere to go."""
    if options.report_file is not None:
        check_file("json", options.report_file)
    for flag, folder in (("state-dir", options.state_dir), ("log-dir", options.log_dir)):
        nearest = folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        if not nearest.is_dir():
            raise UsageError(f"--{flag} {shown(str(folder))}: {shown(str(nearest))} is not a folder; choose another")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise UsageError(f"--{flag} {shown(str(folder))} cannot be written; choose another, or change its mode")
