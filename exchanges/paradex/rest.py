"""Paradex's endpoints as typed calls: sign, send, decode. What the answers mean for orders is the client's.

Everything private carries a token of a login that lives five minutes. A read whose token was rejected is repeated once
with a new one. A write never is: it ends in `Refused`, which is true, because a rejected token proves non-acceptance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote, urlencode

from domain.clock import Clock
from domain.events import FundingPayment
from domain.market import NANOSECONDS
from exchanges.base import OrderRequest
from exchanges.decoding import Fields, parse_fields
from exchanges.errors import Misconfigured, NotSent, Refused, Unavailable
from exchanges.paradex import codec, codec_account
from exchanges.paradex.codec import OrderWords, WireFill, WireOrder
from exchanges.paradex.codec_account import AccountValue, Bbo, Market, SystemConfig, Token
from exchanges.paradex.facts import LOGIN_SIGNATURE_LIFE_S, PAGE_SIZE, TOKEN_LIFE_S, TOKEN_SPARE_S
from exchanges.paradex.signing import Signer, login_hash, order_hash
from exchanges.transport.caller import Patience, RestCaller
from exchanges.transport.limits import Bucket, RateLimiter
from exchanges.transport.messages import Headers, HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.server_clock import ServerClock

T = TypeVar("T")

BUDGET = (
    Bucket("address", capacity=300, per_minute=1_200, reserve=60),
    Bucket("orders", capacity=400, per_minute=12_000, reserve=50),
    Bucket("private reads", capacity=100, per_minute=480, reserve=10),
)
"""Below what the venue allows (1500, 17250 and 600 a minute), because other programs may share account and address."""
_PUBLIC = {"address": 1}
_READ = {"address": 1, "private reads": 1}
_WRITE = {"address": 1, "orders": 1}
_JSON: Headers = (("Content-Type", "application/json"),)
_MOST_PAGES = 20


class Rest:
    """`on_bad_time` is called when the venue finds our time wrong. `signer` is known once `adopt` was called."""

    def __init__(
        self, http: HttpTransport, clock: Clock, on_bad_time: Callable[[], None], patience: Patience | None = None
    ) -> None:
        self.server_clock = ServerClock(clock)
        self._clock = clock
        self._on_bad_time = on_bad_time
        self._caller = RestCaller(http, RateLimiter(BUDGET, clock), clock, patience)
        self._signer: Signer | None = None
        self._token: Token | None = None
        self._token_ns = 0
        self._login = asyncio.Lock()
        self._last_signed_ms = 0

    def adopt(self, signer: Signer) -> None:
        """Sign as this account from now on."""
        self._signer = signer

    @property
    def signer(self) -> Signer:
        assert self._signer is not None, "a client adopts its signer before it sends anything private"
        return self._signer

    # --- public -----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """One sample of the venue's time; also keeps a connection warm."""
        sent_ns = self._clock.now_ns()
        server_ms = await self._public("/system/time", codec_account.decode_time_ms)
        self.server_clock.sample(sent_ns, self._clock.now_ns(), server_ms * 1_000_000)

    async def system_config(self) -> SystemConfig:
        return await self._public("/system/config", codec_account.decode_system_config)

    async def system_state(self) -> str:
        return await self._public("/system/state", codec_account.decode_system_state)

    async def listing(self) -> dict[str, str]:
        """The base asset of each perpetual, by its symbol."""
        return await self._public("/markets", codec_account.decode_listing)

    async def market(self, symbol: str) -> Market:
        """Raises `Unavailable` when the venue lists it no more."""
        found = await self._public(
            _target("/markets", market=symbol), lambda body: codec_account.decode_market(body, symbol)
        )
        if found is None:
            raise Unavailable(f"the exchange does not list {symbol} now")
        return found

    async def bbo(self, symbol: str) -> Bbo:
        return await self._public(
            f"/bbo/{quote(symbol)}", lambda body: codec_account.decode_bbo(parse_fields(body, "bbo"))
        )

    async def _public(self, target: str, decode: Callable[[bytes], T]) -> T:
        return await self._caller.read(lambda: HttpRequest("GET", target), _PUBLIC, lambda r: decode(self._good(r)))

    # --- the login --------------------------------------------------------------------------------------------------

    async def token(self) -> Token:
        """One that will live for a while yet. Raises `Unavailable` or `Misconfigured`."""
        token = self._token
        age_ns = self._clock.now_ns() - self._token_ns
        if token is None or age_ns > (TOKEN_LIFE_S - TOKEN_SPARE_S) * NANOSECONDS:
            return await self._log_in(token)
        return token

    async def renew_login(self) -> None:
        """Fetch a new token ahead of time, so that no order has to wait for one."""
        await self._log_in(self._token)

    def reject(self, token: Token) -> None:
        """The venue does not take this token any more."""
        if self._token is token:
            self._token = None

    async def _log_in(self, instead_of: Token | None) -> Token:
        async with self._login:
            if self._token is not None and self._token is not instead_of:
                return self._token  # Somebody else has just logged in.
            asked_ns = self._clock.now_ns()
            token = await self._caller.read(self._login_request, _PUBLIC, self._logged_in)
            self._token, self._token_ns = token, asked_ns
            return token

    def _logged_in(self, response: HttpResponse) -> Token:
        try:
            return codec_account.decode_token(self._good(response))
        except Refused as refused:
            if refused.reason != codec.TOKEN_REJECTED:
                raise
            raise Misconfigured("Paradex rejects the login; check PARADEX_L2_PRIVATE_KEY and PARADEX_NETWORK") from None

    def _login_request(self) -> HttpRequest:
        now_s = self.server_clock.now_ms() // 1_000
        expires_s = now_s + LOGIN_SIGNATURE_LIFE_S
        headers = (
            ("PARADEX-STARKNET-ACCOUNT", hex(self.signer.account)),
            ("PARADEX-STARKNET-SIGNATURE", self.signer.sign(login_hash(now_s, expires_s))),
            ("PARADEX-TIMESTAMP", str(now_s)),
            ("PARADEX-SIGNATURE-EXPIRATION", str(expires_s)),
            *_JSON,
        )
        return HttpRequest("POST", f"/auth/{self.signer.key.public:#x}", headers)

    # --- the account ------------------------------------------------------------------------------------------------

    async def account(self) -> AccountValue:
        return await self._ask("/account", codec_account.decode_account)

    async def position(self, symbol: str) -> Decimal:
        """Signed net quantity in one market."""
        return await self._ask("/positions", lambda body: codec.decode_position_in(body, symbol))

    async def open_orders(self, symbol: str) -> list[WireOrder]:
        return await self._pages("/orders", {"market": symbol}, codec.decode_order)

    async def ended_orders(self, symbol: str, since_ms: int) -> list[WireOrder]:
        """From the history, live ones among them, created at `since_ms` or later."""
        return await self._pages("/orders-history", {"market": symbol, "start_at": str(since_ms)}, codec.decode_order)

    async def fills(self, symbol: str, since_ms: int) -> list[WireFill]:
        """In no order, possibly twice: pages may shift while they are read."""
        return await self._pages("/fills", {"market": symbol, "start_at": str(since_ms)}, codec.decode_fill)

    async def funding(self, symbol: str, since_ms: int) -> list[FundingPayment]:
        parameters = {"market": symbol, "start_at": str(since_ms)}
        return await self._pages("/funding/payments", parameters, codec_account.decode_funding)

    async def order(self, order_id: str) -> WireOrder | None:
        """None: the venue does not know this id."""
        return await self._one_order(f"/orders/{quote(order_id, safe='')}")

    async def order_by_client_id(self, symbol: str, client_id: int) -> WireOrder | None:
        """None: not found by this id, which proves nothing about an ended order."""
        return await self._one_order(_target(f"/orders/by_client_id/{codec.client_id_text(client_id)}", market=symbol))

    async def _one_order(self, target: str) -> WireOrder | None:
        def decode(response: HttpResponse) -> WireOrder | None:
            if 400 <= response.status < 500:
                error = codec.decode_error(response.status, response.body)
                if error.says_unknown_order:
                    return None
            return codec.decode_order(parse_fields(self._good(response), "order"))

        return await self._private(target, decode)

    # --- orders -----------------------------------------------------------------------------------------------------

    async def place(self, symbol: str, request: OrderRequest) -> WireOrder:
        token = await self._token_to_write()

        def make() -> HttpRequest:
            now_ms = self._last_signed_ms = max(self.server_clock.now_ms(), self._last_signed_ms + 1)
            words = OrderWords.of(symbol, request)
            hashed = order_hash(now_ms, words.market, words.side, words.order_type, words.size, words.price)
            body = codec.order_body(symbol, request, self.signer.sign(hashed), now_ms)
            return HttpRequest("POST", "/orders", _authorized(token), body)

        def decode(response: HttpResponse) -> WireOrder:
            return codec.decode_order(parse_fields(self._good(response, token), "order"))

        return await self._caller.write(make, _WRITE, decode, urgent=request.reduce_only)

    async def cancel(self, symbol: str, client_id: int, order_id: str | None) -> None:
        """The venue queues it, and tells on the stream what became of the order."""
        token = await self._token_to_write()
        target = _target(f"/orders/by_client_id/{codec.client_id_text(client_id)}", market=symbol)
        if order_id is not None:
            target = f"/orders/{quote(order_id, safe='')}"
        await self._caller.write(
            lambda: HttpRequest("DELETE", target, _authorized(token)),
            _WRITE,
            lambda response: self._good(response, token),
            urgent=True,
        )

    # --- inner parts ------------------------------------------------------------------------------------------------

    async def _token_to_write(self) -> Token:
        """Raises `NotSent` where no login is possible now: nothing has left."""
        try:
            return await self.token()
        except Unavailable as error:
            raise NotSent(f"not sent, because there is no login: {error}") from None

    async def _ask(self, target: str, decode: Callable[[bytes], T]) -> T:
        return await self._private(target, lambda response: decode(self._good(response)))

    async def _private(self, target: str, decode: Callable[[HttpResponse], T]) -> T:
        """A read with a token; once more with a new one where the venue rejects it."""
        for _ in range(2):
            token = await self.token()
            answer = await self._caller.read(
                lambda token=token: HttpRequest("GET", target, _authorized(token)),  # type: ignore[misc]
                _READ,
                lambda response, token=token: self._or_rejected(response, token, decode),  # type: ignore[misc]
            )
            if not isinstance(answer, _Rejected):
                return answer
        raise Unavailable("the exchange rejects every login")

    def _or_rejected(self, response: HttpResponse, token: Token, decode: Callable[[HttpResponse], T]) -> T | _Rejected:
        if 400 <= response.status < 500 and codec.decode_error(response.status, response.body).rejects_token:
            self.reject(token)
            return _Rejected()
        return decode(response)

    async def _pages(self, path: str, parameters: dict[str, str], decode: Callable[[Fields], T]) -> list[T]:
        """Every row, to the last page. Raises `Unavailable` when there are too many to be read."""
        found: list[T] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            paged = {**parameters, "page_size": str(PAGE_SIZE), **({} if cursor is None else {"cursor": cursor})}
            page = await self._ask(_target(path, **paged), lambda body: codec.decode_page(body, path, decode))
            found += page.rows
            cursor = page.cursor
            if cursor is None:
                return found
        raise Unavailable(f"more than {_MOST_PAGES} pages in {path}: not read to the end")

    def _good(self, response: HttpResponse, token: Token | None = None) -> bytes:
        """The body of a success; raises what a refusal means. `token`: what the request was sent with."""
        if response.status < 400:
            return response.body
        error = codec.refusal(codec.decode_error(response.status, response.body))
        if isinstance(error, Refused) and error.reason == codec.BAD_TIMESTAMP:
            self._on_bad_time()
        if token is not None and isinstance(error, Refused) and error.reason == codec.TOKEN_REJECTED:
            self.reject(token)
        raise error


class _Rejected:
    """A read whose token the venue does not take any more."""


def _authorized(token: Token) -> Headers:
    return (("Authorization", f"Bearer {token.text}"), *_JSON)


def _target(path: str, **parameters: str) -> str:
    return f"{path}?{urlencode(parameters)}"
