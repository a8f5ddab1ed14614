"""The Lighter client: what the venue says, in the terms of `BaseExchangeClient`. It decides nothing.

A transaction that the venue took may still fail a moment later. A post-only order that would cross shows as an order
that ended; other failures may show nowhere on the stream. So news of every transaction is waited for, and where none
comes its fate is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.events import Fill, FundingPayment, OrderUpdate, PositionUpdate
from domain.market import NANOSECONDS, MarketRules
from domain.orders import OrderFact, OrderStatus
from exchanges.base import Capabilities, OrderInfo, OrderLimits, OrderRequest
from exchanges.errors import ExchangeError, Misconfigured, NotListed, Refused, Unavailable
from exchanges.lighter import codec, facts
from exchanges.lighter.book import Best
from exchanges.lighter.chases import Chases
from exchanges.lighter.codec import Market, Order
from exchanges.lighter.codec_errors import POST_ONLY_WOULD_CROSS, RULES_REASONS
from exchanges.lighter.facts import Tier
from exchanges.lighter.keys import PRIVATE_KEY, Credentials
from exchanges.lighter.rest import Rest, TokenRejected
from exchanges.lighter.signing import BACKEND, Signer
from exchanges.lighter.stream import Dialogue, Listener
from exchanges.order_memory import OrderMemory
from exchanges.transport.caller import Patience
from exchanges.transport.messages import HttpTransport, WebSocketTransport
from exchanges.transport.setup import AccountSummary, Aside
from exchanges.transport.streams import StreamGroup, StreamSession, StreamStyle
from exchanges.venue_client import CLOCK_EVERY_S, VenueClient


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `history_settles_s`: an order that neither lived nor was in the history for so long was never accepted.
    `news_within_s`: a transaction the venue took shows on the stream by then, or its fate is asked for."""

    connect_within_s: float = 20.0
    order_life_s: int = facts.ORDER_LIFE_S
    history_settles_s: float = 12.0
    news_within_s: float = 5.0
    clock_every_s: float = CLOCK_EVERY_S
    rules_every_s: float = 1_800.0
    funding_every_s: float = 300.0
    patience: Patience = field(default_factory=Patience)
    stream: StreamStyle = field(default_factory=lambda: StreamStyle(ping_every_s=30.0))


@dataclass(slots=True)
class _Trace:
    """What this process knows of an order beside the bot. `sent_ns`: None for one that an earlier process sent; `size`:
    its total quantity as last told."""

    sent: OrderRequest | None = None
    sent_ns: int | None = None
    absent_ns: int | None = None
    """When it was first looked for and not found."""
    order_id: str | None = None
    size: Decimal | None = None
    is_heard: bool = False
    has_ended: bool = False


def _never_rested(info: OrderInfo, trace: _Trace) -> bool:
    """Whether the first news of an order is that it ended with nothing, and not because it would have crossed."""
    is_the_first = info.status.has_ended and not trace.is_heard
    return is_the_first and not info.filled_size and info.cancel_reason != POST_ONLY_WOULD_CROSS


def masked(account_index: int) -> str:
    """An account as people are shown it: of a long number more, because neighbours begin alike."""
    text = str(account_index)
    return f"{text[:2]}...{text[-4 if len(text) > 8 else -2 :]}"


class LighterClient(VenueClient):
    """`ws_url` is a checked base address; `http` goes to a checked one."""

    signing_backend = BACKEND
    """For people; there is no slow fallback."""

    def __init__(
        self,
        ticker: str,
        signer: Signer,
        credentials: Credentials,
        tier: Tier,
        http: HttpTransport,
        sockets: WebSocketTransport,
        ws_url: str,
        clock: Clock,
        chance: Random,
        aside: Aside,
        timing: Timing | None = None,
    ) -> None:
        self._timing = timing or Timing()
        super().__init__(ticker, clock, self._timing.connect_within_s)
        self.capabilities = Capabilities(
            client_id_bits=facts.CLIENT_ID_BITS,
            max_order_life_s=self._timing.order_life_s,
            order_limits=OrderLimits(facts.MOST_OPEN_ORDERS),
        )
        self._credentials = credentials
        self._rest = Rest(http, signer, credentials, tier, clock, aside, self._timing.patience)
        self._traces: OrderMemory[int, _Trace] = OrderMemory()
        self._chases = Chases(self._timing.news_within_s, lambda reason: self._stream.fail(reason))
        self._market: Market | None = None
        listener = Listener(
            self._on_orders, self._on_trades, self._on_positions, self._on_touch, self._touch.clear, self._touch.confirm
        )
        self._stream = StreamSession(
            "stream",
            lambda: Dialogue(
                self._listed.market_id,
                credentials.account_index,
                ws_url,
                lambda: self._rest.token(fresh=True),
                listener,
            ),
            sockets,
            self._timing.stream,
            chance,
        )
        self._streams = StreamGroup([self._stream], clock, self._on_stream)

    def __repr__(self) -> str:
        return f"LighterClient({self._ticker})"

    # --- life -------------------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        self._check_clock()
        await self._find_market()
        await self._check_account()
        await self._rest.learn_nonce()

    async def _settle_in(self) -> None:
        self._count_funding_from(self._rest.server_clock.now_ns())
        self._chores.every(self._timing.clock_every_s, "clock", self._sync_clock)
        self._chores.every(self._timing.rules_every_s, "rules", self._refresh_rules)
        self._chores.every(self._timing.funding_every_s, "funding", self._tell_funding)

    async def _sync_clock(self) -> None:
        await self._rest.sync_clock()

    async def disconnect(self) -> None:
        await self._chases.stop()
        await super().disconnect()

    def get_exchange_name(self) -> str:
        return facts.NAME

    @property
    def contract_id(self) -> str:
        return str(self._listed.market_id)

    async def account_summary(self) -> AccountSummary:
        """For the consent to real money. A key's permissions are shown to nobody."""
        account = await self._rest.account()
        if account is None:
            raise Unavailable("the exchange does not show the account now")
        return AccountSummary(masked(self._credentials.account_index), account.collateral, facts.QUOTE_ASSET, None)

    @property
    def _listed(self) -> Market:
        if self._market is None:
            raise Unavailable(f"{facts.NAME} is not connected")
        return self._market

    async def _find_market(self) -> None:
        markets = [market for market in await self._rest.markets() if market.kind == "perp"]
        found = next((market for market in markets if market.symbol == self._ticker), None)
        if found is None:
            raise self._not_listed(market.symbol for market in markets)
        if found.status != "active":
            raise Unavailable(f"{self._ticker} is {found.status} now: it takes no orders")
        self._market = found
        self._learn_rules(found.rules(self._ticker))

    def _check_clock(self) -> None:
        """The native signer dates transactions by this machine's clock, and gives them ten minutes."""
        behind_s = self._rest.server_clock.offset_ns // NANOSECONDS
        if behind_s > facts.MOST_BEHIND_S:
            raise Misconfigured(
                f"this machine's clock is {behind_s // 60} minutes behind the exchange's: set it, "
                "or everything that is signed here will count as too old"
            )

    async def _check_account(self) -> None:
        """The account and a key are there, and the key in the env file is not that key's public half."""
        indices = f"LIGHTER_ACCOUNT_INDEX and LIGHTER_API_KEY_INDEX ({self._credentials.key_index})"
        registered = await self._rest.public_key()
        if registered is None:
            raise Misconfigured(f"the exchange has no API key there; check {indices}")
        if registered == self._credentials.private_key:
            raise Misconfigured(f"{PRIVATE_KEY} holds the public key; put the private key there, shown once beside it")
        account = await self._rest.account()
        if account is None or account.index != self._credentials.account_index:
            raise Misconfigured(f"the exchange has no such account; check {indices}")
        try:
            await self._rest.open_orders(self._listed.market_id)
        except TokenRejected:
            raise Misconfigured(
                f"the exchange rejects what {PRIVATE_KEY} signs: it is not the key that {indices} stand for"
            ) from None

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest) -> str | None:
        expiry_ms = self._rest.server_clock.now_ms() + self._timing.order_life_s * 1_000
        order = self._listed.order(request, expiry_ms, self.quote())
        trace = self._trace(request.client_id)
        trace.sent, trace.sent_ns, trace.size = request, self._clock.now_ns(), request.quantity
        try:
            tx_hash = await self._rest.send(order, urgent=request.reduce_only)
        except Refused as refused:
            if refused.reason in RULES_REASONS:
                self._chores.soon("rules")
            raise
        if not trace.is_heard:
            self._chases.later(lambda: self._chase_order(request.client_id, tx_hash))
        return trace.order_id

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        transaction = codec.cancel_transaction(self._listed.market_id, client_id, order_id)
        await self._rest.send(transaction, urgent=True)
        if not self._trace(client_id).has_ended:
            self._chases.later(lambda: self._chase_cancel(client_id, order_id))

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        trace = self._trace(client_id)
        market_id, looked_ns = self._listed.market_id, self._clock.now_ns()

        def is_it(order: Order) -> bool:
            return order.info.order_id == order_id or order.info.client_id == client_id

        for order in await self._rest.open_orders(market_id):
            if is_it(order):
                return order.info
        sent_ns = trace.sent_ns
        # What we sent cannot have ended before; a second of the wire is cut off, and clocks are only estimated.
        sent_s = 0 if sent_ns is None else (sent_ns + self._rest.server_clock.offset_ns) // NANOSECONDS - 60
        ended = await self._rest.ended_orders(market_id, lambda order: is_it(order) or order.updated_s < sent_s)
        for order in ended:
            if is_it(order):
                return replace(order.info, client_id=client_id)
        # It may have ended just before the first look, and be written down only after it.
        if trace.absent_ns is None:
            trace.absent_ns = looked_ns
        is_settled = looked_ns - trace.absent_ns >= self._timing.history_settles_s * NANOSECONDS
        order_id = order_id or trace.order_id
        if order_id is None and is_settled:
            return None
        raise NotListed(f"order {order_id or client_id} is not open, and the history does not have it yet")

    async def open_orders(self) -> list[OrderInfo]:
        market_id = self._listed.market_id
        return [order.info for order in await self._rest.open_orders(market_id) if order.market_id == market_id]

    async def position(self) -> Decimal:
        account = await self._rest.account()
        if account is None or account.index != self._credentials.account_index:
            raise Unavailable("the exchange does not show the account now")
        return account.positions.get(self._listed.market_id, Decimal(0))

    async def fills_since(self, since_ns: int) -> list[Fill]:
        found = {fill.trade_id: fill for fill in await self._rest.fills(self._listed.market_id, since_ns)}
        now_ns = self._clock.now_ns()
        fills = [replace(fill, at_ns=now_ns) for fill in found.values()]
        return sorted(fills, key=lambda fill: (fill.venue_ns, fill.trade_id))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        payments = await self._rest.funding(self._listed.market_id, since_ns)
        return sorted(payments, key=lambda payment: payment.at_ns)

    async def market_rules(self) -> MarketRules:
        await self._find_market()
        return self._listed.rules(self._ticker)

    # --- what became of a transaction -------------------------------------------------------------------------------

    async def _chase_order(self, client_id: int, tx_hash: str) -> None:
        """An order shows on the stream, or its transaction failed; if neither, the stream is deaf."""
        if self._trace(client_id).is_heard:
            return
        try:
            state = await self._rest.tx(tx_hash)
        except ExchangeError as error:
            self._stream.fail(f"no news of order {client_id}, and none to be had: {error}")
            return
        if not state.has_failed:
            self._stream.fail(f"no news of order {client_id}, which the exchange took")
        elif not self._trace(client_id).is_heard:
            self._chores.soon("rules")  # They may have changed, and the reason is told in words only.
            reason = f"failed in execution: {state.reason}"
            self._emit(OrderUpdate(self._clock.now_ns(), client_id, OrderFact.REFUSED, reason=reason))

    async def _chase_cancel(self, client_id: int, order_id: str | None) -> None:
        """A cancelled order ends on the stream. If it has not, it says by itself what it is."""
        if self._trace(client_id).has_ended:
            return
        try:
            info = await self.query(client_id, order_id)
        except ExchangeError as error:
            self._stream.fail(f"no news of the cancel of order {client_id}, and none to be had: {error}")
            return
        if info is None or self._trace(client_id).has_ended:
            return
        fact = OrderFact.CANCEL_FAILED if info.status is OrderStatus.OPEN else codec.FACTS[info.status]
        now_ns = self._clock.now_ns()
        self._emit(OrderUpdate(now_ns, client_id, fact, info.order_id, info.filled_size, reason=info.cancel_reason))

    # --- the stream -------------------------------------------------------------------------------------------------

    def _on_orders(self, orders: list[Order]) -> None:
        for order in orders:
            self._check_booked(order)
            if order.market_id == self._listed.market_id:
                self._on_order(order)

    def _check_booked(self, order: Order) -> None:
        """What the venue booked must be what was sent, in the same market: anything else is a defect that no retry
        mends."""
        info = order.info
        trace = None if info.client_id is None else self._traces.get(info.client_id)
        if trace is None or trace.sent is None or trace.is_heard:
            return
        sent = trace.sent
        expected = (self._listed.market_id, sent.side, info.price if sent.price is None else sent.price)
        # A reduce-only order may be trimmed; no order may grow.
        if (order.market_id, info.side, info.price) != expected or info.size > sent.quantity:
            text = f"the exchange booked another order than was sent: order {info.order_id}; look at it"
            self._on_trouble(text, True)

    def _on_order(self, order: Order) -> None:
        info = order.info
        shrunk: Decimal | None = None
        if info.client_id is not None:
            trace = self._trace(info.client_id)
            if _never_rested(info, trace):
                self._chores.soon("rules")
            trace.order_id, trace.is_heard, trace.has_ended = info.order_id, True, info.status.has_ended
            if info.status is OrderStatus.OPEN:
                shrunk = info.size if trace.size is not None and info.size < trace.size else None
                trace.size = info.size
        self._emit(
            OrderUpdate(
                self._clock.now_ns(),
                info.client_id,
                order.fact,
                info.order_id,
                info.filled_size,
                shrunk,
                info.cancel_reason,
            )
        )

    def _on_trades(self, trades: list[tuple[int, Fill]]) -> None:
        now_ns = self._clock.now_ns()
        for market_id, fill in trades:
            if market_id == self._listed.market_id:
                self._emit(replace(fill, at_ns=now_ns))

    def _on_positions(self, positions: Mapping[int, Decimal]) -> None:
        quantity = positions.get(self._listed.market_id)
        if quantity is not None:
            self._emit(PositionUpdate(self._clock.now_ns(), quantity))

    def _on_touch(self, best: Best) -> None:
        self._update_touch(best.bid, best.bid_size, best.ask, best.ask_size)

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _trace(self, client_id: int) -> _Trace:
        return self._traces.get(client_id) or self._traces.keep(client_id, _Trace())

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        del order_id
        if client_id is not None:
            self._traces.end(client_id)
