"""How the venue writes: envelopes, orders, trades, positions and listings as its REST and its sockets show them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules, Quote, Side
from exchanges.edgex.twin_auth import Denial
from exchanges.rehearsal.desk import FundingPaid, TwinFill
from exchanges.transport.messages import HttpResponse

Json = dict[str, object]
Levels = dict[Decimal, Decimal]

CHAIN_ID = 3343
VERIFYING_CONTRACT = "0xeeb3fb05cca17745cbdf193a9b16537efb68fac8"
COIN_ID = "1000"
COIN_RESOLUTION = 10**6
CONTRACT_RESOLUTION = 10**9
LARGEST_ORDER = Decimal(1_000_000)
PRICE_RATIO = Decimal("0.05")
"""How far through the oracle price a limit may be, as a fraction."""
USER_ID = "543429922866069763"
DEPTH_LEVELS = 15
_PAGE_NAMES = {"cumMatchSize": "filledSize", "cumMatchValue": "filledValue", "cumMatchFee": "filledFee"}
_OTHERS = {"BTC": "30000001", "ETH": "30000002", "SOL": "30000003", "BNB": "30000004"}
_OWN = "30000099"


def plain(value: Decimal) -> str:
    """The shortest plain form."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def side_word(side: Side) -> str:
    return "BUY" if side is Side.BUY else "SELL"


def contract_id_of(ticker: str) -> str:
    return _OTHERS.get(ticker.upper(), _OWN)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def answered(data: object, now_ms: int) -> HttpResponse:
    return _envelope(200, "SUCCESS", data, None, now_ms)


def denied(denial: Denial, now_ms: int) -> HttpResponse:
    return _envelope(denial.status, denial.code, None, denial.message, now_ms)


def _envelope(status: int, code: str, data: object, message: str | None, now_ms: int) -> HttpResponse:
    whole = {
        "code": code,
        "data": data,
        "msg": message,
        "errorParam": None,
        "requestTime": str(now_ms),
        "responseTime": str(now_ms),
        "traceId": f"{now_ms:032x}",
    }
    return HttpResponse(status, (("Content-Type", "application/json"),), compact(whole).encode())


# --- orders and trades ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order at one moment, ready to be written. `matched` is what the engine did, `settled` lags behind it; each
    is (size, value, fee). Times are milliseconds."""

    order_id: str
    client_id: str
    contract_id: str
    side: Side
    price: Decimal
    size: Decimal
    kind: str
    life: str
    reduce_only: bool
    nonce: str
    expire_ms: int
    status: str
    cancel_reason: str
    matched: tuple[Decimal, Decimal, Decimal]
    settled: tuple[Decimal, Decimal, Decimal]
    created_ms: int
    updated_ms: int


def order_row(view: OrderView, account_id: str, rules: MarketRules) -> Json:
    return {
        "id": view.order_id,
        "userId": USER_ID,
        "accountId": account_id,
        "coinId": COIN_ID,
        "contractId": view.contract_id,
        "side": side_word(view.side),
        "price": plain(view.price),
        "size": plain(view.size),
        "clientOrderId": view.client_id,
        "type": view.kind,
        "timeInForce": view.life,
        "reduceOnly": view.reduce_only,
        "triggerPrice": "0",
        "triggerPriceType": "UNKNOWN_PRICE_TYPE",
        "expireTime": str(view.expire_ms),
        "status": view.status,
        "cancelReason": view.cancel_reason or "UNKNOWN_ORDER_CANCEL_REASON",
        "cumFillSize": plain(view.settled[0]),
        "cumFillValue": plain(view.settled[1]),
        "cumFillFee": plain(view.settled[2]),
        "cumMatchSize": plain(view.matched[0]),
        "cumMatchValue": plain(view.matched[1]),
        "cumMatchFee": plain(view.matched[2]),
        "maxLeverage": "10",
        "takerFeeRate": plain(rules.taker_fee_rate),
        "makerFeeRate": plain(rules.maker_fee_rate),
        "l2Nonce": view.nonce,
        "createdTime": str(view.created_ms),
        "updatedTime": str(view.updated_ms),
    }


def with_page_names(row: Json) -> Json:
    """An order or a trade in the names of the other page."""
    renamed = {_PAGE_NAMES.get(name, name): value for name, value in row.items()}
    if "direction" in renamed:
        renamed["isMaker"] = renamed.pop("direction") == "MAKER"
    filled = renamed.get("filledSize")
    if renamed.get("status") == "OPEN" and filled not in (None, "0"):
        renamed["status"] = "PARTIALLY_FILLED"
    return {name: value for name, value in renamed.items() if not name.startswith("cumFill")}


def fill_row(fill: TwinFill, trade_id: str, order_id: str, contract_id: str, account_id: str) -> Json:
    """Of the fill history."""
    return {
        "id": trade_id,
        "userId": USER_ID,
        "accountId": account_id,
        "coinId": COIN_ID,
        "contractId": contract_id,
        "orderId": order_id,
        "orderSide": side_word(fill.side),
        "fillSize": plain(fill.quantity),
        "fillValue": plain(fill.price * fill.quantity),
        "fillFee": plain(fill.fee),
        "fillPrice": plain(fill.price),
        "realizePnl": plain(-fill.fee),
        "direction": "MAKER" if fill.is_maker else "TAKER",
        "isLiquidate": fill.order.forced,
        "isDeleverage": False,
        "matchTime": str(fill.at_ns // 1_000_000),
        "createdTime": str(fill.at_ns // 1_000_000),
        "updatedTime": str(fill.at_ns // 1_000_000),
    }


def streamed_fill(row: Json, *, names_contract: bool, names_side: bool) -> Json:
    """The private socket leaves some fields of the history out."""
    left_out = {"realizePnl", *(() if names_contract else ("contractId",)), *(() if names_side else ("orderSide",))}
    return {name: value for name, value in row.items() if name not in left_out}


def funding_row(paid: FundingPaid, number: int, contract_id: str) -> Json:
    """A position transaction that settles funding; what the account receives is positive."""
    return {
        "id": str(580_000_000_000_000_000 + number),
        "coinId": COIN_ID,
        "contractId": contract_id,
        "type": "SETTLE_FUNDING_FEE",
        "deltaOpenSize": "0",
        "deltaFundingFee": plain(paid.amount),
        "isLiquidate": False,
        "isDeleverage": False,
        "fundingTime": str(paid.at_ns // 1_000_000),
        "orderId": "0",
        "orderFillTransactionId": "0",
    }


def position_row(contract_id: str, size: Decimal, price: Decimal) -> Json:
    return {
        "coinId": COIN_ID,
        "contractId": contract_id,
        "openSize": plain(size),
        "openValue": plain(size * price),
        "openFee": "0",
        "fundingFee": "0",
    }


# --- the market -----------------------------------------------------------------------------------------------------


def metadata(ticker: str, rules: MarketRules) -> Json:
    """Of `getMetaData`: the market of the twin, and a few others that are only listed."""
    names = dict.fromkeys((*_OTHERS, ticker.upper()))
    return {
        "global": {
            "appName": "edgeX",
            "appEnv": "twin",
            "nativeChainId": str(CHAIN_ID),
            "contractAddress": VERIFYING_CONTRACT,
        },
        "coinList": [
            {
                "coinId": COIN_ID,
                "coinName": "USDC",
                "stepSize": "0.000001",
                "resolution": str(COIN_RESOLUTION),
            }
        ],
        "contractList": [_contract_row(name, rules) for name in names],
    }


def _contract_row(ticker: str, rules: MarketRules) -> Json:
    return {
        "contractId": contract_id_of(ticker),
        "contractName": f"{ticker}USDC",
        "baseCoinId": contract_id_of(ticker)[-4:],
        "quoteCoinId": COIN_ID,
        "tickSize": plain(rules.tick_size),
        "stepSize": plain(rules.quantity_step),
        "minOrderSize": plain(rules.min_quantity),
        "maxOrderSize": plain(LARGEST_ORDER),
        "maxOrderBuyPriceRatio": plain(PRICE_RATIO),
        "minOrderSellPriceRatio": plain(PRICE_RATIO),
        "maxPositionSize": "10000000",
        "riskTierList": [
            {"tier": 1, "positionValueUpperBound": "50000", "maxLeverage": "100", "maintenanceMarginRate": "0.005"}
        ],
        "defaultTakerFeeRate": plain(rules.taker_fee_rate),
        "defaultMakerFeeRate": plain(rules.maker_fee_rate),
        "defaultLeverage": "10",
        "enableTrade": True,
        "enableDisplay": True,
        "enableOpenPosition": True,
        "fundingRateIntervalMin": "240",
        "displayMaxLeverage": "100",
        "isStock": False,
        "isFx": False,
        "resolution": hex(CONTRACT_RESOLUTION),
    }


def book_ticker_row(contract_id: str, name: str, quote: Quote) -> Json:
    return {
        "contractId": contract_id,
        "contractName": name,
        "bestBidPrice": plain(quote.bid),
        "bestBidSize": plain(quote.bid_size),
        "bestAskPrice": plain(quote.ask),
        "bestAskSize": plain(quote.ask_size),
    }


def ticker_row(contract_id: str, name: str, quote: Quote, rate: Decimal, now_ms: int) -> Json:
    mid = plain(quote.mid)
    names = ("lastPrice", "indexPrice", "oraclePrice", "markPrice", "high", "low", "open", "close")
    return {
        "contractId": contract_id,
        "contractName": name,
        **dict.fromkeys(names, mid),
        "priceChange": "0",
        "priceChangePercent": "0",
        "trades": "0",
        "size": "0",
        "value": "0",
        "openInterest": "0",
        "fundingRate": plain(rate),
        "fundingTime": str(now_ms // 14_400_000 * 14_400_000),
        "nextFundingTime": str((now_ms // 14_400_000 + 1) * 14_400_000),
        "startTime": str(now_ms - 86_400_000),
        "endTime": str(now_ms),
    }


def levels_of(quote: Quote, tick: Decimal) -> tuple[Levels, Levels]:
    """Bids and asks, best first. Behind the touch each further tick shows the same size."""
    bids = {quote.bid - tick * n: quote.bid_size for n in range(DEPTH_LEVELS) if quote.bid > tick * n}
    return bids, {quote.ask + tick * n: quote.ask_size for n in range(DEPTH_LEVELS)}


def changed_levels(before: Levels, after: Levels, *, as_deltas: bool) -> Levels:
    """What of one side is different now: new sizes, 0 for what is gone; or the differences."""
    prices = {**before, **after}
    changes = {price: after.get(price, Decimal(0)) for price in prices if before.get(price) != after.get(price)}
    return {price: size - before.get(price, Decimal(0)) for price, size in changes.items()} if as_deltas else changes


def level_rows(levels: Levels, *, as_pairs: bool) -> list[object]:
    if as_pairs:
        return [[plain(price), plain(size)] for price, size in levels.items()]
    return [{"price": plain(price), "size": plain(size)} for price, size in levels.items()]
