"""The fill model: which own resting orders a row of market data fills, and by how much.

Both sides are written once. Each side ranks prices so that a better price has a higher rank: a bid's rank is its
price, an ask's is its price negated. Own orders are served by rank, then by age. The rules, for one side:

* *Queue.* What others have ahead of an order is the displayed size when its price is the touch, capped by what is
  displayed there later; unknown while its price is behind the touch; nothing once its price is better than the touch.
* *Trade through* (the print's rank is worse than the order's): fills, whoever was the aggressor.
* *Trade at the price*: consumes the queue ahead, then fills; only the volume of aggressors that hit this side counts.
* *Crossing quote* (the opposite best is strictly beyond the order's price): fills, at most the displayed opposite
  size that own orders have not taken already. A quote that merely touches the price fills nothing.
* Volume is handed out once: what one order took is not there for the next.
* Without queues (candles) only trades strictly through fill.

Everything is in whole units of the tape's scale. `docs/FILL_MODEL.md` explains the rules with an example.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from domain.market import Side
from markets.orders import BookOrder
from markets.rows import NOWHERE, QuoteRow

MOST_LEVELS = 100
"""How many ticks deep a taker reaches at most."""


class Displayed:
    """The displayed touch of one side, and how much of it own orders have already taken.

    The tape does not know of our trades, so what we took would still be shown. It stays taken until the touch leaves
    that price; where the shown size falls meanwhile, that is the part we took leaving.
    """

    __slots__ = ("_sign", "price", "size", "taken")

    def __init__(self, side: Side) -> None:
        self.price = 0
        self.size = 0
        self.taken = 0
        self._sign = side.sign

    def show(self, price: int, size: int) -> None:
        if self.taken:
            if price != self.price:
                self.taken = 0
            elif size < self.size:
                self.taken = max(0, self.taken - (self.size - size))
        self.price = price
        self.size = size

    @property
    def available(self) -> int:
        return max(0, self.size - self.taken)

    def ladder(self, quantity: int, limit: int | None, tick: int) -> Iterator[tuple[int, int]]:
        """Takes up to `quantity` from this side: (price, quantity) pairs, from the touch outwards, not beyond `limit`.

        Behind the touch nothing is known: each further tick is assumed to show what the touch shows. A touch of
        unknown size (0, as in candles) gives everything.
        """
        while quantity > 0:
            level, used = divmod(self.taken, self.size) if self.size else (0, 0)
            price = self.price - self._sign * level * tick
            beyond = limit is not None and (price - limit) * self._sign < 0
            if level >= MOST_LEVELS or price <= 0 or beyond:
                return
            part = min(quantity, self.size - used) if self.size else quantity
            if self.size:
                self.taken += part
            quantity -= part
            yield price, part

    def farthest(self, quantity: int, tick: int) -> int:
        """The last price that a taker of `quantity` would reach now; takes nothing."""
        level = min((self.taken + quantity - 1) // self.size, MOST_LEVELS - 1) if self.size else 0
        return self.price - self._sign * level * tick


class BookSide:
    """The own resting orders of one side, best first, and their sums, all kept in O(log n) comparisons per change.

    `best`: rank of the best order, `-NOWHERE` when empty. `reduce_only_size`: what reduce-only orders still close.
    `opening_notional`: price x remaining of the others, in price unit x size unit.
    """

    __slots__ = (
        "_fill",
        "_queues",
        "best",
        "opening_notional",
        "orders",
        "reduce_only_size",
        "requeued",
        "sign",
    )

    def __init__(self, side: Side, queues: bool, fill: Callable[[BookOrder, int], None]) -> None:
        self.sign = side.sign
        self.orders: list[BookOrder] = []
        self.best = -NOWHERE
        self.reduce_only_size = 0
        self.opening_notional = 0
        self.requeued: dict[int, BookOrder] = {}
        """Orders whose place in the queue changed since the last commit, by number."""
        self._queues = queues
        self._fill = fill

    # --- membership -------------------------------------------------------------------------------------------------

    def add(self, order: BookOrder) -> None:
        self.orders.insert(bisect_left(self.orders, self._key(order), key=self._key), order)
        self._count(order, order.remaining)
        self._find_best()

    def discard(self, order: BookOrder) -> None:
        """Take an order out, if it rests here; what remains of it no longer counts."""
        if order.price is None:
            return
        place = bisect_left(self.orders, self._key(order), key=self._key)
        if place == len(self.orders) or self.orders[place] is not order:
            return
        del self.orders[place]
        self.requeued.pop(order.number, None)
        self._count(order, -order.remaining)
        self._find_best()

    def fill(self, order: BookOrder, quantity: int) -> None:
        """Count a fill of a resting order; a complete one leaves the book."""
        self._count(order, -quantity)
        order.filled += quantity
        if not order.remaining:
            self.discard(order)

    def shrink(self, order: BookOrder, quantity: int) -> None:
        """Make a resting order smaller by `quantity`, which leaves something of it."""
        self._count(order, -quantity)
        order.quantity -= quantity

    def place_in_queue(self, order: BookOrder, touch: int, touch_size: int) -> None:
        """A newcomer joins the back of the queue shown now."""
        rank = self._rank(order)
        own_touch = touch * self.sign
        order.ahead = 0 if rank > own_touch else touch_size if rank == own_touch else None

    def at_or_better(self, price: int) -> list[BookOrder]:
        """Own orders on this side that an order of the other side at `price` would meet."""
        return self._served(price * self.sign)

    # --- market data ------------------------------------------------------------------------------------------------

    def touch(self, price: int, size: int) -> None:
        """The displayed touch of this side is now `price` with `size`."""
        rank = price * self.sign
        for order in self.orders:
            own = self._rank(order)
            if own < rank:
                return
            ahead = order.ahead
            if own > rank:
                now = 0
            elif ahead is None or ahead > size:
                now = size
            else:
                continue
            if now != ahead:
                self._requeue(order, now)

    def crossed(self, opposite: Displayed) -> None:
        """The opposite best is now beyond own orders: they fill with what it displays."""
        rank = opposite.price * self.sign
        for order in self._served(rank + 1):
            quantity = min(order.remaining, opposite.available) if order.is_live else 0
            if quantity:
                opposite.taken += quantity
                self._fill(order, quantity)

    def traded(self, price: int, volume: int, volume_here: int) -> None:
        """A trade of `volume` printed at `price`; `volume_here` of it came from aggressors that hit this side."""
        rank = price * self.sign
        taken = 0
        for order in self._served(rank if self._queues else rank + 1):
            if not order.is_live:
                continue
            if self._rank(order) > rank:
                self._requeue(order, 0)
                free = volume - taken
            elif order.ahead is None:
                continue
            else:
                left = max(0, volume_here - taken)
                passed = min(order.ahead, left)
                free = left - passed
                if passed:
                    self._requeue(order, order.ahead - passed)
            quantity = min(order.remaining, free)
            if quantity > 0:
                taken += quantity
                self._fill(order, quantity)

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _rank(self, order: BookOrder) -> int:
        assert order.price is not None, "a market order never rests"
        return order.price * self.sign

    def _key(self, order: BookOrder) -> tuple[int, int]:
        return -self._rank(order), order.number

    def _served(self, rank: int) -> list[BookOrder]:
        """The orders of this rank or better, best first; a copy, because filling one may end others."""
        if self.best < rank:
            return []
        return self.orders[: bisect_left(self.orders, (-rank, NOWHERE), key=self._key)]

    def _requeue(self, order: BookOrder, ahead: int) -> None:
        if order.ahead != ahead:
            order.ahead = ahead
            self.requeued[order.number] = order

    def _count(self, order: BookOrder, quantity: int) -> None:
        if order.reduce_only:
            self.reduce_only_size += quantity
        else:
            self.opening_notional += self._rank(order) * self.sign * quantity

    def _find_best(self) -> None:
        self.best = self._rank(self.orders[0]) if self.orders else -NOWHERE


class OwnBook:
    """All own resting orders, and the touch they stand at."""

    def __init__(self, queues: bool, fill: Callable[[BookOrder, int], None]) -> None:
        self.bids = BookSide(Side.BUY, queues, fill)
        self.asks = BookSide(Side.SELL, queues, fill)
        self.bid = Displayed(Side.BUY)
        self.ask = Displayed(Side.SELL)
        self._queues = queues

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BUY else self.asks

    def displayed(self, side: Side) -> Displayed:
        return self.bid if side is Side.BUY else self.ask

    @property
    def has_taken(self) -> bool:
        """While anything displayed counts as taken, every quote must be seen."""
        return bool(self.bid.taken or self.ask.taken)

    def sync(self, quote: QuoteRow) -> None:
        """Catch up with quiet quotes that passed unseen."""
        self.bid.show(quote.bid, quote.bid_size)
        self.ask.show(quote.ask, quote.ask_size)

    def traded(self, low: int, high: int, low_size: int, high_size: int) -> None:
        """A trade row of the tape."""
        volume = max(low_size, high_size)
        if self.bids.best >= low:
            self.bids.traded(low, volume, low_size)
        if -self.asks.best <= high:
            self.asks.traded(high, volume, high_size)

    def quoted(self, bid: int, ask: int, bid_size: int, ask_size: int) -> None:
        """A quote row of the tape. Crossing first: what crosses was there before anybody could queue again."""
        self.bid.show(bid, bid_size)
        self.ask.show(ask, ask_size)
        if not self._queues:
            return
        if self.bids.best > ask:
            self.bids.crossed(self.ask)
        if -self.asks.best < bid:
            self.asks.crossed(self.bid)
        if self.bids.best >= bid:
            self.bids.touch(bid, bid_size)
        if -self.asks.best <= ask:
            self.asks.touch(ask, ask_size)

    def take_requeued(self) -> list[BookOrder]:
        """Orders whose place in the queue changed since this was last asked."""
        requeued = [*self.bids.requeued.values(), *self.asks.requeued.values()]
        self.bids.requeued.clear()
        self.asks.requeued.clear()
        return requeued
