"""The official SDK at work on the twin: run by its own interpreter, in an environment that holds the SDK.

Reads the twin's variables as JSON from standard input, prints what the SDK got as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from edgex_sdk.client import Client  # type: ignore[import-not-found]
from edgex_sdk.internal.auth import build_hmac_signature, get_value  # type: ignore[import-not-found]
from edgex_sdk.order.types import (  # type: ignore[import-not-found]
    CancelOrderParams,
    GetActiveOrderParams,
    OrderFillTransactionParams,
    OrderSide,
    TimeInForce,
)
from edgex_sdk.ws.manager import Manager  # type: ignore[import-not-found]

CONTRACT = "30000002"


async def eventually(ask: Any, holds: Any) -> Any:
    """Ask again until the venue has done what it only queued."""
    deadline_s = time.monotonic() + 10
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"the twin never did it: {answer}")
        await asyncio.sleep(0.05)


async def trade(env: dict[str, str]) -> dict[str, Any]:
    got: dict[str, Any] = {}
    sent: list[dict[str, Any]] = []
    async with Client(
        base_url=env["EDGEX_BASE_URL"],
        account_id=int(env["EDGEX_ACCOUNT_ID"]),
        api_key=env["EDGEX_API_KEY"],
        api_passphrase=env["EDGEX_API_PASSPHRASE"],
        api_secret=env["EDGEX_API_SECRET"],
        trading_private_key=env["EDGEX_SIGNER_PRIVATE_KEY"],
    ) as sdk:
        request = sdk.async_client.make_authenticated_request

        async def seen(method: str, path: str, **parts: Any) -> Any:
            if parts.get("data"):
                sent.append({"path": path, "body": parts["data"]})
            return await request(method=method, path=path, **parts)

        sdk.async_client.make_authenticated_request = seen
        got["time"] = await sdk.get_server_time()
        got["metadata"] = await sdk.get_metadata()
        got["ticker"] = await sdk.get_24_hour_quote(CONTRACT)
        got["flat"] = await sdk.get_account_positions()
        placed = await sdk.create_limit_order(CONTRACT, "0.1", "2990", OrderSide.BUY, TimeInForce.POST_ONLY, "sdk-1")
        got["placed"] = placed
        order_id = placed["data"]["orderId"]
        active = GetActiveOrderParams(size="50", filter_contract_id_list=[CONTRACT])
        got["active"] = await eventually(
            lambda: sdk.get_active_orders(active), lambda a: a["data"]["dataList"][0]["status"] == "OPEN"
        )
        await sdk.create_limit_order(CONTRACT, "0.1", "3001", OrderSide.BUY, TimeInForce.POST_ONLY, "sdk-2")
        by_client_id = sdk.order.get_orders_by_client_order_id
        got["crossing"] = await eventually(
            lambda: by_client_id(["sdk-2"]), lambda a: a["data"][0]["status"] == "CANCELED"
        )
        await sdk.create_market_order(CONTRACT, "0.05", OrderSide.BUY, "sdk-3")
        got["bought"] = await eventually(lambda: by_client_id(["sdk-3"]), lambda a: a["data"][0]["status"] == "FILLED")
        await sdk.create_market_order(CONTRACT, "0.02", OrderSide.SELL, "sdk-4", reduce_only=True)
        await eventually(lambda: by_client_id(["sdk-4"]), lambda a: a["data"][0]["status"] == "FILLED")
        got["asset"] = await sdk.get_account_asset()
        got["cancelled"] = await sdk.cancel_order(CancelOrderParams(order_id=order_id))
        got["gone"] = await eventually(
            lambda: sdk.order.get_orders_by_id([order_id]), lambda a: a["data"][0]["status"] == "CANCELED"
        )
        got["again"] = await sdk.cancel_order(CancelOrderParams(client_order_id="never"))
        got["fills"] = await sdk.get_order_fill_transactions(
            OrderFillTransactionParams(size="50", filter_contract_id_list=[CONTRACT])
        )
        got["max"] = await sdk.order.get_max_order_size(CONTRACT, 3000.0)
    got["sent"] = [item for item in sent if item["path"].endswith("createOrder")]
    return got


def listen(env: dict[str, str]) -> dict[str, Any]:
    """Both sockets, through the SDK's own threads."""
    heard: dict[str, list[Any]] = {"order": [], "depth": [], "ticker": [], "errors": []}
    manager = Manager(
        env["EDGEX_WS_URL"],
        int(env["EDGEX_ACCOUNT_ID"]),
        env["EDGEX_API_KEY"],
        env["EDGEX_API_PASSPHRASE"],
        env["EDGEX_API_SECRET"],
    )
    manager.subscribe_order_update(lambda text: heard["order"].append(json.loads(text)))
    manager.connect_private()
    manager.connect_public()
    manager.subscribe_depth(CONTRACT, lambda text: heard["depth"].append(json.loads(text)))
    manager.subscribe_ticker(CONTRACT, lambda text: heard["ticker"].append(json.loads(text)))
    time.sleep(0.3)
    trading = asyncio.run(trade(env))
    deadline_s = time.monotonic() + 5
    while time.monotonic() < deadline_s and not (heard["ticker"] and heard["depth"]):
        time.sleep(0.05)
    manager.disconnect_all()
    trading["heard"] = heard
    return trading


def main() -> None:
    env = json.load(sys.stdin)
    got = listen(env)
    body = {"accountId": "12345", "orderIdList": ["560319434573128065"], "flag": True, "none": None}
    got["canonical"] = get_value(body)
    got["signature"] = build_hmac_signature(
        env["EDGEX_API_SECRET"], "1735689600000", "POST", "/api/v2/private/order/cancelOrderById", get_value(body)
    )
    json.dump(got, sys.stdout)


main()
