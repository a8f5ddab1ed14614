"""Ed25519 signatures of Backpack requests. Pure: time and parameters are arguments.

What is signed is one line: `instruction=<NAME>`, the parameters sorted by name, the timestamp and the window in
milliseconds. It must be what is sent, to the character: booleans in lower case, numbers as their text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchanges.errors import Misconfigured

Parameters = Mapping[str, str | int | bool]

_HOW = "copy it again from the API page of the exchange"


class Signer:
    """One account's key. Never shows it."""

    __slots__ = ("_key", "public_key")

    def __init__(self, public_key: str, secret_key: str) -> None:
        """Both in base64 as the exchange shows them. Raises `Misconfigured`."""
        seed = _decoded(secret_key, "BACKPACK_SECRET_KEY", (32, 64))[:32]
        given = _decoded(public_key, "BACKPACK_PUBLIC_KEY", (32,))
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        derived = self._key.public_key().public_bytes_raw()
        if derived != given:
            swapped = Ed25519PrivateKey.from_private_bytes(given).public_key().public_bytes_raw()
            if swapped == seed:
                raise Misconfigured("BACKPACK_PUBLIC_KEY and BACKPACK_SECRET_KEY are swapped")
            raise Misconfigured(f"BACKPACK_PUBLIC_KEY and BACKPACK_SECRET_KEY are no pair; {_HOW} both")
        self.public_key = base64.b64encode(derived).decode()

    def __repr__(self) -> str:
        return "Signer([redacted])"

    def sign(self, line: str) -> str:
        """The signature in base64."""
        return base64.b64encode(self._key.sign(line.encode())).decode()

    def headers(self, line: str, timestamp_ms: int, window_ms: int) -> tuple[tuple[str, str], ...]:
        """What a signed request carries; `line` names the same timestamp and window."""
        return (
            ("X-API-Key", self.public_key),
            ("X-Signature", self.sign(line)),
            ("X-Timestamp", str(timestamp_ms)),
            ("X-Window", str(window_ms)),
            ("Content-Type", "application/json; charset=utf-8"),
        )


def signing_line(instruction: str, parameters: Parameters, timestamp_ms: int, window_ms: int) -> str:
    return batch_line(instruction, [parameters], timestamp_ms, window_ms)


def batch_line(instruction: str, batch: Sequence[Parameters], timestamp_ms: int, window_ms: int) -> str:
    """Several orders in one request: the instruction and the parameters of each, one timestamp at the end."""
    parts = []
    for parameters in batch:
        parts.append(f"instruction={instruction}")
        for name in sorted(parameters):
            value = parameters[name]
            parts.append(f"{name}={value if type(value) is str else _plain(value)}")
    return "&".join([*parts, f"timestamp={timestamp_ms}", f"window={window_ms}"])


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(text: str, name: str, lengths: tuple[int, ...]) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"{name} is not base64; {_HOW}") from None
    if len(raw) not in lengths:
        raise Misconfigured(f"{name} holds {len(raw)} bytes instead of {lengths[0]}; {_HOW}")
    return raw
