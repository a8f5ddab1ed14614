"""What edgeX lists: one contract, as `getMetaData` tells it, and what of it enters an order's signature. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from decimal import Decimal

from domain.market import MarketRules
from exchanges.decoding import DecodeError, Fields, shown
from exchanges.edgex.codec import Envelope
from exchanges.edgex.facts import QUOTE_ASSET
from exchanges.edgex.signing import SigningTerms
from exchanges.errors import Misconfigured

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_DECIMAL_INTEGER = re.compile(r"[0-9]{1,40}", re.ASCII)
_HEX_INTEGER = re.compile(r"0x[0-9a-fA-F]{1,32}", re.ASCII)
_DEFAULT_FEE_RATE = Decimal("0.001")
"""What a signature allows for where the listing names no rate."""


@dataclass(frozen=True, slots=True)
class Contract:
    """`buy_ratio` and `sell_ratio`: how far from the oracle price a limit may be, as fractions; 0 where not stated."""

    contract_id: str
    name: str
    rules: MarketRules
    terms: SigningTerms
    quote_coin_id: str
    buy_ratio: Decimal
    sell_ratio: Decimal


def find_contract(metadata: Envelope, ticker: str) -> Contract:
    """The perpetual of a base asset. Raises `DecodeError`, or `Misconfigured` where it is not listed or not traded."""
    fields = metadata.fields("metadata")
    wanted = f"{ticker.upper()}{QUOTE_ASSET}"
    by_name = {row.text("contractName"): row for row in fields.rows("contractList")}
    row = by_name.get(wanted)
    if row is None:
        raise Misconfigured(_not_listed(ticker, list(by_name)))
    if row.boolean_or("isStock", False) or row.boolean_or("isFx", False):
        raise Misconfigured(f"{wanted} is a stock or currency contract, whose market closes; it cannot be traded here")
    if not row.boolean("enableTrade") or not row.boolean_or("enableOpenPosition", True):
        raise Misconfigured(f"{wanted} is listed, but the exchange does not let positions be opened in it now")
    return _contract(row, fields, ticker)


def _not_listed(ticker: str, names: list[str]) -> str:
    listed = [name.removesuffix(QUOTE_ASSET) for name in names if name.endswith(QUOTE_ASSET)]
    near = difflib.get_close_matches(ticker.upper(), listed, n=3, cutoff=0.5)
    advice = f"did you mean {shown(' or '.join(near))}?" if near else f"it lists {len(listed)} others"
    return f"ticker {ticker!r} is not listed on edgex: {advice}"


def _contract(row: Fields, metadata: Fields, ticker: str) -> Contract:
    maker, taker = row.decimal_or_none("defaultMakerFeeRate"), row.decimal_or_none("defaultTakerFeeRate")
    rules = MarketRules(
        ticker=ticker.upper(),
        contract_id=row.text("contractId"),
        tick_size=row.positive("tickSize"),
        quantity_step=row.positive("stepSize"),
        min_quantity=row.positive("minOrderSize"),
        maker_fee_rate=_DEFAULT_FEE_RATE if maker is None else maker,
        taker_fee_rate=_DEFAULT_FEE_RATE if taker is None else taker,
    )
    return Contract(
        contract_id=rules.contract_id,
        name=row.text("contractName"),
        rules=rules,
        terms=_terms(row, metadata, rules),
        quote_coin_id=row.text("quoteCoinId"),
        buy_ratio=row.decimal_or_none("maxOrderBuyPriceRatio") or Decimal(0),
        sell_ratio=row.decimal_or_none("minOrderSellPriceRatio") or Decimal(0),
    )


def _terms(row: Fields, metadata: Fields, rules: MarketRules) -> SigningTerms:
    chain = metadata.fields("global")
    coin_id = row.text("quoteCoinId")
    coins = [coin for coin in metadata.rows("coinList") if coin.text("coinId") == coin_id]
    if len(coins) != 1:
        raise DecodeError(f"{row.where}: its quote coin is listed {len(coins)} times")
    address = chain.text("contractAddress")
    if _ADDRESS.fullmatch(address) is None:
        raise DecodeError(f"{chain.where}.contractAddress is no address")
    return SigningTerms(
        chain_id=_integer(chain, "nativeChainId" if chain.has("nativeChainId") else "chainId"),
        verifying_contract=bytes.fromhex(address[2:]),
        contract_id=_integer(row, "contractId"),
        quote_coin_id=_integer(row, "quoteCoinId"),
        contract_resolution=_integer(row, "resolution"),
        coin_resolution=_integer(coins[0], "resolution"),
        fee_rate=max(rules.maker_fee_rate, rules.taker_fee_rate),
    )


def _integer(fields: Fields, name: str) -> int:
    """A positive integer as text, decimal or with 0x."""
    text = fields.text(name)
    if _DECIMAL_INTEGER.fullmatch(text) is not None:
        value = int(text)
    elif _HEX_INTEGER.fullmatch(text) is not None:
        value = int(text, 16)
    else:
        raise DecodeError(f"{fields.where}.{name} is no integer")
    if value <= 0:
        raise DecodeError(f"{fields.where}.{name} is not positive")
    return value
