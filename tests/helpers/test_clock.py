"""The virtual-time loop: asyncio's own order, a world that moves the clock, and real time only on demand."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from domain.market import NANOSECONDS
from helpers.clock import SystemClock, VirtualClock, VirtualTimeLoop

T = TypeVar("T")
START_NS = 1_700_000_000 * NANOSECONDS
DAY_S = 86_400


def run(main: Awaitable[T], loop: VirtualTimeLoop) -> T:
    async def whole() -> T:
        return await main

    try:
        return loop.run_until_complete(whole())
    finally:
        loop.close()


@dataclass
class Calendar:
    """A world with appointments: what happens at which time, in the world's own time."""

    clock: VirtualClock
    appointments: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    asked: list[int | None] = field(default_factory=list)

    def advance(self, until_ns: int | None) -> int | None:
        self.asked.append(until_ns)
        if self.appointments and (until_ns is None or self.appointments[0][0] <= until_ns):
            at_ns, happen = self.appointments.pop(0)
            happen()
            return at_ns
        return until_ns


def seconds_since_start(loop: VirtualTimeLoop) -> float:
    return (loop.clock.now_ns() - START_NS) / NANOSECONDS


def test_timers_fire_in_order_and_on_time() -> None:
    loop = VirtualTimeLoop(START_NS)
    fired: list[tuple[str, float]] = []

    def fire(name: str) -> None:
        fired.append((name, seconds_since_start(loop)))

    async def main() -> None:
        for name, delay_s in (("late", 3.0), ("early", 1.0), ("between", 1.5), ("now", 0.0)):
            loop.call_later(delay_s, fire, name)
        await asyncio.sleep(5)

    run(main(), loop)
    assert fired == [("now", 0.0), ("early", 1.0), ("between", 1.5), ("late", 3.0)]


def test_an_hour_of_sleep_moves_the_clock_by_exactly_an_hour() -> None:
    loop = VirtualTimeLoop(START_NS)

    async def main() -> tuple[int, float]:
        await asyncio.sleep(3600)
        return loop.clock.now_ns(), loop.time()

    assert run(main(), loop) == (START_NS + 3600 * NANOSECONDS, 3600.0)


def test_a_timeout_and_an_event_meet_in_virtual_time() -> None:
    loop = VirtualTimeLoop(START_NS)

    async def main() -> list[tuple[bool, float]]:
        event, seen = asyncio.Event(), []
        loop.call_later(90, event.set)
        for limit_s in (60, 60):
            try:
                async with asyncio.timeout(limit_s):
                    await event.wait()
                seen.append((True, seconds_since_start(loop)))
            except TimeoutError:
                seen.append((False, seconds_since_start(loop)))
        return seen

    assert run(main(), loop) == [(False, 60.0), (True, 90.0)]


def test_a_world_that_has_something_to_deliver_interrupts_the_wait() -> None:
    loop = VirtualTimeLoop(START_NS)

    async def main() -> float:
        fill: asyncio.Future[None] = loop.create_future()
        world = Calendar(loop.clock, [(START_NS + 7 * NANOSECONDS, lambda: fill.set_result(None))])
        loop.live_in(world)
        await asyncio.wait_for(fill, timeout=100)
        return seconds_since_start(loop)

    assert run(main(), loop) == 7.0


def test_a_world_may_leap_over_a_hole_and_late_timers_fire_after_it() -> None:
    loop = VirtualTimeLoop(START_NS)

    class Leaping:
        def advance(self, until_ns: int | None) -> int | None:
            return None if until_ns is None else until_ns + 3600 * NANOSECONDS

    async def main() -> float:
        await asyncio.sleep(1)
        return seconds_since_start(loop)

    loop.live_in(Leaping())
    assert run(main(), loop) == 3601.0


def test_a_world_is_asked_to_live_exactly_until_the_next_timer() -> None:
    loop = VirtualTimeLoop(START_NS)
    world = Calendar(loop.clock)
    loop.live_in(world)

    async def main() -> None:
        await asyncio.sleep(2)
        await asyncio.sleep(0.5)

    run(main(), loop)
    assert world.asked == [START_NS + 2 * NANOSECONDS, START_NS + 2_500_000_000]


def test_waiting_for_what_can_never_come_is_an_error_and_not_a_hang() -> None:
    loop = VirtualTimeLoop(START_NS)

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing can happen any more"):
        run(main(), loop)


def test_the_clock_never_goes_back() -> None:
    clock = VirtualClock(START_NS)
    clock.move_to(START_NS + 5)
    with pytest.raises(ValueError, match="time cannot go back"):
        clock.move_to(START_NS + 4)
    assert clock.now_ns() == START_NS + 5


def test_the_system_clock_does_not_fall_and_starts_at_wall_time() -> None:
    clock = SystemClock()
    seen = [clock.now_ns() for _ in range(1000)]
    assert seen == sorted(seen)
    assert seen[0] > 1_700_000_000 * NANOSECONDS


class HurriedWall:
    """A wall clock that is a minute later at each reading: a loop that keeps pace is always late, and never waits."""

    def __init__(self) -> None:
        self.readings = 0

    def __call__(self) -> float:
        self.readings += 1
        return 60.0 * self.readings


def test_with_a_pace_a_virtual_second_lasts_its_share_of_a_real_one() -> None:
    loop = VirtualTimeLoop(START_NS, pace=1_000.0)

    async def main() -> float:
        await asyncio.sleep(100)
        return seconds_since_start(loop)

    began_s = time.monotonic()
    assert run(main(), loop) == 100.0
    assert time.monotonic() - began_s >= 0.09


def test_with_a_pace_the_world_lives_in_slices_shorter_than_a_person_notices() -> None:
    loop = VirtualTimeLoop(START_NS, pace=10.0, wall=HurriedWall())
    world = Calendar(loop.clock)
    loop.live_in(world)
    run(asyncio.sleep(1.25), loop)
    assert world.asked == [START_NS + quarters * 250_000_000 for quarters in (2, 4, 5)]


def test_a_delivery_at_the_very_end_of_a_slice_is_handed_over_at_once() -> None:
    loop = VirtualTimeLoop(START_NS, pace=10.0, wall=HurriedWall())

    async def main() -> float:
        fill: asyncio.Future[None] = loop.create_future()
        loop.live_in(Calendar(loop.clock, [(START_NS + NANOSECONDS // 2, lambda: fill.set_result(None))]))
        await asyncio.wait_for(fill, timeout=100)
        return seconds_since_start(loop)

    assert run(main(), loop) == 0.5


def test_without_a_pace_the_wall_clock_is_never_read() -> None:
    wall = HurriedWall()
    loop = VirtualTimeLoop(START_NS, wall=wall)
    run(asyncio.sleep(1_000_000), loop)
    assert wall.readings == 0


def test_another_thread_can_wake_a_loop_that_keeps_pace() -> None:
    """A real second passes too slowly to be waited for: at this pace the sleep would take minutes."""
    loop = VirtualTimeLoop(START_NS, pace=1.0)

    async def main() -> str:
        heard: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set_result, "hello"))
        thread.start()
        try:
            return await asyncio.wait_for(heard, timeout=600)
        finally:
            thread.join()

    assert run(main(), loop) == "hello"


def test_a_world_that_is_waiting_for_a_thread_is_woken_without_a_pace_too() -> None:
    loop = VirtualTimeLoop(START_NS)

    class Idle:
        """Time passes, nothing happens: the thread decides when it ends."""

        def advance(self, until_ns: int | None) -> int | None:
            return loop.clock.now_ns() + NANOSECONDS

    async def main() -> str:
        loop.live_in(Idle())
        heard: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set_result, "hello"))
        thread.start()
        try:
            return await heard
        finally:
            thread.join()

    assert run(main(), loop) == "hello"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal handlers on event loops")
@pytest.mark.parametrize("pace", [None, 1.0])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_reaches_its_handler_in_the_middle_of_a_long_sleep(pace: float | None, name: str) -> None:
    loop = VirtualTimeLoop(START_NS, pace=pace)
    number = getattr(signal, name)

    async def main() -> str:
        stopped: asyncio.Future[str] = loop.create_future()
        loop.add_signal_handler(number, stopped.set_result, name)
        loop.call_soon(os.kill, os.getpid(), number)
        try:
            return await asyncio.wait_for(stopped, timeout=30 * DAY_S)
        finally:
            loop.remove_signal_handler(number)

    assert run(main(), loop) == name


def trace_of_a_day(tasks: int = 4) -> list[tuple[int, int]]:
    """Who woke when, over 24 virtual hours of tasks that share a queue and sleep at odd, unequal intervals."""
    loop = VirtualTimeLoop(START_NS)
    trace: list[tuple[int, int]] = []

    async def worker(number: int, queue: asyncio.Queue[int]) -> None:
        while seconds_since_start(loop) < DAY_S:
            await asyncio.sleep(7 + number * 1.3)
            queue.put_nowait(number)

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            for number in range(tasks):
                group.create_task(worker(number, queue))
            reader = group.create_task(read(queue))
            await asyncio.sleep(DAY_S + 60)
            reader.cancel()

    async def read(queue: asyncio.Queue[int]) -> None:
        while True:
            trace.append((await queue.get(), loop.clock.now_ns()))

    run(main(), loop)
    return trace


def test_a_virtual_day_gives_the_same_trace_every_time() -> None:
    first = trace_of_a_day()
    assert len(first) > 30_000
    assert [at_ns for _, at_ns in first] == sorted(at_ns for _, at_ns in first)
    assert trace_of_a_day() == first


def test_the_trace_does_not_depend_on_the_pace() -> None:
    def trace(pace: float | None) -> list[tuple[str, int]]:
        loop = VirtualTimeLoop(START_NS, pace=pace, wall=HurriedWall())
        seen: list[tuple[str, int]] = []

        async def tick(name: str, every_s: float) -> None:
            for _ in range(20):
                await asyncio.sleep(every_s)
                seen.append((name, loop.clock.now_ns()))

        async def main() -> None:
            await asyncio.gather(tick("a", 0.3), tick("b", 0.7), tick("c", 1.1))

        run(main(), loop)
        return seen

    assert trace(None) == trace(1.0) == trace(7.0)


def test_years_from_the_start_a_timer_still_fires_and_time_still_moves() -> None:
    """A recording may leap over years. There, seconds as floats no longer tell nanoseconds apart."""
    loop = VirtualTimeLoop(START_NS)

    class Leaping:
        def __init__(self) -> None:
            self.leap_ns = 900 * DAY_S * NANOSECONDS

        def advance(self, until_ns: int | None) -> int | None:
            leap_ns, self.leap_ns = self.leap_ns, 0
            return None if until_ns is None else until_ns + leap_ns

    async def wait_until(deadline_ns: int) -> int:
        """As a bot waits for a deadline: again, where it was woken a moment early."""
        looks = 0
        while loop.clock.now_ns() < deadline_ns:
            looks += 1
            await asyncio.sleep((deadline_ns - loop.clock.now_ns()) / NANOSECONDS)
        return looks

    async def main() -> int:
        await asyncio.sleep(1)
        return max([await wait_until(loop.clock.now_ns() + 112_500_000_000 + 12_345_677 * n) for n in range(500)])

    loop.live_in(Leaping())
    assert run(main(), loop) <= 3


def test_years_from_the_start_a_wait_ends_on_the_very_nanosecond() -> None:
    loop = VirtualTimeLoop(START_NS)
    began: list[int] = []

    async def main() -> int:
        await asyncio.sleep(40 * 365 * 86_400.0)
        began.append(loop.clock.now_ns())
        await asyncio.sleep(123_456_789 / NANOSECONDS)
        return loop.clock.now_ns()

    ended_ns = run(main(), loop)
    assert (began, ended_ns) == ([START_NS + 40 * 365 * 86_400 * NANOSECONDS], began[0] + 123_456_789)


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set() -> None:
    loop = VirtualTimeLoop(START_NS)
    fired: list[int] = []

    async def main() -> None:
        for number in range(20):
            loop.call_later(5, fired.append, number)
        loop.call_later(5, fired.append, 20).cancel()
        await asyncio.sleep(5)

    run(main(), loop)
    assert fired == list(range(20))


def test_cancelled_timers_do_not_pile_up() -> None:
    loop = VirtualTimeLoop(START_NS)

    async def main() -> int:
        for _ in range(5_000):
            loop.call_later(3_600, print).cancel()
            await asyncio.sleep(0)
        return len(loop._timers)

    assert run(main(), loop) < 300
