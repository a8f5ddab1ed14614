"""What nobody could confirm about Paradex, as the twin plays it: each field is one unverified fact."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switches:
    """The defaults are the likelier readings of the protocol's sources; times in milliseconds."""

    placed_status: int = 201
    """The HTTP status of an order that was taken: 201 or 200."""
    error_status: int = 400
    """Of refusals for their content; a bad token is 401, an unknown order `unknown_order_status`."""
    unknown_order_status: int = 404
    cancel_status: int = 204
    """Of a cancel that was queued; its body is empty."""
    tells_new: bool = True
    """Whether the stream tells NEW before it tells what the engine decided."""
    engine_delay_ms: int = 3
    """From the answer of the API to the decision of the engine, for orders and for cancels."""
    fill_delay_ms: int = 0
    """How far the fills channel lags behind the orders channel; the two are independent."""
    history_delay_ms: int = 0
    """How long fills and ended orders take to reach the histories."""
    lists_new_orders: bool = False
    """Whether `GET /orders` holds orders that the engine has not looked at."""
    client_id_finds_closed: bool = True
    """Whether `/orders/by_client_id` finds ended orders."""
    fill_side_is_taker: bool = False
    """Whether a fill's `side` is the taker's instead of the account's."""
    reason_on_filled: bool = False
    """Whether filled orders carry a cancel reason, as the documentation allows."""
    trims_reduce_only: bool = True
    """Whether a resting reduce-only order shrinks with the position; otherwise it is closed whole."""
    flat_positions_are_listed: bool = True
    """Whether `/positions` keeps a CLOSED row of size 0."""
    position_size_is_signed: bool = True
    """Whether a short position's size has a minus sign in JSON."""
    orders_on_subscribe: bool = False
    """Whether a subscription to orders or positions is answered with those there are."""
    login_result_is_empty: bool = False
    """Whether the answer to a login on the socket names no node."""
    touch_on_subscribe: bool = False
    """Whether a subscription to the touch is answered with the touch at once."""
    account_is_binary: bool = True
    """Whether the account's channels are binary on a binary socket; on a text socket they are text in any case."""
    text_quotes: bool = False
    """Whether a text socket may still subscribe public channels."""
    newest_schema: int = 2
    """The newest version of the binary schema that is served; later ones are refused with 400."""
    replayed_order_is_refused: bool = True
    """Whether an order signed a second time in the same words and at the same millisecond is refused."""
    login_window_s: int = 300
    """How far a login's time may be off."""
