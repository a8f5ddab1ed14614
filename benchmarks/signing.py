"""What signing an order takes on each venue, and what signs: `python -m benchmarks.signing`.

From the decided order to its signature and what else a request must carry, as the clients do it; the median of many,
each of another order, and in seconds of the processor. Beside it, where the referees are installed (`make referees`),
the slower libraries that SDKs sign with, each in its environment.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.market import Side
from exchanges.aster import codec as aster_codec
from exchanges.aster import signing as aster
from exchanges.backpack import codec as backpack_codec
from exchanges.backpack import signing as backpack
from exchanges.base import OrderRequest
from exchanges.edgex import signing as edgex
from exchanges.errors import Misconfigured
from exchanges.lighter import signing as lighter
from exchanges.lighter.keys import Credentials
from exchanges.lighter.native import Library, find_library
from exchanges.paradex import signing as paradex

ROOT = Path(__file__).resolve().parents[1]
SDK_SIGNERS = ROOT / "benchmarks" / "hot_path" / "sdk_signers.py"
NOW_MS = 1_795_276_278_212
SEED = bytes(range(1, 33))
"""A throw-away key, for every curve here."""
Sign = Callable[[OrderRequest], object]


def order(number: int) -> OrderRequest:
    return OrderRequest(1_000 + number, Side.SELL, Decimal("0.1"), Decimal(3_000) + number, True, True)


def backpack_signer() -> tuple[str, Sign]:
    public = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    signer = backpack.Signer(_base64(public), _base64(SEED))

    def sign(request: OrderRequest) -> object:
        parameters = backpack_codec.order_parameters("ETH_USDC_PERP", request)
        return signer.headers(backpack.signing_line("orderExecute", parameters, NOW_MS, 5_000), NOW_MS, 5_000)

    return "Ed25519, cryptography", sign


def aster_signer() -> tuple[str, Sign]:
    owner = aster.address_of(PrivateKey(SEED))
    signer = aster.AgentSigner("0x" + "11" * 20, owner, SEED.hex(), 1666)
    return signer.backend, lambda request: signer.signed_text(
        aster_codec.order_parameters("ETHUSDT", request), NOW_MS * 1_000 + request.client_id
    )


def aster_old_signer() -> tuple[str, Sign]:
    signer = aster.ApiKeySigner("a" * 64, "b" * 64)
    return signer.backend, lambda request: signer.signed_text(
        aster_codec.order_parameters("ETHUSDT", request), NOW_MS
    )


def edgex_signer() -> tuple[str, Sign]:
    terms = edgex.SigningTerms(3_343, bytes(20), 30_000_002, 1_000, 10**9, 10**6, Decimal("0.0005"))
    orders, api = edgex.OrderSigner(SEED, 65_432), edgex.ApiSigner("key", "secret", "passphrase")

    def sign(request: OrderRequest) -> object:
        assert request.price is not None
        price, client_id = request.price, str(request.client_id)
        signed = orders.sign(terms, request.side, price, request.quantity, client_id, NOW_MS)
        body = {"price": str(price), "size": str(request.quantity), "l2Signature": signed.signature}
        return api.headers(NOW_MS, "POST", "/api/v2/private/order/createOrder", body)

    return f"EIP-712, {edgex.BACKEND}", sign


def paradex_signer() -> tuple[str, Sign]:
    signer = paradex.Signer(paradex.StarkKey(int.from_bytes(SEED)), 0x1234, "PRIVATE_SN_PARACLEAR_MAINNET")

    def sign(request: OrderRequest) -> object:
        assert request.price is not None
        hashed = paradex.order_hash(NOW_MS, "ETH-USD-PERP", "SELL", "LIMIT", request.quantity, request.price)
        return signer.sign(hashed)

    return f"STARK curve, {paradex.BACKEND}", sign


def lighter_signer() -> tuple[str, Sign]:
    """Raises `Misconfigured` where its library is not installed."""
    key = (SEED + bytes(8)).hex()
    signer = lighter.Signer(Library(find_library()), Credentials(65_432, 5, key), 304)

    def sign(request: OrderRequest) -> object:
        assert request.price is not None
        ticks, expiry_ms = int(request.price * 100), NOW_MS + 28 * 86_400_000
        created = lighter.CreateOrder(0, request.client_id, 1_000, ticks, True, 0, 2, True, expiry_ms)
        return signer.sign(created, request.client_id)

    return f"Schnorr on ecGFp5, {lighter.BACKEND}", sign


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def cost_us(sign: Sign, orders: int) -> float:
    """The median of processor time."""
    sign(order(0))
    took_ns = []
    for number in range(1, orders + 1):
        request = order(number)
        began_ns = time.process_time_ns()
        sign(request)
        took_ns.append(time.process_time_ns() - began_ns)
    return median(took_ns) / 1e3


def sdk_cost(venue: str, environment: str) -> tuple[str, float] | None:
    """What the SDK of a venue signs with, and microseconds; None where its environment is not installed."""
    python = ROOT / ".venv-referees" / environment / "bin" / "python"
    if not python.exists():
        return None
    said = subprocess.run([str(python), str(SDK_SIGNERS), venue], capture_output=True, text=True, check=True).stdout
    name, _, took_us = said.strip().rpartition(" ")
    return name, float(took_us)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=500, help="signed on each venue (default 500)")
    parser.add_argument("--alone", action="store_true", help="without the libraries of the SDKs beside it")
    options = parser.parse_args()
    venues = (
        ("backpack", backpack_signer, ""),
        ("aster", aster_signer, "edgex"),
        ("aster, older key", aster_old_signer, ""),
        ("edgex", edgex_signer, "edgex"),
        ("paradex", paradex_signer, "paradex"),
        ("lighter", lighter_signer, ""),
    )
    for venue, build, environment in venues:
        try:
            backend, sign = build()
        except Misconfigured as error:
            print(f"{venue}: {error}")
            continue
        ours_us = cost_us(sign, options.orders)
        print(f"{venue}: {ours_us:.0f} us an order ({backend})")
        theirs = None if options.alone or not environment else sdk_cost(venue, environment)
        if theirs is not None:
            name, theirs_us = theirs
            print(f"    {name}: {theirs_us:.0f} us, ratio {theirs_us / ours_us:.1f}")


if __name__ == "__main__":
    main()
