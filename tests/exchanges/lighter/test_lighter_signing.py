"""Every vector of the official SDK through our signer, and every way a key can be wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from exchanges.errors import Misconfigured, Refused
from exchanges.lighter import native
from exchanges.lighter.facts import NETWORKS
from exchanges.lighter.keys import Credentials, read_credentials
from exchanges.lighter.native import Library, find_library
from exchanges.lighter.signing import (
    CancelAll,
    CancelOrder,
    CreateOrder,
    ModifyOrder,
    Signer,
    Transaction,
    UpdateLeverage,
)

FILE = Path(__file__).resolve().parents[2] / "vectors" / "lighter.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
KEY = VECTORS["private_key"]
CASES = VECTORS["vectors"]
ACCOUNT, KEY_INDEX = 65432, 5
LIBRARY = Library(find_library())


def credentials() -> Credentials:
    return Credentials(ACCOUNT, KEY_INDEX, KEY.removeprefix("0x"))


def transaction(case: dict[str, Any]) -> Transaction:
    call = case["call"]
    name = case["name"]
    if "update_leverage" in name:
        return UpdateLeverage(call["market_index"], call["fraction"], call["margin_mode"])
    if "modify" in name:
        numbers = (call["market_index"], call["order_index"], call["base_amount"], call["price"])
        return ModifyOrder(*numbers, version=call.get("order_version", 0))
    if "cancel_all" in name:
        return CancelAll(call["time_in_force"], call["timestamp_ms"], call.get("cancel_all_market_index", 255))
    if "cancel" in name:
        return CancelOrder(call["market_index"], call["order_index"])
    return CreateOrder(
        market=call["market_index"],
        client_id=call["client_order_index"],
        base_amount=call["base_amount"],
        price=call["price"],
        is_ask=bool(call["is_ask"]),
        order_type=call["order_type"],
        time_in_force=call["time_in_force"],
        reduce_only=bool(call["reduce_only"]),
        order_expiry_ms=call["order_expiry"],
        trigger_price=call["trigger_price"],
    )


def signer(chain_id: int) -> Signer:
    return Signer(LIBRARY, credentials(), chain_id)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES if "tx_info" in case])
def test_our_signer_signs_what_the_official_sdk_signs(case: dict[str, Any]) -> None:
    ours = signer(case["chain_id"])
    skips = bool(case["call"].get("skip_nonce"))
    if case["error"] is not None:
        with pytest.raises(Refused) as refused:
            ours.sign(transaction(case), case["call"]["nonce"], skip_nonce=skips)
        assert str(refused.value) == f"the signer refuses: {case['error']}"
        return
    signed = ours.sign(transaction(case), case["call"]["nonce"], skip_nonce=skips)
    expected, told = json.loads(case["tx_info"]), json.loads(signed.tx_info)
    own = ("ExpiredAt", "Sig", "OrderExpiry") if case["call"].get("order_expiry") == -1 else ("ExpiredAt", "Sig")
    assert list(told) == list(expected)
    assert {name: told[name] for name in told if name not in own} == {
        name: expected[name] for name in expected if name not in own
    }
    assert (signed.tx_type, len(signed.tx_hash)) == (case["tx_type"], 80)


def test_every_vector_is_used() -> None:
    assert sum("tx_info" in case for case in CASES) == 30
    assert sum("token" in case for case in CASES) == 2
    assert len(CASES) == 32


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES if "token" in case])
def test_our_tokens_say_what_those_of_the_official_sdk_say(case: dict[str, Any]) -> None:
    deadline_s = case["call"]["deadline"] + case["call"]["timestamp"]
    token = signer(case["chain_id"]).token(deadline_s)
    text, _, signature = token.rpartition(":")
    assert text == case["token"].rpartition(":")[0]
    assert len(bytes.fromhex(signature)) == 80


class Substitute(Library):
    """A library that signs another order than it was asked to."""

    def __init__(self) -> None:
        super().__init__(find_library())

    def signed(self, function: str, *arguments: int) -> native.RawTx:
        return super().signed(function, arguments[0], arguments[1], arguments[2] * 10, *arguments[3:])


def test_an_order_that_differs_from_what_was_asked_is_never_handed_out() -> None:
    order = transaction(next(case for case in CASES if case["name"] == "create_limit_buy_post_only_304"))
    with pytest.raises(Refused, match="something else than was asked"):
        Signer(Substitute(), credentials(), 304).sign(order, 7)


def test_without_a_nonce_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match="nonce"):
        signer(304).sign(CancelOrder(0, 1), -1)


def test_a_signer_and_its_credentials_show_no_key() -> None:
    shown = repr(signer(304)) + repr(credentials())
    assert KEY[2:12] not in shown
    assert "Nonce" not in repr(signer(304).sign(CancelOrder(0, 1), 1))


def test_the_library_is_the_one_whose_hash_is_known() -> None:
    path = find_library()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in {known for _, known in native._LIBRARIES.values()}
    assert "lighter" not in sys.modules


def test_another_library_of_the_same_name_is_not_loaded(tmp_path: Path) -> None:
    package = tmp_path / "lighter"
    (package / "signers").mkdir(parents=True)
    (package / "__init__.py").touch()
    real = find_library()
    shutil.copy(real, package / "signers" / real.name)
    with (package / "signers" / real.name).open("ab") as file:
        file.write(b"!")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(Misconfigured, match=r"not the signer of lighter-sdk 1\.1\.8"):
            find_library()
    finally:
        sys.path.remove(str(tmp_path))


GOOD = {"API_KEY_PRIVATE_KEY": KEY, "LIGHTER_ACCOUNT_INDEX": "65432", "LIGHTER_API_KEY_INDEX": "5"}


def test_good_keys_are_read_with_and_without_their_prefix() -> None:
    expected = Credentials(65432, 5, KEY.removeprefix("0x"))
    assert read_credentials(GOOD.get) == expected
    assert read_credentials({**GOOD, "API_KEY_PRIVATE_KEY": KEY.removeprefix("0x").upper()}.get) == expected
    assert read_credentials({**GOOD, "API_KEY_PRIVATE_KEY": KEY.upper()}.get) == expected


BASE64 = "c2VjcmV0IG9mIGFub3RoZXIgdmVudWUsIHRoaXJ0eS10d28="


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"API_KEY_PRIVATE_KEY": ""}, "set API_KEY_PRIVATE_KEY in the env file"),
        (dict.fromkeys(GOOD, ""), "set API_KEY_PRIVATE_KEY, LIGHTER_ACCOUNT_INDEX, LIGHTER_API_KEY_INDEX in"),
        ({"API_KEY_PRIVATE_KEY": " "}, "set API_KEY_PRIVATE_KEY in the env file"),
        ({"API_KEY_PRIVATE_KEY": "\u0663" * 80}, "not hexadecimal"),
        ({"API_KEY_PRIVATE_KEY": "ff" * 40}, "no private key of the exchange's curve"),
        ({"API_KEY_PRIVATE_KEY": KEY[:-2]}, "78 hexadecimal digits instead of 80"),
        ({"API_KEY_PRIVATE_KEY": f"{KEY} "}, "not hexadecimal"),
        ({"API_KEY_PRIVATE_KEY": f"{KEY}\n"}, "not hexadecimal"),
        ({"API_KEY_PRIVATE_KEY": BASE64}, "not hexadecimal"),
        ({"API_KEY_PRIVATE_KEY": "0x" + "ab" * 32}, "keep the wallet's key out of the env file"),
        ({"API_KEY_PRIVATE_KEY": "0x" + "00" * 40}, "no private key of the exchange's curve"),
        ({"API_KEY_PRIVATE_KEY": VECTORS["public_key"]}, "a public key?"),
        ({"LIGHTER_ACCOUNT_INDEX": "0x52908400098527886E0F7030069857D2E4169EE7"}, "it is no address"),
        ({"LIGHTER_ACCOUNT_INDEX": "-1"}, "must be the account's number"),
        ({"LIGHTER_API_KEY_INDEX": "65432"}, "swapped with LIGHTER_ACCOUNT_INDEX"),
        ({"LIGHTER_API_KEY_INDEX": "255"}, "2 to 254"),
        ({"LIGHTER_API_KEY_INDEX": "1"}, "2 to 254"),
        ({"LIGHTER_API_KEY_INDEX": "five"}, "2 to 254"),
        ({"LIGHTER_API_KEY_INDEX": "\u0665"}, "2 to 254"),
    ],
)
def test_a_wrong_key_is_one_line_that_shows_nothing_of_it(changes: dict[str, str], message: str) -> None:
    values = {**GOOD, **changes}
    with pytest.raises(Misconfigured) as wrong:
        read_credentials(values.get)
    text = str(wrong.value)
    assert message in text
    assert "\n" not in text
    for value in values.values():
        assert len(value) < 8 or value[2:10] not in text


def test_the_networks_move_hosts_and_chain_together() -> None:
    assert {(name, network.host, network.chain_id) for name, network in NETWORKS.items()} == {
        ("mainnet", "mainnet.zklighter.elliot.ai", 304),
        ("testnet", "testnet.zklighter.elliot.ai", 300),
    }
    for network in NETWORKS.values():
        assert network.host in network.rest_url
        assert network.host in network.ws_url
