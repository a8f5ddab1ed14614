"""The keys of Paradex, read and checked. No message holds a key or a part of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from exchanges.errors import Misconfigured
from exchanges.paradex.facts import MAINNET, NETWORKS, Network
from exchanges.paradex.signing import CURVE_ORDER, FIELD_PRIME, StarkKey

L1_ADDRESS = "PARADEX_L1_ADDRESS"
L2_KEY = "PARADEX_L2_PRIVATE_KEY"
L2_ADDRESS = "PARADEX_L2_ADDRESS"
NETWORK = "PARADEX_NETWORK"
_HOW = "copy the Paradex private key again from the web app (wallet menu)"
_ADDRESS_DIGITS = 40
_FEWEST_KEY_DIGITS = 54
"""A key of fewer digits would be one of 2^36; what is this short lost its end."""
_MOST_KEY_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """`l2_address` None: the one that belongs to the key. A subkey signs for another address."""

    l1_address: str
    key: StarkKey = field(repr=False)
    l2_address: int | None
    network: Network


def read_keys(value: Callable[[str], str | None]) -> Keys:
    """Raises `Misconfigured` with one line that says what to do."""
    network = value(NETWORK) or MAINNET.name
    if network not in NETWORKS:
        raise Misconfigured(f"{NETWORK} must be {' or '.join(NETWORKS)}")
    l1_text, l2_text = _needed(value, L1_ADDRESS), _needed(value, L2_KEY)
    if _is_l1_address(l2_text) and _hex_digits(l1_text) and not _is_l1_address(l1_text):
        raise Misconfigured(f"{L1_ADDRESS} and {L2_KEY} are swapped")
    return Keys(_l1_address(l1_text), _private_key(l2_text), _l2_address(value(L2_ADDRESS)), NETWORKS[network])


def _needed(value: Callable[[str], str | None], name: str) -> str:
    text = value(name)
    if not text:
        raise Misconfigured(f"{name} is not set; put it into the env file (see env_example.txt), or use --rehearse")
    return text


def _hex_digits(text: str) -> str | None:
    """The digits of a hexadecimal number, its 0x left out; None for any other text."""
    match = re.fullmatch(r"(?:0[xX])?([0-9a-fA-F]+)", text, re.ASCII)
    return None if match is None else match[1]


def _is_l1_address(text: str) -> bool:
    digits = _hex_digits(text)
    return digits is not None and len(digits) == _ADDRESS_DIGITS


def _l1_address(text: str) -> str:
    if not _is_l1_address(text) or not text.startswith("0x"):
        raise Misconfigured(
            f"{L1_ADDRESS} must be the public address of the wallet: 0x and {_ADDRESS_DIGITS} hexadecimal digits; "
            "a private key never belongs there"
        )
    return text


def _private_key(text: str) -> StarkKey:
    digits = _hex_digits(text)
    if digits is None:
        raise Misconfigured(f"{L2_KEY} is not a hexadecimal number, so not a key of Paradex; {_HOW}")
    if len(digits) == _ADDRESS_DIGITS:
        raise Misconfigured(f"{L2_KEY} holds an address, not a private key; {_HOW}")
    if len(digits.lstrip("0")) < _FEWEST_KEY_DIGITS:
        raise Misconfigured(f"{L2_KEY} is cut short: it has {len(digits)} hexadecimal digits; {_HOW}")
    if len(digits) > _MOST_KEY_DIGITS:
        raise Misconfigured(f"{L2_KEY} is too long: it has {len(digits)} hexadecimal digits; {_HOW}")
    number = int(digits, 16)
    if number >= CURVE_ORDER:
        raise Misconfigured(
            f"{L2_KEY} is no key of the STARK curve; if it is the wallet's own (L1) key, remove it, as it is never "
            f"needed, and {_HOW}"
        )
    return StarkKey(number)


def _l2_address(text: str | None) -> int | None:
    if not text:
        return None
    digits = _hex_digits(text)
    number = 0 if digits is None else int(digits, 16)
    if digits is None or len(digits) <= _ADDRESS_DIGITS or not 0 < number < FIELD_PRIME:
        raise Misconfigured(
            f"{L2_ADDRESS} must be the Paradex address of the account that a subkey signs for (0x and up to 64 "
            "hexadecimal digits); leave it empty for the account's own key"
        )
    return number
