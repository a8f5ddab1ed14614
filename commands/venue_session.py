"""A venue's session: its own client against the real exchange, or against its twin on this machine.

A rehearsal is a fresh exchange each time, so what an earlier one left is archived. A live account is continued, always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from random import Random
from urllib.parse import urlsplit

from commands.capability_check import check_against_capabilities
from commands.consent import Desk, check_can_be_asked, require_consent
from commands.files import SessionFiles, archive
from commands.market_check import check_against_rules
from commands.opened import Connected
from commands.options import RunOptions
from commands.rehearsal import PreparedTwin, Rehearsal, prepare
from commands.usage import UsageError
from exchanges.base import BaseExchangeClient
from exchanges.errors import Misconfigured, Unavailable
from exchanges.factory import ExchangeFactory
from exchanges.patience import connect_patiently
from exchanges.rehearsal.host import RunningTwin
from exchanges.transport.endpoints import is_loopback
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from helpers.clock import SystemClock
from helpers.journal import Notes
from helpers.settings import Settings

REHEARSAL = "rehearsal"
"""Stands in the file names of rehearsed sessions, so that they never meet a live account's."""


class VenueSession:
    """See `commands.opened.OpenedSession`. `twin` None: the real exchange, or a twin served by somebody else."""

    look_every_s = 60

    def __init__(
        self, options: RunOptions, settings: Settings, twin: PreparedTwin | None, clock: SystemClock, desk: Desk
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = clock
        self._options = options
        self._settings = settings
        self._twin = twin
        self._desk = desk
        self._running: RunningTwin | None = None
        self._network: Network | None = None
        self._client: BaseExchangeClient | None = None
        self._module = ExchangeFactory.load_venue(options.exchange)
        self._prefix = options.exchange.upper()

    @property
    def chance(self) -> Random:
        return Random(self.clock.now_ns())

    @property
    def seed(self) -> int | None:
        return None if self._twin is None else self._twin.seed

    @property
    def mode(self) -> str:
        if self._twin is not None:
            return f"rehearsal of {self._options.exchange}, throw-away keys"
        return f"live on {self._network_name}" if self._is_real else f"on a twin of {self._options.exchange}"

    @property
    def way_out(self) -> str:
        return "or give this account another ACCOUNT_NAME or --state-dir once its orders and position are settled"

    @property
    def secrets(self) -> Sequence[str]:
        names = [key.name for key in self._module.KEYS if key.is_secret]
        values = [self._value(name) for name in names]
        return [value for value in values if value]

    def lines(self) -> list[str]:
        if self._twin is None:
            return []
        lines = [f"rehearsal: {self._options.exchange}'s twin on this machine, {self._twin.source.description}"]
        return lines if self._options.was_given("seed") or self.seed is None else [*lines, f"seed: {self.seed}"]

    async def connect(self, journal: Notes) -> Connected:
        if self._twin is not None:
            self._running = await self._twin.serve(self.clock)
        self._network = network = Network()
        setup = ClientSetup(
            self._options.ticker,
            self._value,
            network.open_http,
            network.sockets,
            self.clock,
            self.chance,
            asyncio.to_thread,
        )
        try:
            client: BaseExchangeClient = self._module.open_client(setup)
            self._client = client
            if self._is_real:
                check_can_be_asked(self._options, journal, self._desk)
            rules = await connect_patiently(client)
            warnings = [
                *check_against_capabilities(self._options, client.capabilities),
                *check_against_rules(self._options, rules, client.quote()),
            ]
            if self._is_real:
                summary = await client.account_summary()
                require_consent(self._options, self._network_name, summary, client.quote(), journal, self._desk)
        except (Misconfigured, Unavailable) as error:
            raise UsageError(str(error)) from None
        return Connected(
            client, rules, [f"signing: {client.signing_backend}", *(f"warning: {warning}" for warning in warnings)]
        )

    async def market_ended(self) -> None:
        if self._running is None:
            await asyncio.Event().wait()
        else:
            await self._running.ended.wait()

    async def disconnect(self) -> None:
        if self._client is not None:
            await self._client.disconnect()
        if self._network is not None:
            await self._network.close()
        if self._running is not None:
            await self._running.close()

    def gaps(self) -> int:
        return 0

    def mark_ended(self) -> None:
        """A live account goes on; a rehearsal is put aside when the next one starts."""

    def close(self) -> None:
        self.loop.close()

    # --- inner parts --------------------------------------------------------------------------------------------

    def _value(self, name: str) -> str | None:
        if self._running is not None:
            env: Mapping[str, str] = self._running.env
            return env.get(name)
        return None if self._twin is not None else self._settings.raw(name)

    @property
    def _network_name(self) -> str:
        return self._settings.raw(f"{self._prefix}_NETWORK") or "mainnet"

    @property
    def _is_real(self) -> bool:
        """Whether orders go to the real exchange, rather than to a twin on this machine."""
        if self._twin is not None:
            return False
        addresses = [self._settings.raw(f"{self._prefix}_{kind}_URL") for kind in ("BASE", "WS")]
        return not all(address and is_loopback(urlsplit(address).hostname or "") for address in addresses)


def open_venue_session(
    options: RunOptions, settings: Settings, files: SessionFiles, draw_seed: Callable[[], int], desk: Desk
) -> VenueSession:
    """Raises `UsageError`. The caller holds the account's lock."""
    clock = SystemClock()
    try:
        if not options.rehearse:
            return VenueSession(options, settings, None, clock, desk)
        twin = prepare(_rehearsal(options), clock, draw_seed)
        archive(files)
        return VenueSession(options, settings, twin, clock, desk)
    except Misconfigured as error:
        raise UsageError(str(error)) from None


def _rehearsal(options: RunOptions) -> Rehearsal:
    assert options.speed is not None
    return Rehearsal(
        exchange=options.exchange,
        ticker=options.ticker,
        seed=options.seed,
        replay=options.replay,
        market=options.market,
        speed=Fraction(options.speed),
        maker_fee_rate=options.maker_fee_rate,
        taker_fee_rate=options.taker_fee_rate,
        latency_ns=options.latency_ns,
        balance=options.balance,
        leverage=options.leverage,
    )
