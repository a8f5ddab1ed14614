"""Lighter's wire format: what a message means in the terms of the domain. Pure, strict, typed.

Prices and amounts are decimal strings in answers and whole units of tick and step in transactions. An order's side is
`is_ask`; its client id is a number below 2^48, 0 for none. Everything that does not fit raises `DecodeError`; a refusal
by the venue raises an error of the tree (`exchanges.lighter.codec_errors`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from domain.events import Fill, Liquidity
from domain.market import NANOSECONDS, MarketRules, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.decoding import DecodeError, Fields, shown
from exchanges.errors import Refused
from exchanges.lighter import facts
from exchanges.lighter.codec_errors import INSUFFICIENT_MARGIN, POST_ONLY_WOULD_CROSS, REDUCE_ONLY, envelope
from exchanges.lighter.signing import CancelOrder, CreateOrder

_LIVE = ("in-progress", "pending", "open")
_ENDED = {
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "canceled-self-trade": OrderStatus.CANCELLED,
    "canceled-oco": OrderStatus.CANCELLED,
    "canceled-child": OrderStatus.CANCELLED,
    "canceled-liquidation": OrderStatus.CANCELLED,
    "canceled-expired": OrderStatus.EXPIRED,
    "canceled-post-only": OrderStatus.REFUSED,
    "canceled-reduce-only": OrderStatus.REFUSED,
    "canceled-position-not-allowed": OrderStatus.REFUSED,
    "canceled-margin-not-allowed": OrderStatus.REFUSED,
    "canceled-too-much-slippage": OrderStatus.REFUSED,
    "canceled-not-enough-liquidity": OrderStatus.REFUSED,
    "canceled-invalid-balance": OrderStatus.REFUSED,
}
"""REFUSED holds for what filled nothing; with a fill, the order was cancelled."""
_REASONS = {
    "canceled-post-only": POST_ONLY_WOULD_CROSS,
    "canceled-reduce-only": REDUCE_ONLY,
    "canceled-margin-not-allowed": INSUFFICIENT_MARGIN,
    "canceled-invalid-balance": INSUFFICIENT_MARGIN,
}
FACTS = {
    OrderStatus.OPEN: OrderFact.ACCEPTED,
    OrderStatus.FILLED: OrderFact.FILLED,
    OrderStatus.CANCELLED: OrderFact.CANCELLED,
    OrderStatus.EXPIRED: OrderFact.EXPIRED,
    OrderStatus.REFUSED: OrderFact.REFUSED,
}
_TRADE_KINDS = {"trade": False, "liquidation": True, "deleverage": True, "market-settlement": True}
"""Whether the venue itself made the trade."""
_MOST_DECIMALS = 18


# --- markets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Market:
    """One listed market. Steps are powers of ten; both minimums hold for resting orders. Fees are fractions, those of a
    standard account."""

    market_id: int
    symbol: str
    kind: str
    status: str
    size_decimals: int
    price_decimals: int
    min_base: Decimal
    min_quote: Decimal
    maker_fee: Decimal
    taker_fee: Decimal

    def rules(self, ticker: str) -> MarketRules:
        return MarketRules(
            ticker=ticker,
            contract_id=str(self.market_id),
            tick_size=Decimal(1).scaleb(-self.price_decimals),
            quantity_step=Decimal(1).scaleb(-self.size_decimals),
            min_quantity=self.min_base,
            min_notional=self.min_quote,
            maker_fee_rate=self.maker_fee,
            taker_fee_rate=self.taker_fee,
        )

    def order(self, request: OrderRequest, order_expiry_ms: int, quote: Quote | None) -> CreateOrder:
        """The transaction for an order. A market order gets its worst price from `quote`.

        Raises `Refused` for numbers that the wire cannot carry, and for a market order without a quote.
        """
        is_market = request.price is None
        price = self._worst_price(request.side, quote) if request.price is None else request.price
        return CreateOrder(
            market=self.market_id,
            client_id=request.client_id,
            base_amount=_units(request.quantity, self.size_decimals, facts.LARGEST_AMOUNT, "bad_quantity"),
            price=_units(price, self.price_decimals, facts.LARGEST_PRICE, "bad_price"),
            is_ask=request.side is Side.SELL,
            order_type=facts.MARKET if is_market else facts.LIMIT,
            time_in_force=facts.IMMEDIATE_OR_CANCEL if is_market else facts.POST_ONLY,
            reduce_only=request.reduce_only,
            order_expiry_ms=0 if is_market else order_expiry_ms,
        )

    def _worst_price(self, side: Side, quote: Quote | None) -> Decimal:
        """Rounded towards the touch, so that it never allows more than `facts.WORST_PRICE`."""
        if quote is None or not quote.is_usable:
            raise Refused("no_quote", "a market order needs a worst price, and no quote is known")
        tick = Decimal(1).scaleb(-self.price_decimals)
        if side is Side.BUY:
            worst = quote.ask * (1 + facts.WORST_PRICE)
            return max((worst / tick).to_integral_value(ROUND_FLOOR) * tick, quote.ask)
        worst = quote.bid * (1 - facts.WORST_PRICE)
        return min((worst / tick).to_integral_value(ROUND_CEILING) * tick, quote.bid)


def _units(value: Decimal, decimals: int, largest: int, reason: str) -> int:
    scaled = value.scaleb(decimals)
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 1 <= scaled <= largest:
        raise Refused(reason, f"{value} cannot be written with {decimals} decimals")
    return int(scaled)


def cancel_transaction(market_id: int, client_id: int, order_id: str | None) -> CancelOrder:
    """By the venue's id where it is known, else by ours."""
    is_theirs = order_id is not None and order_id.isascii() and order_id.isdigit()
    return CancelOrder(market_id, int(order_id) if is_theirs and order_id is not None else client_id)


def decode_markets(body: bytes) -> list[Market]:
    """Of `GET /api/v1/orderBookDetails`: the perpetuals."""
    return [_market(row) for row in envelope(body, "markets").rows("order_book_details")]


def _market(row: Fields) -> Market:
    return Market(
        row.integer("market_id"),
        row.text("symbol"),
        row.text("market_type"),
        row.text("status"),
        _decimals(row, "size_decimals"),
        _decimals(row, "price_decimals"),
        row.positive("min_base_amount"),
        row.not_negative("min_quote_amount"),
        row.decimal("maker_fee"),
        row.decimal("taker_fee"),
    )


def _decimals(row: Fields, name: str) -> int:
    """Told under two names. Were they two numbers, every order would be ten times too large or too small."""
    value = row.integer(f"supported_{name}")
    if row.has(name) and row.integer(name) != value:
        raise DecodeError(f"{row.where}.{name} is not {row.where}.supported_{name}")
    if not 0 <= value <= _MOST_DECIMALS:
        raise DecodeError(f"{row.where}.{name} is no number of decimals")
    return value


# --- orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the venue tells it. `updated_s`: when it last changed, in seconds by the venue's clock."""

    market_id: int
    info: OrderInfo
    updated_s: int

    @property
    def fact(self) -> OrderFact:
        return FACTS[self.info.status]


def decode_order(row: Fields, account: int) -> Order:
    """A live or ended order of `account`."""
    if row.integer("owner_account_index") != account:
        raise DecodeError(f"{row.where} is an order of another account")
    initial, filled = row.not_negative("initial_base_amount"), row.not_negative("filled_base_amount")
    remaining = row.not_negative("remaining_base_amount")
    word = row.text("status")
    status = _status(row, word, filled)
    if status is OrderStatus.OPEN:
        # A reduce-only order that shrank may show that in what remains alone.
        size = filled + remaining
    else:
        size, remaining = (filled if status is OrderStatus.FILLED else initial), Decimal(0)
    if not 0 < size <= initial or filled > size:
        raise DecodeError(f"{row.where}: filled {filled} of {initial}, with {remaining} remaining")
    info = OrderInfo(
        order_id=str(number(row, "order_index")),
        side=Side.SELL if row.boolean("is_ask") else Side.BUY,
        size=size,
        price=None if row.text("type") == "market" else row.not_negative("price"),
        status=status,
        filled_size=filled,
        remaining_size=remaining if status is OrderStatus.OPEN else size - filled,
        cancel_reason=_reason(word, status),
        client_id=_client_id(row, "client_order_index"),
    )
    return Order(number(row, "market_index"), info, either_time(row, "updated_at") // NANOSECONDS)


def _status(row: Fields, word: str, filled: Decimal) -> OrderStatus:
    if word in _LIVE:
        return OrderStatus.OPEN
    status = _ENDED.get(word)
    if status is None and word.startswith("canceled-"):
        status = OrderStatus.CANCELLED  # The venue adds such words; all of them end the order.
    if status is None:
        raise DecodeError(f"{row.where}.status is the unknown word {shown(word)!r}")
    return OrderStatus.CANCELLED if status is OrderStatus.REFUSED and filled else status


def _reason(word: str, status: OrderStatus) -> str:
    if status is OrderStatus.OPEN or word in ("filled", "canceled"):
        return ""
    return _REASONS.get(word) or shown(word.removeprefix("canceled-").replace("-", "_"))


def _client_id(row: Fields, name: str) -> int | None:
    number = row.integer(name)
    if not 0 <= number < 1 << facts.CLIENT_ID_BITS:
        raise DecodeError(f"{row.where}.{name} is out of range")
    return number or None


def number(row: Fields, name: str) -> int:
    """A number the venue counts with: not negative, below 2^63."""
    value = row.integer(name)
    if not 0 <= value < 1 << 63:
        raise DecodeError(f"{row.where}.{name} is out of range")
    return value


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of a list of orders; `cursor` asks for the next, None where there is none."""

    orders: tuple[Order, ...]
    cursor: str | None


def decode_orders(body: bytes, account: int) -> OrderPage:
    fields = envelope(body, "orders")
    return OrderPage(tuple(decode_order(row, account) for row in fields.rows("orders")), cursor_of(fields))


def cursor_of(fields: Fields) -> str | None:
    """Where the next page begins; None on the last one."""
    return fields.text_or("next_cursor", "") or None


# --- trades ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TradePage:
    """One page of trades, each with its market; `cursor` as for orders."""

    trades: tuple[tuple[int, Fill], ...]
    cursor: str | None


def decode_trades(body: bytes, account: int) -> TradePage:
    fields = envelope(body, "trades")
    found = [trade for row in fields.rows("trades") for trade in decode_trade(row, account)]
    return TradePage(tuple(found), cursor_of(fields))


def decode_trade(row: Fields, account: int) -> list[tuple[int, Fill]]:
    """The account's side of a trade, or both where it met itself; with the market. `at_ns` is 0 until dated."""
    parties = {"ask": row.integer("ask_account_id"), "bid": row.integer("bid_account_id")}
    ours = [side for side, owner in parties.items() if owner == account]
    if not ours:
        raise DecodeError(f"{row.where} is a trade of other accounts")
    market_id, trade_id = number(row, "market_id"), str(number(row, "trade_id"))
    names = [trade_id] if len(ours) == 1 else [f"{trade_id}-{side}" for side in ours]
    return [(market_id, _fill(row, side, name)) for side, name in zip(ours, names, strict=True)]


def _fill(row: Fields, side: str, trade_id: str) -> Fill:
    is_maker = row.boolean("is_maker_ask") == (side == "ask")
    price, quantity = row.positive("price"), row.positive("size")
    forced = row.choice("type", _TRADE_KINDS)
    name = "maker_fee" if is_maker else "taker_fee"
    fee_ppm = row.integer(name) if row.has(name) else 0  # Left out where there is none.
    client_id = _client_id(row, f"{side}_client_id")
    return Fill(
        at_ns=0,
        client_id=client_id,
        order_id=str(number(row, f"{side}_id")),
        trade_id=trade_id,
        side=Side.SELL if side == "ask" else Side.BUY,
        price=price,
        quantity=quantity,
        fee=(price * quantity * fee_ppm).scaleb(-6),
        liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
        venue_ns=milliseconds(row, "timestamp"),
        forced=forced and client_id is None,
    )


def milliseconds(row: Fields, name: str) -> int:
    """A time in milliseconds, as nanoseconds."""
    value = row.integer(name)
    if not 10**11 < value < 10**14:
        raise DecodeError(f"{row.where}.{name} is no time in milliseconds")
    return value * 1_000_000


def either_time(row: Fields, name: str) -> int:
    """Seconds or milliseconds, as nanoseconds: the venue's own examples have both, and they cannot be confused."""
    value = row.integer(name)
    return value * NANOSECONDS if 10**8 < value < 10**11 else milliseconds(row, name)


# --- transactions ---------------------------------------------------------------------------------------------------


def decode_sent(body: bytes) -> str:
    """Of `POST /api/v1/sendTx`: the transaction's hash. It was taken, not executed."""
    return envelope(body, "sendTx").text("tx_hash")


@dataclass(frozen=True, slots=True)
class TxState:
    """`reason`: why a transaction failed, in the venue's words."""

    has_failed: bool
    reason: str


def decode_tx(body: bytes) -> TxState:
    """Of `GET /api/v1/tx`."""
    fields = envelope(body, "tx")
    status = fields.integer("status")
    if status not in (facts.TX_FAILED, 1, 2, 3):
        raise DecodeError(f"tx.status is the unknown number {status}")
    return TxState(status == facts.TX_FAILED, shown(fields.text_or("event_info", "")))
