"""The rest of Backpack's wire format: markets, the account, the history of trades, the clock. As pure as `codec`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.events import Fill, FundingPayment, Liquidity
from domain.market import MarketRules
from exchanges.backpack.codec import SIDES, check_fee_asset, client_id_of, iso_ns
from exchanges.base import OrderLimits
from exchanges.decoding import DecodeError, Fields, parse_fields, parse_json, rows


def decode_fills(body: bytes) -> list[Fill]:
    """A page of the fill history; `at_ns` is 0, `venue_ns` the venue's time."""
    return [_history_fill(row) for row in rows(parse_json(body), "fills")]


def _history_fill(row: Fields) -> Fill:
    check_fee_asset(row, "feeSymbol")
    forced = row.text_or("systemOrderType", "") != ""
    return Fill(
        at_ns=0,
        client_id=None if forced else client_id_of(row, "clientId"),
        order_id=row.text("orderId"),
        trade_id=str(row.integer("tradeId")),
        side=row.choice("side", SIDES),
        price=row.positive("price"),
        quantity=row.positive("quantity"),
        fee=row.decimal("fee"),
        liquidity=Liquidity.MAKER if row.boolean("isMaker") else Liquidity.TAKER,
        venue_ns=iso_ns(row, "timestamp"),
        forced=forced,
    )


def decode_funding(body: bytes, symbol: str) -> list[FundingPayment]:
    """A page of the funding history, one market's rows of it; `at_ns` is the venue's time. The venue gives payments no
    id: a market is paid once at the end of each interval."""
    found = []
    for row in rows(parse_json(body), "funding"):
        at_ns, amount = iso_ns(row, "intervalEndTimestamp"), row.decimal("quantity")
        if row.text("symbol") == symbol:
            found.append(FundingPayment(at_ns, f"funding-{at_ns // 1_000_000}", amount))
    return found


def decode_position(body: bytes, symbol: str) -> Decimal:
    """Signed net quantity in one market; no row is a flat position, as the venue defines it."""
    held = [row for row in rows(parse_json(body), "position") if row.text("symbol") == symbol]
    quantities = [row.decimal("netQuantity") for row in held]
    if len(quantities) > 1:
        raise DecodeError(f"position: {symbol} comes more than once")
    return quantities[0] if quantities else Decimal(0)


@dataclass(frozen=True, slots=True)
class Fees:
    """Fractions of notional."""

    maker: Decimal
    taker: Decimal


def decode_account(body: bytes) -> Fees:
    """Fees are told in basis points."""
    account = parse_fields(body, "account")
    return Fees(account.decimal("futuresMakerFee") / 10_000, account.decimal("futuresTakerFee") / 10_000)


@dataclass(frozen=True, slots=True)
class Market:
    """One listed market. `state` Open, Closed, CancelOnly, LimitOnly or PostOnly."""

    symbol: str
    base: str
    kind: str
    state: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    limits: OrderLimits

    def rules(self, ticker: str, fees: Fees) -> MarketRules:
        return MarketRules(
            ticker=ticker,
            contract_id=self.symbol,
            tick_size=self.tick_size,
            quantity_step=self.quantity_step,
            min_quantity=self.min_quantity,
            maker_fee_rate=fees.maker,
            taker_fee_rate=fees.taker,
        )


def decode_markets(body: bytes) -> list[Market]:
    return [_market(row) for row in rows(parse_json(body), "markets")]


def decode_market(body: bytes) -> Market:
    return _market(parse_fields(body, "market"))


def _market(row: Fields) -> Market:
    filters = row.fields("filters")
    price, quantity = filters.fields("price"), filters.fields("quantity")
    return Market(
        row.text("symbol"),
        row.text("baseSymbol"),
        row.text("marketType"),
        row.text("orderBookState"),
        price.positive("tickSize"),
        quantity.positive("stepSize"),
        quantity.positive("minQuantity"),
        _limits(price),
    )


def _limits(price: Fields) -> OrderLimits:
    """The narrowest of the bands around the last price and around the mean mark price."""
    bands = [price, *([price.fields("meanMarkPriceBand")] if price.has("meanMarkPriceBand") else [])]
    lowest = [band.positive("minMultiplier") for band in bands if band.has("minMultiplier")]
    highest = [band.positive("maxMultiplier") for band in bands if band.has("maxMultiplier")]
    return OrderLimits(None, max(lowest, default=None), min(highest, default=None))


def decode_time_ms(body: bytes) -> int:
    """The venue's clock: a bare number."""
    value = parse_json(body)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 53:
        raise DecodeError("time is no number of milliseconds")
    return value


def decode_status(body: bytes) -> bool:
    """Whether the venue works, of `GET /api/v1/status`."""
    return parse_fields(body, "status").choice("status", {"Ok": True, "Maintenance": False})


def decode_net_equity(body: bytes) -> Decimal:
    """Of `GET /api/v1/capital/collateral`, in quote currency."""
    return parse_fields(body, "collateral").decimal("netEquity")
