"""The loop of one life, thrown away after its death."""

from __future__ import annotations

import asyncio

import pytest

from simulation.worlds.loop import Killed, StepLoop, bury


def test_a_task_that_dies_once_more_while_it_is_buried_keeps_nobody_from_the_grave() -> None:
    loop = StepLoop(0)
    ended: list[str] = []

    class Stage:
        def advance(self, until_ns: int | None) -> int | None:
            return until_ns

    async def die_again() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            loop.die()
            await asyncio.sleep(1)
            ended.append("in the grave")

    loop.live_in(Stage())
    task = loop.create_task(die_again())
    loop.kill_at = 3
    with pytest.raises(Killed):
        loop.run_forever()
    bury(loop)
    assert (ended, task.done(), loop.is_closed()) == (["in the grave"], True, True)
