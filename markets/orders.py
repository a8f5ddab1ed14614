"""Orders as the simulated venue knows them: what is asked, why it is refused, and what became of it.

At the surface (`NewOrder`, `OrderState`) everything is `Decimal`. Inside, a `BookOrder` counts whole units of the
tape's scale, so that matching compares integers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.market import Side
from domain.orders import OrderStatus


class Reason(StrEnum):
    """Stable words for refusals, and for why the venue itself ended or changed an order."""

    NO_QUOTE = "no_quote"
    """Nothing was quoted yet: no order can be judged."""
    BAD_PRICE = "bad_price"
    BAD_QUANTITY = "bad_quantity"
    OFF_TICK = "off_tick"
    OFF_STEP = "off_step"
    BELOW_MINIMUM = "below_minimum"
    BELOW_NOTIONAL = "below_notional"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    REDUCE_ONLY_WOULD_NOT_REDUCE = "reduce_only_would_not_reduce"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    SELF_TRADE = "self_trade"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_HAS_ENDED = "order_has_ended"

    CANCELLED_BY_OWNER = "cancelled_by_owner"
    REDUCE_ONLY = "reduce_only"
    """The position shrank below what the order could still close."""
    EXPIRED = "expired"
    LIQUIDATION = "liquidation"
    NO_LIQUIDITY = "no_liquidity"
    """The rest of an order that does not wait, once nothing was left to take."""


class SelfTrade(StrEnum):
    """What happens when an order that takes would meet the account's own resting orders.

    A post-only order never takes: one that would meet an own order is refused in every mode.
    """

    CANCEL_RESTING = "cancel_resting"
    CANCEL_INCOMING = "cancel_incoming"
    CANCEL_BOTH = "cancel_both"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """One order to place. `price` None: at market. `client_id` None: placed by somebody else on the same account.

    `immediate`: what cannot be taken on arrival is cancelled (always so for a market order). `any_notional`: the
    smallest notional does not hold for it, as on some venues for what reduces.
    """

    client_id: int | None
    side: Side
    quantity: Decimal
    price: Decimal | None
    post_only: bool = False
    reduce_only: bool = False
    immediate: bool = False
    any_notional: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The venue did not accept. `reason` is for comparing, `message` for people."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class OrderState:
    """One order at one moment, live or ended. `filled` is a total; `quantity` is what a trim left of it."""

    order_id: str
    client_id: int | None
    side: Side
    price: Decimal | None
    quantity: Decimal
    filled: Decimal
    status: OrderStatus
    reason: str
    post_only: bool
    reduce_only: bool
    placed_ns: int
    ended_ns: int | None

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled


@dataclass(slots=True, eq=False)
class BookOrder:
    """An order inside the venue, in whole units. `number` is its id and its time priority.

    `ahead`: size queued in front of it by others at its price; None while that is unknown, because its price has not
    been the touch yet.
    """

    number: int
    client_id: int | None
    side: Side
    price: int | None
    quantity: int
    post_only: bool
    reduce_only: bool
    placed_ns: int
    expires_ns: int | None = None
    filled: int = 0
    ahead: int | None = None
    status: OrderStatus = OrderStatus.OPEN
    reason: str = ""
    ended_ns: int | None = None

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        return self.ended_ns is None
