"""What the twin answers when it is asked, and what its sockets say."""

from __future__ import annotations

import itertools
import json

import pytest

from domain.market import Side
from exchanges.edgex.facts import Switches
from markets.tape import FundingTerms
from tests.support.edgex_twin import ASSET, FILLED, ORDERS, D, bench, code_of, held
from tests.support.tape import quote

# --- reads ----------------------------------------------------------------------------------------------------------


def test_pages_end_with_an_empty_offset_and_are_never_too_long() -> None:
    made = bench()
    for number in range(5):
        made.place(f"a{number}")
    made.live(1)
    path, seen, offset = f"{ORDERS}/getActiveOrderPage", [], ""
    while True:
        _, body = made.request("GET", path, {"size": "2", "offsetData": offset})
        seen.append([row["clientOrderId"] for row in body["data"]["dataList"]])
        offset = body["data"]["nextPageOffsetData"]
        if not offset:
            break
    assert seen == [["a4", "a3"], ["a2", "a1"], ["a0"]]
    assert code_of(made.request("GET", path, {"size": "201"})) == (400, "INVALID_GET_PAGE_SIZE")
    fills = f"{ORDERS}/getHistoryOrderFillTransactionPage"
    assert code_of(made.request("GET", fills, {"size": "101"})) == (400, "INVALID_GET_PAGE_SIZE")


def test_the_account_shows_a_signed_position_and_keeps_a_flat_row() -> None:
    made = held()
    rows = made.request("GET", ASSET)[1]["data"]["positionList"]
    assert [(row["contractId"], row["openSize"]) for row in rows] == [("30000002", "0.1")]
    made.twin.desk.trade_by_hand(Side.SELL, D("0.1"))
    assert made.request("GET", ASSET)[1]["data"]["positionList"][0]["openSize"] == "0"


def test_leverage_is_refused_while_orders_rest() -> None:
    made = bench()
    path = "/api/v2/private/account/updateLeverageSetting"
    asked = {"contractId": "30000002", "leverage": "5"}
    assert made.request("POST", path, asked)[1]["data"] is None
    made.place("a")
    assert code_of(made.request("POST", path, asked)) == (200, "ACCOUNT_UPDATE_LEVERAGE_FAILED_ORDER")


def test_public_reads_have_the_venues_shapes() -> None:
    made = bench()
    named = {"contractId": "30000002"}
    (book,) = made.request("GET", "/api/v2/public/quote/getDepth", {**named, "level": "15"})[1]["data"]
    assert (book["bids"][0], book["asks"][0], len(book["bids"])) == (
        {"price": "3000", "size": "0.1"}, {"price": "3001", "size": "0.1"}, 15,
    )  # fmt: skip
    assert code_of(made.request("GET", "/api/v2/public/quote/getDepth", {**named, "level": "5"})) == (
        400, "INVALID_DEPTH_LEVEL",
    )  # fmt: skip
    (row,) = made.request("GET", "/api/v2/public/quote/getTicker", named)[1]["data"]
    assert row["oraclePrice"] == "3000.5"
    assert made.request("GET", "/api/v2/public/funding/getLatestFundingRate", named)[1]["data"][0]["fundingRate"] == "0"
    listed = made.request("GET", "/api/v2/public/meta/getMetaData")[1]["data"]["contractList"]
    assert {"BTCUSDC", "ETHUSDC"} <= {row["contractName"] for row in listed}


# --- sockets --------------------------------------------------------------------------------------------------------


def test_a_socket_that_answers_no_ping_is_closed_after_five() -> None:
    made = bench()
    deaf, alive = made.open_public(), made.open_public()
    for _ in range(7):
        made.live(15)
        made.twin.socket_frame(alive, json.dumps({"type": "pong", "time": "1"}))
    assert made.closed == [deaf]
    assert sum(frame["type"] == "ping" for frame in made.frames[deaf]) == 5


def test_pings_of_the_client_are_answered_with_their_time() -> None:
    made = bench()
    socket = made.open_public()
    made.twin.socket_frame(socket, '{"type":"ping","time":"42"}')
    made.live()
    assert made.frames[socket] == [{"type": "pong", "time": "42"}]


@pytest.mark.parametrize(
    "channel, code",
    [
        ("depth.100000001.15", "INVALID_CONTRACT_ID"),
        ("depth.30000002.7", "INVALID_DEPTH_LEVEL"),
        ("nothing.30000002", "INVALID_CHANNEL"),
    ],
)
def test_a_wrong_subscription_is_an_error_that_does_not_name_it(channel: str, code: str) -> None:
    made = bench()
    socket = made.open_public(channel)
    (frame,) = made.frames[socket]
    assert (frame["type"], frame["content"]["code"], "channel" in frame) == ("error", code, False)


def test_depth_begins_whole_and_goes_on_in_a_chain() -> None:
    made = bench([quote(0, 30000, 30010), quote(5, 30001, 30010), quote(6, 30001, 30012), quote(3600, 30000, 30010)])
    channel = "depth.30000002.15"
    socket = made.open_public(channel)
    made.live(7)
    acknowledged, *books = [frame for frame in made.frames[socket] if frame["type"] != "ping"]
    assert acknowledged["type"] == "subscribed"
    rows = [frame["content"]["data"][0] for frame in books]
    assert [row["depthType"] for row in rows] == ["SNAPSHOT", "CHANGED", "CHANGED"]
    assert [int(b["startVersion"]) - int(a["endVersion"]) for a, b in itertools.pairwise(rows)] == [1, 1]
    assert {"price": "3000.1", "size": "0.1"} in rows[1]["bids"]
    assert {"price": "3001", "size": "0"} in rows[2]["asks"]


def test_funding_is_told_as_a_position_transaction() -> None:
    funding = FundingTerms(3_600_000_000_000, D("0.0001"))
    made = bench(FILLED, Switches(ping_every_ms=10**9), funding=funding)
    socket = made.open_private()
    made.place("a")
    made.live(3600)
    (row,) = [
        row
        for frame in made.frames[socket]
        if frame["type"] == "trade-event" and frame["content"]["event"] == "FUNDING_SETTLEMENT"
        for row in frame["content"]["data"]["positionTransaction"]
    ]
    assert (row["type"], row["contractId"], row["deltaFundingFee"]) == (
        "SETTLE_FUNDING_FEE", "30000002", "-0.030005",
    )  # fmt: skip
