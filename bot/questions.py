"""One order to ask the venue about, and when."""

from __future__ import annotations

from dataclasses import dataclass

from domain.market import NANOSECONDS

_FIRST_WAIT_NS = NANOSECONDS // 2
_EARLY_TRIES, _LONGEST_EARLY_WAIT_NS = 7, 3 * NANOSECONDS
"""A venue whose lists lag says nothing for some seconds, and then is asked twice: an answer is due within 30 s."""
_LONGEST_WAIT_NS = 10 * NANOSECONDS
_URGENT_TRIES = 5
"""Of an order that only lacks trades; afterwards each pause is twice the one before."""
_LONGEST_PATIENT_WAIT_NS = 3_600 * NANOSECONDS


@dataclass(slots=True)
class Question:
    """One order to ask about, and when.

    `cancel_over_ns`: from then on no cancel of ours can be on its way, so that "still resting" means that it failed.
    `doubted`: the order should rest but was not listed, so that its resting here answers nothing. `absent_since_ns`:
    when the venue first listed no such order. `is_patient`: nothing waits for the answer.
    """

    due_ns: int
    tries: int = 0
    cancel_over_ns: int | None = None
    doubted: bool = False
    absent_since_ns: int | None = None
    is_patient: bool = False

    def bring_forward(self, due_ns: int) -> None:
        """Something new depends on the answer. What was asked already keeps its growing pauses, unless nothing had
        waited for it."""
        if not self.tries or self.is_patient:
            self.due_ns = min(self.due_ns, due_ns)
            self.is_patient = False

    def begin_try(self, now_ns: int, *, lacks_trades_only: bool) -> None:
        """Count a try that begins now, and plan the next one. `lacks_trades_only`: the order's total is booked, and
        its state known."""
        self.tries += 1
        self.is_patient = lacks_trades_only and self.tries > _URGENT_TRIES
        if self.is_patient:
            wait_ns = min(_LONGEST_WAIT_NS << min(self.tries - _URGENT_TRIES - 1, 10), _LONGEST_PATIENT_WAIT_NS)
        else:
            longest_ns = _LONGEST_EARLY_WAIT_NS if self.tries <= _EARLY_TRIES else _LONGEST_WAIT_NS
            wait_ns = min(_FIRST_WAIT_NS << min(self.tries - 1, 10), longest_ns)
        self.due_ns = now_ns + wait_ns
