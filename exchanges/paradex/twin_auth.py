"""How the venue checks signatures and tokens: written from its documentation, and sharing nothing with the client.

The type hashes are computed here from their texts; hashes and curve are the library's.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import fast_stark_crypto
from Crypto.Hash import keccak

CHAIN_ID = "PRIVATE_SN_POTC_SEPOLIA"
"""The test network's: what a throw-away key signs here is worth nothing on the main one."""
ACCOUNT_CLASS = 0x41CB0280EBADAA75F996D8D92C6F265F6D040BB3BA442E5F86A554F1765244E
PROXY_CLASS = 0x3530CC4759D78042F1B543BF797F5F3D647CDE0388C33734CF91B7F7B9314A9
TOKEN_LIFE_S = 300
_GROUP_ORDER = 3618502788666131213697322783095070105526743751716087489154079457884512865583
_ADDRESSES = 2**251 - 256
_SIGNATURE = re.compile(r'\["([0-9]{1,80})","([0-9]{1,80})"\]', re.ASCII)


def _selector(text: str) -> int:
    digest = keccak.new(digest_bits=256, data=text.encode()).digest()
    return int.from_bytes(digest, "big") % 2**250


def _ascii(text: str) -> int:
    return int(text.encode("ascii").hex() or "0", 16)


def _digest(*elements: int) -> int:
    state = 0
    for element in elements:
        state = fast_stark_crypto.pedersen_hash(state, element)
    return fast_stark_crypto.pedersen_hash(state, len(elements))


_DOMAIN = _digest(
    _selector("StarkNetDomain(name:felt,chainId:felt,version:felt)"), _ascii("Paradex"), _ascii(CHAIN_ID), 1
)
_ORDER = _selector("Order(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt)")
_LOGIN = _selector("Request(method:felt,path:felt,body:felt,timestamp:felt,expiration:felt)")


@dataclass(frozen=True, slots=True)
class Account:
    """The twin's one account, with its throw-away key."""

    private_key: int
    public_key: int
    address: int
    l1_address: str

    @classmethod
    def drawn(cls, chance: Random) -> Account:
        private_key = chance.randrange(2**240, _GROUP_ORDER)
        public_key = fast_stark_crypto.get_public_key(private_key)
        calldata = _digest(ACCOUNT_CLASS, _selector("initialize"), 2, public_key, 0)
        address = _digest(_ascii("STARKNET_CONTRACT_ADDRESS"), 0, public_key, PROXY_CLASS, calldata) % _ADDRESSES
        return cls(private_key, public_key, address, f"0x{chance.randbytes(20).hex()}")

    def has_signed(self, signature: object, *message: int) -> bool:
        """Whether `signature` is ours over a message of these elements, its type first."""
        match = _SIGNATURE.fullmatch(signature) if isinstance(signature, str) else None
        if match is None:
            return False
        r, s = int(match[1]), int(match[2])
        if not (0 < r < _GROUP_ORDER and 0 < s < _GROUP_ORDER):
            return False
        hashed = _digest(_ascii("StarkNet Message"), _DOMAIN, self.address, _digest(*message))
        return fast_stark_crypto.verify(self.public_key, hashed, r, s)

    def has_signed_order(
        self, signature: object, timestamp_ms: int, market: str, side: str, kind: str, size: Decimal, price: Decimal
    ) -> bool:
        """`price` 0 at market. Sizes and prices are cut, not rounded, behind the eighth digit."""
        side_code = {"BUY": "1", "SELL": "2"}[side]
        units = (int(size * 10**8), int(price * 10**8))
        return self.has_signed(signature, _ORDER, timestamp_ms, _ascii(market), int(side_code), _ascii(kind), *units)

    def has_signed_login(self, signature: object, timestamp_s: int, expiration_s: int) -> bool:
        return self.has_signed(signature, _LOGIN, _ascii("POST"), _ascii("/v1/auth"), 0, timestamp_s, expiration_s)


class Tokens:
    """What logins gave out: a token lives five minutes from then, and is not extended."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._ends_ns: dict[str, int] = {}

    def issue(self, now_ns: int) -> str:
        expires_s = now_ns // 10**9 + TOKEN_LIFE_S
        claims = {"type": "access-token", "token_usage": "", "iat": now_ns // 10**9, "exp": expires_s}
        parts = (b'{"typ":"JWT","alg":"ES256"}', json.dumps(claims).encode(), self._chance.randbytes(64))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        self._ends_ns[token] = expires_s * 10**9
        return token

    def is_good(self, token: str, now_ns: int) -> bool:
        return now_ns < self._ends_ns.get(token, 0)

    def is_bearer(self, header: str | None, now_ns: int) -> bool:
        """Whether an Authorization header holds a good token."""
        return header is not None and header.startswith("Bearer ") and self.is_good(header[7:], now_ns)

    def forget_all(self) -> None:
        """Every token has expired now."""
        self._ends_ns.clear()
