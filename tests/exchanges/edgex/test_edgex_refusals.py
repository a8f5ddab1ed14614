"""What a failure of the venue lets the caller conclude, and what of its text is shown."""

from __future__ import annotations

import json

import pytest

from exchanges.decoding import DecodeError
from exchanges.edgex import codec
from exchanges.edgex.codec import Envelope
from exchanges.edgex.refusals import cancel_conclusion, conclusion
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused
from tests.support.edgex_frames import (
    success,
)


@pytest.mark.parametrize(
    "code, status, error, reason",
    [
        ("INVALID_API_KEY", 401, Misconfigured, ""),
        ("INVALID_SIGNATURE", 401, Misconfigured, ""),
        ("INVALID_L2_SIGNATURE", 200, Misconfigured, ""),
        ("INVALID_TIMESTAMP", 400, Refused, "bad_timestamp"),
        ("MARGIN_NOT_ENOUGH", 200, Refused, "insufficient_margin"),
        ("ACCOUNT_BALANCE_INSUFFICIENT", 200, Refused, "insufficient_margin"),
        ("DUPLICATE_CLIENT_ORDER_ID", 200, OutcomeUnknown, ""),
        ("CLIENT_ORDER_ID_EXIST", 200, OutcomeUnknown, ""),
        ("ORDER_NOT_FOUND", 200, Refused, "unknown_order"),
        ("GATEWAY_PARAM_INVALID", 200, Refused, "bad_parameter"),
        ("INVALID_ORDER_PRICE", 200, Refused, "bad_price"),
        ("INTERNAL_ERROR", 200, OutcomeUnknown, ""),
        ("SYSTEM_BUSY", 200, OutcomeUnknown, ""),
        ("TOO_MANY_REQUESTS", 200, Refused, "rate_limited"),
        ("TOO_MANY_OPEN_ORDERS", 200, Refused, "limit_reached"),
        ("NEVER_HEARD_OF", 200, OutcomeUnknown, ""),
        ("NEVER_HEARD_OF", 400, Refused, "never_heard_of"),
    ],
)
def test_a_code_lets_only_that_be_concluded_which_it_proves(
    code: str, status: int, error: type[Exception], reason: str
) -> None:
    concluded = conclusion(Envelope(code, None, "364c"), status)
    assert type(concluded) is error
    assert getattr(concluded, "reason", "") == reason
    assert "364c" in str(concluded)


def test_the_text_of_a_refusal_is_never_shown() -> None:
    body = {"code": "GATEWAY_PARAM_INVALID", "data": None, "msg": "secret k3mZQ7pWv2 is wrong", "traceId": "t"}
    envelope = codec.decode_envelope(json.dumps(body).encode())
    assert "k3mZ" not in f"{envelope!r} {conclusion(envelope, 200)!r}"


@pytest.mark.parametrize("code", ["", "bad key: k3mZQ7", "X" * 65, "a-b", 7, None])
def test_a_code_that_is_no_word_is_not_shown_but_an_error(code: object) -> None:
    with pytest.raises(DecodeError) as raised:
        codec.decode_envelope(json.dumps({"code": code, "data": None}).encode())
    assert "k3mZ" not in str(raised.value)


def test_a_trace_id_that_is_no_word_is_left_out() -> None:
    assert codec.decode_envelope(b'{"code":"X","data":null,"traceId":"secret is 7"}').trace_id == ""


@pytest.mark.parametrize(
    "results, reason",
    [
        ({"1": "SUCCESS"}, None),
        ({"1": "SUCCESS_ORDER_CANCELING"}, None),
        ({"1": "SUCCESS_ORDER_CANCELED"}, None),
        ({"1": "FAILED_ORDER_NOT_FOUND"}, "unknown_order"),
        ({"1": "FAILED_ORDER_FILLED"}, "order_has_ended"),
        ({}, "unknown_order"),
    ],
)
def test_a_cancel_says_success_and_hides_what_became_of_it(results: dict[str, str], reason: str | None) -> None:
    error = cancel_conclusion(codec.decode_cancel_word(success({"cancelResultMap": results})))
    assert getattr(error, "reason", None) == reason


def test_a_cancel_result_nobody_has_seen_proves_nothing() -> None:
    assert isinstance(cancel_conclusion("FAILED_ORDER_UNKNOWN_STATUS"), OutcomeUnknown)
    assert isinstance(cancel_conclusion("SUCCESS_PERHAPS"), OutcomeUnknown)
    with pytest.raises(DecodeError):
        codec.decode_cancel_word(success({"cancelResultMap": {"1": "SUCCESS", "2": "SUCCESS"}}))
