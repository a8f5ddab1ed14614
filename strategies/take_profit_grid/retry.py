"""When something is tried again after the venue did not let it live: soon, then with growing pauses."""

from __future__ import annotations

from domain.market import NANOSECONDS
from strategies.take_profit_grid.orders import CROSSED, Failures

_FIRST_RETRY_NS = NANOSECONDS // 5
_LONGEST_CLOSE_RETRY_NS = 2 * NANOSECONDS
"""Closes are owed: a refused one is offered again this soon at the latest."""
_CHASES = 5
"""So many closes in a row that would have crossed are offered again after the shortest pause."""
_BREAKER_AFTER = 3
"""Refusals in a row, of opens or of what closes, after which opens pause for `_BREAKER_NS`."""
_BREAKER_NS = 30 * NANOSECONDS


def close_retry_at(failures: Failures) -> int | None:
    """When a refused close may be offered again; None where none was refused.

    Where the market was faster, the pauses do not grow at first: each new price is a new attempt to catch it.
    """
    if not failures.count:
        return None
    in_a_row = failures.count - _CHASES if failures.reason == CROSSED else failures.count
    return failures.last_ns + _pause_ns(max(1, in_a_row))


def open_retry_at(failures: Failures) -> int | None:
    """When an open may be tried again; None where the last one was not refused."""
    if failures.count >= _BREAKER_AFTER:
        return failures.last_ns + _BREAKER_NS
    return failures.last_ns + _pause_ns(failures.count) if failures.count else None


def open_again_at(closing: Failures) -> int | None:
    """When an open may be tried, where what closes is refused again and again; None where it is not.

    Closes are offered again much sooner than this: it passes only where none is owed any more. That the market was
    faster is no such refusal.
    """
    is_refused = closing.count >= _BREAKER_AFTER and closing.reason != CROSSED
    return closing.last_ns + _BREAKER_NS if is_refused else None


def cancel_retry_at(failed_ns: int, failures: int) -> int:
    """When an order that lived on after `failures` cancels, the last at `failed_ns`, is to be cancelled again."""
    return failed_ns + _pause_ns(failures)


def _pause_ns(failures: int) -> int:
    doublings = min(failures, 20) - 1
    return min(_FIRST_RETRY_NS << doublings, _LONGEST_CLOSE_RETRY_NS)
