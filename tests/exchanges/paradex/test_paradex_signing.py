"""Our hashes and signatures against the vectors that the official SDK made."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import fast_stark_crypto
import pytest
from Crypto.Hash import keccak

from exchanges.paradex import signing

VECTORS_FILE = Path(__file__).parents[2] / "vectors" / "paradex.json"
VECTORS: dict[str, Any] = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))

TYPES = {
    "StarkNetDomain": (signing._DOMAIN_TYPE, "StarkNetDomain(name:felt,chainId:felt,version:felt)"),
    "Order": (
        signing._ORDER_TYPE,
        "Order(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt)",
    ),
    "ModifyOrder": (
        signing._MODIFY_TYPE,
        "ModifyOrder(timestamp:felt,market:felt,side:felt,orderType:felt,size:felt,price:felt,id:felt)",
    ),
    "Request": (
        signing._REQUEST_TYPE,
        "Request(method:felt,path:felt,body:felt,timestamp:felt,expiration:felt)",
    ),
    "Constant": (signing._CONSTANT_TYPE, "Constant(action:felt)"),
}


def struct_hash(vector: dict[str, Any]) -> int:
    """What our functions make of a vector's input."""
    given, kind = vector["input"], vector["name"].split("_")[0]
    if kind == "auth":
        return signing.login_hash(given["timestamp"], given["expiration"])
    if kind == "onboarding":
        return signing.onboarding_hash()
    order = (
        given["signature_timestamp"],
        given["market"],
        given["side"],
        given["type"],
        Decimal(given["size"]),
        Decimal(given["price"]),
    )
    return signing.modify_hash(*order, given["id"]) if "id" in given else signing.order_hash(*order)


def test_all_twelve_vectors_are_there() -> None:
    assert len({vector["name"] for vector in VECTORS["vectors"]}) == 12


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_a_vector_hashes_and_verifies_as_the_sdk_does(vector: dict[str, Any]) -> None:
    key = signing.StarkKey(int(vector["private_key"], 16))
    signer = signing.Signer(key, int(vector["account_address"], 16), vector["chain_id"])
    hashed = signing.message_hash(signer.chain_id, signer.account, struct_hash(vector))
    assert (key.public, hashed) == (int(vector["public_key"], 16), int(vector["message_hash"], 16))
    assert signer.sign(struct_hash(vector)) == vector["signature_fast_stark_crypto"]
    for signature in (vector["signature_sdk"], vector["signature_fast_stark_crypto"]):
        r, s = (int(number) for number in json.loads(signature))
        assert fast_stark_crypto.verify(key.public, hashed, r, s)


@pytest.mark.parametrize("name", TYPES)
def test_a_type_hash_is_the_starknet_keccak_of_its_text(name: str) -> None:
    constant, text = TYPES[name]
    digest = keccak.new(digest_bits=256, data=text.encode()).digest()
    assert constant == int.from_bytes(digest) & (2**250 - 1) == int(VECTORS["type_hashes"][name], 16)


def test_the_address_of_a_public_key_is_derived_as_the_venue_does() -> None:
    given = VECTORS["l2_address_derivation"]
    derived = signing.account_address(
        int(given["public_key"], 16), int(given["class_hash_account"], 16), int(given["class_hash_proxy"], 16)
    )
    assert derived == int(given["expected_address"], 16)


def test_a_chain_id_hashes_as_its_text() -> None:
    for vector in VECTORS["vectors"]:
        assert signing.text_felt(vector["chain_id"]) == int(vector["chain_id_felt_hex"], 16)


@pytest.mark.parametrize("value", ["0.000000001", "-1"])
def test_what_cannot_be_signed_exactly_is_not_signed(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be signed"):
        signing.scaled(Decimal(value))


@pytest.mark.parametrize("number", [0, -1, signing.CURVE_ORDER, 2**256])
def test_a_number_off_the_curve_is_no_key(number: int) -> None:
    with pytest.raises(ValueError, match="no private key"):
        signing.StarkKey(number)


def test_a_key_does_not_show_itself() -> None:
    secret = int(VECTORS["vectors"][0]["private_key"], 16)
    signer = signing.Signer(signing.StarkKey(secret), 1, "X")
    assert str(secret) not in repr(signer) + str(signer)
    assert f"{secret:x}" not in repr(signer)
