"""Keys that cannot be right are named in one line that says what to do, and are never shown."""

from __future__ import annotations

import pytest

from exchanges.errors import Misconfigured
from exchanges.paradex.facts import MAINNET, TESTNET
from exchanges.paradex.keys import Keys, read_keys
from exchanges.paradex.signing import CURVE_ORDER, StarkKey

L1 = "0x52908400098527886E0F7030069857D2E4169EE7"
KEY = "0x2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cf"
L2 = "0x4ce3e1804603ba6056c59da2f6e5bbf84edf2d6177a86f9c734caa06663edf7"
GOOD = {"PARADEX_L1_ADDRESS": L1, "PARADEX_L2_PRIVATE_KEY": KEY}


def read(**changes: str) -> Keys:
    return read_keys({**GOOD, **changes}.get)


def test_good_keys_are_read() -> None:
    assert read() == Keys(L1, StarkKey(int(KEY, 16)), None, MAINNET)
    assert read(PARADEX_NETWORK="testnet", PARADEX_L2_ADDRESS=L2) == Keys(
        L1, StarkKey(int(KEY, 16)), int(L2, 16), TESTNET
    )
    assert read(PARADEX_L2_PRIVATE_KEY=KEY[2:]).key == StarkKey(int(KEY, 16))


BAD = [
    ({"PARADEX_L1_ADDRESS": ""}, "PARADEX_L1_ADDRESS is not set"),
    ({"PARADEX_L2_PRIVATE_KEY": ""}, "PARADEX_L2_PRIVATE_KEY is not set"),
    ({"PARADEX_L1_ADDRESS": KEY, "PARADEX_L2_PRIVATE_KEY": L1}, "are swapped"),
    ({"PARADEX_L1_ADDRESS": KEY}, "public address of the wallet"),
    ({"PARADEX_L1_ADDRESS": L1[:-2]}, "public address of the wallet"),
    ({"PARADEX_L1_ADDRESS": L1[2:]}, "public address of the wallet"),
    ({"PARADEX_L2_PRIVATE_KEY": L1}, "holds an address"),
    ({"PARADEX_L2_PRIVATE_KEY": KEY[:-20]}, "cut short"),
    ({"PARADEX_L2_PRIVATE_KEY": "0x"}, "not a hexadecimal number"),
    ({"PARADEX_L2_PRIVATE_KEY": KEY + "00ff"}, "too long"),
    ({"PARADEX_L2_PRIVATE_KEY": f"{CURVE_ORDER:#x}"}, "no key of the STARK curve"),
    ({"PARADEX_L2_PRIVATE_KEY": "0x" + "f" * 64}, "no key of the STARK curve"),
    # A secret of another exchange: 32 bytes in base64.
    ({"PARADEX_L2_PRIVATE_KEY": "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="}, "not a hexadecimal number"),
    ({"PARADEX_NETWORK": "mainet"}, "mainnet or testnet"),
    ({"PARADEX_L2_ADDRESS": L1}, "a subkey signs for"),
    ({"PARADEX_L2_ADDRESS": "0x" + "f" * 64}, "a subkey signs for"),
]


@pytest.mark.parametrize("changes, words", BAD)
def test_keys_that_cannot_be_right_are_refused_in_one_line(changes: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as refused:
        read(**changes)
    text = str(refused.value)
    assert "\n" not in text
    for value in changes.values():
        assert len(value) < 10 or value[:10] not in text


def test_keys_do_not_show_the_private_one() -> None:
    assert KEY[2:12] not in repr(read())
    assert str(int(KEY, 16))[:12] not in repr(read())
