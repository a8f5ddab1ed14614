"""Backpack's endpoints as typed calls: build, sign, send, decode. What the answers mean for orders is the client's."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

from domain.clock import Clock
from domain.events import Fill, FundingPayment
from exchanges.backpack import codec, codec_reads
from exchanges.backpack.codec import Parameters, PlacedOrder
from exchanges.backpack.codec_reads import Fees, Market
from exchanges.backpack.facts import PAGE, USED_PER_MINUTE, WINDOW_MS
from exchanges.backpack.signing import Signer, signing_line
from exchanges.base import OrderRequest
from exchanges.decoding import parse_json, rows
from exchanges.errors import Refused, Unavailable
from exchanges.transport.caller import Patience, RestCaller
from exchanges.transport.limits import Bucket, RateLimiter
from exchanges.transport.messages import HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.server_clock import ServerClock

T = TypeVar("T")

_COST = {"requests": 1}
_MOST_PAGES = 50
_JSON = json.JSONEncoder(separators=(",", ":"))
BUDGET = Bucket("requests", capacity=USED_PER_MINUTE // 4, per_minute=USED_PER_MINUTE, reserve=USED_PER_MINUTE // 20)


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
        self._caller = RestCaller(http, RateLimiter([BUDGET], clock), clock, patience)

    # --- public -----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """One sample of the venue's time; also keeps a connection warm."""
        sent_ns = self._clock.now_ns()
        server_ms = await self._caller.read(
            lambda: HttpRequest("GET", "/api/v1/time"), _COST, lambda r: codec_reads.decode_time_ms(r.body)
        )
        self.server_clock.sample(sent_ns, self._clock.now_ns(), server_ms * 1_000_000)

    async def is_working(self) -> bool:
        """Whether the venue is not in maintenance."""
        return await self._public("/api/v1/status", codec_reads.decode_status)

    async def markets(self) -> list[Market]:
        return await self._public("/api/v1/markets?marketType=PERP", codec_reads.decode_markets)

    async def market(self, symbol: str) -> Market:
        return await self._public(f"/api/v1/market?symbol={symbol}", codec_reads.decode_market)

    async def _public(self, target: str, decode: Callable[[bytes], T]) -> T:
        return await self._caller.read(lambda: HttpRequest("GET", target), _COST, lambda r: decode(self._good(r)))

    # --- the account ------------------------------------------------------------------------------------------------

    async def fees(self) -> Fees:
        return await self._ask("/api/v1/account", "accountQuery", {}, codec_reads.decode_account)

    async def net_equity(self) -> Decimal:
        return await self._ask("/api/v1/capital/collateral", "collateralQuery", {}, codec_reads.decode_net_equity)

    async def position(self, symbol: str) -> Decimal:
        """Asked for all markets: a single flat one may answer "not found", which would prove less."""
        return await self._ask(
            "/api/v1/position", "positionQuery", {}, lambda body: codec_reads.decode_position(body, symbol)
        )

    async def open_orders(self, symbol: str) -> list[PlacedOrder]:
        parameters: Parameters = {"marketType": "PERP", "symbol": symbol}
        return await self._ask("/api/v1/orders", "orderQueryAll", parameters, codec.decode_orders)

    async def live_order(self, reference: Parameters) -> PlacedOrder | None:
        """None: it is not among the open orders now, which proves nothing else."""

        def decode(response: HttpResponse) -> PlacedOrder | None:
            try:
                return codec.decode_order(parse_json(self._good(response)))
            except Refused as refused:
                if refused.reason != "unknown_order":
                    raise
                return None

        return await self._caller.read(
            lambda: self._signed("GET", "/api/v1/order", "orderQuery", reference), _COST, decode
        )

    async def ended_order(
        self, symbol: str, order_id: str | None, is_it: Callable[[PlacedOrder], bool], since_ns: int
    ) -> PlacedOrder | None:
        """The one that `is_it`, from the history, which is written a little later; None where none created since
        `since_ns` (venue time) is. Raises `Unavailable` when that cannot be read to its end."""
        parameters: Parameters = {"symbol": symbol}
        if order_id is not None:
            parameters["orderId"] = order_id
        path, instruction = "/wapi/v1/history/orders", "orderHistoryQueryAll"
        async with aclosing(self._pages(path, instruction, parameters, codec.decode_history)) as pages:
            async for page in pages:
                found = next((ended.order for ended in page if is_it(ended.order)), None)
                if found is not None or _is_past([ended.created_ns for ended in page], since_ns):
                    return found
        return None

    async def funding(self, symbol: str, since_ns: int) -> list[FundingPayment]:
        """Payments since a venue time, in no order, possibly twice."""
        parameters: Parameters = {"symbol": symbol}
        path, instruction, found = "/wapi/v1/history/funding", "fundingHistoryQueryAll", []
        decode = codec_reads.decode_funding
        async with aclosing(self._pages(path, instruction, parameters, lambda body: decode(body, symbol))) as pages:
            async for page in pages:
                found += [payment for payment in page if payment.at_ns >= since_ns]
                if _is_past([payment.at_ns for payment in page], since_ns):
                    break
        return found

    async def fills(self, symbol: str, since_ms: int) -> list[Fill]:
        """In no order, possibly twice: pages may shift while they are read."""
        parameters: Parameters = {"symbol": symbol, "from": since_ms}
        path, instruction = "/wapi/v1/history/fills", "fillHistoryQueryAll"
        async with aclosing(self._pages(path, instruction, parameters, codec_reads.decode_fills)) as pages:
            return [fill async for page in pages for fill in page]

    async def _pages(
        self, path: str, instruction: str, parameters: Parameters, decode: Callable[[bytes], list[T]]
    ) -> AsyncGenerator[list[T], None]:
        """Page after page, to the last."""
        for page in range(_MOST_PAGES):
            paged: Parameters = {**parameters, "limit": PAGE, "offset": page * PAGE}
            found = await self._ask(path, instruction, paged, lambda body: _counted(body, decode))
            yield found[1]
            if found[0] < PAGE:
                return
        raise Unavailable(f"more than {_MOST_PAGES * PAGE} rows in {path}: not read to the end")

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, symbol: str, request: OrderRequest) -> PlacedOrder:
        parameters = codec.order_parameters(symbol, request)
        return await self._caller.write(
            lambda: self._signed("POST", "/api/v1/order", "orderExecute", parameters),
            _COST,
            lambda response: codec.decode_order(parse_json(self._good(response))),
            urgent=request.reduce_only,
        )

    async def cancel(self, reference: Parameters) -> PlacedOrder | None:
        """The order after the cancel; None where the venue only took note (202)."""

        def decode(response: HttpResponse) -> PlacedOrder | None:
            body = self._good(response)
            return None if response.status == 202 else codec.decode_order(parse_json(body))

        return await self._caller.write(
            lambda: self._signed("DELETE", "/api/v1/order", "orderCancel", reference), _COST, decode, urgent=True
        )

    # --- inner parts ------------------------------------------------------------------------------------------------

    async def _ask(self, path: str, instruction: str, parameters: Parameters, decode: Callable[[bytes], T]) -> T:
        return await self._caller.read(
            lambda: self._signed("GET", path, instruction, parameters), _COST, lambda r: decode(self._good(r))
        )

    def _signed(self, method: str, path: str, instruction: str, parameters: Parameters) -> HttpRequest:
        now_ms = self.server_clock.now_ms()
        line = signing_line(instruction, parameters, now_ms, WINDOW_MS)
        headers = self._signer.headers(line, now_ms, WINDOW_MS)
        if method == "GET":
            query = "&".join(f"{name}={value}" for name, value in parameters.items())
            return HttpRequest(method, f"{path}?{query}" if query else path, headers)
        return HttpRequest(method, path, headers, _JSON.encode(parameters).encode())

    def _good(self, response: HttpResponse) -> bytes:
        """The body of a success; raises what a refusal means."""
        if response.status < 400:
            return response.body
        error = codec.refusal(codec.decode_error(response.body))
        if isinstance(error, Refused) and error.reason == codec.BAD_TIMESTAMP:
            self._on_bad_time()
        raise error


def _counted(body: bytes, decode: Callable[[bytes], list[T]]) -> tuple[int, list[T]]:
    """How many rows a page holds, whatever they are about, and what was read of them."""
    return len(rows(parse_json(body), "page")), decode(body)


def _is_past(times_ns: list[int], since_ns: int) -> bool:
    """Whether a page shows that the history runs from new to old, and has left what was asked for well behind.

    By what the history is sorted is not known. So one old row does not count: the whole page must fall in time, and
    half of it lie before `since_ns`; otherwise reading goes on.
    """
    falls = all(later >= earlier for later, earlier in pairwise(times_ns))
    return falls and len(times_ns) > 1 and times_ns[0] > times_ns[-1] and times_ns[len(times_ns) // 2] < since_ns
