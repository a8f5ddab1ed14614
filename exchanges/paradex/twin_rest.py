"""The twin's REST answers. Everything is checked as the venue would: rate, token, form, signature, time, rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from exchanges.paradex.twin_auth import ACCOUNT_CLASS, CHAIN_ID, PROXY_CLASS
from exchanges.paradex.twin_forms import Complaint, OrderForm, order_form
from exchanges.paradex.twin_limits import Limits
from exchanges.paradex.twin_wire import (
    LARGEST_ORDER,
    Json,
    Ticket,
    bbo_json,
    fill_json,
    market_json,
    order_json,
    plain,
)
from exchanges.rehearsal.base import NANOSECONDS
from exchanges.transport.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from exchanges.paradex.twin import ParadexTwin

Values = dict[str, str]

_JSON = (("Content-Type", "application/json"),)
_PREFIX = "/v1"
_MOST_OPEN_ORDERS = 100
_LONGEST_PAGE = 5_000
_MINUTE_NS = 60 * NANOSECONDS
_LONGEST_LOGIN_S = 7 * 24 * 3600
_STATUSES = {"NOT_ONBOARDED": 400, "INVALID_TOKEN": 401, "RATE_LIMIT_EXCEEDED": 429, "NOT_FOUND": 404}


def ok(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, _JSON, json.dumps(value, separators=(",", ":")).encode())


class RestDesk:
    """Routes requests; the twin holds the state."""

    def __init__(self, twin: ParadexTwin) -> None:
        self._twin = twin
        self._limits = Limits()
        self._seen: set[tuple[object, ...]] = set()
        """What was signed already, with its time: the time is the nonce."""
        self._public: dict[str, Callable[[Values], HttpResponse]] = {
            "/system/time": lambda _: ok({"server_time": str(twin.now_ms)}),
            "/system/state": lambda _: ok({"status": twin.system_state}),
            "/system/config": lambda _: ok(_system_config()),
            "/markets": self._markets,
            "/markets/summary": self._summary,
            "/onboarding": self._onboarding,
            f"/bbo/{twin.market}": lambda _: ok(bbo_json(twin.desk.quote, twin.market, twin.book_seq, twin.now_ns)),
        }
        self._private: dict[str, Callable[[Values], HttpResponse]] = {
            "/orders": self._open_orders,
            "/orders-history": self._order_history,
            "/fills": self._fills,
            "/funding/payments": self._funding,
            "/positions": self._positions,
            "/account": self._account,
            "/balance": self._balance,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        path = request.path.removeprefix(_PREFIX)
        values = dict(parse_qsl(request.query, keep_blank_values=True))
        if not request.path.startswith(_PREFIX):
            return self._complain(Complaint("NOT_FOUND", "no such resource", 404))
        if request.method == "GET" and path in self._public:
            return self._within("public", lambda: self._public[path](values))
        if request.method == "POST" and (path == "/auth" or path.startswith("/auth/")):
            return self._within("login", lambda: self._login(request))
        if not self._twin.tokens.is_bearer(request.header("Authorization"), self._twin.now_ns):
            return self._complain(Complaint("INVALID_TOKEN", "token is invalid or expired", 401))
        if request.method == "GET":
            return self._within("reads", lambda: self._read(path, values))
        return self._within("orders", lambda: self._write(request, path, values))

    def _read(self, path: str, values: Values) -> HttpResponse:
        if path in self._private:
            return self._private[path](values)
        if path.startswith("/orders/"):
            ticket = self._named(path)
            return self._unknown(path) if ticket is None else ok(self._shown(ticket))
        return self._complain(Complaint("NOT_FOUND", "no such resource", 404))

    def _write(self, request: HttpRequest, path: str, values: Values) -> HttpResponse:
        if (request.method, path) == ("POST", "/orders"):
            return self._place(request.body)
        if request.method == "DELETE" and path.startswith("/orders/"):
            return self._cancel(path)
        if (request.method, path) == ("DELETE", "/orders"):
            return self._cancel_all(values)
        return self._complain(Complaint("NOT_FOUND", "no such resource", 404))

    def _complain(self, complaint: Complaint) -> HttpResponse:
        status = complaint.status or _STATUSES.get(complaint.code, self._twin.switches.error_status)
        return ok({"error": complaint.code, "message": complaint.message, "data": None}, status)

    def _within(self, kind: str, serve: Callable[[], HttpResponse]) -> HttpResponse:
        """Serve what the limits allow; every answer tells how much is left."""
        now_ns = self._twin.now_ns
        refused = self._limits.refuses(kind, now_ns)
        response = self._complain(Complaint("RATE_LIMIT_EXCEEDED", "too many requests", 429)) if refused else serve()
        return replace(response, headers=(*response.headers, *self._limits.headers(kind, now_ns)))

    # --- logins -----------------------------------------------------------------------------------------------------

    def _login(self, request: HttpRequest) -> HttpResponse:
        twin = self._twin
        account = request.header("PARADEX-STARKNET-ACCOUNT")
        times = [request.header(name) or "" for name in ("PARADEX-TIMESTAMP", "PARADEX-SIGNATURE-EXPIRATION")]
        if account is None or not all(_is_count(text) for text in times):
            return self._complain(Complaint("INVALID_REQUEST_PARAMETER", "login headers are missing"))
        timestamp_s, expires_s = (int(text) for text in times)
        if account != hex(twin.account.address):
            return self._complain(Complaint("NOT_ONBOARDED", "user has never called /onboarding endpoint"))
        if not twin.account.has_signed_login(request.header("PARADEX-STARKNET-SIGNATURE"), timestamp_s, expires_s):
            return self._complain(Complaint("STARKNET_SIGNATURE_VERIFICATION_FAILED", "invalid signature"))
        now_s = twin.now_ns // NANOSECONDS
        is_timely = abs(now_s - timestamp_s) <= twin.switches.login_window_s
        if not is_timely or not now_s < expires_s <= timestamp_s + _LONGEST_LOGIN_S:
            return self._complain(Complaint("INVALID_TIMESTAMP", "the login's time is off"))
        return ok({"jwt_token": twin.tokens.issue(twin.now_ns)})

    # --- orders -----------------------------------------------------------------------------------------------------

    def _place(self, body: bytes) -> HttpResponse:
        form = order_form(body)
        complaint = form if isinstance(form, Complaint) else self._objection(form)
        if complaint is not None:
            return self._complain(complaint)
        assert isinstance(form, OrderForm), "complaints were answered"
        ticket = self._twin.accept(form)
        return ok(self._shown(ticket), self._twin.switches.placed_status)

    def _objection(self, form: OrderForm) -> Complaint | None:
        twin = self._twin
        if form.market != twin.market:
            return Complaint("MARKET_NOT_FOUND", f"market {form.market[:40]} is not listed")
        words = (form.timestamp_ms, form.market, form.side, form.kind, form.size, form.price)
        if not twin.account.has_signed_order(form.signature, *words):
            return Complaint("INVALID_ORDER_SIGNATURE", "order signature does not verify")
        late_ms = twin.now_ms - form.timestamp_ms
        if abs(late_ms) > (_MINUTE_NS // 10**6 if form.window_ms is None else form.window_ms):
            return Complaint("INVALID_TIMESTAMP", "signature_timestamp is outside recv_window")
        if twin.switches.replayed_order_is_refused and words in self._seen:
            return Complaint("INVALID_TIMESTAMP", "signature_timestamp was used before")
        complaint = self._closed(form) or self._against_rules(form)
        if complaint is not None:
            return complaint
        waiting = twin.open_tickets(with_pending=True)
        if len(waiting) >= _MOST_OPEN_ORDERS:
            return Complaint("VALIDATION_ERROR", "too many open orders in this market")
        if form.client_id and any(ticket.client_id == form.client_id for ticket in waiting):
            return Complaint("DUPLICATED_CLIENT_ID", "client_id is in use")
        self._seen.add(words)
        return None

    def _closed(self, form: OrderForm) -> Complaint | None:
        """What the venue as a whole does not take now."""
        state = self._twin.system_state
        if state == "maintenance":
            return Complaint("SERVICE_UNAVAILABLE", "under maintenance", 503)
        if state == "cancel_only" or (state == "post_only" and not form.only_makes):
            return Complaint(f"SYSTEM_STATUS_{state.upper()}", "not now")
        return None

    def _against_rules(self, form: OrderForm) -> Complaint | None:
        rules, quote = self._twin.desk.rules, self._twin.desk.quote
        if form.size % rules.quantity_step or form.size > LARGEST_ORDER:
            return Complaint("INVALID_ORDER_SIZE", "size is no multiple of the increment, or too large")
        if form.price % rules.tick_size:
            return Complaint("VALIDATION_ERROR", "price is not a multiple of the tick size")
        if quote is None:
            return Complaint("MARKET_NOT_OPEN", "there is no market yet")
        if form.size * quote.mid < rules.min_notional:
            return Complaint("VALIDATION_ERROR", "the order is below the minimum notional")
        if form.limit is not None and self._twin.is_out_of_band(form.price):
            return Complaint("VALIDATION_ERROR", "price is outside the price bands")
        return None

    def _cancel(self, path: str) -> HttpResponse:
        ticket = self._named(path)
        if ticket is None:
            return self._unknown(path)
        if not self._twin.is_open(ticket):
            return self._complain(Complaint("ORDER_IS_CLOSED", "order is closed"))
        self._twin.cancel_soon(ticket)
        return HttpResponse(self._twin.switches.cancel_status)

    def _cancel_all(self, values: Values) -> HttpResponse:
        if values.get("market", self._twin.market) == self._twin.market:
            for ticket in self._twin.open_tickets(with_pending=True):
                self._twin.cancel_soon(ticket)
        return HttpResponse(self._twin.switches.cancel_status)

    def _named(self, path: str) -> Ticket | None:
        name = unquote(path.removeprefix("/orders/"))
        if not name.startswith("by_client_id/"):
            return self._twin.tickets.get(name)
        ticket = self._twin.by_client_id.get(name.removeprefix("by_client_id/"))
        if ticket is not None and not self._twin.switches.client_id_finds_closed and not self._twin.is_open(ticket):
            return None
        return ticket

    def _unknown(self, path: str) -> HttpResponse:
        code = "CLIENT_ORDER_ID_NOT_FOUND" if "by_client_id" in path else "ORDER_ID_NOT_FOUND"
        return self._complain(Complaint(code, "order was not found", self._twin.switches.unknown_order_status))

    def _shown(self, ticket: Ticket) -> Json:
        twin = self._twin
        return order_json(twin.view(ticket), twin.market, twin.account.address, twin.now_ns)

    def _open_orders(self, values: Values) -> HttpResponse:
        twin = self._twin
        is_here = values.get("market", twin.market) == twin.market
        tickets = twin.open_tickets(with_pending=twin.switches.lists_new_orders) if is_here else []
        return ok({"results": [self._shown(ticket) for ticket in tickets]})

    # --- the account ------------------------------------------------------------------------------------------------

    def _positions(self, _values: Values) -> HttpResponse:
        twin = self._twin
        quantity = twin.desk.position
        if not quantity and not (twin.desk.fills and twin.switches.flat_positions_are_listed):
            return ok({"results": []})
        return ok({"results": [twin.position_row(quantity)]})

    def _account(self, _values: Values) -> HttpResponse:
        twin = self._twin
        equity = plain(twin.desk.venue.equity_at_mid())
        zeros = ("initial_margin_requirement", "maintenance_margin_requirement")
        return ok(
            {
                "account": hex(twin.account.address),
                **dict.fromkeys(("account_value", "total_collateral", "free_collateral", "margin_cushion"), equity),
                **dict.fromkeys(zeros, "0"),
                "settlement_asset": "USDC",
                "status": "ACTIVE",
                "seq_no": twin.now_ns,
                "updated_at": twin.now_ms,
            }
        )

    def _balance(self, _values: Values) -> HttpResponse:
        equity = plain(self._twin.desk.venue.equity_at_mid())
        return ok({"results": [{"token": "USDC", "size": equity, "last_updated_at": self._twin.now_ms}]})

    def _markets(self, values: Values) -> HttpResponse:
        twin = self._twin
        if values.get("market", twin.market) != twin.market:
            return ok({"results": []})
        width = twin.price_band[1] - 1
        return ok({"results": [market_json(twin.market, twin.desk.rules, _MOST_OPEN_ORDERS, width)]})

    def _summary(self, values: Values) -> HttpResponse:
        """What of it a simulated market knows; `market` is one symbol, or ALL."""
        twin, quote = self._twin, self._twin.desk.quote
        if quote is None or values.get("market", "ALL") not in (twin.market, "ALL"):
            return ok({"results": []})
        mid = plain(quote.mid)
        touch = {"bid": quote.bid, "bid_size": quote.bid_size, "ask": quote.ask, "ask_size": quote.ask_size}
        row: Json = {
            "symbol": twin.market,
            **dict.fromkeys(("mark_price", "underlying_price", "last_traded_price"), mid),
            **{name: plain(value) for name, value in touch.items()},
            "funding_rate": plain(twin.setup.source.funding.rate),
            **dict.fromkeys(("open_interest", "volume_24h", "total_volume", "price_change_rate_24h"), "0"),
            "created_at": twin.now_ms,
        }
        return ok({"results": [row]})

    def _onboarding(self, values: Values) -> HttpResponse:
        """Whether a public key has an account."""
        account = self._twin.account
        if values.get("account_signer_type") != "starknet" or values.get("public_key") != hex(account.public_key):
            return ok({"address": "", "exists": False, "account_signer_type": values.get("account_signer_type", "")})
        return ok({"address": hex(account.address), "exists": True, "account_signer_type": "starknet"})

    # --- histories --------------------------------------------------------------------------------------------------

    def _order_history(self, values: Values) -> HttpResponse:
        twin = self._twin
        rows = [
            (ticket.received_ns, self._shown(ticket))
            for ticket in twin.tickets.values()
            if twin.is_open(ticket) or twin.view(ticket).updated_ns <= self._written_ns
        ]
        return self._page(rows, values)

    def _fills(self, values: Values) -> HttpResponse:
        twin = self._twin
        rows = [
            (fill.at_ns, fill_json(fill, twin.trade_id(fill.number), ticket, twin.market, twin.switches))
            for fill in twin.desk.fills
            if fill.at_ns <= self._written_ns
            for ticket in (twin.by_number.get(fill.order.number),)
        ]
        return self._page(rows, values)

    def _funding(self, values: Values) -> HttpResponse:
        rows = [
            (
                paid.at_ns,
                {
                    "id": paid.payment_id,
                    "market": self._twin.market,
                    "payment": plain(paid.amount),
                    "index": "0",
                    "fill_id": "",
                    "created_at": paid.at_ns // 1_000_000,
                },
            )
            for paid in self._twin.desk.funding
        ]
        return self._page(rows, values)

    @property
    def _written_ns(self) -> int:
        return self._twin.now_ns - self._twin.switches.history_delay_ms * 1_000_000

    def _page(self, rows: Iterable[tuple[int, Json]], values: Values) -> HttpResponse:
        """Newest first; the cursor counts rows."""
        numbers = [values.get(name, default) for name, default in (("start_at", "0"), ("page_size", "100"))]
        cursor = values.get("cursor", "0")
        if not all(_is_count(text) for text in (*numbers, cursor)):
            return self._complain(Complaint("INVALID_REQUEST_PARAMETER", "a number is no number"))
        start_ms, size = (int(text) for text in numbers)
        if not 0 < size <= _LONGEST_PAGE:
            return self._complain(Complaint("INVALID_REQUEST_PARAMETER", "page_size is out of range"))
        size = min(size, self._twin.setup.longest_history_page or size)
        shown = [row for at_ns, row in rows if at_ns // 1_000_000 >= start_ms][::-1]
        if values.get("market", self._twin.market) != self._twin.market:
            shown = []
        first = int(cursor)
        following = str(first + size) if first + size < len(shown) else None
        return ok({"next": following, "prev": None, "results": shown[first : first + size]})


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _system_config() -> Json:
    """In the venue's whole shape: its SDK does not start without any of these. The chain itself is not played."""
    contracts = ("paraclear_address", "oracle_address", "l1_core_contract_address", "l1_operator_address")
    addresses = ("starknet_gateway_url", "starknet_fullnode_rpc_url", "starknet_fullnode_rpc_base_url")
    return {
        **dict.fromkeys(addresses, "http://127.0.0.1:9"),
        "starknet_chain_id": CHAIN_ID,
        "block_explorer_url": "http://127.0.0.1:9/",
        **dict.fromkeys(contracts, "0x1"),
        "paraclear_decimals": 8,
        "paraclear_account_proxy_hash": hex(PROXY_CLASS),
        "paraclear_account_hash": hex(ACCOUNT_CLASS),
        "bridged_tokens": [],
        "l1_chain_id": "11155111",
        "liquidation_fee": "0.20",
    }
