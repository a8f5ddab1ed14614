"""The twin's orders: placing, cancelling and asking, with the venue's rules and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus
from exchanges.aster.twin_auth import Denial, Values, denied, missing, ok
from exchanges.aster.twin_wire import MOST_QUANTITY, Json, rest_order
from exchanges.rehearsal.desk import TwinOrder
from exchanges.transport.messages import HttpResponse
from markets.orders import Reason, Refusal

if TYPE_CHECKING:
    from exchanges.aster.twin import AsterTwin

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_MOST_DECIMALS = 8
"""The precision that the listing states."""
_REMEMBERED_NS = 7 * 86_400 * NANOSECONDS
"""How long an order that ended without a fill is known, from when it was placed."""
_LIVES = ("GTC", "IOC", "GTX", "HIDDEN")
"""FOK is the one the twin does not play."""
_REFUSALS = {
    Reason.OFF_TICK: (-4014, "Price not increased by tick size."),
    Reason.BAD_PRICE: (-4002, "Price greater than max price."),
    Reason.OFF_STEP: (-4023, "Qty not increased by step size."),
    Reason.BAD_QUANTITY: (-4005, "Quantity greater than max quantity."),
    Reason.BELOW_MINIMUM: (-4004, "Quantity less than min quantity."),
    Reason.BELOW_NOTIONAL: (-4164, "Order's notional must be no smaller than 5.0 (unless you choose reduce only)"),
    Reason.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: (-2022, "ReduceOnly Order is rejected."),
    Reason.NO_QUOTE: (-1001, "Internal error; unable to process your request. Please try again."),
}
_EXPIRING = (Reason.POST_ONLY_WOULD_CROSS, Reason.SELF_TRADE)
"""What the venue acknowledges, and then lets expire."""


@dataclass(frozen=True, slots=True)
class Form:
    """A well-formed new order."""

    side: Side
    quantity: Decimal
    price: Decimal | None
    life: str
    reduce_only: bool
    client_id: str
    wants_result: bool

    @property
    def note(self) -> str:
        return f"{'MARKET' if self.price is None else 'LIMIT'} {self.life}"


class OrderDesk:
    """Requests about orders; the twin holds the state."""

    def __init__(self, twin: AsterTwin) -> None:
        self._twin = twin

    # --- placing ----------------------------------------------------------------------------------------------------

    def place(self, values: Values) -> HttpResponse:
        form = self._form(values)
        if isinstance(form, Denial):
            return denied(form)
        if (denial := self._rule_broken(form)) is not None:
            return denied(denial)
        outcome = self._twin.desk.place(
            form.client_id,
            form.side,
            form.quantity,
            form.price,
            post_only=form.life == "GTX",
            reduce_only=form.reduce_only,
            immediate=form.life == "IOC",
            any_notional=form.reduce_only,
            note=form.note,
        )
        if isinstance(outcome, TwinOrder):
            return ok(self._acknowledged(outcome, form))
        if outcome.reason in _EXPIRING:
            return self._expire(form, outcome)
        code, message = _REFUSALS[outcome.reason]
        return denied(Denial(400, code, message))

    def _expire(self, form: Form, refusal: Refusal) -> HttpResponse:
        switches = self._twin.switches
        if switches.crossing_is_refused and refusal.reason is Reason.POST_ONLY_WOULD_CROSS:
            return denied(Denial(400, -5022, "Post Only order will be rejected."))
        at_once = form.wants_result and switches.result_tells_crossing
        order = self._twin.let_expire(form, refusal.reason, 0 if at_once else switches.crossing_delay_ms)
        return ok({**self._shown(order), "cumQty": "0"})

    def _acknowledged(self, order: TwinOrder, form: Form) -> Json:
        shown = self._shown(order)
        if not form.wants_result:
            shown |= {"status": "NEW", "executedQty": "0", "cumQuote": "0", "avgPrice": "0.00000"}
        return {**shown, "cumQty": shown["executedQty"]}

    def _form(self, values: Values) -> Form | Denial:
        for name in ("symbol", "side", "type", "quantity"):
            if not values.get(name):
                return missing(name)
        side = {"BUY": Side.BUY, "SELL": Side.SELL}.get(values["side"])
        if side is None:
            return Denial(400, -1117, "Invalid side.")
        is_limit = values["type"] == "LIMIT"
        if not is_limit and values["type"] != "MARKET":
            return Denial(400, -1116, "Invalid orderType.")
        for name in ("price", "timeInForce") if is_limit else ():
            if not values.get(name):
                return missing(name)
        life = values["timeInForce"] if is_limit else "GTC"
        if life not in _LIVES:
            return Denial(400, -1115, "Invalid timeInForce.")
        quantity = _number(values["quantity"])
        price = _number(values["price"]) if is_limit else None
        if quantity is None or (is_limit and price is None):
            return missing("quantity" if quantity is None else "price")
        if _decimals(quantity) > _MOST_DECIMALS or (price is not None and _decimals(price) > _MOST_DECIMALS):
            return Denial(400, -1111, "Precision is over the maximum defined for this asset.")
        if self._twin.is_hedged or values.get("positionSide", "BOTH") != "BOTH":
            return Denial(400, -4061, "Order's position side does not match user's setting.")
        client_id = values.get("newClientOrderId") or self._twin.made_up_client_id()
        if _CLIENT_ID.fullmatch(client_id) is None:
            return Denial(400, -4015, "Client order id is not valid.")
        reduce_only = values.get("reduceOnly", "false").lower()
        if reduce_only not in ("true", "false"):
            return missing("reduceOnly")
        wants_result = values.get("newOrderRespType") == "RESULT"
        return Form(side, quantity, price, life, reduce_only == "true", client_id, wants_result)

    def _rule_broken(self, form: Form) -> Denial | None:
        twin = self._twin
        live = twin.desk.live_orders()
        if form.quantity > MOST_QUANTITY:
            return Denial(400, -4005, "Quantity greater than max quantity.")
        if any(order.client_id == form.client_id for order in live):
            return Denial(400, twin.switches.duplicate_client_id_code, "ClientOrderId is duplicated.")
        if len(live) >= twin.switches.most_open_orders:
            return Denial(400, -2025, "Reach max open order limit.")
        quote = twin.desk.quote
        if form.price is not None and quote is not None and twin.is_out_of_band(form.price):
            if form.price > quote.mid:
                return Denial(400, -4016, "Price is higher than mark price multiplier cap.")
            return Denial(400, -4024, "Price is lower than mark price multiplier floor.")
        if form.reduce_only and not twin.switches.excess_reduce_only_is_trimmed:
            rests = form.price is not None
            covered = sum((o.remaining for o in live if rests and o.reduce_only and o.side is form.side), Decimal(0))
            if form.quantity > -form.side.sign * twin.desk.position - covered:
                return Denial(400, -2022, "ReduceOnly Order is rejected.")
        return None

    # --- cancelling and asking --------------------------------------------------------------------------------------

    def cancel(self, values: Values) -> HttpResponse:
        order = self._named(values)
        if isinstance(order, Denial):
            return denied(order)
        if order is None or order.number not in self._twin.desk.orders or not order.is_live:
            return denied(Denial(400, -2011, "Unknown order sent."))
        cancelled = self._twin.desk.cancel(order.number)
        assert not isinstance(cancelled, Refusal), "it was live"
        return ok(self._shown(cancelled))

    def cancel_all(self, values: Values) -> HttpResponse:
        if "symbol" not in values:
            return denied(missing("symbol"))
        for order in self._twin.desk.live_orders():
            self._twin.desk.cancel(order.number)
        return ok({"code": "200", "msg": "The operation of cancel all open order is done."})

    def one(self, values: Values) -> HttpResponse:
        order = self._named(values)
        if isinstance(order, Denial):
            return denied(order)
        if order is None or self._is_forgotten(order):
            return denied(Denial(400, -2013, "Order does not exist."))
        return ok(self._dated(order))

    def open(self, _values: Values) -> HttpResponse:
        return ok([self._dated(order) for order in self._twin.all_orders() if order.is_live])

    def all(self, values: Values) -> HttpResponse:
        if "symbol" not in values:
            return denied(missing("symbol"))
        first, limit = values.get("orderId", "0"), values.get("limit", "500")
        if not (first.isascii() and first.isdigit() and limit.isascii() and limit.isdigit() and 0 < int(limit) <= 1000):
            return denied(missing("orderId"))
        rows = [self._dated(order) for order in self._twin.all_orders() if not self._is_forgotten(order)]
        return ok([row for row in rows if int(str(row["orderId"])) >= int(first)][: int(limit)])

    def _named(self, values: Values) -> TwinOrder | Denial | None:
        """By the venue's id, else by the client's: a live order of it before an ended one."""
        if "symbol" not in values:
            return missing("symbol")
        if "orderId" in values:
            return self._twin.by_wire_id(values["orderId"])
        if "origClientOrderId" not in values:
            return missing("orderId")
        found = [order for order in self._twin.all_orders() if order.client_id == values["origClientOrderId"]]
        live = [order for order in found if order.is_live]
        return (live or found)[-1] if found else None

    def _is_forgotten(self, order: TwinOrder) -> bool:
        ended_empty = order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and not order.filled
        return ended_empty and self._twin.now_ns - order.placed_ns > _REMEMBERED_NS

    def _shown(self, order: TwinOrder) -> Json:
        return rest_order(order, self._twin.order_id(order.number), self._twin.symbol)

    def _dated(self, order: TwinOrder) -> Json:
        return {**self._shown(order), "time": order.placed_ns // 1_000_000}


def _decimals(value: Decimal) -> int:
    """How many digits stand behind the point."""
    return len(format(value, "f").partition(".")[2])


def _number(text: str) -> Decimal | None:
    """As orders carry it: plain and positive."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = Decimal(text)
    return number if number > 0 else None
