"""The finer rules of the venue, as its documents state them, in the twin."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.market import Side
from exchanges.lighter.facts import Switches
from exchanges.lighter.signing import CancelAll, CancelOrder, ModifyOrder
from exchanges.rehearsal.desk import FundingPaid
from exchanges.transport.messages import HttpRequest
from exchanges.transport.twin import SendFrame
from tests.support.contract import RULES
from tests.support.lighter_twin import EXPIRY_MS, ORDER, live_on, read, sent, signer_of, twin_of
from tests.support.tape import START_NS

D = Decimal
MARKET_BUY = replace(ORDER, order_type=1, time_in_force=0, price=31000, order_expiry_ms=0)


def frames(outgoing: list[object]) -> list[dict[str, Any]]:
    return [json.loads(item.frame) for item in outgoing if isinstance(item, SendFrame)]


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"market": 1}, 21605),
        ({"base_amount": 9}, 21706),
        ({"price": 300050}, 21733),
        ({"price": 3000}, 21733),
        ({"order_expiry_ms": EXPIRY_MS - 86_400_000 + 60_000}, 21711),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_and_consumes_no_nonce(changes: dict[str, int], code: int) -> None:
    twin = twin_of()
    before = twin.sequencer.next_nonce
    assert sent(twin, replace(ORDER, **changes)) == code  # type: ignore[arg-type]
    assert (twin.sequencer.next_nonce, twin.sequencer.pending) == (before, [])


def test_what_rests_has_a_least_value_and_what_takes_has_none() -> None:
    twin = twin_of(rules=replace(RULES, min_notional=D(50)))
    assert sent(twin, replace(ORDER, base_amount=10)) == 21706
    assert sent(twin, replace(MARKET_BUY, base_amount=10)) == 200
    live_on(twin, 1)
    assert twin.desk.position == D("0.01")


def test_a_market_has_room_for_so_many_orders_and_so_many_waiting() -> None:
    twin = twin_of(Switches(most_orders=2, most_pending=1))
    assert [sent(twin, ORDER), sent(twin, replace(ORDER, client_id=43))] == [200, 21720]
    live_on(twin, 1)
    assert sent(twin, replace(ORDER, client_id=43)) == 200
    live_on(twin, 1)
    assert sent(twin, replace(ORDER, client_id=44)) == 21718


def test_an_order_is_told_with_its_own_expiry_and_in_the_unit_that_is_played() -> None:
    for switches, unit in ((Switches(), 1), (Switches(order_times_are_ms=True), 1_000)):
        twin = twin_of(switches)
        sent(twin, ORDER)
        live_on(twin, 1)
        (order,) = twin.desk.live_orders()
        row = twin.row_of(order)
        assert (row["order_expiry"], row["order_version"]) == (EXPIRY_MS, 0)
        created = row["created_at"]
        assert isinstance(created, int)
        assert created // unit == START_NS // 1_000_000_000
        told = ("order_index", "client_order_index", "initial_base_amount", "remaining_base_amount", "price", "status")
        assert [row[name] for name in told] == [int(twin.order_id(1)), 42, "0.100", "0.100", "3000.5", "open"]


def test_a_position_is_told_with_its_average_entry() -> None:
    twin = twin_of()
    twin.desk.place(None, Side.BUY, D("0.1"), D("3001.0"))
    live_on(twin, 1)
    row = twin.position_row()
    assert (row["sign"], row["position"], row["avg_entry_price"]) == (1, "0.100", "3001.0")
    assert row["unrealized_pnl"] == "-0.050000"  # Marked at 3000.5, the mid.
    twin.desk.trade_by_hand(Side.SELL, D("0.1"))
    live_on(twin, 1)
    flat = twin.position_row()
    assert (flat["position"], flat["avg_entry_price"]) == ("0.000", "0.0")


@pytest.mark.parametrize(
    "transaction", [ModifyOrder(0, 42, 200, 30006), CancelAll(1, EXPIRY_MS), CancelOrder(1, 42)], ids=repr
)
def test_what_is_not_rehearsed_is_refused_and_not_played_wrongly(transaction: Any) -> None:
    twin = twin_of()
    assert sent(twin, ORDER) == 200
    assert sent(twin, transaction) in (21501, 21705, 21605)
    live_on(twin, 1)
    (order,) = twin.desk.live_orders()
    assert (order.quantity, order.price) == (D("0.1"), D("3000.5"))


@pytest.mark.parametrize("code", [21120, 21501])
def test_a_wrong_signature_has_the_code_that_is_played(code: int) -> None:
    twin = twin_of(Switches(bad_signature_code=code))
    signed = signer_of(twin, chain_id=300).sign(ORDER, twin.sequencer.next_nonce)
    assert getattr(twin.gate.check_tx("14", signed.tx_info, twin.now_ms), "code", None) == code


def test_a_client_may_say_two_hundred_things_a_minute() -> None:
    twin = twin_of()
    socket_id = twin.open_socket(HttpRequest("GET", "/stream"))
    assert isinstance(socket_id, int)
    live_on(twin, 1)
    for _ in range(201):
        twin.socket_frame(socket_id, '{"type":"ping"}')
    said = frames(list(twin.take_outgoing()))
    assert [frame.get("type") for frame in said[:200]] == ["pong"] * 200
    assert [frame["error"]["code"] for frame in said[200:]] == [30009]
    # Transactions are not counted.
    twin.socket_frame(socket_id, '{"type":"jsonapi/sendtx","data":{"tx_type":14,"tx_info":{}}}')
    assert frames(list(twin.take_outgoing()))[-1]["error"]["code"] == 21501


def test_a_channel_is_subscribed_once_and_left_once() -> None:
    twin = twin_of()
    socket_id = twin.open_socket(HttpRequest("GET", "/stream"))
    assert isinstance(socket_id, int)
    live_on(twin, 1)
    for kind in ("unsubscribe", "subscribe", "subscribe", "unsubscribe", "unsubscribe"):
        twin.socket_frame(socket_id, json.dumps({"type": kind, "channel": "market_stats/0"}))
    said = [frame.get("type") or frame["error"]["code"] for frame in frames(list(twin.take_outgoing()))]
    assert said == [30002, "subscribed/market_stats", 30003, 30002]


@pytest.mark.parametrize("switches, fee", [(Switches(), "0.0005"), (Switches(listed_fees_are_percent=True), "0.0500")])
def test_fees_are_listed_in_the_unit_that_is_played(switches: Switches, fee: str) -> None:
    (listed,) = json.loads(read(twin_of(switches), "/api/v1/orderBookDetails").body)["order_book_details"]
    assert (listed["maker_fee"], listed["taker_fee"]) == ("0", fee)


@pytest.mark.parametrize("switches, change", [(Switches(), "-0.5"), (Switches(paid_funding_is_positive=True), "0.5")])
def test_funding_that_was_paid_has_the_sign_that_is_played(switches: Switches, change: str) -> None:
    twin = twin_of(switches)
    twin.desk.funding.append(FundingPaid(twin.now_ns, "x", D("-0.5")))
    token = signer_of(twin).token(twin.now_ns // 1_000_000_000 + 600)
    target = f"/api/v1/positionFunding?account_index={twin.account}&limit=10"
    (paid,) = json.loads(read(twin, target, token).body)["position_fundings"]
    assert paid["change"] == change
