"""What is known of Backpack, in one place: addresses, words, limits, and what nobody could confirm.

Source: the venue's OpenAPI description and changelog as read in November 2026, checked against public clients. Each
unconfirmed fact is a field of `Switches`: the client is written so that either reading is safe, and the twin can be
switched to the other one. `docs/exchanges/backpack.md` says the same for people.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = "backpack"
REST_URL = "https://api.backpack.exchange"
WS_URL = "wss://ws.backpack.exchange"
REST_HOSTS = ("api.backpack.exchange",)
WS_HOSTS = ("ws.backpack.exchange",)

QUOTE_ASSET = "USDC"
WINDOW_MS = 5_000
"""How long a signed request is good for; signed with it."""
PAGE = 1_000
"""The longest page of the history endpoints."""
REQUESTS_PER_MINUTE = 2_000
"""All endpoints together; we use less, because other programs may share the key."""
USED_PER_MINUTE = 1_200


def symbol_of(ticker: str) -> str:
    """The perpetual of a base asset."""
    return f"{ticker}_{QUOTE_ASSET}_PERP"


@dataclass(frozen=True, slots=True)
class Switches:
    """The unconfirmed facts, as the twin plays them."""

    depth_is_ascending: bool = True
    """Both sides of a REST book sorted by rising price."""
    duplicate_client_id_code: str = "INVALID_CLIENT_REQUEST"
    """What a client id in use is refused with."""
    gone_order_status: int = 400
    """The HTTP status of a cancel whose order is not there: 400 as written, or 404 as for a query."""
    gone_order_code: str = "RESOURCE_NOT_FOUND"
    """Its code; some clients have met INVALID_ORDER."""
    bad_timestamp_code: str = "INVALID_CLIENT_REQUEST"
    """What a request outside its window is refused with."""
    reduce_only_expires: bool = True
    """Whether a reduce-only order with nothing to reduce is accepted and expires, instead of being refused at once."""
    position_numbers_are_text: bool = True
    """Whether the position stream writes numbers as text; otherwise as JSON numbers, as one page shows."""
    flat_position_is_404: bool = False
    """Whether asking for the position of one symbol without one answers 404 instead of an empty list."""
    cancel_is_asynchronous: bool = False
    """Whether a cancel answers 202 with an empty body, the outcome following on the stream."""
    post_only_expires: bool = False
    """Whether a post-only order that would cross is accepted and then expires, instead of being refused at once."""
    stream_carries_symbol: bool = True
    """Whether private messages name the stream with the symbol that was subscribed."""
    refused_subscription_is_silent: bool = True
    """Whether a subscription with a bad signature gets no error frame."""
    bad_signature_status: int = 400
    unknown_key_status: int = 401
    upper_expiry_reasons: bool = False
    """Whether the stream spells expiry reasons POST_ONLY_TAKER instead of PostOnlyTaker."""
    history_delay_ms: int = 300
    """How long the order history lags behind."""
    update_delay_ms: int = 0
    """How long the stream lags behind the matching."""
    history_is_newest_first: bool = True
    touch_on_subscribe: bool = True
    """Whether a subscription to the touch is answered with the touch at once, and not only with its next change."""
    mark_price_every_ms: int = 1_000
    """How often the mark price is streamed. It proves that the socket lives while the touch rests; were it rarer than
    the client's `silent_after_s`, a quiet market would look like a dead socket and be reconnected to."""
    most_open_orders: int = 1_000
    """Beyond it ORDER_LIMIT; the venue publishes no number."""
