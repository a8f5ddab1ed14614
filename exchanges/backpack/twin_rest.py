"""The twin's REST answers. Everything is checked as the venue would: form, signature, time, rules, rate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.backpack.twin_auth import INSTRUCTIONS, Denial, Values, check_signed, parameters_of
from exchanges.backpack.twin_forms import OrderForm, order_form
from exchanges.backpack.twin_wire import book, iso_ms, market_row, plain, position_row, rest_fill, rest_order
from exchanges.rehearsal.desk import TwinOrder
from exchanges.transport.messages import HttpRequest, HttpResponse
from markets.orders import Reason, Refusal

if TYPE_CHECKING:
    from exchanges.backpack.twin import BackpackTwin

_JSON = (("Content-Type", "application/json; charset=utf-8"),)
_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
_REFUSALS = {
    Reason.POST_ONLY_WOULD_CROSS: ("INVALID_ORDER", "Order would immediately match and take"),
    Reason.OFF_TICK: ("INVALID_PRICE", "Price is not a multiple of the tick size"),
    Reason.BAD_PRICE: ("INVALID_PRICE", "Invalid price"),
    Reason.OFF_STEP: ("INVALID_QUANTITY", "Quantity is not a multiple of the step size"),
    Reason.BAD_QUANTITY: ("INVALID_QUANTITY", "Invalid quantity"),
    Reason.BELOW_MINIMUM: ("INVALID_QUANTITY", "Quantity is below the minimum"),
    Reason.INSUFFICIENT_MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: ("INVALID_ORDER", "Reduce only order not reduced"),
    Reason.NO_QUOTE: ("TRADING_PAUSED", "No market"),
}
_INVALID_MARKET = Denial(400, "INVALID_MARKET", "Invalid market")
_DEPTHS = (5, 10, 20, 50, 100, 500, 1_000)
_LONGEST_PAGE = 1_000
_BPS = 10_000


def ok(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, _JSON, json.dumps(value, separators=(",", ":")).encode())


def denied(denial: Denial) -> HttpResponse:
    return ok({"code": denial.code, "message": denial.message}, denial.status)


class RestDesk:
    """Routes requests; the twin holds the state."""

    def __init__(self, twin: BackpackTwin) -> None:
        self._twin = twin
        self._public: dict[str, Callable[[Values], HttpResponse]] = {
            "/api/v1/time": lambda _: HttpResponse(200, _TEXT, str(twin.now_ms).encode()),
            "/api/v1/ping": lambda _: HttpResponse(200, _TEXT, b"pong"),
            "/api/v1/status": lambda _: ok({"status": twin.status, "message": None}),
            "/api/v1/markets": self._markets,
            "/api/v1/market": self._market,
            "/api/v1/depth": self._depth,
            "/api/v1/markPrices": self._mark_prices,
        }
        self._private: dict[tuple[str, str], Callable[[Values], HttpResponse]] = {
            ("POST", "/api/v1/order"): self._place,
            ("DELETE", "/api/v1/order"): self._cancel,
            ("DELETE", "/api/v1/orders"): self._cancel_all,
            ("GET", "/api/v1/order"): self._order,
            ("GET", "/api/v1/orders"): self._orders,
            ("GET", "/api/v1/position"): self._position,
            ("GET", "/api/v1/capital"): self._capital,
            ("GET", "/api/v1/capital/collateral"): self._collateral,
            ("GET", "/api/v1/account"): self._account,
            ("PATCH", "/api/v1/account"): lambda _: HttpResponse(200),
            ("GET", "/api/v1/account/limits/order"): self._limit,
            ("GET", "/wapi/v1/history/fills"): self._fill_history,
            ("GET", "/wapi/v1/history/orders"): self._order_history,
            ("GET", "/wapi/v1/history/funding"): self._funding_history,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        twin = self._twin
        if wait_ns := twin.window.wait_ns(twin.now_ns):
            refusal = ok({"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}, 429)
            return replace(refusal, headers=(*refusal.headers, ("Retry-After", str(-(-wait_ns // 10**9)))))
        batch = parameters_of(request)
        if isinstance(batch, Denial):
            return denied(batch)
        try:
            return self._routed(request, batch)
        except _BadQuery:
            return denied(Denial(400, "INVALID_CLIENT_REQUEST", "failed to parse the query"))

    def _routed(self, request: HttpRequest, batch: list[Values]) -> HttpResponse:
        twin = self._twin
        if request.method == "GET" and request.path in self._public:
            return self._public[request.path](batch[0])
        if (request.method, request.path) not in INSTRUCTIONS:
            return denied(Denial(404, "RESOURCE_NOT_FOUND", "Not Found"))
        denial = check_signed(request, batch, twin.public_key, twin.now_ms, twin.switches)
        if denial is not None:
            return denied(denial)
        if (request.method, request.path) == ("POST", "/api/v1/orders"):
            return self._place_batch(batch)
        return self._private[request.method, request.path](batch[0])

    # --- public -----------------------------------------------------------------------------------------------------

    def _markets(self, values: Values) -> HttpResponse:
        """`marketType` may come more than once; what is listed here is a perpetual."""
        return ok([self._row()] if values.get("marketType", "PERP") == "PERP" else [])

    def _market(self, values: Values) -> HttpResponse:
        return ok(self._row()) if self._is_listed(values) else denied(_INVALID_MARKET)

    def _row(self) -> dict[str, object]:
        return market_row(self._twin.symbol, self._twin.desk.rules, self._twin.book_state)

    def _is_listed(self, values: Values) -> bool:
        return values.get("symbol") == self._twin.symbol

    def _mark_prices(self, values: Values) -> HttpResponse:
        is_asked = "symbol" not in values or self._is_listed(values)
        return ok([self._twin.mark_price()]) if is_asked else denied(_INVALID_MARKET)

    def _depth(self, values: Values) -> HttpResponse:
        twin = self._twin
        quote = twin.desk.quote
        limit = _count(values, "limit", 1_000)
        if not self._is_listed(values):
            return denied(_INVALID_MARKET)
        if limit not in _DEPTHS:
            return denied(Denial(400, "INVALID_CLIENT_REQUEST", "Invalid limit"))
        levels = (
            ([], [])
            if quote is None
            else book(quote, twin.desk.rules.tick_size, min(limit, 100), is_ascending=twin.switches.depth_is_ascending)
        )
        return ok(
            {
                "asks": levels[1],
                "bids": levels[0],
                "lastUpdateId": str(twin.update_id),
                "timestamp": twin.now_ns // 1_000,
            }
        )

    # --- orders -----------------------------------------------------------------------------------------------------

    def _place(self, values: Values) -> HttpResponse:
        outcome = self._placed(values)
        return denied(outcome) if isinstance(outcome, Denial) else ok(self._shown(outcome))

    def _place_batch(self, batch: list[Values]) -> HttpResponse:
        answers: list[object] = []
        for values in batch:
            outcome = self._placed(values)
            if isinstance(outcome, Denial):
                answers.append({"operation": "Err", "code": outcome.code, "message": outcome.message})
            else:
                answers.append({"operation": "Ok", **self._shown(outcome)})
        return ok(answers)

    def _placed(self, values: Values) -> TwinOrder | Denial:
        twin = self._twin
        form = order_form(values, twin.symbol)
        if isinstance(form, Denial):
            return form
        objection = self._closed(form) or self._objection(form)
        if objection is not None:
            return objection
        outcome = twin.desk.place(
            form.client_id,
            form.side,
            form.quantity,
            form.price,
            post_only=form.post_only,
            reduce_only=form.reduce_only,
            immediate=form.immediate,
            note="IOC" if form.immediate else "",
        )
        if not isinstance(outcome, Refusal):
            return outcome
        if self._expires(outcome.reason):
            return twin.expired_at_once(form, outcome.reason)
        code, message = _REFUSALS[outcome.reason]
        return Denial(400, code, message)

    def _objection(self, form: OrderForm) -> Denial | None:
        twin = self._twin
        live = twin.desk.live_orders()
        if form.client_id is not None and any(order.client_id == form.client_id for order in live):
            return Denial(400, twin.switches.duplicate_client_id_code, "Duplicate clientId")
        if len(live) >= twin.switches.most_open_orders:
            return Denial(400, "ORDER_LIMIT", "Too many open orders")
        if form.price is not None and twin.is_out_of_band(form.price):
            return Denial(400, "INVALID_PRICE", "Price is too far from the last active price")
        return None

    def _expires(self, reason: Reason) -> bool:
        """Whether such an order is accepted and ends then, instead of being refused at once."""
        switches = self._twin.switches
        if reason is Reason.REDUCE_ONLY_WOULD_NOT_REDUCE:
            return switches.reduce_only_expires
        return reason is Reason.SELF_TRADE or (reason is Reason.POST_ONLY_WOULD_CROSS and switches.post_only_expires)

    def _closed(self, form: OrderForm) -> Denial | None:
        """What the venue, or this market, does not take now."""
        twin = self._twin
        if twin.status != "Ok":
            return Denial(503, "MAINTENANCE", "The exchange is under maintenance")
        if twin.book_state in ("Closed", "CancelOnly"):
            return Denial(503, "TRADING_PAUSED", "The market takes no orders")
        if twin.book_state == "PostOnly" and not form.post_only:
            return Denial(400, "INVALID_ORDER", "Only post-only orders are taken now")
        if twin.book_state == "LimitOnly" and form.price is None:
            return Denial(400, "INVALID_ORDER", "Only limit orders are taken now")
        return None

    def _cancel(self, values: Values) -> HttpResponse:
        twin = self._twin
        order = self._named(values)
        if order is None or not order.is_live:
            return denied(Denial(twin.switches.gone_order_status, twin.switches.gone_order_code, "Not Found"))
        if twin.switches.cancel_is_asynchronous:
            twin.later(2_000_000, lambda: _cancel_if_live(twin, order.number))
            return HttpResponse(202)
        cancelled = twin.desk.cancel(order.number)
        assert not isinstance(cancelled, Refusal), "it was live"
        return ok(self._shown(cancelled))

    def _cancel_all(self, values: Values) -> HttpResponse:
        if values.get("symbol") != self._twin.symbol:
            return denied(_INVALID_MARKET)
        ended = [self._twin.desk.cancel(order.number) for order in self._twin.desk.live_orders()]
        return ok([self._shown(order) for order in ended if isinstance(order, TwinOrder)])

    def _order(self, values: Values) -> HttpResponse:
        order = self._named(values)
        if order is None or not order.is_live:
            return denied(Denial(404, "RESOURCE_NOT_FOUND", "Not Found"))
        return ok(self._shown(order))

    def _orders(self, values: Values) -> HttpResponse:
        is_here = values.get("symbol", self._twin.symbol) == self._twin.symbol
        return ok([self._shown(order) for order in self._twin.desk.live_orders() if is_here])

    def _named(self, values: Values) -> TwinOrder | None:
        twin = self._twin
        if values.get("symbol") != twin.symbol:
            return None
        if "orderId" in values:
            return twin.by_wire_id(str(values["orderId"]))
        client_id = str(values.get("clientId"))
        return next((order for order in twin.desk.live_orders() if order.client_id == client_id), None)

    def _shown(self, order: TwinOrder) -> dict[str, object]:
        return rest_order(order, self._twin.order_id(order.number), self._twin.symbol)

    # --- the account ------------------------------------------------------------------------------------------------

    def _position(self, values: Values) -> HttpResponse:
        twin = self._twin
        quantity = twin.desk.position
        quote = twin.desk.quote
        if not quantity or quote is None:
            if values.get("symbol") is not None and twin.switches.flat_position_is_404:
                return denied(Denial(404, "RESOURCE_NOT_FOUND", "Not Found"))
            return ok([])
        return ok([position_row(twin.symbol, quantity, quote.mid, quote.mid)])

    def _capital(self, _values: Values) -> HttpResponse:
        return ok({"USDC": {"available": plain(self._equity()), "locked": "0", "staked": "0"}})

    def _collateral(self, _values: Values) -> HttpResponse:
        equity = plain(self._equity())
        amounts = ("netEquity", "netEquityAvailable", "assetsValue")
        zeros = (
            "netEquityLocked", "liabilitiesValue", "borrowLiability", "pnlUnrealized", "netExposureFutures",
            "unsettledEquity", "imf", "mmf",
        )  # fmt: skip
        shown: dict[str, object] = {**dict.fromkeys(amounts, equity), **dict.fromkeys(zeros, "0")}
        return ok({**shown, "marginFraction": None, "collateral": []})

    def _equity(self) -> Decimal:
        return self._twin.desk.venue.equity_at_mid()

    def _account(self, _values: Values) -> HttpResponse:
        rules, terms = self._twin.desk.rules, self._twin.setup.terms
        return ok(
            {
                "leverageLimit": plain(terms.leverage),
                "futuresMakerFee": plain(rules.maker_fee_rate * _BPS),
                "futuresTakerFee": plain(rules.taker_fee_rate * _BPS),
                "spotMakerFee": "8",
                "spotTakerFee": "10",
                "limitOrders": len(self._twin.desk.live_orders()),
                "triggerOrders": 0,
                "positionLimit": None,
                "borrowLimit": None,
                "liquidating": False,
                "autoLend": True,
                "autoBorrowSettlements": True,
                "autoRealizePnl": True,
                "autoRepayBorrows": True,
            }
        )

    def _limit(self, values: Values) -> HttpResponse:
        quote = self._twin.desk.quote
        most = Decimal(0) if quote is None else self._equity() * self._twin.setup.terms.leverage / quote.mid
        most = self._twin.desk.rules.quantity_at_or_below(max(most, Decimal(0)))
        return ok({"maxOrderQuantity": plain(most), "symbol": self._twin.symbol, "side": values.get("side")})

    # --- history ----------------------------------------------------------------------------------------------------

    def _fill_history(self, values: Values) -> HttpResponse:
        twin = self._twin
        written_ns = twin.now_ns - twin.switches.history_delay_ms * 1_000_000
        since_ms = _count(values, "from", 0)
        rows = [
            rest_fill(fill, twin.trade_id(fill.number), twin.order_id(fill.order.number), twin.symbol)
            for fill in twin.desk.fills
            if fill.at_ns <= written_ns and fill.at_ns // 1_000_000 >= since_ms
        ]
        if "orderId" in values:
            rows = [row for row in rows if row["orderId"] == values["orderId"]]
        return self._page(rows, values)

    def _order_history(self, values: Values) -> HttpResponse:
        twin = self._twin
        written_ns = twin.now_ns - twin.switches.history_delay_ms * 1_000_000
        rows = [
            rest_order(order, twin.order_id(order.number), twin.symbol, is_history=True)
            for order in twin.all_orders()
            if order.ended_ns is not None and order.ended_ns <= written_ns
        ]
        if "orderId" in values:
            rows = [row for row in rows if row["id"] == values["orderId"]]
        return self._page(rows, values)

    def _funding_history(self, values: Values) -> HttpResponse:
        rows: list[dict[str, object]] = [
            {
                "symbol": self._twin.symbol,
                "quantity": plain(paid.amount),
                "fundingRate": plain(self._twin.setup.source.funding.rate),
                "intervalEndTimestamp": iso_ms(paid.at_ns),
                "userId": 1,
                "subaccountId": None,
            }
            for paid in self._twin.desk.funding
            if values.get("symbol", self._twin.symbol) == self._twin.symbol
        ]
        return self._page(rows, values)

    def _page(self, rows: list[dict[str, object]], values: Values) -> HttpResponse:
        limit, offset = _count(values, "limit", 100), _count(values, "offset", 0)
        if not 0 < limit <= _LONGEST_PAGE or offset < 0:
            return denied(Denial(400, "INVALID_RANGE", "Invalid limit or offset"))
        if self._twin.switches.history_is_newest_first:
            rows = rows[::-1]
        return ok(rows[offset : offset + limit])


class _BadQuery(Exception):
    """A count that is none."""


def _count(values: Values, name: str, default: int) -> int:
    text = str(values.get(name, default))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _BadQuery
    return int(text)


def _cancel_if_live(twin: BackpackTwin, number: int) -> None:
    if twin.desk.orders[number].is_live:
        twin.desk.cancel(number)
