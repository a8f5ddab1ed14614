"""What Lighter tells of an account: balance, positions, key, nonce, funding; and its clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.events import FundingPayment
from exchanges.decoding import DecodeError, Fields, parse_fields
from exchanges.lighter.codec import cursor_of, either_time, number
from exchanges.lighter.codec_errors import envelope

_SIGNS = {1: 1, -1: -1, 0: 0}


@dataclass(frozen=True, slots=True)
class Account:
    """`positions`: signed, by market; `collateral` and `available` in quote currency."""

    index: int
    collateral: Decimal
    available: Decimal
    positions: dict[int, Decimal]


def decode_account(body: bytes) -> Account | None:
    """None where the venue knows no such account."""
    accounts = envelope(body, "account").rows("accounts")
    if not accounts:
        return None
    if len(accounts) > 1:
        raise DecodeError("account: more than one")
    (row,) = accounts
    held = [decode_position(position) for position in row.rows("positions")]
    if len({market_id for market_id, _ in held}) != len(held):
        raise DecodeError("account: a market comes more than once")
    return Account(row.integer("index"), row.decimal("collateral"), row.decimal("available_balance"), dict(held))


def decode_position(row: Fields) -> tuple[int, Decimal]:
    """Market and signed net quantity; the venue tells size and sign apart."""
    sign = _SIGNS.get(row.integer("sign"))
    quantity = row.not_negative("position")
    if sign is None or (sign == 0 and quantity):
        raise DecodeError(f"{row.where}.sign is none")
    return number(row, "market_id"), quantity * sign


def decode_public_key(body: bytes, key_index: int) -> str | None:
    """Of `GET /api/v1/apikeys`: the registered public key, 80 hexadecimal digits; None where there is none."""
    for row in envelope(body, "apikeys").rows("api_keys"):
        if row.integer("api_key_index") == key_index:
            return row.text("public_key").removeprefix("0x").lower()
    return None


def decode_nonce(body: bytes) -> int:
    return number(envelope(body, "nextNonce"), "nonce")


def decode_time_s(body: bytes) -> int:
    """Of `GET /`: the venue's clock, in seconds."""
    value = parse_fields(body, "status").integer("timestamp")
    if not 10**8 < value < 10**11:
        raise DecodeError("status.timestamp is no time in seconds")
    return value


@dataclass(frozen=True, slots=True)
class FundingPage:
    """One page of funding payments, each with its market; `at_ns` is the venue's time; `cursor` as for orders."""

    payments: tuple[tuple[int, FundingPayment], ...]
    cursor: str | None


def decode_funding(body: bytes) -> FundingPage:
    """Of `GET /api/v1/positionFunding`. `change` is what the account received, negative when it paid."""
    fields = envelope(body, "funding")
    found = []
    for row in fields.rows("position_fundings"):
        payment_id = f"funding-{number(row, 'market_id')}-{number(row, 'funding_id')}"
        payment = FundingPayment(either_time(row, "timestamp"), payment_id, row.decimal("change"))
        found.append((number(row, "market_id"), payment))
    return FundingPage(tuple(found), cursor_of(fields))
