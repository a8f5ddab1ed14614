"""A socket kept alive, and several of them taken as one.

A venue describes one socket as a `Conversation`: how it is opened, what is said first, and what each message means. It
is sans-I/O, made anew for each connection, and answers with a `Reaction`. `StreamSession` does the rest: connect, send,
wait until the conversation is ready, heartbeat, watch that data keep coming, and on any doubt start over with back-off
and jitter. `StreamGroup` tells the bot, once, that events may have been missed, and once that all streams are back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from domain.clock import Clock
from domain.events import StreamLost, StreamRestored, VenueEvent, VenueTrouble
from exchanges.decoding import DecodeError
from exchanges.ended import all_ended
from exchanges.errors import ExchangeError, Misconfigured, Unavailable
from exchanges.transport.messages import ConnectionLost, Frame, Handshake, WebSocketConnection, WebSocketTransport


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from opening a socket, or from one message.

    `send`: messages to send now. `ready`: from here on everything subscribed is delivered. `alive`: this was data,
    which proves that the stream lives (a mere pong or acknowledgement does not). `broken`: why this connection cannot
    be trusted any more (a refused subscription, a gap in a sequence): it is replaced.
    """

    send: tuple[Frame, ...] = ()
    ready: bool = False
    alive: bool = False
    broken: str = ""


DATA = Reaction(alive=True)
IGNORED = Reaction()
_MOST_IN_A_ROW = 64
"""After so many messages the loop is left to others, however many more wait."""


class Conversation(Protocol):
    """One connection's dialogue, from a venue. Methods may raise `DecodeError`, which breaks the connection."""

    async def prepare(self) -> Handshake:
        """Where to connect, with a token or listen key fetched or renewed as needed.

        Raises `Unavailable`, or `Misconfigured` when a person must act first.
        """

    def opened(self) -> Reaction:
        """The socket is open: authenticate, subscribe. `ready` where the venue acknowledges nothing."""

    def received(self, frame: Frame) -> Reaction:
        """A message came: hand its data on, say what follows."""

    def heartbeat(self) -> Frame | None:
        """What to send every `StreamStyle.ping_every_s`; None for a ping of the WebSocket protocol."""


@dataclass(frozen=True, slots=True)
class StreamStyle:
    """Seconds. `silent_after_s`: without data for so long the socket is dead, even if pings are answered; None for a
    socket that may rightly be silent. `renew_after_s`: replace the connection at this age, before the venue cuts it."""

    connect_within_s: float = 10.0
    ready_within_s: float = 10.0
    silent_after_s: float | None = 15.0
    ping_every_s: float | None = None
    renew_after_s: float | None = None
    first_wait_s: float = 0.5
    longest_wait_s: float = 10.0
    """With the default of `silent_after_s`, a stall that comes right after other trouble is answered within 30 s."""
    proven_after_s: float = 30.0
    """A connection that lived this long makes the next back-off begin anew."""


class StreamSession:
    """One socket, connected again and again until `close`. Callbacks run on the event loop."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Conversation],
        sockets: WebSocketTransport,
        style: StreamStyle,
        chance: Random,
    ) -> None:
        """`start` makes the conversation of one connection; `name` is for messages."""
        self.name = name
        self.is_ready = False
        self.on_ready: Callable[[], None] = lambda: None
        self.on_lost: Callable[[str], None] = lambda _reason: None
        self.on_refused: Callable[[Misconfigured], None] = lambda _error: None
        self._start = start
        self._sockets = sockets
        self._style = style
        self._chance = chance
        self._task: asyncio.Task[None] | None = None
        self._connection: WebSocketConnection | None = None
        self._conversation: Conversation | None = None
        self._scope: asyncio.Timeout | None = None
        self._broken = ""
        self._last_data_s = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._heartbeat: asyncio.Task[None] | None = None
        self._expected: dict[Hashable, asyncio.TimerHandle] = {}

    # --- the outside ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin to connect; readiness is told through `on_ready`."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"stream {self.name}")

    async def close(self) -> None:
        """Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await all_ended((task,))

    async def send(self, frame: Frame) -> None:
        """Raises `ConnectionLost` while there is no ready connection."""
        if self._connection is None or not self.is_ready:
            raise ConnectionLost(f"{self.name} is not connected")
        await self._connection.send(frame)

    def fail(self, reason: str) -> None:
        """This connection cannot be trusted: replace it. Nothing happens where there is none."""
        if self._scope is not None and not self._broken:
            self._broken = reason
            self._scope.reschedule(asyncio.get_running_loop().time())

    def expect(self, key: Hashable, within_s: float, reason: str) -> None:
        """A message about `key` must come: an order the venue says it took, for one. Without it the stream is deaf,
        whatever else it delivers, and is replaced. `met(key)` ends the wait."""
        if self.is_ready and key not in self._expected:
            loop = asyncio.get_running_loop()
            self._expected[key] = loop.call_later(within_s, self._not_met, key, reason)

    def met(self, key: Hashable) -> None:
        handle = self._expected.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _not_met(self, key: Hashable, reason: str) -> None:
        self._expected.pop(key, None)
        self.fail(reason)

    # --- one connection after the other -----------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began_s = loop.time()
            reason = await self._live_once()
            failures = 0 if loop.time() - began_s >= self._style.proven_after_s else failures + 1
            self.on_lost(reason)
            await asyncio.sleep(self._wait_s(failures))

    def _wait_s(self, failures: int) -> float:
        """Doubling, and anywhere in its upper half, so that many clients do not come back in step."""
        longest = min(self._style.first_wait_s * (1 << min(failures, 16)), self._style.longest_wait_s)
        return longest * (0.5 + self._chance.random() / 2)

    async def _live_once(self) -> str:
        """From the first byte to the end of one connection; why it ended."""
        self._broken = ""
        try:
            async with asyncio.timeout(None) as self._scope:
                await self._converse()
        except TimeoutError:
            return self._broken or "it took too long"
        except ConnectionLost as lost:
            return str(lost)
        except DecodeError as error:
            return f"a message cannot be read: {error}"
        except Misconfigured as error:
            self.on_refused(error)
            return str(error)
        except ExchangeError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - the task's root: a defect of ours is a lost stream, told by kind
            return f"{type(error).__name__} while reading the stream"
        finally:
            self._scope = None
            self._forget_timers()
            self.is_ready = False
            connection, self._connection, self._conversation = self._connection, None, None
            if connection is not None:
                with contextlib.suppress(ConnectionLost):  # Gone already, which is what was wanted.
                    await connection.close()
        return "it ended"

    async def _converse(self) -> None:
        style = self._style
        conversation = self._conversation = self._start()
        handshake = await conversation.prepare()
        connection = self._connection = await self._sockets.connect(handshake, style.connect_within_s)
        if style.ping_every_s is not None:
            self._later(style.ping_every_s, self._beat)
        if style.renew_after_s is not None:
            self._later(style.renew_after_s, lambda: self.fail("the connection has reached its age"))
        self._later(style.ready_within_s, self._check_ready)
        await self._follow(connection, conversation.opened())
        while True:
            for _ in range(_MOST_IN_A_ROW):
                await self._follow(connection, conversation.received(await connection.receive()))
            await asyncio.sleep(0)

    async def _follow(self, connection: WebSocketConnection, reaction: Reaction) -> None:
        if reaction.broken:
            raise ConnectionLost(reaction.broken)
        if reaction.alive:
            self._last_data_s = asyncio.get_running_loop().time()
        for frame in reaction.send:
            await connection.send(frame)
        if reaction.ready and not self.is_ready:
            self.is_ready = True
            self._last_data_s = asyncio.get_running_loop().time()
            if self._style.silent_after_s is not None:
                self._later(self._style.silent_after_s, self._check_silence)
            self.on_ready()

    # --- timers -----------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if not timer.cancelled() and timer.when() > loop.time()]
        self._timers.append(loop.call_later(seconds, action))

    def _forget_timers(self) -> None:
        for timer in (*self._timers, *self._expected.values()):
            timer.cancel()
        self._timers.clear()
        self._expected.clear()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None

    def _check_ready(self) -> None:
        if not self.is_ready:
            self.fail("the exchange did not acknowledge the subscriptions in time")

    def _check_silence(self) -> None:
        silent_after_s = self._style.silent_after_s
        assert silent_after_s is not None, "armed only where silence means something"
        left_s = self._last_data_s + silent_after_s - asyncio.get_running_loop().time()
        if left_s <= 1e-6:
            self.fail(f"no data for {silent_after_s:.0f} s")
        else:
            self._later(left_s, self._check_silence)

    def _beat(self) -> None:
        connection, conversation = self._connection, self._conversation
        assert self._style.ping_every_s is not None, "armed only with a heartbeat"
        self._later(self._style.ping_every_s, self._beat)
        if self._heartbeat is not None and not self._heartbeat.done():
            self.fail("a heartbeat could not be sent")
        elif connection is not None and conversation is not None:
            beat = self._send_beat(connection, conversation)
            self._heartbeat = asyncio.get_running_loop().create_task(beat, name=f"heartbeat of {self.name}")

    async def _send_beat(self, connection: WebSocketConnection, conversation: Conversation) -> None:
        try:
            frame = conversation.heartbeat()
            await (connection.ping() if frame is None else connection.send(frame))
        except ConnectionLost as lost:
            self.fail(str(lost))
        except Exception as error:  # noqa: BLE001 - the task's root: a defect of ours is a lost stream, told by kind
            self.fail(f"{type(error).__name__} while sending a heartbeat")


class StreamGroup:
    """The sockets of one client as one: lost when any is lost, restored when all are ready."""

    def __init__(self, sessions: Sequence[StreamSession], clock: Clock, emit: Callable[[VenueEvent], None]) -> None:
        self.sessions = tuple(sessions)
        self._clock = clock
        self._emit = emit
        self._started: asyncio.Future[None] | None = None
        self._was_lost = False
        self._was_refused = False
        self._last_reason = ""
        for session in self.sessions:
            session.on_ready = self._ready
            session.on_lost = lambda reason, name=session.name: self._lost(f"{name}: {reason}")  # type: ignore[misc]
            session.on_refused = self._refused

    @property
    def is_whole(self) -> bool:
        return all(session.is_ready for session in self.sessions)

    async def start(self, within_s: float) -> None:
        """Connect all. Raises `Unavailable` when they are not ready in time, `Misconfigured` where that is why."""
        self._started = asyncio.get_running_loop().create_future()
        self._was_lost = self._was_refused = False
        for session in self.sessions:
            session.open()
        try:
            async with asyncio.timeout(within_s):
                await self._started
        except TimeoutError:
            await self.stop()
            reason = self._last_reason or "no answer"
            raise Unavailable(f"the streams could not be opened within {within_s:.0f} s: {reason}") from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        for session in self.sessions:
            await session.close()

    def fail(self, reason: str) -> None:
        """Nothing on these streams can be trusted: replace every connection."""
        for session in self.sessions:
            session.fail(reason)

    def _ready(self) -> None:
        if not self.is_whole:
            return
        if self._started is not None and not self._started.done():
            self._started.set_result(None)
        if self._was_lost:
            self._was_lost = self._was_refused = False
            self._emit(StreamRestored(self._clock.now_ns()))

    def _lost(self, reason: str) -> None:
        self._last_reason = reason
        is_starting = self._started is None or not self._started.done()
        if not is_starting and not self._was_lost:
            self._was_lost = True
            self._emit(StreamLost(self._clock.now_ns(), reason))

    def _refused(self, error: Misconfigured) -> None:
        if self._started is not None and not self._started.done():
            self._started.set_exception(error)
        elif not self._was_refused:
            self._was_refused = True
            self._emit(VenueTrouble(self._clock.now_ns(), str(error), must_stop=True))
