"""The Backpack client: what the venue says, in the terms of `BaseExchangeClient`. It decides nothing.

Orders are answered with the result of matching, but news of them may come on the stream before the answer. What has
ended leaves the open orders at once and reaches the history a moment later; so between the two an order is "not known
now", which is neither cancelled nor never placed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.events import Fill, FundingPayment, PositionUpdate
from domain.market import NANOSECONDS, MarketRules
from domain.orders import OrderStatus
from exchanges.backpack import codec, facts
from exchanges.backpack.codec import BookTicker, OrderNews, PlacedOrder
from exchanges.backpack.rest import Rest
from exchanges.backpack.signing import Signer
from exchanges.backpack.stream import Dialogue, Listener
from exchanges.base import Capabilities, OrderInfo, OrderRequest
from exchanges.decoding import Fields
from exchanges.errors import NotListed, Refused, Unavailable
from exchanges.order_memory import OrderMemory
from exchanges.transport.caller import Patience
from exchanges.transport.messages import HttpTransport, WebSocketTransport
from exchanges.transport.setup import AccountSummary
from exchanges.transport.streams import StreamGroup, StreamSession, StreamStyle
from exchanges.venue_client import CLOCK_EVERY_S, VenueClient

_HISTORY_OVERLAP_NS = 60 * NANOSECONDS

@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `history_settles_s`: an order that neither lived nor was in the history for so long was never accepted.
    `news_within_s`: an order the venue took is heard of on the stream by then, or the stream is deaf."""

    connect_within_s: float = 20.0
    history_settles_s: float = 10.0
    news_within_s: float = 5.0
    clock_every_s: float = CLOCK_EVERY_S
    rules_every_s: float = 600.0
    funding_every_s: float = 120.0
    patience: Patience = field(default_factory=Patience)
    stream: StreamStyle = field(default_factory=StreamStyle)


@dataclass(slots=True)
class _Trace:
    """What this process knows of an order beside the bot: when it was sent (None: by an earlier process), the venue's
    id, whether it was heard of."""

    sent_ns: int | None = None
    absent_ns: int | None = None
    """When it was first looked for and not found."""
    order_id: str | None = None
    is_heard: bool = False


class BackpackClient(VenueClient):
    """`ws_url` is a checked base address; `http` goes to a checked one."""

    capabilities = Capabilities(client_id_bits=32)

    def __init__(
        self,
        ticker: str,
        signer: Signer,
        http: HttpTransport,
        sockets: WebSocketTransport,
        ws_url: str,
        clock: Clock,
        chance: Random,
        timing: Timing | None = None,
    ) -> None:
        self._timing = timing or Timing()
        super().__init__(ticker, clock, self._timing.connect_within_s)
        self._symbol = facts.symbol_of(ticker)
        self._account = f"{signer.public_key[:4]}...{signer.public_key[-5:]}"
        self._rest = Rest(http, signer, clock, lambda: self._chores.soon("clock"), self._timing.patience)
        self._traces: OrderMemory[int, _Trace] = OrderMemory()
        listener = Listener(self._on_order, self._on_position, self._on_touch, self._touch.confirm)
        self._stream = StreamSession(
            "stream",
            lambda: Dialogue(self._symbol, ws_url, signer, self._rest.server_clock.now_ms, listener),
            sockets,
            self._timing.stream,
            chance,
        )
        self._streams = StreamGroup([self._stream], clock, self._on_stream)

    # --- life -------------------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        if not await self._rest.is_working():
            raise Unavailable(f"{facts.NAME} is in maintenance; start again when it is over")
        await self._find_market()
        await self._refresh_rules()

    async def _settle_in(self) -> None:
        self._count_funding_from(self._rest.server_clock.now_ns())
        self._chores.every(self._timing.clock_every_s, "clock", self._sync_clock)
        self._chores.every(self._timing.rules_every_s, "rules", self._refresh_rules)
        self._chores.every(self._timing.funding_every_s, "funding", self._tell_funding)

    async def _sync_clock(self) -> None:
        await self._rest.sync_clock()

    def get_exchange_name(self) -> str:
        return facts.NAME

    @property
    def contract_id(self) -> str:
        return self._symbol

    @property
    def signing_backend(self) -> str:
        return "cryptography (Ed25519)"

    async def account_summary(self) -> AccountSummary:
        """For the consent to real money. No known endpoint shows a key's permissions."""
        return AccountSummary(self._account, await self._rest.net_equity(), facts.QUOTE_ASSET, None)

    async def _find_market(self) -> None:
        markets = [market for market in await self._rest.markets() if market.kind == "PERP"]
        found = next((market for market in markets if market.symbol == self._symbol), None)
        if found is None:
            raise self._not_listed(market.base for market in markets)
        if found.state not in ("Open", "PostOnly", "LimitOnly"):
            raise Unavailable(f"{self._symbol} is {found.state} now: it takes no orders")

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest) -> str:
        trace = self._trace(request.client_id)
        trace.sent_ns = trace.sent_ns or self._clock.now_ns()
        try:
            placed = await self._rest.place(self._symbol, request)
        except Refused as refused:
            if refused.reason in ("bad_price", "bad_quantity", "invalid_order"):
                self._chores.soon("rules")
            raise
        self._check_echo(request, placed.symbol, placed.info)
        info = placed.info
        trace.order_id = info.order_id
        if info.status in (OrderStatus.REFUSED, OrderStatus.EXPIRED) and not info.filled_size:
            reason = _why_not_booked(request, info)
            raise Refused(reason, f"the exchange did not book the order: {reason}")
        if info.status.has_ended:
            self._tell_ended(request.client_id, info)
        elif not trace.is_heard:
            reason = f"no news of order {info.order_id}, which the exchange took"
            self._stream.expect(request.client_id, self._timing.news_within_s, reason)
        return info.order_id

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        placed = await self._rest.cancel(codec.order_reference(self._symbol, client_id, order_id))
        if placed is not None and placed.info.status.has_ended:
            self._tell_ended(client_id, placed.info)

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        trace, looked_ns = self._trace(client_id), self._clock.now_ns()
        order_id = order_id or trace.order_id
        live = await self._rest.live_order(codec.order_reference(self._symbol, client_id, order_id))
        if live is not None:
            return live.info
        ended = await self._in_history(client_id, order_id, trace)
        if ended is not None:
            return replace(ended.info, client_id=client_id)
        # It may have ended just before the first look, and be written down only after it.
        if trace.absent_ns is None:
            trace.absent_ns = looked_ns
        order_id = order_id or trace.order_id
        if order_id is None and looked_ns - trace.absent_ns >= self._timing.history_settles_s * NANOSECONDS:
            return None
        raise NotListed(f"order {order_id or client_id} is not open, and the history does not have it yet")

    async def _in_history(self, client_id: int, order_id: str | None, trace: _Trace) -> PlacedOrder | None:
        """As far back as the order can be; where that is not known, as far as the history goes."""
        since_ns = 0
        if trace.sent_ns is not None:
            age_ns = self._clock.now_ns() - trace.sent_ns + _HISTORY_OVERLAP_NS
            since_ns = self._rest.server_clock.now_ms() * 1_000_000 - age_ns

        def is_it(order: PlacedOrder) -> bool:
            return order.info.order_id == order_id or order.info.client_id == client_id

        return await self._rest.ended_order(self._symbol, order_id, is_it, since_ns)

    async def open_orders(self) -> list[OrderInfo]:
        placed = await self._rest.open_orders(self._symbol)
        return [order.info for order in placed if order.symbol == self._symbol]

    async def position(self) -> Decimal:
        return await self._rest.position(self._symbol)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        found = {fill.trade_id: fill for fill in await self._rest.fills(self._symbol, since_ns // 1_000_000)}
        now_ns = self._clock.now_ns()
        fills = [replace(fill, at_ns=now_ns) for fill in found.values() if fill.venue_ns >= since_ns]
        return sorted(fills, key=lambda fill: (fill.venue_ns, int(fill.trade_id)))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        found = {payment.payment_id: payment for payment in await self._rest.funding(self._symbol, since_ns)}
        return sorted(found.values(), key=lambda payment: payment.at_ns)

    async def market_rules(self) -> MarketRules:
        market = await self._rest.market(self._symbol)
        self._learn_limits(market.limits)
        return market.rules(self._ticker, await self._rest.fees())

    # --- the stream -------------------------------------------------------------------------------------------------

    def _on_order(self, news: OrderNews) -> None:
        if news.symbol != self._symbol:
            return
        if news.client_id is not None:
            trace = self._trace(news.client_id)
            trace.order_id, trace.is_heard = news.order_id, True
            self._stream.met(news.client_id)
        for event in news.events(self._clock.now_ns()):
            self._emit(event)

    def _on_position(self, data: Fields) -> None:
        symbol, quantity = codec.decode_position_update(data)
        if symbol == self._symbol:
            self._emit(PositionUpdate(self._clock.now_ns(), quantity))

    def _on_touch(self, ticker: BookTicker) -> None:
        self._update_touch(ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size)

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _trace(self, client_id: int) -> _Trace:
        return self._traces.get(client_id) or self._traces.keep(client_id, _Trace())

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        del order_id
        if client_id is not None:
            self._traces.end(client_id)


def _why_not_booked(request: OrderRequest, info: OrderInfo) -> str:
    """The answer to a placement names no reason. An open can only have crossed; a close may also have had nothing to
    reduce, and the stream says which."""
    if info.cancel_reason:
        return info.cancel_reason
    return codec.POST_ONLY_WOULD_CROSS if request.post_only and not request.reduce_only else "expired"
