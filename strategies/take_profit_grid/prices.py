"""At what prices a grid opens and closes, and which levels it watches.

Written once for both directions: `buys` is the direction of the opening orders. Prices are quote currency per base
unit; percentages are percent.
"""

from __future__ import annotations

from decimal import Context, Decimal

from domain.market import MarketRules, PriceBand, Quote, Side
from strategies.take_profit_grid.config import OFF, TradingConfig
from strategies.take_profit_grid.situation import Draft

_EXACT = Context(prec=60)


class Prices:
    """The price rules of one configuration; `rules` changes when the venue's do."""

    def __init__(self, config: TradingConfig, rules: MarketRules) -> None:
        self.config = config
        self.rules = rules
        self.buys = config.direction is Side.BUY
        percent = config.take_profit / 100
        self._profit_factor = 1 + percent if self.buys else 1 - percent
        self._step_factor = 1 + config.grid_step / 100

    def open_price(self, quote: Quote, nearest_close: Decimal | None = None) -> Decimal:
        """The best post-only price: one tick inside the opposite touch.

        An own close nearer than that is the touch: a venue shows it in its book, a recorded market does not.
        """
        opposite = [self.touch(quote)] if nearest_close is None else [self.touch(quote), nearest_close]
        return self.tick_below(min(opposite)) if self.buys else self.tick_above(max(opposite))

    def close_price(self, fill_price: Decimal, quote: Quote | None) -> Decimal:
        """The take-profit for a fill, rounded away from loss; one tick outside the touch where it would cross."""
        return self._maker_price(_EXACT.multiply(fill_price, self._profit_factor), quote)

    def break_even_price(self, fill_price: Decimal, quote: Quote | None) -> Decimal:
        """The fill's own price, under the same two rules."""
        return self._maker_price(fill_price, quote)

    def fill_price_of(self, close_price: Decimal) -> Decimal:
        """The fill price hardest to profit from whose take-profit is no worse than a close at `close_price`."""
        if self._profit_factor <= 0:
            return close_price
        fill_price = close_price / self._profit_factor
        return self.rules.price_at_or_below(fill_price) if self.buys else self.rules.price_at_or_above(fill_price)

    def outermost(self, prices: list[Decimal]) -> Decimal:
        """Of several closing prices, the one that is worse for none of them."""
        return max(prices) if self.buys else min(prices)

    def nearest(self, prices: list[Decimal]) -> Decimal | None:
        """Of several closing prices, the one that the market reaches first."""
        if not prices:
            return None
        return min(prices) if self.buys else max(prices)

    def touch(self, quote: Quote) -> Decimal:
        """The side of the book this bot prices its opens from."""
        return quote.ask if self.buys else quote.bid

    def has_reached(self, level: Decimal, quote: Quote) -> bool:
        """Whether a stop or pause price is reached: upward for a buying bot, downward for a selling one."""
        if level == OFF:
            return False
        return quote.ask >= level if self.buys else quote.bid <= level

    def steps_enough(self, nearest_close: Decimal, quote: Quote) -> bool:
        """The grid step: lowest close / (ask (1 + tp)) > 1 + g; selling: bid (1 - tp) / highest close > 1 + g."""
        target = _EXACT.multiply(self.touch(quote), self._profit_factor)
        if self.buys:
            return nearest_close > _EXACT.multiply(target, self._step_factor)
        return target > _EXACT.multiply(nearest_close, self._step_factor)

    def is_better(self, new: Decimal, old: Decimal) -> bool:
        """Whether an open at `new` is nearer to the market than one at `old`."""
        return new > old if self.buys else new < old

    # --- what to watch ------------------------------------------------------------------------------------------

    def watch_for_better(self, open_price: Decimal, draft: Draft) -> None:
        """Be woken at the first touch at which an open could be nearer to the market than `open_price`."""
        if self.buys:
            draft.watch_above(open_price + 2 * self.rules.tick_size)
        else:
            draft.watch_below(open_price - 2 * self.rules.tick_size)

    def watch_step(self, nearest_close: Decimal, draft: Draft) -> None:
        """Be woken at the first touch at which the grid step passes; it never does with a profit of 100 % downward."""
        if self._profit_factor <= 0:
            return
        if self.buys:
            draft.watch_below(self.tick_below(nearest_close / (self._profit_factor * self._step_factor)))
        else:
            draft.watch_above(self.tick_above(nearest_close * self._step_factor / self._profit_factor))

    def watch_level(self, level: Decimal, quote: Quote, draft: Draft) -> None:
        """Be woken when the touch crosses a stop or pause price, in whichever direction matters now."""
        if level == OFF:
            return
        reached = self.has_reached(level, quote)
        if self.buys:
            draft.watch_below(self.tick_below(level)) if reached else draft.watch_above(level)
        else:
            draft.watch_above(self.tick_above(level)) if reached else draft.watch_below(level)

    def watch_for_any(self, quote: Quote | None, draft: Draft) -> None:
        """Be woken by the next quote at all: the first one, or a touch other than that of an unusable `quote`."""
        if quote is None:
            draft.watch_above(Decimal(0))
            return
        touch = self.touch(quote)
        if touch.is_finite() and touch > 0:
            draft.watch_below(self.tick_below(touch))
            draft.watch_above(self.tick_above(touch))

    def band(self, draft: Draft) -> PriceBand | None:
        if draft.low is None and draft.high is None:
            return None
        return PriceBand(Side.SELL if self.buys else Side.BUY, draft.low, draft.high)

    # --- ticks --------------------------------------------------------------------------------------------------

    def tick_below(self, level: Decimal) -> Decimal:
        """The highest valid price strictly below `level`."""
        return self.rules.price_at_or_above(level) - self.rules.tick_size

    def tick_above(self, level: Decimal) -> Decimal:
        """The lowest valid price strictly above `level`."""
        return self.rules.price_at_or_below(level) + self.rules.tick_size

    def _maker_price(self, target: Decimal, quote: Quote | None) -> Decimal:
        if self.buys:
            price = self.rules.price_at_or_above(target)
            return price if quote is None or price > quote.bid else self.tick_above(quote.bid)
        price = self.rules.price_at_or_below(target)
        return price if quote is None or price < quote.ask else self.tick_below(quote.ask)
