"""Reading Lighter's credentials. Each mistake is one line that says what to do; none shows any part of a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from exchanges.errors import Misconfigured
from exchanges.lighter.facts import FIRST_KEY_INDEX, LAST_KEY_INDEX

PRIVATE_KEY = "API_KEY_PRIVATE_KEY"
ACCOUNT_INDEX = "LIGHTER_ACCOUNT_INDEX"
KEY_INDEX = "LIGHTER_API_KEY_INDEX"

_NAMES = (PRIVATE_KEY, ACCOUNT_INDEX, KEY_INDEX)
_KEY_DIGITS = 80
_ETHEREUM_DIGITS = 64
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_GROUP_ORDER = 1067993516717146951041484916571792702745057740581727230159139685185762082554198619328292418486241
"""Of the curve ecGFp5: a private key is a number below it, little-endian."""
_HOW = "copy it again from the API keys page of the exchange"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One API key of one account. `private_key` is 80 hexadecimal digits, without 0x."""

    account_index: int
    key_index: int
    private_key: str = field(repr=False)


def read_credentials(value: Callable[[str], str | None]) -> Credentials:
    """Raises `Misconfigured`."""
    values = {name: value(name) or "" for name in _NAMES}
    missing = [name for name, text in values.items() if not text.strip()]
    if missing:
        raise Misconfigured(
            f"set {', '.join(missing)} in the env file (see env_example.txt); the keys come from the API keys page of "
            "the exchange; or use --rehearse"
        )
    account_index, key_index = _account_index(values[ACCOUNT_INDEX]), _key_index(values[KEY_INDEX])
    return Credentials(account_index, key_index, _private_key(values[PRIVATE_KEY]))


def _private_key(text: str) -> str:
    digits = text[2:] if text[:2].lower() == "0x" else text
    if _HEX.fullmatch(digits) is None:
        raise Misconfigured(f"{PRIVATE_KEY} is not hexadecimal; {_HOW}")
    if len(digits) == _ETHEREUM_DIGITS:
        raise Misconfigured(
            f"{PRIVATE_KEY} has the length of a wallet's private key, which this program never needs: "
            "put the API key of the exchange there, and keep the wallet's key out of the env file"
        )
    if len(digits) != _KEY_DIGITS:
        raise Misconfigured(f"{PRIVATE_KEY} has {len(digits)} hexadecimal digits instead of {_KEY_DIGITS}; {_HOW}")
    if not 0 < int.from_bytes(bytes.fromhex(digits), "little") < _GROUP_ORDER:
        raise Misconfigured(f"{PRIVATE_KEY} is no private key of the exchange's curve (a public key?); {_HOW}")
    return digits.lower()


def _account_index(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise Misconfigured(
            f"{ACCOUNT_INDEX} must be the account's number, which the exchange shows beside the API keys; "
            "it is no address and no key"
        )
    return int(text)


def _key_index(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or not FIRST_KEY_INDEX <= int(text) <= LAST_KEY_INDEX:
        raise Misconfigured(
            f"{KEY_INDEX} must be the number of an API key you made, {FIRST_KEY_INDEX} to {LAST_KEY_INDEX} "
            f"(is it swapped with {ACCOUNT_INDEX}?)"
        )
    return int(text)
