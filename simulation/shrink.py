"""From a failing world to the fewest strikes that still make it fail.

First whole faults are taken away, then halves, quarters, ... of the strikes that are left, as long as an invariant that
was broken stays broken. Each attempt is one world; the bot behaves differently in each, so the result is minimal, not
unique.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from simulation.plan import WorldPlan
from simulation.run import WorldResult, run_world

Strike = tuple[str, int]


def shrink(
    plan: WorldPlan,
    failed: WorldResult,
    most_worlds: int = 300,
    tried: Callable[[int, int], None] = lambda _worlds, _strikes: None,
    run: Callable[[WorldPlan], WorldResult] = run_world,
) -> tuple[WorldPlan, WorldResult]:
    """The plan with the fewest strikes found within `most_worlds` worlds, and its result. `tried` is told how many
    worlds were tried and how many strikes are left."""
    search = _Search(plan, {violation.invariant for violation in failed.violations}, most_worlds, tried, run)
    strikes = [(name, number) for name, numbers in failed.strikes.items() for number in numbers]
    best = search.attempt(strikes)
    if best is None:
        return plan, failed  # It does not fail with its own strikes alone: nothing can be taken away.
    for name in plan.rates:
        best = search.attempt([strike for strike in best[1] if strike[0] != name]) or best
    parts = 2
    while parts <= max(2, 2 * len(best[1])) and not search.is_spent:
        smaller = _without_a_part(search, best[1], parts)
        if smaller is None:
            parts *= 2
        else:
            best, parts = smaller, max(2, parts - 1)
    return search.plan_of(best[1]), best[0]


def _without_a_part(
    search: _Search, strikes: Sequence[Strike], parts: int
) -> tuple[WorldResult, list[Strike]] | None:
    size = max(1, -(-len(strikes) // parts))
    for begin in range(0, len(strikes), size):
        found = search.attempt([*strikes[:begin], *strikes[begin + size :]])
        if found is not None:
            return found
    return None


class _Search:
    def __init__(
        self,
        plan: WorldPlan,
        broken: set[str],
        most_worlds: int,
        tried: Callable[[int, int], None],
        run: Callable[[WorldPlan], WorldResult],
    ) -> None:
        self._run = run
        self._plan = plan
        self._broken = broken
        self._left = most_worlds
        self._tried = tried
        self._worlds = 0

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    def plan_of(self, strikes: Sequence[Strike]) -> WorldPlan:
        allowed: Mapping[str, frozenset[int]] = {
            name: frozenset(number for each, number in strikes if each == name) for name in self._plan.rates
        }
        return replace(self._plan, allowed=allowed)

    def attempt(self, strikes: list[Strike]) -> tuple[WorldResult, list[Strike]] | None:
        """The result, and the strikes that happened, where it still fails in a way it failed at first."""
        if self.is_spent:
            return None
        self._left -= 1
        self._worlds += 1
        result = self._run(self.plan_of(strikes))
        if not self._broken & {violation.invariant for violation in result.violations}:
            return None
        happened = [(name, number) for name, numbers in result.strikes.items() for number in numbers]
        self._tried(self._worlds, len(happened))
        return result, happened
