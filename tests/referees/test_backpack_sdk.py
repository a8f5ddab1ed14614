"""The official SDK drives the twin, and signs as we do."""

from __future__ import annotations

from decimal import Decimal

from exchanges.backpack.signing import Signer, signing_line
from exchanges.backpack.twin import BackpackTwin
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.referees import driven
from tests.support.tape import ScriptedMarket, quote

TICKS = [quote(0, 30000, 30010, 500, 500), quote(3600, 30000, 30010)]


async def test_the_official_sdk_trades_on_the_twin_and_signs_as_we_do() -> None:
    # The SDK knows no other time than the machine's.
    clock = SystemClock()
    market = ScriptedMarket(TICKS, rules=RULES, scale=SCALE)
    twin = BackpackTwin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), clock.now_ns(), seed=3))
    running = await start_twin(twin, clock)
    try:
        got = await driven("backpack", running.env)
        env = running.env
    finally:
        await running.close()
    assert got["markets"] == ["ETH_USDC_PERP"]
    assert got["depth"]["asks"][0][0] == "3001"
    assert got["account"]["futuresTakerFee"] == "5"
    assert got["flat"] == []
    placed = got["placed"]
    assert (placed["status"], placed["clientId"], placed["price"], placed["quantity"]) == ("New", 77, "2990", "0.1")
    assert [order["id"] for order in got["open"]] == [placed["id"]] == [got["queried"]["id"]]
    assert got["crossing"]["code"] == "INVALID_ORDER"
    assert (got["bought"]["status"], got["bought"]["executedQuantity"]) == ("Filled", "0.05")
    assert [row["netQuantity"] for row in got["position"]] == ["0.05"]
    assert got["cancelled"]["status"] == "Cancelled"
    assert got["gone"]["code"] == "RESOURCE_NOT_FOUND"
    assert [(fill["quantity"], fill["clientId"], fill["isMaker"]) for fill in got["fills"]] == [("0.05", "79", False)]
    assert sorted(order["status"] for order in got["history"]) == ["Cancelled", "Filled"]
    signer = Signer(env["BACKPACK_PUBLIC_KEY"], env["BACKPACK_SECRET_KEY"])
    parameters: dict[str, str | int | bool] = {
        "symbol": "ETH_USDC_PERP", "side": "Ask", "quantity": "0.1", "reduceOnly": True, "clientId": 9,
    }  # fmt: skip
    assert got["signature"] == signer.sign(signing_line("orderExecute", parameters, 1735689600000, 5000))
    assert twin.ledger()["position"] == "0.050"
