"""Starting against a venue that is away for a moment, or whose limits are used up. In virtual time."""

from __future__ import annotations

import asyncio

import pytest

from domain.market import NANOSECONDS
from exchanges.errors import Misconfigured, Unavailable
from exchanges.patience import patiently
from helpers.clock import VirtualTimeLoop


class Asked:
    """Fails with one error after the other, and answers then. `at_s`: when it was asked."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.loop = VirtualTimeLoop(0)
        self.at_s: list[float] = []

    async def _ask(self) -> str:
        self.at_s.append(self.loop.clock.now_ns() / NANOSECONDS)
        if self._errors:
            raise self._errors.pop(0)
        return "connected"

    def run(self) -> str:
        try:
            return self.loop.run_until_complete(asyncio.wait_for(patiently(self._ask), 1_000))
        finally:
            self.loop.close()


AWAY = Unavailable("the venue does not answer")


def test_a_venue_that_is_away_is_asked_three_times_two_seconds_apart() -> None:
    asked = Asked(AWAY, AWAY, AWAY)
    with pytest.raises(Unavailable, match="does not answer"):
        asked.run()
    assert asked.at_s == [0, 2, 4]


def test_limits_that_are_used_up_are_waited_for_as_long_as_the_venue_says() -> None:
    asked = Asked(Unavailable("no room", again_s=40), Unavailable("no room", again_s=20), AWAY)
    assert asked.run() == "connected"
    assert asked.at_s == [0, 40.5, 61, 63]


def test_a_pause_of_more_than_a_minute_ends_the_start() -> None:
    asked = Asked(Unavailable("banned", again_s=120))
    with pytest.raises(Unavailable, match="banned"):
        asked.run()
    assert asked.at_s == [0]


def test_limits_that_stay_used_up_end_the_start() -> None:
    asked = Asked(Unavailable("no room", again_s=30), Unavailable("no room", again_s=30), Unavailable("no", again_s=30))
    with pytest.raises(Unavailable, match="no"):
        asked.run()
    assert asked.at_s == [0, 30.5, 61]


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    asked = Asked(Misconfigured("wrong key"))
    with pytest.raises(Misconfigured):
        asked.run()
    assert asked.at_s == [0]
