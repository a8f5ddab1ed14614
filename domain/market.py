"""What a market is: sides, quotes, and the rules every order must satisfy.

Prices are in quote currency per base unit, quantities in base units, times in integer nanoseconds since the Unix
epoch. Money is `Decimal`; rounding always names its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

NANOSECONDS = 1_000_000_000


class Side(StrEnum):
    """The side of an order; as a direction, the side of a bot's opening orders."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: what one unit does to a signed position."""
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer, and the moment the holder last knew them to be current."""

    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    as_of_ns: int

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2

    @property
    def is_usable(self) -> bool:
        """A crossed, empty or non-finite book prices nothing."""
        return self.bid.is_finite() and self.ask.is_finite() and Decimal(0) < self.bid < self.ask


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Quotes that need no fresh look: those whose watched touch lies strictly between `low` and `high`.

    `touch` SELL watches the best ask (what a buying bot prices from), BUY the best bid. A bound of None is unbounded. A
    client wakes its owner at the first quote outside: `price <= low` or `price >= high`.
    """

    touch: Side
    low: Decimal | None = None
    high: Decimal | None = None

    def contains(self, quote: Quote) -> bool:
        price = quote.ask if self.touch is Side.SELL else quote.bid
        return (self.low is None or price > self.low) and (self.high is None or price < self.high)


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What the venue demands of an order in one market.

    `maker_fee_rate` and `taker_fee_rate` are fractions of notional (0.0005 is 0.05 %); negative is a rebate.
    `min_notional` of 0 means the venue states none.
    """

    ticker: str
    contract_id: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal = Decimal(0)
    maker_fee_rate: Decimal = Decimal(0)
    taker_fee_rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in ("tick_size", "quantity_step", "min_quantity"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{name} of {self.ticker} must be a positive number, not {value}")

    def price_at_or_below(self, target: Decimal) -> Decimal:
        """The highest valid price not above `target`."""
        return (target / self.tick_size).to_integral_value(ROUND_FLOOR) * self.tick_size

    def price_at_or_above(self, target: Decimal) -> Decimal:
        """The lowest valid price not below `target`."""
        return (target / self.tick_size).to_integral_value(ROUND_CEILING) * self.tick_size

    def quantity_at_or_below(self, target: Decimal) -> Decimal:
        """The largest multiple of the quantity step not above `target`."""
        return (target / self.quantity_step).to_integral_value(ROUND_FLOOR) * self.quantity_step

    def refusal(self, price: Decimal | None, quantity: Decimal) -> str | None:
        """Why an order of this price (None: market) and quantity breaks the rules; None when it does not."""
        if not quantity.is_finite() or quantity <= 0:
            return f"quantity {quantity} is not positive"
        if quantity % self.quantity_step:
            return f"quantity {quantity} is not a multiple of the step {self.quantity_step}"
        if quantity < self.min_quantity:
            return f"quantity {quantity} is below the minimum {self.min_quantity}"
        if price is None:
            return None
        if not price.is_finite() or price <= 0:
            return f"price {price} is not positive"
        if price % self.tick_size:
            return f"price {price} is not a multiple of the tick {self.tick_size}"
        if price * quantity < self.min_notional:
            return f"notional {price * quantity} is below the minimum {self.min_notional}"
        return None
