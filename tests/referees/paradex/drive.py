"""The official SDK at work on the twin: run by its own interpreter, in an environment that holds it.

Reads the twin's variables as JSON from standard input, prints what the SDK got as JSON. The SDK signs with a library
compiled from Rust, which has no wheels for the usual machines: the curve of starknet-py, which nobody here wrote
either, stands in for its four functions. What it needs for hardware wallets is not there, and not called.
"""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal
from types import ModuleType
from typing import Any

from starknet_py.hash import utils as curve  # type: ignore[import-not-found]

MARKET = "ETH-USD-PERP"


def stand_in(name: str, **functions: object) -> None:
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__dict__.update(functions)


def sign(private_key: int, msg_hash: int, seed: int) -> tuple[int, int]:
    return curve.message_signature(msg_hash, private_key, seed)  # type: ignore[no-any-return]


def verify(msg_hash: int, r: int, s: int, public_key: int) -> bool:
    return curve.verify_message_signature(msg_hash, [r, s], public_key)  # type: ignore[no-any-return]


stand_in(
    "starknet_crypto_py",
    get_public_key=curve.private_to_stark_key,
    pedersen_hash=curve.pedersen_hash,
    sign=sign,
    verify=verify,
)
stand_in("ledgereth")
stand_in("ledgereth.accounts", find_account=None)
stand_in("ledgereth.comms", init_dongle=None)
stand_in("ledgereth.messages", sign_typed_data_draft=None)

from paradex_py.account.account import ParadexAccount  # type: ignore[import-not-found] # noqa: E402
from paradex_py.api.api_client import ParadexApiClient  # type: ignore[import-not-found] # noqa: E402
from paradex_py.api.ws_client import (  # type: ignore[import-not-found] # noqa: E402
    ParadexWebsocketChannel,
    ParadexWebsocketClient,
)
from paradex_py.common.order import Order, OrderSide, OrderType  # type: ignore[import-not-found] # noqa: E402

CHANNELS = (
    ParadexWebsocketChannel.ORDERS,
    ParadexWebsocketChannel.FILLS,
    ParadexWebsocketChannel.POSITIONS,
    ParadexWebsocketChannel.BBO,
)


def order(client_id: str, size: str, price: str | None, side: str = "BUY", **more: Any) -> Order:
    kind = OrderType.Market if price is None else OrderType.Limit
    return Order(
        market=MARKET,
        order_type=kind,
        order_side=OrderSide(side),
        size=Decimal(size),
        limit_price=Decimal(price or 0),
        client_id=client_id,
        **more,
    )


class Stream:
    """One socket of the SDK; what it told of each channel, in order."""

    def __init__(self, env: dict[str, str], api: ParadexApiClient, *, is_binary: bool) -> None:
        self.told: dict[str, list[Any]] = {channel.name: [] for channel in CHANNELS}
        self._client = ParadexWebsocketClient(
            "testnet", ws_url_override=env["PARADEX_WS_URL"], api_client=api, sbe_enabled=is_binary
        )
        self._client.init_account(api.account)
        self.is_binary = is_binary

    async def open(self) -> None:
        assert await self._client.connect()
        for channel in CHANNELS if self.is_binary else CHANNELS[:3]:
            await self._client.subscribe(channel, self._hear, {"market": MARKET})
        await self.until(lambda: all(self._client.get_subscriptions().values()))

    async def _hear(self, channel: ParadexWebsocketChannel, message: dict[str, Any]) -> None:
        self.told[channel.name].append(message["params"]["data"])

    async def until(self, is_so: Any) -> None:
        """The SDK tells of no acknowledgement: one has to look."""
        async with asyncio.timeout(20):
            while not is_so():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self._client.close()


def refused(call: Any) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


async def traded(api: ParadexApiClient, streams: list[Stream]) -> dict[str, object]:
    """Orders of every kind, each looked at once the streams told of it."""

    async def ended(client_id: str) -> None:
        def has(stream: Stream) -> bool:
            name = "client_order_id" if stream.is_binary else "client_id"
            return any((row[name], row["status"]) == (client_id, "CLOSED") for row in stream.told["ORDERS"])

        for stream in streams:
            await stream.until(lambda stream=stream: has(stream))

    got: dict[str, object] = {}
    resting = api.submit_order(order("sdk-1", "0.1", "2990", instruction="POST_ONLY"))
    got["placed"] = resting
    for stream in streams:
        await stream.until(lambda stream=stream: any(row["status"] == "OPEN" for row in stream.told["ORDERS"]))
    got["open"] = api.fetch_orders({"market": MARKET})["results"]
    got["queried"] = api.fetch_order(resting["id"])
    got["by_client_id"] = api.fetch_order_by_client_id("sdk-1")
    got["twice"] = refused(lambda: api.submit_order(order("sdk-1", "0.1", "2989", instruction="POST_ONLY")))
    api.submit_order(order("sdk-2", "0.1", "3001", instruction="POST_ONLY"))
    await ended("sdk-2")
    got["crossed"] = api.fetch_order_by_client_id("sdk-2")
    api.submit_order(order("sdk-3", "0.05", None))
    await ended("sdk-3")
    api.submit_order(order("sdk-4", "0.02", None, "SELL", reduce_only=True))
    await ended("sdk-4")
    got["position"] = api.fetch_positions()["results"]
    got["fills"] = api.fetch_fills({"market": MARKET})["results"]
    api.cancel_order(resting["id"])
    await ended("sdk-1")
    got["gone"] = refused(lambda: api.cancel_order(resting["id"]))
    got["history"] = api.fetch_orders_history({"market": MARKET})["results"]
    return got


async def main() -> None:
    env = json.load(sys.stdin)
    api = ParadexApiClient("testnet", api_base_url=env["PARADEX_BASE_URL"])
    config = api.fetch_system_config()
    account = ParadexAccount(config, env["PARADEX_L1_ADDRESS"], l2_private_key=env["PARADEX_L2_PRIVATE_KEY"])
    api.init_account(account)
    streams = [Stream(env, api, is_binary=is_binary) for is_binary in (False, True)]
    for stream in streams:
        await stream.open()
    got: dict[str, object] = {
        "time": api.fetch_system_time(),
        "state": api.fetch_system_state(),
        "address": hex(account.l2_address),
        "markets": api.fetch_markets()["results"],
        "bbo": api.fetch_bbo(MARKET),
        "summary": api.fetch_markets_summary({"market": MARKET})["results"],
        "onboarding": api.fetch_onboarding(
            {"account_signer_type": "starknet", "public_key": hex(account.l2_public_key)}
        ),
        "account": vars(api.fetch_account_summary()),
        "balances": api.fetch_balances()["results"],
        **await traded(api, streams),
        "streams": [stream.told for stream in streams],
        "limits": vars(api.last_rate_limit),
    }
    for stream in streams:
        await stream.close()
    signed = order("grid-1", "0.1", "3100.5", "SELL", signature_timestamp=1_735_689_600_123)
    got["order"] = account.sign_order(signed)
    got["login"] = account.auth_signature(1_735_689_600, 1_735_776_000)
    json.dump(got, sys.stdout, default=str)


asyncio.run(main())
