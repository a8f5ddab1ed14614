"""Libraries that the venues' SDKs sign with, timed: run by `benchmarks.signing` in the environment of a referee.

Prints what signed, and the median of its processor time in microseconds. Only what costs is repeated here: the hashes
and the signature, with values of the right size.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from statistics import median

SEED = bytes(range(1, 33))
STARK_FELTS = 15
"""Pedersen hashes of an order and its frame, the domain's left out."""
TIMES = 15


def eth_account() -> tuple[str, Callable[[int], object]]:
    """Hashing and signing typed data with one field, as for EIP-712 orders; in plain Python without coincurve."""
    account = importlib.import_module("eth_account").Account.from_key(SEED)
    backend = type(importlib.import_module("eth_keys.backends").get_backend()).__name__
    domain = {"name": "Name", "version": "1", "chainId": 1, "verifyingContract": "0x" + "00" * 20}
    types = {"Message": [{"name": "msg", "type": "string"}]}
    return f"eth-account ({backend})", lambda n: account.sign_typed_data(domain, types, {"msg": f"price={n}" * 20})


def starknet_py() -> tuple[str, Callable[[int], object]]:
    utils = importlib.import_module("starknet_py.hash.utils")

    def sign(number: int) -> object:
        hashed = number
        for felt in range(STARK_FELTS):
            hashed = utils.pedersen_hash(hashed, felt)
        return utils.message_signature(hashed, int.from_bytes(SEED, "big"))

    return "starknet-py (crypto-cpp-py)", sign


def main() -> None:
    signers = {"aster": eth_account, "edgex": eth_account, "paradex": starknet_py}
    name, sign = signers[sys.argv[1]]()
    sign(0)
    took_ns = []
    for number in range(1, TIMES + 1):
        began_ns = time.process_time_ns()
        sign(number)
        took_ns.append(time.process_time_ns() - began_ns)
    print(f"{name} {median(took_ns) / 1e3:.1f}")


if __name__ == "__main__":
    main()
