"""The twin's REST answers. Everything is checked as the venue would: form, signature, token, nonce, rules, rate."""

from __future__ import annotations

import email
import email.message
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from exchanges.lighter.facts import OTHER_WEIGHT, TIERS, WEIGHTS
from exchanges.lighter.twin_auth import Denial
from exchanges.lighter.twin_tx import SentTx
from exchanges.lighter.twin_wire import MARKET, Json, level_rows, market_row, packed, quote_text
from exchanges.rehearsal.base import NANOSECONDS, RequestWindow
from exchanges.transport.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from exchanges.lighter.twin import LighterTwin

_JSON = (("Content-Type", "application/json"),)
_LONGEST_PAGE = 100
_MOST_IN_BATCH = 15
_INVALID = Denial(400, 20001, "invalid param")
_L1_ADDRESS = "0x0000000000000000000000000000000000000001"

Values = dict[str, str]


def ok(fields: Json) -> HttpResponse:
    return HttpResponse(200, _JSON, packed({"code": 200, **fields}).encode())


def denied(denial: Denial) -> HttpResponse:
    return HttpResponse(denial.status, _JSON, packed({"code": denial.code, "message": denial.message}).encode())


class RestDesk:
    """Routes requests; the twin holds the state."""

    def __init__(self, twin: LighterTwin) -> None:
        self._twin = twin
        tier = TIERS[twin.switches.tier]
        self._weighted = tier.weighted
        self._window = RequestWindow(tier.per_minute, 60 * NANOSECONDS)
        self._public: dict[str, Callable[[Values], HttpResponse]] = {
            "/api/v1/orderBooks": self._markets,
            "/api/v1/orderBookDetails": self._markets,
            "/api/v1/orderBookOrders": self._book_orders,
            "/api/v1/nextNonce": self._next_nonce,
            "/api/v1/apikeys": self._keys,
            "/api/v1/account": self._account,
            "/api/v1/tx": self._tx,
        }
        self._private: dict[str, Callable[[Values], HttpResponse]] = {
            "/api/v1/accountActiveOrders": self._active,
            "/api/v1/accountInactiveOrders": self._inactive,
            "/api/v1/trades": self._trades,
            "/api/v1/positionFunding": self._funding,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        twin, path = self._twin, request.path
        cost = WEIGHTS.get(path, OTHER_WEIGHT) if self._weighted else 1
        if self._window.wait_ns(twin.now_ns, cost):
            return denied(Denial(429, 23000, "Too Many Requests!"))
        if request.method == "POST":
            return self._post(request)
        values = dict(parse_qsl(request.query, keep_blank_values=True))
        if path in ("", "/"):
            return _plain({"status": 200, "network_id": 1, "timestamp": twin.now_ns // NANOSECONDS})
        if path in self._public:
            return self._public[path](values)
        if path not in self._private:
            return denied(Denial(404, 404, "not found"))
        token = request.header("Authorization") or values.get("auth")
        denial = twin.gate.check_token(token, twin.now_ms)
        if denial is not None:
            return denied(denial)
        if values.get("account_index") != str(twin.account):
            return denied(Denial(400, 20013, "invalid auth: another account"))
        return self._private[path](values)

    # --- transactions -----------------------------------------------------------------------------------------------

    def _post(self, request: HttpRequest) -> HttpResponse:
        form = _form(request)
        if request.path == "/api/v1/sendTx":
            sent = self._twin.sequencer.send(form.get("tx_type"), form.get("tx_info"))
            return denied(sent) if isinstance(sent, Denial) else _plain(self.taken(sent))
        if request.path == "/api/v1/sendTxBatch":
            return self._post_batch(form)
        return denied(Denial(404, 404, "not found"))

    def _post_batch(self, form: Values) -> HttpResponse:
        kinds, infos = _listed(form.get("tx_types")), _listed(form.get("tx_infos"))
        if not 0 < len(kinds) == len(infos) <= _MOST_IN_BATCH:
            return denied(_INVALID)
        hashes: list[str] = []
        for kind, info in zip(kinds, infos, strict=True):
            sent = self._twin.sequencer.send(kind, info)
            if isinstance(sent, Denial):
                return denied(sent)
            hashes.append(sent.checked.tx_hash)
        return ok({"tx_hash": hashes, "predicted_execution_time_ms": self._twin.now_ms})

    def taken(self, sent: SentTx) -> Json:
        """What is answered to a transaction that was taken."""
        return {
            "code": 200,
            "message": packed({"ratelimit": "didn't use volume quota"}),
            "tx_hash": sent.checked.tx_hash,
            "predicted_execution_time_ms": self._twin.now_ms + self._twin.sequencer.delay_ms(sent.checked),
            "volume_quota_remaining": 10_000,
        }

    def tx_row(self, sent: SentTx) -> Json:
        numbers = sent.checked.numbers
        return {
            "hash": sent.checked.tx_hash,
            "type": sent.checked.tx_type,
            "info": sent.checked.info,
            "event_info": packed({"ae": sent.failure}),
            "status": sent.status,
            "transaction_index": 10,
            "l1_address": _L1_ADDRESS,
            "account_index": self._twin.account,
            "nonce": numbers["Nonce"],
            "expire_at": numbers["ExpiredAt"],
            "block_height": 1_500_000,
            "queued_at": sent.sent_ns // 1_000_000,
            "executed_at": sent.executed_ns // 1_000_000,
            "sequence_index": 5_678,
            "parent_hash": "",
            "api_key_index": numbers["ApiKeyIndex"],
            "transaction_time": sent.executed_ns // 1_000,
        }

    def _tx(self, values: Values) -> HttpResponse:
        sent = self._twin.sequencer.sent.get(values.get("value", "")) if values.get("by") == "hash" else None
        return denied(Denial(400, 21500, "transaction not found")) if sent is None else ok(self.tx_row(sent))

    def _next_nonce(self, values: Values) -> HttpResponse:
        if not self._is_ours(values):
            return denied(Denial(400, 21108, "api key not found"))
        return ok({"nonce": self._twin.sequencer.next_nonce})

    def _keys(self, values: Values) -> HttpResponse:
        twin = self._twin
        if values.get("account_index") != str(twin.account):
            return denied(Denial(400, 21100, "account not found"))
        if values.get("api_key_index", "255") not in (str(twin.gate.key_index), "255"):
            return ok({"api_keys": []})
        key: Json = {
            "account_index": twin.account,
            "api_key_index": twin.gate.key_index,
            "nonce": twin.sequencer.next_nonce,
            "public_key": twin.gate.public_key,
            "transaction_time": 0,
        }
        return ok({"api_keys": [key]})

    def _is_ours(self, values: Values) -> bool:
        ours = (str(self._twin.account), str(self._twin.gate.key_index))
        return (values.get("account_index"), values.get("api_key_index")) == ours

    # --- the market -------------------------------------------------------------------------------------------------

    def _markets(self, values: Values) -> HttpResponse:
        if values.get("market_id", str(MARKET)) not in (str(MARKET), "255"):
            return denied(Denial(400, 21605, "invalid market"))
        twin = self._twin
        quote = twin.desk.quote
        mark = Decimal(0) if quote is None else quote.mid
        row = market_row(twin.ticker, twin.desk.rules, twin.scale, twin.units, mark, twin.switches)
        return ok({"order_book_details": [row], "spot_order_book_details": []})

    def _book_orders(self, values: Values) -> HttpResponse:
        quote = self._twin.desk.quote
        if values.get("market_id") != str(MARKET) or quote is None:
            return denied(Denial(400, 21605, "invalid market"))
        sides: Json = {}
        for name, price, size in (("asks", quote.ask, quote.ask_size), ("bids", quote.bid, quote.bid_size)):
            (level,) = level_rows({price: size}, self._twin.scale)
            row = {"order_index": 281_475_565_888_172, "order_id": "281475565888172", "price": level["price"]}
            row |= {"owner_account_index": 134_436, "initial_base_amount": level["size"]}
            row |= {"remaining_base_amount": level["size"], "order_expiry": self._twin.now_ms + 86_400_000}
            sides |= {f"total_{name}": 1, name: [row]}
        return ok(sides)

    # --- the account ------------------------------------------------------------------------------------------------

    def _account(self, values: Values) -> HttpResponse:
        twin = self._twin
        if (values.get("by"), values.get("value")) != ("index", str(twin.account)):
            return denied(Denial(400, 21100, "account not found"))
        equity = quote_text(twin.desk.venue.equity_at_mid())
        account: Json = {
            "code": 0,
            "account_type": 0,
            "index": twin.account,
            "l1_address": _L1_ADDRESS,
            "cancel_all_time": 0,
            "total_order_count": len(twin.desk.live_orders()),
            "pending_order_count": 0,
            "available_balance": equity,
            "status": 1,
            "collateral": equity,
            "positions": [twin.position_row()],
            "assets": [],
            "total_asset_value": equity,
            "cross_asset_value": equity,
        }
        return ok({"total": 1, "accounts": [account]})

    def _active(self, values: Values) -> HttpResponse:
        if values.get("market_id") not in (None, str(MARKET), "255"):
            return denied(_INVALID)
        rows = [self._twin.row_of(order) for order in self._twin.desk.live_orders()]
        longest = self._twin.setup.longest_page or self._twin.switches.active_page
        return _page("orders", rows, values.get("cursor"), longest)

    def _inactive(self, values: Values) -> HttpResponse:
        twin = self._twin
        ended = [
            twin.row_of(order)
            for order in reversed(twin.all_orders())
            if order.ended_ns is not None and order.ended_ns <= self._written_ns()
        ]
        return self._history("orders", ended, values)

    def _trades(self, values: Values) -> HttpResponse:
        if (values.get("sort_by"), values.get("sort_dir", "desc")) != ("timestamp", "desc"):
            return denied(_INVALID)
        twin = self._twin
        told = [twin.row_of_fill(fill) for fill in reversed(twin.desk.fills) if fill.at_ns <= self._written_ns()]
        return self._history("trades", told, values)

    def _funding(self, values: Values) -> HttpResponse:
        sign = -1 if self._twin.switches.paid_funding_is_positive else 1
        rows: list[Json] = [
            {
                "timestamp": paid.at_ns // NANOSECONDS,
                "market_id": MARKET,
                "funding_id": 2_001 + number,
                "change": format(sign * paid.amount, "f"),
                "discount": "0",
                "rate": format(self._twin.setup.source.funding.rate, "f"),
                "position_size": self._twin.scale.size(abs(self._twin.desk.position)),
                "position_side": "short" if self._twin.desk.position < 0 else "long",
            }
            for number, paid in enumerate(self._twin.desk.funding)
        ]
        return self._history("position_fundings", rows[::-1], values)

    def _written_ns(self) -> int:
        """What ended or traded later is not in the lists yet."""
        return self._twin.now_ns - self._twin.switches.history_delay_ms * 1_000_000

    def _history(self, name: str, rows: list[Json], values: Values) -> HttpResponse:
        limit = values.get("limit", "")
        if not limit.isdigit() or not 0 < int(limit) <= _LONGEST_PAGE:
            return denied(_INVALID)
        longest = self._twin.setup.longest_history_page or int(limit)
        return _page(name, rows, values.get("cursor"), min(int(limit), longest))


def _plain(fields: Json) -> HttpResponse:
    return HttpResponse(200, _JSON, packed(fields).encode())


def _page(name: str, rows: list[Json], cursor: str | None, limit: int) -> HttpResponse:
    start = int(cursor) if cursor and cursor.isdigit() else 0
    answer: Json = {name: rows[start : start + limit]}
    if start + limit < len(rows):
        answer["next_cursor"] = str(start + limit)
    return ok(answer)


def _form(request: HttpRequest) -> Values:
    """The fields of a form in either encoding; empty for anything else."""
    kind = request.header("Content-Type") or ""
    if kind.lower().startswith("multipart/form-data"):
        message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body)
        parts = message.get_payload()
        return _parts(parts) if isinstance(parts, list) else {}
    try:
        return dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True))
    except UnicodeDecodeError:
        return {}


def _parts(parts: Iterable[object]) -> Values:
    found: Values = {}
    for part in parts:
        if isinstance(part, email.message.Message):
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                found[name] = content.decode("utf-8", "replace")
    return found


def _listed(text: str | None) -> list[object]:
    try:
        value = json.loads(text or "")
    except ValueError:
        return []
    return value if isinstance(value, list) else []
