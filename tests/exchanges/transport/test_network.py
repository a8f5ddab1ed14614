"""The network form over real sockets on loopback: what has left and what has not, and what is never done."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from exchanges.errors import NotSent, OutcomeUnknown
from exchanges.transport.departure import Departure
from exchanges.transport.messages import ConnectionLost, Handshake, HttpRequest, HttpResponse
from exchanges.transport.network import Network

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Counts what arrives; behaves as told by path."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.hold = asyncio.Event()
        self.base_url = ""
        self.connections: Callable[[], set[object]] = set

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.raw_path}")
        match request.path:
            case "/hang":
                await self.hold.wait()
            case "/cut":
                assert request.transport is not None
                request.transport.abort()
            case "/away":
                return web.Response(status=302, headers={"Location": f"{self.base_url}/stolen"})
            case "/echo":
                return web.json_response({"headers": dict(request.headers), "body": (await request.read()).decode()})
            case "/half":
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                assert request.transport is not None
                request.transport.close()
                return response
            case "/ws":
                return await self.talk(request)
        return web.Response(text="fine", headers={"Set-Cookie": "a=b"})

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        channel = web.WebSocketResponse()
        await channel.prepare(request)
        async for message in channel:
            if message.type is WSMsgType.TEXT and message.data == "bye":
                await channel.close(code=4000)
            elif message.type is WSMsgType.TEXT:
                await channel.send_str(message.data.upper())
            else:
                await channel.send_bytes(message.data[::-1])
        return channel


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    assert runner.server is not None
    serving = runner.server
    made.connections = lambda: set(serving.connections)
    yield made
    made.hold.set()
    await runner.cleanup()


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    made = Network()
    yield made
    await made.close()


async def send(network: Network, server: Server, method: str, target: str, deadline_s: float = 5) -> HttpResponse:
    return await network.open_http(server.base_url).send(HttpRequest(method, target), deadline_s)


async def test_a_request_arrives_as_it_was_signed(network: Network, server: Server) -> None:
    target = "/echo?b=%20x&a=1%2C2&json=%5B%22x%22%5D"
    request = HttpRequest("POST", target, (("X-Sign", "abc"), ("Content-Type", "application/json")), b'{"a":1}')
    response = await network.open_http(server.base_url).send(request, 5)
    assert server.seen == [f"POST {target}"]
    assert response.status == 200
    assert b'"X-Sign": "abc"' in response.body
    assert b"User-Agent" not in response.body


async def test_without_a_connection_nothing_has_left(network: Network) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotSent):
        await network.open_http(f"http://127.0.0.1:{port}").send(HttpRequest("POST", "/order"), 5)
    with pytest.raises(NotSent):
        await network.open_http("http://no-such-host.invalid").send(HttpRequest("POST", "/order"), 5)


@pytest.mark.parametrize("path", ["/hang", "/cut", "/half"])
async def test_once_it_has_left_the_outcome_is_unknown(network: Network, server: Server, path: str) -> None:
    with pytest.raises(OutcomeUnknown):
        await send(network, server, "POST", path, 0.2)
    assert server.seen == [f"POST {path}"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "GET"])
async def test_a_kept_connection_that_breaks_sends_nothing_twice(
    network: Network, server: Server, method: str
) -> None:
    await send(network, server, "GET", "/")
    with pytest.raises(OutcomeUnknown):
        await send(network, server, method, "/cut")
    assert server.seen == ["GET /", f"{method} /cut"]


async def test_redirects_are_not_followed_and_cookies_not_kept(network: Network, server: Server) -> None:
    assert (await send(network, server, "GET", "/away")).status == 302
    await send(network, server, "GET", "/")
    assert b"Cookie" not in (await send(network, server, "GET", "/echo")).body
    with pytest.raises(ConnectionLost, match="redirect"):
        await network.sockets.connect(Handshake(f"{server.base_url.replace('http', 'ws')}/away"), 5)
    assert "GET /stolen" not in server.seen


async def test_proxies_of_the_environment_are_not_used(
    network: Network, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await send(network, server, "GET", "/")).body == b"fine"


async def test_a_socket_carries_text_and_bytes_and_says_why_it_ended(network: Network, server: Server) -> None:
    url = f"{server.base_url.replace('http', 'ws')}/ws"
    connection = await network.sockets.connect(Handshake(url), 5)
    await connection.send("abc")
    assert await connection.receive() == "ABC"
    await connection.send(b"\x01\x02")
    assert await connection.receive() == b"\x02\x01"
    await connection.ping()
    await connection.send("bye")
    with pytest.raises(ConnectionLost, match="4000"):
        await connection.receive()
    with pytest.raises(ConnectionLost):
        await connection.send("more")
    await connection.close()
    await connection.close()


async def test_a_socket_that_is_refused_says_the_status_and_no_address(network: Network, server: Server) -> None:
    url = f"{server.base_url.replace('http', 'ws')}/plain?listenKey=hunter2"
    with pytest.raises(ConnectionLost) as refused:
        await network.sockets.connect(Handshake(url), 5)
    assert "200" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConnectionLost):
        await network.sockets.connect(Handshake(f"{server.base_url.replace('http', 'ws')}/hang"), 0.2)


async def test_small_messages_are_not_held_back_to_be_sent_together(network: Network, server: Server) -> None:
    """The library sees to it, for every connection alike; a close would wait up to 40 ms otherwise."""
    request = await network.connector.connect(
        Departure(server.base_url, HttpRequest("GET", "/")), [], aiohttp.ClientTimeout()
    )
    assert request.transport is not None
    wires = [request.transport.get_extra_info("socket")]
    async with network.socket_session.ws_connect(f"{server.base_url}/ws") as channel:
        wires.append(channel.get_extra_info("socket"))
        assert [bool(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for wire in wires] == [True, True]
    request.close()


async def test_opening_a_socket_takes_no_warm_connection_away(network: Network, server: Server) -> None:
    await send(network, server, "GET", "/")
    warm = server.connections()
    handshake = Handshake(server.base_url.replace("http", "ws") + "/ws")
    channel = await network.sockets.connect(handshake, 5)
    opened = server.connections()
    await send(network, server, "GET", "/")
    assert (len(warm), len(opened), server.connections()) == (1, 2, opened)
    await channel.close()


@pytest.mark.parametrize(
    "base_url, request_, reason",
    [
        ("http://127.0.0.1:1", HttpRequest("PO\nST", "/order?sig=hunter2"), "ValueError"),
        ("http://host:port", HttpRequest("POST", "/order?sig=hunter2"), "ValueError"),
        ("http://", HttpRequest("POST", "/order?sig=hunter2"), "InvalidURL"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order", (), 7), "TypeError"),  # type: ignore[arg-type]
        ("http://127.0.0.1:1", HttpRequest("POST", "/order", (("X-Sign", "hunter2\nX: y"),)), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order", (("X-Sign\r", "hunter2"),)), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order", (("X-Sign", "hunter2\ud800"),)), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order?sig=hunter2\r\n"), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/or\tder?sig=hunter2"), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order?sig=hunter2#x"), "ValueError"),
        ("http://127.0.0.1:1", HttpRequest("POST", "/order?sig=hunter2 x"), "ValueError"),
    ],
)
async def test_a_request_that_cannot_travel_as_it_was_signed_is_not_sent_and_not_told(
    network: Network, server: Server, base_url: str, request_: HttpRequest, reason: str
) -> None:
    address = server.base_url if base_url.endswith(":1") else base_url
    with pytest.raises(NotSent) as refused:
        await network.open_http(address).send(request_, 5)
    assert str(refused.value) == f"not sent: the request cannot be written ({reason})"
    assert server.seen == []


async def test_a_closed_network_connects_no_more(server: Server) -> None:
    network = Network()
    http, handshake = network.open_http(server.base_url), Handshake(server.base_url.replace("http", "ws") + "/ws")
    assert (await http.send(HttpRequest("GET", "/"), 5)).status == 200
    await network.close()
    await network.close()
    with pytest.raises(NotSent, match=r"^not sent: the connections have been closed$"):
        await http.send(HttpRequest("GET", "/"), 5)
    with pytest.raises(ConnectionLost, match=r"^the connections have been closed$"):
        await network.sockets.connect(handshake, 5)
    assert server.seen == ["GET /"]
