"""Signatures of Aster requests: EIP-712 with an API wallet's key (V3), or HMAC-SHA256 with an API secret (V1). Pure.

What is signed is the url-encoded text of the parameters exactly as it is sent, so `signed_text` gives the text and its
signature in one string, and nobody may sort or encode it again.

V3: the text ends with `nonce` (microseconds), `user` (the account's wallet) and `signer` (the API wallet); it is the
one field of an EIP-712 message. The signature is r, s, v in hexadecimal, with v 27 or 28. V1: the text ends with
`recvWindow` and `timestamp` (milliseconds).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from coincurve import PrivateKey
from Crypto.Hash import keccak

from exchanges.aster.facts import RECEIVE_WINDOW_MS
from exchanges.errors import Misconfigured

Parameters = Mapping[str, str]
Headers = tuple[tuple[str, str], ...]

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII)
_HEX = re.compile(r"(0[xX])?[0-9a-fA-F]+", re.ASCII)
_KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}", re.ASCII)
_API_WORD = re.compile(r"[!-~]{8,256}", re.ASCII)
_WHERE = "see docs/exchanges/aster.md"


class Signer(Protocol):
    """`stamp` is the nonce of V3 in microseconds, or the timestamp of V1 in milliseconds."""

    @property
    def is_legacy(self) -> bool:
        """Whether this is the older key path, V1."""

    @property
    def backend(self) -> str:
        """Which library signs, for the line at start."""

    @property
    def account(self) -> str:
        """The account, masked, and another text for another account."""

    @property
    def headers(self) -> Headers:
        """What every request of the account carries beside its text."""

    def signed_text(self, parameters: Parameters, stamp: int) -> str:
        """The parameters as they are sent, with their signature at the end."""


# --- V3: an API wallet ----------------------------------------------------------------------------------------------


class AgentSigner:
    """An API wallet (`signer`) that the account (`user`) has approved. Never shows its key."""

    __slots__ = ("_domain", "_key", "signer", "user")

    is_legacy = False
    backend = "EIP-712 by coincurve (libsecp256k1) and pycryptodome"
    headers: Headers = ()

    def __init__(self, user: str, signer: str, private_key: str, chain_id: int) -> None:
        """Addresses and key in hexadecimal, as the environment variables hold them. Raises `Misconfigured`."""
        self.user = _address(user, "ASTER_USER", "the address of your main wallet")
        self.signer = _address(signer, "ASTER_SIGNER", "the address of the API wallet")
        if self.user.lower() == self.signer.lower():
            raise Misconfigured(
                "ASTER_USER and ASTER_SIGNER are the same: make an API wallet on Aster's API page and sign with that, "
                "never with the main wallet"
            )
        self._key = _private_key(private_key)
        owner = address_of(self._key)
        if owner == self.user.lower():
            raise Misconfigured(
                "ASTER_SIGNER_PRIVATE_KEY belongs to the address in ASTER_USER: swap ASTER_USER and ASTER_SIGNER if "
                "they are the wrong way round; the main wallet's own key has no place here"
            )
        if owner != self.signer.lower():
            raise Misconfigured(
                f"ASTER_SIGNER_PRIVATE_KEY is not the key of the address in ASTER_SIGNER; copy both again ({_WHERE})"
            )
        self._domain = domain_separator(chain_id)

    def __repr__(self) -> str:
        return "AgentSigner([redacted])"

    @property
    def account(self) -> str:
        return f"{self.user[:6]}...{self.user[-4:]}"

    def signed_text(self, parameters: Parameters, stamp: int) -> str:
        text = agent_text(parameters, stamp, self.user, self.signer)
        return f"{text}&signature={self.sign(text)}"

    def sign(self, text: str) -> str:
        """The signature of an url-encoded text, in hexadecimal without 0x."""
        return sign_digest(self._key, _digest(self._domain, text))


def agent_text(parameters: Parameters, nonce: int, user: str, signer: str) -> str:
    """The text that V3 signs and sends."""
    return urlencode({**parameters, "nonce": str(nonce), "user": user, "signer": signer})


def domain_separator(chain_id: int) -> bytes:
    """EIP-712, of the domain AsterSignTransaction, version 1, with no contract."""
    domain_type = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    parts = (_keccak(domain_type), _keccak(b"AsterSignTransaction"), _keccak(b"1"), chain_id.to_bytes(32, "big"))
    return _keccak(b"".join(parts) + bytes(32))


def message_digest(text: str, chain_id: int) -> bytes:
    """EIP-712, of `Message(string msg)` with the text as its one field."""
    return _digest(domain_separator(chain_id), text)


def sign_digest(key: PrivateKey, digest: bytes) -> str:
    """r, s and v (27 or 28), deterministic by RFC 6979, in hexadecimal without 0x."""
    signature = key.sign_recoverable(digest, hasher=None)
    return (signature[:64] + bytes([27 + signature[64]])).hex()


def address_of(key: PrivateKey) -> str:
    """The address of a key, in lower case."""
    return "0x" + _keccak(key.public_key.format(compressed=False)[1:])[-20:].hex()


def _digest(domain: bytes, text: str) -> bytes:
    return _keccak(b"\x19\x01" + domain + _keccak(_MESSAGE_TYPE + _keccak(text.encode())))


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()


_MESSAGE_TYPE = _keccak(b"Message(string msg)")


# --- V1: an API key -------------------------------------------------------------------------------------------------


class ApiKeySigner:
    """The older kind of key, kept for accounts that have nothing else. Never shows its secret."""

    __slots__ = ("_api_key", "_secret")

    is_legacy = True
    backend = "HMAC-SHA256 by the standard library"

    def __init__(self, api_key: str, secret: str) -> None:
        """As the environment variables hold them. Raises `Misconfigured`."""
        self._api_key = _api_word(api_key, "ASTER_API_KEY")
        self._secret = _api_word(secret, "ASTER_SECRET_KEY").encode()
        if api_key == secret:
            raise Misconfigured("ASTER_API_KEY and ASTER_SECRET_KEY are the same; copy both again from the API page")

    def __repr__(self) -> str:
        return "ApiKeySigner([redacted])"

    @property
    def account(self) -> str:
        """By a fingerprint of the key: the exchange does not tell whose it is, and of the key nothing is shown."""
        return f"of ASTER_API_KEY #{hashlib.sha256(self._api_key.encode()).hexdigest()[:6]}"

    @property
    def headers(self) -> Headers:
        return (("X-MBX-APIKEY", self._api_key),)

    def signed_text(self, parameters: Parameters, stamp: int) -> str:
        text = urlencode({**parameters, "recvWindow": str(RECEIVE_WINDOW_MS), "timestamp": str(stamp)})
        return f"{text}&signature={self.sign(text)}"

    def sign(self, text: str) -> str:
        """The signature of an url-encoded text, in hexadecimal."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


# --- reading keys ---------------------------------------------------------------------------------------------------


def _address(text: str, name: str, meaning: str) -> str:
    if _KEY.fullmatch(text) is not None:
        raise Misconfigured(
            f"{name} holds a private key; it must be {meaning}: take the key out and do not use it again"
        )
    if _ADDRESS.fullmatch(text) is None:
        raise Misconfigured(f"{name} must be {meaning}: 0x and 40 hexadecimal digits ({_WHERE})")
    digits = text[2:]
    has_checksum = digits not in (digits.lower(), digits.upper())
    if has_checksum and digits != _checksummed(digits.lower()):
        raise Misconfigured(f"{name} has a typing error: its capital letters do not fit its digits; copy it again")
    return "0x" + digits


def _checksummed(digits: str) -> str:
    """EIP-55: capitals where the hash of the lower-case digits says so."""
    marks = _keccak(digits.encode()).hex()
    return "".join(digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False))


def _private_key(text: str) -> PrivateKey:
    name = "ASTER_SIGNER_PRIVATE_KEY"
    if _ADDRESS.fullmatch(text) is not None:
        raise Misconfigured(f"{name} holds an address, which is public; it must be the API wallet's private key")
    if _HEX.fullmatch(text) is None:
        raise Misconfigured(f"{name} is not hexadecimal; it is the API wallet's key, shown once by Aster ({_WHERE})")
    if _KEY.fullmatch(text) is None:
        digits = len(text) - 2 * text.lower().startswith("0x")
        raise Misconfigured(f"{name} has {digits} hexadecimal digits instead of 64; copy it again ({_WHERE})")
    try:
        return PrivateKey(bytes.fromhex(text[-64:]))
    except ValueError:
        raise Misconfigured(f"{name} is no key of the curve secp256k1; copy it again ({_WHERE})") from None


def _api_word(text: str, name: str) -> str:
    if _API_WORD.fullmatch(text) is None:
        raise Misconfigured(f"{name} is not what Aster's API page shows: copy it again, without spaces ({_WHERE})")
    return text
