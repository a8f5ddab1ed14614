"""The twin's REST answers. Everything is checked as the venue would: signature, time, form, rules, rate."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.market import NANOSECONDS
from exchanges.aster.twin_auth import (
    Denial,
    Values,
    check_api_key,
    check_wallet,
    denied,
    missing,
    ok,
    request_text,
    values_of,
)
from exchanges.aster.twin_orders import OrderDesk
from exchanges.aster.twin_wire import balance_row, book_ticker, income_row, listing, plain, position_row, rest_trade
from exchanges.transport.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from exchanges.aster.twin import AsterTwin

_PATH = re.compile(r"/fapi/v([1-4])/([A-Za-z/]+)", re.ASCII)
_MINUTE_NS = 60 * NANOSECONDS
_REFUSALS_UNTIL_BAN = 20
_BAN_NS = 120 * NANOSECONDS
_LONGEST_PAGE = 1_000
_LONGEST_SPAN_MS = 7 * 86_400_000
_DEPTHS = {"5": 2, "10": 2, "20": 2, "50": 2, "100": 5, "500": 10, "1000": 20}
"""What a book of so many levels weighs."""
_KEY_CODES = (-2014, -2015)
_OLDER = {"balance": "2", "positionRisk": "2", "noop": ""}
"""In which version of the older family a path is, where that is not the first; "" for none."""
LIMITS = (2_400, 1_200)
"""Weight and orders per minute."""


@dataclass(slots=True)
class Minute:
    """Counts what was used in the present minute of the venue's clock."""

    most: int
    minute: int = 0
    used: int = 0

    def take(self, now_ns: int, cost: int) -> bool:
        if now_ns // _MINUTE_NS != self.minute:
            self.minute, self.used = now_ns // _MINUTE_NS, 0
        if self.used + cost > self.most:
            return False
        self.used += cost
        return True


@dataclass(frozen=True, slots=True)
class Route:
    """`weight` of one request; `is_signed`: of the account."""

    weight: int
    serve: Callable[[Values], HttpResponse]
    is_signed: bool = True


class RestDesk:
    """Routes requests; the twin holds the state."""

    def __init__(self, twin: AsterTwin) -> None:
        self._twin = twin
        self._weight = Minute(LIMITS[0])
        self._orders = Minute(LIMITS[1])
        self._refusals = 0
        self._banned_until_ns = 0
        orders = OrderDesk(twin)
        public = {
            ("GET", "ping"): Route(1, lambda _: ok({}), False),
            ("GET", "time"): Route(1, lambda _: ok({"serverTime": twin.now_ms}), False),
            ("GET", "exchangeInfo"): Route(1, self._listing, False),
            ("GET", "depth"): Route(10, self._depth, False),
            ("GET", "ticker/bookTicker"): Route(1, self._book_ticker, False),
            ("GET", "premiumIndex"): Route(1, self._premium, False),
        }
        account = {
            ("GET", "positionRisk"): Route(5, self._position),
            ("GET", "balance"): Route(5, lambda _: ok([balance_row(twin.holding(), twin.now_ms)])),
            ("GET", "userTrades"): Route(5, self._trades),
            ("GET", "income"): Route(30, self._income),
            ("GET", "positionSide/dual"): Route(30, lambda _: ok({"dualSidePosition": twin.is_hedged})),
            ("GET", "commissionRate"): Route(20, self._fees),
            ("POST", "listenKey"): Route(1, lambda _: ok({"listenKey": twin.listen_key()})),
            ("PUT", "listenKey"): Route(1, self._renew),
            ("DELETE", "listenKey"): Route(1, self._close_key),
            ("POST", "noop"): Route(1, lambda _: ok({"code": 200, "msg": "success"})),
        }
        trading = {
            ("POST", "order"): Route(1, orders.place),
            ("DELETE", "order"): Route(1, orders.cancel),
            ("GET", "order"): Route(1, orders.one),
            ("DELETE", "allOpenOrders"): Route(1, orders.cancel_all),
            ("GET", "openOrders"): Route(1, orders.open),
            ("GET", "allOrders"): Route(5, orders.all),
        }
        self._routes = {**public, **account, **trading}

    def answer(self, request: HttpRequest) -> HttpResponse:
        path = _PATH.fullmatch(request.path)
        key = (request.method, path[2] if path else "")
        if path is None or key not in self._routes or path[1] not in ("3", _OLDER.get(key[1], "1")):
            return HttpResponse(404, (("Content-Type", "text/html"),), b"<html><body>404</body></html>")
        route, text = self._routes[key], request_text(request)
        values = values_of(text)
        if (refusal := self._load_refusal(key, _weight(key, values, route.weight))) is not None:
            return refusal
        if route.is_signed and (denial := self._denial(request, path[1], key[1], text)) is not None:
            return denied(denial)
        if "symbol" in values and values["symbol"] != self._twin.symbol:
            return denied(Denial(400, -1121, "Invalid symbol."))
        counts = (("X-MBX-USED-WEIGHT-1M", str(self._weight.used)), ("X-MBX-ORDER-COUNT-1M", str(self._orders.used)))
        response = route.serve(values)
        return replace(response, headers=(*response.headers, *counts))

    def _load_refusal(self, key: tuple[str, str], weight: int) -> HttpResponse | None:
        now_ns = self._twin.now_ns
        if now_ns < self._banned_until_ns:
            return self._refused(418, -1003, self._banned_until_ns - now_ns)
        left_ns = _MINUTE_NS - now_ns % _MINUTE_NS
        if not self._weight.take(now_ns, weight):
            self._refusals += 1
            if self._refusals >= _REFUSALS_UNTIL_BAN:
                self._banned_until_ns = now_ns + _BAN_NS
            return self._refused(429, -1003, left_ns)
        self._refusals = 0
        if key == ("POST", "order") and not self._orders.take(now_ns, 1):
            return self._refused(429, -1015, left_ns)
        return None

    def _refused(self, status: int, code: int, wait_ns: int) -> HttpResponse:
        word = "TOO_MANY_REQUESTS" if code == -1003 else "TOO_MANY_ORDERS"
        refusal = denied(Denial(status, code, word))
        return replace(refusal, headers=(*refusal.headers, ("Retry-After", str(-(-wait_ns // NANOSECONDS)))))

    def _denial(self, request: HttpRequest, version: str, name: str, text: str) -> Denial | None:
        twin = self._twin
        if version == "3":
            return check_wallet(twin.identity, text, twin.now_ns // 1_000, twin.switches)
        needs_signature = name != "listenKey"
        denial = check_api_key(twin.identity, request, text, twin.now_ms, needs_signature=needs_signature)
        is_of_key = denial is not None and denial.code in _KEY_CODES
        return replace(denial, status=twin.switches.bad_key_status) if denial and is_of_key else denial

    # --- public -----------------------------------------------------------------------------------------------------

    def _listing(self, _values: Values) -> HttpResponse:
        twin = self._twin
        return ok(listing(twin.symbol, twin.desk.rules, twin.switches, LIMITS, twin.now_ms))

    def _depth(self, values: Values) -> HttpResponse:
        twin = self._twin
        if "symbol" not in values:
            return denied(missing("symbol"))
        if values.get("limit", "500") not in _DEPTHS:
            return denied(Denial(400, -4021, "Limit is not valid for the depth."))
        quote = twin.desk.quote
        bids = [] if quote is None else [[plain(quote.bid), plain(quote.bid_size)]]
        asks = [] if quote is None else [[plain(quote.ask), plain(quote.ask_size)]]
        times = {"E": twin.now_ms, "T": twin.now_ms}
        return ok({"lastUpdateId": twin.update_id, **times, "bids": bids, "asks": asks})

    def _book_ticker(self, values: Values) -> HttpResponse:
        quote = self._twin.desk.quote
        if quote is None:
            return denied(Denial(400, -1001, "Internal error; unable to process your request. Please try again."))
        row = book_ticker(self._twin.symbol, quote, self._twin.now_ns)
        return ok(row if "symbol" in values else [row])

    def _premium(self, values: Values) -> HttpResponse:
        twin = self._twin
        mark = plain(twin.holding().mark)
        row = {
            "symbol": twin.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": plain(twin.setup.source.funding.rate),
            "nextFundingTime": twin.next_funding_ms(),
            "interestRate": "0.0001",
            "time": twin.now_ms,
        }
        return ok(row if "symbol" in values else [row])

    # --- the account ------------------------------------------------------------------------------------------------

    def _position(self, _values: Values) -> HttpResponse:
        return ok([position_row(self._twin.symbol, self._twin.holding(), self._twin.now_ms)])

    def _fees(self, values: Values) -> HttpResponse:
        rules = self._twin.desk.rules
        if "symbol" not in values:
            return denied(missing("symbol"))
        rates = {"makerCommissionRate": plain(rules.maker_fee_rate), "takerCommissionRate": plain(rules.taker_fee_rate)}
        return ok({"symbol": self._twin.symbol, **rates})

    def _renew(self, _values: Values) -> HttpResponse:
        if not self._twin.renew_listen_key():
            return denied(Denial(400, -1125, "This listenKey does not exist."))
        return ok({})

    def _close_key(self, _values: Values) -> HttpResponse:
        self._twin.drop_listen_key()
        return ok({})

    # --- history ----------------------------------------------------------------------------------------------------

    def _trades(self, values: Values) -> HttpResponse:
        twin = self._twin
        if "symbol" not in values:
            return denied(missing("symbol"))
        page = _page_of(values)
        if isinstance(page, Denial):
            return denied(page)
        since_ms, until_ms, limit = page
        rows = [
            rest_trade(fill, (twin.order_id(fill.order.number), twin.trade_id(fill.number)), twin.symbol)
            for fill in twin.desk.fills
        ]
        if (from_id := values.get("fromId")) is not None:
            if since_ms is not None or until_ms is not None or not (from_id.isascii() and from_id.isdigit()):
                return denied(Denial(400, -1128, "Combination of optional parameters invalid."))
            rows = [row for row in rows if int(str(row["id"])) >= int(from_id)]
        else:
            first_ms = twin.now_ms - _LONGEST_SPAN_MS if since_ms is None else since_ms
            last_ms = first_ms + _LONGEST_SPAN_MS if until_ms is None else until_ms
            rows = [row for row in rows if first_ms <= int(str(row["time"])) <= last_ms]
        if "orderId" in values:
            rows = [row for row in rows if str(row["orderId"]) == values["orderId"]]
        return ok(rows[-limit:] if twin.switches.trades_are_newest_first else rows[:limit])

    def _income(self, values: Values) -> HttpResponse:
        page = _page_of(values)
        if isinstance(page, Denial):
            return denied(page)
        since_ms, until_ms, limit = page
        rows = [
            income_row(paid, number, self._twin.symbol)
            for number, paid in enumerate(self._twin.desk.funding)
            if (since_ms or 0) <= paid.at_ns // 1_000_000 <= (until_ms or self._twin.now_ms)
        ]
        is_wanted = values.get("incomeType", "FUNDING_FEE") == "FUNDING_FEE"
        return ok(rows[:limit] if is_wanted else [])


def _weight(key: tuple[str, str], values: Values, usual: int) -> int:
    """What a request costs: more for a deep book, and for everything at once."""
    if key == ("GET", "openOrders") and "symbol" not in values:
        return 40
    if key == ("GET", "ticker/bookTicker") and "symbol" not in values:
        return 2
    return _DEPTHS.get(values.get("limit", ""), usual) if key == ("GET", "depth") else usual


def _page_of(values: Values) -> tuple[int | None, int | None, int] | Denial:
    """Start, end (milliseconds) and length of a page of history."""
    found: list[int | None] = []
    for name in ("startTime", "endTime", "limit"):
        text = values.get(name)
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 17):
            return missing(name)
        found.append(None if text is None else int(text))
    since_ms, until_ms, limit = found
    if since_ms is not None and until_ms is not None and not 0 <= until_ms - since_ms <= _LONGEST_SPAN_MS:
        return Denial(400, -4165, "Invalid time interval: at most 7 days.")
    if limit is not None and not 0 < limit <= _LONGEST_PAGE:
        return Denial(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return since_ms, until_ms, 500 if limit is None else limit
