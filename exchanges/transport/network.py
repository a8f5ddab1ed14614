"""The network form of both protocols, over aiohttp.

Certificates are always checked, redirects never followed, proxies and netrc never read from the environment, cookies
never kept. A request is sent at most once: whether its headers were written is what tells `NotSent` from
`OutcomeUnknown`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
from yarl import URL

from exchanges.errors import NotSent, OutcomeUnknown
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


@dataclass(slots=True)
class _Passage:
    """Whether a request has begun to leave this machine."""

    has_left: bool = False


class Network:
    """Connections of one process, kept warm and shared by all transports made from it.

    Requests and sockets have connections of their own: opening a socket would otherwise take a warm one away, and the
    next request, which may be a close, would have to wait for a new one.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._socket_session: aiohttp.ClientSession | None = None
        self.sockets: WebSocketTransport = _Sockets(self)

    def open_http(self, base_url: str) -> HttpTransport:
        """A transport to a checked base address (see `exchanges.transport.endpoints`)."""
        return _Http(self, base_url)

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        sessions = (self._session, self._socket_session)
        self._session = self._socket_session = None
        for session in sessions:
            if session is not None:
                await session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """For requests. Made on first use, on the running loop."""
        if self._session is None:
            self._session = _new_session()
        return self._session

    @property
    def socket_session(self) -> aiohttp.ClientSession:
        """For sockets. Made on first use, on the running loop."""
        if self._socket_session is None:
            self._socket_session = _new_session()
        return self._socket_session


def _new_session() -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note_departure)
    trace.on_request_redirect.append(_refuse_redirect)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        trust_env=False,
        trace_configs=[trace],
        auto_decompress=True,
    )
    # aiohttp would send a DELETE or PUT again by itself when a kept connection turns out to be closed. Whether the
    # first one arrived is not known then, and only the caller may decide about a second.
    session._retry_connection = False
    return session


async def _note_departure(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    passage = getattr(context, "trace_request_ctx", None)
    if isinstance(passage, _Passage):
        passage.has_left = True


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceRequestRedirectParams
) -> None:
    raise ConnectionLost("the exchange redirects, which is not followed")


class _Http:
    def __init__(self, network: Network, base_url: str) -> None:
        self._network = network
        self._base_url = base_url

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        passage = _Passage()
        url = URL(self._base_url + request.target, encoded=True)
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._network.session.request(
                    request.method,
                    url,
                    headers=list(request.headers),
                    data=request.body or None,
                    skip_auto_headers=("Content-Type", "User-Agent"),
                    allow_redirects=False,
                    trace_request_ctx=passage,
                ) as response,
            ):
                body = await _whole_body(response)
                return HttpResponse(response.status, _headers(response), body)
        except TimeoutError:
            raise _failed(passage, f"no answer within {deadline_s:.1f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(passage, f"the connection failed ({type(error).__name__})") from None

    async def close(self) -> None:
        """The connections belong to the `Network`."""


def _failed(passage: _Passage, reason: str) -> NotSent | OutcomeUnknown:
    return OutcomeUnknown(reason) if passage.has_left else NotSent(f"not sent: {reason}")


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
