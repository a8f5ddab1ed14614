"""A public client at work on the twin: run by its own interpreter, in an environment that holds it.

Reads the twin's variables as JSON from standard input, prints what the client got as JSON. It signs with the wallet
that owns the account, which the exchange takes as well as an approved API wallet.
"""

from __future__ import annotations

import json
import sys

import ccxt  # type: ignore[import-not-found]

SYMBOL = "ETH/USDT:USDT"


def client_of(env: dict[str, str]) -> ccxt.aster:
    """Bound to the twin: no other address is left in it, and it approves no fee of its makers."""
    client = ccxt.aster({"privateKey": env["USER_KEY"], "walletAddress": env["ASTER_USER"], "enableRateLimit": False})
    client.urls["api"] = dict.fromkeys(client.urls["api"], env["ASTER_BASE_URL"] + "/fapi")
    client.options["builderFee"] = False
    client.sapiPublicGetV3ExchangeInfo = lambda _params=None: {"symbols": []}
    return client


def told(error: Exception) -> list[str]:
    return [type(error).__name__, str(error)]


def main() -> None:
    env = json.load(sys.stdin)
    client = client_of(env)
    markets = client.load_markets()
    got: dict[str, object] = {
        "time": client.fetch_time(),
        "markets": sorted(markets),
        "precision": markets[SYMBOL]["precision"],
        "limits": markets[SYMBOL]["limits"],
        "touch": client.fapiPublicGetV3TickerBookTicker({"symbol": "ETHUSDT"}),
        "book": client.fetch_order_book(SYMBOL, 5),
        "balance": client.fetch_balance({"type": "swap"})["USDT"],
    }
    post_only = {"postOnly": True, "clientOrderId": "77"}
    placed = client.create_order(SYMBOL, "limit", "buy", 0.1, 2990, post_only)
    got["placed"] = placed
    got["open"] = client.fetch_open_orders(SYMBOL)
    got["queried"] = client.fetch_order(placed["id"], SYMBOL)
    result = {"postOnly": True, "clientOrderId": "78", "newOrderRespType": "RESULT"}
    got["crossing"] = client.create_order(SYMBOL, "limit", "buy", 0.1, 3001, result)
    got["bought"] = client.create_order(SYMBOL, "market", "buy", 0.05, None, {"newOrderRespType": "RESULT"})
    got["positions"] = client.fapiPrivateGetV3PositionRisk({"symbol": "ETHUSDT"})
    got["trades"] = client.fetch_my_trades(SYMBOL)
    got["cancelled"] = client.cancel_order(placed["id"], SYMBOL)
    try:
        client.cancel_order(placed["id"], SYMBOL)
    except ccxt.BaseError as error:
        got["gone"] = told(error)
    try:
        client.create_order(SYMBOL, "limit", "sell", 0.5, 3100, {"reduceOnly": True})
    except ccxt.BaseError as error:
        got["excess"] = told(error)
    got["mode"] = client.fetch_position_mode(SYMBOL)
    got["listen_key"] = client.fapiPrivatePostV3ListenKey()
    got["renewed"] = client.fapiPrivatePutV3ListenKey()
    got["fees"] = client.fapiPrivateGetV3CommissionRate({"symbol": "ETHUSDT"})
    client.milliseconds = lambda: 1_735_689_600_000
    got["signed"] = client.sign("v3/openOrders", ["fapiPrivate"], "GET", {"symbol": "ETHUSDT"})["url"].partition("?")[2]
    json.dump(got, sys.stdout)


main()
