"""Short words for tests of edgeX: good throw-away keys, and a setup that reaches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from exchanges.errors import NotSent
from exchanges.transport.messages import (
    ConnectionLost,
    Handshake,
    HttpRequest,
    HttpResponse,
    HttpTransport,
    WebSocketConnection,
)
from exchanges.transport.setup import ClientSetup
from helpers.clock import SystemClock

GOOD_ENV = {
    "EDGEX_ACCOUNT_ID": "12345",
    "EDGEX_API_KEY": "1f0c2e8a-90ab-4cde-8f01-23456789abcd",
    "EDGEX_API_SECRET": "k3mZQ7pWv2sLx9TbN4",
    "EDGEX_API_PASSPHRASE": "Yr8cHd5Jq1uF",
    "EDGEX_SIGNER_PRIVATE_KEY": "0123456789abcdef" * 4,
}


class NoNetwork:
    """Both transports of a machine without a network."""

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        raise NotSent("not sent: no connection")

    async def connect(self, handshake: Handshake, deadline_s: float) -> WebSocketConnection:
        raise ConnectionLost("no connection")

    async def close(self) -> None:
        """Nothing to close."""


def setup_with(env: Mapping[str, str], ticker: str = "ETH") -> ClientSetup:
    network = NoNetwork()

    def open_http(_base_url: str) -> HttpTransport:
        return network

    return ClientSetup(ticker, env.get, open_http, network, SystemClock(), Random(1))
