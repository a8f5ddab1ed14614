"""S11: a bot whose position the venue itself closes, by a liquidation or a deleveraging, halts and says so."""

from __future__ import annotations

from domain.market import NANOSECONDS
from simulation.auditor.case import Case
from simulation.observed import VenueFill


class ForcedChecks:
    """Of forced trades that no halt has followed yet the first is judged. A halt that stands excuses: the bot opens
    nothing, and has said why."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._forced: VenueFill | None = None
        self._since_ns = 0

    def take_fill(self, at_ns: int, seen: VenueFill) -> None:
        if seen.is_forced and self._forced is None:
            self._forced, self._since_ns = seen, at_ns

    def check(self, at_ns: int) -> None:
        """To be asked whenever time has moved; told of on a stream that lives on it is known at once, and otherwise by
        the next look."""
        forced, case = self._forced, self._case
        if forced is None:
            return
        if case.journal.is_halted:
            self._forced = None
            return
        deadlines, disturbed_ns = case.terms.deadlines, case.conditions.disturbed_ns
        is_hidden = disturbed_ns >= self._since_ns - deadlines.discover_s * NANOSECONDS
        seconds = deadlines.discover_s if is_hidden else deadlines.guard_s
        begun = max(self._since_ns, disturbed_ns if is_hidden else 0)
        if case.conditions.has_disk_trouble or not case.has_passed(at_ns, begun, seconds):
            return
        text = f"the venue itself closed {forced.quantity} at {self._since_ns}, and the bot has not halted"
        case.findings.report(at_ns, "S11", text)
        self._forced = None
