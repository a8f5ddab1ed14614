"""Budgets: what a venue allows in a minute is never exceeded, whatever is asked for and when; the reserve is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import NANOSECONDS
from exchanges.aster import rest as aster
from exchanges.aster.codec_market import Limits
from exchanges.backpack import rest as backpack
from exchanges.edgex import rest as edgex
from exchanges.errors import NotSent
from exchanges.lighter import rest as lighter
from exchanges.lighter.facts import TIERS
from exchanges.paradex import rest as paradex
from exchanges.transport.limits import Bucket, Meter, RateLimiter, Window
from helpers.clock import VirtualTimeLoop

T = TypeVar("T")
START_NS = 1_700_000_000 * NANOSECONDS

WISHES = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 90)),
        st.integers(1, 4),
        st.booleans(),
        st.sampled_from([0.0, 5.0, 70.0]),
    ),
    max_size=60,
)
"""One after the other: seconds of pause before it, cost, whether it is urgent, and how long it may wait."""
METERS: st.SearchStrategy[Meter] = st.one_of(
    st.builds(Window, st.just("all"), st.integers(10, 30), st.integers(0, 5)),
    st.builds(Bucket, st.just("all"), st.integers(10, 20), st.integers(1, 40), st.integers(0, 5)),
)


def run(work: Callable[[VirtualTimeLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualTimeLoop(START_NS)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.close()


Taken = list[tuple[float, int, bool]]
"""When a request left, what it cost, whether it was urgent."""


def lived(meter: Meter, wishes: list[tuple[float, int, bool, float]]) -> Taken:
    """What was let through of these wishes, each in a task of its own."""

    async def work(loop: VirtualTimeLoop) -> Taken:
        limiter = RateLimiter([meter], loop.clock)
        taken: Taken = []

        async def ask(cost: int, urgent: bool, within_s: float) -> None:
            with contextlib.suppress(NotSent):
                await limiter.take({"all": cost}, urgent=urgent, within_s=within_s)
                taken.append((loop.time(), cost, urgent))

        async with asyncio.TaskGroup() as group:
            for pause_s, cost, urgent, within_s in wishes:
                await asyncio.sleep(pause_s)
                group.create_task(ask(cost, urgent, within_s))
        return taken

    return run(work)


@settings(max_examples=150, deadline=None)
@given(METERS, WISHES)
def test_no_minute_holds_more_than_the_limit(meter: Meter, wishes: list[tuple[float, int, bool, float]]) -> None:
    taken = lived(meter, wishes)
    for began_s, _, _ in taken:
        in_the_minute = sum(cost for at_s, cost, _ in taken if began_s <= at_s < began_s + 60)
        assert in_the_minute <= meter.most_in_a_minute


@settings(max_examples=150, deadline=None)
@given(METERS, WISHES)
def test_the_reserve_is_there_at_any_moment(meter: Meter, wishes: list[tuple[float, int, bool, float]]) -> None:
    """Whatever was asked for before, short of using the reserve itself, an urgent request never waits."""
    calm = [(pause_s, cost, False, within_s) for pause_s, cost, _, within_s in wishes]

    async def work(loop: VirtualTimeLoop) -> None:
        limiter = RateLimiter([meter], loop.clock)
        for pause_s, cost, urgent, within_s in calm:
            await asyncio.sleep(pause_s)
            with contextlib.suppress(NotSent):
                await limiter.take({"all": cost}, urgent=urgent, within_s=within_s)
        before_s = loop.time()
        for _ in range(meter.reserve):
            await limiter.take({"all": 1}, urgent=True, within_s=0)
        assert loop.time() == before_s

    run(work)


def test_a_window_is_used_up_whole_and_comes_free_a_minute_later() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        limiter = RateLimiter([Window("all", 60, 15)], loop.clock)
        for _ in range(45):
            await limiter.take({"all": 1}, urgent=False, within_s=0)
        with pytest.raises(NotSent, match=r"another 61\.0 s"):
            await limiter.take({"all": 1}, urgent=False, within_s=30)
        for _ in range(15):
            await limiter.take({"all": 1}, urgent=True, within_s=0)
        with pytest.raises(NotSent):
            await limiter.take({"all": 1}, urgent=True, within_s=60)
        await asyncio.sleep(61)
        await limiter.take({"all": 1}, urgent=False, within_s=0)

    run(work)


def test_a_limit_the_venue_states_later_counts_from_then_on_and_a_pause_goes_on() -> None:
    async def work(loop: VirtualTimeLoop) -> None:
        limiter = RateLimiter([Window("all", 60)], loop.clock)
        limiter.pause(5)
        limiter.obey(Window("all", 2))
        for _ in range(2):
            await limiter.take({"all": 1}, urgent=True, within_s=10)
        assert loop.time() == pytest.approx(5)
        with pytest.raises(NotSent):
            await limiter.take({"all": 1}, urgent=True, within_s=10)

    run(work)


@pytest.mark.parametrize("wrong", [("x", 0, 0), ("x", 5, 5), ("x", 5, -1)])
def test_a_window_without_room_is_refused(wrong: tuple[str, int, int]) -> None:
    with pytest.raises(ValueError, match="window x"):
        Window(*wrong)


VENUES: list[tuple[str, Meter, int]] = [
    ("edgex, as others live", edgex.BUDGET, 60),
    ("lighter standard", lighter.budget(TIERS["standard"]), 60),
    ("lighter premium", lighter.budget(TIERS["premium"]), 24_000),
    ("backpack", backpack.BUDGET, 2_000),
    ("paradex, an address", paradex.BUDGET[0], 1_500),
    ("paradex, orders", paradex.BUDGET[1], 17_250),
    ("paradex, private reads", paradex.BUDGET[2], 600),
    ("aster, weight", aster.budget(Limits(None, None))[0], 2_400),
    ("aster, orders", aster.budget(Limits(None, None))[1], 1_200),
]


@pytest.mark.parametrize("name, meter, allowed", VENUES, ids=[name for name, _, _ in VENUES])
def test_a_venues_budget_is_within_its_limit_and_has_a_reserve(name: str, meter: Meter, allowed: int) -> None:
    assert meter.most_in_a_minute <= allowed
    assert meter.reserve > 0


@given(st.integers(43, 5_000), st.integers(1, 5_000))
def test_whatever_limits_aster_states_are_kept(weight: int, orders: int) -> None:
    for meter, stated in zip(aster.budget(Limits(weight, orders)), (weight, orders), strict=True):
        assert meter.most_in_a_minute <= stated
