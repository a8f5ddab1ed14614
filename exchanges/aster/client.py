"""The Aster client: what the venue says, in the terms of `BaseExchangeClient`. It decides nothing.

An acknowledgement is not yet a place in the book: a post-only order that would cross is acknowledged and then expires.
The answer is asked for in the form that shows the state after matching, and what still comes later on the stream is
taken as the refusal that it is. Trades name an order by the venue's id only, so the client remembers whose it was, and
asks where it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from domain.clock import Clock
from domain.events import Fill, FundingPayment, PositionUpdate
from domain.market import NANOSECONDS, MarketRules
from domain.orders import OrderStatus
from exchanges.aster import codec, codec_market, facts
from exchanges.aster.codec import Fees, PlacedOrder, Trade
from exchanges.aster.codec_market import BookTicker, Listing
from exchanges.aster.codec_stream import AccountNews, OrderNews
from exchanges.aster.rest import Rest
from exchanges.aster.signing import Signer
from exchanges.aster.stream import AccountDialogue, MarketDialogue
from exchanges.aster.timing import Timing
from exchanges.base import Capabilities, OrderInfo, OrderRequest, query_retry
from exchanges.errors import Misconfigured, Refused, Unavailable
from exchanges.order_memory import OrderMemory
from exchanges.transport.messages import HttpTransport, WebSocketTransport
from exchanges.transport.setup import AccountSummary
from exchanges.transport.streams import StreamGroup, StreamSession
from exchanges.venue_client import VenueClient

_MANY_UNKNOWN = 5
_BOOKED_WITHIN_NS = 60 * NANOSECONDS
"""An order that has traded can be asked for after this long."""
_MILLISECOND = 1_000_000
_CLOCK_DOUBT_MS = 5_000
"""How far ahead of our idea of it the venue's clock may be."""

@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose an order is: our number, or nobody we know; or the venue's own, in a liquidation."""

    client_id: int | None
    is_forced: bool = False


@dataclass(slots=True)
class _Trace:
    """What this process knows of an order of ours beside the bot: its quantity, and whether the stream told of it."""

    quantity: Decimal
    is_heard: bool = False


class AsterClient(VenueClient):
    """`ws_url` is a checked base address; `http` goes to a checked one."""

    capabilities = Capabilities(client_id_bits=62)

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
        self._signer = signer
        self._rest = Rest(http, signer, clock, lambda: self._chores.soon("clock"), self._timing.patience)
        self._market: Listing | None = None
        self._owners: OrderMemory[str, _Owner] = OrderMemory()
        self._traces: OrderMemory[int, _Trace] = OrderMemory()
        self._position_ms = 0
        self._market_session = StreamSession(
            "market stream",
            lambda: MarketDialogue(self.contract_id, ws_url, self._on_touch, self._touch.confirm),
            sockets,
            self._timing.market_stream,
            chance,
        )
        self._account_session = StreamSession(
            "account stream",
            lambda: AccountDialogue(ws_url, self._rest.listen_key, self._on_order, self._on_account),
            sockets,
            self._timing.account_stream,
            chance,
        )
        self._streams = StreamGroup([self._market_session, self._account_session], clock, self._on_stream)

    # --- life -------------------------------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        self._market = await self._find_market()
        if await self._rest.is_hedged():
            raise Misconfigured(codec.HEDGE_MODE)
        await self._refresh_rules()
        self._count_funding_from(self._rest.server_clock.now_ns())

    async def _settle_in(self) -> None:
        await query_retry(self._seed_touch)
        timing, chores = self._timing, self._chores
        chores.every(timing.clock_every_s, "clock", self._sync_clock)
        chores.every(timing.rules_every_s, "rules", self._refresh_rules)
        chores.every(timing.funding_every_s, "funding", self._tell_funding)
        chores.every(timing.rules_every_s, "touch", self._seed_touch)
        chores.every(timing.listen_key_every_s, "listen key", self._renew_listen_key)

    async def _sync_clock(self) -> None:
        await self._rest.sync_clock()

    async def disconnect(self) -> None:
        """The listen key is left alone: another bot on this account shares it."""
        await super().disconnect()

    def get_exchange_name(self) -> str:
        return facts.NAME

    @property
    def contract_id(self) -> str:
        if self._market is None:
            raise Unavailable(f"{facts.NAME} is not connected yet")
        return self._market.symbol

    @property
    def signing_backend(self) -> str:
        """Which key path is used, and what signs; for the line at start."""
        path = "the older API key (V1)" if self._signer.is_legacy else "an API wallet (V3)"
        return f"{path}, {self._signer.backend}"

    async def account_summary(self) -> AccountSummary:
        """For the consent to real money. The venue shows a key's permissions to nobody."""
        quote = self._quote_asset()
        return AccountSummary(self._signer.account, await self._rest.balance(quote), quote, None)

    async def _find_market(self) -> Listing:
        listings, limits = await self._rest.listing()
        self._rest.obey(limits)
        return codec_market.choose(listings, self._ticker)

    # --- orders -----------------------------------------------------------------------------------------------------

    async def _place(self, request: OrderRequest) -> str:
        trace = self._trace(request.client_id, request.quantity)
        try:
            placed = await self._rest.place(self.contract_id, request)
        except Refused as refused:
            if refused.reason in codec.RULES_REASONS:
                self._chores.soon("rules")
            raise
        self._check_echo(request, placed.symbol, placed.info)
        self._remember(placed)
        info = placed.info
        if info.status.has_ended and not info.filled_size and info.status is not OrderStatus.CANCELLED:
            raise Refused(info.cancel_reason or "refused", f"the order was not taken: {info.cancel_reason}")
        if info.status.has_ended:
            self._tell_ended(request.client_id, info)
        elif not trace.is_heard:
            reason = f"no news of order {info.order_id}, which the exchange took"
            self._account_session.expect(request.client_id, self._timing.news_within_s, reason)
        return info.order_id

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        placed = await self._rest.cancel(codec.order_reference(self.contract_id, client_id, order_id))
        if placed.info.status.has_ended:
            self._tell_ended(client_id, placed.info)

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        placed = await self._rest.order(codec.order_reference(self.contract_id, client_id, order_id))
        if placed is None:
            return None
        self._remember(placed)
        return replace(placed.info, client_id=client_id)

    async def open_orders(self) -> list[OrderInfo]:
        placed = [order for order in await self._rest.open_orders(self.contract_id) if order.symbol == self.contract_id]
        for order in placed:
            self._remember(order)
        return [order.info for order in placed]

    async def position(self) -> Decimal:
        return await self._rest.position(self.contract_id)

    async def fills_since(self, since_ns: int) -> list[Fill]:
        to_ms = self._rest.server_clock.now_ms() + _CLOCK_DOUBT_MS
        from_ms = max(since_ns // _MILLISECOND, to_ms - facts.HISTORY_MS)
        trades = await self._rest.trades(self.contract_id, from_ms, max(from_ms, to_ms))
        known = {trade.trade_id: trade for trade in trades if trade.venue_ns >= since_ns}
        ordered = sorted(known.values(), key=lambda trade: (trade.venue_ns, int(trade.trade_id)))
        owners = await self._learn_owners({trade.order_id: trade.venue_ns for trade in ordered})
        return [self._fill(trade, owners[trade.order_id]) for trade in ordered]

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:
        to_ms = self._rest.server_clock.now_ms() + _CLOCK_DOUBT_MS
        from_ms = max(since_ns // _MILLISECOND, to_ms - facts.HISTORY_MS)
        payments = await self._rest.funding(self.contract_id, from_ms, max(from_ms, to_ms))
        dated = {paid.payment_id: (paid.venue_ms * _MILLISECOND, paid) for paid in payments}
        return [
            FundingPayment(venue_ns, paid.payment_id, paid.amount)
            for venue_ns, paid in sorted(dated.values(), key=lambda item: item[0])
            if venue_ns >= since_ns
        ]

    async def market_rules(self) -> MarketRules:
        rules, limits = await self._rest.rules(self.contract_id, self._ticker)
        self._learn_limits(limits)
        return rules

    # --- whose orders they are --------------------------------------------------------------------------------------

    def _remember(self, placed: PlacedOrder) -> _Owner:
        return self._own(placed.info.order_id, _Owner(placed.info.client_id, placed.is_forced))

    def _own(self, order_id: str, owner: _Owner) -> _Owner:
        return self._owners.keep(order_id, owner)

    def _trace(self, client_id: int, quantity: Decimal) -> _Trace:
        return self._traces.get(client_id) or self._traces.keep(client_id, _Trace(quantity))

    def _order_ended(self, client_id: int | None, order_id: str | None) -> None:
        if client_id is not None:
            self._traces.end(client_id)
        if order_id is not None:
            self._owners.end(order_id)

    async def _learn_owners(self, traded_ns: dict[str, int]) -> dict[str, _Owner]:
        """Trades name no client id: what is not remembered is asked for, many at once where there are many.

        `traded_ns`: when each order traded. One that the venue does not know later on was never ours: it forgets only
        orders without fills.
        """
        found = {order_id: owner for order_id in traded_ns if (owner := self._owners.get(order_id)) is not None}
        unknown = {int(order_id) for order_id in traded_ns.keys() - found.keys()}
        while len(unknown) > _MANY_UNKNOWN:
            first = min(unknown)
            for placed in await self._rest.orders_from(self.contract_id, first):
                unknown.discard(int(placed.info.order_id))
                found[placed.info.order_id] = self._remember(placed)
            if first in unknown:
                break
        for order_id in sorted(unknown):
            known = await self._rest.order({"symbol": self.contract_id, "orderId": str(order_id)})
            if known is not None:
                found[str(order_id)] = self._remember(known)
            elif self._rest.server_clock.now_ns() - traded_ns[str(order_id)] < _BOOKED_WITHIN_NS:
                raise Unavailable(f"the exchange tells a trade of order {order_id}, and does not know that order yet")
            else:
                found[str(order_id)] = self._own(str(order_id), _Owner(None))
        return found

    def _fill(self, trade: Trade, owner: _Owner) -> Fill:
        return trade.fill(self._clock.now_ns(), owner.client_id, owner.is_forced, self._fees(), self._quote_asset())

    def _fees(self) -> Fees:
        rules = self._rules
        return Fees(Decimal(0), Decimal(0)) if rules is None else Fees(rules.maker_fee_rate, rules.taker_fee_rate)

    def _quote_asset(self) -> str:
        return facts.QUOTE_ASSET if self._market is None else self._market.quote

    # --- the streams ------------------------------------------------------------------------------------------------

    def _on_restored(self) -> None:
        self._chores.soon("touch")
        self._chores.soon("funding")

    async def _seed_touch(self) -> None:
        """The stream tells changes only: what the touch is until the first one has to be asked for."""
        if self._touch.quote() is None and self._streams.is_whole:
            ticker = await self._rest.book_ticker(self.contract_id)
            if self._touch.quote() is None and self._streams.is_whole:
                self._on_touch(ticker)

    def _on_touch(self, ticker: BookTicker) -> None:
        self._update_touch(ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size)

    def _on_order(self, news: OrderNews) -> None:
        if news.symbol != self.contract_id:
            return
        owner = self._own(news.order_id, _Owner(news.client_id, news.is_forced))
        shrunk: Decimal | None = None
        if news.client_id is not None:
            trace = self._trace(news.client_id, news.quantity)
            if news.quantity < trace.quantity:
                shrunk = trace.quantity = news.quantity
            trace.is_heard = True
            self._account_session.met(news.client_id)
        if news.trade is not None:
            self._emit(self._fill(news.trade, owner))
        self._emit(news.update(self._clock.now_ns(), shrunk))

    def _on_account(self, news: AccountNews) -> None:
        """These may overtake each other; of two, the one of the later time is right."""
        if news.is_funding:
            self._chores.soon("funding")
        if news.venue_ms < self._position_ms:
            return
        for position in news.positions:
            if position.symbol == self.contract_id:
                self._position_ms = news.venue_ms
                self._emit(PositionUpdate(self._clock.now_ns(), position.quantity))

    # --- chores -----------------------------------------------------------------------------------------------------

    async def _renew_listen_key(self) -> None:
        if not await self._rest.renew_listen_key():
            self._account_session.fail("the listen key is not known any more")
