"""A true history, heard in any order, doubled, late or not at all, ends in the state of one that was heard well.

The bot's real core decides from what it hears of a venue that always knows. Once the truth is read, everything that
lasts is compared with the fold of the same intents and of all facts, each heard once and in time
(`tests/support/retold_story.py` says what else is checked). Hypothesis composes short stories and finds the shortest
that breaks; seeds tell long ones.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from domain.market import Side
from strategies.take_profit_grid.config import TradingConfig
from tests.support.grid import config
from tests.support.retold_story import RetoldStory

LONG_STORIES = 40
STEPS = 250
OFTEN = {
    "the_requests_arrive": 8, "all_facts_are_heard_in_any_order": 6, "an_open_fills": 6, "time_passes": 8,
    "a_close_fills": 3, "the_cancels_arrive": 4, "everything_is_looked_at": 3,
}  # fmt: skip


def told(direction: Side, most: int, *, boost: bool) -> TradingConfig:
    return config(direction=direction, max_orders=most, boost_mode=boost, wait_time="40")


class RetoldMachine(RuleBasedStateMachine):
    @initialize(direction=st.sampled_from(Side), most=st.integers(1, 4), boost=st.booleans(), seed=st.integers(0, 255))
    def begin(self, direction: Side, most: int, boost: bool, seed: int) -> None:
        """With the first open in the middle of its life."""
        self.story = RetoldStory(told(direction, most, boost=boost))
        for action in ("the_requests_arrive", "an_open_fills"):
            self.story.act(action, Random(seed))

    @rule(action=st.sampled_from([*RetoldStory.ACTIONS, *OFTEN]), seed=st.integers(0, 255))
    def something_happens(self, action: str, seed: int) -> None:
        self.story.act(action, Random(seed))

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self.story.end()


TestRetoldMachine = RetoldMachine.TestCase
TestRetoldMachine.settings = settings(stateful_step_count=40)


@pytest.mark.parametrize("seed", range(LONG_STORIES))
def test_a_long_history_heard_badly_ends_like_one_heard_well(seed: int) -> None:
    chance = Random(seed)
    story = RetoldStory(told(chance.choice(list(Side)), chance.randint(1, 4), boost=chance.random() < 0.25))
    # A story of its own mix: some faults often, some never.
    weights = {action: chance.choice([0, 1, 1, 4]) for action in RetoldStory.ACTIONS} | OFTEN
    done = []
    try:
        for action in chance.choices(list(weights), list(weights.values()), k=STEPS):
            done.append(action)
            story.act(action, chance)
        story.end()
    except AssertionError as error:
        error.add_note(f"seed {seed}, after {len(done)} steps: ... {', '.join(done[-12:])}")
        raise
