"""Aster perpetuals. Keys: an API wallet, or an older API key; see `docs/exchanges/aster.md`."""

from __future__ import annotations

from exchanges.aster import facts
from exchanges.aster.client import AsterClient
from exchanges.aster.signing import AgentSigner, ApiKeySigner, Signer
from exchanges.aster.timing import Timing
from exchanges.errors import Misconfigured
from exchanges.transport.endpoints import endpoint
from exchanges.transport.setup import ClientSetup, EnvKey

__all__ = ["KEYS", "AsterClient", "Timing", "open_client"]

_MAINNET = facts.NETWORKS["mainnet"]
KEYS = (
    EnvKey("ASTER_USER", "the address of the main wallet that holds the account, 0x..."),
    EnvKey("ASTER_SIGNER", "the address of the API wallet made on Aster's API page, 0x..."),
    EnvKey("ASTER_SIGNER_PRIVATE_KEY", "the API wallet's private key, shown once; never the main wallet's", "", True),
    EnvKey("ASTER_API_KEY", "only for accounts without an API wallet: the older kind of API key", "", True),
    EnvKey("ASTER_SECRET_KEY", "the secret shown once beside it", "", True),
    EnvKey("ASTER_NETWORK", "mainnet or testnet", "mainnet"),
    EnvKey("ASTER_BASE_URL", "where its REST API is", _MAINNET.rest_url),
    EnvKey("ASTER_WS_URL", "where its streams are", _MAINNET.ws_url),
    EnvKey("ASTER_EXTRA_HOST", "one more host name that these two addresses may have"),
)
_WALLET = ("ASTER_USER", "ASTER_SIGNER", "ASTER_SIGNER_PRIVATE_KEY")
_API_KEY = ("ASTER_API_KEY", "ASTER_SECRET_KEY")


def open_client(setup: ClientSetup, timing: Timing | None = None) -> AsterClient:
    """Raises `Misconfigured` with one line that says what to do."""
    name = setup.value("ASTER_NETWORK") or "mainnet"
    network = facts.NETWORKS.get(name)
    if network is None:
        raise Misconfigured("ASTER_NETWORK must be mainnet or testnet")
    extra = "ASTER_EXTRA_HOST"
    base_url = endpoint("ASTER_BASE_URL", network.rest_url, network.rest_hosts, setup.value, extra)
    ws_url = endpoint("ASTER_WS_URL", network.ws_url, network.ws_hosts, setup.value, extra)
    return AsterClient(
        setup.ticker,
        _signer(setup, network.chain_id),
        setup.open_http(base_url),
        setup.sockets,
        ws_url,
        setup.clock,
        setup.chance,
        timing,
    )


def _signer(setup: ClientSetup, chain_id: int) -> Signer:
    """The API wallet; where none of its variables is set, the older API key."""
    values = {name: (setup.value(name) or "").strip() for name in (*_WALLET, *_API_KEY)}
    uses_api_key = not any(values[name] for name in _WALLET) and any(values[name] for name in _API_KEY)
    for name in _API_KEY if uses_api_key else _WALLET:
        if not values[name]:
            raise Misconfigured(f"{name} is not set; put it into the env file (see env_example.txt), or use --rehearse")
    if uses_api_key:
        return ApiKeySigner(values["ASTER_API_KEY"], values["ASTER_SECRET_KEY"])
    return AgentSigner(values["ASTER_USER"], values["ASTER_SIGNER"], values["ASTER_SIGNER_PRIVATE_KEY"], chain_id)
