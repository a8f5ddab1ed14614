"""The official SDK drives the twin over REST and both sockets, and signs as we do."""

from __future__ import annotations

from decimal import Decimal

from domain.market import Side
from exchanges.edgex.codec import signature_fields
from exchanges.edgex.signing import ApiSigner, OrderSigner, flatten
from exchanges.edgex.twin import open_twin
from exchanges.rehearsal.host import start_twin
from exchanges.rehearsal.setup import TwinSetup
from helpers.clock import SystemClock
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.edgex_twin import TERMS
from tests.support.referees import driven
from tests.support.tape import ScriptedMarket, quote

D = Decimal
TICKS = [quote(0, 30000, 30010, 500, 500), quote(3600, 30000, 30010)]


async def test_the_official_sdk_trades_on_the_twin_and_signs_as_we_do() -> None:
    # The SDK knows no other time than the machine's.
    clock = SystemClock()
    market = ScriptedMarket(TICKS, rules=RULES, scale=SCALE)
    twin = open_twin(TwinSetup("ETH", market, AccountTerms(balance=D(100_000)), clock.now_ns(), seed=3))
    running = await start_twin(twin, clock)
    try:
        got = await driven("edgex", running.env)
        env = running.env
    finally:
        await running.close()

    assert abs(int(got["time"]["data"]["timeMillis"]) - clock.now_ns() // 1_000_000) < 60_000
    assert "ETHUSDC" in [row["contractName"] for row in got["metadata"]["data"]["contractList"]]
    assert got["ticker"]["data"][0]["oraclePrice"] == "3000.5"
    assert got["placed"]["code"] == "SUCCESS"
    (resting,) = got["active"]["data"]["dataList"]
    assert (resting["clientOrderId"], resting["price"], resting["size"], resting["timeInForce"]) == (
        "sdk-1", "2990", "0.1", "POST_ONLY",
    )  # fmt: skip
    (crossing,) = got["crossing"]["data"]
    assert (crossing["cancelReason"], crossing["cumMatchSize"]) == ("COULD_NOT_FILL", "0")
    (bought,) = got["bought"]["data"]
    assert (bought["cumMatchSize"], bought["type"]) == ("0.05", "MARKET")
    assert [row["openSize"] for row in got["asset"]["data"]["positionList"]] == ["0.03"]
    assert list(got["cancelled"]["data"]["cancelResultMap"].values()) == ["SUCCESS"]
    assert got["gone"]["data"][0]["cancelReason"] == "USER_CANCELED"
    assert got["again"]["data"] == {"cancelResultMap": {"never": "FAILED_ORDER_NOT_FOUND"}}
    assert [(row["orderSide"], row["fillSize"], row["direction"]) for row in got["fills"]["data"]["dataList"]] == [
        ("SELL", "0.02", "TAKER"), ("BUY", "0.05", "TAKER"),
    ]  # fmt: skip
    assert got["max"]["data"]["bid1Price"] == "3000"
    assert twin.ledger()["position"] == "0.030"

    told = [row for frame in got["heard"]["order"] for row in frame["content"]["data"]["order"]]
    assert [row["status"] for row in told if row["clientOrderId"] == "sdk-1"] == [
        "PENDING", "OPEN", "CANCELING", "CANCELED",
    ]  # fmt: skip
    assert [row["status"] for row in told if row["clientOrderId"] == "sdk-2"] == ["PENDING", "CANCELED"]
    assert got["heard"]["depth"][0]["content"]["data"][0]["asks"][0] == {"price": "3001", "size": "0.5"}
    assert got["heard"]["ticker"]

    signer = OrderSigner(bytes.fromhex(env["EDGEX_SIGNER_PRIVATE_KEY"]), int(env["EDGEX_ACCOUNT_ID"]))
    for sent in got["sent"]:
        body = sent["body"]
        price = D(body["l2Value"]) / D(body["size"])
        signed = signer.sign(
            TERMS, Side[body["side"]], price, D(body["size"]), body["clientOrderId"], int(body["expireTime"])
        )
        ours = signature_fields(D(body["size"]), signed)
        assert {**ours, "l2Value": D(str(ours["l2Value"]))} == {
            name: D(body[name]) if name == "l2Value" else body[name] for name in ours
        }
    values = {"accountId": "12345", "orderIdList": ["560319434573128065"], "flag": True, "none": None}
    assert got["canonical"] == flatten(values)
    api = ApiSigner(env["EDGEX_API_KEY"], env["EDGEX_API_SECRET"], env["EDGEX_API_PASSPHRASE"])
    path = "/api/v2/private/order/cancelOrderById"
    assert got["signature"] == api.signature(1735689600000, "POST", path, values)
