"""What a failure of edgeX lets the caller conclude. Pure.

The venue publishes no list of codes, so they are told apart by the words in them. Only what proves non-acceptance is a
`Refused`; a code nobody has seen on an answer of status 200 proves nothing, and the order is asked for by its id.
"""

from __future__ import annotations

from exchanges.edgex.codec import Envelope
from exchanges.errors import ExchangeError, Misconfigured, OutcomeUnknown, Refused

BAD_TIMESTAMP = "bad_timestamp"
RULE_REASONS = ("off_tick", "off_step", "bad_price", "bad_quantity", "bad_parameter")
"""Refusals after which the market's rules are read again: they may have changed."""

_UNPROVEN = ("TIMEOUT", "TIMED_OUT", "INTERNAL", "SYSTEM", "BUSY", "UNKNOWN")
_REFUSED = {
    "MARGIN": "insufficient_margin",
    "INSUFFICIENT": "insufficient_margin",
    "BALANCE": "insufficient_margin",
    "REDUCE_ONLY": "reduce_only",
    "POST_ONLY": "post_only_would_cross",
    "NOT_FOUND": "unknown_order",
    "TOO_MANY_REQ": "rate_limited",
    "RATE_LIMIT": "rate_limited",
    "TOO_MANY": "limit_reached",
    "LIMIT": "limit_reached",
    "LIQUIDAT": "liquidation",
    "MAINTENANCE": "maintenance",
    "PRICE": "bad_price",
    "SIZE": "bad_quantity",
    "PARAM": "bad_parameter",
    "INVALID": "bad_parameter",
}


def conclusion(envelope: Envelope, status: int) -> ExchangeError:
    """For an answer whose code is not SUCCESS. `status` is that of HTTP."""
    code = envelope.code.upper()
    shown = f"the exchange answered {envelope.code} (trace {envelope.trace_id or 'not given'})"
    if "TIMESTAMP" in code:
        return Refused(BAD_TIMESTAMP, f"{shown}: it finds the time of the request too far off")
    if "L2_SIGN" in code:
        return Misconfigured(f"{shown}: check EDGEX_SIGNER_PRIVATE_KEY, which must belong to EDGEX_ACCOUNT_ID")
    if "SIGN" in code:
        return Misconfigured(f"{shown}: check EDGEX_API_SECRET, which must belong to EDGEX_API_KEY")
    if any(word in code for word in ("API_KEY", "PASSPHRASE", "UNAUTHORIZED", "FORBIDDEN", "PERMISSION")):
        return Misconfigured(f"{shown}: check EDGEX_API_KEY, EDGEX_API_PASSPHRASE and EDGEX_ACCOUNT_ID")
    if "DUPLICATE" in code or "EXIST" in code.replace("NOT_EXIST", ""):
        # An order of this id is there, and it may be the one meant: only asking by id tells.
        return OutcomeUnknown(f"{shown}: it has an order with this client id")
    if envelope.about_step:
        return Refused("off_step", shown)
    if envelope.about_tick:
        return Refused("off_tick", shown)
    if any(word in code for word in _UNPROVEN):
        return OutcomeUnknown(shown)
    reason = next((reason for word, reason in _REFUSED.items() if word in code), None)
    if reason is None and status < 400:
        return OutcomeUnknown(shown)
    return Refused(reason or code.lower(), shown)


def cancel_conclusion(word: str) -> ExchangeError | None:
    """For the word a cancel's result has for its order; None where the venue took it."""
    if word in ("SUCCESS", "SUCCESS_ORDER_CANCELING", "SUCCESS_ORDER_CANCELED"):
        return None
    if word in ("", "FAILED_ORDER_NOT_FOUND"):
        return Refused("unknown_order", "the exchange has no such order to cancel")
    if word == "FAILED_ORDER_FILLED":
        return Refused("order_has_ended", "the order is filled")
    return OutcomeUnknown("the exchange does not say what became of the order")
