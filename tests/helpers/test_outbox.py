"""The outbox's timetable, in virtual time: what is told, when, how often, and what is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from domain.market import NANOSECONDS
from helpers.clock import VirtualTimeLoop
from helpers.messenger import Undelivered
from helpers.outbox import Kind, Outbox, Pace

PACE = Pace(waiting=5, repeat_window_s=300, tries=4, first_pause_s=1, longest_pause_s=3, longest_wait_s=100, gap_s=1)
BUSY = Undelivered("busy", retry=True)
WRONG = Undelivered("wrong chat", retry=False)


def flooded(retry_after_s: float) -> Undelivered:
    return Undelivered("too many", retry=True, retry_after_s=retry_after_s)


class ScriptedMessenger:
    """Notes each call with its time; `faults` are used up first."""

    name = "Pigeon"

    def __init__(self, *faults: Undelivered) -> None:
        self.faults = list(faults)
        self.calls: list[tuple[float, str]] = []
        self.taken: list[str] = []

    async def send(self, text: str) -> None:
        self.calls.append((asyncio.get_running_loop().time(), text))
        if self.faults:
            raise self.faults.pop(0)
        self.taken.append(text)


class Post:
    """An outbox in virtual time with what it said of itself."""

    def __init__(self, messenger: ScriptedMessenger) -> None:
        self.messenger = messenger
        self.troubles: list[str] = []
        self.outbox = Outbox(messenger, PACE, self.troubles.append)


def in_virtual_time(post_of: Callable[[], Post], story: Callable[[Outbox], Awaitable[None]]) -> Post:
    """Play `story` beside the outbox, close it, and wait until it is empty."""

    async def played() -> Post:
        post = post_of()
        running = asyncio.create_task(post.outbox.run())
        await story(post.outbox)
        post.outbox.close()
        await running
        return post

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(NANOSECONDS)) as runner:
        return runner.run(played())


def playing(story: Callable[[Outbox], Awaitable[None]], *faults: Undelivered) -> Post:
    return in_virtual_time(lambda: Post(ScriptedMessenger(*faults)), story)


def test_messages_go_out_in_order_with_a_gap_between() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.START, "started")
        outbox.offer(Kind.PAUSE_PRICE, "paused")
        await asyncio.sleep(10)
        outbox.offer(Kind.STOP, "stopped")

    post = playing(story)
    assert post.messenger.calls == [(0, "started"), (1, "paused"), (10, "stopped")]
    assert (post.outbox.sent, post.outbox.dropped, post.outbox.undelivered, post.troubles) == (3, 0, 0, [])


def test_retries_back_off_up_to_a_bound_and_then_give_up() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.HALT, "halted")
        outbox.offer(Kind.STOP, "stopped")
        await asyncio.sleep(60)

    post = playing(story, BUSY, BUSY, BUSY, BUSY)
    # 1, 2 and at most 3 seconds; the last pause is kept before the next message.
    assert post.messenger.calls == [(0, "halted"), (1, "halted"), (3, "halted"), (6, "halted"), (9, "stopped")]
    assert (post.outbox.sent, post.outbox.dropped) == (1, 1)
    assert post.troubles == [
        "Pigeon does not take notifications: busy",
        "Pigeon takes notifications again; 1 were given up so far",
    ]


def test_the_time_a_service_asks_for_is_kept() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.HALT, "halted")
        await asyncio.sleep(60)

    assert playing(story, flooded(35), flooded(0.1)).messenger.calls == [(0, "halted"), (35, "halted"), (37, "halted")]


def test_an_absurd_time_to_wait_is_bounded() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.HALT, "halted")
        await asyncio.sleep(1000)

    assert playing(story, flooded(1e12)).messenger.calls == [(0, "halted"), (100, "halted")]


def test_a_service_that_asks_for_time_gets_it_from_the_next_message_too() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.HALT, "halted")
        outbox.offer(Kind.STOP, "stopped")
        await asyncio.sleep(1000)

    post = playing(story, BUSY, BUSY, BUSY, flooded(50))
    assert post.messenger.calls[-2:] == [(6, "halted"), (56, "stopped")]


def test_a_refusal_for_good_is_not_tried_again() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.START, "started")
        await asyncio.sleep(5)
        outbox.offer(Kind.STOP, "stopped")

    post = playing(story, WRONG, WRONG)
    assert post.messenger.calls == [(0, "started"), (5, "stopped")]
    assert (post.outbox.dropped, post.troubles) == (2, ["Pigeon does not take notifications: wrong chat"])


def test_repeats_within_the_window_are_told_once_at_its_end() -> None:
    async def story(outbox: Outbox) -> None:
        for _ in range(6):
            outbox.offer(Kind.ERROR, "no book")
            await asyncio.sleep(10)
        await asyncio.sleep(600)
        outbox.offer(Kind.ERROR, "no book")
        await asyncio.sleep(1)

    post = playing(story)
    assert post.messenger.calls == [(0, "no book"), (300, "no book (repeated 5 times)"), (660, "no book")]


def test_the_same_words_of_another_kind_are_no_repeat() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.ERROR, "position differs")
        outbox.offer(Kind.MISMATCH, "position differs")
        await asyncio.sleep(5)

    assert playing(story).messenger.taken == ["position differs", "position differs"]


def test_repeats_of_what_still_waits_are_counted_in_it() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.START, "started")
        for _ in range(2):
            outbox.offer(Kind.ERROR, "no book")
        await asyncio.sleep(5)

    assert playing(story).messenger.taken == ["started", "no book (repeated once)"]


def test_closing_tells_the_repeats_that_were_held_back() -> None:
    async def story(outbox: Outbox) -> None:
        for _ in range(3):
            outbox.offer(Kind.ERROR, "no book")
            await asyncio.sleep(10)

    assert playing(story).messenger.calls == [(0, "no book"), (30, "no book (repeated 2 times)")]


def test_a_held_repeat_does_not_hold_up_other_messages() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.ERROR, "no book")
        await asyncio.sleep(10)
        outbox.offer(Kind.ERROR, "no book")
        outbox.offer(Kind.HALT, "halted")
        await asyncio.sleep(400)

    post = playing(story)
    assert post.messenger.calls == [(0, "no book"), (10, "halted"), (300, "no book (repeated once)")]


def test_a_full_queue_loses_its_oldest_error_and_keeps_the_halt() -> None:
    async def story(outbox: Outbox) -> None:
        outbox.offer(Kind.MISMATCH, "differs")
        outbox.offer(Kind.HALT, "halted")
        for number in range(8):
            outbox.offer(Kind.ERROR, f"error {number}")
        await asyncio.sleep(60)

    post = playing(story)
    assert post.messenger.taken == ["differs", "halted", "error 5", "error 6", "error 7"]
    assert (post.outbox.sent, post.outbox.dropped) == (5, 5)


def test_a_queue_full_of_weighty_messages_loses_the_oldest() -> None:
    async def story(outbox: Outbox) -> None:
        for number in range(6):
            outbox.offer(Kind.HALT, f"halt {number}")
        await asyncio.sleep(60)

    assert playing(story).messenger.taken == [f"halt {number}" for number in range(1, 6)]


_STEP = st.tuples(st.sampled_from(list(Kind)), st.sampled_from("abc"), st.sampled_from([0.0, 0.5, 7.0, 301.0]))
_FAULT = st.sampled_from([BUSY, WRONG, flooded(9), flooded(500)])


@given(st.lists(_STEP, max_size=40), st.lists(_FAULT, max_size=20))
def test_every_message_is_sent_counted_as_a_repeat_or_dropped(
    steps: list[tuple[Kind, str, float]], faults: list[Undelivered]
) -> None:
    async def story(outbox: Outbox) -> None:
        for kind, text, pause_s in steps:
            outbox.offer(kind, f"{kind} {text}")
            await asyncio.sleep(pause_s)
            assert outbox.undelivered <= PACE.waiting + 1

    post = playing(story, *faults)
    outbox, calls = post.outbox, post.messenger.calls
    assert (outbox.sent, outbox.undelivered) == (len(post.messenger.taken), 0)
    told = sum(map(_occurrences, post.messenger.taken))
    assert told <= len(steps)
    assert outbox.sent + outbox.dropped <= len(steps)
    assert bool(steps) == bool(outbox.sent + outbox.dropped)
    if not outbox.dropped:
        assert len(steps) <= told + sum("repeated" in text for text in post.messenger.taken)
    assert len(calls) <= PACE.tries * (outbox.sent + outbox.dropped)


def _occurrences(text: str) -> int:
    """How many offers a sent text tells of, at least: `(repeated n times)` is n after a first telling, else n + 1."""
    words = text.split(" (repeated ")
    if len(words) == 1:
        return 1
    count = words[1].split()[0].rstrip(")")
    return 1 if count == "once" else int(count)
