"""How much of a result is chance: blocks, pairs, draws, and nothing where there is too little."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from backtesting.optimize.noise import Estimate, Histories, Stretch, null_wear
from backtesting.optimize.objectives import Goal, Objective

NET, DRAWDOWN, VOLUME = (Objective(goal, max_wear=2.0, least_drawdown=0.5) for goal in Goal)


def stretch(results: list[float], volume: float = 1_000.0, draws: tuple[tuple[float, float], ...] = ()) -> Stretch:
    return Stretch(tuple((result, volume) for result in results), draws)


def normal(count: int, mean: float, seed: int) -> list[float]:
    chance = Random(seed)
    return [chance.gauss(mean, 1.0) for _ in range(count)]


def test_what_never_varies_has_no_width() -> None:
    one = stretch([2.0] * 30)
    histories = Histories([one], 1.0, 0)
    assert histories.objective([one], NET) == Estimate(60.0, 60.0, 60.0)
    assert histories.objective([one], VOLUME) == Estimate(1_000.0, 1_000.0, 1_000.0)
    assert histories.wear([one]) == Estimate(-20.0, -20.0, -20.0)
    assert (histories.periods, histories.block) == (30, 3)


def test_the_interval_of_independent_days_is_that_of_the_central_limit() -> None:
    days = normal(400, 0.0, 1)
    estimate = Histories([stretch(days)], 1.0, 0).objective([stretch(days)], NET)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value == pytest.approx(sum(days))
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * np.std(days) * 20, rel=0.15)


def test_what_both_had_alike_does_not_blur_their_difference() -> None:
    common = [10.0 if day % 2 else -10.0 for day in range(60)]
    Random(2).shuffle(common)
    ours, theirs = stretch([value + 1 for value in common]), stretch(common)
    histories = Histories([ours], 1.0, 0)
    assert histories.difference([ours], [theirs], NET).value == pytest.approx(60.0)
    assert not histories.difference([ours], [theirs], NET).holds_zero
    assert histories.objective([ours], NET).holds_zero


def test_a_difference_that_is_chance_holds_zero() -> None:
    ours, theirs = stretch(normal(60, 0.0, 3)), stretch(normal(60, 0.0, 4))
    assert Histories([ours], 1.0, 0).difference([ours], [theirs], NET).holds_zero


def test_the_same_seed_draws_the_same_histories() -> None:
    one = stretch(normal(40, 0.1, 5))
    first, again, other = (Histories([one], 1.0, seed).objective([one], NET) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_days_that_hang_together_are_drawn_together() -> None:
    """Runs of eight equal days: drawn one by one the interval would be far too narrow."""
    runs = [value for value in normal(30, 0.0, 6) for _ in range(8)]
    drawn = Histories([stretch(runs)], 1.0, 0)
    estimate = drawn.objective([stretch(runs)], NET)
    assert drawn.block == 6
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.low > 1.7 * 2 * 1.96 * np.std(runs) * len(runs) ** 0.5


def test_too_few_periods_tell_no_interval() -> None:
    one = stretch([1.0, 2.0, 3.0, 4.0])
    estimate = Histories([one], 1.0, 0).objective([one], NET)
    assert (estimate, estimate.holds_zero) == (Estimate(10.0, None, None), True)


def test_the_drawdown_is_that_of_the_ends_of_periods() -> None:
    one = stretch([3.0, -1.0, -1.0, 4.0, -1.0])
    assert Histories([one], 1.0, 0).objective([one], DRAWDOWN).value == pytest.approx(4.0 / 2.0)


def test_random_signs_are_taken_off_each_stretch_by_its_own_volume() -> None:
    draws = ((-1.0, 10_000.0), (-3.0, 10_000.0))
    assert null_wear(draws) == pytest.approx(2.0)
    first, second = stretch([0.0] * 6, 1_000.0, draws), stretch([0.0] * 6, 500.0, ((-6.0, 10_000.0),) * 2)
    histories = Histories([first, second], 1.0, 0)
    net = histories.objective([first, second], NET)
    assert net.value == pytest.approx(6 * 1_000 * 2e-4 + 6 * 500 * 6e-4)
    assert net.low is not None
    assert net.low < net.value
    assert histories.wear([first, second]).value == pytest.approx(-net.value / 9_000 * 10_000)


def test_the_wear_with_random_signs_varies_with_its_draws() -> None:
    one = stretch([0.0] * 10, 1_000.0, ((-1.0, 10_000.0), (-3.0, 10_000.0), (-2.0, 10_000.0)))
    estimate = Histories([one], 1.0, 0).null([one])
    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((2.0, 1.0, 3.0))
    assert Histories([stretch([0.0] * 10)], 1.0, 0).null([stretch([0.0] * 10)]) is None


def test_nothing_traded_wears_nothing() -> None:
    idle = stretch([0.0] * 8, 0.0, ((0.0, 0.0),) * 3)
    histories = Histories([idle], 1.0, 0)
    assert null_wear(idle.draws) is None
    assert histories.wear([idle]) == Estimate(0.0, 0.0, 0.0)
    assert histories.objective([idle], VOLUME) == Estimate(0.0, 0.0, 0.0)
