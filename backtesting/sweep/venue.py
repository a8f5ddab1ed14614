"""The venue's half of the sweep: which orders rest, what fills them, and what arrives when.

It tells again what `markets.matching` and `markets.desk` do for one open and the closes of one bot, as
`docs/FILL_MODEL.md` describes it. Mirrored for a selling bot, see `layout`.
"""

from __future__ import annotations

from backtesting.sweep.compiled import compiled
from backtesting.sweep.layout import (
    ASK_AT,
    ASK_SIZE_AT,
    BALANCE,
    BEST_CLOSE,
    BID_AT,
    BID_SIZE_AT,
    CAPACITY,
    CASH,
    CEILING,
    CLOSE_AHEAD,
    CLOSE_FILLED,
    CLOSE_NUMBER,
    CLOSE_PRICE,
    CLOSE_RESTING,
    CLOSE_STAGE,
    DUE,
    FILL_SIZE,
    FILLS,
    FILLS_AT,
    FLOOR,
    FLOOR_FACTOR,
    FUNDING,
    GONE,
    HEAD,
    HIGH_AT,
    HIGH_SIZE_AT,
    IN_BOOK,
    KIND_AT,
    LATENCY,
    LOW_AT,
    LOW_SIZE_AT,
    MAKER_RATE,
    MAKER_VOLUME,
    MUCH,
    N_STACK,
    NEVER,
    NOW,
    OPEN_AHEAD,
    OPEN_FILLED,
    OPEN_ORDER,
    OPEN_PRICE_AT_VENUE,
    OPEN_REMAINING,
    OPEN_RESTS,
    OUTCOME,
    POSITION,
    QUEUES,
    QUOTE,
    RESTING_CLOSES,
    ROW,
    SAFE,
    SHOWN_ASK,
    SHOWN_ASK_SIZE,
    SHOWN_ASK_TAKEN,
    SHOWN_BID,
    SHOWN_BID_SIZE,
    SHOWN_BID_TAKEN,
    STACK,
    TAIL,
    TAKER_RATE,
    TAKER_VOLUME,
    TIME_AT,
    TRADE,
    TRADE_OFFSET,
    UNKNOWN,
    WHAT,
    WHO,
    Floats,
    Ints,
    Outcome,
    Role,
)

_ROLE_OPEN, _ROLE_CLOSE, _ROLE_EXIT = int(Role.OPEN), int(Role.CLOSE), int(Role.EXIT)
_FULL = int(Outcome.FULL)
_FAR = NEVER // 4


@compiled
def send(w: Ints, due: int, what: int, who: int, much: int) -> None:
    """Put a message on its way. All take the latency, so that they arrive in the order in which they were sent."""
    size = CAPACITY
    tail = w[TAIL]
    if tail - w[HEAD] >= size:
        w[OUTCOME] = _FULL
        return
    place = tail % size
    w[DUE + place] = due
    w[WHAT + place] = what
    w[WHO + place] = who
    w[MUCH + place] = much
    w[TAIL] = tail + 1


@compiled
def book(f: Floats, w: Ints, bought: int, price: int, quantity: int, order: int, role: int) -> None:
    """Count a trade; `bought`: 1 or -1, in the mirror."""
    w[POSITION] += bought * quantity
    w[CASH] -= bought * price * quantity
    if role == _ROLE_EXIT:
        w[TAKER_VOLUME] += abs(price) * quantity
    else:
        w[MAKER_VOLUME] += abs(price) * quantity
    place = w[FILLS]
    at = FILLS_AT + FILL_SIZE * place
    if at + FILL_SIZE > len(w):
        w[OUTCOME] = _FULL
        return
    w[at] = w[NOW]
    w[at + 1] = price
    w[at + 2] = quantity
    w[at + 3] = order
    w[at + 4] = role
    w[FILLS] = place + 1
    find_safe(f, w)


@compiled
def settled(f: Floats, w: Ints) -> float:
    """Equity but for the position's value, in ticks times lots."""
    fees = f[MAKER_RATE] * w[MAKER_VOLUME] + f[TAKER_RATE] * w[TAKER_VOLUME]
    return f[BALANCE] + w[CASH] - fees + f[FUNDING]


@compiled
def find_safe(f: Floats, w: Ints) -> None:
    """The mid above which no position is closed by force; on the cautious side of what `markets.account` counts."""
    if w[POSITION] == 0:
        w[SAFE] = -_FAR
        return
    mid = -settled(f, w) / (w[POSITION] * f[FLOOR_FACTOR])
    w[SAFE] = int(mid + abs(mid) * 1e-9) + 2


@compiled
def fill_open(f: Floats, w: Ints, quantity: int) -> None:
    w[OPEN_REMAINING] -= quantity
    if w[OPEN_REMAINING] == 0:
        w[OPEN_RESTS] = 0
    book(f, w, 1, w[OPEN_PRICE_AT_VENUE], quantity, w[OPEN_ORDER], _ROLE_OPEN)
    send(w, w[NOW] + w[LATENCY], OPEN_FILLED, 0, quantity)


@compiled
def fill_close(f: Floats, w: Ints, slot: int, quantity: int) -> None:
    w[CLOSE_RESTING + slot] -= quantity
    w[RESTING_CLOSES] -= quantity
    if w[CLOSE_RESTING + slot] == 0:
        w[CLOSE_STAGE + slot] = GONE
    book(f, w, -1, w[CLOSE_PRICE + slot], quantity, w[CLOSE_NUMBER + slot], _ROLE_CLOSE)
    send(w, w[NOW] + w[LATENCY], CLOSE_FILLED, slot, quantity)


@compiled
def find_levels(w: Ints) -> None:
    """Between which prices a row cannot touch the account: as `markets.desk.Desk.floor` and `ceiling`."""
    best = NEVER
    index = w[N_STACK] - 1
    while index >= 0:
        slot = w[STACK + index]
        if w[CLOSE_STAGE + slot] == IN_BOOK:
            best = w[CLOSE_PRICE + slot]
            break
        index -= 1
    w[BEST_CLOSE] = best
    floor = -NEVER
    if w[QUEUES]:
        if w[OPEN_RESTS]:
            floor = w[OPEN_PRICE_AT_VENUE]
        if w[SHOWN_BID_TAKEN] > 0 or w[SHOWN_ASK_TAKEN] > 0:
            floor = NEVER
    else:
        # Only a trade strictly through a price fills there.
        if w[OPEN_RESTS]:
            floor = w[OPEN_PRICE_AT_VENUE] - 1 - w[TRADE_OFFSET]
        if best != NEVER:
            best += 2 - w[TRADE_OFFSET]
    w[FLOOR] = max(floor, w[SAFE])
    w[CEILING] = best


# --- the touch as displayed -------------------------------------------------------------------------------------------


@compiled
def show(w: Ints, price_at: int, price: int, size: int) -> None:
    """`markets.matching.Displayed.show`; `price_at`: the place of the side's price, its size and what is taken next."""
    if w[price_at + 2] > 0:
        if price != w[price_at]:
            w[price_at + 2] = 0
        elif size < w[price_at + 1]:
            w[price_at + 2] = max(0, w[price_at + 2] - (w[price_at + 1] - size))
    w[price_at] = price
    w[price_at + 1] = size


@compiled
def sync(t: Ints, w: Ints) -> None:
    """Show the quote in force now. Candles know no size, and what nobody needs is not fetched from memory."""
    row = w[ROW]
    if not w[QUEUES]:
        w[SHOWN_BID], w[SHOWN_BID_SIZE] = t[w[BID_AT] + row], 0
        w[SHOWN_ASK], w[SHOWN_ASK_SIZE] = t[w[ASK_AT] + row], 0
        return
    show(w, SHOWN_BID, t[w[BID_AT] + row], t[w[BID_SIZE_AT] + row])
    show(w, SHOWN_ASK, t[w[ASK_AT] + row], t[w[ASK_SIZE_AT] + row])


# --- rows -------------------------------------------------------------------------------------------------------------


@compiled
def first_quote_at(t: Ints, w: Ints) -> int:
    """A market may begin with trades, and the bot does not begin without a quote."""
    row = 0
    while t[w[KIND_AT] + row] == TRADE:
        row += 1
    return t[w[TIME_AT] + row]


@compiled
def live_through(t: Ints, f: Floats, w: Ints, row: int) -> None:
    """What one row of the tape does to the resting orders."""
    if not w[QUEUES]:
        pass_candle_point(t, f, w, row)
    elif t[w[KIND_AT] + row] == QUOTE:
        quoted(t, f, w, row)
    else:
        traded_on_open(t, f, w, row)
        traded_on_closes(t, f, w, row)


@compiled
def pass_candle_point(t: Ints, f: Floats, w: Ints, row: int) -> None:
    price = t[w[LOW_AT] + row] + w[TRADE_OFFSET]
    meets_open = w[OPEN_RESTS] and w[OPEN_PRICE_AT_VENUE] > price
    if not meets_open and w[BEST_CLOSE] >= price:
        return
    volume = t[w[LOW_SIZE_AT] + row]
    if volume <= 0:
        return
    if meets_open:
        fill_open(f, w, min(w[OPEN_REMAINING], volume))
    index = w[N_STACK] - 1
    while index >= 0 and volume > 0:
        slot = w[STACK + index]
        if w[CLOSE_PRICE + slot] >= price:
            return
        if w[CLOSE_STAGE + slot] == IN_BOOK:
            quantity = min(w[CLOSE_RESTING + slot], volume)
            volume -= quantity
            fill_close(f, w, slot, quantity)
        index -= 1


@compiled
def quoted(t: Ints, f: Floats, w: Ints, row: int) -> None:
    """Crossing first: what crosses was there before anybody could queue again."""
    bid, ask = t[w[LOW_AT] + row], t[w[HIGH_AT] + row]
    bid_size, ask_size = t[w[LOW_SIZE_AT] + row], t[w[HIGH_SIZE_AT] + row]
    show(w, SHOWN_BID, bid, bid_size)
    show(w, SHOWN_ASK, ask, ask_size)
    price = w[OPEN_PRICE_AT_VENUE]
    if w[OPEN_RESTS] and price > ask:
        quantity = min(w[OPEN_REMAINING], max(0, w[SHOWN_ASK_SIZE] - w[SHOWN_ASK_TAKEN]))
        if quantity > 0:
            w[SHOWN_ASK_TAKEN] += quantity
            fill_open(f, w, quantity)
    if w[OPEN_RESTS] and price >= bid:
        if price > bid:
            w[OPEN_AHEAD] = 0
        elif w[OPEN_AHEAD] == UNKNOWN or w[OPEN_AHEAD] > bid_size:
            w[OPEN_AHEAD] = bid_size
    index = w[N_STACK] - 1
    while index >= 0:
        slot = w[STACK + index]
        price = w[CLOSE_PRICE + slot]
        if price > ask:
            return
        if w[CLOSE_STAGE + slot] == IN_BOOK:
            cross_close(f, w, slot, bid, ask, ask_size)
        index -= 1


@compiled
def cross_close(f: Floats, w: Ints, slot: int, bid: int, ask: int, ask_size: int) -> None:
    """One resting close at or below the ask of a new quote."""
    price = w[CLOSE_PRICE + slot]
    if price < bid:
        quantity = min(w[CLOSE_RESTING + slot], max(0, w[SHOWN_BID_SIZE] - w[SHOWN_BID_TAKEN]))
        if quantity > 0:
            w[SHOWN_BID_TAKEN] += quantity
            fill_close(f, w, slot, quantity)
    if price < ask:
        w[CLOSE_AHEAD + slot] = 0
    elif w[CLOSE_AHEAD + slot] == UNKNOWN or w[CLOSE_AHEAD + slot] > ask_size:
        w[CLOSE_AHEAD + slot] = ask_size


@compiled
def traded_on_open(t: Ints, f: Floats, w: Ints, row: int) -> None:
    price, volume = t[w[LOW_AT] + row], max(t[w[LOW_SIZE_AT] + row], t[w[HIGH_SIZE_AT] + row])
    if not w[OPEN_RESTS] or w[OPEN_PRICE_AT_VENUE] < price:
        return
    if w[OPEN_PRICE_AT_VENUE] > price:
        w[OPEN_AHEAD] = 0
        free = volume
    elif w[OPEN_AHEAD] == UNKNOWN:
        return
    else:
        left = t[w[LOW_SIZE_AT] + row]
        passed = min(w[OPEN_AHEAD], left)
        w[OPEN_AHEAD] -= passed
        free = left - passed
    quantity = min(w[OPEN_REMAINING], free)
    if quantity > 0:
        fill_open(f, w, quantity)


@compiled
def traded_on_closes(t: Ints, f: Floats, w: Ints, row: int) -> None:
    price, volume = t[w[HIGH_AT] + row], max(t[w[LOW_SIZE_AT] + row], t[w[HIGH_SIZE_AT] + row])
    here = t[w[HIGH_SIZE_AT] + row]
    taken = 0
    index = w[N_STACK] - 1
    while index >= 0:
        slot = w[STACK + index]
        own = w[CLOSE_PRICE + slot]
        if own > price:
            return
        index -= 1
        if w[CLOSE_STAGE + slot] != IN_BOOK:
            continue
        if own < price:
            w[CLOSE_AHEAD + slot] = 0
            free = volume - taken
        elif w[CLOSE_AHEAD + slot] == UNKNOWN:
            continue
        else:
            left = max(0, here - taken)
            passed = min(w[CLOSE_AHEAD + slot], left)
            w[CLOSE_AHEAD + slot] -= passed
            free = left - passed
        quantity = min(w[CLOSE_RESTING + slot], free)
        if quantity > 0:
            taken += quantity
            fill_close(f, w, slot, quantity)
