"""Looking after transactions of which nothing was heard: in tasks with an owner, and never in silence."""

from __future__ import annotations

import asyncio

from domain.market import NANOSECONDS
from exchanges.lighter.chases import Chases
from helpers.clock import VirtualTimeLoop


def test_a_chase_that_fails_is_told_and_the_others_go_on() -> None:
    loop = VirtualTimeLoop(1_700_000_000 * NANOSECONDS)
    told: list[tuple[float, str]] = []
    looked: list[float] = []

    async def defective() -> None:
        raise KeyError("a defect")

    async def look() -> None:
        looked.append(round(loop.time()))

    async def work() -> None:
        chases = Chases(5, lambda text: told.append((round(loop.time()), text)))
        chases.later(defective)
        chases.later(look)
        await asyncio.sleep(10)
        chases.later(look)
        await chases.stop()
        await asyncio.sleep(10)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    try:
        loop.run_until_complete(work())
    finally:
        loop.close()
    assert told == [(5, "KeyError while looking for news of an order")]
    assert looked == [5]
