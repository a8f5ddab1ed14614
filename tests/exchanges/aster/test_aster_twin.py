"""The twin checks what the venue would check, with code of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.aster.facts import Switches
from exchanges.aster.signing import AgentSigner, ApiKeySigner
from exchanges.aster.twin_auth import recovered_address
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, SendPing
from markets.tape import FundingTerms
from tests.support.aster_twin import OPEN, QUIET, Desk, told
from tests.support.tape import START_NS, quote, sold

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "aster.json").read_text(encoding="utf-8")
)["vectors"]


# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["api"] == "v3"], ids=lambda v: v["name"])
def test_the_twins_own_check_finds_the_signer_of_every_vector(vector: dict[str, Any]) -> None:
    assert recovered_address(vector["msg"], vector["signature"], 1666).lower() == vector["signer"].lower()
    assert recovered_address(vector["msg"] + "0", vector["signature"], 1666).lower() != vector["signer"].lower()
    assert recovered_address(vector["msg"], vector["signature"], 714).lower() != vector["signer"].lower()


@given(st.text(max_size=140))
def test_no_text_is_taken_for_a_signature(signature: str) -> None:
    assert recovered_address("a=1", signature, 1666).lower() != "0x1563915e194d8cfba1943570603f7606a3115508"


def test_a_signed_request_is_served() -> None:
    assert Desk().ask("GET", "positionSide/dual") == {"dualSidePosition": False}


@pytest.mark.parametrize(
    "change, code",
    [
        (lambda text: text.replace("symbol=ETHUSDT", "symbol=BTCUSDT"), -1022),
        (lambda text: "&".join([text.split("&")[1], text.split("&")[0], *text.split("&")[2:]]), -1022),
        (lambda text: text.rpartition("&signature=")[0], -1102),
        (lambda text: text[:-2] + "1b" if text.endswith("1c") else text[:-2] + "1c", -1022),
        (lambda text: text[:-2] + "00", -1022),
    ],
)
def test_whatever_changes_after_signing_is_refused(change: Callable[[str], str], code: int) -> None:
    desk = Desk()
    text = desk.signed(symbol="ETHUSDT", limit="5")
    response = desk.send("GET", "openOrders", change(text))
    assert (response.status, desk.body(response)["code"]) == (400, code)


def test_an_unknown_signer_is_no_agent() -> None:
    desk = Desk()
    desk.signer = AgentSigner(
        desk.twin.identity.user, "0x1563915e194D8CfBA1943570603F7606A3115508", "0x" + "22" * 32, 1666
    )
    assert desk.ask("GET", "balance") == {"code": -1000, "msg": "No agent found"}


def test_a_nonce_is_good_once_and_near_the_venues_time() -> None:
    desk = Desk()
    fresh = desk.twin.now_ns // 1_000
    assert desk.ask_with(fresh) == {"code": 200, "msg": "success"}
    for nonce in (fresh, fresh - 10_000_001, fresh + 10_000_001, 0):
        assert desk.ask_with(nonce) == {"code": -4225, "msg": "Nonce Expired"}
    assert desk.ask_with(fresh - 9_999_000) == {"code": 200, "msg": "success"}


def test_of_a_hundred_nonces_the_lowest_goes_and_nothing_below_comes_back() -> None:
    desk = Desk()
    first = desk.twin.now_ns // 1_000 + 1_000
    for number in range(100):
        assert desk.ask_with(first + 2 * number)["code"] == 200
    assert desk.ask_with(first - 1)["code"] == -4225
    assert desk.ask_with(first + 1)["code"] == 200
    assert desk.ask_with(first)["code"] == -4225


def test_an_older_key_is_served_on_the_older_paths() -> None:
    desk = Desk()
    env = desk.twin.legacy_env("", "")
    signer = ApiKeySigner(env["ASTER_API_KEY"], env["ASTER_SECRET_KEY"])
    now_ms = desk.twin.now_ms

    def ask(stamp: int, headers: tuple[tuple[str, str], ...], tail: str = "") -> tuple[int, Any]:
        text = signer.signed_text({}, stamp) + tail
        response = desk.twin.request(HttpRequest("GET", f"/fapi/v2/balance?{text}", headers))
        return response.status, desk.body(response)

    status, rows = ask(now_ms, signer.headers)
    assert (status, rows[0]["asset"]) == (200, "USDT")
    assert ask(now_ms - 5_001, signer.headers)[1]["code"] == -1021
    assert ask(now_ms + 1_000, signer.headers)[1]["code"] == -1021
    assert ask(now_ms, signer.headers, "0")[1]["code"] == -1022
    assert ask(now_ms, ()) == (401, {"code": -2014, "msg": "API-key format invalid."})
    assert ask(now_ms, (("X-MBX-APIKEY", "somebody"),))[0] == 401


# --- orders ---------------------------------------------------------------------------------------------------------


def test_an_order_rests_fills_and_is_told_in_the_venues_shapes() -> None:
    desk = Desk([QUIET[0], sold(5, 30005, 40), sold(6, 30005, 60), QUIET[1]])
    desk.listen()
    answer = desk.ask("POST", "order", **OPEN, newOrderRespType="RESULT")
    assert (answer["status"], answer["executedQty"], answer["clientOrderId"]) == ("NEW", "0", "1000")
    frames = desk.go_to(7)
    assert told(frames) == [
        ("NEW", "NEW", "0"),
        ("TRADE", "PARTIALLY_FILLED", "0.04"),
        ("TRADE", "FILLED", "0.1"),
    ]
    assert [f["a"]["P"][0]["pa"] for f in frames if f.get("e") == "ACCOUNT_UPDATE"] == ["0.04", "0.1"]
    (row,) = desk.ask("GET", "positionRisk", symbol="ETHUSDT")
    assert (row["positionAmt"], row["entryPrice"], row["positionSide"]) == ("0.1", "3000.5", "BOTH")
    trades = desk.ask("GET", "userTrades", symbol="ETHUSDT", startTime=str(START_NS // 1_000_000))
    assert [(t["orderId"], t["qty"], t["maker"]) for t in trades] == [
        (answer["orderId"], "0.04", True),
        (answer["orderId"], "0.06", True),
    ]
    found = desk.ask("GET", "order", symbol="ETHUSDT", origClientOrderId="1000")
    placed_ms = desk.twin.desk.fills[0].order.placed_ns // 1_000_000
    assert (found["status"], found["avgPrice"], found["time"]) == ("FILLED", "3000.5", placed_ms)


def test_a_crossing_post_only_order_is_acknowledged_and_expires() -> None:
    crossing = {**OPEN, "price": "3001"}
    desk = Desk()
    desk.listen()
    assert desk.ask("POST", "order", **crossing)["status"] == "NEW"
    assert told(desk.go_to(0.01)) == [("NEW", "NEW", "0")]
    assert told(desk.go_to(0.5)) == [("EXPIRED", "EXPIRED", "0")]
    assert desk.ask("GET", "order", symbol="ETHUSDT", origClientOrderId="1000")["status"] == "EXPIRED"
    assert desk.ask("POST", "order", **crossing, newOrderRespType="RESULT")["status"] == "EXPIRED"
    assert desk.ask("GET", "openOrders", symbol="ETHUSDT") == []
    refusing = Desk(switches=Switches(crossing_is_refused=True))
    assert refusing.ask("POST", "order", **crossing)["code"] == -5022


@pytest.mark.parametrize(
    "change, code",
    [
        ({"price": "3000.55"}, -4014),
        ({"quantity": "0.1005"}, -4023),
        ({"quantity": "0.001"}, -4004),
        ({"price": "3151"}, -4016),
        ({"price": "2849"}, -4024),
        ({"quantity": "NaN"}, -1102),
        ({"quantity": "1E-1"}, -1102),
        ({"quantity": "-1"}, -1102),
        ({"price": ""}, -1102),
        ({"timeInForce": ""}, -1102),
        ({"timeInForce": "XXX"}, -1115),
        ({"side": "LONG"}, -1117),
        ({"type": "STOP"}, -1116),
        ({"symbol": "BTCUSDT"}, -1121),
        ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "a b"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"reduceOnly": "true", "side": "SELL", "price": "3005"}, -2022),
        ({"quantity": "5000"}, -2019),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_with_its_code(change: dict[str, str], code: int) -> None:
    desk = Desk()
    assert desk.ask("POST", "order", **{**OPEN, **change})["code"] == code
    assert desk.ask("GET", "openOrders", symbol="ETHUSDT") == []


def test_one_client_id_is_one_open_order() -> None:
    desk = Desk()
    order = desk.ask("POST", "order", **OPEN)
    assert desk.ask("POST", "order", **OPEN)["code"] == -4116
    cancelled = desk.ask("DELETE", "order", symbol="ETHUSDT", orderId=str(order["orderId"]))
    assert (cancelled["status"], cancelled["clientOrderId"]) == ("CANCELED", "1000")
    assert desk.ask("DELETE", "order", symbol="ETHUSDT", orderId=str(order["orderId"]))["code"] == -2011
    again = desk.ask("POST", "order", **OPEN)
    assert desk.ask("GET", "order", symbol="ETHUSDT", origClientOrderId="1000")["orderId"] == again["orderId"]
    assert desk.ask("GET", "order", symbol="ETHUSDT", origClientOrderId="2")["code"] == -2013


def test_open_orders_have_a_limit() -> None:
    desk = Desk(switches=Switches(most_open_orders=2))
    codes = [desk.ask("POST", "order", **{**OPEN, "newClientOrderId": str(n)}).get("code") for n in range(3)]
    assert codes == [None, None, -2025]


def test_a_market_order_answers_as_it_was_asked_to() -> None:
    market = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    assert Desk().ask("POST", "order", **market)["status"] == "NEW"
    result = Desk().ask("POST", "order", **market, newOrderRespType="RESULT")
    assert (result["status"], result["executedQty"], result["avgPrice"]) == ("FILLED", "0.1", "3001")


def test_reduce_only_orders_cover_the_position_at_most() -> None:
    desk = Desk()
    desk.ask("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
    close = {**OPEN, "side": "SELL", "price": "3005", "reduceOnly": "true"}
    assert desk.ask("POST", "order", **{**close, "quantity": "0.2"})["code"] == -2022
    assert "orderId" in desk.ask("POST", "order", **close)
    assert desk.ask("POST", "order", **{**close, "newClientOrderId": "1001", "quantity": "0.01"})["code"] == -2022


def test_an_order_in_hedge_mode_is_refused() -> None:
    assert Desk(is_hedged=True).ask("POST", "order", **OPEN)["code"] == -4061


# --- load -----------------------------------------------------------------------------------------------------------


def test_weight_is_limited_by_the_minute_and_insistence_leads_to_a_ban() -> None:
    desk = Desk()
    statuses = [desk.twin.request(HttpRequest("GET", "/fapi/v3/depth?symbol=ETHUSDT")).status for _ in range(260)]
    assert statuses == [200] * 240 + [429] * 20
    refused = desk.twin.request(HttpRequest("GET", "/fapi/v3/time"))
    assert (refused.status, refused.header("Retry-After")) == (418, "120")


def test_orders_are_limited_by_the_minute() -> None:
    desk = Desk()
    bad = {**OPEN, "newClientOrderId": "a b"}
    for _ in range(1_200):
        desk.twin.request(HttpRequest("POST", "/fapi/v3/order", (), urlencode(bad).encode()))
    response = desk.send("POST", "order", desk.signed(**OPEN))
    assert (response.status, desk.body(response)["code"]) == (429, -1015)


# --- sockets --------------------------------------------------------------------------------------------------------


def test_a_listen_key_is_shared_renewed_and_expires_into_silence() -> None:
    desk = Desk()
    desk.listen()
    key = desk.ask("POST", "listenKey")["listenKey"]
    assert desk.ask("POST", "listenKey") == {"listenKey": key}
    desk.go_to(100)
    assert desk.ask("PUT", "listenKey") == {}
    assert desk.go_to(3_650) == []
    assert [frame["e"] for frame in desk.go_to(3_750)] == ["listenKeyExpired"]
    assert desk.ask("PUT", "listenKey")["code"] == -1125
    desk.ask("POST", "order", **OPEN)
    assert desk.go_to(3_751) == []
    assert not any(isinstance(item, CloseSocket) for item in desk.others)
    assert desk.ask("POST", "listenKey")["listenKey"] != key


def test_a_listen_key_nobody_was_given_is_deaf_or_refused() -> None:
    assert isinstance(Desk().twin.open_socket(HttpRequest("GET", "/ws/nobody")), int)
    strict = Desk(switches=Switches(unknown_listen_key_is_deaf=False))
    refusal = strict.twin.open_socket(HttpRequest("GET", "/ws/nobody"))
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == 401


def test_the_market_streams_what_was_subscribed() -> None:
    desk = Desk([QUIET[0], quote(2.5, 30001, 30011), QUIET[1]])
    socket = desk.twin.open_socket(HttpRequest("GET", "/ws/ethusdt@bookTicker"))
    assert isinstance(socket, int)
    desk.twin.socket_frame(socket, '{"method":"SUBSCRIBE","params":["ethusdt@markPrice@1s"],"id":1}')
    frames = desk.go_to(3.5)
    assert frames[0] == {"result": None, "id": 1}
    assert [frame["e"] for frame in frames[1:] if frame["e"] == "markPriceUpdate"] == ["markPriceUpdate"] * 3
    tickers = [frame for frame in frames[1:] if frame["e"] == "bookTicker"]
    assert (tickers[-1]["b"], tickers[-1]["a"]) == ("3000.1", "3001.1")
    desk.twin.socket_frame(socket, "{")
    desk.twin.socket_frame(socket, '{"method":"DANCE","id":2}')
    assert [frame["code"] for frame in desk.go_to(3.6)] == [3, 2]


def test_combined_streams_are_wrapped_and_names_in_capitals_are_deaf() -> None:
    desk = Desk([QUIET[0], quote(2, 30001, 30011), QUIET[1]])
    desk.twin.open_socket(HttpRequest("GET", "/stream?streams=ethusdt@bookTicker/ETHUSDT@depth"))
    frames = desk.go_to(3)
    assert {frame["stream"] for frame in frames} == {"ethusdt@bookTicker"}


def test_a_socket_is_pinged_and_cut_when_it_is_deaf_or_floods() -> None:
    desk = Desk()
    socket = desk.listen()
    desk.go_to(301)
    assert desk.others == [SendPing(socket)]
    desk.answers_pings = False
    desk.go_to(1_100)
    assert CloseSocket(socket, 1008) not in desk.others
    desk.go_to(1_600)
    assert CloseSocket(socket, 1008) in desk.others
    loud = desk.twin.open_socket(HttpRequest("GET", "/ws"))
    assert isinstance(loud, int)
    for _ in range(11):
        desk.twin.socket_frame(loud, '{"method":"LIST_SUBSCRIPTIONS","id":1}')
    desk.hear()
    assert CloseSocket(loud, 1008, "Too many messages") in desk.others


def test_funding_shows_as_a_balance_and_in_the_income() -> None:
    funding = FundingTerms(interval_ns=600_000_000_000, rate=Decimal("0.0001"))
    desk = Desk([QUIET[0], QUIET[1]], funding=funding)
    desk.listen()
    desk.ask("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
    frames = [frame for frame in desk.go_to(1_300) if frame.get("e") == "ACCOUNT_UPDATE"]
    paid = [frame["a"] for frame in frames if frame["a"]["m"] == "FUNDING_FEE"]
    assert [(account["B"][0]["bc"], account.get("P")) for account in paid] == [("-0.030005", None)] * 2
    rows = desk.ask("GET", "income", symbol="ETHUSDT", incomeType="FUNDING_FEE")
    assert [row["income"] for row in rows] == ["-0.030005"] * 2
    assert len({row["tranId"] for row in rows}) == 2


def test_a_path_the_venue_does_not_have_is_a_web_page() -> None:
    for target in ("/fapi/v3/nothing", "/", "/fapi/v9/time"):
        response = Desk().twin.request(HttpRequest("GET", target))
        assert (response.status, response.body[:6]) == (404, b"<html>")
