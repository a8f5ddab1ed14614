"""How the venue checks both signatures: written from its documentation, and sharing nothing with the client's signing.

The HMAC is rebuilt from what arrived on the wire. The order's signature is checked through a general encoder of typed
data, and by recovering the signer's address from it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from coincurve import PublicKey
from Crypto.Hash import keccak

from exchanges.edgex.facts import Switches
from exchanges.transport.messages import HttpRequest

Values = dict[str, object]
_TOLERANCE_MS = 60_000
_NEEDED = ("X-edgeX-Api-Key", "X-edgeX-Passphrase", "X-edgeX-Timestamp", "X-edgeX-Signature")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is not served: HTTP status, code and message."""

    status: int
    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """The throw-away credentials of the one account. `signer` is an address, 20 bytes."""

    account_id: str
    api_key: str
    secret: str
    passphrase: str
    signer: bytes


def whole(value: object) -> int | None:
    """A time or a count as text: plain digits; None for anything else."""
    is_one = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
    return int(str(value)) if is_one else None


class NumberText(str):
    """A JSON number with a fraction, as it was written; where a text is due, this is none."""

    __slots__ = ()


# --- the HMAC of requests -------------------------------------------------------------------------------------------


def parameters_of(request: HttpRequest) -> Values | Denial:
    """Of the query of a GET, or of the body of a POST; numbers keep the text they came with."""
    if request.method == "GET":
        return dict(parse_qsl(request.query, keep_blank_values=True))
    try:
        body = json.loads(request.body or b"{}", parse_float=NumberText)
    except (ValueError, RecursionError):
        return Denial(400, "GATEWAY_PARAM_INVALID", "the body is no JSON")
    return body if isinstance(body, dict) else Denial(400, "GATEWAY_PARAM_INVALID", "the body is no object")


def check_request(request: HttpRequest, values: Values, keys: Keys, now_ms: int, switches: Switches) -> Denial | None:
    """Of a private path, or of the handshake of the private socket."""
    missing = next((name for name in _NEEDED if not request.header(name)), None)
    if missing is not None:
        return Denial(400, "GATEWAY_HEADER_REQUIRED", f"header {missing} is required")
    key, passphrase, timestamp, signature = (request.header(name) or "" for name in _NEEDED)
    if key != keys.api_key or passphrase != keys.passphrase:
        return Denial(401, "INVALID_API_KEY", f"invalid api key {key}")
    told_ms = whole(timestamp)
    if told_ms is None or abs(told_ms - now_ms) > _TOLERANCE_MS:
        return Denial(switches.bad_timestamp_status, switches.bad_timestamp_code, "timestamp is out of range")
    message = timestamp + request.method + request.path + _canonical(values)
    key_text = base64.standard_b64encode(keys.secret.encode("utf-8"))
    expected = hmac.digest(key_text, message.encode("utf-8"), hashlib.sha256).hex()
    if not hmac.compare_digest(expected, signature.lower()):
        return Denial(switches.bad_signature_status, switches.bad_signature_code, f"signature mismatch for {key}")
    if values.get("accountId") != keys.account_id:
        return Denial(400, "GATEWAY_PARAM_INVALID", "accountId is not of this key")
    return None


def check_protocol(handshake: HttpRequest) -> Denial | None:
    """Of the private socket, where it is played as one that reads its login in the subprotocol: base64 of a JSON object
    without padding, the same as in the headers."""
    text = handshake.header("Sec-WebSocket-Protocol") or ""
    try:
        told = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (ValueError, RecursionError):
        told = None
    wanted = {name: handshake.header(name) for name in _NEEDED}
    return None if told == wanted else Denial(401, "INVALID_API_KEY", "no login in the subprotocol")


def _canonical(value: object) -> str:
    match value:
        case None:
            return ""
        case True:
            return "true"
        case False:
            return "false"
        case dict():
            pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
            return "&".join(f"{name}={_canonical(inner)}" for name, inner in pairs)
        case list():
            return "&".join([_canonical(inner) for inner in value])
        case _:
            return str(value)


# --- the signature of orders ----------------------------------------------------------------------------------------

_TYPES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "EIP712Domain": (
        ("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"),
    ),
    "OrderBase": (
        ("nonce", "uint256"), ("signer", "address"), ("accountId", "uint64"), ("expirationTimestamp", "uint256"),
    ),
    "LimitOrderParams": (
        ("base", "OrderBase"),
        ("amountSynthetic", "int256"),
        ("amountCollateral", "int256"),
        ("amountFee", "uint256"),
        ("assetIdSynthetic", "uint64"),
        ("assetIdCollateral", "uint64"),
        ("isBuyingSynthetic", "bool"),
        ("parentOrderHash", "bytes32"),
        ("subOrderIndex", "uint256"),
    ),
}  # fmt: skip


def _hash(data: bytes) -> bytes:
    digest = keccak.new(digest_bits=256)
    digest.update(data)
    return digest.digest()


def _type_text(name: str) -> str:
    """A type and, sorted behind it, those it refers to."""
    inner = sorted({kind for _, kind in _TYPES[name] if kind in _TYPES})
    return "".join(
        f"{each}({','.join(f'{kind} {member}' for member, kind in _TYPES[each])})" for each in (name, *inner)
    )


def _struct_hash(name: str, values: Mapping[str, object]) -> bytes:
    words = [_hash(_type_text(name).encode())]
    words += [_encoded(kind, values[member]) for member, kind in _TYPES[name]]
    return _hash(b"".join(words))


def _encoded(kind: str, value: object) -> bytes:
    if isinstance(value, dict):
        return _struct_hash(kind, value)
    if kind == "string":
        return _hash(str(value).encode())
    if isinstance(value, bytes):
        return value.rjust(32, b"\0")
    assert isinstance(value, int), "everything else is a number"
    return value.to_bytes(32, "big", signed=kind.startswith("int"))


def typed_digest(chain_id: int, contract: bytes, order: Mapping[str, object]) -> bytes:
    """What the signer of an order signs."""
    domain = {"name": "EdgeX", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    return _hash(b"\x19\x01" + _struct_hash("EIP712Domain", domain) + _struct_hash("LimitOrderParams", order))


def recovered_address(digest: bytes, signature: str) -> bytes | None:
    """Whose signature it is; None where it is none. With or without 0x; v is 27 or 28."""
    text = signature.removeprefix("0x")
    if len(text) != 130:
        return None
    try:
        raw = bytes.fromhex(text)
        key = PublicKey.from_signature_and_message(raw[:64] + bytes([raw[64] - 27]), digest, hasher=None)
    except Exception:  # noqa: BLE001 - the library raises its bare base class for what is no signature
        return None
    return _hash(key.format(compressed=False)[1:])[-20:]
