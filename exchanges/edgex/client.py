"""The edgeX client: what the venue says, in the terms of `BaseExchangeClient`. It decides nothing.

A placement that succeeded is only queued: that it would cross, or has no margin, comes later, as a cancellation. The
status of an order says nothing of partial fills; its matched total does. Trades in the history name their order, but
not our id, so the client remembers which order is whose and asks for those it does not know.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.events import Fill, FundingPayment, PositionUpdate
from domain.market import MarketRules, Side
from exchanges.base import (
    AccountSummary,
    Capabilities,
    OrderInfo,
    OrderRequest,
)
from exchanges.decoding import shown
from exchanges.edgex import facts
from exchanges.edgex.codec import VenueFill, VenueOrder
from exchanges.edgex.codec_stream import AccountNews, Best, TradeEvent, decode_account_news
from exchanges.edgex.contracts import Contract
from exchanges.edgex.keys import Credentials
from exchanges.edgex.refusals import RULE_REASONS
from exchanges.edgex.rest import BUDGET, PATIENCE, Rest
from exchanges.edgex.signing import BACKEND
from exchanges.edgex.stream import PrivateTalk, PublicTalk, TouchSource, VersionChain
from exchanges.errors import Misconfigured, NotSent, Refused, Unavailable
from exchanges.order_memory import OrderMemory
from exchanges.transport.caller import Patience
from exchanges.transport.limits import Meter
from exchanges.transport.messages import HttpTransport, WebSocketTransport
from exchanges.transport.streams import StreamGroup, StreamSession, StreamStyle
from exchanges.venue_client import CLOCK_EVERY_S, VenueClient

_PUBLIC_STYLE = StreamStyle(silent_after_s=facts.SILENT_AFTER_S, ping_every_s=facts.PING_EVERY_S)
_PRIVATE_STYLE = StreamStyle(silent_after_s=facts.PRIVATE_SILENT_AFTER_S, ping_every_s=facts.PING_EVERY_S)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, and the request budget. `news_within_s`: an order the venue took is heard of on the stream by then, or
    the stream is deaf."""

    connect_within_s: float = 20.0
    order_life_s: int = facts.ORDER_LIFE_S
    news_within_s: float = facts.ORDER_SHOWN_WITHIN_S
    clock_every_s: float = CLOCK_EVERY_S
    rules_every_s: float = 3600.0
    patience: Patience = PATIENCE
    budget: Meter = BUDGET
    public: StreamStyle = _PUBLIC_STYLE
    private: StreamStyle = _PRIVATE_STYLE


@dataclass(frozen=True, slots=True)
class _Known:
    """Whose order it is: `client_id` None for somebody else's. `asked`: its size when it was first heard of."""

    client_id: int | None
    side: Side
    asked: Decimal


@dataclass(frozen=True, slots=True)
class _Sent:
    """What an order of this process was sent as. `price`: its limit, or its worst price."""

    side: Side
    price: Decimal
    quantity: Decimal


class EdgexClient(VenueClient):
    """`ws_url` is a checked base address; `http` goes to a checked one."""

    signing_backend = f"{BACKEND}; the exchange checks the signer key with the first order, not before"

    def __init__(
        self,
        ticker: str,
        credentials: Credentials,
        http: HttpTransport,
        sockets: WebSocketTransport,
        ws_url: str,
        clock: Clock,
        chance: Random,
        timing: Timing | None = None,
    ) -> None:
        timing = self._timing = timing or Timing()
        super().__init__(ticker, clock, timing.connect_within_s)
        self.capabilities = Capabilities(boost=False, client_id_bits=62, max_order_life_s=timing.order_life_s)
        self._credentials = credentials
        self._rest = Rest(
            http,
            credentials,
            clock,
            lambda: self._chores.soon("clock"),
            timing.patience,
            timing.budget,
            timing.order_life_s,
        )
        self._contract: Contract | None = None
        self._contract_ns = 0
        self._known: OrderMemory[str, _Known] = OrderMemory()
        self._sent: OrderMemory[int, _Sent] = OrderMemory()
        self._defect = ""
        """Why nothing may be sent any more."""
        self._first_quote = asyncio.Event()
        source, chain = TouchSource(), VersionChain()
        now_ms = self._rest.server_clock.now_ms
        self._private = StreamSession(
            "account stream",
            lambda: PrivateTalk(ws_url, credentials, chain, now_ms, self._rest.sync_clock, self._on_account),
            sockets,
            self._timing.private,
            chance,
        )
        public = StreamSession(
            "market stream",
            lambda: PublicTalk(ws_url, self.contract_id, source, now_ms, self._on_touch, self._touch.confirm),
            sockets,
            self._timing.public,
            chance,
        )
        self._streams = StreamGroup([self._private, public], clock, self._on_stream)

    # --- life -------------------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        await self._read_contract()
        await self._check_account()

    async def _settle_in(self) -> None:
        await self._wait_for_quote()
        self._chores.every(self._timing.clock_every_s, "clock", self._sync_clock)
        self._chores.every(self._timing.rules_every_s, "rules", self._read_contract)

    async def _sync_clock(self) -> None:
        await self._rest.sync_clock()

    async def _check_account(self) -> None:
        try:
            account = await self._rest.account()
        except Unavailable as error:
            raise Unavailable(f"the account cannot be read (if this stays, check EDGEX_ACCOUNT_ID): {error}") from None
        if account.account_id != str(self._credentials.account_id):
            raise Misconfigured("the exchange answers for another account: check EDGEX_ACCOUNT_ID")
        if account.status != "NORMAL":
            raise Misconfigured(f"the exchange says that this account is {shown(account.status)}, not NORMAL")
        if account.orders_per_minute is not None:
            self._rest.allow_orders(account.orders_per_minute)

    async def _wait_for_quote(self) -> None:
        """The stream may begin with the first change: until then, what the book says."""
        best = await self._rest.touch(self.contract_id)
        if not self._first_quote.is_set():
            self._on_touch(best)
        try:
            async with asyncio.timeout(self._timing.connect_within_s):
                await self._first_quote.wait()
        except TimeoutError:
            raise Unavailable(f"no quote of {self.contract_id} within {self._timing.connect_within_s:.0f} s") from None

    def get_exchange_name(self) -> str:
        return facts.NAME

    @property
    def contract_id(self) -> str:
        return self._listed().contract_id

    async def account_summary(self) -> AccountSummary:
        """For the consent to real money. The venue shows a key's permissions to nobody; keys of this kind sign orders
        only."""
        account, coin_id = await self._rest.account(), self._listed().quote_coin_id
        if coin_id not in account.equity:
            raise Unavailable(f"the account lists no {facts.QUOTE_ASSET}")
        masked = f"...{str(self._credentials.account_id)[-4:]}"
        return AccountSummary(masked, account.equity[coin_id], facts.QUOTE_ASSET, None)

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest) -> str:
        if self._contract is None:
            raise NotSent(f"{facts.NAME} is not connected yet")
        if self._defect:
            raise Misconfigured(self._defect)
        price = self._worst_price(request.side) if request.price is None else request.price
        if request.client_id not in self._sent:
            self._sent.keep(request.client_id, _Sent(request.side, price, request.quantity))
        try:
            order_id = await self._rest.place(self._contract, request, price)
        except Refused as refused:
            if refused.reason in RULE_REASONS:
                self._chores.soon("rules")
            raise
        if order_id not in self._known:
            self._known.keep(order_id, _Known(request.client_id, request.side, request.quantity))
            reason = f"no news of order {order_id}, which the exchange took"
            self._private.expect(order_id, self._timing.news_within_s, reason)
        return order_id

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        await self._rest.cancel(client_id, order_id)

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        order = await self._rest.order(client_id, order_id)
        if order is None:
            if order_id is not None:
                raise Unavailable(f"the exchange does not know order {order_id}, which it took")
            return None
        self._check_is(order, client_id)
        self._learn(order)
        return order.info

    async def open_orders(self) -> list[OrderInfo]:
        contract_id = self.contract_id
        orders = [o for o in await self._rest.active_orders(contract_id) if o.contract_id == contract_id]
        for order in orders:
            self._learn(order)
        return [order.info for order in orders if not order.info.status.has_ended]

    async def position(self) -> Decimal:
        account = await self._rest.account()
        return account.positions.get(self.contract_id, Decimal(0))

    async def fills_since(self, since_ns: int) -> list[Fill]:
        found = await self._rest.fills(self.contract_id, since_ns)
        await self._learn_orders(found)
        now_ns = self._clock.now_ns()
        fills = [self._dated(fill, now_ns) for fill in found]
        return sorted(fills, key=lambda fill: (fill.venue_ns, len(fill.trade_id), fill.trade_id))

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        found = await self._rest.funding(self.contract_id, since_ns)
        paid = [FundingPayment(funding.venue_ns, funding.payment_id, funding.amount) for funding in found]
        return sorted(paid, key=lambda payment: payment.at_ns)

    async def market_rules(self) -> MarketRules:
        if self._contract is None or self._clock.now_ns() - self._contract_ns > facts.RULES_FRESH_S * 10**9:
            await self._read_contract()
        return self._listed().rules

    async def _read_contract(self) -> None:
        contract = await self._rest.contract(self._ticker)
        before, self._contract, self._contract_ns = self._contract, contract, self._clock.now_ns()
        if before is not None and before.contract_id != contract.contract_id:
            raise Misconfigured(f"{contract.name} is contract {contract.contract_id} now, not {before.contract_id}")
        self._learn_rules(contract.rules)

    def _listed(self) -> Contract:
        if self._contract is None:
            raise Unavailable(f"{facts.NAME} is not connected yet")
        return self._contract

    def _worst_price(self, side: Side) -> Decimal:
        """How far an order without a price may go: a little through the touch, and within the venue's own band."""
        quote, contract = self.quote(), self._listed()
        if quote is None or not quote.is_usable:
            raise NotSent("a market order needs a quote to cap its price, and there is none now")
        ratio = contract.buy_ratio if side is Side.BUY else contract.sell_ratio
        cap = min(Decimal(facts.MARKET_CAP), ratio / 2) if ratio > 0 else Decimal(facts.MARKET_CAP)
        if side is Side.BUY:
            return contract.rules.price_at_or_below(quote.ask * (1 + cap))
        return contract.rules.price_at_or_above(quote.bid * (1 - cap))

    # --- whose order it is ------------------------------------------------------------------------------------------

    def _learn(self, order: VenueOrder) -> None:
        info = order.info
        sent = None if info.client_id is None else self._sent.get(info.client_id)
        if sent is not None:
            self._check_booked(order, sent)
        if info.order_id not in self._known:
            asked = info.size if sent is None else sent.quantity
            self._known.keep(info.order_id, _Known(info.client_id, info.side, asked))
        if info.status.has_ended:
            self._order_ended(info.client_id, info.order_id)

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        if client_id is not None:
            self._sent.end(client_id)
        if order_id is not None:
            self._known.end(order_id)

    def _check_booked(self, order: VenueOrder, sent: _Sent) -> None:
        """What the venue booked must be what was sent: anything else is a defect that no retry mends."""
        info = order.info
        booked = (order.contract_id, info.side, info.price)
        # A reduce-only order may be trimmed; no order may grow.
        if booked != (self.contract_id, sent.side, sent.price) or info.size > sent.quantity:
            self._defect = f"the exchange booked another order than was sent: order {info.order_id}; look at it"

    async def _learn_orders(self, fills: list[VenueFill]) -> None:
        """Ask for the orders of trades that this process has never seen. One that the venue does not know may not be
        written down yet; after a while it is nobody's of ours (a liquidation may have none)."""
        unknown = {fill.order_id: fill for fill in fills if fill.order_id not in self._known}
        for start in range(0, len(unknown), facts.IDS_PER_QUERY):
            for order in await self._rest.orders(list(unknown)[start : start + facts.IDS_PER_QUERY]):
                self._learn(order)
        written_ns = self._rest.server_clock.now_ns() - facts.WRITTEN_WITHIN_MS * 1_000_000
        for order_id, fill in unknown.items():
            if order_id in self._known:
                continue
            if fill.venue_ns > written_ns and not fill.is_forced:
                raise Unavailable(f"the exchange does not say yet whose order {order_id} is, which has traded")
            assert fill.side is not None, "the history names sides"
            self._known.keep(order_id, _Known(None, fill.side, fill.quantity))

    def _dated(self, fill: VenueFill, now_ns: int) -> Fill:
        known = self._known.get(fill.order_id)
        assert known is not None, "whose order it is was asked for"
        return fill.fill(now_ns, known.client_id, known.side)

    def _check_is(self, order: VenueOrder, client_id: int) -> None:
        if order.info.client_id != client_id or order.contract_id != self.contract_id:
            raise Misconfigured(f"the exchange answered with another order than was asked for: {order.info.order_id}")

    # --- the streams ------------------------------------------------------------------------------------------------

    def _on_touch(self, best: Best) -> None:
        self._update_touch(best.bid, best.bid_size, best.ask, best.ask_size)
        if best.bid and best.ask:
            self._first_quote.set()

    def _on_account(self, event: TradeEvent) -> None:
        news = decode_account_news(event, self.contract_id)
        now_ns = self._clock.now_ns()
        for order in news.orders:
            self._learn(order)
            self._private.met(order.info.order_id)
        for fill in self._told_fills(news, now_ns):
            self._emit(fill)
        for order in news.orders:
            known = self._known.get(order.info.order_id)
            assert known is not None, "it was learnt above"
            self._emit(order.update(now_ns, known.asked))
        for paid in news.funding:
            self._emit(FundingPayment(now_ns, paid.payment_id, paid.amount))
        if news.position is not None:
            self._emit(PositionUpdate(now_ns, news.position))

    def _told_fills(self, news: AccountNews, now_ns: int) -> list[Fill]:
        """A trade of an order nobody has told of is left to the total of that order, which names what is missing."""
        fills = []
        for fill in news.fills:
            known = self._known.get(fill.order_id)
            side = fill.side if known is None else known.side
            is_forced = news.is_forced or fill.is_forced
            if side is not None and (known is not None or is_forced):
                client_id = None if known is None else known.client_id
                fills.append(fill.fill(now_ns, client_id, side, forced=is_forced))
        return fills
