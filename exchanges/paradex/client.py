"""The Paradex client: what the venue says, in the terms of `BaseExchangeClient`. It decides nothing.

An answer to a placement or a cancel says only that the venue queued it. Whether an order rests, was refused (a
post-only order that would have crossed is, a moment later) or filled comes on the stream. So placing waits for that
news; a stream that does not bring them is deaf, and is replaced.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.events import Fill, FundingPayment, PositionUpdate, StreamLost, VenueEvent
from domain.market import NANOSECONDS, MarketRules, Side
from domain.orders import OrderStatus
from exchanges.base import Capabilities, OrderInfo, OrderRequest
from exchanges.errors import Misconfigured, NotListed, Refused, Unavailable
from exchanges.order_memory import OrderMemory
from exchanges.paradex import facts, signing
from exchanges.paradex.codec import WireFill, WireOrder, WirePosition
from exchanges.paradex.codec_account import Bbo
from exchanges.paradex.keys import Keys
from exchanges.paradex.rest import Rest
from exchanges.paradex.stream import AccountDialogue, Listener, QuoteDialogue
from exchanges.transport.caller import Patience
from exchanges.transport.messages import HttpTransport, WebSocketTransport
from exchanges.transport.setup import AccountSummary
from exchanges.transport.streams import StreamGroup, StreamSession, StreamStyle
from exchanges.venue_client import CLOCK_EVERY_S, VenueClient

_HISTORY_OVERLAP_MS = 60_000
_QUOTE_RESTS_AFTER_NS = 4 * NANOSECONDS
_STALE_RULES_REASONS = ("bad_quantity", "validation_error", "invalid_request_parameter")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `absence_settles_s`: an order that was found nowhere for so long was never accepted (the venue itself
    refuses one that arrives so late). `news_within_s`: an order the venue took is heard of by then, or the
    stream is deaf."""

    connect_within_s: float = 20.0
    absence_settles_s: float = facts.RECEIVE_WINDOW_MS / 1_000 + 1.0
    news_within_s: float = 5.0
    clock_every_s: float = CLOCK_EVERY_S
    login_every_s: float = facts.TOKEN_RENEW_AFTER_S
    rules_every_s: float = 600.0
    funding_every_s: float = 120.0
    quote_every_s: float = 4.0
    patience: Patience = field(default_factory=Patience)
    account: StreamStyle = field(default_factory=lambda: StreamStyle(silent_after_s=45.0, ping_every_s=15.0))
    quotes: StreamStyle = field(default_factory=lambda: StreamStyle(silent_after_s=1.2 * facts.HEARTBEAT_S))


@dataclass(slots=True)
class _Trace:
    """What this process knows of an order beside the bot: when it was sent (None: by an earlier process), when it was
    first looked for and not found, its side and asked quantity, the venue's id, and what the venue decided about it, as
    far as it was told."""

    sent_ns: int | None = None
    absent_ns: int | None = None
    side: Side | None = None
    asked: Decimal | None = None
    order_id: str | None = None
    decided: WireOrder | None = None


class ParadexClient(VenueClient):
    """`ws_url` is a checked base address; `http` goes to a checked one."""

    capabilities = Capabilities(client_id_bits=62)

    def __init__(
        self,
        ticker: str,
        keys: Keys,
        http: HttpTransport,
        sockets: WebSocketTransport,
        ws_url: str,
        clock: Clock,
        chance: Random,
        timing: Timing | None = None,
    ) -> None:
        self._timing = timing or Timing()
        super().__init__(ticker, clock, self._timing.connect_within_s)
        self._symbol = f"{ticker}-USD-PERP"
        self._keys = keys
        self._rest = Rest(http, clock, lambda: self._chores.soon("clock"), self._timing.patience)
        self._traces: OrderMemory[int, _Trace] = OrderMemory()
        self._decisions: dict[int, asyncio.Future[WireOrder | None]] = {}
        listener = Listener(self._on_order, self._on_fill, self._on_position, self._on_touch, self._touch.confirm)
        self._account = StreamSession(
            "account",
            lambda: AccountDialogue(self._symbol, ws_url, self._rest, listener),
            sockets,
            self._timing.account,
            chance,
        )
        quotes = StreamSession(
            "quotes",
            lambda: QuoteDialogue(self._symbol, ws_url, listener),
            sockets,
            self._timing.quotes,
            chance,
        )
        self._streams = StreamGroup([self._account, quotes], clock, self._on_stream)

    # --- life -------------------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        await self._identify()
        state = await self._rest.system_state()
        if state == "maintenance":
            raise Unavailable("Paradex is in maintenance; start again when it is over")
        await self._find_market()
        await self._refresh_rules()
        await self._rest.token()

    async def _settle_in(self) -> None:
        await self._refresh_quote()
        self._count_funding_from(self._rest.server_clock.now_ns())
        timing = self._timing
        self._chores.every(timing.clock_every_s, "clock", self._sync_clock)
        self._chores.every(timing.login_every_s, "login", self._rest.renew_login)
        self._chores.every(timing.rules_every_s, "rules", self._refresh_rules)
        self._chores.every(timing.funding_every_s, "funding", self._tell_funding)
        self._chores.every(timing.quote_every_s, "quote", self._refresh_quote)

    async def _sync_clock(self) -> None:
        await self._rest.sync_clock()

    def get_exchange_name(self) -> str:
        return "paradex"

    @property
    def contract_id(self) -> str:
        return self._symbol

    @property
    def signing_backend(self) -> str:
        """What computes signatures."""
        return signing.BACKEND

    async def account_summary(self) -> AccountSummary:
        """For the consent to real money. The venue shows a key's permissions to nobody."""
        account = await self._rest.account()
        shown = f"{self._rest.signer.account:#066x}"
        return AccountSummary(f"{shown[:6]}...{shown[-4:]}", account.value, "USD", None)

    async def _identify(self) -> None:
        """Whose orders these are, and on which chain: a mismatch would only show as refused signatures later."""
        config, keys = await self._rest.system_config(), self._keys
        if config.chain_id != keys.network.chain_id:
            raise Misconfigured(
                f"the exchange at PARADEX_BASE_URL is not Paradex's {keys.network.name}; set PARADEX_NETWORK to "
                f"{' or '.join(facts.NETWORKS)}, and the address to one of that network"
            )
        account = keys.l2_address
        if account is None:
            account = signing.account_address(keys.key.public, config.account_class, config.proxy_class)
        self._rest.adopt(signing.Signer(keys.key, account, config.chain_id))

    async def _find_market(self) -> None:
        listed = await self._rest.listing()
        if self._symbol not in listed:
            raise self._not_listed(listed.values())

    async def _refresh_quote(self) -> None:
        """A market at rest streams no quote; it is asked for then, so that the last one does not grow stale."""
        before = self._touch.quote()
        age_ns = 0 if before is None else self._clock.now_ns() - before.as_of_ns
        if not self._is_streaming() or (before is not None and age_ns < _QUOTE_RESTS_AFTER_NS):
            return
        bbo = await self._rest.bbo(self._symbol)
        if self._is_streaming() and self._touch.quote() == before:
            self._on_touch(bbo)

    def _is_streaming(self) -> bool:
        return self._streams.is_whole

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest) -> str:
        trace = self._trace(request.client_id)
        trace.side, trace.asked = request.side, request.quantity
        trace.sent_ns = trace.sent_ns or self._clock.now_ns()
        try:
            placed = await self._rest.place(self._symbol, request)
        except Refused as refused:
            if refused.reason in _STALE_RULES_REASONS:
                self._chores.soon("rules")
            raise
        self._check_echo(request, placed.market, placed.info)
        order_id = trace.order_id = placed.info.order_id
        if placed.info.status is not OrderStatus.PLANNED:
            self._on_order(placed)  # The answer may be faster than the stream; the facts are the same.
        decided = trace.decided or await self._decision(request.client_id, order_id)
        if decided is not None and decided.info.status is OrderStatus.REFUSED:
            reason = decided.info.cancel_reason
            raise Refused(reason, f"the order was taken and then refused: {reason}")
        return order_id

    async def _decision(self, client_id: int, order_id: str) -> WireOrder | None:
        """What the venue makes of an order it has queued; None where the stream is away: a look will find out."""
        if not self._account.is_ready:
            return None
        decision: asyncio.Future[WireOrder | None] = asyncio.get_running_loop().create_future()
        self._decisions[client_id] = decision
        try:
            async with asyncio.timeout(self._timing.news_within_s):
                return await decision
        except TimeoutError:
            self._account.fail(f"no news of order {order_id}, which the exchange took")
            return None
        finally:
            del self._decisions[client_id]

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        trace = self._traces.get(client_id)
        known_id = order_id or (None if trace is None else trace.order_id)
        await self._rest.cancel(self._symbol, client_id, known_id)

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        trace, looked_ns = self._trace(client_id), self._clock.now_ns()
        order_id = order_id or trace.order_id
        found = None if order_id is None else await self._rest.order(order_id)
        found = found or await self._rest.order_by_client_id(self._symbol, client_id)
        found = found or await self._in_history(client_id, order_id, trace)
        if found is not None and found.info.status is OrderStatus.PLANNED:
            raise Unavailable(f"the exchange has not decided about order {found.info.order_id} yet")
        if found is not None:
            return found.info
        # It may have ended just before the first look, and be written down only after it.
        if trace.absent_ns is None:
            trace.absent_ns = looked_ns
        order_id = order_id or trace.order_id
        if order_id is None and looked_ns - trace.absent_ns >= self._timing.absence_settles_s * NANOSECONDS:
            return None
        raise NotListed(f"the exchange does not know order {order_id or client_id} now")

    async def _in_history(self, client_id: int, order_id: str | None, trace: _Trace) -> WireOrder | None:
        now_ms = self._rest.server_clock.now_ms()
        age_ms = facts.HISTORY_LOOKBACK_S * 1_000
        if trace.sent_ns is not None:
            age_ms = (self._clock.now_ns() - trace.sent_ns) // 1_000_000 + _HISTORY_OVERLAP_MS
        for order in await self._rest.ended_orders(self._symbol, max(1, now_ms - age_ms)):
            if order.info.client_id == client_id or order.info.order_id == order_id:
                return order
        return None

    async def open_orders(self) -> list[OrderInfo]:
        orders = await self._rest.open_orders(self._symbol)
        # What the API took and the engine has not looked at yet does not rest.
        return [
            order.info
            for order in orders
            if order.market == self._symbol and order.info.status is not OrderStatus.PLANNED
        ]

    async def position(self) -> Decimal:
        return await self._rest.position(self._symbol)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        told = await self._rest.fills(self._symbol, max(1, since_ns // 1_000_000))
        found = {wire.fill.trade_id: self._dated(wire) for wire in told if wire.market == self._symbol}
        return sorted(found.values(), key=lambda fill: (fill.venue_ns, fill.trade_id))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        told = await self._rest.funding(self._symbol, max(1, since_ns // 1_000_000))
        found = {payment.payment_id: payment for payment in told if payment.at_ns >= since_ns}
        return sorted(found.values(), key=lambda payment: payment.at_ns)

    async def market_rules(self) -> MarketRules:
        market = await self._rest.market(self._symbol)
        self._learn_limits(market.limits)
        return market.rules(self._ticker)

    # --- the streams ------------------------------------------------------------------------------------------------

    def _on_stream(self, event: VenueEvent) -> None:
        if isinstance(event, StreamLost):
            for decision in self._decisions.values():
                _decide(decision, None)
        super()._on_stream(event)

    def _on_restored(self) -> None:
        self._chores.soon("quote")

    def _on_order(self, order: WireOrder) -> None:
        if order.market != self._symbol:
            return
        info, asked = order.info, None
        if info.client_id is not None:
            trace = self._trace(info.client_id)
            trace.order_id, trace.side, asked = info.order_id, info.side, trace.asked
            if info.status is not OrderStatus.PLANNED:
                trace.decided = order
                _decide(self._decisions.get(info.client_id), order)
        update = order.update(self._clock.now_ns())
        if update is not None:
            # A quantity is told where the venue changed it, or where it is news.
            self._emit(replace(update, quantity=None) if update.quantity == asked else update)

    def _on_fill(self, wire: WireFill) -> None:
        if wire.market == self._symbol:
            self._emit(self._dated(wire))

    def _on_position(self, position: WirePosition) -> None:
        if position.market == self._symbol:
            self._emit(PositionUpdate(self._clock.now_ns(), position.quantity))

    def _on_touch(self, bbo: Bbo) -> None:
        self._update_touch(bbo.bid, bbo.bid_size or Decimal(0), bbo.ask, bbo.ask_size or Decimal(0))

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _trace(self, client_id: int) -> _Trace:
        return self._traces.get(client_id) or self._traces.keep(client_id, _Trace())

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        del order_id
        if client_id is not None:
            self._traces.end(client_id)

    def _dated(self, wire: WireFill) -> Fill:
        """The fill as of now, on our order's side where that is known: what the venue's word means there is not."""
        fill = wire.fill
        trace = None if fill.client_id is None else self._traces.get(fill.client_id)
        side = fill.side if trace is None or trace.side is None else trace.side
        return replace(fill, at_ns=self._clock.now_ns(), side=side)


def _decide(decision: asyncio.Future[WireOrder | None] | None, order: WireOrder | None) -> None:
    """Somebody may be waiting, and may have been told already."""
    if decision is not None and not decision.done():
        decision.set_result(order)
