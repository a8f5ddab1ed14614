"""A simulated venue as a twin needs it: in wire time, with the client ids of the wire, and as a sequence of happenings.

The market may be a recording of another year, and may live faster than the wire; the desk keeps both times and shows
only the wire's. A hole in the data is leapt over: the wire does not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from domain.events import Fill, FundingPayment, Liquidity, OrderUpdate, PositionUpdate, VenueEvent
from domain.market import MarketRules, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.rehearsal.setup import TwinSetup
from markets.orders import NewOrder, Reason, Refusal

_ZERO = Decimal(0)
_STATUS = {
    OrderFact.ACCEPTED: OrderStatus.OPEN,
    OrderFact.FILLED: OrderStatus.FILLED,
    OrderFact.CANCELLED: OrderStatus.CANCELLED,
    OrderFact.EXPIRED: OrderStatus.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class TwinOrder:
    """One order at one moment. `number` counts from 1; `client_id` as on the wire, None where there is none.

    `asked`: the quantity of the request; `quantity`: what a trim left of it. `filled_quote`: what the filled quantity
    cost, in quote currency. `status` OPEN, FILLED, CANCELLED or EXPIRED; `reason` a word of `markets.orders.Reason`.
    Times are wire time. `forced`: the venue's own order (a liquidation). `note`: whatever a twin wants to remember.
    """

    number: int
    client_id: str | None
    side: Side
    price: Decimal | None
    asked: Decimal
    quantity: Decimal
    post_only: bool
    reduce_only: bool
    placed_ns: int
    updated_ns: int
    filled: Decimal = _ZERO
    filled_quote: Decimal = _ZERO
    fees: Decimal = _ZERO
    status: OrderStatus = OrderStatus.OPEN
    reason: str = ""
    ended_ns: int | None = None
    forced: bool = False
    note: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        return self.ended_ns is None

    @property
    def average_price(self) -> Decimal | None:
        return self.filled_quote / self.filled if self.filled else None


@dataclass(frozen=True, slots=True)
class TwinFill:
    """One trade of the account, at wire time. `number` counts from 1."""

    number: int
    order: TwinOrder
    """The order just after the trade."""
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    is_maker: bool
    at_ns: int
    position: Decimal = _ZERO
    """The account's signed position just before the trade."""


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """`fact` ACCEPTED without a fill is either the acceptance (`is_new`) or a trim of a reduce-only order."""

    at_ns: int
    fact: OrderFact
    order: TwinOrder
    fill: TwinFill | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class PositionMoved:
    at_ns: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class TouchMoved:
    at_ns: int
    quote: Quote


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """`amount` in quote currency, positive when received."""

    at_ns: int
    payment_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RulesMoved:
    at_ns: int
    rules: MarketRules


Happening = OrderMoved | PositionMoved | TouchMoved | FundingPaid | RulesMoved


class TwinDesk:
    """One account on one market, in wire time."""

    def __init__(self, setup: TwinSetup) -> None:
        self.venue = setup.open_venue(setup.source, setup.terms)
        self.orders: dict[int, TwinOrder] = {}
        self.fills: list[TwinFill] = []
        self.funding: list[FundingPaid] = []
        self._speed = setup.speed
        self._is_real_time = setup.speed == 1
        self._wire_ns = setup.start_ns
        self._anchor = (setup.start_ns, self.venue.now_ns)
        """A moment on the wire, and the same moment on the market."""
        self._by_client_id: dict[str, int] = {}
        self._told: Quote | None = None
        self._look_ns = setup.start_ns
        self._look_every_ns = setup.touch_every_ns
        self._happenings: list[Happening] = []
        self._fill: Fill | None = None
        self._position = _ZERO
        self._take_in()

    # --- reads ------------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Wire time."""
        return self._wire_ns

    @property
    def rules(self) -> MarketRules:
        return self.venue.rules

    @property
    def position(self) -> Decimal:
        return self.venue.position

    @property
    def quote(self) -> Quote | None:
        """The quote in force now, in wire time."""
        quote = self.venue.quote_as_of(self.venue.now_ns)
        return None if quote is None else replace(quote, as_of_ns=self._wire_ns)

    def live_orders(self) -> list[TwinOrder]:
        """Resting orders, oldest first."""
        return [self.orders[int(state.order_id)] for state in self.venue.open_orders()]

    def by_client_id(self, client_id: str) -> TwinOrder | None:
        """The newest order with this client id, live or ended."""
        number = self._by_client_id.get(client_id)
        return None if number is None else self.orders[number]

    # --- requests ---------------------------------------------------------------------------------------------------

    def place(
        self,
        client_id: str | None,
        side: Side,
        quantity: Decimal,
        price: Decimal | None,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        immediate: bool = False,
        any_notional: bool = False,
        note: str = "",
    ) -> TwinOrder | Refusal:
        """Place now; the order after what it took at once. Whether a client id may be used again is the twin's rule.

        `any_notional`: the smallest notional does not hold for it.
        """
        outcome = self.venue.place(
            NewOrder(None, side, quantity, price, post_only, reduce_only, immediate, any_notional)
        )
        if isinstance(outcome, Refusal):
            return outcome
        number = int(outcome.order_id)
        if client_id is not None:
            self._by_client_id[client_id] = number
        self.orders[number] = TwinOrder(
            number,
            client_id,
            side,
            price,
            quantity,
            quantity,
            post_only,
            reduce_only,
            self._wire_ns,
            self._wire_ns,
            note=note,
        )
        self._take_in(new=number)
        return self.orders[number]

    def cancel(self, number: int) -> TwinOrder | Refusal:
        outcome = self.venue.cancel(order_id=str(number))
        self._take_in()
        return outcome if isinstance(outcome, Refusal) else self.orders[number]

    def end_by_venue(self, number: int, reason: str, *, expired: bool = False) -> None:
        """The venue itself ends a resting order. Raises `LookupError` when none rests under this number."""
        self.venue.cancel_by_venue(str(number), reason, expired=expired)
        self._take_in()

    def trade_by_hand(self, side: Side, quantity: Decimal) -> None:
        """The account's owner trades elsewhere, at the touch."""
        self.venue.external_trade(side, quantity)
        self._take_in()

    def liquidate(self, quantity: Decimal, *, ends_orders: bool) -> None:
        """The venue itself closes part of the position: see `SimulatedVenue.liquidate`."""
        self.venue.liquidate(quantity, ends_orders=ends_orders)
        self._take_in()

    def change_rules(self, rules: MarketRules) -> None:
        self.venue.change_rules(rules)
        self._take_in()
        self._happenings.append(RulesMoved(self._wire_ns, rules))

    # --- time -------------------------------------------------------------------------------------------------------

    def advance(self, until_ns: int) -> int:
        """Let the market live until `until_ns` on the wire, or until something happened; the time reached."""
        while self._wire_ns < until_ns and not self._happenings:
            target_ns = min(until_ns, max(self._look_ns, self._wire_ns))
            market_ns = self._market_ns(target_ns)
            reached_ns = self.venue.advance(market_ns)
            if reached_ns > market_ns:  # A hole in the data: the wire does not wait for it.
                self._anchor = (target_ns, reached_ns)
            self._wire_ns = max(self._wire_ns, min(target_ns, self._wire_of(reached_ns)))
            if reached_ns >= market_ns:
                self._wire_ns = target_ns
            self._take_in()
            if self._wire_ns >= self._look_ns:
                self._look_ns = self._wire_ns + self._look_every_ns
                self._look_at_touch()
        return self._wire_ns

    def take_happenings(self) -> list[Happening]:
        """What happened since the last call, in order."""
        happenings, self._happenings = self._happenings, []
        return happenings

    def _market_ns(self, wire_ns: int) -> int:
        wire_anchor, market_anchor = self._anchor
        passed_ns = wire_ns - wire_anchor
        return market_anchor + (passed_ns if self._is_real_time else int(passed_ns * self._speed))

    def _wire_of(self, market_ns: int) -> int:
        wire_anchor, market_anchor = self._anchor
        passed_ns = market_ns - market_anchor
        return wire_anchor + (passed_ns if self._is_real_time else int(passed_ns / self._speed))

    def _look_at_touch(self) -> None:
        quote = self.quote
        told = self._told
        if quote is None or (told is not None and replace(told, as_of_ns=quote.as_of_ns) == quote):
            return
        self._told = quote
        self._happenings.append(TouchMoved(self._wire_ns, quote))

    # --- from the venue's events to happenings ----------------------------------------------------------------------

    def _take_in(self, new: int | None = None) -> None:
        for event in self.venue.take_events():
            self._take_event(event, new)

    def _take_event(self, event: VenueEvent, new: int | None) -> None:
        match event:
            case Fill():
                self._fill = event
            case OrderUpdate():
                self._take_order(event, new)
            case PositionUpdate():
                self._position = event.quantity
                self._happenings.append(PositionMoved(self._wire_ns, event.quantity))
            case FundingPayment():
                paid = FundingPaid(self._wire_ns, event.payment_id, event.amount)
                self.funding.append(paid)
                self._happenings.append(paid)
            case _:
                pass

    def _take_order(self, event: OrderUpdate, new: int | None) -> None:
        assert event.order_id is not None, "the venue names its orders"
        number = int(event.order_id)
        order = self.orders.get(number) or self._unasked(number)
        fill, self._fill = self._fill, None
        is_new = number == new and fill is None and event.fact is OrderFact.ACCEPTED and order.filled == 0
        now_ns = self._wire_ns
        order = replace(
            order,
            quantity=event.quantity if event.quantity is not None else order.quantity,
            updated_ns=now_ns,
            status=_STATUS[event.fact],
            reason=event.reason or order.reason,
            ended_ns=None if event.fact is OrderFact.ACCEPTED else now_ns,
        )
        if fill is not None:
            order = replace(
                order,
                filled=order.filled + fill.quantity,
                filled_quote=order.filled_quote + fill.price * fill.quantity,
                fees=order.fees + fill.fee,
                forced=order.forced or fill.forced,
            )
        self.orders[number] = order
        told = None if fill is None else self._told_fill(fill, order)
        self._happenings.append(OrderMoved(now_ns, event.fact, order, told, is_new))

    def _told_fill(self, fill: Fill, order: TwinOrder) -> TwinFill:
        told = TwinFill(
            number=int(fill.trade_id),
            order=order,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
            fee=fill.fee,
            is_maker=fill.liquidity is Liquidity.MAKER,
            at_ns=self._wire_ns,
            position=self._position,
        )
        self.fills.append(told)
        return told

    def _unasked(self, number: int) -> TwinOrder:
        """An order that nobody sent over the wire: by hand, or a liquidation."""
        state = self.venue.order(order_id=str(number))
        assert state is not None, "the venue knows every order it reports"
        now_ns = self._wire_ns
        return TwinOrder(
            number,
            None,
            state.side,
            state.price,
            state.quantity,
            state.quantity,
            state.post_only,
            state.reduce_only,
            now_ns,
            now_ns,
        )


def is_liquidated(order: TwinOrder) -> bool:
    """Whether the venue ended the order, or made it, in a liquidation."""
    return order.forced or order.reason == Reason.LIQUIDATION
