"""The finer rules of the venue, as its documents state them, in the twin."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.market import NANOSECONDS
from exchanges.aster.facts import Switches
from exchanges.aster.signing import ApiKeySigner
from exchanges.transport.messages import HttpRequest
from exchanges.transport.twin import CloseSocket
from tests.support.aster_twin import OPEN, QUIET, Desk, told
from tests.support.contract import RULES
from tests.support.tape import START_NS, quote, sold

DAY_S = 86_400


def market_order(desk: Desk, side: str, quantity: str) -> None:
    desk.ask("POST", "order", symbol="ETHUSDT", side=side, type="MARKET", quantity=quantity)


@pytest.mark.parametrize(
    "path, served",
    [
        ("/fapi/v1/openOrders", True),
        ("/fapi/v2/balance", True),
        ("/fapi/v2/positionRisk", True),
        ("/fapi/v1/balance", False),
        ("/fapi/v1/positionRisk", False),
        ("/fapi/v2/openOrders", False),
        ("/fapi/v4/balance", False),
        ("/fapi/v1/noop", False),
    ],
)
def test_the_older_family_has_its_own_versions(path: str, served: bool) -> None:
    desk = Desk()
    env = desk.twin.legacy_env("", "")
    signer = ApiKeySigner(env["ASTER_API_KEY"], env["ASTER_SECRET_KEY"])
    text = signer.signed_text({"symbol": "ETHUSDT"}, desk.twin.now_ms)
    method = "POST" if path.endswith("noop") else "GET"
    response = desk.twin.request(HttpRequest(method, f"{path}?{text}", signer.headers))
    assert response.status == (200 if served else 404)


@pytest.mark.parametrize("status", [401, 400])
def test_a_refused_older_key_has_the_status_that_is_played(status: int) -> None:
    desk = Desk(switches=Switches(bad_key_status=status))
    response = desk.twin.request(HttpRequest("GET", "/fapi/v2/balance", (("X-MBX-APIKEY", "somebody"),)))
    assert (response.status, json.loads(response.body)["code"]) == (status, -2015)


@pytest.mark.parametrize("seconds, is_known", [(7 * DAY_S - 1, True), (7 * DAY_S + 1, False)])
def test_an_order_that_ended_without_a_fill_is_forgotten_after_a_week(seconds: int, is_known: bool) -> None:
    desk = Desk()
    filled = desk.ask("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
    resting = desk.ask("POST", "order", **{**OPEN, "newClientOrderId": "1001"})
    ended = desk.ask("POST", "order", **OPEN)
    desk.ask("DELETE", "order", symbol="ETHUSDT", origClientOrderId="1000")
    orders = desk.twin.desk.orders
    for number, order in orders.items():
        orders[number] = replace(order, placed_ns=desk.twin.now_ns - seconds * NANOSECONDS)
    answer = desk.ask("GET", "order", symbol="ETHUSDT", orderId=str(ended["orderId"]))
    assert answer.get("status", answer.get("code")) == ("CANCELED" if is_known else -2013)
    known = [row["orderId"] for row in desk.ask("GET", "allOrders", symbol="ETHUSDT")]
    assert known == [filled["orderId"], resting["orderId"], *([ended["orderId"]] if is_known else [])]


def test_an_order_has_a_least_value_unless_it_reduces() -> None:
    desk = Desk(rules=replace(RULES, min_notional=Decimal(50)))
    market_order(desk, "BUY", "0.1")
    small = {**OPEN, "quantity": "0.01"}
    assert desk.ask("POST", "order", **small)["code"] == -4164
    close = {**small, "side": "SELL", "price": "3005", "reduceOnly": "true"}
    assert desk.ask("POST", "order", **close)["status"] == "NEW"


@pytest.mark.parametrize(
    "change, code",
    [
        ({"price": "3000.500000001"}, -1111),
        ({"quantity": "0.100000001"}, -1111),
        ({"quantity": "1000000.001"}, -4005),
        ({"reduceOnly": "yes"}, -1102),
    ],
)
def test_a_number_beyond_the_listing_is_refused_with_its_code(change: dict[str, str], code: int) -> None:
    assert Desk().ask("POST", "order", **{**OPEN, **change})["code"] == code


def test_trades_are_asked_for_by_time_or_from_an_id_on() -> None:
    desk = Desk()
    for _ in range(3):
        market_order(desk, "BUY", "0.1")
    every = [row["id"] for row in desk.ask("GET", "userTrades", symbol="ETHUSDT")]
    assert len(every) == 3
    later = desk.ask("GET", "userTrades", symbol="ETHUSDT", fromId=str(every[1]))
    assert [row["id"] for row in later] == every[1:]
    both = desk.ask("GET", "userTrades", symbol="ETHUSDT", fromId="1", startTime=str(START_NS // 1_000_000))
    assert both["code"] == -1128
    week_ms = 7 * DAY_S * 1_000
    span = {"startTime": str(desk.twin.now_ms - week_ms - 1), "endTime": str(desk.twin.now_ms)}
    assert desk.ask("GET", "userTrades", symbol="ETHUSDT", **span)["code"] == -4165
    assert desk.ask("GET", "userTrades", symbol="ETHUSDT", limit="1001")["code"] == -1130


@pytest.mark.parametrize(
    "target, weight",
    [
        ("time", 1),
        ("exchangeInfo", 1),
        ("depth?symbol=ETHUSDT&limit=5", 2),
        ("depth?symbol=ETHUSDT&limit=50", 2),
        ("depth?symbol=ETHUSDT&limit=100", 5),
        ("depth?symbol=ETHUSDT", 10),
        ("depth?symbol=ETHUSDT&limit=1000", 20),
        ("ticker/bookTicker?symbol=ETHUSDT", 1),
        ("ticker/bookTicker", 2),
    ],
)
def test_a_public_request_weighs_what_it_asks_for(target: str, weight: int) -> None:
    response = Desk().twin.request(HttpRequest("GET", f"/fapi/v3/{target}"))
    assert (response.status, response.header("X-MBX-USED-WEIGHT-1M")) == (200, str(weight))


@pytest.mark.parametrize(
    "name, parameters, weight",
    [
        ("openOrders", {"symbol": "ETHUSDT"}, 1),
        ("openOrders", {}, 40),
        ("positionSide/dual", {}, 30),
        ("commissionRate", {"symbol": "ETHUSDT"}, 20),
        ("positionRisk", {"symbol": "ETHUSDT"}, 5),
        ("balance", {}, 5),
        ("userTrades", {"symbol": "ETHUSDT"}, 5),
        ("allOrders", {"symbol": "ETHUSDT"}, 5),
    ],
)
def test_a_private_request_weighs_what_it_asks_for(name: str, parameters: dict[str, str], weight: int) -> None:
    desk = Desk()
    response = desk.send("GET", name, desk.signed(**parameters))
    assert (response.status, response.header("X-MBX-USED-WEIGHT-1M")) == (200, str(weight))


def test_a_book_of_a_depth_that_is_not_offered_is_refused() -> None:
    response = Desk().twin.request(HttpRequest("GET", "/fapi/v3/depth?symbol=ETHUSDT&limit=7"))
    assert (response.status, json.loads(response.body)["code"]) == (400, -4021)


def test_orders_are_counted_for_all_to_see() -> None:
    desk = Desk()
    response = desk.send("POST", "order", desk.signed(**OPEN))
    assert (response.header("X-MBX-ORDER-COUNT-1M"), response.header("X-MBX-USED-WEIGHT-1M")) == ("1", "1")


def test_frames_are_wrapped_once_a_client_asks_for_that() -> None:
    desk = Desk([QUIET[0], quote(2, 30001, 30011), quote(4, 30002, 30012), QUIET[1]])
    socket = desk.twin.open_socket(HttpRequest("GET", "/ws/ethusdt@bookTicker"))
    assert isinstance(socket, int)
    assert [set(frame) & {"stream", "e"} for frame in desk.go_to(3)] == [{"e"}]
    desk.twin.socket_frame(socket, '{"method":"SET_PROPERTY","params":["combined",true],"id":5}')
    answer, wrapped = desk.go_to(5)
    assert answer == {"result": None, "id": 5}
    assert (wrapped["stream"], wrapped["data"]["e"]) == ("ethusdt@bookTicker", "bookTicker")


def test_messages_of_the_account_may_overtake_each_other() -> None:
    ticks = [QUIET[0], sold(5, 30005, 40), sold(5.01, 30005, 60), QUIET[1]]
    told_of = {}
    for overtake in (False, True):
        desk = Desk(ticks, Switches(messages_overtake=overtake))
        desk.listen()
        desk.go_to(4)
        desk.ask("POST", "order", **OPEN)
        told_of[overtake] = told(desk.go_to(7))
    assert [total for _, _, total in told_of[False]] == ["0", "0.04", "0.1"]
    assert told_of[True] != told_of[False]
    assert sorted(told_of[True]) == sorted(told_of[False])


def test_a_connection_carries_two_hundred_streams() -> None:
    desk = Desk()
    socket = desk.twin.open_socket(HttpRequest("GET", "/ws"))
    assert isinstance(socket, int)

    def subscribe(count: int) -> None:
        names = [f"s{number}@depth" for number in range(count)]
        desk.twin.socket_frame(socket, json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        desk.hear()

    subscribe(200)
    assert desk.others == []
    subscribe(201)
    assert desk.others == [CloseSocket(socket, 1008, "Too many streams")]
