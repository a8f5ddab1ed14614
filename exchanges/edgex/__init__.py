"""edgeX perpetuals (API V2). Keys: API credentials and a signer key; see `docs/exchanges/edgex.md`."""

from __future__ import annotations

from exchanges.edgex import facts, keys
from exchanges.edgex.client import EdgexClient, Timing
from exchanges.errors import Misconfigured
from exchanges.transport.endpoints import endpoint
from exchanges.transport.setup import ClientSetup, EnvKey

__all__ = ["KEYS", "EdgexClient", "Timing", "open_client"]

_BASE_URL, _WS_URL, _EXTRA_HOST = "EDGEX_BASE_URL", "EDGEX_WS_URL", "EDGEX_EXTRA_HOST"
KEYS = (
    EnvKey(keys.ACCOUNT_ID, "the account's number, from the API page of edgeX"),
    EnvKey(keys.API_KEY, "the API key", is_secret=True),
    EnvKey(keys.API_SECRET, "the secret shown once beside it", is_secret=True),
    EnvKey(keys.API_PASSPHRASE, "the passphrase shown once beside it", is_secret=True),
    EnvKey(keys.SIGNER_KEY, "the SDK signer's private key, 64 hex digits (no wallet's key)", is_secret=True),
    EnvKey(keys.OLD_KEY, "of the old V1, no longer used: named only to say where V2 keys come from", is_secret=True),
    EnvKey(keys.NETWORK, "mainnet; the exchange publishes no test network for V2", "mainnet"),
    EnvKey(_BASE_URL, "where its REST API is", facts.REST_URL),
    EnvKey(_WS_URL, "where its streams are", facts.WS_URL),
    EnvKey(_EXTRA_HOST, "one more host name that these two addresses may have"),
)


def open_client(setup: ClientSetup, timing: Timing | None = None) -> EdgexClient:
    """Raises `Misconfigured` with one line that says what to do."""
    for name in (_BASE_URL, _WS_URL):
        if any(host in (setup.value(name) or "") for host in facts.OLD_HOSTS):
            raise Misconfigured(f"{name} names a host of the old V1, which the exchange has shut down; leave it out")
    base_url = endpoint(_BASE_URL, facts.REST_URL, facts.REST_HOSTS, setup.value, _EXTRA_HOST)
    ws_url = endpoint(_WS_URL, facts.WS_URL, facts.WS_HOSTS, setup.value, _EXTRA_HOST)
    credentials = keys.read_credentials(setup.value)
    http = setup.open_http(base_url)
    return EdgexClient(setup.ticker, credentials, http, setup.sockets, ws_url, setup.clock, setup.chance, timing)
