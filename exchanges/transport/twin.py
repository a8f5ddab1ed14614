"""A venue's local twin, as seen by whoever carries bytes to it; and the seam for disturbing the way.

A twin is sans-I/O: requests and the present time go in, responses and frames come out. `exchanges.rehearsal.host`
serves one on loopback; `exchanges.transport.memory` lets a client talk to one in the same process. All times are *wire
time*: nanoseconds since the epoch as the venue shows them to its clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from exchanges.transport.messages import Frame, HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class SendFrame:
    """A message for one socket."""

    socket_id: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class SendPing:
    """A ping of the WebSocket protocol; the answer comes as `socket_pong`."""

    socket_id: int


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """The venue closes a socket. `code`: as in RFC 6455, 1006 for a connection cut without a word."""

    socket_id: int
    code: int = 1000
    reason: str = ""


Outgoing = SendFrame | SendPing | CloseSocket


class Twin(Protocol):
    """One venue with one account. Requests take effect at the time reached by the last `advance`."""

    @property
    def name(self) -> str:
        """The venue's name, as in `--exchange`."""

    @property
    def ticker(self) -> str: ...

    @property
    def has_ended(self) -> bool:
        """A recorded market has no more rows."""

    @property
    def rest_path(self) -> str:
        """What the REST base address ends with: "" or like "/v1"."""

    @property
    def ws_path(self) -> str:
        """What the WebSocket base address ends with."""

    def env(self, base_url: str, ws_url: str) -> Mapping[str, str]:
        """Every variable a client of this twin needs: throw-away keys and the addresses."""

    def advance(self, until_ns: int) -> int:
        """Live on, at most until `until_ns`; the time reached: earlier as soon as something waits in
        `take_outgoing`."""

    def take_outgoing(self) -> list[Outgoing]:
        """What goes out now, in order."""

    def request(self, request: HttpRequest) -> HttpResponse:
        """Any request but a WebSocket handshake."""

    def open_socket(self, handshake: HttpRequest) -> int | HttpResponse:
        """A new socket's id, or the refusal."""

    def socket_frame(self, socket_id: int, frame: Frame) -> None:
        """A message of the client. A socket that is gone is ignored, here and below."""

    def socket_pong(self, socket_id: int) -> None:
        """The client answered a ping."""

    def socket_ping(self, socket_id: int) -> None:
        """The client sent a ping of the WebSocket protocol (its answer is the carrier's work)."""

    def socket_closed(self, socket_id: int) -> None:
        """The client's end is gone."""

    def ledger(self) -> Mapping[str, object]:
        """The venue's own truth, as `GET {base_url}/_rehearsal/ledger` answers it."""


@dataclass(frozen=True, slots=True)
class RequestFate:
    """What happens to one request on its way.

    `is_sent` False: it cannot leave, as without a connection (in memory only; the network cuts the connection).
    `arrivals`: how often it reaches the twin (0: never; 2: duplicated). `answer`: given to the client instead of the
    twin's own. `is_answered` False: the connection is cut instead of an answer. Delays in nanoseconds.
    """

    is_sent: bool = True
    arrivals: int = 1
    answer: HttpResponse | None = None
    is_answered: bool = True
    delay_there_ns: int = 0
    delay_back_ns: int = 0


@dataclass(frozen=True, slots=True)
class FrameFate:
    """What happens to one frame of the venue on its way. `copies` 0: it is lost. `instead`: what arrives for it."""

    copies: int = 1
    delay_ns: int = 0
    instead: Frame | None = None


class Meddler(Protocol):
    """Disturbs the way between a client and a twin: faults are injected here, never inside a client."""

    def request_fate(self, request: HttpRequest) -> RequestFate: ...

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate: ...

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:
        """A refusal of a handshake instead of asking the twin."""


class Undisturbed:
    """The meddler who does nothing."""

    def request_fate(self, request: HttpRequest) -> RequestFate:  # noqa: ARG002 - the interface's
        return RequestFate()

    def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:  # noqa: ARG002
        return FrameFate()

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:  # noqa: ARG002
        return None
