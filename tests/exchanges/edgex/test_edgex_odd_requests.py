"""Requests that no client should send are refused, and never bring the twin down."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.transport.messages import HttpRequest
from tests.support.edgex_twin import ASSET, ORDERS, bench, code_of

FILLS = f"{ORDERS}/getHistoryOrderFillTransactionPage"
FUNDING = "/api/v2/private/account/getPositionTransactionPage"
REFUSED = (400, "GATEWAY_PARAM_INVALID")
SUPERSCRIPT, ARABIC = "²", "٣"
"""Digits by Unicode, of which the first is no number at all."""


@pytest.mark.parametrize("path", [FILLS, FUNDING])
@pytest.mark.parametrize("since", ["soon", "-1", "1.5", SUPERSCRIPT, ARABIC])
def test_a_time_that_is_none_is_refused(path: str, since: str) -> None:
    parameters = {"filterTypeList": "SETTLE_FUNDING_FEE", "filterStartCreatedTimeInclusive": since}
    assert code_of(bench().request("GET", path, parameters)) == REFUSED


@pytest.mark.parametrize("size", ["0", "101", "x", SUPERSCRIPT, ARABIC])
def test_a_page_size_out_of_range_is_refused(size: str) -> None:
    assert code_of(bench().request("GET", FILLS, {"size": size})) == (400, "INVALID_GET_PAGE_SIZE")


@pytest.mark.parametrize("name", ["expireTime", "l2ExpireTime", "l2Nonce"])
@pytest.mark.parametrize("text", [SUPERSCRIPT, ARABIC, "", "-1"])
def test_a_number_of_an_order_that_is_none_is_refused(name: str, text: str) -> None:
    made = bench()
    assert code_of(made.request("POST", f"{ORDERS}/createOrder", {**made.order_body("a"), name: text})) == REFUSED


def test_a_leverage_that_is_no_number_is_refused() -> None:
    path = "/api/v2/private/account/updateLeverageSetting"
    body = {"contractId": bench().twin.contract_id, "leverage": SUPERSCRIPT}
    assert code_of(bench().request("POST", path, body)) == REFUSED


def test_a_timestamp_that_is_no_number_is_refused() -> None:
    made = bench()
    for text in (SUPERSCRIPT, "now", "9" * 5_000):
        assert code_of(made.request("GET", ASSET, headers={"X-edgeX-Timestamp": text})) == (400, "INVALID_TIMESTAMP")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_body_or_message_nested_too_deep_is_refused(opening: str) -> None:
    made = bench()
    socket_id = made.open_public()
    made.twin.socket_frame(socket_id, opening * 100_000)
    made.live()
    assert made.frames[socket_id][-1]["content"]["code"] == "INVALID_MESSAGE"
    request = HttpRequest("POST", f"{ORDERS}/createOrder", (), opening.encode() * 100_000)
    assert made.twin.request(request).status == 400


@given(st.binary(max_size=80))
def test_no_body_at_all_brings_the_twin_down(body: bytes) -> None:
    made = bench()
    status = made.twin.request(HttpRequest("POST", f"{ORDERS}/createOrder", (), body)).status
    assert status == 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "channel", "time"]), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(json.dumps)
    | st.sampled_from(["{", ""])
)
def test_no_message_at_all_brings_a_socket_down(text: str) -> None:
    made = bench()
    socket_id = made.twin.open_socket(HttpRequest("GET", "/api/v1/public/ws"))
    assert isinstance(socket_id, int)
    made.twin.socket_frame(socket_id, text)
    assert socket_id in made.twin.sockets
