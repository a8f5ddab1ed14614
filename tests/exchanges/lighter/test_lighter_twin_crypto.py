"""The twin's own hash and signature check, against everything the official SDK signed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from exchanges.lighter.twin_auth import tx_digest
from exchanges.lighter.twin_curve import GENERATOR, NEUTRAL, ORDER, Multiples, Verifier
from exchanges.lighter.twin_hash import digest, digest_bytes, elements_of

FILE = Path(__file__).resolve().parents[2] / "vectors" / "lighter.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SIGNED = [case for case in VECTORS["vectors"] if case.get("tx_info")]
TOKENS = [case["token"] for case in VECTORS["vectors"] if case.get("token")]
VERIFIER = Verifier(bytes.fromhex(VECTORS["private_key"].removeprefix("0x")))


def test_there_are_as_many_signed_vectors_as_the_sheet_says() -> None:
    assert (len(SIGNED), len(TOKENS)) == (24, 2)


def test_the_public_key_follows_from_the_private_one() -> None:
    assert VERIFIER.public_key.hex() == VECTORS["public_key"].removeprefix("0x")


def test_the_group_has_its_order() -> None:
    _, _, u, _ = Multiples(GENERATOR).times(ORDER)
    assert u == NEUTRAL[2]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in SIGNED])
def test_hash_and_signature_of_every_transaction_hold(case: dict[str, Any]) -> None:
    info = json.loads(case["tx_info"])
    message = tx_digest(case["chain_id"], case["tx_type"], info)
    assert b"".join(part.to_bytes(8, "little") for part in message).hex() == case["tx_hash"]
    signature = base64.b64decode(info["Sig"])
    assert VERIFIER.is_signed(message, signature)


def test_what_was_changed_after_signing_is_noticed() -> None:
    case = SIGNED[0]
    info = json.loads(case["tx_info"])
    signature = base64.b64decode(info["Sig"])
    for name in ("AccountIndex", "MarketIndex", "ClientOrderIndex", "BaseAmount", "Price", "IsAsk", "Nonce"):
        changed = tx_digest(304, 14, {**info, name: info[name] + 1})
        assert not VERIFIER.is_signed(changed, signature)
    assert not VERIFIER.is_signed(tx_digest(300, 14, info), signature)
    message = tx_digest(304, 14, info)
    assert not VERIFIER.is_signed(message, signature[::-1])
    assert not VERIFIER.is_signed(message, signature[:79])
    assert not VERIFIER.is_signed(message, b"\xff" * 80)
    other = Verifier((12345).to_bytes(40, "little"))
    assert not other.is_signed(message, signature)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_signed_over_its_text(token: str) -> None:
    text, _, signature = token.rpartition(":")
    assert VERIFIER.is_signed(digest(elements_of(text.encode())), bytes.fromhex(signature))
    assert not VERIFIER.is_signed(digest(elements_of(text[::-1].encode())), bytes.fromhex(signature))


def test_a_digest_has_forty_bytes() -> None:
    assert len(digest_bytes([1, 2, 3])) == 40
    assert digest_bytes([]) != digest_bytes([0])
