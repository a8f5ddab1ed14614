"""The one interface every venue has: strategy words written once, over a venue's primitives.

A venue implements the primitives (`place`, `cancel`, `query`, `open_orders`, `position`, `fills_since`, streams); the
words of the user's documents (`place_open_order`, `place_close_order`, ...) live here only. Nothing here decides: the
price, the quantity and the moment come from the caller.

Every open and every close is post-only at this boundary, and closes and market orders are reduce-only wherever the
venue has it: no public method can send a taker limit order.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from domain.events import Fill, FundingPayment, VenueEvent
from domain.market import MarketRules, PriceBand, Quote, Side
from domain.orders import OrderStatus
from exchanges.errors import Refused, Unavailable

T = TypeVar("T")
EventHandler = Callable[[VenueEvent], None]


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """What a venue lets rest in one market, beyond `MarketRules`; None where it names no number.

    `lowest_price` and `highest_price` bound limit orders of either side, as fractions of the market price (0.95, 1.05).
    """

    max_open_orders: int | None = None
    lowest_price: Decimal | None = None
    highest_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can and cannot do, as data. `commands.capability_check` says what a run needs of it."""

    reduce_only: bool = True
    market_orders: bool = True
    boost: bool = True
    """Taker closes are cheap enough there for boost mode to be offered."""
    client_id_bits: int = 32
    query_by_client_id: bool = True
    max_order_life_s: int | None = None
    """Seconds after which the venue expires a resting order; None: it rests for ever."""
    funding: bool = True
    order_limits: OrderLimits = OrderLimits()
    """As the market's listing tells them; known once connected."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order to place. `price` None is a market order. The only taker orders are market orders."""

    client_id: int
    side: Side
    quantity: Decimal
    price: Decimal | None
    post_only: bool
    reduce_only: bool


@dataclass(frozen=True, slots=True)
class OrderResult:
    """The answer to a placement or cancellation. `success` False: the venue refused, `error_message` says why."""

    success: bool
    order_id: str | None = None
    side: Side | None = None
    size: Decimal | None = None
    price: Decimal | None = None
    status: str | None = None
    error_message: str | None = None
    filled_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderInfo:
    """What the venue says of one order. `filled_size` and `remaining_size` are totals in base units."""

    order_id: str
    side: Side
    size: Decimal
    price: Decimal | None
    status: OrderStatus
    filled_size: Decimal
    remaining_size: Decimal
    cancel_reason: str = ""
    client_id: int | None = None


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """What a person is shown before real money is traded. `account` is masked; `balance` in `asset`, what margin can
    be made of. `can_withdraw`: whether the key visibly may; None where the venue does not show it."""

    account: str
    balance: Decimal
    asset: str
    can_withdraw: bool | None


class BaseExchangeClient(ABC):
    """A connection to one market of one account."""

    capabilities: Capabilities

    # --- primitives a venue implements --------------------------------------------------------------------------

    @abstractmethod
    async def connect(self) -> None:
        """Log in, resolve the contract, start the streams. Raises `Misconfigured` or `Unavailable`."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Close the streams and connections. Idempotent; cancels no order."""

    @abstractmethod
    def get_exchange_name(self) -> str: ...

    @abstractmethod
    async def place(self, request: OrderRequest) -> str | None:
        """Place; the venue's order id, or None where the venue tells it later, on the stream.

        Raises `NotSent`, `Refused`, `OutcomeUnknown` or `Misconfigured`.
        """

    @abstractmethod
    async def cancel(self, client_id: int, order_id: str | None) -> None:
        """Ask for a cancel. Returning proves that the venue took the request, not that the order is gone.

        Raises `Refused` (the order is not there any more, or cannot be cancelled: ask), `NotSent`, `OutcomeUnknown`.
        """

    @abstractmethod
    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        """The order, live or ended. None is proof that the venue never accepted it. Raises `Unavailable`."""

    @abstractmethod
    async def open_orders(self) -> list[OrderInfo]:
        """Every resting order of the account in this market, ours and foreign, to the last page. Raises
        `Unavailable`."""

    @abstractmethod
    async def position(self) -> Decimal:
        """Signed net position in base units. Raises `Unavailable`."""

    @abstractmethod
    async def fills_since(self, since_ns: int) -> list[Fill]:
        """The account's trades in this market from `since_ns` (venue time) on, oldest first. Raises `Unavailable`."""

    async def funding_since(self, since_ns: int) -> list[FundingPayment]:  # noqa: ARG002
        """The account's funding payments in this market from `since_ns` (venue time) on; `at_ns` is the venue's.

        Asked for where the stream may have missed one. Only money hangs on it: a venue that cannot tell says nothing.
        Raises `Unavailable`.
        """
        return []

    @property
    def signing_backend(self) -> str:
        """What signs the requests, and for which key path; empty where nothing is signed."""
        return ""

    async def account_summary(self) -> AccountSummary:
        """What a person is shown before real money is traded. Raises `Unavailable`."""
        raise Unavailable(f"{self.get_exchange_name()} does not tell what is in the account")

    @abstractmethod
    async def market_rules(self) -> MarketRules:
        """Tick, step, minimums and fees, asked afresh. Raises `Unavailable` or `Misconfigured`."""

    @abstractmethod
    def quote(self) -> Quote | None:
        """The touch as last streamed; None while unknown. Never a request."""

    @abstractmethod
    def watch_quotes(self, band: PriceBand) -> None:
        """Deliver one `QuoteMoved` at the first quote outside `band`; replaces the earlier watch."""

    @abstractmethod
    def setup_order_update_handler(self, handler: EventHandler) -> None:
        """Deliver every `VenueEvent` of this account and market to `handler`, on the event loop, in order of
        arrival."""

    # --- the words of the user's documents ----------------------------------------------------------------------

    async def place_open_order(
        self, contract_id: str, quantity: Decimal, direction: Side, *, price: Decimal | None = None, client_id: int
    ) -> OrderResult:
        """A post-only opening order, at `price` or at `get_order_price(direction)`.

        Raises `NotSent`, `OutcomeUnknown`, `Misconfigured`; a refusal is a result with `success` False.
        """
        await self._check_contract(contract_id)
        if price is None:
            price = await self.get_order_price(direction)
        request = OrderRequest(client_id, direction, quantity, price, post_only=True, reduce_only=False)
        return await self._placed(request)

    async def place_close_order(
        self, contract_id: str, quantity: Decimal, price: Decimal, side: Side, *, client_id: int
    ) -> OrderResult:
        """A post-only closing order, reduce-only where the venue has it. Errors as `place_open_order`."""
        await self._check_contract(contract_id)
        reduce_only = self.capabilities.reduce_only
        request = OrderRequest(client_id, side, quantity, price, post_only=True, reduce_only=reduce_only)
        return await self._placed(request)

    async def place_market_order(
        self, contract_id: str, quantity: Decimal, side: Side, *, client_id: int
    ) -> OrderResult:
        """A market order that only reduces the position. Errors as `place_open_order`."""
        await self._check_contract(contract_id)
        reduce_only = self.capabilities.reduce_only
        request = OrderRequest(client_id, side, quantity, None, post_only=False, reduce_only=reduce_only)
        return await self._placed(request)

    async def cancel_order(self, client_id: int, order_id: str | None = None) -> OrderResult:
        """Ask for a cancel; errors as `cancel`, but a refusal is a result with `success` False."""
        try:
            await self.cancel(client_id, order_id)
        except Refused as refusal:
            return OrderResult(success=False, order_id=order_id, status="REFUSED", error_message=str(refusal))
        return OrderResult(success=True, order_id=order_id, status="CANCELLING")

    async def get_order_info(self, client_id: int, order_id: str | None = None) -> OrderInfo | None:
        return await query_retry(lambda: self.query(client_id, order_id))

    async def get_active_orders(self, contract_id: str) -> list[OrderInfo]:
        await self._check_contract(contract_id)
        return await query_retry(self.open_orders)

    async def get_account_positions(self) -> Decimal:
        return await query_retry(self.position)

    async def get_contract_attributes(self) -> tuple[str, Decimal]:
        """The venue's contract id and tick size."""
        rules = await query_retry(self.market_rules)
        return rules.contract_id, rules.tick_size

    async def fetch_bbo_prices(self, contract_id: str) -> tuple[Decimal, Decimal]:
        """Best bid and best ask. Raises `Unavailable` where there is no usable quote: never (0, 0)."""
        await self._check_contract(contract_id)
        quote = self.quote()
        if quote is None or not quote.is_usable:
            raise Unavailable(f"{self.get_exchange_name()} has no usable quote now")
        return quote.bid, quote.ask

    async def get_order_price(self, direction: Side) -> Decimal:
        """The maker price just inside the opposite touch."""
        rules = await query_retry(self.market_rules)
        bid, ask = await self.fetch_bbo_prices(rules.contract_id)
        return ask - rules.tick_size if direction is Side.BUY else bid + rules.tick_size

    # --- shared inner parts -------------------------------------------------------------------------------------

    async def _check_contract(self, contract_id: str) -> None:
        """An order for another contract than the one this client serves is a programming error, and never sent."""
        expected = self.contract_id
        if contract_id != expected:
            raise ValueError(f"this client trades {expected}, not {contract_id}")

    @property
    @abstractmethod
    def contract_id(self) -> str:
        """The venue's name of the contract; known once connected."""

    async def _placed(self, request: OrderRequest) -> OrderResult:
        try:
            order_id = await self.place(request)
        except Refused as refusal:
            return OrderResult(
                success=False,
                side=request.side,
                size=request.quantity,
                price=request.price,
                status="REFUSED",
                error_message=refusal.reason,
            )
        return OrderResult(
            success=True,
            order_id=order_id,
            side=request.side,
            size=request.quantity,
            price=request.price,
            status="OPEN",
        )


async def query_retry(
    read: Callable[[], Awaitable[T]], *, attempts: int = 3, first_wait_s: float = 0.2, longest_wait_s: float = 2.0
) -> T:
    """Run a read again when it was `Unavailable`; the last failure is raised, never turned into a value.

    One that the exchange's limits have no room for is not: whoever asks knows better what to wait for.
    """
    try:
        return await read()  # The rule, and it should not pay for the exception.
    except Unavailable as error:
        if attempts <= 1 or not _may_pass(error):
            raise
    await asyncio.sleep(first_wait_s)
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(attempts - 1),
        wait=wait_exponential(multiplier=2 * first_wait_s, max=longest_wait_s),
        reraise=True,
    ):
        with attempt:
            return await read()
    raise AssertionError("tenacity ends in a value or an error")


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and error.again_s is None
