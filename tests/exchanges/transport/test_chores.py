"""Recurring work: its failures are told, once in a row; it has an owner, and ends with it. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from domain.market import NANOSECONDS
from exchanges.errors import Misconfigured, Unavailable
from exchanges.transport.chores import Chores
from helpers.clock import VirtualTimeLoop

Told = list[tuple[float, str, bool]]


def run(work: Callable[[VirtualTimeLoop, Told], Coroutine[Any, Any, None]]) -> Told:
    loop = VirtualTimeLoop(1_700_000_000 * NANOSECONDS)
    told: Told = []
    try:
        loop.run_until_complete(work(loop, told))
    finally:
        loop.close()
    return told


class Work:
    """Ends as told, in order, then well. Counts."""

    def __init__(self, *endings: Exception | None) -> None:
        self.endings = list(endings)
        self.done_at: list[float] = []

    async def __call__(self) -> None:
        self.done_at.append(asyncio.get_running_loop().time())
        ending = self.endings.pop(0) if self.endings else None
        if ending is not None:
            raise ending


def chores(loop: VirtualTimeLoop, told: Told) -> Chores:
    return Chores(lambda text, must_stop: told.append((round(loop.time()), text, must_stop)))


def test_a_venue_that_is_away_is_told_once_it_stays_away_and_once_it_is_back() -> None:
    async def work(loop: VirtualTimeLoop, told: Told) -> None:
        made = chores(loop, told)
        clock = Work(Unavailable("no answer"), None, *[Unavailable("no answer")] * 20)
        made.every(60, "clock", clock)
        await asyncio.sleep(300)
        await made.stop()
        assert [round(at) for at in clock.done_at[:6]] == [60, 65, 125, 130, 135, 140]

    assert run(work) == [
        (135, "clock has failed 3 times in a row: no answer", False),
        (225, "clock works again", False),
    ]


def test_a_wrong_configuration_is_told_at_once_and_must_stop() -> None:
    async def work(loop: VirtualTimeLoop, told: Told) -> None:
        made = chores(loop, told)
        away = [Unavailable("no answer")] * 3
        made.every(10, "login", Work(*away, *[Misconfigured("the key is gone")] * 3))
        await asyncio.sleep(36)
        await made.stop()

    assert run(work) == [
        (20, "login has failed 3 times in a row: no answer", False),
        (25, "the key is gone", True),
    ]


def test_a_defect_is_told_by_kind_and_the_work_goes_on() -> None:
    async def work(loop: VirtualTimeLoop, told: Told) -> None:
        made = chores(loop, told)
        defective = Work(KeyError("secret"), KeyError("secret"))
        made.every(10, "funding", defective)
        await asyncio.sleep(25)
        await made.stop()
        assert len(defective.done_at) == 3

    assert run(work) == [(10, "funding has failed: KeyError", False), (20, "funding works again", False)]


def test_what_comes_and_goes_is_told_every_ten_minutes_at_the_most() -> None:
    async def work(loop: VirtualTimeLoop, told: Told) -> None:
        made = chores(loop, told)
        away = Unavailable("no answer")
        made.every(5, "quote", Work(*([away, away, away, None] * 100)))
        await asyncio.sleep(1_300)
        await made.stop()

    assert run(work) == [
        (15, "quote has failed 3 times in a row: no answer", False),
        (20, "quote works again", False),
        (615, "quote has failed 3 times in a row: no answer", False),
        (620, "quote works again", False),
        (1215, "quote has failed 3 times in a row: no answer", False),
        (1220, "quote works again", False),
    ]


def test_work_that_is_called_for_is_done_now_and_ends_with_its_owner() -> None:
    async def work(loop: VirtualTimeLoop, told: Told) -> None:
        made = chores(loop, told)
        rules = Work()
        made.every(600, "rules", rules)
        await asyncio.sleep(1)
        made.soon("rules")
        made.soon("nothing of this name")
        await asyncio.sleep(1)
        await made.stop()
        await made.stop()
        made.soon("rules")
        await asyncio.sleep(1_000)
        assert rules.done_at == [1]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    assert run(work) == []
