"""One setting over one tape: the loop that lets the market live between the moments at which anything can happen.

Rows up to and including a moment happen before anything else of that moment, then messages arrive in the order in which
they were sent, and then the bot decides once. That is how the virtual-time loop, the paper exchange's world and the bot
take turns; `decisions`, `news`, `requests` and `venue` hold what each of them does.
"""

from __future__ import annotations

from backtesting.sweep.compiled import compiled
from backtesting.sweep.decisions import decide
from backtesting.sweep.layout import (
    ALIVE,
    ANSWER_AT_START,
    ASK_AT,
    BAND_HIGH,
    BAND_LOW,
    BEGIN_OF_RUN,
    BEST_CLOSE,
    BID_AT,
    BLOCK,
    BLOCK_HIGH_AT,
    BLOCK_LOW_AT,
    BLOCKS,
    CANCEL_ASKED,
    CAPACITY,
    CEILING,
    CLOCK,
    CLOSE_ASKED,
    CLOSE_FILLED,
    CLOSE_LEFT,
    DATA_ENDED,
    DUE,
    END_OF_RUN,
    ENDED_BY_DATA,
    EVEN_STEP,
    EXIT_ASKED,
    EXIT_FILLED,
    FAR_HIGH_AT,
    FAR_LOW_AT,
    FILLS,
    FLOOR,
    FREE_PLACES,
    FREE_SLOTS,
    FUNDING,
    GAP,
    GAP_ROWS_AT,
    HAS_ENDED,
    HEAD,
    HIGH_AT,
    LAST_ROW,
    LATENCY,
    LOOKED,
    LOW_AT,
    MUCH,
    N_FREE_PLACES,
    N_FREE_SLOTS,
    NEVER,
    NOW,
    OPEN_ACCEPTED,
    OPEN_ASKED,
    OPEN_CANCELLED,
    OPEN_FILLED,
    OPEN_ORDER,
    OPEN_PLACE,
    OPEN_REFUSED,
    OUTCOME,
    PAYMENT,
    PAYMENT_MID_AT,
    PAYMENT_TIME_AT,
    PAYMENTS,
    PAYMENTS_AT,
    POSITION,
    QUEUES,
    ROW,
    ROWS,
    SAFE,
    SECOND,
    STOPPED_AT,
    TAIL,
    TIME_AT,
    TOUCH_DUE,
    UNKNOWN,
    WAKE,
    WHAT,
    WHO,
    Floats,
    Ints,
    Outcome,
)
from backtesting.sweep.news import (
    forget_close,
    hear_accepted,
    hear_close_filled,
    hear_open_cancelled,
    hear_open_filled,
    hear_refused,
)
from backtesting.sweep.requests import take_cancel, take_close, take_exit, take_open
from backtesting.sweep.venue import find_levels, find_safe, first_quote_at, live_through, send

_RUNNING, _DONE = int(Outcome.RUNNING), int(Outcome.DONE)
_LIQUIDATION, _RACE_AT_STOP = int(Outcome.LIQUIDATION), int(Outcome.RACE_AT_STOP)
_UNTIL_RULES, _UNTIL_ALIVE, _UNTIL_LOOKED = 2, 6, 12
"""Ways to the venue and back before the bot waits for a first quote, before its first step, and before its first open:
rules; rules again and position; then orders, position and orders again."""
_LONGEST_END = 15 * SECOND


@compiled
def run(t: Ints, p: Ints, f: Floats, w: Ints) -> int:
    """The outcome; fills and totals are left in `w`."""
    begin(t, f, w)
    while w[OUTCOME] == _RUNNING:
        until = max(w[NOW], next_moment(t, w))
        if w[STOPPED_AT] != UNKNOWN and not w[HAS_ENDED]:
            until = min(until, end_of_stop(w))
        row = seek(t, p, w, until)
        if row >= 0:
            w[NOW] = max(w[NOW], t[w[TIME_AT] + row])
            pass_row(t, f, w, row)
        elif w[ROW] == w[ROWS] - 1 and not w[HAS_ENDED]:
            w[HAS_ENDED] = 1
            w[NOW] = max(w[NOW], t[w[TIME_AT] + w[ROW]])
            pay_funding(t, f, w)
            send(w, w[NOW] + w[LATENCY], DATA_ENDED, 0, 0)
        elif is_over(w):
            w[OUTCOME] = _DONE
        else:
            w[NOW] = until
            pay_funding(t, f, w)
            if deliver(t, f, w):
                decide(t, w)
    if w[OUTCOME] == _DONE:
        find_last_quote(t, w)
    return w[OUTCOME]


@compiled
def begin(t: Ints, f: Floats, w: Ints) -> None:
    """A new account at the first instant of the tape."""
    for place in range(BEGIN_OF_RUN, END_OF_RUN):
        w[place] = 0
    f[FUNDING] = 0.0
    w[NOW] = t[w[TIME_AT] + 0]
    w[WAKE] = w[TOUCH_DUE] = NEVER
    w[BAND_LOW], w[BAND_HIGH] = -NEVER, NEVER
    w[FLOOR], w[CEILING], w[BEST_CLOSE] = -NEVER, NEVER, NEVER
    w[STOPPED_AT] = w[CLOCK] = w[OPEN_PLACE] = UNKNOWN
    find_safe(f, w)
    for slot in range(CAPACITY):
        w[FREE_SLOTS + slot] = slot
    w[N_FREE_SLOTS] = CAPACITY
    for place in range(CAPACITY):
        w[FREE_PLACES + place] = place
    w[N_FREE_PLACES] = CAPACITY
    row = 0
    while row + 1 < w[ROWS] and t[w[TIME_AT] + row + 1] == t[w[TIME_AT] + 0]:
        row += 1
    w[ROW] = row
    send(w, w[NOW] + w[LATENCY], ANSWER_AT_START, 1, 0)


@compiled
def next_moment(t: Ints, w: Ints) -> int:
    moment = min(w[WAKE], w[TOUCH_DUE])
    if w[HEAD] != w[TAIL]:
        moment = min(moment, w[DUE + w[HEAD] % CAPACITY])
    if w[PAYMENT] < w[PAYMENTS]:
        moment = min(moment, t[w[PAYMENT_TIME_AT] + w[PAYMENT]])
    return moment


@compiled
def seek(t: Ints, p: Ints, w: Ints, until: int) -> int:
    """Pass the quiet rows up to `until`; the first that is not quiet, or -1.

    The first row after a gap is never quiet, and is reached as soon as anything later than the last row is asked for.
    """
    floor = max(w[FLOOR], w[BAND_LOW])
    ceiling = min(w[CEILING], w[BAND_HIGH])
    gap = t[w[GAP_ROWS_AT] + w[GAP]]
    begin = w[ROW] + 1
    if begin < gap and t[w[TIME_AT] + begin] > until:
        return -1  # The usual case: messages cross between two rows.
    if w[EVEN_STEP] > 0:
        # Rows stand at even distances, so that the last one wanted is counted, not looked for.
        ahead = (until - t[w[TIME_AT] + w[ROW]]) // w[EVEN_STEP]
        end = min(gap, begin + ahead)
        row = first_outside(t, p, w, begin, end, floor, ceiling - 1)
    else:
        end = first_after(t, w, begin, gap, until)
        row = first_loud(t, w, begin, end, floor, ceiling)
    if row < end:
        w[ROW] = row
        return row
    w[ROW] = end - 1
    if end < gap or gap == w[ROWS] or until <= t[w[TIME_AT] + gap - 1]:
        return -1
    w[GAP] += 1
    w[ROW] = gap
    return int(gap)


@compiled
def first_outside(t: Ints, p: Ints, w: Ints, row: int, end: int, floor: int, ceiling: int) -> int:
    """The first of the candles' points from `row` to before `end` at or below `floor`, at or above `ceiling`; `end`."""
    block_low, block_high = w[BLOCK_LOW_AT], w[BLOCK_HIGH_AT]
    while row < end:
        if row & (BLOCK - 1) == 0:
            while row + BLOCK <= end:
                block = row // BLOCK
                if row & (BLOCK * BLOCKS - 1) == 0 and row + BLOCK * BLOCKS <= end:
                    far = block // BLOCKS
                    if t[w[FAR_LOW_AT] + far] > floor and t[w[FAR_HIGH_AT] + far] <= ceiling:
                        row += BLOCK * BLOCKS
                        continue
                if t[block_low + block] <= floor or t[block_high + block] > ceiling:
                    break
                row += BLOCK
        stop = min(end, (row | (BLOCK - 1)) + 1)
        while row < stop:
            price = p[row]
            if price <= floor or price >= ceiling:
                return row
            row += 1
    return end


@compiled
def first_after(t: Ints, w: Ints, begin: int, gap: int, until: int) -> int:
    """The first row from `begin` on that is later than `until`, at most `gap`: soon, so that it is galloped to."""
    time = w[TIME_AT]
    low, stride = begin, 8
    while low + stride < gap and t[time + low + stride] <= until:
        low += stride
        stride *= 2
    high = min(gap, low + stride)
    while low < high:
        middle = (low + high) // 2
        if t[time + middle] <= until:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def first_loud(t: Ints, w: Ints, row: int, end: int, floor: int, ceiling: int) -> int:
    """The first row before `end` whose low or high may touch an own order or leave the band; `end`."""
    low, high = w[LOW_AT], w[HIGH_AT]
    while row < end:
        if row & (BLOCK - 1) == 0:
            block = row // BLOCK
            while (
                row + BLOCK <= end
                and t[w[BLOCK_LOW_AT] + block] > floor
                and t[w[BLOCK_HIGH_AT] + block] < ceiling
            ):
                row += BLOCK
                block += 1
        stop = min(end, (row | (BLOCK - 1)) + 1)
        while row < stop:
            if t[low + row] <= floor or t[high + row] >= ceiling:
                return row
            row += 1
    return end


@compiled
def pass_row(t: Ints, f: Floats, w: Ints, row: int) -> None:
    fills = w[FILLS]
    live_through(t, f, w, row)
    if w[QUEUES] or w[FILLS] != fills:
        find_levels(w)
    if w[POSITION] > 0 and t[w[BID_AT] + row] + t[w[ASK_AT] + row] <= 2 * w[SAFE]:
        w[OUTCOME] = _LIQUIDATION
    if w[FILLS] != fills and w[STOPPED_AT] != UNKNOWN:  # Whether the bot still heard of it hangs on its looks.
        w[OUTCOME] = _RACE_AT_STOP
    ask = t[w[ASK_AT] + row]
    if ask <= w[BAND_LOW] or ask >= w[BAND_HIGH]:
        w[TOUCH_DUE] = t[w[TIME_AT] + row] + w[LATENCY]
        w[BAND_LOW], w[BAND_HIGH] = -NEVER, NEVER


@compiled
def is_over(w: Ints) -> bool:
    """Whether the session was asked to end, and did."""
    if w[STOPPED_AT] == UNKNOWN:
        return False
    return w[HEAD] == w[TAIL] if w[HAS_ENDED] else w[NOW] >= end_of_stop(w)


@compiled
def end_of_stop(w: Ints) -> int:
    """When a session that was asked to end has surely ended: its open gone, and the venue asked about the rest."""
    return w[STOPPED_AT] + min(_LONGEST_END, SECOND + 26 * w[LATENCY]) + w[LATENCY]


@compiled
def find_last_quote(t: Ints, w: Ints) -> None:
    """What the position was worth to the bot at its end. Where it ended at its stop price, the moment is known roughly
    only: any movement in that time is too much."""
    row = w[ROW]
    w[LAST_ROW] = row
    if w[ENDED_BY_DATA]:
        return
    mid = t[w[BID_AT] + row] + t[w[ASK_AT] + row]
    while row > 0 and t[w[TIME_AT] + row] > w[STOPPED_AT] - w[LATENCY]:
        row -= 1
        if t[w[BID_AT] + row] + t[w[ASK_AT] + row] != mid:
            w[OUTCOME] = _RACE_AT_STOP


@compiled
def pay_funding(t: Ints, f: Floats, w: Ints) -> None:
    index = w[PAYMENT]
    while index < w[PAYMENTS] and t[w[PAYMENT_TIME_AT] + index] <= w[NOW]:
        place = PAYMENTS_AT + 2 * index
        f[place + 1] = w[POSITION]
        f[FUNDING] -= w[POSITION] * t[w[PAYMENT_MID_AT] + index] * 0.5 * f[place]
        index += 1
    if index != w[PAYMENT]:
        if w[STOPPED_AT] != UNKNOWN and not w[HAS_ENDED]:
            w[OUTCOME] = _RACE_AT_STOP
        w[PAYMENT] = index
        find_safe(f, w)
        find_levels(w)


@compiled
def deliver(t: Ints, f: Floats, w: Ints) -> bool:
    """Everything that is due by now, in the order in which it was sent; whether the bot looks."""
    now = w[NOW]
    is_heard = w[ALIVE] == 1 and (w[WAKE] <= now or w[TOUCH_DUE] <= now)
    while w[HEAD] != w[TAIL] and w[OUTCOME] == _RUNNING:
        place = w[HEAD] % CAPACITY
        if w[DUE + place] > now:
            break
        w[HEAD] += 1
        what, who, much = w[WHAT + place], w[WHO + place], w[MUCH + place]
        if OPEN_ASKED <= what <= EXIT_ASKED:
            arrive(t, f, w, what, who, much, w[DUE + place] - w[LATENCY])
        elif what == ANSWER_AT_START:
            w[ALIVE] = int(who >= _UNTIL_ALIVE)
            w[LOOKED] = int(who >= _UNTIL_LOOKED)
            is_heard = is_heard or who in (_UNTIL_ALIVE, _UNTIL_LOOKED)
            if who < _UNTIL_LOOKED:
                ready = max(now, first_quote_at(t, w) + w[LATENCY]) if who == _UNTIL_RULES else now
                send(w, ready + w[LATENCY], ANSWER_AT_START, who + 1, 0)
        else:
            hear(w, what, who, much, w[DUE + place] - w[LATENCY])
            is_heard = True
    return is_heard


@compiled
def arrive(t: Ints, f: Floats, w: Ints, what: int, who: int, much: int, sent_at: int) -> None:
    """A request reaches the venue."""
    if what == OPEN_ASKED:
        take_open(t, f, w, much, w[OPEN_ORDER], sent_at)
    elif what == CANCEL_ASKED:
        take_cancel(w)
    elif what == CLOSE_ASKED:
        take_close(t, w, who)
    else:
        take_exit(t, f, w, who)


@compiled
def hear(w: Ints, what: int, who: int, much: int, happened_at: int) -> None:
    """News reaches the bot."""
    is_fill = what in (OPEN_FILLED, CLOSE_FILLED, EXIT_FILLED)
    if is_fill and w[STOPPED_AT] != UNKNOWN and not w[HAS_ENDED]:
        w[OUTCOME] = _RACE_AT_STOP
    if what == OPEN_ACCEPTED:
        hear_accepted(w)
    elif what == OPEN_REFUSED:
        hear_refused(w)
    elif what == OPEN_CANCELLED:
        hear_open_cancelled(w)
    elif what == OPEN_FILLED:
        hear_open_filled(w, much, happened_at)
    elif what == DATA_ENDED:
        if w[STOPPED_AT] == UNKNOWN:
            w[STOPPED_AT] = w[NOW]
            w[ENDED_BY_DATA] = 1
    else:
        hear_close_filled(w, who, much)
        if what == CLOSE_FILLED and w[CLOSE_LEFT + who] == 0:
            forget_close(w, who)
