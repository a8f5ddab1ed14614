"""Making a failing world small: every strike that does not matter is taken away."""

from __future__ import annotations

from dataclasses import replace

from exchanges.factory import ExchangeFactory
from simulation.faults.base import Allowed
from simulation.faults.transport import AnswerLost, RequestLost
from simulation.observed import Violation
from simulation.plan import Wanted, WorldPlan, draw_plan
from simulation.run import WorldResult
from simulation.shrink import shrink

RATES = {"answer_lost": 0.1, "request_lost": 0.1, "kill": 2.0}
PLAN = replace(draw_plan(1, Wanted(faults=()), ExchangeFactory.venues()), rates=RATES)
STRIKES = {"answer_lost": tuple(range(40)), "request_lost": tuple(range(25)), "kill": (0, 1, 2)}
CULPRITS = {("answer_lost", 17), ("request_lost", 3)}


def pretended(plan: WorldPlan) -> WorldResult:
    """A world that breaks S1 whenever both culprits strike."""
    allowed = plan.allowed
    strikes = {
        name: tuple(number for number in numbers if allowed is None or number in allowed.get(name, ()))
        for name, numbers in STRIKES.items()
    }
    struck = {(name, number) for name, numbers in strikes.items() for number in numbers}
    violations = (Violation(1, "S1", "too much"),) if struck >= CULPRITS else ()
    fired = {name: len(numbers) for name, numbers in strikes.items() if numbers}
    return WorldResult(plan.seed, plan.exchange, "", violations, 1, 1, 1, fired, strikes, ())


def test_two_strikes_of_many_are_left() -> None:
    smaller, result = shrink(PLAN, pretended(PLAN), run=pretended)
    assert smaller.allowed == {
        "answer_lost": frozenset({17}),
        "request_lost": frozenset({3}),
        "kill": frozenset(),
    }
    assert [violation.invariant for violation in result.violations] == ["S1"]


def test_a_world_that_fails_only_with_what_was_not_counted_is_left_as_it_is() -> None:
    failed = replace(pretended(PLAN), strikes={"kill": (2,)})
    assert shrink(PLAN, failed, run=pretended) == (PLAN, failed)


def test_the_search_ends_after_so_many_worlds() -> None:
    tried: list[int] = []

    def counted(plan: WorldPlan) -> WorldResult:
        tried.append(1)
        return pretended(plan)

    shrink(PLAN, pretended(PLAN), most_worlds=7, run=counted)
    assert len(tried) == 7


def test_a_fault_draws_from_a_stream_of_its_own() -> None:
    together = [AnswerLost(9, 0.5, Allowed()), RequestLost(9, 0.5, Allowed())]
    alone = RequestLost(9, 0.5, Allowed())
    drawn = [[fault.chance.random() for fault in together] for _ in range(5)]
    assert [alone.chance.random() for _ in range(5)] == [pair[1] for pair in drawn]


def test_a_forbidden_strike_is_counted_and_does_not_happen() -> None:
    fault = AnswerLost(9, 0.5, Allowed(frozenset({1})))
    assert [fault.is_allowed() for _ in range(3)] == [False, True, False]
    assert (fault.strikes.offered, fault.strikes.struck) == (3, [1])
