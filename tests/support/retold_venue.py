"""A venue of which everything is true, and each fact of it, to be told to a bot well or badly.

What happens here happens at once; the facts go to `history` as they should be heard, and to `tell` as news. A fact that
answers a request of the bot's own is an answer: late perhaps, but never lost while the process lives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from domain.events import Fill, Liquidity, OrderUpdate
from domain.market import MarketRules, PriceBand, Quote, Side
from domain.orders import OrderFact, OrderStatus, Purpose
from exchanges.base import BaseExchangeClient, Capabilities, EventHandler, OrderInfo, OrderRequest
from tests.support.grid import ZERO, rules

_NOT_LISTED = (OrderStatus.PLANNED, OrderStatus.NEVER_PLACED)
_FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
    OrderStatus.NEVER_PLACED: OrderFact.NEVER_PLACED,
}

Fact = OrderUpdate | Fill


@dataclass(slots=True)
class TrueOrder:
    """PLANNED: the request is on its way; NEVER_PLACED: it was lost there."""

    client_id: int
    purpose: Purpose
    side: Side
    price: Decimal
    quantity: Decimal
    status: OrderStatus = OrderStatus.PLANNED
    filled: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled


class RetoldVenue(BaseExchangeClient):
    """`record(fact)` is called with each fact as it happens; `tell(fact, is_answer)` with what may be heard of it."""

    capabilities = Capabilities()

    def __init__(
        self,
        direction: Side,
        now_ns: Callable[[], int],
        record: Callable[[Fact], None],
        tell: Callable[[Fact, bool], None],
    ) -> None:
        self.orders: dict[int, TrueOrder] = {}
        self.trades: list[Fill] = []
        self.own = ZERO
        """Position in the bot's direction."""
        self._direction = direction
        self._now_ns = now_ns
        self._record = record
        self._tell = tell

    # --- what happens -------------------------------------------------------------------------------------------

    def travelling(self) -> list[TrueOrder]:
        return [order for order in self.orders.values() if order.status is OrderStatus.PLANNED]

    def resting(self, *purposes: Purpose) -> list[TrueOrder]:
        wanted = purposes or tuple(Purpose)
        return [o for o in self.orders.values() if o.status is OrderStatus.OPEN and o.purpose in wanted]

    def outstanding(self, *purposes: Purpose) -> Decimal:
        """What requests on their way and resting orders may still trade."""
        live = [order for order in (*self.travelling(), *self.resting()) if order.purpose in purposes]
        return sum((order.remaining for order in live), ZERO)

    def arrive(self, order: TrueOrder, *, answered: bool = True) -> None:
        """The venue takes the order; one at market trades at once, as far as there is something to reduce."""
        order.status = OrderStatus.OPEN
        self._happens(order, is_answer=answered)
        if not answered:
            self._tell(self.fact(order, OrderFact.OUTCOME_UNKNOWN), True)
        if order.purpose is Purpose.EXIT:
            self.trade(order, order.quantity)
            if order.status is OrderStatus.OPEN:
                self.end(order, OrderStatus.CANCELLED)

    def refuse(self, order: TrueOrder, reason: str, *, answered: bool = True) -> None:
        order.status = OrderStatus.REFUSED
        told = self.fact(order, reason=reason)
        self._record(told)
        self._tell(told if answered else self.fact(order, OrderFact.OUTCOME_UNKNOWN), True)

    def lose(self, order: TrueOrder, *, is_known: bool) -> None:
        """The request never arrives. `is_known`: the bot can tell."""
        order.status = OrderStatus.NEVER_PLACED
        self._record(self.fact(order))
        self._tell(self.fact(order, None if is_known else OrderFact.OUTCOME_UNKNOWN), True)

    def trade(self, order: TrueOrder, quantity: Decimal) -> None:
        """Closing orders are reduce-only. The trade and the total after it are told, each by itself."""
        opens = order.purpose is Purpose.OPEN
        quantity = quantity if opens else min(quantity, max(ZERO, self.own))
        if not quantity:
            return
        order.filled += quantity
        self.own += quantity if opens else -quantity
        if not order.remaining:
            order.status = OrderStatus.FILLED
        at_ns = self._now_ns()
        fill = Fill(
            at_ns, order.client_id, f"o{order.client_id}", f"t{len(self.trades)}", order.side, order.price, quantity,
            quantity / 100, Liquidity.MAKER, at_ns,
        )  # fmt: skip
        self.trades.append(fill)
        self._record(fill)
        self._tell(fill, False)
        self._happens(order)

    def end(self, order: TrueOrder, status: OrderStatus, *, stated: bool = True) -> None:
        """Not `stated`: told without the total that it filled."""
        order.status = status
        self._record(self.fact(order))
        self._tell(self.fact(order, stated=stated), False)

    def shrink(self, order: TrueOrder, remaining: Decimal) -> None:
        order.quantity = order.filled + remaining
        self._happens(order)

    def snapshot(self, order: TrueOrder) -> None:
        """How the order stands now; whoever hears of it later hears old news."""
        self._tell(self.fact(order), False)

    def cancel_fails(self, order: TrueOrder) -> None:
        failed = self.fact(order, OrderFact.CANCEL_FAILED)
        self._record(failed)
        self._tell(failed, False)

    def fact(
        self, order: TrueOrder, fact: OrderFact | None = None, *, reason: str = "", stated: bool = True
    ) -> OrderUpdate:
        is_listed = order.status not in _NOT_LISTED
        says_all = is_listed and fact is None
        return OrderUpdate(
            self._now_ns(),
            order.client_id,
            fact or _FACTS[order.status],
            f"o{order.client_id}" if says_all else None,
            order.filled if says_all and stated else None,
            order.quantity if says_all else None,
            reason,
        )

    def _happens(self, order: TrueOrder, *, is_answer: bool = False) -> None:
        told = self.fact(order)
        self._record(told)
        self._tell(told, is_answer)

    # --- what is read -------------------------------------------------------------------------------------------

    async def query(self, client_id: int, order_id: str | None) -> OrderInfo | None:
        del order_id
        order = self.orders.get(client_id)
        return None if order is None or order.status in _NOT_LISTED else self._info(order)

    async def open_orders(self) -> list[OrderInfo]:
        return [self._info(order) for order in self.resting()]

    async def position(self) -> Decimal:
        return self.own * self._direction.sign

    async def fills_since(self, since_ns: int) -> list[Fill]:
        return [fill for fill in self.trades if fill.venue_ns >= since_ns]

    async def market_rules(self) -> MarketRules:
        return rules()

    def _info(self, order: TrueOrder) -> OrderInfo:
        price = None if order.purpose is Purpose.EXIT else order.price
        remaining = order.remaining if order.status is OrderStatus.OPEN else ZERO
        return OrderInfo(
            f"o{order.client_id}", order.side, order.quantity, price, order.status, order.filled, remaining, "",
            order.client_id,
        )  # fmt: skip

    @property
    def contract_id(self) -> str:
        return "ETH-PERP"

    # --- what nobody asks for here ------------------------------------------------------------------------------

    async def connect(self) -> None:
        raise NotImplementedError

    async def disconnect(self) -> None:
        raise NotImplementedError

    def get_exchange_name(self) -> str:
        return "retold"

    async def place(self, request: OrderRequest) -> str | None:
        raise NotImplementedError

    async def cancel(self, client_id: int, order_id: str | None) -> None:
        raise NotImplementedError

    def quote(self) -> Quote | None:
        raise NotImplementedError

    def watch_quotes(self, band: PriceBand) -> None:
        raise NotImplementedError

    def setup_order_update_handler(self, handler: EventHandler) -> None:
        raise NotImplementedError
