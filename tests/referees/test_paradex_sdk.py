"""The official SDK drives the twin: REST, the text socket and the binary one; and what it signs is what we sign."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import fast_stark_crypto

from exchanges.paradex import signing
from exchanges.paradex.twin import ParadexTwin
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.referees import driven
from tests.support.tape import ScriptedMarket, quote

CHAIN_ID = "PRIVATE_SN_POTC_SEPOLIA"
TICKS = [
    quote(0, 30000, 30010, 500, 500),
    *(quote(second, 30000, 30010, 500 + second % 2, 500) for second in range(1, 20)),
    quote(3600, 30000, 30010),
]


async def test_the_official_sdk_trades_on_the_twin_and_signs_as_we_do() -> None:
    # The SDK knows no other time than the machine's.
    clock = SystemClock()
    market = ScriptedMarket(TICKS, rules=RULES, scale=SCALE)
    twin = ParadexTwin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), clock.now_ns(), seed=3))
    running = await start_twin(twin, clock)
    try:
        got = await driven("paradex", running.env)
    finally:
        await running.close()
    assert got["address"] == hex(twin.account.address)
    assert [(row["symbol"], row["price_tick_size"]) for row in got["markets"]] == [("ETH-USD-PERP", "0.1")]
    assert (got["bbo"]["bid"], got["bbo"]["ask"]) == ("3000", "3001")
    assert [(row["symbol"], row["mark_price"]) for row in got["summary"]] == [("ETH-USD-PERP", "3000.5")]
    assert (got["onboarding"]["exists"], got["onboarding"]["address"]) == (True, got["address"])
    assert (got["account"]["account_value"], got["account"]["status"]) == ("100000", "ACTIVE")
    assert (got["limits"]["limit"], got["limits"]["window"]) == (600, 60)
    check_orders(got)
    text, binary = got["streams"]
    assert {(row["bid_price"], row["ask_price"]) for row in binary["BBO"]} == {("3000.00000000", "3001.00000000")}
    assert told(text, "client_id", "remaining_size") == told(binary, "client_order_id", "size_open") == STORY
    check_trades(text["FILLS"], binary["FILLS"])
    assert [Decimal(row["size"]) for row in text["POSITIONS"]] == [Decimal("0.05"), Decimal("0.03")]
    assert [Decimal(row["size"]) for row in binary["POSITIONS"]] == [Decimal("0.05"), Decimal("0.03")]
    check_signatures(twin, got)
    assert twin.ledger()["position"] == "0.030"


def check_orders(got: dict[str, Any]) -> None:
    placed = got["placed"]
    words = (placed["status"], placed["client_id"], placed["price"], placed["size"], placed["instruction"])
    assert words == ("NEW", "sdk-1", "2990", "0.1", "POST_ONLY")
    found = [*got["open"], got["queried"], got["by_client_id"]]
    assert [(row["id"], row["status"]) for row in found] == [(placed["id"], "OPEN")] * 3
    assert "DUPLICATED_CLIENT_ID" in got["twice"]
    assert (got["crossed"]["status"], got["crossed"]["cancel_reason"]) == ("CLOSED", "POST_ONLY_WOULD_CROSS")
    assert [(row["size"], row["side"], row["status"]) for row in got["position"]] == [("0.03", "LONG", "OPEN")]
    fills = [(row["client_id"], row["side"], row["size"], row["liquidity"], row["fee"]) for row in got["fills"]]
    assert fills == [("sdk-4", "SELL", "0.02", "TAKER", "0.03"), ("sdk-3", "BUY", "0.05", "TAKER", "0.075025")]
    assert "ORDER_IS_CLOSED" in got["gone"]
    assert [row["client_id"] for row in got["history"]] == ["sdk-4", "sdk-3", "sdk-2", "sdk-1"]


STORY = [
    ("sdk-1", "NEW", Decimal("0.1")),
    ("sdk-1", "OPEN", Decimal("0.1")),
    ("sdk-2", "NEW", Decimal("0.1")),
    ("sdk-2", "CLOSED", Decimal("0.1")),
    ("sdk-3", "NEW", Decimal("0.05")),
    ("sdk-3", "OPEN", Decimal("0.05")),
    ("sdk-3", "CLOSED", Decimal(0)),
    ("sdk-4", "NEW", Decimal("0.02")),
    ("sdk-4", "OPEN", Decimal("0.02")),
    ("sdk-4", "CLOSED", Decimal(0)),
    ("sdk-1", "CLOSED", Decimal("0.1")),
]
"""What the orders channel tells, in text and in binary: id, status, what is left."""


def told(stream: dict[str, Any], client_id: str, remaining: str) -> list[tuple[str, str, Decimal]]:
    rows = [(row[client_id], row["status"], Decimal(row[remaining])) for row in stream["ORDERS"]]
    return list(dict.fromkeys(rows))


def check_trades(text: list[dict[str, Any]], binary: list[dict[str, Any]]) -> None:
    by_text = [(row["id"], row["side"], Decimal(row["price"]), Decimal(row["size"])) for row in text]
    by_binary = [(row["fill_id"], row["side"], Decimal(row["price"]), Decimal(row["size"])) for row in binary]
    assert [trade[1:] for trade in by_text] == [
        ("BUY", Decimal(3001), Decimal("0.05")),
        ("SELL", Decimal(3000), Decimal("0.02")),
    ]
    assert by_text == by_binary


def check_signatures(twin: ParadexTwin, got: dict[str, Any]) -> None:
    """Each library picks its own k, so not the numbers are compared but what they were made over."""
    account, key = twin.account.address, signing.StarkKey(twin.account.private_key)
    order = signing.order_hash(1_735_689_600_123, "ETH-USD-PERP", "SELL", "LIMIT", Decimal("0.1"), Decimal("3100.5"))
    login = signing.login_hash(1_735_689_600, 1_735_776_000)
    for struct_hash, signature in ((order, got["order"]), (login, got["login"])):
        r, s = (int(number) for number in json.loads(signature))
        assert fast_stark_crypto.verify(key.public, signing.message_hash(CHAIN_ID, account, struct_hash), r, s)
