"""The grid's book-keeping and decisions, whatever a venue does: `tests/support/grid_story.py` says what is checked.

Two ways to tell stories: hypothesis composes short ones and finds the shortest that breaks; seeds tell long ones.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain.market import Side
from strategies.take_profit_grid.config import TradingConfig
from tests.support.grid import config
from tests.support.grid_story import Story

LONG_STORIES = 40
STEPS = 150


def storied(direction: Side, most: int, step: str, *, boost: bool, pause: str) -> TradingConfig:
    levels: dict[str, Any] = {"grid_step": step, "pause_price": pause, "wait_time": "40"}
    return config(direction=direction, max_orders=most, boost_mode=boost, **levels)


class GridMachine(RuleBasedStateMachine):
    @initialize(
        direction=st.sampled_from(Side),
        most=st.integers(1, 4),
        step=st.sampled_from(["-100", "-0.5", "0.2"]),
        boost=st.booleans(),
        pause=st.sampled_from(["-1", "101"]),
    )
    def begin(self, direction: Side, most: int, step: str, boost: bool, pause: str) -> None:
        self.story = Story(storied(direction, most, step, boost=boost, pause=pause))

    @rule(action=st.sampled_from(list(Story.ACTIONS)), seed=st.integers(0, 255))
    def something_happens(self, action: str, seed: int) -> None:
        self.story.act(action, Random(seed))

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self.story.heal()


TestGridMachine = GridMachine.TestCase
TestGridMachine.settings = settings(stateful_step_count=40)


@pytest.mark.parametrize("seed", range(LONG_STORIES))
def test_a_long_story_stays_within_all_bounds_and_heals(seed: int) -> None:
    chance = Random(seed)
    direction, pause = chance.choice(list(Side)), chance.choice(["-1", "101"])
    step = chance.choice(["-100", "-0.5", "0.2"])
    story = Story(storied(direction, chance.randint(1, 4), step, boost=chance.random() < 0.25, pause=pause))
    told = []
    # A story of its own mix: some faults often, some never.
    weights = {action: chance.choice([0, 1, 1, 5]) for action in Story.ACTIONS}
    weights |= {"all_requests_arrive": 8, "an_hour_passes": 5, "an_open_fills": 6, "the_venue_is_looked_at": 4}
    try:
        for action in chance.choices(list(weights), list(weights.values()), k=STEPS):
            told.append(action)
            story.act(action, chance)
        story.heal()
    except AssertionError as error:
        error.add_note(f"seed {seed}, after {len(told)} steps: ... {', '.join(told[-12:])}")
        raise
