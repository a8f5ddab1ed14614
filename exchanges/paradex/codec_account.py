"""Paradex's JSON about everything but orders: markets, the system, logins, funding, the account's value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import FundingPayment
from domain.market import MarketRules
from exchanges.base import OrderLimits
from exchanges.decoding import DecodeError, Fields, parse_fields, shown
from exchanges.paradex.codec import milliseconds
from exchanges.paradex.facts import MAKER_FEE_IF_NOT_TOLD, MOST_OPEN_ORDERS_IF_NOT_TOLD, TAKER_FEE_IF_NOT_TOLD

_LONGEST_TOKEN = 8_192
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_SYSTEM_STATES = ("ok", "maintenance", "cancel_only", "post_only")


@dataclass(frozen=True, slots=True)
class Market:
    """One listed market. Fees are fractions of notional."""

    symbol: str
    tick_size: Decimal
    quantity_step: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    limits: OrderLimits

    def rules(self, ticker: str) -> MarketRules:
        """There is no smallest size but one step; the smallest notional is what binds."""
        return MarketRules(
            ticker=ticker,
            contract_id=self.symbol,
            tick_size=self.tick_size,
            quantity_step=self.quantity_step,
            min_quantity=self.quantity_step,
            min_notional=self.min_notional,
            maker_fee_rate=self.maker_fee,
            taker_fee_rate=self.taker_fee,
        )


def decode_listing(body: bytes) -> dict[str, str]:
    """The base asset of each perpetual, by its symbol; nothing else of the markets is read."""
    rows = parse_fields(body, "markets").rows("results")
    return {row.text("symbol"): row.text("base_currency") for row in rows if row.text("asset_kind") == "PERP"}


def decode_market(body: bytes, symbol: str) -> Market | None:
    """One market of a list; None when it is not there. How others are written does not matter."""
    rows = parse_fields(body, "markets").rows("results")
    return next((_market(row) for row in rows if row.text("symbol") == symbol), None)


def _market(row: Fields) -> Market:
    fees = row.fields("fee_config").fields("api_fee") if row.has("fee_config") else None
    return Market(
        symbol=row.text("symbol"),
        tick_size=row.positive("price_tick_size"),
        quantity_step=row.positive("order_size_increment"),
        min_notional=row.not_negative("min_notional"),
        maker_fee=MAKER_FEE_IF_NOT_TOLD if fees is None else fees.fields("maker_fee").decimal("fee"),
        taker_fee=TAKER_FEE_IF_NOT_TOLD if fees is None else fees.fields("taker_fee").decimal("fee"),
        limits=_limits(row),
    )


def _limits(row: Fields) -> OrderLimits:
    """A width of 0, or none, is no band."""
    is_told = row.has("price_bands_width") and row.raw("price_bands_width") != ""
    width = row.not_negative("price_bands_width") if is_told else Decimal(0)
    most = row.integer_or_none("max_open_orders") or MOST_OPEN_ORDERS_IF_NOT_TOLD
    return OrderLimits(most, 1 - width, 1 + width) if width else OrderLimits(most)


@dataclass(frozen=True, slots=True)
class Bbo:
    """Best bid and offer; None for a side that is empty. `seq` grows."""

    market: str
    seq: int
    bid: Decimal | None
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None


def decode_bbo(fields: Fields) -> Bbo:
    return Bbo(
        fields.text("market"),
        fields.integer("seq_no"),
        _price_or_none(fields, "bid"),
        _price_or_none(fields, "bid_size"),
        _price_or_none(fields, "ask"),
        _price_or_none(fields, "ask_size"),
    )


def _price_or_none(fields: Fields, name: str) -> Decimal | None:
    """An empty side of a book is an empty text."""
    return None if fields.raw(name) == "" else fields.positive(name)


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """What signatures and addresses are made with."""

    chain_id: str
    account_class: int
    proxy_class: int


def decode_system_config(body: bytes) -> SystemConfig:
    fields = parse_fields(body, "system config")
    return SystemConfig(
        fields.text("starknet_chain_id"),
        _hexadecimal(fields, "paraclear_account_hash"),
        _hexadecimal(fields, "paraclear_account_proxy_hash"),
    )


def _hexadecimal(fields: Fields, name: str) -> int:
    text = fields.text(name)
    if _HEXADECIMAL.fullmatch(text) is None:
        raise DecodeError(f"{fields.where}.{name} is no hexadecimal number")
    return int(text, 16)


def decode_time_ms(body: bytes) -> int:
    """The venue's clock."""
    return milliseconds(parse_fields(body, "time"), "server_time")


def decode_system_state(body: bytes) -> str:
    """ok, maintenance, cancel_only or post_only."""
    state = parse_fields(body, "system state").text("status")
    if state not in _SYSTEM_STATES:
        raise DecodeError(f"system state: the unknown word {shown(state)!r}")
    return state


@dataclass(frozen=True, slots=True)
class Token:
    """What a login gives; never shown."""

    text: str = field(repr=False)


def decode_token(body: bytes) -> Token:
    token = parse_fields(body, "login").raw("jwt_token")
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii() or " " in token:
        raise DecodeError("login.jwt_token is no token")
    if not token.isprintable():
        raise DecodeError("login.jwt_token is no token")
    return Token(token)


def decode_funding(row: Fields) -> FundingPayment:
    """`at_ns` is the venue's time."""
    at_ns = milliseconds(row, "created_at") * 1_000_000
    return FundingPayment(at_ns, f"funding-{row.text('id')}", row.decimal("payment"))


@dataclass(frozen=True, slots=True)
class AccountValue:
    """In US dollars. `status` is the venue's word."""

    value: Decimal
    free: Decimal
    status: str


def decode_account(body: bytes) -> AccountValue:
    fields = parse_fields(body, "account")
    return AccountValue(
        fields.decimal("account_value"), fields.decimal("free_collateral"), shown(fields.text("status"))
    )
