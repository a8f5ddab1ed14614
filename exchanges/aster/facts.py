"""What is known of Aster's perpetuals, in one place: addresses, limits, and what nobody could confirm.

Source: the venue's public API documents (the wallet-signed family "V3" and the older "V1") and public clients, as read
in November 2026. Each unconfirmed fact is a field of `Switches`: the client is written so that either reading is safe,
and the twin can be switched to the other one. `docs/exchanges/aster.md` says the same for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAME = "aster"
QUOTE_ASSET = "USDT"
"""Preferred where a base asset is listed against several."""


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses and the chain id that signatures name: they move together."""

    rest_url: str
    ws_url: str
    rest_hosts: tuple[str, ...]
    ws_hosts: tuple[str, ...]
    chain_id: int


NETWORKS: Mapping[str, Network] = {
    "mainnet": Network(
        rest_url="https://fapi.asterdex.com",
        ws_url="wss://fstream.asterdex.com",
        rest_hosts=("fapi.asterdex.com", "fapi3.asterdex.com"),
        ws_hosts=("fstream.asterdex.com",),
        chain_id=1666,
    ),
    "testnet": Network(
        rest_url="https://fapi.asterdex-testnet.com",
        ws_url="wss://fstream.asterdex-testnet.com",
        rest_hosts=("fapi.asterdex-testnet.com",),
        ws_hosts=("fstream.asterdex-testnet.com", "fstream5.asterdex-testnet.com"),
        chain_id=714,
    ),
}

WEIGHT_PER_MINUTE = 2_400
"""Of all requests from one address; the venue may state another number, which then counts."""
ORDERS_PER_MINUTE = 1_200
USED_SHARE = 2
"""One part in so many of a limit is used: other programs may share the address and the account."""
RECEIVE_WINDOW_MS = 5_000
"""V1 only: how long a signed request is good for."""
PAGE = 1_000
"""The longest page of a history."""
HISTORY_SPAN_MS = 7 * 86_400_000
"""The longest stretch of time that one request for a history may name."""
HISTORY_MS = 90 * 86_400_000
"""How far back trades are asked for when nothing is known."""
LISTEN_KEY_RENEW_S = 1_800.0
"""A listen key lives 60 minutes; renewing at half of that survives a failed attempt."""
CONNECTION_LIFE_S = 23.5 * 3_600
"""The venue cuts every connection at 24 hours."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The unconfirmed facts, as the twin plays them."""

    result_tells_crossing: bool = True
    """Whether a post-only order that would cross answers EXPIRED at once when RESULT is asked for. Otherwise it answers
    NEW, and EXPIRED follows on the stream."""
    crossing_delay_ms: int = 20
    """How long after NEW the EXPIRED of such an order comes, where it does."""
    crossing_is_refused: bool = False
    """Whether such an order is refused with -5022 instead, as on a related exchange."""
    duplicate_client_id_code: int = -4116
    """What a client id in use is refused with."""
    excess_reduce_only_is_trimmed: bool = False
    """Whether a reduce-only order larger than what is left to close is trimmed instead of being refused with -2022."""
    stream_fee_is_negative: bool = False
    """Whether the stream writes a fee that was paid as a negative number, as the trade history does."""
    signature_error_code: int = -1022
    """What a wrong signature is refused with; -1000 was seen as well."""
    unknown_signer_code: int = -1000
    """What an API wallet that the account has not approved is refused with."""
    bad_key_status: int = 401
    """The HTTP status of a refused API key of the older kind; the codes are -2014 and -2015."""
    user_may_be_omitted: bool = True
    """Whether a request signed without `user` is taken, as one of the venue's examples does."""
    unknown_listen_key_is_deaf: bool = True
    """Whether a socket with a listen key that does not exist opens and stays silent, instead of being refused."""
    trades_are_newest_first: bool = False
    """Whether a page of trades that is too long leaves out the oldest instead of the newest."""
    shrunk_reduce_only_expires: bool = True
    """Whether a resting reduce-only order that the position no longer needs whole expires instead of being shrunk."""
    touch_on_subscribe: bool = False
    """Whether the touch stream begins with the touch as it is, instead of with its next change."""
    most_open_orders: int = 200
    """Resting orders in one market."""
    messages_overtake: bool = False
    """Whether messages of the private stream arrive out of order, which the venue's documents say they may."""
    update_delay_ms: int = 0
    """How long the private stream lags behind the matching."""
