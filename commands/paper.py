"""The paper exchange put together: which account, which market, at which moment.

A session that ended by itself is archived, and the next start is a fresh account; one that was killed (or halted, or
could not confirm its end) is continued, on the same market only. Everything is checked before anything is archived or
created, so that a mistake on the command line changes no file.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from commands.files import SessionFiles, archive
from commands.market_check import check_against_rules
from commands.opened import Connected
from commands.options import RunOptions
from commands.usage import UsageError
from domain.clock import Clock
from domain.market import NANOSECONDS
from domain.report import span
from exchanges.paper import LOOK_EVERY_S, PaperClient, PaperWorld, open_world
from helpers.clock import VirtualTimeLoop
from helpers.journal import JournalError, Notes, SqliteJournal
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import UnknownTicker, find_instrument
from markets.ledger import Ledger
from markets.recordings import RecordingError, open_recording, parse_market_override
from markets.store import LedgerError
from markets.tape import MarketSource
from markets.venue import SimulatedVenue

VIRTUAL_EPOCH_NS = 1_704_067_200 * NANOSECONDS
"""2024-01-01T00:00:00Z: where generated markets begin whose time is not real, so that a trace depends on the seed
alone.
"""
_GENERATED = re.compile(r"generated v\d+ (\S+) seed (\d+) from (\d+)")
_WORTH_TELLING_NS = 600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class PaperSession:
    """See `commands.opened.OpenedSession`. `seed` None: a recorded market. `notes`, `warnings`: one line each."""

    source: MarketSource
    ledger: Ledger
    world: PaperWorld
    client: PaperClient
    loop: VirtualTimeLoop
    seed: int | None
    mode: str
    is_inferred: bool
    """Whether the tick and step of a recording were read off the file."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    look_every_s = LOOK_EVERY_S
    way_out = "or start a new account with --fresh"
    secrets = ()

    @property
    def clock(self) -> Clock:
        return self.loop.clock

    @property
    def chance(self) -> Random:
        return Random(f"client ids of {self.source.identity}")

    def lines(self) -> list[str]:
        lines = [f"market: {self.source.description}"]
        if self.seed is None:
            rules = self.source.rules
            inferred = " (inferred; --market says otherwise)" if self.is_inferred else ""
            lines.append(
                f"tick {rules.tick_size}, quantity step {rules.quantity_step}, minimum {rules.min_quantity}{inferred}"
            )
        return [*lines, *self.notes, *(f"warning: {warning}" for warning in self.warnings)]

    async def connect(self, journal: Notes) -> Connected:  # noqa: ARG002
        self.loop.live_in(self.world)
        await self.client.connect()
        return Connected(self.client, await self.client.market_rules())

    async def market_ended(self) -> None:
        """The client is told by an event."""
        await asyncio.Event().wait()

    async def disconnect(self) -> None:
        await self.client.disconnect()

    def gaps(self) -> int:
        return self.world.venue.gaps[0]

    def mark_ended(self) -> None:
        self.ledger.mark_ended()

    def close(self) -> None:
        self.loop.close()
        self.ledger.close()


def _mode(options: RunOptions) -> str:
    pace = "as fast as it goes" if options.speed is None else f"{options.speed} x real time"
    return "paper, real time" if options.speed == 1 else f"paper, {pace}"


def open_recorded(options: RunOptions) -> MarketSource | None:
    """The recording of `--replay`, read once and found sound; None for a generated market. Raises `UsageError`."""
    if not options.replay:
        return None
    try:
        override = None if options.market is None else parse_market_override(options.market)
        return open_recording(
            options.replay,
            override,
            options.ticker,
            maker_fee_rate=options.maker_fee_rate,
            taker_fee_rate=options.taker_fee_rate,
        )
    except RecordingError as error:
        raise UsageError(str(error)) from None


def check_first_start(options: RunOptions, recorded: MarketSource | None) -> None:
    """Refuse what no fresh account could trade, without touching a file. Raises `UsageError`."""
    seed = options.seed or 0  # Every seed begins with the same quote.
    _warnings_at_start(options, recorded or _generated(options, seed, VIRTUAL_EPOCH_NS))


def open_session(
    options: RunOptions,
    files: SessionFiles,
    recorded: MarketSource | None,
    wall_ns: int,
    draw_seed: Callable[[], int],
) -> PaperSession:
    """Raises `UsageError`, and leaves an account that cannot be continued untouched. The caller holds its lock."""
    stored = None if options.fresh else _identity_to_continue(options, files)
    if stored is not None:
        return _continued(options, files, stored, recorded, wall_ns)
    seed = None
    source = recorded
    if source is None:
        seed = draw_seed() if options.seed is None else options.seed
        source = _generated(options, seed, wall_ns if options.speed == 1 else VIRTUAL_EPOCH_NS)
    warnings = _warnings_at_start(options, source)
    archive(files)
    ledger = _ledger(options, files, source)
    world = open_world(source, ledger.terms, ledger, options.latency_ns)
    notes = () if seed is None or options.was_given("seed") else (f"seed: {seed}",)
    return _session(options, source, ledger, world, world.now_ns, seed, notes, warnings)


def _continued(
    options: RunOptions, files: SessionFiles, stored: str, recorded: MarketSource | None, wall_ns: int
) -> PaperSession:
    source, seed = _source_to_continue(options, stored, recorded)
    ledger = _ledger(options, files, source)
    try:
        _check_terms(options, ledger.terms)
        world = open_world(source, ledger.terms, ledger, options.latency_ns)
        own = replace(options, balance=ledger.terms.balance, leverage=ledger.terms.leverage)
        warnings = check_against_rules(own, world.venue.rules, world.venue.quote_as_of(world.now_ns))
    except UsageError:
        ledger.close()
        raise
    note = "continuing the paper account of a session that did not end by itself (--fresh begins a new one)"
    notes = [note if seed is None else f"{note}; seed: {seed}"]
    start_ns = world.now_ns
    began_in_real_time = seed is not None and source.start_ns != VIRTUAL_EPOCH_NS
    if options.speed == 1 and began_in_real_time:
        # Such a market has moved on by the time missed; the world catches up when the client connects.
        start_ns = max(start_ns, wall_ns)
        if start_ns - world.now_ns >= _WORTH_TELLING_NS:
            missed_s = Decimal((start_ns - world.now_ns) // NANOSECONDS)
            notes.append(f"the market moves on by the {span(missed_s)} that were missed")
    return _session(options, source, ledger, world, start_ns, seed, tuple(notes), tuple(warnings))


def _session(
    options: RunOptions,
    source: MarketSource,
    ledger: Ledger,
    world: PaperWorld,
    start_ns: int,
    seed: int | None,
    notes: tuple[str, ...],
    warnings: tuple[str, ...],
) -> PaperSession:
    loop = VirtualTimeLoop(start_ns, pace=None if options.speed is None else float(options.speed))
    client = PaperClient(world, loop.clock)
    is_inferred = options.market is None
    return PaperSession(source, ledger, world, client, loop, seed, _mode(options), is_inferred, notes, warnings)


def _identity_to_continue(options: RunOptions, files: SessionFiles) -> str | None:
    """The market of the account to continue; None for a fresh account. Changes nothing."""
    try:
        identity = Ledger.stored_identity(files.ledger)
        if identity is None:
            return None  # A journal without its ledger: nothing can be continued.
        ledger = Ledger.open(files.ledger, identity, _terms(options), 0)
        is_over = ledger.is_ended
        ledger.close()
    except LedgerError as error:
        raise UsageError(f"{error}; or start a new account with --fresh") from None
    return None if is_over or not _has_begun(files) else identity


def _has_begun(files: SessionFiles) -> bool:
    """Whether a bot ever ran on the account: a start that failed in between leaves nothing to continue."""
    if not files.journal.exists():
        return False
    try:
        with contextlib.closing(SqliteJournal.open(files.journal)) as journal:
            return journal.last_seq > 0
    except JournalError as error:
        raise UsageError(f"{error}; or start a new account with --fresh") from None


def _source_to_continue(
    options: RunOptions, stored: str, recorded: MarketSource | None
) -> tuple[MarketSource, int | None]:
    """The market of the account and its seed. Raises `UsageError` if another one is asked for."""
    generated = _GENERATED.fullmatch(stored)
    if recorded is not None:
        if recorded.identity != stored:
            own = "another recording" if generated is None else f"the generated market of seed {generated[2]}"
            raise _other_market(own, "without --replay" if generated else "with its own --replay and --market")
        return recorded, None
    if generated is None:
        raise _other_market("a recording", "with its own --replay and --market")
    own_seed, start_ns = int(generated[2]), int(generated[3])
    if options.seed not in (None, own_seed):
        raise _other_market(f"the market of seed {own_seed}", f"with --seed {own_seed} or without --seed")
    source = _generated(options, own_seed, start_ns)
    if source.identity != stored:
        raise _other_market("a generated market of another version", "with that version")
    return source, own_seed


def _other_market(own: str, advice: str) -> UsageError:
    return UsageError(
        f"the paper account of the session that did not end by itself trades {own}; continue it {advice}, "
        "or start a new one with --fresh"
    )


def _generated(options: RunOptions, seed: int, start_ns: int) -> GeneratedMarket:
    try:
        listed = find_instrument(options.ticker)
    except UnknownTicker as error:
        raise UsageError(str(error)) from None
    return GeneratedMarket(listed, seed, start_ns, options.maker_fee_rate, options.taker_fee_rate)


def _warnings_at_start(options: RunOptions, source: MarketSource) -> tuple[str, ...]:
    """What the market's first quote says about the options; an account in memory shows it. Raises `UsageError`."""
    venue = SimulatedVenue(source, _terms(options))
    return tuple(check_against_rules(options, source.rules, venue.quote_as_of(venue.now_ns)))


def _ledger(options: RunOptions, files: SessionFiles, source: MarketSource) -> Ledger:
    try:
        return Ledger.open(
            files.ledger, source.identity, _terms(options), source.start_ns, durable=options.speed is not None
        )
    except LedgerError as error:
        raise UsageError(str(error)) from None


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
