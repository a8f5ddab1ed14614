"""Backpack's signatures: equal to the official SDK's, byte for byte, and refused keys are named without being shown."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from exchanges.backpack.signing import Signer, batch_line, signing_line
from exchanges.errors import Misconfigured

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "backpack.json").read_text("utf-8"))
KEY = VECTORS["key"]
PUBLIC, SECRET = KEY["public_b64"], KEY["secret_b64"]


@pytest.fixture
def signer() -> Signer:
    return Signer(PUBLIC, SECRET)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: str(vector["name"]))
def test_a_line_and_its_signature_are_those_of_the_official_sdk(signer: Signer, vector: dict[str, Any]) -> None:
    batch = [vector["params"]] if "params" in vector else vector["body"]
    instruction = vector.get("instruction", "orderExecute")
    line = batch_line(instruction, batch, vector["timestamp_ms"], vector["window_ms"])
    if len(batch) == 1:
        assert line == signing_line(instruction, batch[0], vector["timestamp_ms"], vector["window_ms"])
    assert line == vector["signing_string"]
    assert signer.sign(line) == vector["signature_b64"]
    if "headers" in vector:
        assert dict(signer.headers(line, vector["timestamp_ms"], vector["window_ms"])) == vector["headers"]


def test_there_are_as_many_vectors_as_the_sheet_promises() -> None:
    assert len(VECTORS["vectors"]) == 7


def test_a_secret_of_seed_and_public_key_is_as_good() -> None:
    both = base64.b64encode(base64.b64decode(SECRET) + base64.b64decode(PUBLIC)).decode()
    assert Signer(PUBLIC, both).sign("a") == Signer(PUBLIC, SECRET).sign("a")


@pytest.mark.parametrize(
    "public, secret, said",
    [
        (SECRET, PUBLIC, "swapped"),
        (PUBLIC, PUBLIC, "no pair"),
        (PUBLIC, SECRET[:-4], "bytes instead of 32"),
        (PUBLIC[:-4], SECRET, "bytes instead of 32"),
        (PUBLIC, "not base64!", "not base64"),
        (PUBLIC, "0x" + "11" * 32, "not base64"),
        (PUBLIC, base64.b64encode(b"\x01" * 33).decode(), "33 bytes"),
    ],
)
def test_a_wrong_key_is_named_in_one_line_and_not_shown(public: str, secret: str, said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Signer(public, secret)
    text = str(refused.value)
    assert said in text
    assert "\n" not in text
    assert not any(value[:8] in text for value in (PUBLIC, SECRET))


def test_a_signer_does_not_show_its_key(signer: Signer) -> None:
    assert SECRET[:8] not in repr(signer)
