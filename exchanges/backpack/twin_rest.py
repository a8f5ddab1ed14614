"""The twin's REST answers. Everything is checked as the venue would: form, signature, time, rules, rate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from domain.market import Side
from exchanges.backpack.twin_auth import INSTRUCTIONS, Denial, Values, check_signed, parameters_of
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
    Reason.BELOW_NOTIONAL: ("INVALID_QUANTITY", "Quantity is below the minimum"),
    Reason.INSUFFICIENT_MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    Reason.NO_QUOTE: ("TRADING_PAUSED", "No market"),
}
_EXPIRING = (Reason.REDUCE_ONLY_WOULD_NOT_REDUCE, Reason.SELF_TRADE)
"""What the venue accepts and then lets expire at once."""
_BAND = (Decimal("0.75"), Decimal("1.25"))
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
            "/api/v1/status": lambda _: ok({"status": "Ok", "message": None}),
            "/api/v1/markets": lambda _: ok([market_row(twin.symbol, twin.desk.rules)]),
            "/api/v1/market": self._market,
            "/api/v1/depth": self._depth,
            "/api/v1/markPrices": lambda _: ok([twin.mark_price()]),
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

    def _market(self, values: Values) -> HttpResponse:
        if values.get("symbol") != self._twin.symbol:
            return denied(Denial(400, "INVALID_MARKET", "Invalid market"))
        return ok(market_row(self._twin.symbol, self._twin.desk.rules))

    def _depth(self, values: Values) -> HttpResponse:
        twin = self._twin
        quote = twin.desk.quote
        limit = min(_count(values, "limit", 20), 100)
        levels = (
            ([], [])
            if quote is None
            else book(quote, twin.desk.rules.tick_size, limit, is_ascending=twin.switches.depth_is_ascending)
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
        form = _order_form(values, twin.symbol)
        if isinstance(form, Denial):
            return form
        side, quantity, price, client_id = form
        if client_id is not None and any(order.client_id == client_id for order in twin.desk.live_orders()):
            return Denial(400, twin.switches.duplicate_client_id_code, "Duplicate clientId")
        if len(twin.desk.live_orders()) >= twin.switches.most_open_orders:
            return Denial(400, "ORDER_LIMIT", "Too many open orders")
        quote = twin.desk.quote
        if price is not None and quote is not None and not _BAND[0] <= price / quote.mid <= _BAND[1]:
            return Denial(400, "INVALID_PRICE", "Price is too far from the last active price")
        is_immediate = values.get("timeInForce") in ("IOC", "FOK")
        outcome = twin.desk.place(
            client_id,
            side,
            quantity,
            price,
            post_only=values.get("postOnly") is True,
            reduce_only=values.get("reduceOnly") is True,
            immediate=is_immediate,
            note="IOC" if is_immediate else "",
        )
        if not isinstance(outcome, Refusal):
            return outcome
        expires = outcome.reason in _EXPIRING or (
            outcome.reason is Reason.POST_ONLY_WOULD_CROSS and twin.switches.post_only_expires
        )
        if expires:
            return twin.expired_at_once(client_id, side, quantity, price, outcome.reason, values)
        code, message = _REFUSALS[outcome.reason]
        return Denial(400, code, message)

    def _cancel(self, values: Values) -> HttpResponse:
        twin = self._twin
        order = self._named(values)
        if order is None or not order.is_live:
            return denied(Denial(twin.switches.gone_order_status, "RESOURCE_NOT_FOUND", "Not Found"))
        if twin.switches.cancel_is_asynchronous:
            twin.later(2_000_000, lambda: _cancel_if_live(twin, order.number))
            return HttpResponse(202)
        cancelled = twin.desk.cancel(order.number)
        assert not isinstance(cancelled, Refusal), "it was live"
        return ok(self._shown(cancelled))

    def _cancel_all(self, values: Values) -> HttpResponse:
        if values.get("symbol") != self._twin.symbol:
            return denied(Denial(400, "INVALID_MARKET", "Invalid market"))
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
        ]
        return self._page(rows, values)

    def _page(self, rows: list[dict[str, object]], values: Values) -> HttpResponse:
        limit, offset = _count(values, "limit", 100), _count(values, "offset", 0)
        if not 0 < limit <= _LONGEST_PAGE or offset < 0:
            return denied(Denial(400, "INVALID_RANGE", "Invalid limit or offset"))
        if self._twin.switches.history_is_newest_first:
            rows = rows[::-1]
        return ok(rows[offset : offset + limit])


def _order_form(values: Values, symbol: str) -> tuple[Side, Decimal, Decimal | None, str | None] | Denial:
    """Side, quantity, price (None: market) and client id of an order, or what is wrong with its form."""
    if values.get("symbol") != symbol:
        text = 'failed to parse "MarketSymbol": Invalid market symbol (occurred while parsing "OrderExecutePayload")'
        return Denial(400, "INVALID_CLIENT_REQUEST", text)
    side = {"Bid": Side.BUY, "Ask": Side.SELL}.get(str(values.get("side")))
    kind = values.get("orderType")
    if side is None or kind not in ("Limit", "Market"):
        return Denial(400, "INVALID_CLIENT_REQUEST", 'failed to parse "OrderExecutePayload"')
    client_id = values.get("clientId")
    if client_id is not None and (isinstance(client_id, bool) or not isinstance(client_id, int)):
        return Denial(400, "INVALID_CLIENT_REQUEST", 'failed to parse "clientId": expected a number')
    if isinstance(client_id, int) and not 0 <= client_id < 1 << 32:
        return Denial(400, "INVALID_CLIENT_REQUEST", 'failed to parse "clientId": out of range')
    quantity = _number(values.get("quantity"))
    price = _number(values.get("price")) if kind == "Limit" else None
    if quantity is None:
        return Denial(400, "INVALID_QUANTITY", "Invalid quantity")
    if kind == "Limit" and price is None:
        return Denial(400, "INVALID_PRICE", "Invalid price")
    return side, quantity, price, None if client_id is None else str(client_id)


class _BadQuery(Exception):
    """A count that is none."""


def _count(values: Values, name: str, default: int) -> int:
    text = str(values.get(name, default))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _BadQuery
    return int(text)


def _number(value: object) -> Decimal | None:
    """Prices and quantities are strings, plain and positive."""
    if not isinstance(value, str) or not value.replace(".", "", 1).isdigit():
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number > 0 else None


def _cancel_if_live(twin: BackpackTwin, number: int) -> None:
    if twin.desk.orders[number].is_live:
        twin.desk.cancel(number)
