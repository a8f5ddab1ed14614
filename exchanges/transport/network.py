"""The network form of both protocols, over aiohttp.

Certificates are always checked, redirects never followed, proxies and netrc never read from the environment, cookies
never kept. A request is sent at most once: whether it came to be written to a connection is what tells `NotSent` from
`OutcomeUnknown`.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp
from yarl import URL

from exchanges.errors import NotSent, OutcomeUnknown
from exchanges.transport.departure import Departure, answered
from exchanges.transport.messages import (
    ConnectionLost,
    Frame,
    Handshake,
    Headers,
    HttpRequest,
    HttpResponse,
    HttpTransport,
    WebSocketConnection,
    WebSocketTransport,
)

_LARGEST_BODY = 64 << 20
_LARGEST_MESSAGE = 16 << 20
_KEEP_ALIVE_S = 75.0
_CONNECTIONS = 16
_CLOSE_WITHIN_S = 2.0
_CLOSED = "the connections have been closed"


class Network:
    """Connections of one process, kept warm and shared by all transports made from it.

    Requests and sockets have connections of their own: opening a socket would otherwise take a warm one away, and the
    next request, which may be a close, would have to wait for a new one.
    """

    def __init__(self) -> None:
        self._connector: aiohttp.BaseConnector | None = None
        self._socket_session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self.sockets: WebSocketTransport = _Sockets(self)

    def open_http(self, base_url: str) -> HttpTransport:
        """A transport to a checked base address (see `exchanges.transport.endpoints`)."""
        return _Http(self, base_url)

    async def close(self) -> None:
        """Close every connection, for good. Idempotent."""
        self._is_closed = True
        connector, session = self._connector, self._socket_session
        self._connector = self._socket_session = None
        if connector is not None:
            await connector.close()
        if session is not None:
            await session.close()

    @property
    def connector(self) -> aiohttp.BaseConnector:
        """For requests. Made on first use, on the running loop. Raises `NotSent` after `close`."""
        if self._is_closed:
            raise NotSent(f"not sent: {_CLOSED}")
        if self._connector is None:
            self._connector = _new_connector()
        return self._connector

    @property
    def socket_session(self) -> aiohttp.ClientSession:
        """For sockets. Made on first use, on the running loop. Raises `ConnectionLost` after `close`."""
        if self._is_closed:
            raise ConnectionLost(_CLOSED)
        if self._socket_session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_redirect.append(_refuse_redirect)
            self._socket_session = aiohttp.ClientSession(
                connector=_new_connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                trust_env=False,
                trace_configs=[trace],
            )
        return self._socket_session


def _new_connector() -> aiohttp.BaseConnector:
    return aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_S)


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise ConnectionLost("the exchange redirects, which is not followed")


class _Http:
    def __init__(self, network: Network, base_url: str) -> None:
        self._network = network
        self._base_url = base_url

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        departure = self._written(request)
        try:
            async with asyncio.timeout(deadline_s), await answered(departure, self._network.connector) as response:
                body = await _whole_body(response)
                return HttpResponse(response.status, _headers(response), body)
        except TimeoutError:
            raise _failed(departure, f"no answer within {deadline_s:.1f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(departure, f"the connection failed ({type(error).__name__})") from None

    async def close(self) -> None:
        """The connections belong to the `Network`."""

    def _written(self, request: HttpRequest) -> Departure:
        """Raises `NotSent`, by the kind of the error alone: its text may hold an address with its signature."""
        try:
            return Departure(self._base_url, request)
        except (ValueError, TypeError) as error:
            raise NotSent(f"not sent: the request cannot be written ({type(error).__name__})") from None


def _failed(departure: Departure, reason: str) -> NotSent | OutcomeUnknown:
    return OutcomeUnknown(reason) if departure.has_left else NotSent(f"not sent: {reason}")


def _headers(response: aiohttp.ClientResponse) -> Headers:
    return tuple((str(name), str(value)) for name, value in response.headers.items())


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(1 << 16):
        size += len(part)
        if size > _LARGEST_BODY:
            raise aiohttp.ClientPayloadError("the answer is too large")
        parts.append(part)
    return b"".join(parts)


class _Sockets:
    def __init__(self, network: Network) -> None:
        self._network = network

    async def connect(self, handshake: Handshake, deadline_s: float) -> WebSocketConnection:
        try:
            async with asyncio.timeout(deadline_s):
                socket = await self._network.socket_session.ws_connect(
                    URL(handshake.url, encoded=True),
                    headers=list(handshake.headers),
                    max_msg_size=_LARGEST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WITHIN_S),
                )
        except TimeoutError:
            raise ConnectionLost(f"no connection within {deadline_s:.0f} s") from None
        except aiohttp.WSServerHandshakeError as error:
            raise ConnectionLost(f"the exchange refused the connection with status {error.status}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"no connection ({type(error).__name__})") from None
        return _Connection(socket)


class _Connection:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._socket = socket

    async def send(self, frame: Frame) -> None:
        try:
            await (self._socket.send_str(frame) if isinstance(frame, str) else self._socket.send_bytes(frame))
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection failed ({type(error).__name__})") from None

    async def ping(self) -> None:
        try:
            await self._socket.ping()
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection failed ({type(error).__name__})") from None

    async def receive(self) -> Frame:
        message = await self._socket.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            frame: Frame = message.data
            return frame
        if message.type is aiohttp.WSMsgType.ERROR:
            raise ConnectionLost(f"the connection failed ({type(self._socket.exception()).__name__})")
        raise ConnectionLost(f"the exchange closed the connection (code {self._socket.close_code})")

    async def close(self) -> None:
        try:
            await self._socket.close()
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"the connection failed ({type(error).__name__})") from None
