"""The guard: do the venue's position, the own closes and the journal agree?

Rule (`docs/ARCHITECTURE.md`, "The algorithm"): with P the own position in the bot's direction and K the sum of own
resting closes, both as the venue states them, `|P - K| > 2 x quantity` on two agreeing looks at least 2 s apart halts
the bot; a later start goes on once two looks as far apart find nothing to object to. A failed look agrees with nothing.
Own quantity that two agreeing looks miss, while P and K agree, was closed by somebody else: it is written off and said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto

from domain.market import NANOSECONDS

ZERO = Decimal(0)
CONFIRM_AFTER_NS = 2 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Look:
    """One consistent reading of the venue: orders, position, orders again, and no event of ours in between.

    `position`: own position in the bot's direction (foreign part taken off). `resting_closes`: K as the venue lists it.
    `own`: the journal's own position at that moment. `learned_ns`: when ends that the reading already showed were
    learned by asking; 0 where there were none.
    """

    started_ns: int
    finished_ns: int
    position: Decimal
    resting_closes: Decimal
    own: Decimal
    learned_ns: int = 0

    @property
    def as_of_ns(self) -> int:
        """What is known to have ended until then is in it."""
        return max(self.started_ns, self.learned_ns)

    @property
    def uncovered(self) -> Decimal:
        return self.position - self.resting_closes

    @property
    def missing(self) -> Decimal:
        """Own quantity the journal holds and the venue does not: closed by somebody else. Never more than we own: what
        somebody sold beyond it is his."""
        return max(ZERO, min(self.own, self.own - self.position))

    def written_off(self, quantity: Decimal) -> Look:
        """The same reading, held against a journal that has written off so much of what was missing from it. Without
        this the journal's next difference from it would look like a trade, and be missing from the position twice."""
        return replace(self, own=self.own - quantity)


class Verdict(Enum):
    AGREES = auto()
    SUSPECT = auto()
    """Look again after `CONFIRM_AFTER_NS`; nothing is opened meanwhile."""
    MISMATCH = auto()
    """Two agreeing looks: halt."""
    CLOSED_OUTSIDE = auto()
    """Two agreeing looks: part of the own position is gone from the venue, and K with it; write it off."""


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    text: str = ""
    quantity: Decimal = Decimal(0)


def difference(look: Look, quantity: Decimal) -> str:
    """What the guard objects to in one look; empty when nothing."""
    limit = 2 * quantity
    if abs(look.uncovered) <= limit:
        return ""
    return (
        f"position {look.position} and resting closes {look.resting_closes} differ by {look.uncovered}, "
        f"more than {limit}"
    )


class Guard:
    """Remembers the first of two looks that must agree. Only looks that succeeded are shown to it."""

    def __init__(self, quantity: Decimal) -> None:
        self.quantity = quantity
        self._suspect: Look | None = None
        self._relief: Look | None = None

    def forget(self) -> None:
        """A failed look, or a change in between, is not agreement."""
        self._suspect = self._relief = None

    def recheck(self, look: Look) -> Finding:
        """What still stands of a halt: `MISMATCH`; `SUSPECT` where it is gone in one look, and `AGREES` in two."""
        objection = difference(look, self.quantity)
        if objection:
            self._relief = None
            return Finding(Verdict.MISMATCH, objection)
        if self._relief is None:
            self._relief = look
        if look.started_ns - self._relief.finished_ns < CONFIRM_AFTER_NS:
            return Finding(Verdict.SUSPECT)
        self._relief = None
        return Finding(Verdict.AGREES)

    def observe(self, look: Look) -> Finding:
        objection = difference(look, self.quantity)
        if not objection and not look.missing:
            self._suspect = None
            return Finding(Verdict.AGREES)
        doubt = objection or self._loss(look)
        first = self._suspect
        if first is None or (first.uncovered, first.missing) != (look.uncovered, look.missing):
            self._suspect = look
            return Finding(Verdict.SUSPECT, doubt)
        if look.started_ns - first.finished_ns < CONFIRM_AFTER_NS:
            return Finding(Verdict.SUSPECT, doubt)
        self._suspect = None
        if objection:
            return Finding(Verdict.MISMATCH, objection)
        return Finding(Verdict.CLOSED_OUTSIDE, quantity=look.missing)

    def _loss(self, look: Look) -> str:
        """A loss too large to open beside before it is certain; empty for a smaller one."""
        if look.missing <= 2 * self.quantity:
            return ""
        return f"{look.missing} of the own position {look.own} is gone from the venue"
