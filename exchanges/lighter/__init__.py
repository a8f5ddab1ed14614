"""Lighter perpetuals. Keys: an API key and the two numbers beside it; see `docs/exchanges/lighter.md`."""

from __future__ import annotations

from exchanges.errors import Misconfigured
from exchanges.lighter import facts
from exchanges.lighter.client import LighterClient, Timing
from exchanges.lighter.keys import read_credentials
from exchanges.lighter.native import Library, find_library
from exchanges.lighter.signing import Signer
from exchanges.transport.endpoints import endpoint
from exchanges.transport.setup import ClientSetup, EnvKey

__all__ = ["KEYS", "LighterClient", "Timing", "open_client"]

_MAINNET = facts.NETWORKS["mainnet"]
KEYS = (
    EnvKey("API_KEY_PRIVATE_KEY", "the private key of a Lighter API key, 80 hexadecimal digits", is_secret=True),
    EnvKey("LIGHTER_ACCOUNT_INDEX", "the account's number, shown beside the API keys"),
    EnvKey("LIGHTER_API_KEY_INDEX", "the API key's number, 2 to 254"),
    EnvKey("LIGHTER_TIER", "standard (60 requests a minute) or premium, as the account is", "standard"),
    EnvKey("LIGHTER_NETWORK", "mainnet or testnet", "mainnet"),
    EnvKey("LIGHTER_BASE_URL", "where its REST API is", _MAINNET.rest_url),
    EnvKey("LIGHTER_WS_URL", "where its stream is", _MAINNET.ws_url),
    EnvKey("LIGHTER_EXTRA_HOST", "one more host name that these two addresses may have"),
)


def open_client(
    setup: ClientSetup, timing: Timing | None = None, library: Library | None = None
) -> LighterClient:
    """`library` None: the venue's native signer. Raises `Misconfigured` with one line that says what to do."""
    network = facts.NETWORKS.get(setup.value("LIGHTER_NETWORK") or "mainnet")
    if network is None:
        raise Misconfigured(f"LIGHTER_NETWORK must be one of {', '.join(facts.NETWORKS)}")
    tier = facts.TIERS.get(setup.value("LIGHTER_TIER") or "standard")
    if tier is None:
        raise Misconfigured(f"LIGHTER_TIER must be one of {', '.join(facts.TIERS)}")
    hosts, extra = (network.host,), "LIGHTER_EXTRA_HOST"
    base_url = endpoint("LIGHTER_BASE_URL", network.rest_url, hosts, setup.value, extra)
    ws_url = endpoint("LIGHTER_WS_URL", network.ws_url, hosts, setup.value, extra)
    credentials = read_credentials(setup.value)
    signer = Signer(library or Library(find_library()), credentials, network.chain_id)
    return LighterClient(
        setup.ticker,
        signer,
        credentials,
        tier,
        setup.open_http(base_url),
        setup.sockets,
        ws_url,
        setup.clock,
        setup.chance,
        setup.aside,
        timing,
    )
