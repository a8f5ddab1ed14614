"""The in-memory form of both protocols: a client and a twin in one process, with the way between them simulated.

`TwinWorld` is what a virtual-time loop lives in (it satisfies `helpers.clock.World`): it moves the twin's time, carries
requests there and answers and frames back, each after its latency, and lets a `Meddler` lose, double, delay or replace
them. No socket, no thread, no real time: the same seed gives the same trace.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from urllib.parse import urlsplit

from exchanges.errors import NotSent, OutcomeUnknown
from exchanges.transport.messages import (
    ConnectionLost,
    Frame,
    Handshake,
    HttpRequest,
    HttpResponse,
    HttpTransport,
    WebSocketConnection,
    WebSocketTransport,
)
from exchanges.transport.twin import CloseSocket, Meddler, Outgoing, SendFrame, Twin, Undisturbed

_STRIDE_NS = 3_600_000_000_000
"""The longest the world lives while nobody waits for a moment."""


class TwinWorld:
    """`latency_ns` each way. `skew_ns`: how far the venue's clock is ahead of the loop's."""

    def __init__(
        self, twin: Twin, start_ns: int, *, latency_ns: int = 0, skew_ns: int = 0, meddler: Meddler | None = None
    ) -> None:
        self.twin = twin
        self.meddler: Meddler = meddler or Undisturbed()
        self.skew_ns = skew_ns
        self._latency_ns = latency_ns
        self._now_ns = start_ns
        self._due: list[tuple[int, int, Callable[[], bool]]] = []
        self._scheduled = 0
        self._ends: dict[int, _MemoryConnection] = {}
        self._last_ns: dict[int, int] = {}

    @property
    def now_ns(self) -> int:
        """The loop's time reached."""
        return self._now_ns

    def advance(self, until_ns: int | None) -> int | None:
        """Live on until the client has something to react to, at most until `until_ns`."""
        bound_ns = self._now_ns + _STRIDE_NS if until_ns is None else until_ns
        while True:
            target_ns = min(bound_ns, self._due[0][0]) if self._due else bound_ns
            reached_ns = self.twin.advance(max(target_ns, self._now_ns) + self.skew_ns) - self.skew_ns
            self._now_ns = max(self._now_ns, reached_ns)
            for outgoing in self.twin.take_outgoing():
                self._send_back(outgoing)
            if self._run_due() or self._now_ns >= bound_ns:
                return self._now_ns

    # --- requests ---------------------------------------------------------------------------------------------------

    def carry(self, request: HttpRequest, answered: asyncio.Future[HttpResponse]) -> None:
        """Take a request on its way; the future receives the answer, or `NotSent` or `OutcomeUnknown`."""
        fate = self.meddler.request_fate(request)
        if not fate.is_sent:
            answered.set_exception(NotSent("not sent: no connection"))
            return

        def arrive() -> bool:
            response: HttpResponse | None = None
            for _ in range(fate.arrivals):
                response = response or self.twin.request(request)
            response = fate.answer or response
            self._schedule(self._latency_ns + fate.delay_back_ns, lambda: give(response))
            return False

        def give(response: HttpResponse | None) -> bool:
            if answered.done():
                return False
            if response is None or not fate.is_answered:
                answered.set_exception(OutcomeUnknown("the connection failed"))
            else:
                answered.set_result(response)
            return True

        self._schedule(self._latency_ns + fate.delay_there_ns, arrive)

    # --- sockets ----------------------------------------------------------------------------------------------------

    def open_socket(self, handshake: HttpRequest, opened: asyncio.Future[WebSocketConnection]) -> None:
        def arrive() -> bool:
            outcome = self.meddler.refuses_socket(handshake) or self.twin.open_socket(handshake)
            if isinstance(outcome, int):
                self._ends[outcome] = _MemoryConnection(self, outcome)
            self._schedule(self._latency_ns, lambda: give(outcome))
            return False

        def give(outcome: int | HttpResponse) -> bool:
            if opened.done():
                if isinstance(outcome, int):
                    self.leave(outcome)
            elif isinstance(outcome, int):
                opened.set_result(self._ends[outcome])
            else:
                opened.set_exception(
                    ConnectionLost(f"the exchange refused the connection with status {outcome.status}")
                )
            return True

        self._schedule(self._latency_ns, arrive)

    def send_there(self, socket_id: int, frame: Frame | None) -> None:
        """A frame of the client (None: a ping of the protocol)."""

        def arrive() -> bool:
            if frame is None:
                self.twin.socket_ping(socket_id)
            else:
                self.twin.socket_frame(socket_id, frame)
            return False

        self._schedule(self._latency_ns, arrive)

    def leave(self, socket_id: int) -> None:
        """The client closes its end."""
        self._last_ns.pop(socket_id, None)
        if self._ends.pop(socket_id, None) is not None:
            self._schedule(self._latency_ns, lambda: self._tell_closed(socket_id))

    def _tell_closed(self, socket_id: int) -> bool:
        self.twin.socket_closed(socket_id)
        return False

    def _send_back(self, outgoing: Outgoing) -> None:
        copies, delay_ns = 1, self._latency_ns
        if isinstance(outgoing, SendFrame):
            fate = self.meddler.frame_fate(outgoing.socket_id, outgoing.frame)
            copies, delay_ns = fate.copies, delay_ns + fate.delay_ns
            outgoing = SendFrame(outgoing.socket_id, outgoing.frame if fate.instead is None else fate.instead)
        # A socket keeps its order: what comes after a delayed frame waits behind it.
        due_ns = max(self._now_ns + delay_ns, self._last_ns.get(outgoing.socket_id, 0))
        self._last_ns[outgoing.socket_id] = due_ns
        for _ in range(copies):
            self._schedule(due_ns - self._now_ns, lambda: self._hand_over(outgoing))

    def _hand_over(self, outgoing: Outgoing) -> bool:
        end = self._ends.get(outgoing.socket_id)
        if end is None:
            return False
        if isinstance(outgoing, SendFrame):
            end.arrived.put_nowait(outgoing.frame)
            return True
        if isinstance(outgoing, CloseSocket):
            del self._ends[outgoing.socket_id]
            self._last_ns.pop(outgoing.socket_id, None)
            end.arrived.put_nowait(None)
            return True
        self._schedule(self._latency_ns, lambda: self._tell_pong(outgoing.socket_id))
        return False

    def _tell_pong(self, socket_id: int) -> bool:
        self.twin.socket_pong(socket_id)
        return False

    # --- time -------------------------------------------------------------------------------------------------------

    def _schedule(self, delay_ns: int, action: Callable[[], bool]) -> None:
        heapq.heappush(self._due, (self._now_ns + delay_ns, self._scheduled, action))
        self._scheduled += 1

    def _run_due(self) -> bool:
        """Whether the client was given anything."""
        was_given = False
        while self._due and self._due[0][0] <= self._now_ns:
            was_given = heapq.heappop(self._due)[2]() or was_given
            for outgoing in self.twin.take_outgoing():
                self._send_back(outgoing)
        return was_given


class MemoryNetwork:
    """Like `exchanges.transport.network.Network`, inside a `TwinWorld`."""

    def __init__(self, world: TwinWorld) -> None:
        self._world = world
        self.sockets: WebSocketTransport = _MemorySockets(world)

    def open_http(self, base_url: str) -> HttpTransport:
        return _MemoryHttp(self._world, urlsplit(base_url).path.rstrip("/"))

    async def close(self) -> None:
        """Nothing to close."""


class _MemoryHttp:
    def __init__(self, world: TwinWorld, prefix: str) -> None:
        self._world = world
        self._prefix = prefix

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        answered: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()
        whole = HttpRequest(request.method, self._prefix + request.target, request.headers, request.body)
        self._world.carry(whole, answered)
        try:
            async with asyncio.timeout(deadline_s):
                return await answered
        except TimeoutError:
            raise OutcomeUnknown(f"no answer within {deadline_s:.1f} s") from None

    async def close(self) -> None:
        """Nothing to close."""


class _MemorySockets:
    def __init__(self, world: TwinWorld) -> None:
        self._world = world

    async def connect(self, handshake: Handshake, deadline_s: float) -> WebSocketConnection:
        url = urlsplit(handshake.url)
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        opened: asyncio.Future[WebSocketConnection] = asyncio.get_running_loop().create_future()
        self._world.open_socket(HttpRequest("GET", target, handshake.headers), opened)
        try:
            async with asyncio.timeout(deadline_s):
                return await opened
        except TimeoutError:
            raise ConnectionLost(f"no connection within {deadline_s:.0f} s") from None


class _MemoryConnection:
    def __init__(self, world: TwinWorld, socket_id: int) -> None:
        self.arrived: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._world = world
        self._socket_id = socket_id
        self._is_closed = False

    async def send(self, frame: Frame) -> None:
        self._check()
        self._world.send_there(self._socket_id, frame)

    async def ping(self) -> None:
        self._check()
        self._world.send_there(self._socket_id, None)

    def _check(self) -> None:
        if self._is_closed:
            raise ConnectionLost("the connection is closed")

    async def receive(self) -> Frame:
        self._check()
        frame = await self.arrived.get()
        if frame is None:
            self._is_closed = True
            raise ConnectionLost("the exchange closed the connection")
        return frame

    async def close(self) -> None:
        self._is_closed = True
        self._world.leave(self._socket_id)
