"""edgeX's endpoints as typed calls: build, sign, send, decode. What the answers mean for orders is the client's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote

from domain.clock import Clock
from exchanges.base import OrderRequest
from exchanges.decoding import Fields
from exchanges.edgex import codec, facts, refusals
from exchanges.edgex.book import Book, BookGap
from exchanges.edgex.codec import Account, Envelope, VenueFill, VenueOrder
from exchanges.edgex.codec_stream import FUNDING_TYPE, Best, Funding, decode_depth, decode_funding
from exchanges.edgex.contracts import Contract, find_contract
from exchanges.edgex.keys import Credentials
from exchanges.errors import Refused, Unavailable
from exchanges.transport.caller import Patience, RestCaller
from exchanges.transport.limits import Meter, RateLimiter, Window
from exchanges.transport.messages import HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.server_clock import ServerClock

T = TypeVar("T")
Parameters = Mapping[str, object]

BUDGET = Window("requests", facts.REQUESTS_PER_MINUTE, facts.RESERVE)
PATIENCE = Patience(first_pause_s=5.0)
"""After a refusal for load: 5, 10, 20, 40, 60 seconds."""

_COST = {"requests": 1}
_ORDER_COST = {"requests": 1, "orders": 1}
_ORDERS = "/api/v2/private/order"
_ACCOUNT = "/api/v2/private/account"
_PUBLIC = "/api/v2/public/meta"
_QUOTES = "/api/v2/public/quote"


class Rest:
    """`on_bad_time` is called when the venue finds our time wrong."""

    def __init__(
        self,
        http: HttpTransport,
        credentials: Credentials,
        clock: Clock,
        on_bad_time: Callable[[], None],
        patience: Patience = PATIENCE,
        budget: Meter = BUDGET,
        order_life_s: int = facts.ORDER_LIFE_S,
    ) -> None:
        self.server_clock = ServerClock(clock)
        self._credentials = credentials
        self._clock = clock
        self._on_bad_time = on_bad_time
        self._order_life_ms = order_life_s * 1000
        self._limiter = RateLimiter([budget, _orders(facts.REQUESTS_PER_MINUTE)], clock)
        self._caller = RestCaller(http, self._limiter, clock, patience)

    def allow_orders(self, per_minute: int) -> None:
        """Keep to the limit that the account states."""
        self._limiter.obey(_orders(per_minute))

    # --- public -----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """One sample of the venue's time; also keeps a connection warm."""
        made_ns = [self._clock.now_ns()]

        def make() -> HttpRequest:
            made_ns[0] = self._clock.now_ns()
            return HttpRequest("GET", f"{_PUBLIC}/getServerTime")

        server_ms = await self._caller.read(make, _COST, lambda r: codec.decode_time_ms(self._good(r)))
        self.server_clock.sample(made_ns[0], self._clock.now_ns(), server_ms * 1_000_000)

    async def contract(self, ticker: str) -> Contract:
        return await self._caller.read(
            lambda: HttpRequest("GET", f"{_PUBLIC}/getMetaData"), _COST, lambda r: find_contract(self._good(r), ticker)
        )

    async def touch(self, contract_id: str) -> Best:
        """Best bid and offer now; a price of 0 where the book is empty. A crossed one raises `Unavailable` too."""
        target = f"{_QUOTES}/getDepth?contractId={contract_id}&level=15"
        (change,) = await self._caller.read(
            lambda: HttpRequest("GET", target), _COST, lambda r: decode_depth(self._good(r).rows("depth"), contract_id)
        )
        try:
            return Book().apply(change)
        except BookGap as gap:
            raise Unavailable(f"the book cannot be used: {gap}") from None

    # --- the account ------------------------------------------------------------------------------------------------

    async def account(self) -> Account:
        return await self._ask(f"{_ACCOUNT}/getAccountAsset", {}, codec.decode_account)

    async def order(self, client_id: int, order_id: str | None) -> VenueOrder | None:
        """Live or ended; None where the venue knows none. By the venue's id where that is known."""
        if order_id is not None:
            found = await self.orders([order_id])
        else:
            parameters = {"clientOrderIdList": codec.client_order_id(client_id)}
            found = await self._ask(f"{_ORDERS}/getOrderByClientOrderId", parameters, codec.decode_orders)
        return found[0] if found else None

    async def orders(self, order_ids: Sequence[str]) -> list[VenueOrder]:
        """Those of at most `facts.IDS_PER_QUERY` orders that the venue knows."""
        return await self._ask(f"{_ORDERS}/getOrderById", {"orderIdList": ",".join(order_ids)}, codec.decode_orders)

    async def active_orders(self, contract_id: str) -> list[VenueOrder]:
        """To the last page; an order that moved from one page to the next meanwhile is listed once."""
        parameters = {"filterContractIdList": contract_id, "size": str(facts.ACTIVE_PAGE)}
        found: dict[str, VenueOrder] = {}
        path, decode = f"{_ORDERS}/getActiveOrderPage", _each(codec.decode_order)
        async with aclosing(self._pages(path, parameters, decode)) as pages:
            async for page in pages:
                found |= {order.info.order_id: order for order in page}
        return list(found.values())

    async def fills(self, contract_id: str, since_ns: int) -> list[VenueFill]:
        """Since a venue time, in no order. Read to the last page, unless the pages are seen to run from new to old."""
        found: dict[str, VenueFill] = {}
        rises, falls, last_ns = False, False, None
        size = str(facts.HISTORY_PAGE)
        parameters = {"filterContractIdList": contract_id, "size": size, **_written_since(since_ns)}
        path, decode = f"{_ORDERS}/getHistoryOrderFillTransactionPage", _each(codec.decode_history_fill)
        async with aclosing(self._pages(path, parameters, decode)) as pages:
            async for page in pages:
                for fill in page:
                    rises = rises or (last_ns is not None and fill.venue_ns > last_ns)
                    falls = falls or (last_ns is not None and fill.venue_ns < last_ns)
                    last_ns = fill.venue_ns
                    if fill.venue_ns >= since_ns and fill.contract_id == contract_id:
                        found[fill.trade_id] = fill
                if falls and not rises and last_ns is not None and last_ns < since_ns:
                    break
        return list(found.values())

    async def funding(self, contract_id: str, since_ns: int) -> list[Funding]:
        """Payments since a venue time, in no order."""
        parameters = {
            "filterContractIdList": contract_id,
            "filterTypeList": FUNDING_TYPE,
            "size": str(facts.HISTORY_PAGE),
            **_written_since(since_ns),
        }
        found: dict[str, Funding] = {}
        path = f"{_ACCOUNT}/getPositionTransactionPage"
        async with aclosing(self._pages(path, parameters, lambda rows: decode_funding(rows, contract_id))) as pages:
            async for page in pages:
                found |= {paid.payment_id: paid for paid in page}
        return [paid for paid in found.values() if paid.venue_ns >= since_ns]

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, contract: Contract, request: OrderRequest, price: Decimal) -> str:
        """The venue's id of an order that it took and has not matched yet. `price`: its limit, or its worst price."""
        credentials = self._credentials

        def make() -> HttpRequest:
            now_ms = self.server_clock.now_ms()
            signed = credentials.orders.sign(
                contract.terms,
                request.side,
                price,
                request.quantity,
                codec.client_order_id(request.client_id),
                now_ms + self._order_life_ms,
            )
            body = codec.order_body(credentials.account_id, contract.contract_id, request, price, signed)
            return self._signed("POST", f"{_ORDERS}/createOrder", body)

        return await self._caller.write(
            make, _ORDER_COST, lambda r: codec.decode_order_id(self._good(r)), urgent=request.reduce_only
        )

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        """Returns where the venue took the cancel of this order; its envelope says success even where it did not."""
        if order_id is None:
            path, named = "cancelOrderByClientOrderId", ("clientOrderIdList", codec.client_order_id(client_id))
        else:
            path, named = "cancelOrderById", ("orderIdList", order_id)
        body = {"accountId": str(self._credentials.account_id), named[0]: [named[1]]}

        def decode(response: HttpResponse) -> None:
            error = refusals.cancel_conclusion(codec.decode_cancel_word(self._good(response)))
            if error is not None:
                raise error

        await self._caller.write(lambda: self._signed("POST", f"{_ORDERS}/{path}", body), _COST, decode, urgent=True)

    # --- inner parts ------------------------------------------------------------------------------------------------

    async def _ask(self, path: str, parameters: Parameters, decode: Callable[[Envelope], T]) -> T:
        whole = {"accountId": str(self._credentials.account_id), **parameters}
        return await self._caller.read(lambda: self._signed("GET", path, whole), _COST, lambda r: decode(self._good(r)))

    async def _pages(
        self, path: str, parameters: Parameters, decode: Callable[[list[Fields]], list[T]]
    ) -> AsyncGenerator[list[T], None]:
        """Page after page, until the venue says that there is none behind. What cannot be read raises `Unavailable`."""

        def read(envelope: Envelope) -> tuple[list[T], str]:
            page = codec.decode_page(envelope, "page")
            return decode(page.rows), page.next_offset

        offset = ""
        for _ in range(facts.MOST_PAGES):
            paged = {**parameters, "offsetData": offset} if offset else parameters
            found, next_offset = await self._ask(path, paged, read)
            yield found
            if not next_offset:
                return
            if next_offset == offset:
                raise Unavailable(f"{path} pages in a circle")
            offset = next_offset
        raise Unavailable(f"{path} has more than {facts.MOST_PAGES} pages: not read to the end")

    def _signed(self, method: str, path: str, parameters: Parameters) -> HttpRequest:
        now_ms = self.server_clock.now_ms()
        headers = self._credentials.api.headers(now_ms, method, path, parameters)
        if method == "GET":
            query = "&".join(f"{name}={quote(str(parameters[name]), safe=',')}" for name in sorted(parameters))
            return HttpRequest(method, f"{path}?{query}", headers)
        headers = (*headers, ("Content-Type", "application/json"))
        return HttpRequest(method, path, headers, codec.encode(parameters))

    def _good(self, response: HttpResponse) -> Envelope:
        """The envelope of a success; raises what a refusal means."""
        envelope = codec.decode_envelope(response.body)
        if envelope.is_success and response.status < 400:
            return envelope
        error = refusals.conclusion(envelope, response.status)
        if isinstance(error, Refused) and error.reason == refusals.BAD_TIMESTAMP:
            self._on_bad_time()
        raise error


def _each(decode: Callable[[Fields], T]) -> Callable[[list[Fields]], list[T]]:
    return lambda rows: [decode(row) for row in rows]


def _orders(per_minute: int) -> Window:
    """A quarter of the orders is kept for closes."""
    return Window("orders", per_minute, per_minute // 4)


def _written_since(since_ns: int) -> dict[str, str]:
    """The filter of the histories; it is by the time of writing, which comes a little later than what is written."""
    written_ms = since_ns // 1_000_000 - facts.WRITTEN_WITHIN_MS
    return {"filterStartCreatedTimeInclusive": str(written_ms)} if written_ms > 0 else {}
