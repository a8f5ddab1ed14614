"""The rest of Backpack's wire format: markets, the account, the history of trades, the clock. As pure as `codec`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from domain.events import Fill, Liquidity
from domain.market import MarketRules
from exchanges.backpack.codec import SIDES, check_fee_asset, client_id_of
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
        venue_ns=_iso_ns(row, "timestamp"),
        forced=forced,
    )


def _iso_ns(row: Fields, name: str) -> int:
    """A UTC time without a zone, to the millisecond."""
    text = row.text(name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DecodeError(f"{row.where}.{name} is no time") from None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


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
    )


def decode_time_ms(body: bytes) -> int:
    """The venue's clock: a bare number."""
    value = parse_json(body)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 53:
        raise DecodeError("time is no number of milliseconds")
    return value


def decode_net_equity(body: bytes) -> Decimal:
    """Of `GET /api/v1/capital/collateral`, in quote currency."""
    return parse_fields(body, "collateral").decimal("netEquity")
