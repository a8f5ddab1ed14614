"""What was found wrong: bounded, and each lasting breach told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from simulation.observed import Violation

_KEPT_PER_INVARIANT = 10


class Findings:
    """`violations` in order, the first ten of each invariant; `counts` of all of them."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self._standing: set[Hashable] = set()

    def report(self, at_ns: int, invariant: str, text: str) -> None:
        self.counts[invariant] += 1
        if self.counts[invariant] <= _KEPT_PER_INVARIANT:
            self.violations.append(Violation(at_ns, invariant, text))

    def begins(self, what: Hashable, is_broken: bool) -> bool:
        """Whether the breach named `what` begins now: true once until it was seen mended."""
        if not is_broken:
            self._standing.discard(what)
            return False
        if what in self._standing:
            return False
        self._standing.add(what)
        return True
