"""Paradex perpetuals. Keys: the account's Starknet key from the web app; see `docs/exchanges/paradex.md`."""

from __future__ import annotations

from exchanges.paradex.client import ParadexClient, Timing
from exchanges.paradex.facts import MAINNET, OFFICIAL_HOSTS
from exchanges.paradex.keys import L1_ADDRESS, L2_ADDRESS, L2_KEY, NETWORK, read_keys
from exchanges.transport.endpoints import endpoint
from exchanges.transport.setup import ClientSetup, EnvKey

__all__ = ["KEYS", "ParadexClient", "Timing", "open_client"]

KEYS = (
    EnvKey(L1_ADDRESS, "the public address of the wallet the Paradex account was opened with"),
    EnvKey(L2_KEY, "the Paradex (Starknet) private key from the web app; never the wallet's own", is_secret=True),
    EnvKey(L2_ADDRESS, "only for a subkey: the Paradex address of the account it signs for"),
    EnvKey(NETWORK, "mainnet or testnet", MAINNET.name),
    EnvKey("PARADEX_BASE_URL", "where its REST API is", MAINNET.rest_url),
    EnvKey("PARADEX_WS_URL", "where its streams are", MAINNET.ws_url),
    EnvKey("PARADEX_EXTRA_HOST", "one more host name that these two addresses may have"),
)


def open_client(setup: ClientSetup, timing: Timing | None = None) -> ParadexClient:
    """Raises `Misconfigured` with one line that says what to do."""
    keys = read_keys(setup.value)
    network, hosts, extra = keys.network, OFFICIAL_HOSTS[keys.network.name], "PARADEX_EXTRA_HOST"
    base_url = endpoint("PARADEX_BASE_URL", network.rest_url, hosts, setup.value, extra)
    ws_url = endpoint("PARADEX_WS_URL", network.ws_url, hosts, setup.value, extra)
    return ParadexClient(
        setup.ticker,
        keys,
        setup.open_http(base_url),
        setup.sockets,
        ws_url,
        setup.clock,
        setup.chance,
        timing,
    )
