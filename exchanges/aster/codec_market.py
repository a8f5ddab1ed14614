"""Aster's public answers: which markets there are, their rules, the limits on requests, time and touch. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules
from exchanges.aster.codec import Fees, milliseconds, positive_integer
from exchanges.aster.facts import NAME, QUOTE_ASSET
from exchanges.base import OrderLimits
from exchanges.decoding import DecodeError, Fields, parse_fields, shown
from exchanges.errors import Misconfigured, Unavailable


@dataclass(frozen=True, slots=True)
class Listing:
    """One listed market. `kind` PERPETUAL for ours; `state` TRADING for one that takes orders."""

    symbol: str
    base: str
    quote: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Per minute; None where the venue states none."""

    weight: int | None
    orders: int | None


def decode_listings(value: object) -> list[Listing]:
    return [
        Listing(
            symbol=row.text("symbol"),
            base=row.text("baseAsset"),
            quote=row.text("quoteAsset"),
            kind=row.text_or("contractType", ""),
            state=row.text("status"),
        )
        for row in Fields.of(value, "listing").rows("symbols")
    ]


def choose(listings: list[Listing], ticker: str) -> Listing:
    """The perpetual of a base asset, or of a whole symbol.

    Raises `Misconfigured`, or `Unavailable` while it takes no orders.
    """
    perpetuals = [listing for listing in listings if listing.kind == "PERPETUAL"]
    found = [listing for listing in perpetuals if ticker in (listing.base, listing.symbol)]
    if not found:
        near = difflib.get_close_matches(ticker, sorted({listing.base for listing in perpetuals}), 3, 0.5)
        advice = f"; near it: {shown(', '.join(near))}" if near else ""
        raise Misconfigured(f"{NAME} lists no perpetual of {ticker}{advice}")
    trading = [listing for listing in found if listing.state == "TRADING"]
    if not trading:
        raise Unavailable(f"{shown(found[0].symbol)} is {shown(found[0].state)} now: it takes no orders")
    preferred = [listing for listing in trading if listing.quote == QUOTE_ASSET]
    if not preferred and len(trading) > 1:
        symbols = ", ".join(shown(listing.symbol) for listing in trading)
        raise Misconfigured(f"{NAME} lists {ticker} as {symbols}: give one of these as the ticker")
    return (preferred or trading)[0]


def decode_limits(value: object) -> Limits:
    found: dict[str, int] = {}
    for row in Fields.of(value, "listing").rows("rateLimits"):
        if row.text("interval") == "MINUTE":
            per_minute = positive_integer(row, "limit") // positive_integer(row, "intervalNum")
            if not per_minute:
                raise DecodeError(f"{row.where} allows nothing")
            kind = row.text("rateLimitType")
            found[kind] = min(found.get(kind, per_minute), per_minute)
    return Limits(found.get("REQUEST_WEIGHT"), found.get("ORDERS"))


def decode_rules(value: object, symbol: str, ticker: str, fees: Fees) -> MarketRules:
    """Tick, step and minimums are in the filters; the precisions beside them are something else."""
    filters = _filters(value, symbol)
    try:
        price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    except KeyError as missing:
        raise DecodeError(f"{symbol} has no filter {missing}") from None
    notional = filters.get("MIN_NOTIONAL")
    return MarketRules(
        ticker=ticker,
        contract_id=symbol,
        tick_size=price.positive("tickSize"),
        quantity_step=lot.positive("stepSize"),
        min_quantity=lot.positive("minQty"),
        min_notional=Decimal(0) if notional is None else notional.not_negative("notional"),
        maker_fee_rate=fees.maker,
        taker_fee_rate=fees.taker,
    )


def decode_order_limits(value: object, symbol: str) -> OrderLimits:
    """What the filters say of how many orders may rest, and how far from the market; a filter may be missing."""
    filters = _filters(value, symbol)
    number, band = filters.get("MAX_NUM_ORDERS"), filters.get("PERCENT_PRICE")
    return OrderLimits(
        max_open_orders=None if number is None else positive_integer(number, "limit"),
        lowest_price=None if band is None else band.positive("multiplierDown"),
        highest_price=None if band is None else band.positive("multiplierUp"),
    )


def _filters(value: object, symbol: str) -> dict[str, Fields]:
    listed = [row for row in Fields.of(value, "listing").rows("symbols") if row.text("symbol") == symbol]
    if len(listed) != 1:
        raise DecodeError(f"{symbol} is listed {len(listed)} times")
    return {row.text("filterType"): row for row in listed[0].rows("filters")}


def decode_time_ms(body: bytes) -> int:
    return milliseconds(parse_fields(body, "time"), "serverTime")


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and offer of a market, from REST or from the stream. `update_id` grows; 0 in REST, which has none."""

    symbol: str
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    update_id: int = 0


def decode_book_ticker(value: object) -> BookTicker:
    fields = Fields.of(value, "quote")
    return BookTicker(
        fields.text("symbol"),
        fields.positive("bidPrice"),
        fields.not_negative("bidQty"),
        fields.positive("askPrice"),
        fields.not_negative("askQty"),
    )
