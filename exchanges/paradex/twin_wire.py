"""How the venue writes in JSON: orders, fills, positions and markets, as REST answers and text frames show them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules, Quote, Side
from domain.orders import OrderStatus
from exchanges.paradex.twin_switches import Switches
from exchanges.rehearsal.desk import TwinFill, TwinOrder
from markets.orders import Reason

Json = dict[str, object]

LARGEST_ORDER = Decimal(1_000_000)
"""Base units, as `/markets` says."""

_CANCEL_REASONS: dict[str, str] = {
    Reason.CANCELLED_BY_OWNER: "USER_CANCELED",
    Reason.REDUCE_ONLY: "REDUCE_ONLY_WILL_INCREASE",
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: "REDUCE_ONLY_WILL_INCREASE",
    Reason.POST_ONLY_WOULD_CROSS: "POST_ONLY_WOULD_CROSS",
    Reason.INSUFFICIENT_MARGIN: "NOT_ENOUGH_MARGIN",
    Reason.SELF_TRADE: "EXPIRE_TAKER",
    Reason.NO_LIQUIDITY: "NOT_ENOUGH_LIQUIDITY",
    Reason.LIQUIDATION: "LIQUIDATION",
}


@dataclass(slots=True)
class Ticket:
    """One request that the API took. `number` is the desk's, once the engine has let it into the book; `reason` why it
    did not. `sent`: the words of the request that are told again."""

    order_id: str
    client_id: str
    side: Side
    size: Decimal
    price: Decimal | None
    instruction: str
    flags: tuple[str, ...]
    received_ns: int
    number: int | None = None
    reason: str = ""
    closed_ns: int | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the engine has not looked at it yet."""
        return self.number is None and self.closed_ns is None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order at one moment, as every form of writing it needs it."""

    ticket: Ticket
    status: str
    size: Decimal
    remaining: Decimal
    average: Decimal | None
    reason: str
    updated_ns: int


def plain(value: Decimal) -> str:
    """The shortest plain form."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def side_word(side: Side) -> str:
    return "BUY" if side is Side.BUY else "SELL"


def cancel_reason(word: str) -> str:
    """The venue's word for one of the engine's reasons."""
    return _CANCEL_REASONS.get(word, word.upper())


def view(ticket: Ticket, order: TwinOrder | None, switches: Switches) -> OrderView:
    """`order`: the ticket's order in the book, if it got there."""
    if order is None:
        status = "CLOSED" if ticket.closed_ns is not None else "NEW"
        updated_ns = ticket.closed_ns or ticket.received_ns
        return OrderView(ticket, status, ticket.size, ticket.size, None, ticket.reason, updated_ns)
    reason = "" if order.is_live else cancel_reason(order.reason) if order.reason else ""
    if order.status is OrderStatus.FILLED:
        reason = "ORDER_FILLED" if switches.reason_on_filled else ""
    status = "OPEN" if order.is_live else "CLOSED"
    return OrderView(ticket, status, order.quantity, order.remaining, order.average_price, reason, order.updated_ns)


def order_json(seen: OrderView, market: str, account: int, seq: int) -> Json:
    ticket = seen.ticket
    is_market = ticket.price is None
    updated_ms = seen.updated_ns // 1_000_000
    return {
        "id": ticket.order_id,
        "account": hex(account),
        "market": market,
        "side": side_word(ticket.side),
        "type": "MARKET" if is_market else "LIMIT",
        "instruction": ticket.instruction,
        "size": plain(seen.size),
        "remaining_size": plain(seen.remaining),
        "price": "0" if ticket.price is None else plain(ticket.price),
        "avg_fill_price": "" if seen.average is None else plain(round(seen.average, 8)),
        "status": seen.status,
        "cancel_reason": seen.reason,
        "client_id": ticket.client_id,
        "flags": list(ticket.flags),
        "stp": "EXPIRE_TAKER",
        "trigger_price": "0",
        "timestamp": updated_ms,
        "received_at": ticket.received_ns // 1_000_000,
        "published_at": updated_ms,
        "created_at": ticket.received_ns // 1_000_000,
        "last_updated_at": updated_ms,
        "seq_no": seq,
    }


def fill_side(fill: TwinFill, switches: Switches) -> Side:
    return fill.side.opposite if switches.fill_side_is_taker and fill.is_maker else fill.side


def fill_json(fill: TwinFill, fill_id: str, ticket: Ticket | None, market: str, switches: Switches) -> Json:
    """`ticket` None: an order that nobody sent over the wire, a liquidation for one."""
    return {
        "id": fill_id,
        "order_id": f"{fill.order.number}" if ticket is None else ticket.order_id,
        "client_id": "" if ticket is None else ticket.client_id,
        "market": market,
        "side": side_word(fill_side(fill, switches)),
        "liquidity": "MAKER" if fill.is_maker else "TAKER",
        "price": plain(fill.price),
        "size": plain(fill.quantity),
        "fee": plain(fill.fee),
        "fee_currency": "USDC",
        "remaining_size": plain(fill.order.remaining),
        "fill_type": "LIQUIDATION" if fill.order.forced else "FILL",
        "realized_pnl": "0",
        "realized_funding": "0",
        "underlying_price": plain(fill.price),
        "orderbook_seq_no": fill.number,
        "created_at": fill.at_ns // 1_000_000,
    }


def position_json(
    quantity: Decimal, entry: Decimal, market: str, account: int, at_ns: int, switches: Switches, last_fill: str
) -> Json:
    """What a bot does not read is filled in plainly."""
    is_flat = not quantity
    shown = quantity if switches.position_size_is_signed else abs(quantity)
    return {
        "id": f"{account:#x}-{market}",
        "account": hex(account),
        "market": market,
        "status": "CLOSED" if is_flat else "OPEN",
        "side": "SHORT" if quantity < 0 else "LONG",
        "size": plain(shown),
        "average_entry_price": "0" if is_flat else plain(entry),
        "average_entry_price_usd": "0" if is_flat else plain(entry),
        "unrealized_pnl": "0",
        "unrealized_funding_pnl": "0",
        "realized_positional_pnl": "0",
        "cost": plain(abs(quantity) * entry),
        "leverage": "",
        "liquidation_price": "",
        "cached_funding_index": "0",
        "last_fill_id": last_fill,
        "seq_no": at_ns,
        "created_at": at_ns // 1_000_000,
        "last_updated_at": at_ns // 1_000_000,
    }


def market_json(market: str, rules: MarketRules, most_open_orders: int, band: Decimal) -> Json:
    """Of `GET /markets`."""

    def fee(rate: Decimal) -> Json:
        return {"fee": plain(rate), "fee_cap": "0.5", "fee_floor": "-0.5"}

    fees = {"maker_fee": fee(rules.maker_fee_rate), "taker_fee": fee(rules.taker_fee_rate)}
    return {
        "symbol": market,
        "base_currency": rules.ticker,
        "quote_currency": "USD",
        "settlement_currency": "USDC",
        "order_size_increment": plain(rules.quantity_step),
        "price_tick_size": plain(rules.tick_size),
        "min_notional": plain(rules.min_notional),
        "max_order_size": plain(LARGEST_ORDER),
        "position_limit": "1000000",
        "max_open_orders": most_open_orders,
        "price_bands_width": plain(band),
        "asset_kind": "PERP",
        "market_kind": "cross",
        "funding_period_hours": 8,
        "max_slippage": "0.05",
        "fee_config": {"api_fee": fees, "interactive_fee": fees},
    }


def bbo_json(quote: Quote | None, market: str, seq: int, at_ns: int) -> Json:
    """Of `GET /bbo`; an empty side is an empty text."""
    sides: Json = dict.fromkeys(("bid", "bid_size", "ask", "ask_size"), "")
    if quote is not None:
        sides = {
            "bid": plain(quote.bid),
            "bid_size": plain(quote.bid_size),
            "ask": plain(quote.ask),
            "ask_size": plain(quote.ask_size),
        }
    return {"market": market, "seq_no": seq, **sides, "last_updated_at": at_ns // 1_000_000}
