"""`runbot.py venue NAME`: the twin of an exchange, served alone until it is interrupted or its recording ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NoReturn, TextIO, TypeVar

from commands import values
from commands.rehearsal import PreparedTwin, Rehearsal, prepare
from commands.usage import UsageError, near, shown
from exchanges.factory import ExchangeFactory
from helpers.clock import SystemClock

T = TypeVar("T")

_LARGEST_SEED = 2**64 - 1


def serve_venue(arguments: tuple[str, ...], out: TextIO, draw_seed: Callable[[], int]) -> int:
    """Serve, and print the one line of JSON once ready; the exit status. Raises `UsageError`."""
    wanted, port = _read(arguments)
    clock = SystemClock()
    prepared = prepare(wanted, clock, draw_seed)
    return asyncio.run(_serve(prepared, clock, port, out))


async def _serve(prepared: PreparedTwin, clock: SystemClock, port: int, out: TextIO) -> int:
    running = await prepared.serve(clock, port)
    print(running.announcement(), file=out, flush=True)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the loop by itself.
            loop.add_signal_handler(number, running.ended.set)
    try:
        await running.ended.wait()
    finally:
        await running.close()
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see runbot.py venue --help")


def build_parser() -> argparse.ArgumentParser:
    """Texts only; their meaning is given by `commands.values`."""
    parser = _Parser(prog="runbot.py venue", description="Serve the local twin of an exchange on 127.0.0.1.")
    parser.allow_abbrev = False
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(ExchangeFactory.venues())}")
    parser.add_argument("--port", metavar="P", default="0", help="port to serve on (default: a free one)")
    parser.add_argument("--ticker", metavar="NAME", default="ETH", help="base asset of the perpetual (default: ETH)")
    parser.add_argument("--seed", metavar="N", help="seed of the generated market (default: random)")
    parser.add_argument("--replay", metavar="FILE[,FILE]", help="recorded market instead of a generated one")
    parser.add_argument("--market", metavar="TEXT", help="tick=,step=,min= of the recording (default: inferred)")
    parser.add_argument("--speed", metavar="X", default="1", help="market seconds per real second (default: 1)")
    parser.add_argument("--maker-fee", metavar="PCT", default="0", help="percent (default: 0)")
    parser.add_argument("--taker-fee", metavar="PCT", default="0.05", help="percent (default: 0.05)")
    parser.add_argument("--latency-ms", metavar="MS", default="50", help="each way, 5000 at most (default: 50)")
    parser.add_argument("--balance", metavar="Q", default="10000", help="quote currency (default: 10000)")
    parser.add_argument("--leverage", metavar="X", default="10", help="of the account (default: 10)")
    return parser


def _read(arguments: tuple[str, ...]) -> tuple[Rehearsal, int]:
    given = build_parser().parse_args(arguments)
    if given.name not in ExchangeFactory.venues():
        names = ExchangeFactory.venues()
        question = near(given.name, names)
        raise UsageError(f"there is no twin of {shown(given.name)}; there are {', '.join(names)}.{question}")
    if given.seed is not None and given.replay is not None:
        raise UsageError("--seed makes a generated market and --replay a recorded one; give only one of them")
    if given.market is not None and given.replay is None:
        raise UsageError("--market describes a recording; give it with --replay, or leave it out")
    speed = _value("speed", given.speed, values.speed)
    if speed is None:
        raise UsageError("--speed max has no meaning for a twin, which is spoken to in real time; give a number")
    replay = () if given.replay is None else tuple(Path(part) for part in given.replay.split(","))
    wanted = Rehearsal(
        exchange=given.name,
        ticker=given.ticker.upper(),
        seed=None if given.seed is None else _value("seed", given.seed, values.whole(0, _LARGEST_SEED)),
        replay=replay,
        market=given.market,
        speed=Fraction(speed),
        maker_fee_rate=_value("maker-fee", given.maker_fee, values.fee_rate),
        taker_fee_rate=_value("taker-fee", given.taker_fee, values.fee_rate),
        latency_ns=_value("latency-ms", given.latency_ms, values.milliseconds),
        balance=_value("balance", given.balance, values.positive),
        leverage=_value("leverage", given.leverage, values.between(1, 1000)),
    )
    return wanted, _value("port", given.port, values.whole(0, 65_535))


def _value(flag: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"--{flag} {shown(text)} {error}") from None
