"""The twin's REST: what each endpoint checks and answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from domain.market import Side
from exchanges.edgex.twin_auth import (
    Denial,
    NumberText,
    Values,
    check_request,
    parameters_of,
    recovered_address,
    typed_digest,
    whole,
)
from exchanges.edgex.twin_orders import Booked, OrderForm
from exchanges.edgex.twin_wire import (
    CHAIN_ID,
    COIN_ID,
    COIN_RESOLUTION,
    CONTRACT_RESOLUTION,
    LARGEST_ORDER,
    PRICE_RATIO,
    VERIFYING_CONTRACT,
    answered,
    denied,
    funding_row,
    levels_of,
    metadata,
    plain,
    position_row,
    ticker_row,
)
from exchanges.transport.messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from exchanges.edgex.twin import EdgexTwin

_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_L2_EXTRA_MS = 8 * 86_400_000
_ACTIVE_PAGE = 200
_HISTORY_PAGE = 100
_LIVES = ("GOOD_TIL_CANCEL", "POST_ONLY", "IMMEDIATE_OR_CANCEL")
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
Answer = object | Denial


class RestDesk:
    def __init__(self, twin: EdgexTwin) -> None:
        self._twin = twin
        public, order, account = "/api/v2/public", "/api/v2/private/order", "/api/v2/private/account"
        self._routes: dict[tuple[str, str], Callable[[Values], Answer]] = {
            ("GET", f"{public}/meta/getServerTime"): lambda _values: {"timeMillis": str(twin.now_ms)},
            ("GET", f"{public}/meta/getMetaData"): lambda _values: metadata(twin.ticker, twin.desk.rules),
            ("GET", f"{public}/quote/getDepth"): self._depth,
            ("GET", f"{public}/quote/getTicker"): self._ticker,
            ("GET", f"{public}/funding/getLatestFundingRate"): self._funding_rate,
            ("POST", f"{order}/createOrder"): self._create,
            ("POST", f"{order}/cancelOrderById"): self._cancel_by_id,
            ("POST", f"{order}/cancelOrderByClientOrderId"): self._cancel_by_client_id,
            ("POST", f"{order}/cancelAllOrder"): self._cancel_all,
            ("POST", f"{order}/getMaxCreateOrderSize"): self._max_size,
            ("GET", f"{order}/getOrderById"): self._by_id,
            ("GET", f"{order}/getOrderByClientOrderId"): self._by_client_id,
            ("GET", f"{order}/getActiveOrderPage"): self._active,
            ("GET", f"{order}/getHistoryOrderPage"): self._ended,
            ("GET", f"{order}/getHistoryOrderFillTransactionPage"): self._fills,
            ("GET", f"{account}/getAccountAsset"): lambda _values: self._asset(),
            ("GET", f"{account}/getPositionTransactionPage"): self._funding,
            ("POST", f"{account}/updateLeverageSetting"): self._leverage,
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        twin = self._twin
        if twin.window.wait_ns(twin.now_ns):
            return HttpResponse(429, (("Content-Type", "application/json"),), b"{}")
        outcome = self._outcome(request)
        return denied(outcome, twin.now_ms) if isinstance(outcome, Denial) else answered(outcome, twin.now_ms)

    def _outcome(self, request: HttpRequest) -> Answer:
        route = self._routes.get((request.method, request.path))
        if route is None:
            return Denial(404, "NOT_FOUND", "no such path")
        values = parameters_of(request)
        if isinstance(values, Denial):
            return values
        if "/private/" in request.path:
            twin = self._twin
            refusal = check_request(request, values, twin.keys, twin.now_ms, twin.switches)
            if refusal is not None:
                return refusal
        return route(values)

    # --- the market -------------------------------------------------------------------------------------------------

    def _depth(self, values: Values) -> Answer:
        twin = self._twin
        if values.get("level") not in ("15", "200"):
            return Denial(400, "INVALID_DEPTH_LEVEL")
        if values.get("contractId") != twin.contract_id:
            return Denial(400, "GATEWAY_PARAM_INVALID", "contractId")
        quote = twin.desk.quote
        bids, asks = ({}, {}) if quote is None else levels_of(quote, twin.desk.rules.tick_size)
        return [twin.depth_row("SNAPSHOT", str(values["level"]), bids, asks)]

    def _ticker(self, values: Values) -> Answer:
        twin, quote = self._twin, self._twin.desk.quote
        if values.get("contractId") != twin.contract_id or quote is None:
            return []
        rate = twin.setup.source.funding.rate
        return [ticker_row(twin.contract_id, twin.contract_name, quote, rate, twin.now_ms)]

    def _funding_rate(self, values: Values) -> Answer:
        twin, quote = self._twin, self._twin.desk.quote
        if values.get("contractId") != twin.contract_id or quote is None:
            return []
        row: dict[str, object] = {
            "contractId": twin.contract_id,
            "fundingTime": str(twin.now_ms // 14_400_000 * 14_400_000),
            "oraclePrice": plain(quote.mid),
            "indexPrice": plain(quote.mid),
            "fundingRate": plain(twin.setup.source.funding.rate),
            "isSettlement": False,
            "forecastFundingRate": "",
            "fundingRateIntervalMin": "240",
        }
        return [row]

    # --- placing ----------------------------------------------------------------------------------------------------

    def _create(self, values: Values) -> Answer:
        form = self._form(values)
        if isinstance(form, Denial):
            return form
        twin = self._twin
        refusal = self._check_rules(form) or self._check_signature(form, values) or self._check_margin(form)
        if refusal is not None:
            return refusal
        if twin.table.by_client_id(form.client_id) is not None:
            return Denial(200, twin.switches.duplicate_client_id_code, "clientOrderId was used before")
        return {"orderId": twin.accept(form).order_id}

    def _form(self, values: Values) -> OrderForm | Denial:
        """The order's own words; conditional orders are not played."""
        price, size = _number(values.get("price")), _number(values.get("size"))
        client_id, life, kind = values.get("clientOrderId"), values.get("timeInForce"), values.get("type")
        side = _SIDES.get(str(values.get("side")))
        expire_ms, l2_expire_ms, nonce = (whole(values.get(name)) for name in ("expireTime", "l2ExpireTime", "l2Nonce"))
        is_market = kind == "MARKET"
        if values.get("contractId") != self._twin.contract_id:
            return Denial(400, "INVALID_CONTRACT_ID", "contractId")
        if not isinstance(client_id, str) or re.fullmatch(r"[A-Za-z0-9_-]{1,32}", client_id) is None:
            return Denial(400, "GATEWAY_PARAM_INVALID", "clientOrderId")
        if side is None or kind not in ("LIMIT", "MARKET") or life not in _LIVES:
            return Denial(400, "GATEWAY_PARAM_INVALID", "side, type or timeInForce")
        if price is None or size is None or size <= 0 or (price > 0) is is_market:
            return Denial(400, "GATEWAY_PARAM_INVALID", "price or size")
        if is_market and life != "IMMEDIATE_OR_CANCEL":
            return Denial(400, "GATEWAY_PARAM_INVALID", "timeInForce")
        if expire_ms is None or l2_expire_ms is None or nonce is None:
            return Denial(400, "GATEWAY_PARAM_INVALID", "expireTime, l2ExpireTime or l2Nonce")
        reduce_only = values.get("reduceOnly", False)
        if not isinstance(reduce_only, bool):
            return Denial(400, "GATEWAY_PARAM_INVALID", "reduceOnly")
        if expire_ms <= self._twin.now_ms or l2_expire_ms < expire_ms + _L2_EXTRA_MS:
            return Denial(400, "GATEWAY_PARAM_INVALID", "expireTime or l2ExpireTime")
        return OrderForm(client_id, side, price, size, str(kind), str(life), reduce_only, str(nonce), expire_ms)

    def _check_rules(self, form: OrderForm) -> Denial | None:
        rules, quote = self._twin.desk.rules, self._twin.desk.quote
        if form.size % rules.quantity_step:
            text = f"size {form.size} does not meet stepSize '{rules.quantity_step}' requirement"
            return Denial(200, self._twin.switches.rules_code, text)
        if not rules.min_quantity <= form.size <= LARGEST_ORDER:
            return Denial(200, "INVALID_ORDER_SIZE", "size is out of range")
        if form.kind == "MARKET":
            return None
        if form.price % rules.tick_size:
            text = f"price {form.price} does not meet tickSize '{rules.tick_size}' requirement"
            return Denial(200, self._twin.switches.rules_code, text)
        if quote is not None and form.side is Side.BUY and form.price > quote.mid * (1 + PRICE_RATIO):
            return Denial(200, self._twin.switches.price_code, "price is too high")
        if quote is not None and form.side is Side.SELL and form.price < quote.mid * (1 - PRICE_RATIO):
            return Denial(200, self._twin.switches.price_code, "price is too low")
        return None

    def _check_margin(self, form: OrderForm) -> Denial | None:
        """Roughly, and only where the venue is played as one that looks before it queues."""
        twin = self._twin
        if not twin.switches.margin_is_checked_first or form.reduce_only:
            return None
        venue = twin.desk.venue
        means = venue.equity_at_mid() * venue.terms.leverage
        return Denial(200, twin.switches.margin_code, "margin") if form.price * form.size > means else None

    def _check_signature(self, form: OrderForm, values: Values) -> Denial | None:
        """The amounts follow from the order; the signature must be over them, and of the registered signer."""
        twin = self._twin
        wrong = Denial(twin.switches.bad_signature_status, twin.switches.bad_l2_signature_code, "l2Signature")
        value, size, fee = (_number(values.get(name)) for name in ("l2Value", "l2Size", "l2LimitFee"))
        if value is None or size != form.size or fee is None:
            return wrong
        rules = twin.desk.rules
        rate = max(rules.maker_fee_rate, rules.taker_fee_rate)
        least_fee = (value * rate).to_integral_value(ROUND_CEILING)
        if fee < least_fee or (form.kind == "LIMIT" and value != form.price * form.size):
            return wrong
        if int(form.nonce) != int(hashlib.sha256(form.client_id.encode()).hexdigest()[:8], 16):
            return wrong
        order: dict[str, object] = {
            "base": {
                "nonce": int(form.nonce),
                "signer": twin.keys.signer,
                "accountId": int(twin.keys.account_id),
                "expirationTimestamp": form.expire_ms // 1000,
            },
            "amountSynthetic": int(size * CONTRACT_RESOLUTION),
            "amountCollateral": int(value * COIN_RESOLUTION),
            "amountFee": int(fee * COIN_RESOLUTION),
            "assetIdSynthetic": int(twin.contract_id),
            "assetIdCollateral": int(COIN_ID),
            "isBuyingSynthetic": int(form.side is Side.BUY),
            "parentOrderHash": bytes(32),
            "subOrderIndex": 0,
        }
        digest = typed_digest(CHAIN_ID, bytes.fromhex(VERIFYING_CONTRACT[2:]), order)
        return None if recovered_address(digest, str(values.get("l2Signature"))) == twin.keys.signer else wrong

    def _max_size(self, values: Values) -> Answer:
        twin, quote, price = self._twin, self._twin.desk.quote, _number(values.get("price"))
        if quote is None or not price:
            return Denial(400, "GATEWAY_PARAM_INVALID", "price")
        venue = twin.desk.venue
        size = plain(twin.desk.rules.quantity_at_or_below(venue.equity_at_mid() * venue.terms.leverage / price))
        return {
            "maxBuySize": size,
            "maxSellSize": size,
            "ask1Price": plain(quote.ask),
            "bid1Price": plain(quote.bid),
        }

    # --- cancelling -------------------------------------------------------------------------------------------------

    def _cancel_by_id(self, values: Values) -> Answer:
        return self._cancelled(values.get("orderIdList"), self._twin.table.rows.get, by_client_id=False)

    def _cancel_by_client_id(self, values: Values) -> Answer:
        by_client_id = self._twin.switches.cancel_map_is_by_client_id
        return self._cancelled(
            values.get("clientOrderIdList"), self._twin.table.by_client_id, by_client_id=by_client_id
        )

    def _cancelled(self, named: object, find: Callable[[str], Booked | None], *, by_client_id: bool) -> Answer:
        if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
            return Denial(400, "GATEWAY_PARAM_INVALID", "a list of ids is required")
        results = {}
        for item in named:
            booked = find(item)
            key = item if booked is None or by_client_id else booked.order_id
            results[key] = "FAILED_ORDER_NOT_FOUND" if booked is None else self._cancel_word(booked)
        return {"cancelResultMap": results}

    def _cancel_word(self, booked: Booked) -> str:
        twin = self._twin
        if twin.table.is_live(booked):
            was_asked = booked.cancel_asked
            twin.ask_cancel(booked)
            return "SUCCESS_ORDER_CANCELING" if was_asked else "SUCCESS"
        return "FAILED_ORDER_FILLED" if twin.table.view(booked).status == "FILLED" else "SUCCESS_ORDER_CANCELED"

    def _cancel_all(self, values: Values) -> Answer:
        filters = values.get("filterContractIdList") or [self._twin.contract_id]
        if not isinstance(filters, list):
            return Denial(400, "GATEWAY_PARAM_INVALID", "filterContractIdList")
        live = self._twin.table.live() if self._twin.contract_id in filters else []
        return {"cancelResultMap": {booked.order_id: self._cancel_word(booked) for booked in live}}

    # --- asking -----------------------------------------------------------------------------------------------------

    def _by_id(self, values: Values) -> Answer:
        named = str(values.get("orderIdList", "")).split(",")
        return [self._row(booked) for item in named if (booked := self._twin.table.rows.get(item)) is not None]

    def _by_client_id(self, values: Values) -> Answer:
        named = str(values.get("clientOrderIdList", "")).split(",")
        found = [self._twin.table.by_client_id(item) for item in named]
        return [self._row(booked) for booked in found if booked is not None]

    def _active(self, values: Values) -> Answer:
        filters = str(values.get("filterContractIdList") or self._twin.contract_id).split(",")
        live = self._twin.table.live() if self._twin.contract_id in filters else []
        return self._page([(booked.order_id, self._row(booked)) for booked in live], values, _ACTIVE_PAGE)

    def _ended(self, values: Values) -> Answer:
        table = self._twin.table
        ended = [booked for booked in reversed(table.rows.values()) if not table.is_live(booked)]
        return self._page([(booked.order_id, self._row(booked)) for booked in ended], values, _HISTORY_PAGE)

    def _fills(self, values: Values) -> Answer:
        twin = self._twin
        written_ns = twin.now_ns - twin.switches.history_delay_ms * 1_000_000
        named = [item for item in str(values.get("filterOrderIdList") or "").split(",") if item]
        contracts = str(values.get("filterContractIdList") or twin.contract_id).split(",")
        since_ms = whole(values.get("filterStartCreatedTimeInclusive") or "0")
        if since_ms is None:
            return Denial(400, "GATEWAY_PARAM_INVALID", "filterStartCreatedTimeInclusive")
        rows = []
        for fill in twin.desk.fills if twin.contract_id in contracts else []:
            order_id = twin.table.by_number(fill.order.number).order_id
            if since_ms * 1_000_000 <= fill.at_ns <= written_ns and (not named or order_id in named):
                rows.append((twin.trade_id(fill.number), twin.fill_of(fill)))
        if twin.switches.history_is_newest_first:
            rows.reverse()
        return self._page(rows, values, _HISTORY_PAGE)

    def _funding(self, values: Values) -> Answer:
        """Position transactions; only those of funding are played."""
        twin = self._twin
        since_ms = whole(values.get("filterStartCreatedTimeInclusive") or "0")
        if since_ms is None or values.get("filterTypeList") != "SETTLE_FUNDING_FEE":
            return Denial(400, "GATEWAY_PARAM_INVALID", "filterTypeList or filterStartCreatedTimeInclusive")
        rows = []
        for number, paid in enumerate(twin.desk.funding, 1):
            if paid.at_ns >= since_ms * 1_000_000:
                row = funding_row(paid, number, twin.contract_id)
                rows.append((str(row["id"]), row))
        return self._page(rows[::-1], values, _HISTORY_PAGE)

    def _page(self, rows: list[tuple[str, dict[str, object]]], values: Values, longest: int) -> Answer:
        """`offsetData` names the last row given."""
        size, offset = whole(values.get("size") or str(longest)), str(values.get("offsetData") or "")
        if size is None or not 0 < size <= longest:
            return Denial(400, "INVALID_GET_PAGE_SIZE", f"size must be at most {longest}")
        twin = self._twin
        longest = min(size, {_ACTIVE_PAGE: twin.longest_page, _HISTORY_PAGE: twin.longest_history_page}[longest])
        ids = [key for key, _ in rows]
        start = ids.index(offset) + 1 if offset in ids else 0
        page = rows[start : start + longest]
        has_more = start + longest < len(rows)
        return {"dataList": [row for _, row in page], "nextPageOffsetData": page[-1][0] if has_more else ""}

    def _row(self, booked: Booked) -> dict[str, object]:
        return self._twin.row_of(self._twin.table.view(booked))

    def _asset(self) -> Answer:
        twin, quote = self._twin, self._twin.desk.quote
        size, price = twin.desk.position, Decimal(0) if quote is None else quote.mid
        has_row = size or (twin.switches.keeps_flat_rows and bool(twin.desk.fills))
        equity = plain(twin.desk.venue.equity_at_mid())
        return {
            "account": {
                "id": twin.keys.account_id,
                "status": "NORMAL",
                "isLiquidating": False,
                "contractIdToTradeSetting": {twin.contract_id: {"isSetMaxLeverage": False, "maxLeverage": ""}},
                "createOrderPerMinuteLimit": 0,
            },
            "collateralList": [{"coinId": COIN_ID, "amount": equity}],
            "positionList": [position_row(twin.contract_id, size, price)] if has_row else [],
            "positionAssetList": [],
            "collateralAssetModelList": [
                {
                    "coinId": COIN_ID,
                    "totalEquity": equity,
                    "initialMarginRequirement": "0",
                    "orderFrozenAmount": "0",
                    "availableAmount": equity,
                }
            ],
            "oraclePriceList": [],
            "version": str(twin.version),
        }

    def _leverage(self, values: Values) -> Answer:
        if values.get("contractId") != self._twin.contract_id or not whole(values.get("leverage")):
            return Denial(400, "GATEWAY_PARAM_INVALID", "leverage")
        if self._twin.table.live():
            return Denial(200, "ACCOUNT_UPDATE_LEVERAGE_FAILED_ORDER", "there are open orders")
        return None


def _number(value: object) -> Decimal | None:
    """Numbers are plain text."""
    is_text = isinstance(value, str) and not isinstance(value, NumberText)
    return Decimal(str(value)) if is_text and _NUMBER.fullmatch(str(value)) is not None else None
