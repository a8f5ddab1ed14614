"""Waiting for the end of tasks: for all of them, whatever ends them, and in no turn more than it needs."""

from __future__ import annotations

import asyncio
import gc

from exchanges.ended import all_ended


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("as a task may")


async def test_every_task_has_ended_and_what_ended_it_counts_as_seen() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    tasks = [loop.create_task(fail()), loop.create_task(asyncio.Event().wait()), loop.create_task(asyncio.sleep(0))]
    tasks[1].cancel()
    await all_ended(tasks)
    assert [(task.done(), task.cancelled()) for task in tasks] == [(True, False), (True, True), (True, False)]
    del tasks
    gc.collect()
    assert complaints == []


async def test_what_has_ended_takes_no_turn_of_the_loop() -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.sleep(0))
    await task
    turns: list[int] = []
    loop.call_soon(turns.append, 1)
    await all_ended([task])
    assert turns == []


async def test_whoever_waits_and_is_cancelled_cancels_none_of_them() -> None:
    loop = asyncio.get_running_loop()
    lasting = loop.create_task(asyncio.Event().wait())
    waiting = loop.create_task(all_ended([lasting]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (waiting.cancelled(), lasting.done()) == (True, False)
    lasting.cancel()
