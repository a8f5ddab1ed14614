"""The bot's half of the sweep: `strategies.take_profit_grid.decisions`, told again in whole numbers.

What it sees is the quote of one latency ago. It leaves behind when it wants to be woken, and the band of asks inside
which it does not.
"""

from __future__ import annotations

from backtesting.sweep.compiled import compiled
from backtesting.sweep.layout import (
    ASK_AT,
    BAND_HIGH,
    BAND_LOW,
    BID_AT,
    BOOST,
    BY_VENUE,
    CANCEL_ASKED,
    CANCELLING,
    CLOCK,
    CLOSE_AHEAD,
    CLOSE_ASKED,
    CLOSE_LEFT,
    CLOSE_NUMBER,
    CLOSE_PLACE,
    CLOSE_PRICE,
    CLOSE_RESTING,
    CLOSE_STAGE,
    DOUBLE_WAIT,
    ENTRY_CLOSED,
    ENTRY_COVERING,
    ENTRY_FILLED,
    ENTRY_IS_LATE,
    ENTRY_PRICE,
    EXIT_ASKED,
    FREE_SLOTS,
    HALF_WAIT,
    HAS_STEP,
    LATENCY,
    LOOKED,
    MAX_ORDERS,
    N_FREE_SLOTS,
    N_OWING,
    N_STACK,
    NEVER,
    NOTHING,
    NOW,
    ON_ITS_WAY,
    OPEN_ACCEPTED_AT,
    OPEN_ASKED,
    OPEN_FAILED_AT,
    OPEN_FAILURES,
    OPEN_IS_AGAIN,
    OPEN_LEFT,
    OPEN_ORDER,
    OPEN_PLACE,
    OPEN_PRICE,
    OPEN_SENT_AT,
    OPEN_STAGE,
    OPEN_TOOK_WAIVER,
    OPEN_WHY,
    ORDERS,
    OTHERWISE,
    OUTCOME,
    OWING,
    OWN,
    PAUSE,
    PLANNED,
    PROFIT_DOWN,
    PROFIT_UP,
    QUANTITY,
    QUARTER_WAIT,
    REPLACING,
    RESTS,
    ROW,
    SECOND,
    STACK,
    STEP_ASK,
    STEP_CLOSE,
    STOP,
    STOPPED_AT,
    TIME_AT,
    TO_REPRICE,
    TOUCH_DUE,
    UNCLOSED,
    UNKNOWN,
    WAIVER,
    WAKE,
    WHOLE_WAIT,
    Ints,
    Outcome,
)
from backtesting.sweep.venue import send

_FULL = int(Outcome.FULL)
_UNEXPECTED = int(Outcome.UNEXPECTED)
_WATCH = 10 * SECOND
_FIRST_RETRY = SECOND // 5
_BREAKER = 30 * SECOND


@compiled
def decide(t: Ints, w: Ints) -> None:
    now = w[NOW]
    seen = w[ROW]
    while seen > 0 and t[w[TIME_AT] + seen] > now - w[LATENCY]:
        seen -= 1
    bid, ask = t[w[BID_AT] + seen], t[w[ASK_AT] + seen]
    w[WAKE] = NEVER
    w[BAND_LOW], w[BAND_HIGH] = -NEVER, NEVER
    if ask >= w[STOP] and w[STOPPED_AT] == UNKNOWN:
        w[STOPPED_AT] = now
    if w[N_OWING] > 0:
        cover(w, bid)
    if w[OPEN_STAGE] != NOTHING:
        tend_open(w, ask)
    else:
        begin_open(w, ask)
    if w[STOPPED_AT] == UNKNOWN:
        watch_levels(w, ask)
    watch(t, w, seen)


@compiled
def watch_levels(w: Ints, ask: int) -> None:
    if w[STOP] != NEVER:
        w[BAND_HIGH] = min(w[BAND_HIGH], w[STOP])
    if w[PAUSE] != NEVER:
        if ask >= w[PAUSE]:
            w[BAND_LOW] = max(w[BAND_LOW], w[PAUSE] - 1)
        else:
            w[BAND_HIGH] = min(w[BAND_HIGH], w[PAUSE])


@compiled
def watch(t: Ints, w: Ints, seen: int) -> None:
    """A touch outside the band may be on its way to the bot already."""
    w[TOUCH_DUE] = NEVER
    row = seen + 1
    while row <= w[ROW]:
        ask = t[w[ASK_AT] + row]
        if ask <= w[BAND_LOW] or ask >= w[BAND_HIGH]:
            w[TOUCH_DUE] = t[w[TIME_AT] + row] + w[LATENCY]
            w[BAND_LOW], w[BAND_HIGH] = -NEVER, NEVER
            return
        row += 1


# --- closes -----------------------------------------------------------------------------------------------------------


@compiled
def cover(w: Ints, bid: int) -> None:
    """One close for each entry that is owed one; in boost mode at market, unless a cancel revealed the fill."""
    leaving = 0
    for index in range(w[N_OWING]):
        place = w[OWING + index]
        if w[BOOST] and not w[ENTRY_IS_LATE + place]:
            leaving += 1
            if leaving > 1:  # One exit for several entries: the bot does it, this does not tell it.
                w[OUTCOME] = _UNEXPECTED
                return
            place_close(w, place, 0, EXIT_ASKED)
    for index in range(w[N_OWING]):
        place = w[OWING + index]
        if w[BOOST] and not w[ENTRY_IS_LATE + place]:
            continue
        price = w[ENTRY_PRICE + place]
        if not w[BOOST]:
            price -= -(abs(price) * w[PROFIT_UP]) // w[PROFIT_DOWN]
        place_close(w, place, max(price, bid + 1), CLOSE_ASKED)
    w[N_OWING] = 0


@compiled
def place_close(w: Ints, place: int, price: int, request: int) -> None:
    if w[N_FREE_SLOTS] == 0:
        w[OUTCOME] = _FULL
        return
    w[N_FREE_SLOTS] -= 1
    slot = w[FREE_SLOTS + w[N_FREE_SLOTS]]
    quantity = w[ENTRY_FILLED + place] - w[ENTRY_CLOSED + place] - w[ENTRY_COVERING + place]
    w[ENTRY_COVERING + place] += quantity
    w[CLOSE_PRICE + slot] = price
    w[CLOSE_LEFT + slot] = quantity
    w[CLOSE_RESTING + slot] = 0
    w[CLOSE_STAGE + slot] = ON_ITS_WAY
    w[CLOSE_PLACE + slot] = place
    w[CLOSE_NUMBER + slot] = w[ORDERS]
    w[CLOSE_AHEAD + slot] = UNKNOWN
    w[ORDERS] += 1
    if request == CLOSE_ASKED:
        remember_close(w, slot)
    send(w, w[NOW] + w[LATENCY], request, slot, 0)


@compiled
def remember_close(w: Ints, slot: int) -> None:
    """Into the stack: dearer ones and older ones of its price stay below and above it."""
    price = w[CLOSE_PRICE + slot]
    index = w[N_STACK]
    while index > 0 and w[CLOSE_PRICE + w[STACK + index - 1]] <= price:
        w[STACK + index] = w[STACK + index - 1]
        index -= 1
    w[STACK + index] = slot
    w[N_STACK] += 1


# --- the open ---------------------------------------------------------------------------------------------------------


@compiled
def open_price(w: Ints, ask: int) -> int:
    """A tick below the ask, or below an own close nearer than that."""
    top = w[N_STACK]
    if top == 0:
        return ask - 1
    return min(ask, w[CLOSE_PRICE + w[STACK + top - 1]]) - 1


@compiled
def tend_open(w: Ints, ask: int) -> None:
    if w[OPEN_STAGE] != RESTS:
        return
    if w[STOPPED_AT] != UNKNOWN or ask >= w[PAUSE]:
        cancel(w, OTHERWISE)
        return
    watched_until = w[OPEN_ACCEPTED_AT] + _WATCH
    if w[NOW] < watched_until:
        w[WAKE] = watched_until
    elif open_price(w, ask) > w[OPEN_PRICE]:
        cancel(w, TO_REPRICE)
    elif ask - 1 <= w[OPEN_PRICE]:
        w[BAND_HIGH] = w[OPEN_PRICE] + 2


@compiled
def cancel(w: Ints, why: int) -> None:
    w[OPEN_STAGE] = CANCELLING
    w[OPEN_WHY] = why
    send(w, w[NOW] + w[LATENCY], CANCEL_ASKED, 0, 0)


@compiled
def begin_open(w: Ints, ask: int) -> None:
    """Open, or note what to wait for. A hold ends what a re-priced entry or a waiver was granted, a pause after a
    refusal alone does not."""
    if w[STOPPED_AT] != UNKNOWN or not w[LOOKED]:
        return
    is_held = ask >= w[PAUSE]
    top = w[N_STACK]
    if w[HAS_STEP] and top > 0:
        nearest = w[CLOSE_PRICE + w[STACK + top - 1]]
        if not ask * w[STEP_ASK] < nearest * w[STEP_CLOSE]:
            is_held = True
            w[BAND_LOW] = max(w[BAND_LOW], (nearest * w[STEP_CLOSE] - 1) // w[STEP_ASK])
    is_full = (
        w[UNCLOSED] >= w[MAX_ORDERS]
        or w[OWN] + w[QUANTITY] > w[MAX_ORDERS] * w[QUANTITY]
    ) and w[OWN] > 0
    ready = 0
    if not is_full and not w[BOOST] and w[CLOCK] != UNKNOWN:
        ready = w[CLOCK] + cooldown(w, w[UNCLOSED])
    is_excused = w[WAIVER] or w[REPLACING]
    is_held = is_held or is_full or (w[NOW] < ready and not is_excused)
    retry = retry_at(w)
    if w[NOW] < retry:
        w[WAKE] = retry
    elif not is_held:
        place_open(w, ask)
        return
    if is_held:
        w[WAIVER] = 0
        w[REPLACING] = 0
        if w[NOW] < ready:
            w[WAKE] = min(w[WAKE], ready)


@compiled
def cooldown(w: Ints, entries: int) -> int:
    if 3 * entries >= 2 * w[MAX_ORDERS]:
        return w[DOUBLE_WAIT]
    if 3 * entries >= w[MAX_ORDERS]:
        return w[WHOLE_WAIT]
    return w[HALF_WAIT] if 6 * entries >= w[MAX_ORDERS] else w[QUARTER_WAIT]


@compiled
def retry_at(w: Ints) -> int:
    """When an open may be tried again; 0 where the last one was not refused."""
    failures = w[OPEN_FAILURES]
    if failures == 0:
        return 0
    if failures >= 3:
        return w[OPEN_FAILED_AT] + _BREAKER
    return w[OPEN_FAILED_AT] + _FIRST_RETRY * failures


@compiled
def place_open(w: Ints, ask: int) -> None:
    price = open_price(w, ask)
    w[OPEN_STAGE] = PLANNED
    w[OPEN_PRICE] = price
    w[OPEN_LEFT] = w[QUANTITY]
    w[OPEN_PLACE] = UNKNOWN
    w[OPEN_SENT_AT] = w[NOW]
    w[OPEN_WHY] = BY_VENUE
    w[OPEN_ORDER] = w[ORDERS]
    w[ORDERS] += 1
    w[OPEN_IS_AGAIN] = w[REPLACING]
    w[OPEN_TOOK_WAIVER] = 0
    if w[WAIVER] and not w[REPLACING]:
        w[OPEN_TOOK_WAIVER] = 1
        w[WAIVER] = 0
    w[REPLACING] = 0
    send(w, w[NOW] + w[LATENCY], OPEN_ASKED, 0, price)
