"""What the bot hears, and how it changes what it holds for true: `strategies.take_profit_grid.state`, told again."""

from __future__ import annotations

from backtesting.sweep.compiled import compiled
from backtesting.sweep.layout import (
    BY_VENUE,
    CLOCK,
    CLOSE_LEFT,
    CLOSE_PLACE,
    ENTRY_CLOSED,
    ENTRY_COVERING,
    ENTRY_FILLED,
    ENTRY_HAS_OPEN,
    ENTRY_IS_LATE,
    ENTRY_PRICE,
    FREE_PLACES,
    FREE_SLOTS,
    N_FREE_PLACES,
    N_FREE_SLOTS,
    N_OWING,
    N_STACK,
    NOTHING,
    NOW,
    OPEN_ACCEPTED_AT,
    OPEN_FAILED_AT,
    OPEN_FAILURES,
    OPEN_IS_AGAIN,
    OPEN_LEFT,
    OPEN_PLACE,
    OPEN_PRICE,
    OPEN_SENT_AT,
    OPEN_STAGE,
    OPEN_TOOK_WAIVER,
    OPEN_WHY,
    OUTCOME,
    OWING,
    OWN,
    PLANNED,
    QUANTITY,
    REPLACING,
    RESTS,
    SECOND,
    STACK,
    TO_REPRICE,
    UNCLOSED,
    UNKNOWN,
    WAIVER,
    Ints,
    Outcome,
)

_FULL = int(Outcome.FULL)
_QUICK_END = 5 * SECOND
"""An open that the venue ended this soon was in effect refused."""


@compiled
def hear_accepted(w: Ints) -> None:
    if w[OPEN_STAGE] == PLANNED:
        w[OPEN_STAGE] = RESTS
    w[OPEN_ACCEPTED_AT] = w[NOW]


@compiled
def hear_refused(w: Ints) -> None:
    w[OPEN_STAGE] = NOTHING
    placed_nothing(w)
    # An entry whose open had rested before is placed again; a new one is forgotten.
    w[REPLACING] = w[OPEN_IS_AGAIN]


@compiled
def placed_nothing(w: Ints) -> None:
    w[OPEN_FAILURES] += 1
    w[OPEN_FAILED_AT] = w[NOW]
    if w[OPEN_TOOK_WAIVER]:
        w[WAIVER] = 1


@compiled
def hear_open_filled(w: Ints, quantity: int, venue_time: int) -> None:
    place = w[OPEN_PLACE]
    if place == UNKNOWN:
        if w[N_FREE_PLACES] == 0:
            w[OUTCOME] = _FULL
            return
        w[N_FREE_PLACES] -= 1
        place = w[FREE_PLACES + w[N_FREE_PLACES]]
        w[OPEN_PLACE] = place
        w[ENTRY_PRICE + place] = w[OPEN_PRICE]
        w[ENTRY_FILLED + place] = 0
        w[ENTRY_CLOSED + place] = 0
        w[ENTRY_COVERING + place] = 0
        w[ENTRY_HAS_OPEN + place] = 1
        w[ENTRY_IS_LATE + place] = 0
    if w[ENTRY_FILLED + place] == w[ENTRY_CLOSED + place]:
        w[UNCLOSED] += 1
    if w[ENTRY_FILLED + place] == w[ENTRY_CLOSED + place] + w[ENTRY_COVERING + place]:
        w[OWING + w[N_OWING]] = place
        w[N_OWING] += 1
    w[ENTRY_FILLED + place] += quantity
    w[OWN] += quantity
    w[OPEN_LEFT] -= quantity
    w[CLOCK] = max(w[CLOCK], venue_time)
    w[OPEN_FAILURES] = 0
    if w[OPEN_LEFT] == 0:
        w[OPEN_STAGE] = NOTHING
        w[ENTRY_HAS_OPEN + place] = 0


@compiled
def hear_open_cancelled(w: Ints) -> None:
    if w[OPEN_STAGE] == NOTHING:
        return
    w[OPEN_STAGE] = NOTHING
    is_unfilled = w[OPEN_LEFT] == w[QUANTITY]
    was_quick = w[NOW] - w[OPEN_SENT_AT] < _QUICK_END
    if is_unfilled and w[OPEN_WHY] == BY_VENUE and was_quick:
        placed_nothing(w)
    else:
        w[OPEN_FAILURES] = 0
    place = w[OPEN_PLACE]
    if place != UNKNOWN:
        w[ENTRY_HAS_OPEN + place] = 0
        w[ENTRY_IS_LATE + place] = 1
        finish_if_closed(w, place)
    elif w[OPEN_WHY] == TO_REPRICE:
        w[REPLACING] = 1


@compiled
def finish_if_closed(w: Ints, place: int) -> None:
    """An entry whose open has ended and whose fills are all closed is over, and earns the waiver."""
    if w[ENTRY_HAS_OPEN + place] or w[ENTRY_FILLED + place] > w[ENTRY_CLOSED + place]:
        return
    w[FREE_PLACES + w[N_FREE_PLACES]] = place
    w[N_FREE_PLACES] += 1
    w[WAIVER] = 1


@compiled
def hear_close_filled(w: Ints, slot: int, quantity: int) -> None:
    """Also of an exit at market."""
    place = w[CLOSE_PLACE + slot]
    w[OWN] -= quantity
    w[CLOSE_LEFT + slot] -= quantity
    w[ENTRY_COVERING + place] -= quantity
    w[ENTRY_CLOSED + place] += quantity
    if w[ENTRY_FILLED + place] == w[ENTRY_CLOSED + place]:
        w[UNCLOSED] -= 1
        finish_if_closed(w, place)
    if w[CLOSE_LEFT + slot] == 0:
        w[FREE_SLOTS + w[N_FREE_SLOTS]] = slot
        w[N_FREE_SLOTS] += 1


@compiled
def forget_close(w: Ints, slot: int) -> None:
    """Take a close that has ended from the stack; it lies near its end."""
    index = w[N_STACK] - 1
    while index >= 0 and w[STACK + index] != slot:
        index -= 1
    if index < 0:
        return
    w[N_STACK] -= 1
    while index < w[N_STACK]:
        w[STACK + index] = w[STACK + index + 1]
        index += 1
