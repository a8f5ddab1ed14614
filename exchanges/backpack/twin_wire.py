"""How the venue writes: orders, trades, positions and markets as its REST answers and its stream show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.market import MarketRules, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.backpack.facts import Switches
from exchanges.rehearsal.desk import OrderMoved, TwinFill, TwinOrder
from markets.orders import Reason

Json = dict[str, object]

_EXPIRY_REASONS = {
    Reason.REDUCE_ONLY: "ReduceOnlyNotReduced",
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: "ReduceOnlyNotReduced",
    Reason.NO_LIQUIDITY: "ImmediateOrCancel",
    Reason.LIQUIDATION: "Liquidation",
    Reason.POST_ONLY_WOULD_CROSS: "PostOnlyTaker",
    Reason.SELF_TRADE: "SelfTradePrevention",
}


def plain(value: Decimal) -> str:
    """The shortest plain form."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def side_word(side: Side) -> str:
    return "Bid" if side is Side.BUY else "Ask"


def iso_ms(at_ns: int) -> str:
    """UTC to the millisecond, without a zone."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ns // 1_000_000)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def expiry_reason(order: TwinOrder) -> str | None:
    """The venue's word for why it ended an order itself; None when it did not."""
    if order.status is OrderStatus.EXPIRED:
        return _EXPIRY_REASONS.get(Reason(order.reason), "Unknown") if order.reason in list(Reason) else order.reason
    if order.status is OrderStatus.CANCELLED and order.reason in _EXPIRY_REASONS:
        return _EXPIRY_REASONS[Reason(order.reason)]
    return None


def state_word(order: TwinOrder) -> str:
    if order.status is OrderStatus.FILLED:
        return "Filled"
    if not order.is_live:
        return "Expired" if expiry_reason(order) is not None else "Cancelled"
    return "PartiallyFilled" if order.filled else "New"


def rest_order(order: TwinOrder, order_id: str, symbol: str, *, is_history: bool = False) -> Json:
    """An order as REST shows it; the history writes times as text, and tells why an order expired."""
    is_market = order.price is None
    shown: Json = {
        "orderType": "Market" if is_market else "Limit",
        "id": order_id,
        "clientId": None if order.client_id is None else int(order.client_id),
        "symbol": symbol,
        "side": side_word(order.side),
        "quantity": plain(order.quantity),
        "executedQuantity": plain(order.filled),
        "executedQuoteQuantity": plain(order.filled_quote),
        "status": state_word(order),
        "reduceOnly": order.reduce_only or None,
        "timeInForce": "IOC" if is_market or order.note == "IOC" else "GTC",
        "selfTradePrevention": "RejectTaker",
        "createdAt": iso_ms(order.placed_ns) if is_history else order.placed_ns // 1_000_000,
        "triggerPrice": None,
        "triggerQuantity": None,
        "triggerBy": None,
        "triggeredAt": None,
        "relatedOrderId": None,
        "strategyId": None,
        "stopLossTriggerPrice": None,
        "takeProfitTriggerPrice": None,
    }
    if order.price is not None:
        shown |= {"price": plain(order.price), "postOnly": order.post_only}
    if is_history:
        shown |= {"expiryReason": expiry_reason(order), "systemOrderType": _system_type(order)}
    return shown


def _system_type(order: TwinOrder) -> str | None:
    return "LiquidatePositionOnBook" if order.forced else None


def rest_fill(fill: TwinFill, trade_id: str, order_id: str, symbol: str) -> Json:
    return {
        "tradeId": int(trade_id),
        "orderId": order_id,
        "clientId": fill.order.client_id,
        "symbol": symbol,
        "side": side_word(fill.side),
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "fee": plain(fill.fee),
        "feeSymbol": "USDC",
        "isMaker": fill.is_maker,
        "systemOrderType": _system_type(fill.order),
        "timestamp": iso_ms(fill.at_ns),
    }


def order_frame(moved: OrderMoved, order_id: str, trade_id: str, symbol: str, switches: Switches) -> Json:
    """The payload of `account.orderUpdate`."""
    order = moved.order
    reason = expiry_reason(order)
    data: Json = {
        "e": _event_word(moved),
        "E": moved.at_ns // 1_000 + 900,
        "T": moved.at_ns // 1_000,
        "s": symbol,
        "i": order_id,
        "S": side_word(order.side),
        "o": "MARKET" if order.price is None else "LIMIT",
        "f": "IOC" if order.price is None or order.note == "IOC" else "GTC",
        "q": plain(order.quantity),
        "X": state_word(order),
        "z": plain(order.filled),
        "Z": plain(order.filled_quote),
        "V": "RejectTaker",
        "O": "LIQUIDATION_AUTOCLOSE" if order.forced else "USER",
        "r": order.reduce_only,
        "y": order.post_only,
        "t": None,
    }
    if order.client_id is not None:
        data["c"] = int(order.client_id)
    if order.price is not None:
        data["p"] = plain(order.price)
    if reason is not None:
        data["R"] = _upper_snake(reason) if switches.upper_expiry_reasons else reason
    fill = moved.fill
    if fill is not None:
        data |= {
            "t": int(trade_id),
            "l": plain(fill.quantity),
            "L": plain(fill.price),
            "m": fill.is_maker,
            "n": plain(fill.fee),
            "N": "USDC",
        }
    return data


def _event_word(moved: OrderMoved) -> str:
    if moved.fill is not None:
        return "orderFill"
    if moved.fact is OrderFact.ACCEPTED:
        return "orderAccepted" if moved.is_new else "orderModified"
    return "orderExpired" if expiry_reason(moved.order) is not None else "orderCancelled"


def _upper_snake(word: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() and index else letter for index, letter in enumerate(word)).upper()


def position_row(symbol: str, quantity: Decimal, entry: Decimal, mark: Decimal) -> Json:
    """Of `GET /api/v1/position`. What a bot does not read is filled in plainly."""
    pnl = (mark - entry) * quantity
    return {
        "symbol": symbol,
        "netQuantity": plain(quantity),
        "entryPrice": plain(entry),
        "breakEvenPrice": plain(entry),
        "markPrice": plain(mark),
        "netCost": plain(entry * quantity),
        "netExposureQuantity": plain(abs(quantity)),
        "netExposureNotional": plain(abs(quantity) * mark),
        "pnlRealized": "0",
        "pnlUnrealized": plain(pnl),
        "cumulativeFundingPayment": "0",
        "estLiquidationPrice": "0",
        "imf": "0.1",
        "mmf": "0.0125",
        "imfFunction": {"type": "sqrt", "base": "0.02", "factor": "0.0000935"},
        "positionId": "4238420454",
        "userId": 1,
        "subaccountId": None,
    }


def position_frame(
    symbol: str, quantity: Decimal, mark: Decimal, at_ns: int, event: str | None, *, as_text: bool
) -> Json:
    """The payload of `account.positionUpdate`; the first one after a subscription has no event word."""

    def number(value: Decimal) -> object:
        return plain(value) if as_text else float(value)

    data: Json = {
        "E": at_ns // 1_000 + 900,
        "T": at_ns // 1_000,
        "s": symbol,
        "b": number(mark),
        "B": number(mark),
        "M": number(mark),
        "f": 0.1,
        "m": 0.0125,
        "q": number(quantity),
        "Q": number(abs(quantity)),
        "n": number(abs(quantity) * mark),
        "i": "4238420454",
        "p": "0",
        "P": "0",
        "l": "0",
    }
    return data if event is None else {"e": event, **data}


def market_row(symbol: str, rules: MarketRules, state: str) -> Json:
    """Of `GET /api/v1/markets`."""
    return {
        "symbol": symbol,
        "baseSymbol": rules.ticker,
        "quoteSymbol": "USDC",
        "marketType": "PERP",
        "createdAt": "2025-01-21T06:34:54.691858",
        "filters": {
            "price": {
                "minPrice": plain(rules.tick_size),
                "maxPrice": None,
                "tickSize": plain(rules.tick_size),
                "maxMultiplier": "1.25",
                "minMultiplier": "0.75",
                "maxImpactMultiplier": "1.03",
                "minImpactMultiplier": "0.97",
                "meanMarkPriceBand": {"maxMultiplier": "1.1", "minMultiplier": "0.9"},
                "meanPremiumBand": {"tolerancePct": "0.05"},
                "borrowEntryFeeMaxMultiplier": None,
                "borrowEntryFeeMinMultiplier": None,
            },
            "quantity": {
                "minQuantity": plain(rules.min_quantity),
                "maxQuantity": None,
                "stepSize": plain(rules.quantity_step),
            },
        },
        "imfFunction": {"type": "sqrt", "base": "0.02", "factor": "0.0001275"},
        "mmfFunction": {"type": "sqrt", "base": "0.0125", "factor": "0.0000765"},
        "fundingInterval": 28_800_000,
        "fundingRateUpperBound": "100",
        "fundingRateLowerBound": "-100",
        "openInterestLimit": "4000000",
        "orderBookState": state,
        "visible": True,
    }


def book(quote: Quote, tick: Decimal, levels: int, *, is_ascending: bool) -> tuple[list[list[str]], list[list[str]]]:
    """Bids and asks. Behind the touch each further tick shows the same size: what the market's model takes from."""
    sizes = plain(quote.bid_size), plain(quote.ask_size)
    bids = [[plain(quote.bid - tick * depth), sizes[0]] for depth in range(levels) if quote.bid > tick * depth]
    asks = [[plain(quote.ask + tick * depth), sizes[1]] for depth in range(levels)]
    return (bids[::-1] if is_ascending else bids), asks
