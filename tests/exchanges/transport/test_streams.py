"""A socket kept alive: readiness, silence, doubt, back-off; and several of them as one. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import pytest

from domain.events import StreamLost, StreamRestored, VenueEvent, VenueTrouble
from domain.market import NANOSECONDS
from exchanges.decoding import DecodeError
from exchanges.errors import Misconfigured, Unavailable
from exchanges.transport.messages import ConnectionLost, Frame, Handshake
from exchanges.transport.streams import DATA, IGNORED, Reaction, StreamGroup, StreamSession, StreamStyle
from helpers.clock import VirtualTimeLoop

T = TypeVar("T")
START_NS = 1_700_000_000 * NANOSECONDS


class ScriptedSocket:
    """One connection: what the venue says, and when; what it heard."""

    def __init__(self, script: Sequence[tuple[float, Frame | None]]) -> None:
        self.heard: list[Frame | str] = []
        self.is_closed = False
        self._arrived: asyncio.Queue[Frame | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for seconds, frame in script:
            loop.call_later(seconds, self._arrived.put_nowait, frame)

    async def send(self, frame: Frame) -> None:
        self.heard.append(frame)

    async def ping(self) -> None:
        self.heard.append("<ping>")

    async def receive(self) -> Frame:
        frame = await self._arrived.get()
        if frame is None:
            raise ConnectionLost("closed by the venue")
        return frame

    async def close(self) -> None:
        self.is_closed = True


class UnkindSocket(ScriptedSocket):
    """One that takes no heartbeat, and cannot even be closed."""

    async def send(self, frame: Frame) -> None:
        if frame == "beat":
            await asyncio.Event().wait()
        await super().send(frame)

    async def close(self) -> None:
        await super().close()
        raise ConnectionLost("it is gone already")


@dataclass
class Venue:
    """Connections in order; `None`: cannot be opened. The last one is used again and again."""

    scripts: list[Sequence[tuple[float, Frame | None]] | None]
    sockets: list[ScriptedSocket] = field(default_factory=list)
    tries_s: list[float] = field(default_factory=list)
    kind: type[ScriptedSocket] = ScriptedSocket

    async def connect(self, handshake: Handshake, deadline_s: float) -> ScriptedSocket:
        self.tries_s.append(asyncio.get_running_loop().time())
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if script is None:
            raise ConnectionLost("no route")
        self.sockets.append(self.kind(script))
        return self.sockets[-1]


class Talk:
    """Subscribes, waits for `ok`, then every `d...` is data, `pong` is nothing, `gap` breaks, `?` cannot be read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def prepare(self) -> Handshake:
        if self.error is not None:
            raise self.error
        return Handshake("wss://venue.example/")

    def opened(self) -> Reaction:
        return Reaction(send=("subscribe",))

    def received(self, frame: Frame) -> Reaction:
        match frame:
            case "ok":
                return Reaction(ready=True)
            case "gap":
                return Reaction(broken="a gap in the sequence")
            case "?":
                raise DecodeError("order.q is missing")
            case "bug":
                raise KeyError("a defect")
            case "auth?":
                return Reaction(send=("login",))
            case "pong":
                return IGNORED
        return DATA

    def heartbeat(self) -> Frame | None:
        return "beat"


STYLE = StreamStyle(silent_after_s=5, first_wait_s=1, longest_wait_s=8)


@dataclass
class Client:
    venue: Venue
    session: StreamSession
    group: StreamGroup
    events: list[VenueEvent]

    def lost(self) -> list[tuple[float, str]]:
        return [(told_s(event), event.reason) for event in self.events if isinstance(event, StreamLost)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


def told_s(event: VenueEvent) -> float:
    return round((event.at_ns - START_NS) / NANOSECONDS, 3)


def client(
    loop: VirtualTimeLoop,
    scripts: list[Sequence[tuple[float, Frame | None]] | None],
    style: StreamStyle = STYLE,
    start: Callable[[], Talk] = Talk,
) -> Client:
    venue, events = Venue(scripts), list[VenueEvent]()
    session = StreamSession("stream", start, venue, style, Random(1))
    return Client(venue, session, StreamGroup([session], loop.clock, events.append), events)


def run(work: Callable[[VirtualTimeLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualTimeLoop(START_NS)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()


def beats(first: float, last: float, every: float = 1) -> list[tuple[float, Frame | None]]:
    count = int((last - first) / every) + 1
    return [(first + number * every, f"d{number}") for number in range(count)]


LIVELY = [(0.1, "ok"), *beats(1, 500)]


@pytest.mark.parametrize(
    "ending, reason",
    [
        ([(2.5, None)], "closed by the venue"),
        ([(2.5, "gap")], "a gap in the sequence"),
        ([(2.5, "?")], "a message cannot be read: order.q is missing"),
        ([(2.5, "bug")], "KeyError while reading the stream"),
    ],
)
def test_whatever_breaks_a_stream_is_told_once_and_it_comes_back(
    ending: list[tuple[float, Frame | None]], reason: str
) -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        made = client(loop, [[(0.1, "ok"), *beats(1, 2), *ending], None, LIVELY])
        await made.group.start(10)
        assert loop.time() == pytest.approx(0.1)
        await asyncio.sleep(20)
        await made.group.stop()
        return made

    made = run(work)
    assert made.lost() == [(2.5, f"stream: {reason}")]
    assert made.kinds() == ["StreamLost", "StreamRestored"]
    assert [socket.heard for socket in made.venue.sockets] == [["subscribe"]] * 2
    assert all(socket.is_closed for socket in made.venue.sockets)


def test_a_silent_socket_is_dead_even_if_it_answers_pings() -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        pongs: list[tuple[float, Frame | None]] = [(second, "pong") for second in range(4, 60)]
        made = client(loop, [[(0.1, "ok"), *beats(1, 3), *pongs], LIVELY])
        await made.group.start(10)
        await asyncio.sleep(20)
        await made.group.stop()
        return made

    made = run(work)
    assert made.lost() == [(8.0, "stream: no data for 5 s")]
    assert made.kinds() == ["StreamLost", "StreamRestored"]


def test_subscriptions_that_are_never_acknowledged_are_no_stream() -> None:
    async def work(loop: VirtualTimeLoop) -> str:
        made = client(loop, [beats(1, 500)])
        with pytest.raises(Unavailable) as refused:
            await made.group.start(60)
        assert loop.time() == pytest.approx(60)
        return str(refused.value)

    assert "did not acknowledge" in run(work)


def test_a_person_who_must_act_is_told_at_once() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        made = client(loop, [LIVELY], start=lambda: Talk(Misconfigured("the key is unknown")))
        with pytest.raises(Misconfigured, match="the key is unknown"):
            await made.group.start(60)
        assert loop.time() == 0

    run(work)


def test_waits_grow_with_failures_stay_in_their_upper_half_and_begin_anew_after_a_long_life() -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        long_lived = [*LIVELY[:40], (40.0, None)]
        again = [(0.1, "ok"), *beats(1, 35), (35.5, None)]
        made = client(loop, [long_lived, *[None] * 7, again, LIVELY])
        await made.group.start(10)
        await asyncio.sleep(300)
        await made.group.stop()
        tries = made.venue.tries_s
        ends = [40.0, *tries[1:8], tries[8] + 35.5]
        return [then - end for end, then in zip(ends, tries[1:], strict=True)]

    waits = run(work)
    longest = [1, 2, 4, 8, 8, 8, 8, 8, 1]
    assert all(most / 2 <= wait <= most + 0.01 for wait, most in zip(waits, longest, strict=True)), waits


def test_an_order_the_stream_never_speaks_of_makes_it_deaf() -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        made = client(loop, [LIVELY])
        await made.group.start(10)
        made.session.expect(1, 3, "no news of order 1")
        made.session.expect(2, 3, "no news of order 2")
        made.session.met(1)
        await asyncio.sleep(1)
        assert made.events == []
        await asyncio.sleep(10)
        await made.group.stop()
        return made

    assert run(work).lost() == [(3.1, "stream: no news of order 2")]


def test_heartbeats_are_sent_and_a_connection_is_renewed_before_it_is_cut() -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        made = client(loop, [LIVELY], StreamStyle(silent_after_s=5, ping_every_s=10, renew_after_s=25, first_wait_s=1))
        await made.group.start(10)
        await asyncio.sleep(30)
        await made.group.stop()
        return made

    made = run(work)
    assert made.venue.sockets[0].heard == ["subscribe", "beat", "beat"]
    assert made.lost() == [(25.0, "stream: the connection has reached its age")]


def test_a_dialogue_of_several_steps_is_carried() -> None:
    async def work(loop: VirtualTimeLoop) -> list[Frame | str]:
        made = client(loop, [[(0.1, "auth?"), (0.2, "ok"), *beats(1, 5)]])
        await made.group.start(10)
        await made.session.send("order")
        await made.group.stop()
        with pytest.raises(ConnectionLost):
            await made.session.send("order")
        return made.venue.sockets[0].heard

    assert run(work) == ["subscribe", "login", "order"]


def test_two_sockets_are_lost_with_the_first_and_restored_with_the_last() -> None:
    async def work(loop: VirtualTimeLoop) -> list[VenueEvent]:
        events: list[VenueEvent] = []
        quick = Venue([[(0.1, "ok"), *beats(1, 10), (10.5, None)], LIVELY])
        slow = Venue([[(0.1, "ok"), *beats(1, 10), (11.0, None)], [(5.0, "ok"), *beats(6, 100)]])
        sessions = [StreamSession(n, Talk, v, STYLE, Random(1)) for n, v in (("quick", quick), ("slow", slow))]
        group = StreamGroup(sessions, loop.clock, events.append)
        await group.start(10)
        await asyncio.sleep(30)
        assert group.is_whole
        await group.stop()
        return events

    lost, restored = run(work)
    assert (told_s(lost), lost) == (10.5, StreamLost(lost.at_ns, "quick: closed by the venue"))
    # The quick one was back long before.
    assert 17 < told_s(restored) < 18.2
    assert isinstance(restored, StreamRestored)


def test_the_same_seed_gives_the_same_reconnects() -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        made = client(loop, [[(0.1, "ok"), (1.0, None)], *[None] * 5, LIVELY])
        await made.group.start(10)
        await asyncio.sleep(100)
        await made.group.stop()
        return made.venue.tries_s

    assert run(work) == run(work)


def test_a_heartbeat_that_does_not_leave_ends_the_connection_and_nothing_of_it_stays() -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        made = client(loop, [LIVELY], StreamStyle(ping_every_s=10, first_wait_s=1))
        made.venue.kind = UnkindSocket
        await made.group.start(10)
        await asyncio.sleep(35)
        names = sorted(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())
        assert names == ["heartbeat of stream", "stream stream"]
        await made.group.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return made

    assert run(work).lost() == [(20.0, "stream: a heartbeat could not be sent")]


def test_a_connection_that_cannot_be_closed_is_replaced_all_the_same() -> None:
    async def work(loop: VirtualTimeLoop) -> Client:
        made = client(loop, [[(0.1, "ok"), (2.5, "gap")], LIVELY])
        made.venue.kind = UnkindSocket
        await made.group.start(10)
        await asyncio.sleep(20)
        await made.group.stop()
        return made

    made = run(work)
    assert made.kinds() == ["StreamLost", "StreamRestored"]


def test_a_key_that_is_taken_away_later_is_told_as_what_a_person_must_mend() -> None:
    async def work(loop: VirtualTimeLoop) -> list[VenueEvent]:
        errors: list[Exception | None] = [None, *[Misconfigured("the key is gone")] * 9]
        made = client(loop, [[(0.1, "ok"), (2.5, None)]], start=lambda: Talk(errors.pop(0)))
        await made.group.start(10)
        await asyncio.sleep(10)
        await made.group.stop()
        return made.events

    lost, gone = run(work)
    assert isinstance(lost, StreamLost)
    assert gone == VenueTrouble(gone.at_ns, "the key is gone", must_stop=True)


def test_a_start_that_is_given_up_leaves_no_task() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        made = client(loop, [None])
        start = loop.create_task(made.group.start(60))
        await asyncio.sleep(5)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(work)


def test_a_flood_of_messages_leaves_the_loop_to_others() -> None:
    class CountingTalk(Talk):
        heard = 0

        def received(self, frame: Frame) -> Reaction:
            CountingTalk.heard += 1
            return super().received(frame)

    async def work(loop: VirtualTimeLoop) -> list[int]:
        made = client(loop, [[(0.1, "ok"), *[(1.0, "d")] * 5_000, *beats(2, 50)]], start=CountingTalk)
        await made.group.start(10)
        await asyncio.sleep(0.9)
        seen = []
        for _ in range(20):
            await asyncio.sleep(0)
            seen.append(CountingTalk.heard)
        await made.group.stop()
        return seen

    assert run(work)[-1] < 2_500
