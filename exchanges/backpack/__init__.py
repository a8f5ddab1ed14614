"""Backpack perpetuals. Keys: an Ed25519 pair from the exchange's API page; see `docs/exchanges/backpack.md`."""

from __future__ import annotations

from exchanges.backpack import facts
from exchanges.backpack.client import BackpackClient, Timing
from exchanges.backpack.signing import Signer
from exchanges.errors import Misconfigured
from exchanges.transport.endpoints import endpoint
from exchanges.transport.setup import ClientSetup, EnvKey

__all__ = ["KEYS", "BackpackClient", "Timing", "open_client"]

KEYS = (
    EnvKey("BACKPACK_PUBLIC_KEY", "the API key, base64, from the API page of Backpack"),
    EnvKey("BACKPACK_SECRET_KEY", "the secret shown once beside it, base64", is_secret=True),
    EnvKey("BACKPACK_NETWORK", "mainnet; no public testnet is known", "mainnet"),
    EnvKey("BACKPACK_BASE_URL", "where its REST API is", facts.REST_URL),
    EnvKey("BACKPACK_WS_URL", "where its streams are", facts.WS_URL),
    EnvKey("BACKPACK_EXTRA_HOST", "one more host name that these two addresses may have"),
)


def open_client(setup: ClientSetup, timing: Timing | None = None) -> BackpackClient:
    """Raises `Misconfigured` with one line that says what to do."""
    network = setup.value("BACKPACK_NETWORK") or "mainnet"
    if network != "mainnet":
        raise Misconfigured("BACKPACK_NETWORK can only be mainnet: no public testnet is known; rehearse instead")
    extra = "BACKPACK_EXTRA_HOST"
    base_url = endpoint("BACKPACK_BASE_URL", facts.REST_URL, facts.REST_HOSTS, setup.value, extra)
    ws_url = endpoint("BACKPACK_WS_URL", facts.WS_URL, facts.WS_HOSTS, setup.value, extra)
    signer = Signer(_needed(setup, "BACKPACK_PUBLIC_KEY"), _needed(setup, "BACKPACK_SECRET_KEY"))
    return BackpackClient(
        setup.ticker,
        signer,
        setup.open_http(base_url),
        setup.sockets,
        ws_url,
        setup.clock,
        setup.chance,
        timing,
    )


def _needed(setup: ClientSetup, name: str) -> str:
    value = setup.value(name)
    if not value:
        raise Misconfigured(f"{name} is not set; put it into the env file (see env_example.txt), or use --rehearse")
    return value
