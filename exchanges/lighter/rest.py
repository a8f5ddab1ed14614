"""Lighter's endpoints as typed calls: build, sign, send, decode. What the answers mean for orders is the client's.

Nonces are consecutive: one lock is held from a transaction's signature to its answer. When an answer was lost, or the
venue finds a nonce wrong, the next one is asked for before anything else is signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from domain.clock import Clock
from domain.events import Fill, FundingPayment
from domain.market import NANOSECONDS
from exchanges.errors import NotSent, Refused, Unavailable
from exchanges.lighter import codec, codec_account, facts
from exchanges.lighter.codec import Market, Order, TxState
from exchanges.lighter.codec_account import Account
from exchanges.lighter.codec_errors import BAD_NONCE, BAD_TOKEN
from exchanges.lighter.facts import Tier
from exchanges.lighter.keys import Credentials
from exchanges.lighter.signing import SignedTx, Signer, Transaction
from exchanges.transport.caller import Patience, RestCaller
from exchanges.transport.limits import RateLimiter, Window
from exchanges.transport.messages import HttpRequest, HttpResponse, HttpTransport
from exchanges.transport.server_clock import ServerClock
from exchanges.transport.setup import Aside
from exchanges.urgency import urgent_reads

T = TypeVar("T")

_MOST_PAGES = 50
_FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
_REQUESTS = "requests"


def budget(tier: Tier) -> Window:
    """All that the venue allows, which looks back over a minute; a quarter of it for closes and cancels."""
    return Window(_REQUESTS, tier.per_minute, tier.per_minute // 4)


class TokenRejected(Unavailable):
    """The venue takes no token of ours, not even one just made."""


class Rest:
    """One account's REST calls. `aside` runs the native signer where it holds nobody up."""

    def __init__(
        self,
        http: HttpTransport,
        signer: Signer,
        credentials: Credentials,
        tier: Tier,
        clock: Clock,
        aside: Aside,
        patience: Patience | None = None,
    ) -> None:
        self.server_clock = ServerClock(clock)
        self._signer = signer
        self._credentials = credentials
        self._tier = tier
        self._clock = clock
        self._aside = aside
        self._limiter = RateLimiter([budget(tier)], clock)
        self._caller = RestCaller(http, self._limiter, clock, patience)
        self._turn = asyncio.Lock()
        self._nonce: int | None = None
        self._token: tuple[str, int] | None = None

    # --- public -----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """One sample of the venue's time; also keeps a connection warm."""
        sent_ns = self._clock.now_ns()
        told_s = await self._ask("/", {}, codec_account.decode_time_s)
        server_ns = told_s * NANOSECONDS
        self.server_clock.sample(sent_ns, self._clock.now_ns(), server_ns, facts.SERVER_TIME_NS)

    async def markets(self) -> list[Market]:
        return await self._ask("/api/v1/orderBookDetails", {}, codec.decode_markets)

    async def account(self) -> Account | None:
        query = {"by": "index", "value": str(self._credentials.account_index)}
        return await self._ask("/api/v1/account", query, codec_account.decode_account)

    async def public_key(self) -> str | None:
        """What is registered under our key's index; None for nothing."""
        index = self._credentials.key_index
        query = {"account_index": str(self._credentials.account_index)}
        return await self._ask("/api/v1/apikeys", query, lambda body: codec_account.decode_public_key(body, index))

    async def tx(self, tx_hash: str) -> TxState:
        return await self._ask("/api/v1/tx", {"by": "hash", "value": tx_hash}, codec.decode_tx)

    # --- private ----------------------------------------------------------------------------------------------------

    async def open_orders(self, market_id: int) -> list[Order]:
        return await self._orders("/api/v1/accountActiveOrders", market_id, {}, lambda _order: False)

    async def ended_orders(self, market_id: int, is_enough: Callable[[Order], bool]) -> list[Order]:
        """Newest first, to the page that holds one of which `is_enough` is true, else to the last page.

        The list is written a little later. Raises `Unavailable` where it is too long to be read to its end.
        """
        page = {"limit": str(facts.PAGE)}
        return await self._orders("/api/v1/accountInactiveOrders", market_id, page, is_enough)

    async def _orders(
        self, path: str, market_id: int, query: dict[str, str], is_enough: Callable[[Order], bool]
    ) -> list[Order]:
        account = self._credentials.account_index
        query = {"account_index": str(account), "market_id": str(market_id), **query}
        found: list[Order] = []
        for _ in range(_MOST_PAGES):
            page = await self._ask_privately(path, query, lambda body: codec.decode_orders(body, account))
            found += page.orders
            if page.cursor is None or any(is_enough(order) for order in page.orders):
                return found
            query["cursor"] = page.cursor
        raise Unavailable(f"more than {_MOST_PAGES} pages of {path}: not read to the end")

    async def fills(self, market_id: int, since_ns: int) -> list[Fill]:
        """Newest first, possibly twice: pages may shift while they are read."""
        account = self._credentials.account_index
        query = {"account_index": str(account), "market_id": str(market_id), "sort_by": "timestamp"}
        query |= {"sort_dir": "desc", "limit": str(facts.PAGE)}
        found: list[Fill] = []
        for _ in range(_MOST_PAGES):
            page = await self._ask_privately("/api/v1/trades", query, lambda body: codec.decode_trades(body, account))
            found += [fill for market, fill in page.trades if market == market_id]
            if page.cursor is None or any(fill.venue_ns < since_ns for _, fill in page.trades):
                return [fill for fill in found if fill.venue_ns >= since_ns]
            query["cursor"] = page.cursor
        raise Unavailable(f"more than {_MOST_PAGES} pages of trades: not read to the end")

    async def funding(self, market_id: int, since_ns: int) -> list[FundingPayment]:
        """Newest first."""
        query = {"account_index": str(self._credentials.account_index), "market_id": str(market_id)}
        query["limit"] = str(facts.PAGE)
        found: list[FundingPayment] = []
        for _ in range(_MOST_PAGES):
            page = await self._ask_privately("/api/v1/positionFunding", query, codec_account.decode_funding)
            found += [payment for market, payment in page.payments if market == market_id]
            if page.cursor is None or any(payment.at_ns < since_ns for _, payment in page.payments):
                return [payment for payment in found if payment.at_ns >= since_ns]
            query["cursor"] = page.cursor
        raise Unavailable(f"more than {_MOST_PAGES} pages of funding payments: not read to the end")

    async def token(self, *, fresh: bool = False) -> str:
        """For private reads and channels; made anew before it ends, or when `fresh` is asked for."""
        now_s = self.server_clock.now_ns() // NANOSECONDS
        token = self._token
        if token is None or fresh or token[1] - now_s < facts.TOKEN_RENEWED_S:
            deadline_s = now_s + facts.TOKEN_LIFE_S
            # A token of the same second is the same to the venue, however it was signed.
            if token is not None and token[1] >= deadline_s:
                deadline_s = token[1] + 1
            token = self._token = (await self._aside(lambda: self._signer.token(deadline_s)), deadline_s)
        return token[0]

    # --- transactions -----------------------------------------------------------------------------------------------

    async def send(self, transaction: Transaction, *, urgent: bool) -> str:
        """Sign and send; the transaction's hash. It was taken then, not executed.

        Raises `NotSent`, `Refused`, `OutcomeUnknown` or `Misconfigured`.
        """
        async with self._turn:
            try:
                return await self._send_once(transaction, urgent=urgent)
            except Refused as refused:
                if refused.reason != BAD_NONCE:
                    raise
            # It was provably not taken: a lost or rejected one before it had another nonce than we thought.
            return await self._send_once(transaction, urgent=urgent)

    async def _send_once(self, transaction: Transaction, *, urgent: bool) -> str:
        with urgent_reads(urgent):  # What a close waits for is as urgent as the close.
            nonce = await self._next_nonce()
        signed = await self._aside(lambda: self._signer.sign(transaction, nonce))
        self._nonce = None  # Unknown until there is an answer.
        try:
            tx_hash = await self._caller.write(
                lambda: _post(signed), self._cost("/api/v1/sendTx"), self._decode_sent, urgent=urgent
            )
        except NotSent:
            self._nonce = nonce
            raise
        except Refused as refused:
            self._nonce = None if refused.reason == BAD_NONCE else nonce
            raise
        self._nonce = nonce + 1
        return tx_hash

    async def learn_nonce(self) -> None:
        """Ask for the next nonce, so that the first transaction need not. Raises `Unavailable`."""
        async with self._turn:
            await self._ask_nonce()

    async def _ask_nonce(self) -> int:
        nonce = self._nonce = await self._ask("/api/v1/nextNonce", self._indices(), codec_account.decode_nonce)
        return nonce

    async def _next_nonce(self) -> int:
        if self._nonce is not None:
            return self._nonce
        try:
            return await self._ask_nonce()
        except (Unavailable, Refused) as error:
            raise NotSent(f"the next nonce is not known: {error}") from None

    def _decode_sent(self, response: HttpResponse) -> str:
        return codec.decode_sent(self._body(response))

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _indices(self) -> dict[str, str]:
        credentials = self._credentials
        return {"account_index": str(credentials.account_index), "api_key_index": str(credentials.key_index)}

    def _cost(self, path: str) -> dict[str, int]:
        return {_REQUESTS: facts.WEIGHTS.get(path, facts.OTHER_WEIGHT) if self._tier.weighted else 1}

    async def _ask(
        self, path: str, query: dict[str, str], decode: Callable[[bytes], T], headers: tuple[tuple[str, str], ...] = ()
    ) -> T:
        target = f"{path}?{urlencode(query)}" if query else path
        return await self._caller.read(
            lambda: HttpRequest("GET", target, headers), self._cost(path), lambda response: decode(self._body(response))
        )

    async def _ask_privately(self, path: str, query: dict[str, str], decode: Callable[[bytes], T]) -> T:
        """With a token; once more with a fresh one when the venue finds it too old."""
        told_bad = False

        def checked(body: bytes) -> T | None:
            nonlocal told_bad
            try:
                return decode(body)
            except Refused as refused:
                if refused.reason != BAD_TOKEN:
                    raise
                told_bad = True
                return None

        for fresh in (False, True):
            told_bad = False
            token = await self.token(fresh=fresh)
            found = await self._ask(path, query, checked, (("Authorization", token),))
            if not told_bad and found is not None:
                return found
        raise TokenRejected("the exchange finds a fresh token wrong or too old")

    def _body(self, response: HttpResponse) -> bytes:
        """The body of an answer of the venue's own. A 405 comes from its firewall, which says nothing of a request."""
        if response.status == 405:
            self._limiter.pause(facts.BAN_S)
            raise Unavailable(f"the exchange's firewall shuts us out; all wait {facts.BAN_S:.0f} s")
        return response.body


def _post(signed: SignedTx) -> HttpRequest:
    body = urlencode({"tx_type": str(signed.tx_type), "tx_info": signed.tx_info})
    return HttpRequest("POST", "/api/v1/sendTx", _FORM, body.encode())
