"""What the twin refuses beside bad signatures: too many requests, orders off the rules, and a venue that is closed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.market import Side
from exchanges.transport.messages import HttpRequest
from tests.support.paradex_twin import SECOND, Caller, a_twin, live

D = Decimal


@pytest.fixture
def caller() -> Caller:
    caller = Caller(a_twin())
    assert caller.login()[0] == 200
    return caller


# --- limits ---------------------------------------------------------------------------------------------------------


def test_more_than_120_reads_in_a_second_or_600_in_a_minute_are_refused(caller: Caller) -> None:
    for _ in range(5):
        statuses = [caller.send("GET", "/positions")[0] for _ in range(121)]
        assert statuses == [200] * 120 + [429]
        live(caller.twin, 1)
    assert caller.send("GET", "/positions")[0] == 429
    live(caller.twin, 56)
    assert caller.send("GET", "/positions")[0] == 200


def test_more_than_800_writes_in_a_second_are_refused(caller: Caller) -> None:
    statuses = [caller.send("DELETE", "/orders/1")[0] for _ in range(801)]
    assert statuses == [404] * 800 + [429]


def test_reads_and_writes_of_one_address_share_1500_a_minute(caller: Caller) -> None:
    for _ in range(2):
        assert {caller.send("DELETE", "/orders/1")[0] for _ in range(700)} == {404}
        live(caller.twin, 1)
    assert [caller.send("GET", "/positions")[0] for _ in range(101)] == [200] * 100 + [429]


def test_every_answer_tells_what_is_left(caller: Caller) -> None:
    def limits(path: str) -> list[str | None]:
        request = HttpRequest("GET", f"/v1{path}", (("Authorization", f"Bearer {caller.token}"),))
        response = caller.twin.request(request)
        names = ("limit", "remaining", "reset", "window")
        return [response.header(f"x-ratelimit-{name}") for name in names]

    now_s = caller.twin.now_ns // SECOND
    assert limits("/system/time") == ["1500", "1499", str(now_s + 60), "60"]
    assert limits("/positions") == ["600", "599", str(now_s + 60), "60"]
    for _ in range(118):
        limits("/positions")
    assert limits("/positions") == ["600", "0", str(now_s + 1), "60"]


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"stp": "EXPIRE_NOBODY"}, "VALIDATION_ERROR"),
        ({"stp": 1}, "VALIDATION_ERROR"),
        ({"stp": "EXPIRE_BOTH"}, None),
        ({"instruction": "RPI"}, None),
        ({"on_behalf_of_account": "0x1"}, "VALIDATION_ERROR"),
    ],
)
def test_every_word_of_an_order_is_read(caller: Caller, changes: dict[str, Any], code: str | None) -> None:
    status, answer = caller.send("POST", "/orders", caller.order(lambda body: body.update(changes)))
    assert (status, answer.get("error")) == (201 if code is None else 400, code)


@pytest.mark.parametrize("instruction", ["POST_ONLY", "RPI"])
def test_an_order_that_only_makes_never_takes(caller: Caller, instruction: str) -> None:
    body = caller.order(lambda body: body.update(instruction=instruction), price="3001")
    _, placed = caller.send("POST", "/orders", body)
    live(caller.twin, 0.1)
    _, ended = caller.send("GET", f"/orders/{placed['id']}")
    assert (ended["status"], ended["cancel_reason"]) == ("CLOSED", "POST_ONLY_WOULD_CROSS")


def test_an_order_larger_than_the_market_allows_is_refused(caller: Caller) -> None:
    assert caller.send("POST", "/orders", caller.order(size="1000000.001"))[1]["error"] == "INVALID_ORDER_SIZE"


def test_an_order_of_too_little_worth_is_refused() -> None:
    caller = Caller(a_twin(min_notional=D(10)))
    caller.login()
    assert caller.send("POST", "/orders", caller.order(size="0.003"))[1]["error"] == "VALIDATION_ERROR"
    assert caller.send("POST", "/orders", caller.order(size="0.004"))[0] == 201


def test_the_worth_of_an_order_is_reckoned_at_the_mark_and_not_at_its_price() -> None:
    """3000.5 x 0.004 is above 12, and 2900 x 0.004 below: the engine must not judge again by the price."""
    caller = Caller(a_twin(min_notional=D(12)))
    caller.login()
    status, placed = caller.send("POST", "/orders", caller.order(size="0.004", price="2900"))
    live(caller.twin, 0.1)
    assert (status, caller.send("GET", f"/orders/{placed['id']}")[1]["status"]) == (201, "OPEN")


def test_an_order_that_fits_no_longer_when_the_engine_looks_is_closed_with_a_word() -> None:
    caller = Caller(a_twin())
    caller.login()
    _, placed = caller.send("POST", "/orders", caller.order())
    desk = caller.twin.desk
    desk.change_rules(replace(desk.rules, tick_size=D(1)))
    live(caller.twin, 0.1)
    _, ended = caller.send("GET", f"/orders/{placed['id']}")
    assert (ended["status"], ended["cancel_reason"]) == ("CLOSED", "OFF_TICK")


@pytest.mark.parametrize(
    "state, instruction, code",
    [
        ("post_only", "POST_ONLY", None),
        ("post_only", "GTC", "SYSTEM_STATUS_POST_ONLY"),
        ("cancel_only", "POST_ONLY", "SYSTEM_STATUS_CANCEL_ONLY"),
        ("maintenance", "POST_ONLY", "SERVICE_UNAVAILABLE"),
    ],
)
def test_a_venue_that_is_not_open_says_so(caller: Caller, state: str, instruction: str, code: str | None) -> None:
    caller.twin.system_state = state
    assert caller.send("GET", "/system/state")[1] == {"status": state}
    status, answer = caller.send("POST", "/orders", caller.order(lambda body: body.update(instruction=instruction)))
    assert answer.get("error") == code
    assert status == {None: 201, "SERVICE_UNAVAILABLE": 503}.get(code, 400)


def test_orders_can_be_cancelled_while_none_can_be_placed(caller: Caller) -> None:
    caller.twin.desk.place(None, Side.BUY, D("0.01"), D(2990), post_only=True)
    (row,) = caller.send("GET", "/orders")[1]["results"]
    caller.twin.system_state = "cancel_only"
    assert caller.send("DELETE", f"/orders/{row['id']}") == (204, None)
    live(caller.twin, 0.1)
    assert caller.send("GET", "/orders")[1]["results"] == []


# --- requests that no client should send ----------------------------------------------------------------------------

LONG = "9" * 5_000


@pytest.mark.parametrize("target", [f"/fills?cursor={LONG}", f"/fills?start_at={LONG}", "/orders-history?page_size=x"])
def test_a_count_that_is_none_is_refused(caller: Caller, target: str) -> None:
    status, answer = caller.send("GET", target)
    assert (status, answer["error"]) == (400, "INVALID_REQUEST_PARAMETER")


def test_a_login_at_no_time_is_refused(caller: Caller) -> None:
    for name in ("PARADEX-TIMESTAMP", "PARADEX-SIGNATURE-EXPIRATION"):
        headers = {"PARADEX-TIMESTAMP": "1", "PARADEX-SIGNATURE-EXPIRATION": "2", name: LONG}
        request = HttpRequest("POST", "/v1/auth", (("PARADEX-STARKNET-ACCOUNT", "0x1"), *headers.items()))
        assert caller.twin.request(request).status == 400


def test_what_is_nested_too_deep_is_refused(caller: Caller) -> None:
    assert caller.send("POST", "/orders", b"[" * 100_000)[1]["error"] == "BINDING_ERROR"
    socket_id = caller.twin.open_socket(HttpRequest("GET", "/v1"))
    assert isinstance(socket_id, int)
    caller.twin.socket_frame(socket_id, "[" * 100_000)
    assert socket_id in caller.twin.sockets
