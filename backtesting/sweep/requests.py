"""Requests of the bot as they arrive at the venue: admitted or refused by the book of that moment."""

from __future__ import annotations

from backtesting.sweep.compiled import compiled
from backtesting.sweep.layout import (
    ASK_AT,
    BEST_CLOSE,
    BID_AT,
    CLOSE_AHEAD,
    CLOSE_LEFT,
    CLOSE_NUMBER,
    CLOSE_PRICE,
    CLOSE_RESTING,
    CLOSE_STAGE,
    EXIT_FILLED,
    GONE,
    IN_BOOK,
    LATENCY,
    LEVERAGE,
    NOW,
    OPEN_ACCEPTED,
    OPEN_AHEAD,
    OPEN_CANCELLED,
    OPEN_ORDER,
    OPEN_PRICE_AT_VENUE,
    OPEN_REFUSED,
    OPEN_REMAINING,
    OPEN_RESTS,
    OUTCOME,
    POSITION,
    QUANTITY,
    RESTING_CLOSES,
    ROW,
    SECOND,
    SHOWN_ASK,
    SHOWN_ASK_SIZE,
    SHOWN_BID,
    SHOWN_BID_SIZE,
    SHOWN_BID_TAKEN,
    UNKNOWN,
    Floats,
    Ints,
    Outcome,
    Role,
)
from backtesting.sweep.venue import book, find_levels, send, settled, sync

_MARGIN = int(Outcome.MARGIN)
_REFUSED_CLOSE = int(Outcome.REFUSED_CLOSE)
_AFTER_GAP = int(Outcome.REFUSED_AFTER_GAP)
_NO_LIQUIDITY = int(Outcome.NO_LIQUIDITY)
_UNEXPECTED = int(Outcome.UNEXPECTED)
_ROLE_EXIT = int(Role.EXIT)
_PATIENCE = 15 * SECOND
"""So long the bot waits for an answer; a gap in the data may take it all."""
_MOST_LEVELS = 100
_CAUTION = 1e-9


@compiled
def take_open(t: Ints, f: Floats, w: Ints, price: int, order: int, sent_at: int) -> None:
    now, row = w[NOW], w[ROW]
    bid, ask = t[w[BID_AT] + row], t[w[ASK_AT] + row]
    is_refused = price >= ask
    if not is_refused:
        # Too little margin, or too close to call in floating point: neither is told here.
        exposure = w[POSITION] * abs(bid + ask) + 2.0 * abs(price) * w[QUANTITY]
        equity = 2.0 * settled(f, w) + w[POSITION] * (bid + ask)
        if exposure > equity * f[LEVERAGE] * (1 - _CAUTION):
            w[OUTCOME] = _MARGIN
            return
        is_refused = w[BEST_CLOSE] <= price
    if is_refused:
        if now - sent_at >= _PATIENCE:
            w[OUTCOME] = _AFTER_GAP
        send(w, now + w[LATENCY], OPEN_REFUSED, 0, 0)
        return
    w[OPEN_RESTS] = 1
    w[OPEN_PRICE_AT_VENUE] = price
    w[OPEN_REMAINING] = w[QUANTITY]
    w[OPEN_ORDER] = order
    sync(t, w)
    w[OPEN_AHEAD] = queue(price, w[SHOWN_BID], w[SHOWN_BID_SIZE])
    find_levels(w)
    send(w, now + w[LATENCY], OPEN_ACCEPTED, 0, 0)


@compiled
def queue(price: int, touch: int, touch_size: int) -> int:
    """What others have ahead of a newcomer, for a bid; an ask is asked about with both prices negated."""
    if price > touch:
        return 0
    return touch_size if price == touch else UNKNOWN


@compiled
def take_cancel(w: Ints) -> None:
    if w[OPEN_RESTS]:
        w[OPEN_RESTS] = 0
        find_levels(w)
        send(w, w[NOW] + w[LATENCY], OPEN_CANCELLED, 0, 0)


@compiled
def take_close(t: Ints, w: Ints, slot: int) -> None:
    """Acceptance is not told to the bot: it decides nothing upon it."""
    price, quantity = w[CLOSE_PRICE + slot], w[CLOSE_LEFT + slot]
    meets_own = w[OPEN_RESTS] and w[OPEN_PRICE_AT_VENUE] >= price
    if price <= t[w[BID_AT] + w[ROW]] or meets_own:
        w[OUTCOME] = _REFUSED_CLOSE
        return
    if w[POSITION] - w[RESTING_CLOSES] < quantity:
        w[OUTCOME] = _UNEXPECTED
        return
    sync(t, w)
    w[CLOSE_STAGE + slot] = IN_BOOK
    w[CLOSE_RESTING + slot] = quantity
    w[CLOSE_AHEAD + slot] = queue(-price, -w[SHOWN_ASK], w[SHOWN_ASK_SIZE])
    w[RESTING_CLOSES] += quantity
    find_levels(w)


@compiled
def take_exit(t: Ints, f: Floats, w: Ints, slot: int) -> None:
    """A market order: the displayed touch, then a tick further for each further displayed size."""
    sync(t, w)
    bid, size = w[SHOWN_BID], w[SHOWN_BID_SIZE]
    quantity = w[CLOSE_LEFT + slot]
    if w[POSITION] < quantity:
        w[OUTCOME] = _UNEXPECTED
        return
    reach = bid
    if size > 0:
        reach -= min((w[SHOWN_BID_TAKEN] + quantity - 1) // size, _MOST_LEVELS - 1)
    if w[OPEN_RESTS] and w[OPEN_PRICE_AT_VENUE] >= reach:
        w[OPEN_RESTS] = 0
        send(w, w[NOW] + w[LATENCY], OPEN_CANCELLED, 0, 0)
    while quantity > 0:
        level = w[SHOWN_BID_TAKEN] // size if size > 0 else 0
        price = bid - level
        if level >= _MOST_LEVELS or price == 0:
            w[OUTCOME] = _NO_LIQUIDITY
            return
        part = quantity
        if size > 0:
            part = min(quantity, size - w[SHOWN_BID_TAKEN] % size)
            w[SHOWN_BID_TAKEN] += part
        quantity -= part
        book(f, w, -1, price, part, w[CLOSE_NUMBER + slot], _ROLE_EXIT)
        send(w, w[NOW] + w[LATENCY], EXIT_FILLED, slot, part)
    w[CLOSE_STAGE + slot] = GONE
    trim_check(w)
    find_levels(w)


@compiled
def trim_check(w: Ints) -> None:
    """An exit that leaves less than what rests would have the venue trim closes."""
    if w[RESTING_CLOSES] > w[POSITION]:
        w[OUTCOME] = _UNEXPECTED
