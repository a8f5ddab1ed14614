"""A seeded, endless market that looks like a perpetual as a stream of 250 ms shows it, 4 to 5 rows a second.

How it is made (figures beside those of recordings: `docs/MARKETS.md`):

* Time is cut into slots of 250 ms. In a slot the price moves, or a trade prints at the touch, or only a displayed
  size changes, or nothing happens. Trades and moves excite more of both (`heat`, which halves in about 3 s), so that
  they come in clusters.
* Eight hidden switches with lifetimes from minutes to days set the activity; the product of their effects gives
  volatility its regimes and its long memory. A few times a day the price jumps, and the fast switches go up.
* A trade that moves the price prints at the touch just before the quote moves, sometimes again further on; the other
  trades print at the prevailing bid or ask, never for more than is displayed there, with aggressors that tend to
  repeat.
* **No free money**: the price behind the quotes is a martingale. The direction of each move and jump is a fair coin of
  its own, independent of everything seen before it, and of equal size both ways. A wider spread lasts a slot or two,
  its side is another fair coin. What a bot earns before fees is what waiting in a queue at the touch earns, a fraction
  of a tick; the generator gives nothing away.

**The same everywhere**: chance comes from `random.Random(seed).getrandbits` alone, whose sequence Python keeps, and
everything after it is integer arithmetic on tables. (`gauss`, `shuffle` and the like may differ between versions, and
the last bit of `exp` between platforms; the tables are rounded far coarser than that.) A test pins the rows.

**Blocks**: each minute has its own generator, seeded with a hash of seed, instrument and minute, plus a small state
carried from the minute before. A source keeps the state of every hour it has passed; a fresh one starts from the
beginning, which costs about a third of a second per market day.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from struct import unpack
from typing import NamedTuple

from domain.market import NANOSECONDS, MarketRules
from markets import shapes
from markets.instruments import Instrument
from markets.tape import Chunk, FundingTerms, TapeScale

Row = tuple[int, bool, int, int, int, int]

DEFAULT_FUNDING = FundingTerms(interval_ns=8 * 3600 * NANOSECONDS, rate=Decimal("0.0001"))
"""The base rate usual on large venues: 0.01 % every eight hours, paid by longs."""

BLOCK_NS = 60 * NANOSECONDS
_SLOTS = 240
_SLOT_NS = BLOCK_NS // _SLOTS
_WORDS = 8
_BLOCKS_PER_CHUNK = 15
_BLOCKS_PER_CHECKPOINT = 60

# Within a slot: 256 possible moments of the event, and 256 possible lags from a trade to the quote that shows its
# effect. Together they end before the slot does, so that time never falls.
_MOMENT_NS = 850_000
_LAG_NS = 80_000
_LEAST_LAG_NS = 1_000_000

_PRICE_BITS = 10
"""The price behind the quotes is kept in 1/1024 of a tick."""
_ONE_TICK = 1 << _PRICE_BITS
_STICKY = _ONE_TICK >> 2
"""The touch stays until the price is a quarter of a tick outside it: where a tick is wide, it would flicker."""
_LOWEST_PRICE = 2 * _ONE_TICK
_HOTTEST = 16 * shapes.KICK


class _State(NamedTuple):
    """What one minute hands to the next. `level`: the bid while the spread is a tick; `switches`: one bit per hidden
    switch, the fastest lowest."""

    price: int
    level: int
    bid: int
    ask: int
    bid_size: int
    ask_size: int
    heat: int
    buying: bool
    switches: int


class GeneratedMarket:
    """A `MarketSource` without end; the same instrument, seed and start give the same rows for ever."""

    queues = True

    def __init__(
        self,
        instrument: Instrument,
        seed: int,
        start_ns: int,
        maker_fee_rate: Decimal,
        taker_fee_rate: Decimal,
        funding: FundingTerms = DEFAULT_FUNDING,
    ) -> None:
        self.rules: MarketRules = instrument.rules(maker_fee_rate, taker_fee_rate)
        self.scale = TapeScale(instrument.tick_size, instrument.quantity_step)
        self.funding = funding
        self.start_ns = start_ns
        self.identity = f"generated v1 {instrument.ticker} seed {seed} from {start_ns}"
        self.description = f"generated {instrument.ticker} market, seed {seed}"
        self._salt = f"generated v1 {instrument.ticker} seed {seed}"
        self._activity = shapes.activity_levels(float(instrument.volatility))
        # Plain tuples of integers: a drawn 12-bit number is the index.
        self._touch_sizes = shapes.touch_sizes(instrument.touch_size / instrument.quantity_step)
        self._trade_sizes = shapes.trade_sizes(instrument.trade_size / instrument.quantity_step)
        self._spreads = shapes.wide_spreads(instrument.start_price / instrument.tick_size)
        self._checkpoints = [self._first_state(instrument)]

    def chunks(self, after_ns: int | None = None) -> Iterator[Chunk]:
        """Chunks of a quarter of an hour, without end. See `MarketSource.chunks`."""
        first = 0 if after_ns is None else max(0, (after_ns - self.start_ns) // BLOCK_NS)
        block, state = self._state_at(first)
        while True:
            rows: list[Row] = []
            if block == 0:
                rows.append((self.start_ns, False, state.bid, state.ask, state.bid_size, state.ask_size))
            until = (block // _BLOCKS_PER_CHUNK + 1) * _BLOCKS_PER_CHUNK
            for index in range(block, until):
                state = self._advanced(index, state, rows)
            block = until
            skip = 0
            if after_ns is not None:
                skip = bisect_right(rows, after_ns, key=lambda row: row[0])
                after_ns = None if skip < len(rows) else after_ns
            if skip < len(rows):
                yield _chunk_of(rows[skip:])

    def _first_state(self, instrument: Instrument) -> _State:
        chance = self._chance("first")
        bid = int(instrument.start_price / instrument.tick_size)
        touch = self._touch_sizes
        return _State(
            price=(bid << _PRICE_BITS) + _ONE_TICK // 2,
            level=bid,
            bid=bid,
            ask=bid + 1,
            bid_size=touch[chance.getrandbits(shapes.TABLE_BITS)],
            ask_size=touch[chance.getrandbits(shapes.TABLE_BITS)],
            heat=0,
            buying=bool(chance.getrandbits(1)),
            switches=chance.getrandbits(len(shapes.SWITCH_MINUTES)),
        )

    def _chance(self, part: str) -> Random:
        return Random(int.from_bytes(hashlib.sha256(f"{self._salt} {part}".encode()).digest(), "big"))

    def _state_at(self, block: int) -> tuple[int, _State]:
        """The state before `block`, from the nearest hour kept."""
        hour = min(block // _BLOCKS_PER_CHECKPOINT, len(self._checkpoints) - 1)
        state = self._checkpoints[hour]
        for index in range(hour * _BLOCKS_PER_CHECKPOINT, block):
            state = self._advanced(index, state, [])
        return block, state

    def _advanced(self, block: int, state: _State, rows: list[Row]) -> _State:
        """Live one minute: append its rows, return the state after it."""
        if block == len(self._checkpoints) * _BLOCKS_PER_CHECKPOINT:
            self._checkpoints.append(state)
        chance = self._chance(str(block))
        state = state._replace(switches=_switched(state.switches, chance))
        count = _SLOTS * _WORDS
        words = unpack(f"<{count}H", chance.getrandbits(16 * count).to_bytes(2 * count, "little"))
        start_ns = self.start_ns + block * BLOCK_NS
        if chance.getrandbits(16) >= shapes.JUMP_BELOW:
            return self._slots(state, words, start_ns, rows)
        slot = chance.getrandbits(16) % _SLOTS
        state = self._slots(state, words[: slot * _WORDS], start_ns, rows)
        state = self._jumped(state, chance)
        return self._slots(state, words[slot * _WORDS :], start_ns + slot * _SLOT_NS, rows)

    def _jumped(self, state: _State, chance: Random) -> _State:
        """The price behind the quotes leaps; the next row of the book shows it, and activity rises."""
        sigma = self._activity[shapes.MIDDLE_LEVEL].sigma * state.price >> shapes.SIGMA_BITS
        moves = shapes.MOVES[chance.getrandbits(shapes.TABLE_BITS)] * shapes.JUMP_MOVES
        distance = moves * sigma >> shapes.MOVE_BITS
        price = max(state.price + (distance if chance.getrandbits(1) else -distance), _LOWEST_PRICE)
        switches = state.switches | shapes.FAST_SWITCHES
        return state._replace(price=price, level=price >> _PRICE_BITS, heat=_HOTTEST, switches=switches)

    def _slots(self, state: _State, words: tuple[int, ...], start_ns: int, rows: list[Row]) -> _State:
        """Play the slots that `words` (eight random words of 16 bits for each) decide.

        The words of a slot: what happens, when (two bytes), how far, trade size, bid size, ask size, coins, spread.
        """
        price, level, bid, ask, bid_size, ask_size, heat, buying, switches = state
        activity = self._activity[switches.bit_count()]
        move_below, trade_below, quote_below = activity.move_below, activity.trade_below, shapes.QUOTE_BELOW
        sigma = activity.sigma * price >> shapes.SIGMA_BITS
        moves, spreads, wide_below = shapes.MOVES, self._spreads, shapes.WIDE_BELOW
        touch, trades, add = self._touch_sizes, self._trade_sizes, rows.append
        slot_ns = start_ns - _SLOT_NS
        each = iter(words)
        for event, when, far, volume, deep_bid, deep_ask, coins, wide in zip(*[each] * _WORDS, strict=True):
            slot_ns += _SLOT_NS
            heat -= heat >> 4
            at_ns = slot_ns + (when >> 8) * _MOMENT_NS
            if event < move_below + (heat >> 2):
                heat += shapes.KICK
                distance = moves[far >> 4] * sigma >> shapes.MOVE_BITS
                buying = coins & 1 == 1
                price = price + distance if buying else max(price - distance, _LOWEST_PRICE)
                if not -_STICKY <= price - (level << _PRICE_BITS) < _STICKY + _ONE_TICK:
                    level = price >> _PRICE_BITS
                if coins & 14:
                    # What is left at the touch after cancellations is taken, and now and then more beyond it.
                    touched = ask if buying else bid
                    size = 1 + ((ask_size if buying else bid_size) >> (coins >> 4 & 3))
                    add((at_ns, True, touched, touched, 0 if buying else size, size if buying else 0))
                    if coins & 64 and (level - touched > 3 if buying else touched - level > 4):
                        swept = touched + level >> 1
                        size = trades[volume >> 4]
                        add((at_ns, True, swept, swept, 0 if buying else size, size if buying else 0))
                bid_size, ask_size = touch[deep_bid >> 4], touch[deep_ask >> 4]
            elif event < trade_below + heat:
                heat += shapes.KICK
                buying = buying if coins & 3 else not buying
                if buying:
                    size = min(trades[volume >> 4], ask_size)
                    add((at_ns, True, ask, ask, 0, size))
                    ask_size = ask_size - size or touch[deep_ask >> 4]
                else:
                    size = min(trades[volume >> 4], bid_size)
                    add((at_ns, True, bid, bid, size, 0))
                    bid_size = bid_size - size or touch[deep_bid >> 4]
            elif event < quote_below or ask - bid > 1:
                if coins & 1:
                    bid_size = touch[deep_bid >> 4]
                else:
                    ask_size = touch[deep_ask >> 4]
            else:
                continue
            bid, ask = level, level + 1
            if wide < wide_below:
                bid, ask = (max(1, bid - spreads[wide]), ask) if coins & 128 else (bid, ask + spreads[wide])
            add((at_ns + _LEAST_LAG_NS + (when & 255) * _LAG_NS, False, bid, ask, bid_size, ask_size))
        return _State(price, level, bid, ask, bid_size, ask_size, heat, buying, switches)


def _switched(switches: int, chance: Random) -> int:
    """Each hidden switch is thrown anew, by a fair coin, once in its lifetime on average."""
    for bit, below in enumerate(shapes.SWITCH_BELOW):
        if chance.getrandbits(16) < below:
            switches = switches & ~(1 << bit) | chance.getrandbits(1) << bit
    return switches


def _chunk_of(rows: list[Row]) -> Chunk:
    time_ns, is_trade, low, high, low_size, high_size = zip(*rows, strict=True)
    return Chunk(list(time_ns), list(is_trade), list(low), list(high), list(low_size), list(high_size))
