"""Starknet signatures for Paradex: typed data of revision 0, hashed with Pedersen, signed on the STARK curve.

Pure: keys, times and chain ids are arguments. The curve is computed by `fast-stark-crypto`, which takes about a third
of a millisecond for an order. Its signatures are deterministic; another library signs the same hash with other numbers
that verify as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, reduce

import fast_stark_crypto

BACKEND = "fast-stark-crypto"
FIELD_PRIME = 2**251 + 17 * 2**192 + 1
CURVE_ORDER = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F
_ADDRESS_BOUND = 2**251 - 256

_DOMAIN_TYPE = 0x98D1932052FC5137543DE5ED85B7A88555A4CD1FF5D5BFEDB62ED9B9A1F0DB
_ORDER_TYPE = 0xA56D5225B97B257C15AE2CB1CC0EA605381A886CD75463DB45FD2EF9FBC255
_MODIFY_TYPE = 0x201789BB587C17B251FD38DAF43B14807010EA721C2929A8C2FC33BF15C2E2C
_REQUEST_TYPE = 0x186CDEF6B179923C411C13C11B8A825F12BF34203BDDA0A984DA9D6F2313C2
_CONSTANT_TYPE = 0xE84BBCB68E0F7C73A9058BA82B6DA9C1FFDC502EFCF034E78B0C003C22ECC9
"""Starknet's keccak of each type's text; a test computes them anew."""
_INITIALIZE_SELECTOR = 0x79DC0DA7C54B95F10AA182AD0A46400DB63156920ADB65ECA2654C0945A463
_SIZE_SCALE = 8
_SIDES = {"BUY": 1, "SELL": 2}


@dataclass(frozen=True, slots=True)
class StarkKey:
    """A private key of the STARK curve; never shown."""

    secret: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.secret < CURVE_ORDER:
            raise ValueError("this number is no private key of the STARK curve")

    @property
    def public(self) -> int:
        """The public key's x coordinate."""
        return _public_key(self)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, and for which chain: `account` is the L2 address, `chain_id` the venue's text."""

    key: StarkKey
    account: int
    chain_id: str

    def sign(self, struct_hash: int) -> str:
        """The signature of a message as it travels: `["r","s"]` in decimal."""
        r, s = fast_stark_crypto.sign(self.key.secret, message_hash(self.chain_id, self.account, struct_hash))
        return f'["{r}","{s}"]'


def message_hash(chain_id: str, account: int, struct_hash: int) -> int:
    """What is signed: the domain, the account and the message in one hash."""
    return hash_chain((text_felt("StarkNet Message"), _domain_hash(chain_id), account, struct_hash))


def order_hash(timestamp_ms: int, market: str, side: str, order_type: str, size: Decimal, price: Decimal) -> int:
    """An order's struct hash. `side` BUY or SELL; `price` 0 at market. Raises `ValueError` for digits behind the
    eighth."""
    return hash_chain((_ORDER_TYPE, *_order_felts(timestamp_ms, market, side, order_type, size, price)))


def modify_hash(
    timestamp_ms: int, market: str, side: str, order_type: str, size: Decimal, price: Decimal, order_id: str
) -> int:
    """The struct hash of a changed order."""
    felts = _order_felts(timestamp_ms, market, side, order_type, size, price)
    return hash_chain((_MODIFY_TYPE, *felts, felt(order_id)))


def login_hash(timestamp_s: int, expiration_s: int) -> int:
    """The struct hash of a login, valid between two times in seconds since the epoch."""
    felts = (text_felt("POST"), text_felt("/v1/auth"), felt(""), timestamp_s, expiration_s)
    return hash_chain((_REQUEST_TYPE, *felts))


def onboarding_hash() -> int:
    """The struct hash of the message by which an account is first registered."""
    return hash_chain((_CONSTANT_TYPE, text_felt("Onboarding")))


def account_address(public_key: int, account_class: int, proxy_class: int) -> int:
    """The L2 address that belongs to a public key, given the class hashes of the venue's system configuration."""
    calldata = (account_class, _INITIALIZE_SELECTOR, 2, public_key, 0)
    parts = (text_felt("STARKNET_CONTRACT_ADDRESS"), 0, public_key, proxy_class, hash_chain(calldata))
    return hash_chain(parts) % _ADDRESS_BOUND


def scaled(value: Decimal) -> int:
    """A size or price in whole units of 10^-8. Raises `ValueError` where that would drop a digit."""
    units = value.scaleb(_SIZE_SCALE)
    if units != units.to_integral_value() or units < 0:
        raise ValueError(f"{value} cannot be signed: it is negative or has more than {_SIZE_SCALE} digits")
    return int(units)


def felt(text: str) -> int:
    """A field element from text: hexadecimal, decimal, or up to 31 ASCII characters; empty is 0."""
    if text.startswith("0x"):
        return int(text, 16)
    return int(text) if text.isascii() and text.isdigit() else text_felt(text)


def text_felt(text: str) -> int:
    """The bytes of a short ASCII text as one number. Raises `ValueError` beyond 31 characters."""
    if len(text) > 31:
        raise ValueError(f"{len(text)} characters do not fit into a field element")
    return int.from_bytes(text.encode("ascii"))


def hash_chain(felts: Iterable[int]) -> int:
    """Pedersen over all, begun with 0 and ended with their number."""
    whole = tuple(felts)
    return reduce(fast_stark_crypto.pedersen_hash, (*whole, len(whole)), 0)


def _order_felts(
    timestamp_ms: int, market: str, side: str, order_type: str, size: Decimal, price: Decimal
) -> tuple[int, ...]:
    return (timestamp_ms, text_felt(market), _SIDES[side], text_felt(order_type), scaled(size), scaled(price))


@lru_cache(maxsize=4)
def _domain_hash(chain_id: str) -> int:
    return hash_chain((_DOMAIN_TYPE, text_felt("Paradex"), text_felt(chain_id), felt("1")))


@lru_cache(maxsize=4)
def _public_key(key: StarkKey) -> int:
    return fast_stark_crypto.get_public_key(key.secret)
