"""What a refusal of Lighter lets the caller conclude. Pure.

Refusals come as HTTP 400 and, by the same envelope, as 200 with another code inside. A transaction that is refused in
the answer was never accepted; one that is accepted may still fail in execution, which is told elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from exchanges.decoding import Fields, parse_fields, shown
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused

OK = 200
BAD_NONCE = "bad_nonce"
BAD_TOKEN = "bad_token"  # noqa: S105 - a reason
UNKNOWN_ORDER = "unknown_order"
POST_ONLY_WOULD_CROSS = "post_only_would_cross"
INSUFFICIENT_MARGIN = "insufficient_margin"
REDUCE_ONLY = "reduce_only"

BAD_TOKEN_CODE = 20013
_DUPLICATE_CLIENT_ID_CODE = 21728
_REASONS = {
    BAD_TOKEN_CODE: BAD_TOKEN,
    21104: BAD_NONCE,
    21105: BAD_NONCE,
    21501: "invalid_order",
    21506: "too_many_pending",
    21507: INSUFFICIENT_MARGIN,
    21508: INSUFFICIENT_MARGIN,
    21600: UNKNOWN_ORDER,
    21601: "book_is_full",
    21605: "trading_paused",
    21700: UNKNOWN_ORDER,
    21701: "bad_quantity",
    21702: "bad_price",
    21706: "bad_quantity",
    21707: UNKNOWN_ORDER,
    21711: "bad_expiry",
    21717: "too_many_orders",
    21718: "too_many_orders",
    21719: "too_many_pending",
    21720: "too_many_pending",
    21727: "bad_client_id",
    21732: REDUCE_ONLY,
    21733: "bad_price",
    21734: "bad_price",
    21738: REDUCE_ONLY,
    21739: INSUFFICIENT_MARGIN,
    21740: REDUCE_ONLY,
    23000: "rate_limited",
    23001: "rate_limited",
    23002: "rate_limited",
    23003: "rate_limited",
}
RULES_REASONS = frozenset({"bad_quantity", "bad_price"})
"""Refusals after which the market's rules should be read again."""
_KEY_TROUBLE = {
    21100: "the exchange knows no such account; check LIGHTER_ACCOUNT_INDEX",
    21108: "the exchange does not know this API key; check LIGHTER_ACCOUNT_INDEX and LIGHTER_API_KEY_INDEX",
    21120: "the exchange rejects the signature; check that API_KEY_PRIVATE_KEY is the key of LIGHTER_API_KEY_INDEX, "
    "and LIGHTER_NETWORK",
    21149: "the exchange rejects the integrator of this order; this program sets none",
}


@dataclass(frozen=True, slots=True)
class VenueError:
    """`code` of the venue's list; `message` is its text, made safe to show."""

    code: int
    message: str


def envelope(body: bytes, where: str) -> Fields:
    """The fields of a success. Raises what a refusal means, and `DecodeError` for what is neither."""
    fields = parse_fields(body, where)
    code = fields.integer("code")
    if code != OK:
        raise refusal(VenueError(code, shown(fields.text_or("message", ""))))
    return fields


def refusal(error: VenueError) -> Exception:
    """What may be concluded from a code."""
    if error.code in _KEY_TROUBLE:
        return Misconfigured(_KEY_TROUBLE[error.code])
    if error.code == _DUPLICATE_CLIENT_ID_CODE:
        # An order of this id is there, and it may be the one meant: only asking by id tells.
        return OutcomeUnknown("the exchange has an order with this client id")
    reason = _REASONS.get(error.code, f"code_{error.code}")
    if reason == BAD_TOKEN:
        # The text of this refusal may quote the token.
        return Refused(reason, "the exchange finds the token wrong or too old")
    return Refused(reason, error.message or reason)
