"""How the venue writes: orders, trades, positions and markets as its REST answers and its streams show them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.aster.facts import Switches
from exchanges.rehearsal.desk import FundingPaid, OrderMoved, TwinFill, TwinOrder
from markets.orders import Reason

Json = dict[str, object]

_MILLISECOND = 1_000_000
MOST_QUANTITY = Decimal(1_000_000)
"""Of one order."""
_ENDED_BY_VENUE = (Reason.NO_LIQUIDITY, Reason.SELF_TRADE, Reason.REDUCE_ONLY, Reason.POST_ONLY_WOULD_CROSS)


def plain(value: Decimal) -> str:
    """The shortest plain form."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def side_word(side: Side) -> str:
    return "BUY" if side is Side.BUY else "SELL"


def state_word(order: TwinOrder) -> str:
    match order.status:
        case OrderStatus.FILLED:
            return "FILLED"
        case OrderStatus.EXPIRED:
            return "EXPIRED"
        case OrderStatus.CANCELLED:
            return "EXPIRED" if order.reason in _ENDED_BY_VENUE else "CANCELED"
        case _:
            return "PARTIALLY_FILLED" if order.filled else "NEW"


def client_text(order: TwinOrder) -> str:
    """The client id on the wire; the venue makes one up for an order that was sent without."""
    if order.forced:
        return f"autoclose-{order.placed_ns // _MILLISECOND}"
    return order.client_id or f"web_{order.number}"


def kind_of(order: TwinOrder) -> tuple[str, str]:
    """Type and time in force, as the twin noted them when the order came."""
    kind, _, life = order.note.partition(" ")
    return (kind, life) if life else ("MARKET" if order.price is None else "LIMIT", "GTC")


def rest_order(order: TwinOrder, order_id: str, symbol: str) -> Json:
    """As the answer to a placement, a cancel, and a query shows it."""
    kind, life = kind_of(order)
    return {
        "orderId": int(order_id),
        "symbol": symbol,
        "status": state_word(order),
        "clientOrderId": client_text(order),
        "price": "0" if order.price is None else plain(order.price),
        "avgPrice": _average(order),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "cumQuote": plain(order.filled_quote),
        "timeInForce": life,
        "type": kind,
        "origType": kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": side_word(order.side),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "updateTime": order.updated_ns // _MILLISECOND,
    }


def _average(order: TwinOrder) -> str:
    average = order.average_price
    return "0.00000" if average is None else plain(average.quantize(Decimal("0.00001")))


def order_frame(moved: OrderMoved, ids: tuple[str, str], symbol: str, switches: Switches) -> Json:
    """An ORDER_TRADE_UPDATE. `ids`: of the order, and of the trade where there is one."""
    order, fill = moved.order, moved.fill
    kind, life = kind_of(order)
    data: Json = {
        "s": symbol,
        "c": client_text(order),
        "S": side_word(order.side),
        "o": kind,
        "f": life,
        "q": plain(order.quantity),
        "p": "0" if order.price is None else plain(order.price),
        "ap": _average(order),
        "sp": "0",
        "x": _execution(moved),
        "X": state_word(order),
        "i": int(ids[0]),
        "l": "0" if fill is None else plain(fill.quantity),
        "z": plain(order.filled),
        "L": "0" if fill is None else plain(fill.price),
        "T": moved.at_ns // _MILLISECOND,
        "t": 0 if fill is None else int(ids[1]),
        "b": "0",
        "a": "0",
        "m": fill is not None and fill.is_maker,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": kind,
        "ps": "BOTH",
        "cp": False,
        "rp": "0",
    }
    if fill is not None and fill.fee:
        data |= {"N": "USDT", "n": plain(-fill.fee if switches.stream_fee_is_negative else fill.fee)}
    return {"e": "ORDER_TRADE_UPDATE", "E": moved.at_ns // _MILLISECOND, "T": moved.at_ns // _MILLISECOND, "o": data}


def _execution(moved: OrderMoved) -> str:
    if moved.fill is not None:
        return "CALCULATED" if moved.order.forced else "TRADE"
    return "NEW" if moved.fact is OrderFact.ACCEPTED else state_word(moved.order)


def rest_trade(fill: TwinFill, ids: tuple[str, str], symbol: str) -> Json:
    """Of the trade history, where a commission that was paid is negative. `ids`: of the order and the trade."""
    return {
        "id": int(ids[1]),
        "orderId": int(ids[0]),
        "symbol": symbol,
        "side": side_word(fill.side),
        "positionSide": "BOTH",
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "quoteQty": plain(fill.price * fill.quantity),
        "commission": plain(-fill.fee),
        "commissionAsset": "USDT",
        "realizedPnl": "0",
        "maker": fill.is_maker,
        "buyer": fill.side is Side.BUY,
        "time": fill.at_ns // _MILLISECOND,
    }


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as the venue shows it: signed quantity, average entry price, the mark, and the wallet beside it."""

    quantity: Decimal
    entry: Decimal
    mark: Decimal
    wallet: Decimal
    leverage: Decimal

    @property
    def unrealized(self) -> Decimal:
        return self.quantity * (self.mark - self.entry)


def position_row(symbol: str, held: Holding, now_ms: int) -> Json:
    return {
        "symbol": symbol,
        "positionAmt": plain(held.quantity),
        "entryPrice": plain(held.entry),
        "markPrice": plain(held.mark),
        "unRealizedProfit": plain(held.unrealized),
        "liquidationPrice": "0",
        "leverage": plain(held.leverage),
        "maxNotionalValue": "20000000",
        "marginType": "cross",
        "isolatedMargin": "0",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "updateTime": now_ms,
    }


def balance_row(held: Holding, now_ms: int) -> Json:
    equity = held.wallet + held.unrealized
    return {
        "accountAlias": "SgsR",
        "asset": "USDT",
        "balance": plain(held.wallet),
        "crossWalletBalance": plain(held.wallet),
        "crossUnPnl": plain(held.unrealized),
        "availableBalance": plain(equity),
        "maxWithdrawAmount": plain(equity),
        "marginAvailable": True,
        "updateTime": now_ms,
    }


def account_frame(symbol: str, held: Holding, at_ns: int) -> Json:
    """An ACCOUNT_UPDATE after a trade."""
    row: Json = {
        "s": symbol,
        "pa": plain(held.quantity),
        "ep": plain(held.entry),
        "cr": "0",
        "up": plain(held.unrealized),
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }
    balance: Json = {"a": "USDT", "wb": plain(held.wallet), "cw": plain(held.wallet), "bc": "0"}
    return _account(at_ns, {"m": "ORDER", "B": [balance], "P": [row]})


def funding_frame(paid: FundingPaid, wallet: Decimal) -> Json:
    """An ACCOUNT_UPDATE after funding: a crossed position shows its balance only."""
    balance: Json = {"a": "USDT", "wb": plain(wallet), "cw": plain(wallet), "bc": plain(paid.amount)}
    return _account(paid.at_ns, {"m": "FUNDING_FEE", "B": [balance]})


def _account(at_ns: int, data: Json) -> Json:
    return {"e": "ACCOUNT_UPDATE", "E": at_ns // _MILLISECOND, "T": at_ns // _MILLISECOND, "a": data}


def income_row(paid: FundingPaid, number: int, symbol: str) -> Json:
    return {
        "symbol": symbol,
        "incomeType": "FUNDING_FEE",
        "income": plain(paid.amount),
        "asset": "USDT",
        "info": "FUNDING_FEE",
        "time": paid.at_ns // _MILLISECOND,
        "tranId": str(9_689_322_000 + number),
        "tradeId": "",
    }


def listing(symbol: str, rules: MarketRules, switches: Switches, limits: tuple[int, int], now_ms: int) -> Json:
    """Of exchangeInfo. The precisions are not the tick and the step, and say so."""
    filters: list[Json] = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.0001", "maxPrice": "1000000", "tickSize": plain(rules.tick_size)},
        _lot("LOT_SIZE", rules),
        _lot("MARKET_LOT_SIZE", rules),
        {"filterType": "MAX_NUM_ORDERS", "limit": switches.most_open_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 100},
        {"filterType": "MIN_NOTIONAL", "notional": plain(rules.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": 4,
        },
    ]
    names = {"symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "status": "TRADING"}
    assets = {"baseAsset": symbol.removesuffix("USDT"), "quoteAsset": "USDT", "marginAsset": "USDT"}
    market: Json = {
        **names,
        **assets,
        "pricePrecision": 8,
        "quantityPrecision": 8,
        "filters": filters,
        "OrderType": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "HIDDEN"],
        "liquidationFee": "0.025",
        "marketTakeBound": "0.02",
    }
    waiting: Json = {**names, **assets, "symbol": "SOONUSDT", "baseAsset": "SOON", "status": "PENDING_TRADING"}
    minute = {"interval": "MINUTE", "intervalNum": 1}
    return {
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", **minute, "limit": limits[0]},
            {"rateLimitType": "ORDERS", **minute, "limit": limits[1]},
        ],
        "symbols": [market, {**waiting, "filters": []}],
        "serverTime": now_ms,
        "timezone": "UTC",
    }


def _lot(name: str, rules: MarketRules) -> Json:
    return {
        "filterType": name,
        "minQty": plain(rules.min_quantity),
        "maxQty": plain(MOST_QUANTITY),
        "stepSize": plain(rules.quantity_step),
    }


def book_ticker(symbol: str, quote: Quote, at_ns: int) -> Json:
    """Of REST."""
    return {
        "symbol": symbol,
        "bidPrice": plain(quote.bid),
        "bidQty": plain(quote.bid_size),
        "askPrice": plain(quote.ask),
        "askQty": plain(quote.ask_size),
        "time": at_ns // _MILLISECOND,
    }


def book_ticker_frame(symbol: str, quote: Quote, update_id: int, at_ns: int) -> Json:
    at_ms = at_ns // _MILLISECOND
    prices = {"b": plain(quote.bid), "B": plain(quote.bid_size), "a": plain(quote.ask), "A": plain(quote.ask_size)}
    return {"e": "bookTicker", "u": update_id, "E": at_ms + 1, "T": at_ms, "s": symbol, **prices}


def depth_frame(symbol: str, before: Quote | None, new: Quote, update_id: int, at_ns: int) -> Json:
    """The touch as changes of levels: a price that is no longer best is deleted."""
    bids, asks = [[plain(new.bid), plain(new.bid_size)]], [[plain(new.ask), plain(new.ask_size)]]
    if before is not None and before.bid != new.bid:
        bids.append([plain(before.bid), "0"])
    if before is not None and before.ask != new.ask:
        asks.append([plain(before.ask), "0"])
    at_ms = at_ns // _MILLISECOND
    numbers = {"U": update_id, "u": update_id, "pu": update_id - 1}
    return {"e": "depthUpdate", "E": at_ms + 1, "T": at_ms, "s": symbol, **numbers, "b": bids, "a": asks}


def mark_frame(symbol: str, mark: Decimal, rate: Decimal, next_ms: int, at_ns: int) -> Json:
    price = plain(mark)
    at_ms = at_ns // _MILLISECOND
    numbers: Json = {"p": price, "i": price, "P": price, "r": plain(rate), "T": next_ms}
    return {"e": "markPriceUpdate", "E": at_ms, "s": symbol, **numbers}
