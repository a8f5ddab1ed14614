"""The official SDK at work on the twin: run by its own interpreter, in an environment that holds the SDK.

Reads the twin's variables as JSON from standard input, prints what the SDK got as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from bpx.account import Account  # type: ignore[import-not-found]
from bpx.base.base_account import BaseAccount  # type: ignore[import-not-found]
from bpx.base.base_public import BasePublic  # type: ignore[import-not-found]
from bpx.public import Public  # type: ignore[import-not-found]

SYMBOL = "ETH_USDC_PERP"


def main() -> None:
    env = json.load(sys.stdin)
    base = env["BACKPACK_BASE_URL"] + "/"
    for holder in (BaseAccount, BasePublic):
        for name in dir(holder):
            if name.upper().endswith("URL") and getattr(holder, name) == "https://api.backpack.exchange/":
                setattr(holder, name, base)
    public = Public()
    account = Account(env["BACKPACK_PUBLIC_KEY"], env["BACKPACK_SECRET_KEY"])
    got: dict[str, object] = {
        "time": public.get_time(),
        "markets": [market["symbol"] for market in public.get_markets()],
        "depth": public.get_depth(SYMBOL),
        "account": account.get_account(),
        "balances": account.get_balances(),
        "flat": account.get_open_positions(),
    }
    got["placed"] = account.execute_order(
        SYMBOL, "Bid", "Limit", quantity="0.1", price="2990", post_only=True, time_in_force="GTC", client_id=77
    )
    order_id = got["placed"]["id"]  # type: ignore[index]
    got["open"] = account.get_open_orders("PERP", SYMBOL)
    got["queried"] = account.get_open_order(SYMBOL, order_id=order_id)
    got["crossing"] = account.execute_order(
        SYMBOL, "Bid", "Limit", quantity="0.1", price="3001", post_only=True, time_in_force="GTC", client_id=78
    )
    got["bought"] = account.execute_order(SYMBOL, "Bid", "Market", quantity="0.05", client_id=79)
    got["position"] = account.get_open_positions()
    got["cancelled"] = account.cancel_order(SYMBOL, order_id=order_id)
    got["gone"] = account.cancel_order(SYMBOL, order_id=order_id)
    time.sleep(0.5)  # The history lags behind, as at the venue.
    got["fills"] = account.get_fill_history(SYMBOL)
    got["history"] = account.get_order_history(SYMBOL)
    request = BaseAccount(env["BACKPACK_PUBLIC_KEY"], env["BACKPACK_SECRET_KEY"], 5000, False)
    parameters = {"symbol": SYMBOL, "side": "Ask", "quantity": "0.1", "reduceOnly": True, "clientId": 9}
    got["signature"] = request._sign(dict(parameters), "orderExecute", 1735689600000, 5000)
    json.dump(got, sys.stdout)


main()
