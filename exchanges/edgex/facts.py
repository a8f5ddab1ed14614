"""What is known of edgeX, in one place: addresses, limits, and what nobody could confirm.

Source: the venue's documentation of its second API generation (V2) as read in November 2026, its Python SDK 2.0.1, and
recorded answers. Each unconfirmed fact is a field of `Switches`: the client is written so that either reading is safe,
and the twin can be switched to the other one. `docs/exchanges/edgex.md` says the same for people.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = "edgex"
REST_URL = "https://edgex-prod-v2.edgex.exchange"
WS_URL = "wss://edgex-quote-prod-v2.edgex.exchange"
REST_HOSTS = ("edgex-prod-v2.edgex.exchange",)
WS_HOSTS = ("edgex-quote-prod-v2.edgex.exchange",)
OLD_HOSTS = ("pro.edgex.exchange", "quote.edgex.exchange", "testnet.edgex.exchange")
"""Hosts of the dead first generation. They still answer 200, with empty data."""

QUOTE_ASSET = "USDC"
CLIENT_ID_PREFIX = "tpg-"
"""What makes a client order id one of ours. The venue takes any text; it must be unique for ever."""

REQUESTS_PER_MINUTE = 60
RESERVE = 15
"""No limit is published; others live under 60 a minute, so no minute of ours holds more. The last ones are kept for
cancels and closes."""
ACTIVE_PAGE = 200
HISTORY_PAGE = 100
MOST_PAGES = 50
"""A listing longer than this is taken for one that never ends."""
IDS_PER_QUERY = 50
WRITTEN_WITHIN_MS = 60_000
"""The fill history is filtered by the time at which rows were written; trades are asked for from this long before."""

ORDER_LIFE_S = 22 * 86_400
"""From placing to `expireTime`; the signature lives eight days longer, as the venue demands."""
L2_EXTRA_MS = 8 * 86_400_000
RULES_FRESH_S = 60
"""The listing is large and changes rarely: asked for at most this often."""
MARKET_CAP = "0.02"
"""A market order is sent as an immediate limit order at most this far through the touch, as a fraction: the venue's own
market buys are signed for ten times the price."""
PING_EVERY_S = 10.0
SILENT_AFTER_S = 20.0
PRIVATE_SILENT_AFTER_S = 30.0
"""An idle account is rightly silent, but for the heartbeats of both sides."""
ORDER_SHOWN_WITHIN_S = 5.0
"""An order that was taken must show on the private stream this soon, or the stream is deaf."""
TRUSTED_VERSIONS = 20
"""After so many account versions in unbroken steps of one, a jump is a gap."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The unconfirmed facts, as the twin plays them."""

    has_book_ticker: bool = True
    """`bookTicker` is in the newer pages only; without it the touch comes from `depth`."""
    book_ticker_begins_with_snapshot: bool = True
    """Whether a subscription is answered with the present touch before anything changes."""
    depth_sizes_are_deltas: bool = False
    """Whether sizes of a depth change are added instead of put in place."""
    depth_levels_are_pairs: bool = False
    """Levels as `[price, size]` instead of objects."""
    quote_event_type: str = "quote-event"
    """Older pages say `payload`."""
    changed_word: str = "changed"
    """The `dataType` of a change, spelled in several ways."""
    versions_step_by_one: bool = True
    """Whether the account's version grows by exactly one per message."""
    versions_are_text: bool = False
    post_only_cancel_reason: str = "COULD_NOT_FILL"
    """Why a post-only order that would cross is cancelled."""
    reduce_only_is_trimmed: bool = False
    """Whether a reduce-only order too large for the position shrinks, instead of being cancelled."""
    tells_canceling: bool = True
    """Whether CANCELING is pushed before CANCELED."""
    cancel_map_is_by_client_id: bool = False
    """Whether a cancel by client id answers with client ids."""
    settles_twice: bool = True
    """Whether a second FILLED frame comes with the settlement."""
    settlement_delay_ms: int = 400
    """How long cumFill* and positions on the stream lag behind cumMatch*."""
    engine_delay_ms: int = 3
    """From accepting a request to acting on it."""
    history_delay_ms: int = 0
    """How long the fill history lags behind."""
    history_is_newest_first: bool = True
    rows_have_page_names: bool = False
    """Whether orders say filledSize and PARTIALLY_FILLED, and trades isMaker, as one page of the documents has it."""
    socket_needs_protocol: bool = False
    """Whether the private socket wants its login in the subprotocol too, as browsers have to send it."""
    stream_fills_name_contract: bool = False
    """Whether fills on the private stream carry their contract id."""
    keeps_flat_rows: bool = True
    """Whether a closed position stays listed with size 0."""
    bad_signature_code: str = "INVALID_SIGNATURE"
    bad_signature_status: int = 401
    bad_timestamp_code: str = "INVALID_TIMESTAMP"
    bad_timestamp_status: int = 400
    bad_l2_signature_code: str = "INVALID_L2_SIGNATURE"
    duplicate_client_id_code: str = "DUPLICATE_CLIENT_ORDER_ID"
    rules_code: str = "GATEWAY_PARAM_INVALID"
    """What an order off the tick or the step is refused with."""
    price_code: str = "INVALID_ORDER_PRICE"
    """What a price outside the band is refused with."""
    margin_code: str = "MARGIN_NOT_ENOUGH"
    margin_is_checked_first: bool = False
    """Whether missing margin refuses the order at once, instead of cancelling it later."""
    requests_per_minute: int = 60
    ticker_every_ms: int = 1_000
    """How often the ticker channel speaks."""
    ping_every_ms: int = 15_000
