"""A venue's twin put together: which market it shows, which account it keeps, and served on loopback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from commands.usage import UsageError
from domain.clock import Clock
from exchanges.errors import Misconfigured
from exchanges.factory import ExchangeFactory
from exchanges.rehearsal.host import RunningTwin, start_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.twin import Twin
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import UnknownTicker, find_instrument
from markets.recordings import RecordingError, open_recording, parse_market_override
from markets.tape import MarketSource


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed. `seed` None: drawn, where the market is generated. Rates are fractions of notional, `balance`
    in quote currency, `latency_ns` each way; `speed`: market seconds per real second."""

    exchange: str
    ticker: str
    seed: int | None = None
    replay: tuple[Path, ...] = ()
    market: str | None = None
    speed: Fraction = Fraction(1)
    maker_fee_rate: Decimal = Decimal(0)
    taker_fee_rate: Decimal = Decimal("0.0005")
    latency_ns: int = 50_000_000
    balance: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)


@dataclass(frozen=True, slots=True)
class PreparedTwin:
    """A twin before it is served. `seed` None: a recorded market."""

    twin: Twin
    source: MarketSource
    seed: int | None
    latency_ns: int

    async def serve(self, clock: Clock, port: int = 0) -> RunningTwin:
        """On the running loop. Raises `UsageError` when the port is taken."""
        try:
            return await start_twin(self.twin, clock, port=port, latency_ns=self.latency_ns)
        except OSError as error:
            raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another") from None


def prepare(wanted: Rehearsal, clock: Clock, draw_seed: Callable[[], int]) -> PreparedTwin:
    """Raises `UsageError`. The market begins now, whatever the year of a recording."""
    now_ns = clock.now_ns()
    try:
        module = ExchangeFactory.load_twin(wanted.exchange)
        source, seed = _source(wanted, now_ns, draw_seed)
    except (Misconfigured, RecordingError, UnknownTicker) as error:
        raise UsageError(str(error)) from None
    terms = AccountTerms(
        balance=wanted.balance,
        leverage=wanted.leverage,
        maker_fee_rate=wanted.maker_fee_rate,
        taker_fee_rate=wanted.taker_fee_rate,
    )
    setup = TwinSetup(wanted.ticker, source, terms, now_ns, seed=seed or 0, speed=wanted.speed)
    try:
        twin: Twin = module.open_twin(setup)
    except Misconfigured as error:
        raise UsageError(str(error)) from None
    except ValueError as error:
        raise UsageError(f"{wanted.exchange} cannot show this market: {error}") from None
    return PreparedTwin(twin, source, seed, wanted.latency_ns)


def _source(wanted: Rehearsal, start_ns: int, draw_seed: Callable[[], int]) -> tuple[MarketSource, int | None]:
    if wanted.replay:
        override = None if wanted.market is None else parse_market_override(wanted.market)
        recording = open_recording(
            wanted.replay,
            override,
            wanted.ticker,
            maker_fee_rate=wanted.maker_fee_rate,
            taker_fee_rate=wanted.taker_fee_rate,
        )
        return recording, None
    seed = draw_seed() if wanted.seed is None else wanted.seed
    listed = find_instrument(wanted.ticker)
    return GeneratedMarket(listed, seed, start_ns, wanted.maker_fee_rate, wanted.taker_fee_rate), seed
