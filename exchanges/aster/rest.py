"""Aster's endpoints as typed calls: build, sign, send, decode. What the answers mean for orders is the client's.

Both families of the venue's interface have the same words under other paths: V3 signs with an API wallet, V1 with an
API key and a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlencode

from domain.clock import Clock
from domain.market import MarketRules
from exchanges.aster import codec, codec_market, facts
from exchanges.aster.codec import Fees, Parameters, Payment, PlacedOrder, Trade
from exchanges.aster.codec_market import BookTicker, Limits, Listing
from exchanges.aster.signing import Signer
from exchanges.base import OrderLimits, OrderRequest
from exchanges.decoding import Fields, items
from exchanges.errors import Refused, Unavailable
from exchanges.transport.caller import Patience, RestCaller
from exchanges.transport.limits import RateLimiter, Window
from exchanges.transport.messages import HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.server_clock import ServerClock

T = TypeVar("T")

_FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
_LEGACY_VERSIONS = {"balance": "v2", "positionRisk": "v2"}
"""Of the older family everything else is v1."""
_DEAREST = 40
"""The most weight that one of these requests has."""
_MILLISECOND = 1_000_000


def budget(limits: Limits) -> tuple[Window, Window]:
    """What we use of the venue's limits; a limit it does not state is the documented one."""
    weight = limits.weight or facts.WEIGHT_PER_MINUTE
    # The dearest request must fit beside the reserve, whatever is stated: the bot cannot do without it.
    weight_used = max(weight // facts.USED_SHARE, _DEAREST + 3)
    orders_used = max((limits.orders or facts.ORDERS_PER_MINUTE) // facts.USED_SHARE, 1)
    return Window("weight", weight_used, weight_used // 20), Window("orders", orders_used, orders_used // 20)


class Rest:
    """`on_bad_time` is called when the venue finds our time wrong."""

    def __init__(
        self,
        http: HttpTransport,
        signer: Signer,
        clock: Clock,
        on_bad_time: Callable[[], None],
        patience: Patience | None = None,
    ) -> None:
        self.server_clock = ServerClock(clock)
        self._signer = signer
        self._clock = clock
        self._on_bad_time = on_bad_time
        self._last_stamp = 0
        self._limits = Limits(None, None)
        self._limiter = RateLimiter(budget(self._limits), clock)
        self._caller = RestCaller(http, self._limiter, clock, patience)

    def obey(self, limits: Limits) -> None:
        """Keep to the limits that the venue states from now on."""
        if limits != self._limits:
            self._limits = limits
            for window in budget(limits):
                self._limiter.obey(window)

    # --- public -----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """One sample of the venue's time; also keeps a connection warm."""
        target, sent_ns = self._path("time"), self._clock.now_ns()
        server_ms = await self._caller.read(
            lambda: HttpRequest("GET", target),
            {"weight": 1},
            lambda response: codec_market.decode_time_ms(response.body),
        )
        self.server_clock.sample(sent_ns, self._clock.now_ns(), server_ms * _MILLISECOND)

    async def listing(self) -> tuple[list[Listing], Limits]:
        """Every market, and the limits on requests."""
        return await self._public(
            "exchangeInfo",
            {},
            1,
            lambda value: (codec_market.decode_listings(value), codec_market.decode_limits(value)),
        )

    async def rules(self, symbol: str, ticker: str) -> tuple[MarketRules, OrderLimits]:
        fees = await self.fees(symbol)
        return await self._public(
            "exchangeInfo",
            {},
            1,
            lambda value: (
                codec_market.decode_rules(value, symbol, ticker, fees),
                codec_market.decode_order_limits(value, symbol),
            ),
        )

    async def book_ticker(self, symbol: str) -> BookTicker:
        return await self._public("ticker/bookTicker", {"symbol": symbol}, 1, codec_market.decode_book_ticker)

    async def _public(self, name: str, parameters: Parameters, weight: int, decode: Callable[[object], T]) -> T:
        query = urlencode(parameters)
        target = self._path(name) + (f"?{query}" if query else "")
        return await self._caller.read(
            lambda: HttpRequest("GET", target), {"weight": weight}, lambda response: decode(self._good(response))
        )

    # --- the account ------------------------------------------------------------------------------------------------

    async def is_hedged(self) -> bool:
        return await self._ask("positionSide/dual", {}, 30, codec.decode_is_hedged)

    async def fees(self, symbol: str) -> Fees:
        return await self._ask("commissionRate", {"symbol": symbol}, 20, codec.decode_fees)

    async def balance(self, asset: str) -> Decimal:
        return await self._ask("balance", {}, 5, lambda value: codec.decode_balance(value, asset))

    async def position(self, symbol: str) -> Decimal:
        return await self._ask(
            "positionRisk", {"symbol": symbol}, 5, lambda value: codec.decode_position(value, symbol)
        )

    async def open_orders(self, symbol: str) -> list[PlacedOrder]:
        """All of them: the venue's own limit is a few hundred, and it has no pages."""
        return await self._ask("openOrders", {"symbol": symbol}, 1, codec.decode_orders)

    async def order(self, reference: Parameters) -> PlacedOrder | None:
        """Live or ended. None: the venue never accepted it, or it ended without a fill more than a week ago."""

        def decode(response: HttpResponse) -> PlacedOrder | None:
            try:
                return _order(self._good(response))
            except Refused as refused:
                if refused.reason != codec.UNKNOWN_ORDER:
                    raise
                return None

        return await self._caller.read(lambda: self._signed("GET", "order", reference), {"weight": 1}, decode)

    async def orders_from(self, symbol: str, order_id: int) -> list[PlacedOrder]:
        """A page of orders, live and ended, from this id on."""
        parameters = {"symbol": symbol, "orderId": str(order_id), "limit": str(facts.PAGE)}
        return await self._ask("allOrders", parameters, 5, codec.decode_orders)

    async def trades(self, symbol: str, from_ms: int, to_ms: int) -> list[Trade]:
        """All of a stretch of time, in no order."""
        return await self._history("userTrades", {"symbol": symbol}, 5, codec.decode_trades, from_ms, to_ms)

    async def funding(self, symbol: str, from_ms: int, to_ms: int) -> list[Payment]:
        """All payments of a stretch of time, in no order."""
        parameters = {"symbol": symbol, "incomeType": "FUNDING_FEE"}
        return await self._history(
            "income", parameters, 30, lambda value: codec.decode_funding(value, symbol), from_ms, to_ms
        )

    async def _history(
        self,
        name: str,
        parameters: Parameters,
        weight: int,
        decode: Callable[[object], list[T]],
        from_ms: int,
        to_ms: int,
    ) -> list[T]:
        """A full page is asked for again in halves, so that it does not matter which rows the venue left out."""
        found: list[T] = []
        spans = [
            (start, min(start + facts.HISTORY_SPAN_MS - 1, to_ms))
            for start in range(from_ms, to_ms + 1, facts.HISTORY_SPAN_MS)
        ]
        while spans:
            start, end = spans.pop()
            asked = {**parameters, "startTime": str(start), "endTime": str(end), "limit": str(facts.PAGE)}
            page, size = await self._ask(name, asked, weight, lambda value: (decode(value), len(items(value, name))))
            if size < facts.PAGE:
                found += page
            elif start < end:
                middle = (start + end) // 2
                spans += [(start, middle), (middle + 1, end)]
            else:
                raise Unavailable(f"{name}: the exchange does not tell all of one moment ({facts.PAGE} or more)")
        return found

    async def listen_key(self) -> str:
        """A new one, or the one in force, which lives on for an hour."""
        return await self._caller.read(
            lambda: self._for_streams("POST"),
            {"weight": 1},
            lambda response: codec.decode_listen_key(self._good(response)),
        )

    async def renew_listen_key(self) -> bool:
        """False: the venue does not know it any more, and the socket opened with it is deaf."""

        def decode(response: HttpResponse) -> bool:
            try:
                self._good(response)
            except Refused as refused:
                if refused.reason != codec.UNKNOWN_LISTEN_KEY:
                    raise
                return False
            return True

        return await self._caller.read(lambda: self._for_streams("PUT"), {"weight": 1}, decode)

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, symbol: str, request: OrderRequest) -> PlacedOrder:
        parameters = codec.order_parameters(symbol, request)
        return await self._caller.write(
            lambda: self._signed("POST", "order", parameters),
            {"weight": 1, "orders": 1},
            lambda response: _order(self._good(response)),
            urgent=request.reduce_only,
        )

    async def cancel(self, reference: Parameters) -> PlacedOrder:
        """The order after the cancel."""
        return await self._caller.write(
            lambda: self._signed("DELETE", "order", reference),
            {"weight": 1},
            lambda response: _order(self._good(response)),
            urgent=True,
        )

    # --- inner parts ------------------------------------------------------------------------------------------------

    async def _ask(self, name: str, parameters: Parameters, weight: int, decode: Callable[[object], T]) -> T:
        return await self._caller.read(
            lambda: self._signed("GET", name, parameters),
            {"weight": weight},
            lambda response: decode(self._good(response)),
        )

    def _path(self, name: str) -> str:
        version = _LEGACY_VERSIONS.get(name, "v1") if self._signer.is_legacy else "v3"
        return f"/fapi/{version}/{name}"

    def _signed(self, method: str, name: str, parameters: Parameters) -> HttpRequest:
        """The signed text is the body of a POST, and else the query: the very same bytes."""
        text = self._signer.signed_text(parameters, self._stamp())
        if method == "POST":
            return HttpRequest(method, self._path(name), (*self._signer.headers, *_FORM), text.encode())
        return HttpRequest(method, f"{self._path(name)}?{text}", self._signer.headers)

    def _for_streams(self, method: str) -> HttpRequest:
        """The older family asks for nothing but its key here."""
        if self._signer.is_legacy:
            return HttpRequest(method, self._path("listenKey"), self._signer.headers)
        return self._signed(method, "listenKey", {})

    def _stamp(self) -> int:
        """V1: the venue's time in milliseconds. V3: a nonce, its time in microseconds, never the same twice."""
        now_ns = self.server_clock.now_ns()
        if self._signer.is_legacy:
            return now_ns // _MILLISECOND
        self._last_stamp = max(self._last_stamp + 1, now_ns // 1_000)
        return self._last_stamp

    def _good(self, response: HttpResponse) -> object:
        """The body of a success; raises what a refusal means."""
        try:
            return codec.answer(response.status, response.body)
        except Refused as refused:
            if refused.reason == codec.BAD_TIMESTAMP:
                self._on_bad_time()
            raise


def _order(value: object) -> PlacedOrder:
    return codec.decode_order(Fields.of(value, "order"))
