"""Bad credentials: each mistake is one clear line, which shows no part of any value."""

from __future__ import annotations

import pytest

from exchanges.edgex import KEYS, open_client
from exchanges.edgex.keys import read_credentials
from exchanges.errors import Misconfigured
from tests.support.edgex import GOOD_ENV, setup_with

SIGNER = GOOD_ENV["EDGEX_SIGNER_PRIVATE_KEY"]


def complaint(**changes: str | None) -> str:
    """What is said of the good keys with these changes; names without their EDGEX_."""
    env = GOOD_ENV | {f"EDGEX_{name}": value for name, value in changes.items()}
    with pytest.raises(Misconfigured) as raised:
        open_client(setup_with({name: value for name, value in env.items() if value is not None}))
    text = str(raised.value)
    assert "\n" not in text
    values = [value for name, value in env.items() if value and ("KEY" in name or "SECRET" in name or "PASS" in name)]
    for value in values:
        parts = [value[i : i + 8] for i in range(len(value) - 7)] or [value]
        assert not any(part in text for part in parts if len(part) == 8)
    return text


def test_good_keys_are_taken_with_and_without_0x() -> None:
    plain = read_credentials(GOOD_ENV.get)
    prefixed = read_credentials({**GOOD_ENV, "EDGEX_SIGNER_PRIVATE_KEY": f"0x{SIGNER}"}.get)
    assert plain.orders.address == prefixed.orders.address
    assert plain.account_id == 12345


def test_missing_keys_are_named_all_at_once() -> None:
    text = complaint(API_SECRET=None, SIGNER_PRIVATE_KEY=None)
    assert text.startswith("set EDGEX_API_SECRET, EDGEX_SIGNER_PRIVATE_KEY in the env file")


def test_with_only_the_old_key_it_is_told_where_the_new_ones_come_from() -> None:
    text = complaint(
        API_KEY=None, API_SECRET=None, API_PASSPHRASE=None, SIGNER_PRIVATE_KEY=None, STARK_PRIVATE_KEY="04" * 32
    )
    assert "EDGEX_STARK_PRIVATE_KEY is a key of the old V1" in text
    assert "API Management -> Perps V2 -> SDK Signer" in text


@pytest.mark.parametrize(
    "value, said",
    [
        (SIGNER[:-2], "has 62 hex digits instead of 64"),
        (SIGNER + "ab", "holds a public key"),
        ("0x" + "fc" * 20, "holds an address, which is public"),
        ("04" + "ab" * 64, "holds a public key"),
        ("ab" * 64, "holds a public key"),
        ("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=", "looks like base64"),
        ("1f0c2e8a-1111-2222-3333-444455556666", "looks like an API key"),
        ("00" * 32, "is no private key of the secp256k1 curve"),
        ("ff" * 32, "is no private key of the secp256k1 curve"),
        ("hello", "must be 64 hex digits"),
        (f" {SIGNER}", "holds spaces or line breaks"),
        (f'"{SIGNER}"', "holds quotation marks"),
        ("clé" * 3, "is no credential of this exchange"),
    ],
)
def test_a_wrong_signer_key_is_told_apart(value: str, said: str) -> None:
    text = complaint(SIGNER_PRIVATE_KEY=value)
    assert text.startswith("EDGEX_SIGNER_PRIVATE_KEY")
    assert said in text


@pytest.mark.parametrize("value", ["0xFCAd0B19bB29D4674531d6f115237E16AfCE377c", "abc", "-5", "1.0", "0", str(1 << 64)])
def test_a_wrong_account_id_is_said(value: str) -> None:
    assert complaint(ACCOUNT_ID=value).startswith("EDGEX_ACCOUNT_ID")


def test_one_value_in_two_places_is_said() -> None:
    assert "EDGEX_API_KEY and EDGEX_API_SECRET hold the same value" in complaint(API_SECRET=GOOD_ENV["EDGEX_API_KEY"])


@pytest.mark.parametrize("value", ["a b", "secret\n", "<your secret>", "x" * 300])
def test_a_broken_secret_is_said(value: str) -> None:
    assert complaint(API_SECRET=value).startswith("EDGEX_API_SECRET")


def test_there_is_no_test_network() -> None:
    assert "EDGEX_NETWORK must be mainnet" in complaint(NETWORK="testnet")


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("BASE_URL", "http://edgex-prod-v2.edgex.exchange", "only https leaves this machine"),
        ("BASE_URL", "htps://edgex-prod-v2.edgex.exchange", "must begin with https://"),
        ("BASE_URL", "https://example.org", "names a host that is not the exchange's"),
        ("BASE_URL", "https://pro.edgex.exchange", "names a host of the old V1"),
        ("WS_URL", "wss://quote.edgex.exchange", "names a host of the old V1"),
        ("WS_URL", "https://edgex-quote-prod-v2.edgex.exchange", "must begin with wss://"),
    ],
)
def test_a_wrong_address_is_said(name: str, value: str, said: str) -> None:
    assert said in complaint(**{name: value})


def test_every_secret_variable_is_marked_as_one() -> None:
    assert {key.name for key in KEYS if key.is_secret} == {
        "EDGEX_API_KEY",
        "EDGEX_API_SECRET",
        "EDGEX_API_PASSPHRASE",
        "EDGEX_SIGNER_PRIVATE_KEY",
        "EDGEX_STARK_PRIVATE_KEY",
    }
