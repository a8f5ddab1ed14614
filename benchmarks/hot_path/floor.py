"""The least that can answer a fill with a signed take-profit: uvloop, picows, orjson and one warm connection.

No journal, no state, no limits, no checks of what came, no second thought: a floor to compare with, not a bot. It runs
in an environment of its own (`requirements.txt`); `benchmarks.fill_to_close` starts it with an address and a path.
`FLOOR_KEY` holds the secret key; without one nothing is signed.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from typing import Any

import orjson
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

_WINDOW_MS = 5_000
_TAKE_PROFIT = 1.0002


class _Wire(asyncio.Protocol):
    """The kept connection; answers are not even read."""


class _Listener(WSListener):  # type: ignore[misc]
    def __init__(self, wire: asyncio.Transport, target: str, host: str, secret_key: str) -> None:
        super().__init__()
        self._wire = wire
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret_key)) if secret_key else None
        public = base64.b64encode(self._key.public_key().public_bytes_raw()).decode() if self._key else ""
        self._head = (
            f"POST {target} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {public}\r\nX-Window: {_WINDOW_MS}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
        )
        self._client_id = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        del transport
        if frame.msg_type != WSMsgType.TEXT:
            return
        data: Any = orjson.loads(frame.get_payload_as_memoryview())["data"]
        if data["e"] != "orderFill":
            return
        self._client_id += 1
        price = f"{float(data['L']) * _TAKE_PROFIT + 0.05:.1f}"
        quantity, symbol, at_ms = data["l"], data["s"], time.time_ns() // 1_000_000
        signature = ""
        if self._key is not None:
            line = (
                f"instruction=orderExecute&clientId={self._client_id}&orderType=Limit&postOnly=true&price={price}"
                f"&quantity={quantity}&reduceOnly=true&side=Ask&symbol={symbol}&timeInForce=GTC"
                f"&timestamp={at_ms}&window={_WINDOW_MS}"
            )
            signature = base64.b64encode(self._key.sign(line.encode())).decode()
        body = orjson.dumps(
            {
                "symbol": symbol,
                "side": "Ask",
                "orderType": "Limit",
                "quantity": quantity,
                "clientId": self._client_id,
                "price": price,
                "timeInForce": "GTC",
                "postOnly": True,
                "reduceOnly": True,
            }
        )
        head = f"{self._head}X-Signature: {signature}\r\nX-Timestamp: {at_ms}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._wire.write(head.encode() + body)


async def main(address: str, path: str, secret_key: str) -> None:
    host, _, port = address.partition(":")
    wire, _ = await asyncio.get_running_loop().create_connection(_Wire, host, int(port))
    transport, _ = await ws_connect(lambda: _Listener(wire, path, address, secret_key), f"ws://{address}{path}")
    await transport.wait_disconnected()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], os.environ.get("FLOOR_KEY", "")))
