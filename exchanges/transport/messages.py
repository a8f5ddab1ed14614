"""Requests, responses and frames, and the two protocols that carry them.

Whatever may hold a credential (headers, bodies, query strings, handshake addresses) is left out of every `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

Headers = tuple[tuple[str, str], ...]
Frame = str | bytes
"""One WebSocket message: text or binary."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `target` is the path with its query, percent-encoded as it shall travel and as it was signed."""

    method: str
    target: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string as sent, without its question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case of letters."""
        return _header(self.headers, name)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response, read to its end."""

    status: int
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        return _header(self.headers, name)


def _header(headers: Headers, name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


class HttpTransport(Protocol):
    """Carries requests to one base address."""

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        """Send once, never again, and follow no redirect.

        Raises `NotSent` when no byte of the request can have left, `OutcomeUnknown` when it may have arrived and no
        whole response came back within `deadline_s`.
        """

    async def close(self) -> None:
        """Idempotent."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a socket is opened. `url` is absolute; it and the headers may hold credentials."""

    url: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)


class ConnectionLost(Exception):
    """The socket is gone; the message says why, without credentials."""


class WebSocketConnection(Protocol):
    """One open socket. Pings of the other side are answered by the connection itself and are not seen here."""

    async def send(self, frame: Frame) -> None:
        """Raises `ConnectionLost`."""

    async def ping(self) -> None:
        """Send a ping of the WebSocket protocol itself. Raises `ConnectionLost`."""

    async def receive(self) -> Frame:
        """The next message, without a deadline of its own. Raises `ConnectionLost` once the socket is gone."""

    async def close(self) -> None:
        """Idempotent; does not wait for the other side for long. Raises `ConnectionLost` where it was gone already."""


class WebSocketTransport(Protocol):
    async def connect(self, handshake: Handshake, deadline_s: float) -> WebSocketConnection:
        """Raises `ConnectionLost` when the socket cannot be opened in time."""
