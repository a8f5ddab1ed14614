"""The exchange of the benchmark: Backpack's twin behind bare sockets that know when bytes left and when they came.

Nothing but the operating system stands between a stamp and its bytes: a fill is stamped just before it is written, an
order once its last byte has been read. Time is that of one steady clock, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.clock import Clock
from exchanges.backpack.twin import BackpackTwin
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, Outgoing, SendFrame

_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LIVE_EVERY_S = 0.001
_ORDER = "/api/v1/order"
FLOOR = "/floor/"
"""Addresses of the floor programs begin so; their name follows."""


@dataclass(slots=True)
class Answered:
    """One fill and the close that answered it. `requests` and `connections`: others that came in between."""

    took_ns: int
    client_id: int
    requests: int
    connections: int


@dataclass(slots=True)
class _Asked:
    """A fill that waits for its close."""

    at_ns: int
    requests: int
    connections: int


@dataclass(slots=True)
class Tally:
    """What the venue saw. `answers`: by who answered."""

    requests: int = 0
    connections: int = 0
    answers: dict[str, list[Answered]] = field(default_factory=dict)


class LoopbackVenue:
    """`on_close` is told the client id of each close of the bot right after its bytes were stamped."""

    def __init__(self, twin: BackpackTwin, clock: Clock, on_close: Callable[[int], None]) -> None:
        self.tally = Tally()
        self.address = ""
        self._twin = twin
        self._clock = clock
        self._on_close = on_close
        self._asked: dict[str, _Asked] = {}
        self._lines: dict[int, _Line] = {}
        self._floors: dict[str, _Line] = {}
        self._last_fill = ""
        self._server: asyncio.Server | None = None
        self._driver: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._driver = loop.create_task(self._drive())

    async def close(self) -> None:
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    @property
    def env(self) -> Mapping[str, str]:
        return self._twin.env(f"http://{self.address}", f"ws://{self.address}")

    def has_floor(self, name: str) -> bool:
        return name in self._floors

    def ask_floor(self, name: str) -> None:
        """Tell a floor program of the same fill, byte for byte, that the bot was told of last."""
        line = self._floors.get(name)
        if line is not None and self._last_fill:
            self._send_fill(name, line, self._last_fill)

    # --- the market's time ------------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        while True:
            self.live()
            await asyncio.sleep(_LIVE_EVERY_S)

    def live(self) -> None:
        now_ns = self._clock.now_ns()
        while True:
            reached_ns = self._twin.advance(now_ns)
            outgoing = self._twin.take_outgoing()
            for item in outgoing:
                self._send(item)
            if reached_ns >= now_ns and not outgoing:
                return

    def _send(self, item: Outgoing) -> None:
        line = self._lines.get(item.socket_id)
        if line is None:
            return
        if isinstance(item, SendFrame):
            assert isinstance(item.frame, str), "this venue writes text"
            if _opens_filled(item.frame):
                self._last_fill = item.frame
                self._send_fill("bot", line, item.frame)
            else:
                line.send_frame(_TEXT, item.frame.encode())
        elif isinstance(item, CloseSocket):
            line.hang_up()
        else:
            line.send_frame(_PING, b"")

    def _send_fill(self, name: str, line: _Line, frame: str) -> None:
        payload = frame.encode()
        self._asked[name] = _Asked(time.perf_counter_ns(), self.tally.requests, self.tally.connections)
        line.send_frame(_TEXT, payload)

    # --- requests ---------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        self.tally.connections += 1

    def gone(self, line: _Line) -> None:
        if line.socket_id is not None:
            self._lines.pop(line.socket_id, None)
            self._twin.socket_closed(line.socket_id)

    def request(self, request: HttpRequest, at_ns: int) -> HttpResponse:
        """`at_ns`: when its last byte had been read."""
        if request.path.startswith(FLOOR):
            self._note(request.path.removeprefix(FLOOR), at_ns, 0)
            return HttpResponse(200, (), b"{}")
        self.tally.requests += 1
        if request.method == "POST" and request.path == _ORDER:
            order = json.loads(request.body)
            if order.get("reduceOnly"):
                self._note("bot", at_ns, order["clientId"])
                self._on_close(order["clientId"])
        self.live()
        response = self._twin.request(request)
        self.live()
        return response

    def _note(self, name: str, at_ns: int, client_id: int) -> None:
        asked = self._asked.pop(name, None)
        if asked is not None:
            others = self.tally.requests - asked.requests - (name == "bot")
            answered = Answered(at_ns - asked.at_ns, client_id, others, self.tally.connections - asked.connections)
            self.tally.answers.setdefault(name, []).append(answered)

    # --- sockets ----------------------------------------------------------------------------------------------------

    def open_socket(self, line: _Line, handshake: HttpRequest) -> bool:
        if handshake.path.startswith(FLOOR):
            self._floors[handshake.path.removeprefix(FLOOR)] = line
            return True
        opened = self._twin.open_socket(handshake)
        if not isinstance(opened, int):
            return False
        line.socket_id = opened
        self._lines[opened] = line
        return True

    def heard(self, line: _Line, opcode: int, payload: bytes) -> None:
        if line.socket_id is None:
            return
        if opcode == _TEXT:
            self._twin.socket_frame(line.socket_id, payload.decode())
        elif opcode == _PONG:
            self._twin.socket_pong(line.socket_id)
        self.live()


def _opens_filled(frame: str) -> bool:
    """Whether a message tells of a fill that a close must answer."""
    if '"orderFill"' not in frame:
        return False
    data = json.loads(frame)["data"]
    return data["e"] == "orderFill" and not data["r"]


class _Line(asyncio.Protocol):
    """One connection: requests one after the other, or a WebSocket from its handshake on."""

    def __init__(self, venue: LoopbackVenue) -> None:
        self.socket_id: int | None = None
        self._venue = venue
        self._buffer = bytearray()
        self._is_socket = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._venue.connected()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._venue.gone(self)

    def data_received(self, data: bytes) -> None:
        at_ns = time.perf_counter_ns()
        self._buffer += data
        while self._take_frame() if self._is_socket else self._take_request(at_ns):
            pass

    def send_frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        self._write(bytes([0x80 | opcode]) + length + payload)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _take_request(self, at_ns: int) -> bool:
        head, separator, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not separator:
            return False
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
        if len(rest) < length:
            return False
        self._buffer = bytearray(rest[length:])
        request = HttpRequest(method, target, headers, rest[:length])
        if (request.header("Upgrade") or "").lower() == "websocket":
            self._shake_hands(request)
        else:
            self._answer(self._venue.request(request, at_ns))
        return True

    def _answer(self, response: HttpResponse) -> None:
        lines = [f"HTTP/1.1 {response.status} -", *(f"{name}: {value}" for name, value in response.headers)]
        lines.append(f"Content-Length: {len(response.body)}")
        self._write("\r\n".join([*lines, "", ""]).encode() + response.body)

    def _shake_hands(self, request: HttpRequest) -> None:
        key = (request.header("Sec-WebSocket-Key") or "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest()).decode()
        self._is_socket = True
        if not self._venue.open_socket(self, request):
            self.hang_up()
            return
        self._write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    def _take_frame(self) -> bool:
        """A whole masked frame, unfragmented, as clients of this size send them."""
        buffer = self._buffer
        if len(buffer) < 6:
            return False
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + 4 + size:
            return False
        mask = buffer[start : start + 4]
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(buffer[start + 4 : start + 4 + size]))
        opcode = buffer[0] & 0x0F
        del buffer[: start + 4 + size]
        if opcode == _CLOSE:
            self.hang_up()
        elif opcode == _PING:
            self.send_frame(_PONG, payload)
        else:
            self._venue.heard(self, opcode, payload)
        return True
