"""The loopback server of a twin: HTTP and WebSocket in front of a sans-I/O object, in real time.

It runs on the loop of whoever starts it: with `--rehearse` that is the bot's own, so nothing is shared between threads,
and a bot that blocks its loop is seen to be deaf, as it would be by the real venue. The server binds to 127.0.0.1 only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from domain.clock import Clock
from domain.market import NANOSECONDS
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.twin import CloseSocket, Meddler, Outgoing, SendFrame, SendPing, Twin, Undisturbed

LEDGER_PATH = "/_rehearsal/ledger"
_LIVE_EVERY_S = 0.01
"""How often the market lives on when nobody asks for anything."""
_MOST_WAITING = 10_000
_LARGEST_BODY = 1 << 20
_HOP_HEADERS = ("connection", "content-length", "transfer-encoding", "server", "date")


@dataclass(slots=True)
class _End:
    """The server's end of one socket: what waits to be sent, in order."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    waiting: asyncio.Queue[Outgoing] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))
    last_s: float = 0.0


class TwinHost:
    """`latency_ns` each way, on top of loopback's own."""

    def __init__(
        self,
        twin: Twin,
        clock: Clock,
        *,
        latency_ns: int = 0,
        skew_ns: int = 0,
        meddler: Meddler | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`skew_ns`: how far the venue's clock is ahead of ours. `on_end` is told once that a recording has ended."""
        self.twin = twin
        self.meddler: Meddler = meddler or Undisturbed()
        self.base_url = ""
        self.ws_url = ""
        self._clock = clock
        self._latency_s = latency_ns / NANOSECONDS
        self.skew_ns = skew_ns
        self._on_end = on_end
        self._end_told = False
        self._ends: dict[int, _End] = {}
        self._runner: web.AppRunner | None = None
        self._driver: asyncio.Task[None] | None = None

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Serve on 127.0.0.1; port 0 takes a free one. Raises `OSError` when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await runner.setup()
        self._runner = runner
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        bound_port = runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{bound_port}{self.twin.rest_path}"
        self.ws_url = f"ws://127.0.0.1:{bound_port}{self.twin.ws_path}"
        self._driver = asyncio.get_running_loop().create_task(self._drive(), name=f"twin of {self.twin.name}")
        self._driver.add_done_callback(self._driver_ended)

    async def close(self) -> None:
        """Idempotent."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)
        for socket_id in list(self._ends):
            self.cut(socket_id)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def env(self) -> Mapping[str, str]:
        """Every variable a client needs: throw-away keys and addresses."""
        return self.twin.env(self.base_url, self.ws_url)

    def connections(self) -> frozenset[object]:
        """The connections that are open now, those of sockets among them; each is the same object while it lives."""
        server = None if self._runner is None else self._runner.server
        return frozenset() if server is None else frozenset(server.connections)

    def cut(self, socket_id: int) -> None:
        """Cut one socket as a broken network does: no close frame reaches the client. Unknown ids are ignored."""
        end = self._ends.pop(socket_id, None)
        if end is not None:
            self.twin.socket_closed(socket_id)
            _abort(end.transport)

    def cut_all(self) -> None:
        """Cut every socket."""
        for socket_id in list(self._ends):
            self.cut(socket_id)

    # --- time -------------------------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            self.live()
            await asyncio.sleep(max(0.0, _LIVE_EVERY_S - (loop.time() - began_s)))

    def _driver_ended(self, driver: asyncio.Task[None]) -> None:
        """A twin with a defect ends the rehearsal, loudly, instead of standing still."""
        if not driver.cancelled() and (error := driver.exception()) is not None:
            context = {"message": f"the twin of {self.twin.name} has failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            self._on_end()

    def live(self) -> None:
        """Bring the twin to the present and send what it has to say."""
        now_ns = self._clock.now_ns() + self.skew_ns
        while True:
            reached_ns = self.twin.advance(now_ns)
            outgoing = self.twin.take_outgoing()
            for item in outgoing:
                self._send_back(item)
            if reached_ns >= now_ns and not outgoing:
                break
        if self.twin.has_ended and not self._end_told:
            self._end_told = True
            self._on_end()

    def _send_back(self, outgoing: Outgoing) -> None:
        end = self._ends.get(outgoing.socket_id)
        if end is None:
            return
        copies, delay_s = 1, self._latency_s
        if isinstance(outgoing, SendFrame):
            fate = self.meddler.frame_fate(outgoing.socket_id, outgoing.frame)
            copies, delay_s = fate.copies, delay_s + fate.delay_ns / NANOSECONDS
            outgoing = SendFrame(outgoing.socket_id, outgoing.frame if fate.instead is None else fate.instead)
        loop = asyncio.get_running_loop()
        # A socket keeps its order: what comes after a delayed frame waits behind it.
        end.last_s = max(end.last_s, loop.time() + delay_s)
        for _ in range(copies):
            if end.last_s <= loop.time():
                _enqueue(end, outgoing)
            else:
                loop.call_at(end.last_s, _enqueue, end, outgoing)

    # --- requests ---------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = HttpRequest(request.method, request.raw_path, _headers(request), await request.read())
        if seen.path.endswith(LEDGER_PATH):
            self.live()
            return web.json_response(self.twin.ledger(), dumps=_dumps)
        if (seen.header("Upgrade") or "").lower() == "websocket":
            return await self._open_socket(request, seen)
        return await self._answer(request, seen)

    async def _answer(self, request: web.Request, seen: HttpRequest) -> web.StreamResponse:
        fate = self.meddler.request_fate(seen)
        await _pass_time(self._latency_s + fate.delay_there_ns / NANOSECONDS)
        response: HttpResponse | None = None
        if fate.is_sent:
            for _ in range(fate.arrivals):
                self.live()
                response = response or self.twin.request(seen)
            self.live()
        response = fate.answer or response
        await _pass_time(self._latency_s + fate.delay_back_ns / NANOSECONDS)
        if response is None or not fate.is_answered:
            _abort(request.transport)
            return web.Response(status=500)
        return _web_response(response)

    # --- sockets ----------------------------------------------------------------------------------------------------

    async def _open_socket(self, request: web.Request, seen: HttpRequest) -> web.StreamResponse:
        await _pass_time(self._latency_s)
        self.live()
        outcome = self.meddler.refuses_socket(seen) or self.twin.open_socket(seen)
        if not isinstance(outcome, int):
            return _web_response(outcome)
        offered = (seen.header("Sec-WebSocket-Protocol") or "").split(",")
        protocols = tuple(name.strip() for name in offered if name.strip())  # As venues do: whatever was offered.
        socket = web.WebSocketResponse(
            autoping=False, max_msg_size=_LARGEST_BODY, timeout=0.5, protocols=protocols
        )
        end = self._ends[outcome] = _End(socket, request.transport)
        sender: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            sender = asyncio.get_running_loop().create_task(self._send(outcome, end))
            async for message in socket:
                await _pass_time(self._latency_s)
                await self._hear(outcome, end, message)
        finally:
            if self._ends.pop(outcome, None) is not None:
                self.twin.socket_closed(outcome)
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)
        return socket

    async def _hear(self, socket_id: int, end: _End, message: WSMessage) -> None:
        self.live()
        if message.type is WSMsgType.PING:
            await end.socket.pong(message.data)
            self.twin.socket_ping(socket_id)
        elif message.type is WSMsgType.PONG:
            self.twin.socket_pong(socket_id)
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            frame: Frame = message.data
            self.twin.socket_frame(socket_id, frame)
        self.live()

    async def _send(self, socket_id: int, end: _End) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                outgoing = await end.waiting.get()
                if isinstance(outgoing, SendFrame):
                    frame = outgoing.frame
                    await (end.socket.send_str(frame) if isinstance(frame, str) else end.socket.send_bytes(frame))
                elif isinstance(outgoing, SendPing):
                    await end.socket.ping()
                else:
                    await self._close_socket(socket_id, end, outgoing)
                    return

    async def _close_socket(self, socket_id: int, end: _End, outgoing: CloseSocket) -> None:
        self._ends.pop(socket_id, None)
        if outgoing.code == WSCloseCode.ABNORMAL_CLOSURE:
            _abort(end.transport)
        else:
            await end.socket.close(code=outgoing.code, message=outgoing.reason.encode())


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A served twin. `ended` is set when a recorded market has no more rows."""

    host: TwinHost
    ended: asyncio.Event

    @property
    def twin(self) -> Twin:
        return self.host.twin

    @property
    def base_url(self) -> str:
        return self.host.base_url

    @property
    def ws_url(self) -> str:
        return self.host.ws_url

    @property
    def env(self) -> Mapping[str, str]:
        return self.host.env

    def announcement(self) -> str:
        """The one JSON line of `runbot.py venue`."""
        return json.dumps(
            {
                "exchange": self.twin.name,
                "ticker": self.twin.ticker,
                "base_url": self.base_url,
                "ws_url": self.ws_url,
                "env": dict(self.env),
            }
        )

    async def close(self) -> None:
        await self.host.close()


async def start_twin(
    twin: Twin,
    clock: Clock,
    *,
    port: int = 0,
    latency_ns: int = 0,
    skew_ns: int = 0,
    meddler: Meddler | None = None,
) -> RunningTwin:
    """Serve a twin on this loop. Raises `OSError` when the port is taken."""
    ended = asyncio.Event()
    host = TwinHost(twin, clock, latency_ns=latency_ns, skew_ns=skew_ns, meddler=meddler, on_end=ended.set)
    try:
        await host.start(port)
    except BaseException:
        await host.close()  # Whoever gave it up half-way has no other hold on it.
        raise
    return RunningTwin(host, ended)


async def _pass_time(seconds: float) -> None:
    """The simulated way of a request or an answer."""
    if seconds > 0:
        await asyncio.sleep(seconds)


def _enqueue(end: _End, outgoing: Outgoing) -> None:
    """A client that reads too slowly is cut off, as venues do."""
    try:
        end.waiting.put_nowait(outgoing)
    except asyncio.QueueFull:
        while not end.waiting.empty():
            end.waiting.get_nowait()
        end.waiting.put_nowait(CloseSocket(outgoing.socket_id, WSCloseCode.POLICY_VIOLATION, "slow consumer"))


def _abort(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.abort()


def _headers(request: web.Request) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in request.headers.items())


def _web_response(response: HttpResponse) -> web.Response:
    headers = [(name, value) for name, value in response.headers if name.lower() not in _HOP_HEADERS]
    return web.Response(status=response.status, headers=headers, body=response.body)


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
