"""The paper exchange put together: which account, which market, at which moment.

A session that ended by itself is archived, and the next start is a fresh account; one that was killed (or halted, or
could not confirm its end) is continued, on the same market only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from commands.files import SessionFiles, archive
from commands.options import RunOptions
from commands.usage import UsageError
from domain.market import NANOSECONDS
from exchanges.paper import PaperClient, PaperWorld, open_world
from helpers.clock import VirtualTimeLoop
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import UnknownTicker, find_instrument
from markets.ledger import Ledger
from markets.recordings import RecordingError, open_recording, parse_market_override
from markets.store import LedgerError
from markets.tape import MarketSource

VIRTUAL_EPOCH_NS = 1_704_067_200 * NANOSECONDS
"""2024-01-01T00:00:00Z: where generated markets begin whose time is not real, so that a trace depends on the seed
alone.
"""
_GENERATED = re.compile(r"generated v\d+ \S+ seed (\d+) from (\d+)")


@dataclass(frozen=True, slots=True)
class PaperSession:
    """Everything of one paper session that is not the bot. `seed` None: a recorded market."""

    source: MarketSource
    ledger: Ledger
    world: PaperWorld
    client: PaperClient
    loop: VirtualTimeLoop
    seed: int | None
    is_continued: bool


def mode_text(options: RunOptions) -> str:
    pace = "as fast as it goes" if options.speed is None else f"{options.speed} x real time"
    return "paper, real time" if options.speed == 1 else f"paper, {pace}"


def open_session(
    options: RunOptions, files: SessionFiles, wall_ns: int, draw_seed: Callable[[], int]
) -> PaperSession:
    """Raises `UsageError`. Leaves an account that cannot be continued untouched."""
    stored = _stored_identity(options, files)
    is_real_time = options.speed == 1 and not options.replay
    try:
        source, seed = _source(options, stored, wall_ns if is_real_time else VIRTUAL_EPOCH_NS, draw_seed)
        if stored is not None and stored != source.identity:
            raise UsageError(_mismatch(stored, source.identity))
        ledger = Ledger.open(
            files.ledger, source.identity, _terms(options), source.start_ns, durable=options.speed is not None
        )
    except (RecordingError, UnknownTicker, LedgerError) as error:
        raise UsageError(str(error)) from None
    _check_terms(options, ledger.terms)
    world = open_world(source, ledger.terms, ledger, options.latency_ns)
    # A market in real time has moved on by the time missed; the world catches up when the client connects.
    start_ns = max(world.now_ns, wall_ns) if is_real_time else world.now_ns
    loop = VirtualTimeLoop(start_ns, pace=None if options.speed is None else float(options.speed))
    client = PaperClient(world, loop.clock)
    return PaperSession(source, ledger, world, client, loop, seed, stored is not None)


def _stored_identity(options: RunOptions, files: SessionFiles) -> str | None:
    """The market of the account to continue; None for a fresh account, after archiving what has ended."""
    try:
        identity = Ledger.stored_identity(files.ledger)
        if identity is None:
            archive(files)  # A journal without its ledger: nothing can be continued.
            return None
        ledger = Ledger.open(files.ledger, identity, _terms(options), 0)
        is_over = ledger.is_ended or not files.journal.exists()
        ledger.close()
    except LedgerError as error:
        if not options.fresh:
            raise UsageError(f"{error}; or start a new account with --fresh") from None
        is_over = True
        identity = None
    if is_over or options.fresh:
        archive(files)
        return None
    return identity


def _source(
    options: RunOptions, stored: str | None, start_ns: int, draw_seed: Callable[[], int]
) -> tuple[MarketSource, int | None]:
    """The market asked for. An account on a generated market is continued with its own seed where none was given."""
    if options.replay:
        override = None if options.market is None else parse_market_override(options.market)
        recording = open_recording(
            options.replay,
            override,
            options.ticker,
            maker_fee_rate=options.maker_fee_rate,
            taker_fee_rate=options.taker_fee_rate,
        )
        return recording, None
    seed = options.seed
    found = None if stored is None else _GENERATED.fullmatch(stored)
    if found is not None:
        start_ns = int(found[2])
        seed = int(found[1]) if seed is None else seed
    if seed is None:
        seed = draw_seed()
    listed = find_instrument(options.ticker)
    return GeneratedMarket(listed, seed, start_ns, options.maker_fee_rate, options.taker_fee_rate), seed


def _mismatch(stored: str, asked: str) -> str:
    return (
        f"the paper account to be continued trades another market ({stored}, not {asked}); "
        "continue it with its own --seed, --replay and --market, or start a new one with --fresh"
    )


def _terms(options: RunOptions) -> AccountTerms:
    return AccountTerms(
        balance=options.balance,
        leverage=options.leverage,
        maker_fee_rate=options.maker_fee_rate,
        taker_fee_rate=options.taker_fee_rate,
    )


def _check_terms(options: RunOptions, stored: AccountTerms) -> None:
    """A flag that was typed must agree with the account that is continued."""
    asked = _terms(options)
    for flag, name in (
        ("balance", "balance"),
        ("leverage", "leverage"),
        ("maker-fee", "maker_fee_rate"),
        ("taker-fee", "taker_fee_rate"),
    ):
        if options.was_given(flag) and getattr(asked, name) != getattr(stored, name):
            raise UsageError(
                f"--{flag} differs from that of the paper account to be continued; leave it out, or start with --fresh"
            )


