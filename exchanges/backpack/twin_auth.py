"""How the venue checks a signature: written from its documentation, and sharing nothing with the client's signing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exchanges.backpack.facts import Switches
from exchanges.transport.messages import HttpRequest

_LARGEST_WINDOW_MS = 60_000
_DEFAULT_WINDOW_MS = 5_000

INSTRUCTIONS = {
    ("POST", "/api/v1/order"): "orderExecute",
    ("POST", "/api/v1/orders"): "orderExecute",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("DELETE", "/api/v1/orders"): "orderCancelAll",
    ("GET", "/api/v1/order"): "orderQuery",
    ("GET", "/api/v1/orders"): "orderQueryAll",
    ("GET", "/api/v1/position"): "positionQuery",
    ("GET", "/api/v1/capital"): "balanceQuery",
    ("GET", "/api/v1/capital/collateral"): "collateralQuery",
    ("GET", "/api/v1/account"): "accountQuery",
    ("PATCH", "/api/v1/account"): "accountUpdate",
    ("GET", "/api/v1/account/limits/order"): "maxOrderQuantity",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
    ("GET", "/wapi/v1/history/funding"): "fundingHistoryQueryAll",
}
"""What a signed endpoint is called in the line that is signed."""

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is not served: HTTP status, code and message."""

    status: int
    code: str
    message: str


def parameters_of(request: HttpRequest) -> list[Values] | Denial:
    """The parameters of a request, one set for each order of a batch. JSON numbers keep the text they came with."""
    if request.method == "GET":
        return [dict(parse_qsl(request.query, keep_blank_values=True))]
    if not request.body:
        return [{}]
    try:
        body = json.loads(request.body, parse_float=str)
    except (ValueError, RecursionError):
        return Denial(400, "INVALID_CLIENT_REQUEST", "failed to parse the body")
    batch = body if isinstance(body, list) else [body]
    if not all(isinstance(item, dict) for item in batch):
        return Denial(400, "INVALID_CLIENT_REQUEST", "failed to parse the body")
    return batch


def check_signed(
    request: HttpRequest, batch: list[Values], public_key: str, now_ms: int, switches: Switches
) -> Denial | None:
    """Why a signed request is refused; None when its signature holds and its time is right."""
    instruction = INSTRUCTIONS[request.method, request.path]
    stamps = [request.header(name) for name in ("X-API-Key", "X-Signature", "X-Timestamp")]
    key, signature, timestamp = stamps
    if key is None or signature is None or timestamp is None:
        return Denial(switches.unknown_key_status, "UNAUTHORIZED", "missing authentication headers")
    window = request.header("X-Window") or str(_DEFAULT_WINDOW_MS)
    lines = []
    for values in batch:
        members = "".join(f"&{name}={_text(values[name])}" for name in sorted(values) if values[name] is not None)
        lines.append(f"instruction={instruction}{members}")
    line = f"{'&'.join(lines)}&timestamp={timestamp}&window={window}"
    return _check(line, key, signature, timestamp, window, public_key, now_ms, switches)


def check_subscription(signature: object, public_key: str, now_ms: int, switches: Switches) -> Denial | None:
    """Of a private SUBSCRIBE: key, signature, timestamp and window, all as strings."""
    if not isinstance(signature, list) or len(signature) != 4 or not all(isinstance(part, str) for part in signature):
        return Denial(400, "UNAUTHORIZED", "a private stream needs a signature")
    key, signed, timestamp, window = signature
    line = f"instruction=subscribe&timestamp={timestamp}&window={window}"
    return _check(line, key, signed, timestamp, window, public_key, now_ms, switches)


def _check(
    line: str, key: str, signature: str, timestamp: str, window: str, public_key: str, now_ms: int, switches: Switches
) -> Denial | None:
    if key != public_key:
        return Denial(switches.unknown_key_status, "UNAUTHORIZED", "unknown API key")
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in (timestamp, window)):
        return Denial(400, "INVALID_CLIENT_REQUEST", "invalid timestamp or window")
    if not 0 < int(window) <= _LARGEST_WINDOW_MS:
        return Denial(400, "INVALID_CLIENT_REQUEST", "invalid window")
    if abs(now_ms - int(timestamp)) > int(window):
        return Denial(400, switches.bad_timestamp_code, "Request has expired: check the timestamp")
    try:
        raw = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key)).verify(raw, line.encode())
    except (binascii.Error, ValueError, InvalidSignature):
        return Denial(switches.bad_signature_status, "INVALID_SIGNATURE", "Invalid signature")
    return None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
