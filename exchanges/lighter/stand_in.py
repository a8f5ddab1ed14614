"""Lighter for simulated worlds: its client and twin, with keyed hashes in place of the native signatures.

The native signer draws chance and reads the machine's clock, so a world with it would not repeat itself, and verifying
its signatures in Python takes most of a world's time. What is signed, and that it is checked, stays the same; only the
mathematics is another. No command that trades can reach this: `exchanges.factory` gives it to worlds only.
"""

from __future__ import annotations

import base64
import hashlib
import json

from exchanges.lighter import open_client as open_native
from exchanges.lighter.client import LighterClient
from exchanges.lighter.native import Library, RawTx
from exchanges.lighter.twin_stand_in import open_twin
from exchanges.transport.setup import ClientSetup

__all__ = ["open_client", "open_twin"]

_NAMES = {
    "SignCreateOrder": (
        14,
        (
            "MarketIndex", "ClientOrderIndex", "BaseAmount", "Price", "IsAsk", "Type", "TimeInForce", "ReduceOnly",
            "TriggerPrice", "OrderExpiry",
        ),
    ),
    "SignCancelOrder": (15, ("MarketIndex", "Index")),
}  # fmt: skip
"""Of the library's functions that the client calls: the transaction's type, and the names of its first arguments."""
_NEVER_MS = 4_102_444_800_000
_TAIL = 4
"""Skip the nonce check, nonce, key index, account index."""


class StandInLibrary(Library):
    """Signs with a keyed hash. The same key and transaction give the same signature."""

    def __init__(self) -> None:
        self._key = b""

    def register(self, private_key: str, chain_id: int, key_index: int, account_index: int) -> None:
        del chain_id, key_index, account_index
        self._key = bytes.fromhex(private_key.removeprefix("0x"))

    def signed(self, function: str, *arguments: int) -> RawTx:
        tx_type, names = _NAMES[function]
        skip_nonce, nonce, key_index, account_index = arguments[-_TAIL:]
        info: dict[str, object] = {
            "AccountIndex": account_index,
            "ApiKeyIndex": key_index,
            **dict(zip(names, arguments, strict=False)),
            "ExpiredAt": _NEVER_MS,
            "Nonce": nonce,
            "L2TxAttributes": {"4": 1} if skip_nonce else None,
        }
        text = json.dumps([tx_type, info], sort_keys=True)
        info["Sig"] = base64.b64encode(_signature(self._key, text)).decode()
        return RawTx(tx_type, json.dumps(info), hashlib.blake2b(text.encode(), digest_size=40).hexdigest())

    def token(self, deadline_s: int, key_index: int, account_index: int) -> str:
        text = f"{deadline_s}:{account_index}:{key_index}"
        return f"{text}:{_signature(self._key, text).hex()}"


def _signature(key: bytes, text: str) -> bytes:
    """80 bytes, as long as the venue's own."""
    first = hashlib.blake2b(text.encode(), key=key, digest_size=40).digest()
    return first + hashlib.blake2b(first, key=key, digest_size=40).digest()


def open_client(setup: ClientSetup) -> LighterClient:
    """As `exchanges.lighter.open_client`."""
    return open_native(setup, library=StandInLibrary())
