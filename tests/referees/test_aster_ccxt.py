"""A public client that nobody here wrote drives the twin, and signs as we do."""

from __future__ import annotations

from decimal import Decimal

from coincurve import PrivateKey

from exchanges.aster.signing import message_digest, sign_digest
from exchanges.aster.twin import AsterTwin
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.referees import driven
from tests.support.tape import ScriptedMarket, quote

TICKS = [quote(0, 30000, 30010, 500, 500), quote(3600, 30000, 30010)]


async def test_a_public_client_trades_on_the_twin_and_signs_as_we_do() -> None:
    # It knows no other time than the machine's.
    clock = SystemClock()
    market = ScriptedMarket(TICKS, rules=RULES, scale=SCALE)
    twin = AsterTwin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(100_000)), clock.now_ns(), seed=3))
    running = await start_twin(twin, clock)
    user_key = twin.identity.user_key
    try:
        got = await driven("aster", {**running.env, "USER_KEY": "0x" + user_key.hex()})
    finally:
        await running.close()
    assert got["markets"] == ["ETH/USDT:USDT", "SOON/USDT:USDT"]
    assert got["precision"]["price"] == 0.1
    assert (got["touch"]["bidPrice"], got["touch"]["askPrice"]) == ("3000", "3001")
    assert got["book"]["bids"] == [[3000.0, 0.5]]
    assert got["balance"]["total"] == 100_000
    placed = got["placed"]
    assert (placed["status"], placed["clientOrderId"], placed["price"], placed["amount"]) == ("open", "77", 2990, 0.1)
    assert [order["id"] for order in got["open"]] == [placed["id"]] == [got["queried"]["id"]]
    assert (got["crossing"]["status"], got["crossing"]["info"]["status"]) == ("canceled", "EXPIRED")
    assert (got["bought"]["status"], got["bought"]["filled"]) == ("closed", 0.05)
    assert [row["positionAmt"] for row in got["positions"]] == ["0.05"]
    assert [(trade["amount"], trade["takerOrMaker"], trade["fee"]["cost"]) for trade in got["trades"]] == [
        (0.05, "taker", 0.075025)
    ]
    assert got["cancelled"]["info"]["status"] == "CANCELED"
    assert got["gone"][0] == "OrderNotFound"
    assert '"code":-2022' in got["excess"][1]
    assert got["mode"]["hedged"] is False
    assert (len(got["listen_key"]["listenKey"]), got["renewed"]) == (64, {})
    text, _, signature = got["signed"].rpartition("&signature=0x")
    assert signature.lower() == sign_digest(PrivateKey(user_key), message_digest(text, 1666))
    assert twin.ledger()["position"] == "0.050"
