"""Keys as venues give them: of an odd number of digits, and far too long ones by mistake."""

from __future__ import annotations

import base64

import pytest

from helpers.redaction import Redactor
from helpers.secret import Secret

ODD = "0x2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cf"
"""63 digits: a number without its leading zero."""


@pytest.mark.parametrize(
    "form",
    [
        ODD,
        ODD[2:],
        ODD[2:].upper(),
        str(int(ODD, 16)),
        ODD[2:].zfill(64),
        base64.b64encode(bytes.fromhex(ODD[2:].zfill(64))).decode(),
    ],
)
def test_a_key_of_an_odd_number_of_digits_is_hidden_in_every_form(form: str) -> None:
    redactor = Redactor([Secret(ODD)])
    said = redactor(f"before {form} after")
    assert form[:12] not in said
    assert said.startswith("before ")
    assert said.endswith(" after")


def test_a_key_is_hidden_without_its_leading_zeros_too() -> None:
    redactor = Redactor([Secret(f"0x{ODD[2:].zfill(64)}")])
    for form in (ODD, ODD[2:], ODD[2:].upper()):
        assert form[2:12] not in redactor(f"before {form} after")


@pytest.mark.parametrize("digit", ["a", "7", "x"])
def test_a_secret_of_any_length_can_be_hidden(digit: str) -> None:
    redactor = Redactor([Secret(digit * 5_000)])
    assert digit * 20 not in redactor(f"before {digit * 5_000} after")
