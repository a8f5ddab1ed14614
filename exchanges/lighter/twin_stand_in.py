"""Lighter's twin for simulated worlds: it checks keyed hashes in place of the venue's Schnorr signatures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from exchanges.lighter.twin import LighterTwin
from exchanges.lighter.twin_auth import Gate, Info, Verifies
from exchanges.rehearsal.setup import TwinSetup

_HALF = 40


class _HashVerifier:
    """`message`: the numbers of a text, as `_numbers` writes them."""

    def __init__(self, private_key: bytes) -> None:
        self._key = private_key
        self.public_key = hashlib.blake2b(b"public", key=private_key, digest_size=_HALF).digest()

    def is_signed(self, message: Sequence[int], signature: bytes) -> bool:
        first = hashlib.blake2b(bytes(message), key=self._key, digest_size=_HALF).digest()
        second = hashlib.blake2b(first, key=self._key, digest_size=_HALF).digest()
        return signature == first + second


class StandInGate(Gate):
    """See the module's text."""

    def _verifier_of(self, private_key: bytes) -> Verifies:
        return _HashVerifier(private_key)

    def _digest_of_tx(self, chain_id: int, tx_type: int, info: Info) -> list[int]:
        del chain_id
        signed = {name: value for name, value in info.items() if name != "Sig"}
        return list(json.dumps([tx_type, signed], sort_keys=True).encode())

    def _digest_of_text(self, text: str) -> list[int]:
        return list(text.encode())

    def _hash_of(self, message: Sequence[int]) -> str:
        return hashlib.blake2b(bytes(message), digest_size=_HALF).hexdigest()


class StandInTwin(LighterTwin):
    gate_type = StandInGate


def open_twin(setup: TwinSetup) -> StandInTwin:
    return StandInTwin(setup)
