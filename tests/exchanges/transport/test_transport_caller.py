"""What may be concluded from a request's outcome, and how load is kept in bounds. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from domain.market import NANOSECONDS
from exchanges.decoding import DecodeError
from exchanges.errors import Misconfigured, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.transport.caller import Patience, RestCaller, retry_after_s
from exchanges.transport.limits import Bucket, RateLimiter
from exchanges.transport.messages import Headers, HttpRequest, HttpResponse
from exchanges.urgency import urgent_reads
from helpers.clock import VirtualClock, VirtualTimeLoop

T = TypeVar("T")
START_NS = 1_700_000_000 * NANOSECONDS
REQUEST = HttpRequest("GET", "/x")
COST = {"all": 1}


class ScriptedHttp:
    """Answers in order; an exception is raised."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        self.answers = list(answers)
        self.sent = 0
        self.deadlines_s: list[float] = []

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        self.sent += 1
        self.deadlines_s.append(deadline_s)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...


def answer(status: int, body: bytes = b"{}", headers: Headers = ()) -> HttpResponse:
    return HttpResponse(status, headers, body)


def run(work: Callable[[VirtualTimeLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualTimeLoop(START_NS)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()


def limiter(loop: VirtualTimeLoop, capacity: int = 100, reserve: int = 10) -> RateLimiter:
    return RateLimiter([Bucket("all", capacity, 60, reserve)], loop.clock)


def body_of(response: HttpResponse) -> bytes:
    if response.status >= 400:
        raise Refused("no", "refused")
    return response.body


def unreadable(_response: HttpResponse) -> bytes:
    raise DecodeError("field is missing")


def overloaded(response: HttpResponse) -> bytes:
    """A venue that says in the body alone that there were too many requests."""
    if response.body == b"busy":
        raise Refused("rate_limited", "too many requests")
    return response.body


def misconfigured(_response: HttpResponse) -> bytes:
    raise Misconfigured("wrong key")


HTML = answer(200, b" <!doctype html><p>hello", (("Content-Type", "text/plain"),))
OUTCOMES: list[tuple[HttpResponse | Exception, type[Exception], type[Exception]]] = [
    (NotSent("no connection"), NotSent, Unavailable),
    (OutcomeUnknown("timeout"), OutcomeUnknown, Unavailable),
    (answer(500), OutcomeUnknown, Unavailable),
    (answer(408), OutcomeUnknown, Unavailable),
    (answer(503, b'{"code":"MAINTENANCE"}'), OutcomeUnknown, Unavailable),
    (answer(302), OutcomeUnknown, Unavailable),
    (HTML, OutcomeUnknown, Unavailable),
    (answer(403, b"<html>", (("Content-Type", "text/html; charset=utf-8"),)), OutcomeUnknown, Unavailable),
    (answer(400), Refused, Unavailable),
    (answer(429), Refused, Unavailable),
    (answer(418), Refused, Unavailable),
]


@pytest.mark.parametrize("outcome, write_error, read_error", OUTCOMES, ids=lambda value: repr(value)[:40])
def test_an_outcome_lets_conclude(
    outcome: HttpResponse | Exception, write_error: type[Exception], read_error: type[Exception]
) -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        for error, is_write in ((write_error, True), (read_error, False)):
            caller = RestCaller(ScriptedHttp(outcome), limiter(loop), loop.clock)
            request = (
                caller.write(lambda: REQUEST, COST, body_of, urgent=False)
                if is_write
                else caller.read(lambda: REQUEST, COST, body_of)
            )
            with pytest.raises(error) as raised:
                await request
            assert type(raised.value) is error

    run(work)


def test_an_unreadable_answer_proves_nothing_and_a_wrong_key_is_said() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        caller = RestCaller(ScriptedHttp(*[answer(200)] * 4), limiter(loop), loop.clock)
        with pytest.raises(OutcomeUnknown, match="field is missing"):
            await caller.write(lambda: REQUEST, COST, unreadable, urgent=False)
        with pytest.raises(Unavailable, match="field is missing"):
            await caller.read(lambda: REQUEST, COST, unreadable)
        with pytest.raises(Misconfigured):
            await caller.write(lambda: REQUEST, COST, misconfigured, urgent=False)
        with pytest.raises(Misconfigured):
            await caller.read(lambda: REQUEST, COST, misconfigured)

    run(work)


def test_after_a_429_nothing_is_sent_before_its_time_urgent_or_not() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        http = ScriptedHttp(answer(429, b"", (("Retry-After", "3"),)), answer(200), answer(200))
        caller = RestCaller(http, limiter(loop), loop.clock)
        with pytest.raises(Refused, match="all wait 3 s") as refused:
            await caller.write(lambda: REQUEST, COST, body_of, urgent=True)
        assert refused.value.reason == "rate_limited"
        await asyncio.gather(
            caller.write(lambda: REQUEST, COST, body_of, urgent=True), caller.read(lambda: REQUEST, COST, body_of)
        )
        assert http.sent == 3
        assert loop.time() == pytest.approx(3)

    run(work)


def test_a_ban_is_waited_out_and_requests_meanwhile_are_not_sent() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        http = ScriptedHttp(answer(418, b"", (("Retry-After", "1"),)), answer(200))
        caller = RestCaller(http, limiter(loop), loop.clock)
        with pytest.raises(Unavailable):
            await caller.read(lambda: REQUEST, COST, body_of)
        with pytest.raises(NotSent):
            await caller.write(lambda: REQUEST, COST, body_of, urgent=True)
        assert (http.sent, loop.time()) == (1, 0)
        await asyncio.sleep(115)
        await caller.write(lambda: REQUEST, COST, body_of, urgent=True)
        assert loop.time() == pytest.approx(120)

    run(work)


def test_429s_without_a_time_wait_longer_each_time() -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        limits = limiter(loop)
        caller = RestCaller(ScriptedHttp(*[answer(429)] * 3, answer(200), answer(429)), limits, loop.clock)
        pauses = []
        for _ in range(5):
            try:
                await caller.read(lambda: REQUEST, COST, body_of)
            except Unavailable:
                pauses.append(round((limits.paused_until_ns - loop.clock.now_ns()) / NANOSECONDS, 3))
        return pauses

    assert run(work) == [1, 2, 4, 1]


def test_requests_refused_for_load_together_count_as_one_refusal() -> None:
    class SlowHttp(ScriptedHttp):
        async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
            response = await super().send(request, deadline_s)
            await asyncio.sleep(0.1 * self.sent)
            return response

    async def work(loop: VirtualTimeLoop) -> tuple[float, float]:
        limits = limiter(loop)
        caller = RestCaller(SlowHttp(*[answer(429)] * 4), limits, loop.clock)

        async def ask() -> None:
            with pytest.raises(Unavailable):
                await caller.read(lambda: REQUEST, COST, body_of)

        pauses = []
        for together in (3, 1):
            await asyncio.gather(*(ask() for _ in range(together)))
            pauses.append(round((limits.paused_until_ns - loop.clock.now_ns()) / NANOSECONDS, 3))
        return pauses[0], pauses[1]

    assert run(work) == (1, 2)


@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_for_load_that_only_the_body_tells_stops_everything_too(status: int) -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        limits = limiter(loop)
        answers = [*[answer(status, b"busy")] * 3, answer(200), answer(status, b"busy")]
        caller = RestCaller(ScriptedHttp(*answers), limits, loop.clock)
        pauses = []
        for is_write in (True, False, True, False, True):
            try:
                if is_write:
                    await caller.write(lambda: REQUEST, COST, overloaded, urgent=True)
                else:
                    await caller.read(lambda: REQUEST, COST, overloaded)
            except (Refused, Unavailable):
                pauses.append(round((limits.paused_until_ns - loop.clock.now_ns()) / NANOSECONDS, 3))
        return pauses

    assert run(work) == [1, 2, 4, 1]


def test_a_request_is_built_when_it_leaves_not_when_it_was_asked_for() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        limits = limiter(loop)
        limits.pause(5)
        built: list[float] = []

        def make() -> HttpRequest:
            built.append(loop.time())
            return REQUEST

        await RestCaller(ScriptedHttp(answer(200)), limits, loop.clock).read(make, COST, body_of)
        assert built == [pytest.approx(5)]

    run(work)


def test_reads_leave_the_reserve_to_urgent_requests() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        limits = limiter(loop, capacity=5, reserve=2)
        for _ in range(3):
            await limits.take(COST, urgent=False, within_s=0)
        with pytest.raises(NotSent, match=r"another 1\.0 s"):
            await limits.take(COST, urgent=False, within_s=0.5)
        await limits.take(COST, urgent=True, within_s=0)
        await limits.take(COST, urgent=True, within_s=0)
        assert loop.time() == 0
        await limits.take(COST, urgent=True, within_s=2)
        assert loop.time() == pytest.approx(1)
        await limits.take(COST, urgent=False, within_s=10)
        assert loop.time() == pytest.approx(4)

    run(work)


def test_no_minute_holds_more_requests_than_capacity_and_refill() -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        limits = RateLimiter([Bucket("all", 10, 60)], loop.clock)
        times: list[float] = []

        async def ask() -> None:
            await limits.take(COST, urgent=False, within_s=1000)
            times.append(loop.time())

        await asyncio.gather(*(ask() for _ in range(100)))
        return times

    times = run(work)
    assert len(times) == 100
    for began in times:
        assert sum(1 for time in times if began <= time < began + 60) <= 70


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("7", 7),
        ("0", 0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("1e5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, seconds: float | None) -> None:
    clock = VirtualClock(START_NS)
    assert retry_after_s(answer(429, headers=(("retry-after", text),)), clock.now_ns()) == seconds


# --- what a close waits for -----------------------------------------------------------------------------------------


def test_an_urgent_read_may_use_what_is_kept_back() -> None:
    async def work(loop: VirtualTimeLoop) -> bytes:
        caller = RestCaller(ScriptedHttp(answer(200)), limiter(loop, capacity=11, reserve=10), loop.clock)
        with urgent_reads():
            return await caller.read(lambda: REQUEST, {"all": 11}, body_of)

    assert run(work) == b"{}"


def test_a_read_without_room_says_when_there_will_be_some() -> None:
    async def work(loop: VirtualTimeLoop) -> Unavailable:
        limits = limiter(loop, capacity=11, reserve=10)
        await limits.take({"all": 11}, urgent=True, within_s=1)
        caller = RestCaller(ScriptedHttp(), limits, loop.clock, Patience(read_s=5))
        with pytest.raises(Unavailable) as caught:
            await caller.read(lambda: REQUEST, {"all": 1}, body_of)
        return caught.value

    assert run(work).again_s == 11


@pytest.mark.parametrize("waited_s, write_s, read_s", [(0, 8.0, 10.0), (2, 6.0, 8.0), (7, 5.0, 3.0)])
def test_what_has_waited_for_room_is_not_given_up_as_soon_as_it_has_left(
    waited_s: int, write_s: float, read_s: float
) -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        http = ScriptedHttp(answer(200), answer(200))
        for is_write in (True, False):
            limits = limiter(loop, capacity=11, reserve=10)
            await limits.take({"all": waited_s}, urgent=True, within_s=0)
            caller = RestCaller(http, limits, loop.clock)
            if is_write:
                await caller.write(lambda: REQUEST, {"all": 11}, body_of, urgent=True)
            else:
                with urgent_reads():
                    await caller.read(lambda: REQUEST, {"all": 11}, body_of)
        return [round(deadline_s, 3) for deadline_s in http.deadlines_s]

    assert run(work) == [write_s, read_s]


def test_a_close_that_comes_to_wait_makes_the_next_of_several_reads_urgent() -> None:
    async def work(loop: VirtualTimeLoop) -> list[float]:
        limits = limiter(loop, capacity=12, reserve=10)
        caller = RestCaller(ScriptedHttp(*[answer(200)] * 4), limits, loop.clock)
        owed: list[str] = []
        times = []
        with urgent_reads(lambda: bool(owed)):
            for number in range(4):
                if number == 3:
                    owed.append("a close")
                await caller.read(lambda: REQUEST, COST, body_of)
                times.append(round(loop.time(), 3))
        return times

    assert run(work) == [0, 0, 1, 1]


def test_a_read_that_waits_for_room_leaves_out_of_the_reserve_once_a_close_waits_for_it() -> None:
    async def work(loop: VirtualTimeLoop) -> float:
        limits = limiter(loop, capacity=12, reserve=10)
        await limits.take({"all": 2}, urgent=False, within_s=0)
        caller = RestCaller(ScriptedHttp(answer(200)), limits, loop.clock)
        owed: list[str] = []
        loop.call_later(1.25, owed.append, "a close")
        with urgent_reads(lambda: bool(owed)):
            await caller.read(lambda: REQUEST, {"all": 2}, body_of)
        return loop.time()

    assert run(work) == pytest.approx(1.4)  # It is asked every 0.2 s; without a close it left at 2.


def test_a_read_that_waits_for_room_leaves_when_there_is_some_where_no_close_waits() -> None:
    async def work(loop: VirtualTimeLoop) -> float:
        limits = limiter(loop, capacity=12, reserve=10)
        await limits.take({"all": 2}, urgent=False, within_s=0)
        caller = RestCaller(ScriptedHttp(answer(200)), limits, loop.clock)
        with urgent_reads(lambda: False):
            await caller.read(lambda: REQUEST, {"all": 2}, body_of)
        return loop.time()

    assert run(work) == pytest.approx(2)


def test_a_read_refused_for_load_says_how_long_the_pause_is() -> None:
    async def work(loop: VirtualTimeLoop) -> Unavailable:
        caller = RestCaller(ScriptedHttp(answer(429, headers=(("Retry-After", "7"),))), limiter(loop), loop.clock)
        with pytest.raises(Unavailable) as caught:
            await caller.read(lambda: REQUEST, COST, body_of)
        return caught.value

    assert run(work).again_s == 7


def test_a_read_that_failed_for_another_reason_names_no_time() -> None:
    async def work(loop: VirtualTimeLoop) -> Unavailable:
        caller = RestCaller(ScriptedHttp(answer(503)), limiter(loop), loop.clock)
        with pytest.raises(Unavailable) as caught:
            await caller.read(lambda: REQUEST, COST, body_of)
        return caught.value

    assert run(work).again_s is None
