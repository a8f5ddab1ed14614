"""How the venue checks who asks: written from its documentation, and sharing nothing with the client's signing."""

from __future__ import annotations

import bisect
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qsl

import coincurve
from Crypto.Hash import keccak

from exchanges.aster.facts import Switches
from exchanges.transport.messages import HttpRequest, HttpResponse

_JSON = ("Content-Type", "application/json")
CHAIN_ID = 1666
"""Of the main network, which throw-away keys pretend to be on."""
_NONCE_WINDOW_US = 10_000_000
_NONCES_REMEMBERED = 100
_LARGEST_WINDOW_MS = 60_000
_DEFAULT_WINDOW_MS = 5_000
_TYPES = {
    "EIP712Domain": (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ),
    "Message": (("msg", "string"),),
}

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is not served: HTTP status, code and message."""

    status: int
    code: int
    message: str


def ok(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, (_JSON,), json.dumps(value, separators=(",", ":")).encode())


def denied(denial: Denial) -> HttpResponse:
    return ok({"code": denial.code, "msg": denial.message}, denial.status)


def missing(name: str) -> Denial:
    return Denial(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def request_text(request: HttpRequest) -> str:
    """The parameters as they came: the body, or the query where there is none."""
    return request.body.decode("utf-8", "replace") if request.body else request.query


def values_of(text: str) -> Values:
    return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(slots=True)
class Identity:
    """The one account of a twin: a wallet, its approved API wallet, and an older API key. All drawn from a seed."""

    user_key: bytes
    signer_key: bytes
    api_key: str
    api_secret: str
    nonces: list[int] = field(default_factory=list)

    @classmethod
    def drawn(cls, chance: Random) -> Identity:
        letters = "0123456789abcdef"
        words = ["".join(chance.choices(letters, k=64)) for _ in range(2)]
        # The top bit is cleared, which keeps a key below the order of the curve.
        keys = [bytes([chance.randrange(1, 128)]) + chance.randbytes(31) for _ in range(2)]
        return cls(keys[0], keys[1], words[0], words[1])

    @property
    def user(self) -> str:
        return wallet_address(coincurve.PublicKey.from_secret(self.user_key))

    @property
    def signer(self) -> str:
        return wallet_address(coincurve.PublicKey.from_secret(self.signer_key))


def check_wallet(identity: Identity, text: str, now_us: int, switches: Switches) -> Denial | None:
    """V3: why a signed text is refused; None when its signature holds and its nonce is fresh."""
    values = values_of(text)
    for name in ("nonce", "signer", "signature"):
        if not values.get(name):
            return missing(name)
    if "user" not in values and not switches.user_may_be_omitted:
        return missing("user")
    signer = values["signer"].lower()
    is_known = signer in (identity.signer.lower(), identity.user.lower())
    if not is_known or values.get("user", identity.user).lower() != identity.user.lower():
        return Denial(400, switches.unknown_signer_code, "No agent found")
    signed = "&".join(part for part in text.split("&") if not part.startswith("signature="))
    if recovered_address(signed, values["signature"], CHAIN_ID).lower() != signer:
        return Denial(400, switches.signature_error_code, "Signature for this request is not valid.")
    nonce = values["nonce"]
    if not (nonce.isascii() and nonce.isdigit() and len(nonce) < 19) or not _take_nonce(identity, int(nonce), now_us):
        return Denial(400, -4225, "Nonce Expired")
    return None


def _take_nonce(identity: Identity, nonce: int, now_us: int) -> bool:
    """The last hundred are remembered; one below all of these may have been used before, and counts as such."""
    known = identity.nonces
    if abs(nonce - now_us) > _NONCE_WINDOW_US:
        return False
    at = bisect.bisect_left(known, nonce)
    if at < len(known) and known[at] == nonce:
        return False
    if len(known) >= _NONCES_REMEMBERED:
        if at == 0:
            return False
        del known[0]
        at -= 1
    known.insert(at, nonce)
    return True


def check_api_key(
    identity: Identity, request: HttpRequest, text: str, now_ms: int, *, needs_signature: bool
) -> Denial | None:
    """V1: why a request is refused."""
    key = request.header("X-MBX-APIKEY")
    if key is None:
        return Denial(401, -2014, "API-key format invalid.")
    if key != identity.api_key:
        return Denial(401, -2015, "Invalid API-key, IP, or permissions for action.")
    if not needs_signature:
        return None
    signed, _, signature = text.rpartition("&signature=")
    expected = hmac.new(identity.api_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        return Denial(400, -1022, "Signature for this request is not valid.")
    values = values_of(signed)
    window = values.get("recvWindow", str(_DEFAULT_WINDOW_MS))
    timestamp = values.get("timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or not (window.isascii() and window.isdigit()):
        return missing("timestamp")
    age_ms = now_ms - int(timestamp)
    if age_ms <= -1_000 or age_ms > min(int(window), _LARGEST_WINDOW_MS):
        return Denial(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    return None


# --- EIP-712, read from the types -----------------------------------------------------------------------------------


def recovered_address(text: str, signature: str, chain_id: int) -> str:
    """Who signed the text; "" when the signature is none."""
    digits = signature[2:] if signature[:2].lower() == "0x" else signature
    try:
        raw = bytes.fromhex(digits)
        if len(raw) != 65 or raw[64] not in (27, 28):
            return ""
        compact = raw[:64] + bytes([raw[64] - 27])
        public = coincurve.PublicKey.from_signature_and_message(compact, typed_data_hash(text, chain_id), hasher=None)
    except ValueError:
        return ""
    return wallet_address(public)


def typed_data_hash(text: str, chain_id: int) -> bytes:
    domain: dict[str, str | int] = {"name": "AsterSignTransaction", "version": "1"}
    domain |= {"chainId": chain_id, "verifyingContract": 0}
    return _hash(b"\x19\x01", _hash_struct("EIP712Domain", domain), _hash_struct("Message", {"msg": text}))


def _hash_struct(name: str, values: dict[str, str | int]) -> bytes:
    members = _TYPES[name]
    type_text = f"{name}({','.join(f'{kind} {member}' for member, kind in members)})"
    encoded = [_encoded(kind, values[member]) for member, kind in members]
    return _hash(_hash(type_text.encode()), *encoded)


def _encoded(kind: str, value: str | int) -> bytes:
    return _hash(str(value).encode()) if kind == "string" else int(value).to_bytes(32, "big")


def _hash(*parts: bytes) -> bytes:
    state = keccak.new(digest_bits=256)
    for part in parts:
        state.update(part)
    return state.digest()


def wallet_address(public: coincurve.PublicKey) -> str:
    """With the capitals of its checksum."""
    x, y = public.point()
    digits = _hash(x.to_bytes(32, "big"), y.to_bytes(32, "big")).hex()[24:]
    marks = _hash(digits.encode()).hex()
    return "0x" + "".join(c.upper() if marks[at] in "89abcdef" else c for at, c in enumerate(digits))
