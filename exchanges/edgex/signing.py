"""edgeX's two signatures. Pure: time, keys and terms are arguments.

Every private request carries an HMAC-SHA256 over `timestamp + METHOD + path + flattened parameters`; its key is the
base64 *text* of the API secret. An order carries in addition an EIP-712 signature (secp256k1, deterministic) over what
it may at most cost: whoever holds the API secret alone can cancel, but not trade.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Context, Decimal, InvalidOperation, Overflow

from coincurve import PrivateKey
from Crypto.Hash import keccak

from domain.market import Side
from exchanges.edgex.facts import L2_EXTRA_MS

BACKEND = "coincurve (libsecp256k1)"
"""What signs orders; there is no slow fallback."""

Headers = tuple[tuple[str, str], ...]
_EXACT = Context(prec=120, traps=[InvalidOperation, Overflow])


def flatten(value: object) -> str:
    """A JSON value as it is signed: objects as sorted `k=v`, lists as their items, both joined by `&`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "&".join(f"{name}={flatten(value[name])}" for name in sorted(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "&".join(flatten(item) for item in value)
    return str(value)


class ApiSigner:
    """The API credentials of one account. Never shows them."""

    __slots__ = ("_api_key", "_hmac_key", "_passphrase")

    def __init__(self, api_key: str, secret: str, passphrase: str) -> None:
        self._api_key = api_key
        self._passphrase = passphrase
        self._hmac_key = base64.b64encode(secret.encode())

    def __repr__(self) -> str:
        return "ApiSigner([redacted])"

    def signature(self, timestamp_ms: int, method: str, path: str, parameters: Mapping[str, object]) -> str:
        """In hex. `path` without host and query; `parameters` of the query or of the body."""
        message = f"{timestamp_ms}{method}{path}{flatten(parameters)}"
        return hmac.new(self._hmac_key, message.encode(), hashlib.sha256).hexdigest()

    def headers(self, timestamp_ms: int, method: str, path: str, parameters: Mapping[str, object]) -> Headers:
        """What a private request carries."""
        return (
            ("X-edgeX-Api-Key", self._api_key),
            ("X-edgeX-Passphrase", self._passphrase),
            ("X-edgeX-Timestamp", str(timestamp_ms)),
            ("X-edgeX-Signature", self.signature(timestamp_ms, method, path, parameters)),
        )

    def handshake_headers(self, timestamp_ms: int, path: str, parameters: Mapping[str, object]) -> Headers:
        """Of the private socket. The login stands there twice, as the SDK has it: as headers, and in the subprotocol,
        where browsers have to put it."""
        headers = self.headers(timestamp_ms, "GET", path, parameters)
        protocol = base64.b64encode(json.dumps(dict(headers)).encode()).decode().rstrip("=")
        return (*headers, ("Sec-WebSocket-Protocol", protocol))


# --- orders ---------------------------------------------------------------------------------------------------------


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


_DOMAIN_TYPE = _keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_DOMAIN_WORDS = _keccak(b"EdgeX") + _keccak(b"1")
_BASE_TEXT = b"OrderBase(uint256 nonce,address signer,uint64 accountId,uint256 expirationTimestamp)"
_BASE_TYPE = _keccak(_BASE_TEXT)
_ORDER_TYPE = _keccak(
    b"LimitOrderParams(OrderBase base,int256 amountSynthetic,int256 amountCollateral,uint256 amountFee,"
    b"uint64 assetIdSynthetic,uint64 assetIdCollateral,bool isBuyingSynthetic,bytes32 parentOrderHash,"
    b"uint256 subOrderIndex)" + _BASE_TEXT
)


@dataclass(frozen=True, slots=True)
class SigningTerms:
    """What of a contract enters a signature. Resolutions are units per base unit and per unit of quote currency;
    `fee_rate` is the higher of the maker's and the taker's, a fraction of notional."""

    chain_id: int
    verifying_contract: bytes
    contract_id: int
    quote_coin_id: int
    contract_resolution: int
    coin_resolution: int
    fee_rate: Decimal

    def domain_separator(self) -> bytes:
        contract = bytes(12) + self.verifying_contract
        return _keccak(_DOMAIN_TYPE + _DOMAIN_WORDS + _word(self.chain_id) + contract)


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """What an order's signature binds, as it travels beside it. `value` and `limit_fee` in quote currency."""

    nonce: int
    value: Decimal
    limit_fee: Decimal
    expire_ms: int
    l2_expire_ms: int
    digest: bytes
    signature: str


def order_nonce(client_order_id: str) -> int:
    """32 bits of the client order id's hash: the same id signs the same nonce."""
    return int.from_bytes(hashlib.sha256(client_order_id.encode()).digest()[:4], "big")


class OrderSigner:
    """The signer key of one account. Never shows it."""

    __slots__ = ("_account_id", "_key", "address")

    def __init__(self, private_key: bytes, account_id: int) -> None:
        """`private_key`: 32 bytes. Raises `ValueError` where they are no key of the curve."""
        self._key = PrivateKey(private_key)
        self._account_id = account_id
        self.address = _keccak(self._key.public_key.format(compressed=False)[1:])[12:]

    def __repr__(self) -> str:
        return "OrderSigner([redacted])"

    def sign(
        self, terms: SigningTerms, side: Side, price: Decimal, size: Decimal, client_order_id: str, expire_ms: int
    ) -> SignedOrder:
        """`price` in quote currency per base unit: the limit, or the worst price of a market order; `size` in base
        units. The venue takes the order for `expire_ms` (milliseconds); what is signed ends with the same second."""
        value = _EXACT.multiply(price, size)
        limit_fee = _EXACT.multiply(value, terms.fee_rate).to_integral_value(ROUND_CEILING, _EXACT)
        nonce = order_nonce(client_order_id)
        base = _keccak(
            _BASE_TYPE + _word(nonce) + bytes(12) + self.address + _word(self._account_id) + _word(expire_ms // 1000)
        )
        struct = _keccak(
            _ORDER_TYPE
            + base
            + _word(_whole(size, terms.contract_resolution))
            + _word(_whole(value, terms.coin_resolution))
            + _word(_whole(limit_fee, terms.coin_resolution))
            + _word(terms.contract_id)
            + _word(terms.quote_coin_id)
            + _word(int(side is Side.BUY))
            + bytes(32)
            + bytes(32)
        )
        digest = _keccak(b"\x19\x01" + terms.domain_separator() + struct)
        signature = self._key.sign_recoverable(digest, hasher=None)
        whole = signature[:64] + bytes([signature[64] + 27])
        return SignedOrder(nonce, value, limit_fee, expire_ms, expire_ms + L2_EXTRA_MS, digest, whole.hex())


def _whole(value: Decimal, resolution: int) -> int:
    """In the ledger's units, the rest cut off."""
    return int(_EXACT.multiply(value, Decimal(resolution)).to_integral_value(ROUND_DOWN, _EXACT))
