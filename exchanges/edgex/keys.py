"""Reading edgeX's credentials. Each mistake is one line that says what to do; none shows any part of a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from exchanges.edgex.signing import ApiSigner, OrderSigner
from exchanges.errors import Misconfigured

ACCOUNT_ID = "EDGEX_ACCOUNT_ID"
API_KEY = "EDGEX_API_KEY"
API_SECRET = "EDGEX_API_SECRET"  # noqa: S105 - a name
API_PASSPHRASE = "EDGEX_API_PASSPHRASE"  # noqa: S105
SIGNER_KEY = "EDGEX_SIGNER_PRIVATE_KEY"
OLD_KEY = "EDGEX_STARK_PRIVATE_KEY"
NETWORK = "EDGEX_NETWORK"

_NAMES = (ACCOUNT_ID, API_KEY, API_SECRET, API_PASSPHRASE, SIGNER_KEY)
_WHERE = "API Management -> Perps V2 -> SDK Signer in the exchange's web app"
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{40,100}={0,2}", re.ASCII)
_ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both signers of one account."""

    account_id: int
    api: ApiSigner
    orders: OrderSigner


def read_credentials(value: Callable[[str], str | None]) -> Credentials:
    """Raises `Misconfigured`."""
    network = (value(NETWORK) or "mainnet").lower()
    if network != "mainnet":
        raise Misconfigured(f"{NETWORK} must be mainnet or left out: the exchange publishes no test network for V2")
    found = {name: value(name) or "" for name in _NAMES}
    missing = [name for name in _NAMES if not found[name]]
    if missing and value(OLD_KEY):
        raise Misconfigured(
            f"{OLD_KEY} is a key of the old V1, which the exchange has shut down; make V2 keys under {_WHERE} "
            f"and set {', '.join(missing)}"
        )
    if missing:
        raise Misconfigured(f"set {', '.join(missing)} in the env file; the keys come from {_WHERE}")
    for name in _NAMES:
        _check_text(name, found[name])
    _check_different(found)
    account_id = _account_id(found[ACCOUNT_ID])
    signer = _order_signer(found[SIGNER_KEY], account_id)
    return Credentials(account_id, ApiSigner(found[API_KEY], found[API_SECRET], found[API_PASSPHRASE]), signer)


def _check_text(name: str, text: str) -> None:
    if text != text.strip() or any(not character.isprintable() or character.isspace() for character in text):
        raise Misconfigured(f"{name} holds spaces or line breaks; copy it again, alone on its line")
    if not text.isascii() or len(text) > _LONGEST:
        raise Misconfigured(f"{name} is no credential of this exchange; copy it again from {_WHERE}")
    if text[0] in "'\"" or text[-1] in "'\"" or "<" in text:
        raise Misconfigured(f"{name} holds quotation marks or a placeholder; set it to the bare value")


def _check_different(found: dict[str, str]) -> None:
    """Two equal values mean that one was pasted into the wrong line."""
    for index, name in enumerate(_NAMES):
        for other in _NAMES[index + 1 :]:
            if found[name] == found[other]:
                raise Misconfigured(f"{name} and {other} hold the same value; one of them was pasted twice")


def _account_id(text: str) -> int:
    if not text.isdigit():
        hint = "; an address is no account id" if text.startswith("0x") else ""
        raise Misconfigured(f"{ACCOUNT_ID} is a number, shown on the API page of the exchange{hint}")
    number = int(text)
    if not 0 < number < 1 << 64:
        raise Misconfigured(f"{ACCOUNT_ID} is out of range; copy the number from the API page of the exchange")
    return number


def _order_signer(text: str, account_id: int) -> OrderSigner:
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if _HEX.fullmatch(digits) is None:
        if len(digits.split("-")) == 5 and len(digits) == 36:
            raise Misconfigured(f"{SIGNER_KEY} looks like an API key; it must be 64 hex digits")
        if _BASE64.fullmatch(digits) is not None:
            raise Misconfigured(f"{SIGNER_KEY} looks like base64, a key of another exchange; it must be 64 hex digits")
        raise Misconfigured(f"{SIGNER_KEY} must be 64 hex digits; copy it again from {_WHERE}")
    if len(digits) == 40:
        raise Misconfigured(f"{SIGNER_KEY} holds an address, which is public; it must be the signer's private key")
    if len(digits) in (66, 128, 130):
        raise Misconfigured(f"{SIGNER_KEY} holds a public key; it must be the signer's private key (64 hex digits)")
    if len(digits) != 64:
        raise Misconfigured(f"{SIGNER_KEY} has {len(digits)} hex digits instead of 64; copy it again, whole")
    if not 0 < int(digits, 16) < _ORDER_OF_CURVE:
        raise Misconfigured(f"{SIGNER_KEY} is no private key of the secp256k1 curve; copy it again from {_WHERE}")
    return OrderSigner(bytes.fromhex(digits), account_id)
