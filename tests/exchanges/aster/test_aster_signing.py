"""Aster's signatures, against vectors made by the official recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from exchanges.aster.signing import AgentSigner, ApiKeySigner, address_of, agent_text, message_digest, sign_digest
from exchanges.errors import Misconfigured

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "aster.json").read_text(encoding="utf-8")
)["vectors"]
V3 = [vector for vector in VECTORS if vector["api"] == "v3"]
V1 = [vector for vector in VECTORS if vector["api"] == "v1-legacy"]

USER = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
SIGNER = "0x1563915e194D8CfBA1943570603F7606A3115508"
KEY = "0x" + "22" * 32
USER_KEY = "0x" + "11" * 32


def named(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def bare(signature: str) -> str:
    return signature.lower().removeprefix("0x")


def test_there_are_vectors_of_both_families() -> None:
    assert (len(V3), len(V1)) == (9, 3)


@named(V3)
def test_a_wallet_signature_equals_the_vector(vector: dict[str, Any]) -> None:
    key = PrivateKey(bytes.fromhex(bare(vector["private_key"])))
    digest = message_digest(vector["msg"], 1666)
    assert sign_digest(key, digest) == bare(vector["signature"])
    assert address_of(key) == vector["signer"].lower()
    if "digest" in vector:
        assert digest.hex() == bare(vector["digest"])


@named([vector for vector in V3 if vector["name"].endswith("user_signer")])
def test_the_text_of_a_request_equals_the_vector(vector: dict[str, Any]) -> None:
    signer = AgentSigner(vector["user"], vector["signer"], vector["private_key"], 1666)
    text = agent_text(vector["params"], int(vector["nonce"]), vector["user"], vector["signer"])
    assert text == vector["msg"]
    expected = f"{vector['msg']}&signature={bare(vector['signature'])}"
    assert signer.signed_text(vector["params"], int(vector["nonce"])) == expected


@named(V1)
def test_an_api_key_signature_equals_the_vector(vector: dict[str, Any]) -> None:
    signer = ApiKeySigner(vector["api_key"], vector["secret"])
    assert signer.sign(vector["message"]) == vector["signature"]
    assert signer.headers == (("X-MBX-APIKEY", vector["api_key"]),)


def test_an_api_key_request_names_its_window_and_its_time() -> None:
    signer = ApiKeySigner("testapikey0123456789abcdef", "testsecret0123456789abcdef")
    text, _, signature = signer.signed_text({"symbol": "ETHUSDT"}, 1735689600000).rpartition("&signature=")
    assert text == "symbol=ETHUSDT&recvWindow=5000&timestamp=1735689600000"
    assert signature == signer.sign(text)


def test_the_testnet_signs_for_another_chain() -> None:
    assert message_digest("a=1", 1666) != message_digest("a=1", 714)


@given(st.text(max_size=40), st.integers(0, 1 << 60))
def test_the_signed_text_is_the_sent_text(value: str, nonce: int) -> None:
    signer = AgentSigner(USER, SIGNER, KEY, 1666)
    text, _, signature = signer.signed_text({"x": value}, nonce).rpartition("&signature=")
    assert text.isascii()
    assert signature == signer.sign(text)


@pytest.mark.parametrize(
    "user, signer, key, said",
    [
        (USER[:-1], SIGNER, KEY, "ASTER_USER must be the address of your main wallet: 0x and 40 hexadecimal digits"),
        ("0x" + USER[2:].swapcase(), SIGNER, KEY, "ASTER_USER has a typing error"),
        (USER_KEY, SIGNER, KEY, "ASTER_USER holds a private key"),
        (USER, KEY, KEY, "ASTER_SIGNER holds a private key"),
        (USER, "0x" + "z" * 40, KEY, "ASTER_SIGNER must be the address of the API wallet"),
        (USER, USER, USER_KEY, "ASTER_USER and ASTER_SIGNER are the same"),
        (SIGNER, USER, KEY, "belongs to the address in ASTER_USER"),
        (USER, SIGNER, USER_KEY, "belongs to the address in ASTER_USER"),
        (USER, SIGNER, "0x" + "33" * 32, "is not the key of the address in ASTER_SIGNER"),
        (USER, SIGNER, SIGNER, "ASTER_SIGNER_PRIVATE_KEY holds an address"),
        (USER, SIGNER, KEY[:-1], "has 63 hexadecimal digits instead of 64"),
        (USER, SIGNER, "c2VjcmV0LXNlZWQtb2YtMzItYnl0ZXMtaXMtaGVyZSE=", "is not hexadecimal"),
        (USER, SIGNER, "0x" + "ff" * 32, "is no key of the curve secp256k1"),
        (USER, SIGNER, "00" * 32, "is no key of the curve secp256k1"),
    ],
)
def test_wrong_keys_are_one_clear_line_that_shows_none(user: str, signer: str, key: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        AgentSigner(user, signer, key, 1666)
    line = str(caught.value)
    assert said in line
    assert "\n" not in line
    assert all(value[2:12].lower() not in line.lower() for value in (user, signer, key))


@pytest.mark.parametrize(
    "api_key, secret, said",
    [
        ("short", "testsecret0123456789abcdef", "ASTER_API_KEY is not what Aster's API page shows"),
        ("testapikey0123456789abcdef", "has a space in its middle", "ASTER_SECRET_KEY is not what"),
        ("testapikey0123456789abcdef", "testapikey0123456789abcdef", "are the same"),
    ],
)
def test_wrong_api_keys_are_one_clear_line_that_shows_none(api_key: str, secret: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        ApiKeySigner(api_key, secret)
    line = str(caught.value)
    assert said in line
    assert api_key not in line
    assert secret not in line


def test_older_keys_are_told_apart_without_showing_any_of_them() -> None:
    """Consent is given for an account: another key may be another account's."""
    keys = [letter * 64 for letter in "abc"]
    accounts = [ApiKeySigner(key, "s" * 64).account for key in keys]
    assert len(set(accounts)) == len(keys)
    assert ApiKeySigner(keys[0], "t" * 64).account == accounts[0]
    assert not any(key[:4] in account.removeprefix("of ASTER_API_KEY") for key in keys for account in accounts)


def test_signers_never_show_their_keys() -> None:
    shown = repr(AgentSigner(USER, SIGNER, KEY, 1666)) + repr(ApiKeySigner("testapikey01234567", "testsecret01234567"))
    assert shown == "AgentSigner([redacted])ApiKeySigner([redacted])"
    assert AgentSigner(USER, SIGNER, KEY, 1666).account == "0x19E7...ff2A"
