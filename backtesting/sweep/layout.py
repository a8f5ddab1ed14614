"""What the compiled code works on: whole numbers in flat arrays, and the names of their places.

Prices are whole ticks, sizes whole lots, times nanoseconds since the epoch. A selling bot is told as a buying one in a
mirror: every price negated, bid and ask exchanged. So the rest of the sweep knows buying bots only: opens are bids,
closes are asks above them, and "better" is higher.

Four plain arrays are all there is, because handing structures to compiled functions costs more than the functions:

* `t`: the tape, column after column; the columns' beginnings stand in `w` (`TIME_AT` ...).
* `w`: whole numbers of one run: what the setting says, where the venue and the bot stand, tables of `CAPACITY` places
  each (`w[CLOSE_PRICE + slot]`), and the fills at the end. A *slot* is a closing order, a *place* an entry.
* `p`: `LOW` of candles once more, in 32 bits: most of the time goes into reading it.
* `f`: the few real numbers. They only tell whether margin comes near; every number of a result is whole.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from enum import IntEnum

Ints = MutableSequence[int]
"""A sequence of whole numbers that can be written to: an int64 array where numba is there, else a list."""
Floats = MutableSequence[float]

SECOND = 1_000_000_000
NEVER = 1 << 62
"""Later than every time, beyond every price."""
UNKNOWN = -1
"""A queue that nobody knows; no time; no place."""
BLOCK = 16
"""Rows under one lowest low and highest high."""
BLOCKS = 32
"""Blocks under one of them again."""
CAPACITY = 4_096
"""Closes, entries and messages under way at most; a power of two."""
_STRIDE = CAPACITY + 40
"""Between tables; not a power of two, or all of them would compete for the same few lines of the processor's cache."""

QUOTE, TRADE, CANDLE_POINT = 0, 1, 2
"""Kinds of rows. A candle's point is a quote of unknown size, and a trade."""


class Role(IntEnum):
    """What filled."""

    OPEN = 0
    CLOSE = 1
    EXIT = 2


class Outcome(IntEnum):
    """How a run ended."""

    RUNNING = 0
    DONE = 1
    FULL = 2
    """The arrays are too small: run it again with larger ones."""
    MARGIN = 3
    LIQUIDATION = 4
    RACE_AT_STOP = 5
    REFUSED_CLOSE = 6
    REFUSED_AFTER_GAP = 7
    NO_LIQUIDITY = 8
    UNEXPECTED = 9


# --- messages under way: what, and what `who` and `much` hold ---------------------------------------------------------

ANSWER_AT_START = 0
"""who: the number of the way there or back, of those before the first order."""
OPEN_ASKED = 1
"""who: 1 for an entry that is placed again; much: the price."""
CANCEL_ASKED = 2
CLOSE_ASKED = 3
"""who: the slot."""
EXIT_ASKED = 4
OPEN_ACCEPTED = 5
OPEN_REFUSED = 6
OPEN_FILLED = 7
"""much: how much."""
OPEN_CANCELLED = 8
CLOSE_FILLED = 9
"""who: the slot; much: how much."""
EXIT_FILLED = 10
DATA_ENDED = 11

# --- places in `w` ---------------------------------------------------------------------------------------------------

# The tape. `LOW` and `HIGH`: bid and ask of a quote or a candle's point, twice the price of a trade. `BID` to
# `ASK_SIZE`: the quote in force once the row's instant is over. `GAP_ROWS`: rows before which the data have a hole, and
# the number of rows last. `TRADE_OFFSET`: where a candle's trade prints, counted from its bid. `EVEN_STEP`: the
# distance between rows, 0 where it varies. `BLOCK_LOW`, `FAR_LOW`: the lowest low of a block, and of `BLOCKS` of them.
# `PAYMENT_MID`: twice the mid.
(
    ROWS,
    PAYMENTS,
    QUEUES,
    TRADE_OFFSET,
    EVEN_STEP,
    TIME_AT,
    KIND_AT,
    LOW_AT,
    HIGH_AT,
    LOW_SIZE_AT,
    HIGH_SIZE_AT,
    BID_AT,
    ASK_AT,
    BID_SIZE_AT,
    ASK_SIZE_AT,
    GAP_ROWS_AT,
    BLOCK_LOW_AT,
    BLOCK_HIGH_AT,
    FAR_LOW_AT,
    FAR_HIGH_AT,
    PAYMENT_TIME_AT,
    PAYMENT_MID_AT,
) = range(22)
TAPE_PLACES = 22

# The setting. Take-profit as a fraction is `PROFIT_UP / PROFIT_DOWN`. The grid step passes where
# `close * STEP_CLOSE > ask * STEP_ASK`. `STOP`, `PAUSE`: the lowest ask that reaches them, `NEVER` for off.
(
    LATENCY,
    QUANTITY,
    MAX_ORDERS,
    QUARTER_WAIT,
    HALF_WAIT,
    WHOLE_WAIT,
    DOUBLE_WAIT,
    PROFIT_UP,
    PROFIT_DOWN,
    HAS_STEP,
    STEP_CLOSE,
    STEP_ASK,
    STOP,
    PAUSE,
    BOOST,
) = range(22, 37)

# Where the run stands. `LAST_ROW`: its quote is the last the bot saw.
(
    OUTCOME,
    NOW,
    ROW,
    GAP,
    PAYMENT,
    HEAD,
    TAIL,
    WAKE,
    TOUCH_DUE,
    BAND_LOW,
    BAND_HIGH,
    FLOOR,
    CEILING,
    SAFE,
    ALIVE,
    LOOKED,
    STOPPED_AT,
    HAS_ENDED,
    ENDED_BY_DATA,
    LAST_ROW,
    ORDERS,
    FILLS,
    N_FREE_SLOTS,
    N_FREE_PLACES,
    N_STACK,
    N_OWING,
) = range(37, 63)

# The venue's side. What is shown of a side is its price, its size and what of that is taken, in this order.
(
    POSITION,
    CASH,
    MAKER_VOLUME,
    TAKER_VOLUME,
    RESTING_CLOSES,
    OPEN_RESTS,
    OPEN_PRICE_AT_VENUE,
    OPEN_REMAINING,
    OPEN_AHEAD,
    OPEN_ORDER,
    BEST_CLOSE,
    SHOWN_BID,
    SHOWN_BID_SIZE,
    SHOWN_BID_TAKEN,
    SHOWN_ASK,
    SHOWN_ASK_SIZE,
    SHOWN_ASK_TAKEN,
) = range(63, 80)

# The bot's side: what it has heard.
(
    OWN,
    UNCLOSED,
    CLOCK,
    WAIVER,
    REPLACING,
    OPEN_FAILURES,
    OPEN_FAILED_AT,
    OPEN_STAGE,
    OPEN_PRICE,
    OPEN_LEFT,
    OPEN_PLACE,
    OPEN_ACCEPTED_AT,
    OPEN_SENT_AT,
    OPEN_TOOK_WAIVER,
    OPEN_IS_AGAIN,
    OPEN_WHY,
) = range(80, 96)

BEGIN_OF_RUN, END_OF_RUN = 37, 96
"""What a new run begins at nought."""

# Tables of `CAPACITY` places each. Messages under way are a ring. `CLOSE_RESTING`: what remains of a close at the
# venue; `CLOSE_LEFT`: as far as the bot has heard. `ENTRY_IS_LATE`: its open was cancelled, and what is still owed was
# found by that. `STACK`: slots of the closes that the bot holds for live, the next to fill last. `OWING`: places of
# entries that are owed a close, in the order in which they came to be.
(
    DUE,
    WHAT,
    WHO,
    MUCH,
    CLOSE_PRICE,
    CLOSE_RESTING,
    CLOSE_LEFT,
    CLOSE_STAGE,
    CLOSE_PLACE,
    CLOSE_NUMBER,
    CLOSE_AHEAD,
    FREE_SLOTS,
    STACK,
    ENTRY_PRICE,
    ENTRY_FILLED,
    ENTRY_CLOSED,
    ENTRY_COVERING,
    ENTRY_HAS_OPEN,
    ENTRY_IS_LATE,
    FREE_PLACES,
    OWING,
) = range(96, 96 + 21 * _STRIDE, _STRIDE)

FILLS_AT = 96 + 21 * _STRIDE
"""Fills follow each other to the end of `w`: time, price, quantity, order, role."""
FILL_SIZE = 5

# --- places in `f` ---------------------------------------------------------------------------------------------------

# Money counts ticks times lots. `FLOOR_FACTOR`: what the mid of a position may lose before the venue closes it. Then,
# for each payment of funding, its rate and the position that it met.
FUNDING, BALANCE, LEVERAGE, MAKER_RATE, TAKER_RATE, FLOOR_FACTOR, PAYMENTS_AT = range(7)

# --- stages ----------------------------------------------------------------------------------------------------------

NOTHING, PLANNED, RESTS, CANCELLING = 0, 1, 2, 3
"""`OPEN_STAGE`, as far as the bot has heard."""
BY_VENUE, TO_REPRICE, OTHERWISE = 0, 1, 2
"""`OPEN_WHY`: on whose wish the open is cancelled."""
ON_ITS_WAY, IN_BOOK, GONE = 0, 1, 2
"""`close_stage`."""
