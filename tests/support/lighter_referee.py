"""Lighter's own SDK drives a twin, in a process of its own: it prints what it got, as one JSON object.

Started with the twin's variables in the environment. The SDK needs a second and 70 MB to be imported, and may do as it
likes with warnings; neither belongs into the tests' process.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import Any

lighter: Any = importlib.import_module("lighter")
websockets: Any = importlib.import_module("websockets")
"""Both are typed after their own fashion, and may not be there."""


async def main() -> dict[str, object]:
    url, account = os.environ["LIGHTER_BASE_URL"], int(os.environ["LIGHTER_ACCOUNT_INDEX"])
    key_index, key = int(os.environ["LIGHTER_API_KEY_INDEX"]), os.environ["API_KEY_PRIVATE_KEY"]
    told: dict[str, object] = {}
    client = lighter.SignerClient(url, account, {key_index: key}, chain_id=304)
    told["check"] = client.check_client()
    token, _ = client.create_auth_token_with_expiry(600, api_key_index=key_index)
    async with websockets.connect(os.environ["LIGHTER_WS_URL"]) as socket:
        told["connected"] = json.loads(await socket.recv())["type"]
        channel = f"account_all_orders/{account}"
        await socket.send(json.dumps({"type": "subscribe", "channel": channel, "auth": token}))
        told["subscribed"] = json.loads(await socket.recv())
        api = client.api_client
        details = await lighter.OrderApi(api).order_book_details(market_id=0)
        told["market"] = details.order_book_details[0].symbol
        _, sent, error = await client.create_order(
            market_index=0,
            client_order_index=77,
            base_amount=100,
            price=29990,
            is_ask=0,
            order_type=client.ORDER_TYPE_LIMIT,
            time_in_force=client.ORDER_TIME_IN_FORCE_POST_ONLY,
            reduce_only=0,
            trigger_price=0,
        )
        told["placed"] = [sent.code if sent else None, error]
        told["news"] = _orders(json.loads(await socket.recv()))
        orders = await lighter.OrderApi(api).account_active_orders(token, account, market_id=0)
        told["open"] = [[order.client_order_index, order.status, order.price] for order in orders.orders]
        accounts = await lighter.AccountApi(api).account(by="index", value=str(account))
        told["account"] = accounts.accounts[0].index
        _, sent, error = await client.cancel_order(market_index=0, order_index=77)
        told["cancelled"] = [sent.code if sent else None, error]
        told["end"] = _orders(json.loads(await socket.recv()))
        signed = client.sign_create_order(
            0, 78, 100, 29990, 0, 0, 2, 0, 0, -1, nonce=1_000_000, api_key_index=key_index, skip_nonce=1
        )
        message = {
            "type": "jsonapi/sendtx",
            "data": {"id": "1", "tx_type": signed[0], "tx_info": json.loads(signed[1])},
        }
        await socket.send(json.dumps(message))
        told["sent"] = json.loads(await socket.recv())["code"]
        told["later"] = _orders(json.loads(await socket.recv()))
    await client.close()
    return told


def _orders(frame: dict[str, Any]) -> list[object]:
    return [[row["client_order_index"], row["status"]] for rows in frame["orders"].values() for row in rows]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main())))
