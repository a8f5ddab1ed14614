"""How the venue writes: orders, trades, positions, markets and books, in its REST answers and on its socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules, Quote, Side
from domain.orders import OrderStatus
from exchanges.errors import Misconfigured
from exchanges.lighter.facts import Switches
from exchanges.rehearsal.desk import TwinFill, TwinOrder, is_liquidated
from markets.orders import Reason

Json = dict[str, object]

FIRST_ORDER_ID = (1 << 48) + 1_000_000
FIRST_TRADE_ID = 16_164_557_000
MARKET = 0
COUNTERPARTY = 1_077
"""The account on the other side of every trade."""
_OTHER_ORDER_ID = 562_949_952_870_533
_DEPTH = 5
_QUOTE_DECIMALS = 6
_ENDINGS = {
    Reason.REDUCE_ONLY: "canceled-reduce-only",
    Reason.REDUCE_ONLY_WOULD_NOT_REDUCE: "canceled-reduce-only",
    Reason.SELF_TRADE: "canceled-self-trade",
    Reason.NO_LIQUIDITY: "canceled-too-much-slippage",
    Reason.LIQUIDATION: "canceled-liquidation",
    Reason.POST_ONLY_WOULD_CROSS: "canceled-post-only",
    Reason.INSUFFICIENT_MARGIN: "canceled-margin-not-allowed",
    Reason.EXPIRED: "canceled-expired",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How many decimals a price and a size have: tick and step are powers of ten on this venue."""

    price_decimals: int
    size_decimals: int

    def price(self, value: Decimal) -> str:
        return f"{value:.{self.price_decimals}f}"

    def size(self, value: Decimal) -> str:
        return f"{value:.{self.size_decimals}f}"

    def price_of(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.price_decimals)

    def size_of(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.size_decimals)

    def at_least(self, other: Scale) -> Scale:
        """The more decimals of each."""
        return Scale(max(self.price_decimals, other.price_decimals), max(self.size_decimals, other.size_decimals))


def scale_of(rules: MarketRules, instead: Scale | None = None) -> Scale:
    """For a tick or step that this venue could not list: as `instead`; without, raises `Misconfigured`."""
    decimals = []
    known = (None, None) if instead is None else (instead.price_decimals, instead.size_decimals)
    for name, step, other in (("tick", rules.tick_size, known[0]), ("step", rules.quantity_step, known[1])):
        exponent = step.normalize().as_tuple().exponent
        if not isinstance(exponent, int) or exponent > 0 or step != Decimal(1).scaleb(exponent):
            if other is not None:
                decimals.append(other)
                continue
            raise Misconfigured(f"ticks and steps of lighter are 1, 0.1, 0.01, ...; it cannot list a {name} of {step}")
        decimals.append(-exponent)
    return Scale(*decimals)


def packed(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def fee_ppm(rate: Decimal) -> int:
    """A fee in millionths. Raises `Misconfigured` where it has a finer part, which the venue cannot tell."""
    ppm = rate.scaleb(6)
    if ppm != ppm.to_integral_value():
        raise Misconfigured("fees of lighter are told in steps of 0.0001 %: round --maker-fee and --taker-fee")
    return int(ppm)


def quote_text(value: Decimal) -> str:
    return f"{value:.{_QUOTE_DECIMALS}f}"


# --- orders ---------------------------------------------------------------------------------------------------------


def status_word(order: TwinOrder) -> str:
    if order.status is OrderStatus.FILLED:
        return "filled"
    if order.is_live:
        return "open"
    if order.status is OrderStatus.EXPIRED and order.reason not in _ENDINGS:
        return "canceled-expired"
    return _ENDINGS.get(Reason(order.reason), "canceled") if order.reason in list(Reason) else "canceled"


def order_row(order: TwinOrder, account: int, expiry_ms: int, scale: Scale, switches: Switches) -> Json:
    """`expiry_ms`: when it ends by itself; 0 for what does not rest."""
    initial = order.quantity if switches.trim_changes_initial_amount else order.asked
    keeps = order.is_live or switches.ended_order_keeps_remaining
    remaining = order.remaining if keeps and order.status is not OrderStatus.FILLED else Decimal(0)
    order_id, client_id = FIRST_ORDER_ID + order.number, int(order.client_id or 0)
    price = order.price or Decimal(0)
    unit_ns = 1_000_000 if switches.order_times_are_ms else 1_000_000_000
    time_in_force = "immediate-or-cancel" if order.note else "post-only" if order.post_only else "good-till-time"
    return {
        "order_index": order_id,
        "client_order_index": client_id,
        "order_id": str(order_id),
        "client_order_id": str(client_id),
        "market_index": MARKET,
        "owner_account_index": account,
        "initial_base_amount": scale.size(initial),
        "price": scale.price(price),
        "nonce": 643_418 + order.number,
        "remaining_base_amount": scale.size(remaining),
        "is_ask": order.side is Side.SELL,
        "base_size": int(initial.scaleb(scale.size_decimals)),
        "base_price": int(price.scaleb(scale.price_decimals)),
        "filled_base_amount": scale.size(order.filled),
        "filled_quote_amount": quote_text(order.filled_quote),
        "side": "",
        "type": "liquidation" if order.forced else order.note or "limit",
        "time_in_force": time_in_force,
        "reduce_only": order.reduce_only,
        "trigger_price": scale.price(Decimal(0)),
        "order_expiry": expiry_ms,
        "status": status_word(order),
        "trigger_status": "na",
        "trigger_time": 0,
        "parent_order_index": 0,
        "parent_order_id": "0",
        "to_trigger_order_id_0": "0",
        "to_trigger_order_id_1": "0",
        "to_cancel_order_id_0": "0",
        "block_height": 102_202 + order.number,
        "timestamp": order.updated_ns // unit_ns,
        "created_at": order.placed_ns // unit_ns,
        "updated_at": order.updated_ns // unit_ns,
        "transaction_time": order.updated_ns // 1_000,
        "order_version": 0,
    }


def trade_row(fill: TwinFill, account: int, scale: Scale, taker_ppm: int, maker_ppm: int) -> Json:
    """Fees are left out where they are none."""
    is_ask = fill.side is Side.SELL
    ours = ("ask", "bid") if is_ask else ("bid", "ask")
    order_id, client_id = FIRST_ORDER_ID + fill.order.number, int(fill.order.client_id or 0)
    trade_id = FIRST_TRADE_ID + fill.number
    sides: Json = {}
    for side, number, client, owner in (
        (ours[0], order_id, client_id, account),
        (ours[1], _OTHER_ORDER_ID, 0, COUNTERPARTY),
    ):
        sides |= {f"{side}_id": number, f"{side}_id_str": str(number), f"{side}_client_id": client}
        sides |= {f"{side}_client_id_str": str(client), f"{side}_account_id": owner}
    row: Json = {
        "trade_id": trade_id,
        "trade_id_str": str(trade_id),
        "tx_hash": f"{trade_id:080x}",
        "type": "liquidation" if is_liquidated(fill.order) else "trade",
        "market_id": MARKET,
        "size": scale.size(fill.quantity),
        "price": scale.price(fill.price),
        "usd_amount": quote_text(fill.price * fill.quantity),
        **sides,
        "is_maker_ask": fill.is_maker == is_ask,
        "block_height": 198_321_831 + fill.number,
        "timestamp": fill.at_ns // 1_000_000,
        "transaction_time": fill.at_ns // 1_000,
    }
    fees = {"taker_fee": taker_ppm, "maker_fee": maker_ppm}
    return row | {name: ppm for name, ppm in fees.items() if ppm}


# --- the account and the market -------------------------------------------------------------------------------------


def position_row(symbol: str, quantity: Decimal, entry: Decimal, mark: Decimal, orders: int, scale: Scale) -> Json:
    """Size and sign are told apart."""
    return {
        "market_id": MARKET,
        "symbol": symbol,
        "initial_margin_fraction": "5.00",
        "open_order_count": orders,
        "pending_order_count": 0,
        "position_tied_order_count": 0,
        "sign": -1 if quantity < 0 else 1,
        "position": scale.size(abs(quantity)),
        "avg_entry_price": scale.price(entry),
        "position_value": quote_text(abs(quantity) * mark),
        "unrealized_pnl": quote_text((mark - entry) * quantity),
        "realized_pnl": "0.000000",
        "liquidation_price": "0",
        "margin_mode": 0,
        "allocated_margin": "0.000000",
    }


def market_row(
    symbol: str, rules: MarketRules, scale: Scale, units: Scale, mark: Decimal, switches: Switches
) -> Json:
    """Of `GET /api/v1/orderBookDetails`."""
    unit = Decimal(100 if switches.listed_fees_are_percent else 1)
    return {
        "symbol": symbol,
        "market_id": MARKET,
        "market_type": "perp",
        "status": "active",
        "taker_fee": format(rules.taker_fee_rate * unit, "f"),
        "maker_fee": format(rules.maker_fee_rate * unit, "f"),
        "liquidation_fee": "1.0000",
        "min_base_amount": scale.size(rules.min_quantity),
        "min_quote_amount": quote_text(rules.min_notional),
        "supported_size_decimals": units.size_decimals,
        "supported_price_decimals": units.price_decimals,
        "supported_quote_decimals": _QUOTE_DECIMALS,
        "size_decimals": units.size_decimals,
        "price_decimals": units.price_decimals,
        "quote_multiplier": 1,
        "default_initial_margin_fraction": 500,
        "min_initial_margin_fraction": 200,
        "maintenance_margin_fraction": 120,
        "closeout_margin_fraction": 80,
        "last_trade_price": float(mark),
        "mark_price": scale.price(mark),
        "index_price": scale.price(mark),
        "daily_trades_count": 68,
        "open_interest": 39559.3,
        "market_config": {"force_reduce_only": False},
    }


Levels = dict[Decimal, Decimal]


def levels_of(quote: Quote | None, tick: Decimal) -> tuple[Levels, Levels]:
    """Bids and asks. Behind the touch each further tick shows the same size: what the market's model takes from."""
    if quote is None:
        return {}, {}
    bids = {quote.bid - tick * depth: quote.bid_size for depth in range(_DEPTH) if quote.bid > tick * depth}
    asks = {quote.ask + tick * depth: quote.ask_size for depth in range(_DEPTH)}
    return bids, asks


def changed(before: Levels, after: Levels) -> Levels:
    """What a change tells: new sizes, and zero for levels that are gone."""
    new = {price: size for price, size in after.items() if before.get(price) != size}
    return new | {price: Decimal(0) for price in before if price not in after}


def level_rows(levels: Levels, scale: Scale) -> list[Json]:
    return [{"price": scale.price(price), "size": scale.size(size)} for price, size in levels.items()]
