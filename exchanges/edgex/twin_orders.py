"""The twin's orders: accepted at once, acted on a moment later, and told with totals that settle later still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from domain.market import Side
from domain.orders import OrderStatus
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin_wire import OrderView
from exchanges.rehearsal.desk import TwinDesk, TwinOrder
from markets.orders import Reason, Refusal

_FIRST_ORDER_ID = 564_829_588_270_000_000
_NOTHING = (Decimal(0), Decimal(0), Decimal(0))
_CANCEL_REASONS = {
    Reason.CANCELLED_BY_OWNER: "USER_CANCELED",
    Reason.REDUCE_ONLY: "REDUCE_ONLY_CANCELED",
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: "REDUCE_ONLY_CANCELED",
    Reason.EXPIRED: "EXPIRE_CANCELED",
    Reason.LIQUIDATION: "LIQUIDATE_CANCELED",
    Reason.NO_LIQUIDITY: "COULD_NOT_FILL",
    Reason.SELF_TRADE: "COULD_NOT_FILL",
    Reason.INSUFFICIENT_MARGIN: "MARGIN_NOT_ENOUGH",
}


@dataclass(frozen=True, slots=True)
class OrderForm:
    """An order as it was asked for and found well-formed. `price` 0: at market. Times in milliseconds."""

    client_id: str
    side: Side
    price: Decimal
    size: Decimal
    kind: str
    life: str
    reduce_only: bool
    nonce: str
    expire_ms: int


@dataclass(slots=True)
class Booked:
    """One order of the account. `number` is the market's; None before it got there, or where it never did."""

    order_id: str
    form: OrderForm
    created_ms: int
    number: int | None = None
    refused: str = ""
    """The cancel reason of an order that never reached the book."""
    refused_ms: int = 0
    cancel_asked: bool = False
    settled: tuple[Decimal, Decimal, Decimal] = _NOTHING


class OrderTable:
    """`refuse` is told of an order that ended before it reached the book."""

    def __init__(self, desk: TwinDesk, contract_id: str, switches: Switches, refuse: Callable[[Booked], None]) -> None:
        self.rows: dict[str, Booked] = {}
        self._desk = desk
        self._contract_id = contract_id
        self._switches = switches
        self._refuse = refuse
        self._by_number: dict[int, Booked] = {}
        self._by_client_id: dict[str, Booked] = {}

    # --- reads ------------------------------------------------------------------------------------------------------

    def by_number(self, number: int) -> Booked:
        """An order the market speaks of; one that nobody sent over the wire gets its row here."""
        booked = self._by_number.get(number)
        if booked is None:
            order = self._desk.orders[number]
            kind = "MARKET" if order.price is None else "LIMIT"
            form = OrderForm(
                "",
                order.side,
                order.price or Decimal(0),
                order.asked,
                kind,
                "GOOD_TIL_CANCEL",
                order.reduce_only,
                "0",
                0,
            )
            booked = self._add(form, order.placed_ns // 1_000_000)
            self._bind(booked, number)
        return booked

    def by_client_id(self, client_id: str) -> Booked | None:
        return self._by_client_id.get(client_id)

    def is_live(self, booked: Booked) -> bool:
        return not booked.refused and (booked.number is None or self._desk.orders[booked.number].is_live)

    def live(self) -> list[Booked]:
        """Newest first."""
        return [booked for booked in reversed(self.rows.values()) if self.is_live(booked)]

    def view(self, booked: Booked, order: TwinOrder | None = None) -> OrderView:
        """The order now, or as it was at the moment of `order`."""
        if order is None and booked.number is not None:
            order = self._desk.orders[booked.number]
        form = booked.form
        matched = _NOTHING if order is None else (order.filled, order.filled_quote, order.fees)
        status, reason = self._status(booked, order)
        is_trimmed = order is not None and self._switches.reduce_only_is_trimmed
        return OrderView(
            order_id=booked.order_id,
            client_id=form.client_id,
            contract_id=self._contract_id,
            side=form.side,
            price=form.price,
            size=order.quantity if is_trimmed and order is not None else form.size,
            kind=form.kind,
            life=form.life,
            reduce_only=form.reduce_only,
            nonce=form.nonce,
            expire_ms=form.expire_ms,
            status=status,
            cancel_reason=reason,
            matched=matched,
            settled=booked.settled,
            created_ms=booked.created_ms,
            updated_ms=order.updated_ns // 1_000_000 if order is not None else booked.refused_ms or booked.created_ms,
        )

    def _status(self, booked: Booked, order: TwinOrder | None) -> tuple[str, str]:
        if booked.refused:
            return "CANCELED", booked.refused
        if order is None:
            return "PENDING", ""
        if order.status is OrderStatus.FILLED:
            is_whole = self._switches.reduce_only_is_trimmed or order.filled == booked.form.size
            return ("FILLED", "") if is_whole else ("CANCELED", "REDUCE_ONLY_CANCELED")
        if not order.is_live:
            return "CANCELED", self.cancel_reason(order.reason)
        return ("CANCELING" if booked.cancel_asked and self._switches.tells_canceling else "OPEN"), ""

    def cancel_reason(self, reason: str) -> str:
        if reason == Reason.POST_ONLY_WOULD_CROSS:
            return self._switches.post_only_cancel_reason
        return _CANCEL_REASONS[Reason(reason)] if reason in _CANCEL_REASONS else "ADMIN_CANCELED"

    # --- changes ----------------------------------------------------------------------------------------------------

    def accept(self, form: OrderForm, now_ms: int) -> Booked:
        """Queue an order; `act` brings it to the market."""
        booked = self._add(form, now_ms)
        self._by_client_id[form.client_id] = booked
        return booked

    def act(self, booked: Booked, now_ms: int) -> None:
        form = booked.form
        outcome = self._desk.place(
            form.client_id,
            form.side,
            form.size,
            None if form.kind == "MARKET" else form.price,
            post_only=form.life == "POST_ONLY",
            reduce_only=form.reduce_only,
            immediate=form.life == "IMMEDIATE_OR_CANCEL",
        )
        if isinstance(outcome, Refusal):
            booked.refused, booked.refused_ms = self.cancel_reason(outcome.reason), now_ms
            if outcome.reason not in _CANCEL_REASONS and outcome.reason != Reason.POST_ONLY_WOULD_CROSS:
                booked.refused = "INTERNAL_FAILED"
            self._refuse(booked)
            return
        self._bind(booked, outcome.number)
        if outcome.quantity < form.size and not self._switches.reduce_only_is_trimmed and outcome.is_live:
            self._desk.end_by_venue(outcome.number, Reason.REDUCE_ONLY)
        if booked.cancel_asked:
            self.cancel(booked)

    def cancel(self, booked: Booked) -> None:
        """By the owner; an order that has ended meanwhile stays as it is."""
        if booked.number is not None and self._desk.orders[booked.number].is_live:
            self._desk.cancel(booked.number)

    def end(self, booked: Booked, reason: Reason) -> None:
        """By the venue."""
        if booked.number is not None and self._desk.orders[booked.number].is_live:
            self._desk.end_by_venue(booked.number, reason, expired=reason is Reason.EXPIRED)

    def settle(self, booked: Booked, totals: tuple[Decimal, Decimal, Decimal]) -> None:
        """The lagging totals catch up; they never fall."""
        booked.settled = max(booked.settled, totals)

    def _add(self, form: OrderForm, now_ms: int) -> Booked:
        booked = Booked(str(_FIRST_ORDER_ID + len(self.rows) + 1), form, now_ms)
        self.rows[booked.order_id] = booked
        return booked

    def _bind(self, booked: Booked, number: int) -> None:
        booked.number = number
        self._by_number[number] = booked
