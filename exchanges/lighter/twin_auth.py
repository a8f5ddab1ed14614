"""How the venue checks a transaction and a token: written from its documentation, with nothing of the client's."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from exchanges.lighter.facts import Switches
from exchanges.lighter.twin_curve import Verifier
from exchanges.lighter.twin_hash import digest, elements_of

_HEAD = ("AccountIndex", "ApiKeyIndex")
_BODIES = {
    14: (
        "MarketIndex", "ClientOrderIndex", "BaseAmount", "Price", "IsAsk", "Type", "TimeInForce", "ReduceOnly",
        "TriggerPrice", "OrderExpiry",
    ),
    15: ("MarketIndex", "Index"),
    16: ("TimeInForce", "Time"),
    17: ("MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice"),
    20: ("MarketIndex", "InitialMarginFraction", "MarginMode"),
}  # fmt: skip
_SKIP_NONCE = "4"
_MOST_ATTRIBUTES = 4
_TOKEN = re.compile(r"([0-9]{1,12}):([0-9]{1,18}):([0-9]{1,3}):([0-9a-f]{160})", re.ASCII)
_LONGEST_TOKEN_S = 8 * 3_600

Info = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is not served: HTTP status, code and message."""

    status: int
    code: int
    message: str


class Verifies(Protocol):
    """Knows what one private key signs."""

    @property
    def public_key(self) -> bytes: ...

    def is_signed(self, message: Sequence[int], signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class CheckedTx:
    """A transaction whose form, hash, signature and time hold; its nonce is the account's to judge."""

    tx_type: int
    numbers: Mapping[str, int]
    attributes: Mapping[str, int]
    tx_hash: str
    info: str

    @property
    def skips_nonce(self) -> bool:
        return self.attributes.get(_SKIP_NONCE) == 1


class Gate:
    """One account with one API key on one chain."""

    def __init__(self, account: int, key_index: int, chain_id: int, private_key: bytes, switches: Switches) -> None:
        self.account, self.key_index = account, key_index
        self._chain_id = chain_id
        self._verifier = self._verifier_of(private_key)
        self._switches = switches
        self._known_tokens: set[str] = set()
        self._revoked: set[str] = set()

    @property
    def public_key(self) -> str:
        """As hexadecimal digits, as `GET /apikeys` shows it."""
        return self._verifier.public_key.hex()

    def revoke_tokens(self) -> None:
        """Every token seen so far is worth nothing from now on."""
        self._revoked |= self._known_tokens
        self._known_tokens.clear()

    def check_tx(self, tx_type: object, text: object, now_ms: int) -> CheckedTx | Denial:
        """`tx_type` and `text` as they came."""
        kind, info = _kind(tx_type), _object(text)
        numbers = None if info is None else _numbers(kind, info)
        attributes = None if info is None else _attributes(info)
        if info is None or numbers is None or attributes is None or not isinstance(text, str):
            return Denial(400, 21501, "invalid tx info")
        if (numbers["AccountIndex"], numbers["ApiKeyIndex"]) != (self.account, self.key_index):
            return Denial(400, 21108, "api key not found")
        if self._switches.checks_expiry_of_tx and numbers["ExpiredAt"] <= now_ms:
            return Denial(400, 21711, "invalid expiry")
        message = self._digest_of_tx(self._chain_id, kind, info)
        if self._switches.checks_signatures and not self._verifier.is_signed(message, _signature(info)):
            return Denial(400, self._switches.bad_signature_code, "invalid signature")
        return CheckedTx(kind, numbers, attributes, self._hash_of(message), text)

    def check_token(self, token: str | None, now_ms: int) -> Denial | None:
        """Why private data is not shown; None when the token holds."""
        bad = Denial(self._switches.bad_token_status, 20013, "invalid auth: expired or invalid token")
        form = None if token is None else _TOKEN.fullmatch(token)
        if token is None or form is None or token in self._revoked:
            return bad
        deadline_s, account, key_index = int(form[1]), int(form[2]), int(form[3])
        left_s = deadline_s - now_ms // 1_000
        if (account, key_index) != (self.account, self.key_index) or not 0 < left_s <= _LONGEST_TOKEN_S:
            return bad
        if token not in self._known_tokens:
            text = token.rpartition(":")[0]
            if not self._verifier.is_signed(self._digest_of_text(text), bytes.fromhex(form[4])):
                return bad
            self._known_tokens.add(token)
        return None

    # --- the scheme, which another gate may replace -----------------------------------------------------------------

    def _verifier_of(self, private_key: bytes) -> Verifies:
        return Verifier(private_key)

    def _digest_of_tx(self, chain_id: int, tx_type: int, info: Info) -> list[int]:
        return tx_digest(chain_id, tx_type, info)

    def _hash_of(self, message: Sequence[int]) -> str:
        """The transaction's name on the wire."""
        return b"".join(part.to_bytes(8, "little") for part in message).hex()

    def _digest_of_text(self, text: str) -> list[int]:
        return digest(elements_of(text.encode()))


def tx_digest(chain_id: int, tx_type: int, info: Info) -> list[int]:
    """What is signed. Attributes, where there are any, are hashed beside the transaction and then with it."""
    names = ("Nonce", "ExpiredAt", *_HEAD, *_BODIES[tx_type])
    message = digest([chain_id, tx_type, *(_number(info[name]) for name in names)])
    attributes = _attributes(info) or {}
    if not attributes:
        return message
    pairs = sorted((int(kind), value) for kind, value in attributes.items())
    pairs += [(0, 0)] * (_MOST_ATTRIBUTES - len(pairs))
    return digest([*message, *digest([part for pair in pairs for part in pair])])


def _kind(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _object(text: object) -> dict[str, object] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _numbers(kind: int, info: Info) -> dict[str, int] | None:
    names = (*_HEAD, *_BODIES.get(kind, ("",)), "ExpiredAt", "Nonce")
    if set(info) != {*names, "Sig", "L2TxAttributes"}:
        return None
    values = {name: info[name] for name in names}
    numbers = {name: value for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
    return numbers if len(numbers) == len(names) and all(value >= 0 for value in numbers.values()) else None


def _number(value: object) -> int:
    assert isinstance(value, int), "checked before"
    return value


def _attributes(info: Info) -> dict[str, int] | None:
    """None where they are not what they must be."""
    found = info.get("L2TxAttributes")
    if found is None:
        return {}
    if not isinstance(found, dict) or len(found) > _MOST_ATTRIBUTES:
        return None
    known = {str(kind): value for kind, value in found.items() if isinstance(value, int) and str(kind).isdigit()}
    return known if len(known) == len(found) else None


def _signature(info: Info) -> bytes:
    try:
        return base64.b64decode(str(info.get("Sig")), validate=True)
    except (binascii.Error, ValueError):
        return b""
