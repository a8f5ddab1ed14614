"""The twin refuses what the venue refuses, says what it says, and in its order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.market import Side
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin_auth import recovered_address, typed_digest
from exchanges.transport.messages import HttpRequest, HttpResponse
from markets.account import AccountTerms
from tests.support.edgex_twin import ASSET, FILLED, ORDERS, D, bench, code_of, held

# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers, skew_ms, refusal",
    [
        ({"X-edgeX-Signature": ""}, 0, (400, "GATEWAY_HEADER_REQUIRED")),
        ({"X-edgeX-Api-Key": "somebody"}, 0, (401, "INVALID_API_KEY")),
        ({"X-edgeX-Passphrase": "wrong"}, 0, (401, "INVALID_API_KEY")),
        ({"X-edgeX-Signature": "00" * 32}, 0, (401, "INVALID_SIGNATURE")),
        ({"X-edgeX-Timestamp": "1"}, 0, (400, "INVALID_TIMESTAMP")),
        ({}, 60_001, (400, "INVALID_TIMESTAMP")),
        ({}, -60_001, (400, "INVALID_TIMESTAMP")),
        ({}, 59_000, (200, "SUCCESS")),
        ({"accountId": "x"}, 0, (200, "SUCCESS")),
    ],
)
def test_a_request_is_served_only_with_its_own_fresh_signature(
    headers: dict[str, str], skew_ms: int, refusal: tuple[int, str]
) -> None:
    assert code_of(bench().request("GET", ASSET, skew_ms=skew_ms, headers=headers)) == refusal


def test_a_body_that_is_not_the_signed_one_is_refused() -> None:
    made = bench()
    signed = made.api.headers(made.twin.now_ms, "POST", f"{ORDERS}/cancelOrderById", {"accountId": made.account_id})
    body = json.dumps({"accountId": made.account_id, "orderIdList": ["1"]}).encode()
    response = made.twin.request(HttpRequest("POST", f"{ORDERS}/cancelOrderById", signed, body))
    assert (response.status, json.loads(response.body)["code"]) == (401, "INVALID_SIGNATURE")


def test_another_account_is_refused() -> None:
    assert code_of(bench().request("GET", ASSET, {"accountId": "1"})) == (400, "GATEWAY_PARAM_INVALID")


@pytest.mark.parametrize("path", ["/api/v2/public/nothing", "/api/v1/public/meta/getMetaData"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert bench().request("GET", path)[0] == 404


def test_a_socket_of_somebody_else_is_refused() -> None:
    made = bench()
    query = f"accountId={made.account_id}&timestamp={made.twin.now_ms}"
    refused = made.twin.open_socket(HttpRequest("GET", f"/api/v1/private/ws?{query}"))
    assert isinstance(refused, HttpResponse)
    assert refused.status == 400
    unknown = made.twin.open_socket(HttpRequest("GET", "/"))
    assert isinstance(unknown, HttpResponse)
    assert unknown.status == 404


def test_more_than_the_limit_is_429_until_a_minute_has_passed() -> None:
    made = bench(switches=Switches(requests_per_minute=3))
    statuses = [made.twin.request(HttpRequest("GET", "/api/v2/public/meta/getServerTime")).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    made.live(61)
    assert made.request("GET", "/api/v2/public/meta/getServerTime")[0] == 200


# --- what an order must be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, refusal",
    [
        ({"contractId": "30000001"}, (400, "INVALID_CONTRACT_ID")),
        ({"side": "BID"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"type": "STOP_LIMIT"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"timeInForce": "FILL_OR_KILL"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"clientOrderId": "x" * 33}, (400, "GATEWAY_PARAM_INVALID")),
        ({"clientOrderId": 7}, (400, "GATEWAY_PARAM_INVALID")),
        ({"price": "1e3"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"price": 3000.5}, (400, "GATEWAY_PARAM_INVALID")),
        ({"size": "0"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"reduceOnly": "false"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"l2ExpireTime": "1"}, (400, "GATEWAY_PARAM_INVALID")),
        ({"l2Signature": "ab" * 65}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2Signature": "ab"}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2Nonce": "1"}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2LimitFee": "0"}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2LimitFee": "2"}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2Value": "1"}, (401, "INVALID_L2_SIGNATURE")),
        ({"l2Size": "0.2"}, (401, "INVALID_L2_SIGNATURE")),
    ],
)
def test_an_order_that_is_not_what_was_signed_is_refused(changes: dict[str, Any], refusal: tuple[int, str]) -> None:
    made = bench()
    body = {**made.order_body("a"), **changes}
    assert code_of(made.request("POST", f"{ORDERS}/createOrder", body)) == refusal
    assert made.twin.desk.orders == {}


@pytest.mark.parametrize("flip", range(0, 130, 13))
def test_one_wrong_digit_makes_another_signature(flip: int) -> None:
    made = bench()
    body = made.order_body("a")
    text = str(body["l2Signature"])
    body["l2Signature"] = text[:flip] + ("0" if text[flip] != "0" else "1") + text[flip + 1 :]
    assert code_of(made.request("POST", f"{ORDERS}/createOrder", body)) == (401, "INVALID_L2_SIGNATURE")


def test_a_signature_with_0x_is_taken_too() -> None:
    made = bench()
    body = made.order_body("a")
    assert made.place("b", l2Signature="0x" + str(made.order_body("b")["l2Signature"]))[0] == 200
    assert made.request("POST", f"{ORDERS}/createOrder", body)[0] == 200


@pytest.mark.parametrize(
    "order, refusal",
    [
        ({"price": "3000.55"}, (200, "GATEWAY_PARAM_INVALID")),
        ({"size": "0.1005"}, (200, "GATEWAY_PARAM_INVALID")),
        ({"size": "0.009"}, (200, "INVALID_ORDER_SIZE")),
        ({"price": "3151.0"}, (200, "INVALID_ORDER_PRICE")),
        ({"side": "SELL", "price": "2850.0"}, (200, "INVALID_ORDER_PRICE")),
    ],
)
def test_tick_step_minimum_and_band_hold(order: dict[str, Any], refusal: tuple[int, str]) -> None:
    assert code_of(bench().place("a", **order)) == refusal


def test_the_step_is_named_in_the_refusal() -> None:
    assert "stepSize '0.001' requirement" in bench().place("a", size="0.1005")[1]["msg"]


def test_a_client_order_id_is_used_once_for_ever() -> None:
    made = bench()
    _, body = made.place("a")
    made.request("POST", f"{ORDERS}/cancelOrderById", {"orderIdList": [body["data"]["orderId"]]})
    made.live(1)
    assert code_of(made.place("a")) == (200, "DUPLICATE_CLIENT_ORDER_ID")


def test_the_typed_data_encoder_agrees_with_the_vectors() -> None:
    order: dict[str, object] = {
        "base": {
            "nonce": 94705037,
            "signer": bytes.fromhex("FCAd0B19bB29D4674531d6f115237E16AfCE377c"),
            "accountId": 12345,
            "expirationTimestamp": 1737590400,
        },
        "amountSynthetic": 1000000,
        "amountCollateral": 97393800,
        "amountFee": 1000000,
        "assetIdSynthetic": 10000001,
        "assetIdCollateral": 1000,
        "isBuyingSynthetic": 1,
        "parentOrderHash": bytes(32),
        "subOrderIndex": 0,
    }
    digest = typed_digest(33431, bytes.fromhex("1ae109ea449cfe0bed08bfe8911e968a49a919b1"), order)
    assert digest.hex() == "be8c51711f4e632a9872cf1a12f5e5d6a9efc7e8404320d7a4ce932259c8adad"
    signature = (
        "da30112cf630526c21b7b72bd9423c73447bc109079f86dbec7c26b60dab990759bf24972d547c86aa7f5c5693327813"
        "cc9026b3a75ed89f418fc833c47604b71c"
    )
    found = recovered_address(digest, signature)
    assert found is not None
    assert found.hex() == "fcad0b19bb29d4674531d6f115237e16afce377c"


# --- what becomes of an order ---------------------------------------------------------------------------------------


def test_an_order_is_pending_open_filled_and_settled_in_that_order() -> None:
    made = bench(FILLED)
    socket = made.open_private()
    made.place("a")
    made.live(11)
    none = "UNKNOWN_ORDER_CANCEL_REASON"
    assert made.orders_told(socket) == [
        ("PENDING", "0", "0", none),
        ("OPEN", "0", "0", none),
        ("OPEN", "0.04", "0", none),
        ("OPEN", "0.04", "0.04", none),
        ("FILLED", "0.1", "0.04", none),
        ("FILLED", "0.1", "0.1", none),
    ]
    versions = [frame["content"]["version"] for frame in made.frames[socket] if frame["type"] == "trade-event"]
    assert versions == list(range(17_873, 17_880))


def test_a_fill_is_told_with_value_fee_and_role() -> None:
    made = bench(FILLED, terms=AccountTerms(D(100_000), maker_fee_rate=D("0.0004")))
    socket = made.open_private()
    made.place("a", l2LimitFee="1")
    made.live(6)
    (row,) = [
        row
        for frame in made.frames[socket]
        if frame["type"] == "trade-event"
        for row in frame["content"]["data"].get("orderFillTransaction", [])
    ]
    assert {name: row[name] for name in ("fillSize", "fillPrice", "fillValue", "fillFee", "direction")} == {
        "fillSize": "0.04",
        "fillPrice": "3000.5",
        "fillValue": "120.02",
        "fillFee": "0.048008",
        "direction": "MAKER",
    }
    assert "contractId" not in row


@pytest.mark.parametrize("reason", ["COULD_NOT_FILL", "UNKNOWN_ORDER_CANCEL_REASON"])
def test_a_post_only_order_that_would_cross_is_accepted_and_then_cancelled(reason: str) -> None:
    made = bench(switches=Switches(post_only_cancel_reason=reason))
    socket = made.open_private()
    assert code_of(made.place("a", price="3001.0")) == (200, "SUCCESS")
    made.live(1)
    assert made.orders_told(socket) == [
        ("PENDING", "0", "0", "UNKNOWN_ORDER_CANCEL_REASON"),
        ("CANCELED", "0", "0", reason),
    ]


def test_missing_margin_shows_later_or_at_once_as_switched() -> None:
    poor = AccountTerms(D(10))
    made = bench(terms=poor)
    socket = made.open_private()
    assert code_of(made.place("a")) == (200, "SUCCESS")
    made.live(1)
    assert made.orders_told(socket)[-1] == ("CANCELED", "0", "0", "MARGIN_NOT_ENOUGH")
    eager = bench(switches=Switches(margin_is_checked_first=True), terms=poor)
    assert code_of(eager.place("a")) == (200, "MARGIN_NOT_ENOUGH")


@pytest.mark.parametrize("tells", [True, False])
def test_a_cancel_is_queued_told_and_done(tells: bool) -> None:
    made = bench(switches=Switches(tells_canceling=tells))
    socket = made.open_private()
    order_id = made.place("a")[1]["data"]["orderId"]
    made.live(1)
    _, body = made.request("POST", f"{ORDERS}/cancelOrderById", {"orderIdList": [order_id, "1"]})
    assert body["data"] == {"cancelResultMap": {order_id: "SUCCESS", "1": "FAILED_ORDER_NOT_FOUND"}}
    made.live(1)
    words = [status for status, *_ in made.orders_told(socket)]
    assert words == ["PENDING", "OPEN", *(["CANCELING"] if tells else []), "CANCELED"]
    _, again = made.request("POST", f"{ORDERS}/cancelOrderByClientOrderId", {"clientOrderIdList": ["a"]})
    assert again["data"] == {"cancelResultMap": {order_id: "SUCCESS_ORDER_CANCELED"}}


def test_cancelling_everything_of_nothing_gives_an_empty_map() -> None:
    _, body = bench().request("POST", f"{ORDERS}/cancelAllOrder", {"filterContractIdList": ["30000002"]})
    assert body["data"] == {"cancelResultMap": {}}


def test_a_reduce_only_order_too_large_for_the_position_goes_or_shrinks_as_switched() -> None:
    for is_trimmed, told in ((False, ("CANCELED", "REDUCE_ONLY_CANCELED")), (True, ("OPEN", ""))):
        made = held(Switches(reduce_only_is_trimmed=is_trimmed))
        made.place("b", side="SELL", price="3005.0", reduceOnly=True)
        made.live(1)
        made.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        made.live(1)
        _, body = made.request("GET", f"{ORDERS}/getOrderByClientOrderId", {"clientOrderIdList": "b"})
        (row,) = body["data"]
        assert row["status"] == told[0]
        assert row["size"] == ("0.06" if is_trimmed else "0.1")
        assert told[1] in row["cancelReason"]


def test_an_order_expires_at_its_time() -> None:
    made = bench()
    socket = made.open_private()
    made.place("a", expireTime=str(made.twin.now_ms + 30_000))
    made.live(31)
    assert made.orders_told(socket)[-1] == ("CANCELED", "0", "0", "EXPIRE_CANCELED")


def test_an_immediate_order_and_a_market_order_take_and_rest_nowhere() -> None:
    made = held()
    for client_id, changes in (
        ("b", {"price": "2950.0", "timeInForce": "IMMEDIATE_OR_CANCEL"}),
        ("c", {"price": "300.0", "timeInForce": "IMMEDIATE_OR_CANCEL", "type": "MARKET"}),
    ):
        body = made.order_body(client_id, side="SELL", size="0.05", **changes)
        if client_id == "c":
            body["price"] = "0"
        assert code_of(made.request("POST", f"{ORDERS}/createOrder", body)) == (200, "SUCCESS")
        made.live(1)
    assert made.twin.desk.position == 0
    assert [fill.is_maker for fill in made.twin.desk.fills] == [True, True, False, False]
