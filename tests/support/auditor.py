"""An auditor outside the bot: reads only what the venue commits, and checks after every step what must always hold."""

from __future__ import annotations

from decimal import Decimal

from domain.events import Fill, FundingPayment, Liquidity
from domain.market import NANOSECONDS, MarketRules
from markets.orders import BookOrder, Reason
from markets.store import AccountRecord, AccountStore, Step
from markets.tape import TapeScale
from strategies.take_profit_grid.config import TradingConfig

ZERO = Decimal(0)


class AuditedStore:
    """Keeps the account as `inner` does, and shows every step to the auditor."""

    def __init__(self, inner: AccountStore, auditor: Auditor) -> None:
        self._inner = inner
        self._auditor = auditor

    def load(self) -> tuple[AccountRecord, list[BookOrder]] | None:
        return self._inner.load()

    def commit(self, step: Step) -> None:
        self._inner.commit(step)
        self._auditor.see(step)

    def knows(self, client_id: int) -> bool:
        return self._inner.knows(client_id)

    def by_client_id(self, client_id: int) -> BookOrder | None:
        return self._inner.by_client_id(client_id)

    def by_number(self, number: int) -> BookOrder | None:
        return self._inner.by_number(number)

    def fills_since(self, since_ns: int) -> list[Fill]:
        return self._inner.fills_since(since_ns)

    def payments_since(self, since_ns: int) -> list[FundingPayment]:
        return self._inner.payments_since(since_ns)


class Auditor:
    """Own quantities are in base units and in the bot's direction; `violations` is what was found wrong, in order.
    """

    def __init__(self, config: TradingConfig, rules: MarketRules, scale: TapeScale) -> None:
        self.violations: list[str] = []
        self.fills: list[Fill] = []
        """Of own orders."""
        self.own = ZERO
        self.outside = ZERO
        """What others made of the position: signed, and not in the bot's direction."""
        self.was_touched = False
        """Somebody else, or the venue itself, traded on this account."""
        self.allows_exits = config.boost_mode
        self.checks_prices = True
        """After every step; the one check whose cost grows with all orders that ever were."""
        self.rules = rules
        """To be replaced when the venue's rules change."""
        self._config = config
        self._scale = scale
        self._orders: dict[int, BookOrder] = {}
        self._live: dict[int, BookOrder] = {}
        self._first_quantity: dict[int, int] = {}
        self._bare_since_ns: int | None = None
        self._longest_bare_ns = 0
        self._now_ns = 0

    # --- what tests ask ---------------------------------------------------------------------------------------------

    @property
    def opens(self) -> list[BookOrder]:
        return [order for order in self._live.values() if order.side is self._config.direction]

    @property
    def closes(self) -> list[BookOrder]:
        return [order for order in self._live.values() if order.side is self._config.close_side]

    @property
    def covered(self) -> Decimal:
        return self._sum(self.closes)

    @property
    def bare(self) -> Decimal:
        return self.own - self.covered

    def longest_bare_s(self, now_ns: int) -> float:
        """How long at most an own quantity that could have been closed had no close."""
        open_ns = 0 if self._bare_since_ns is None else now_ns - self._bare_since_ns
        return max(self._longest_bare_ns, open_ns) / NANOSECONDS

    def forget_bare_time(self) -> None:
        """From here on, anew: after a time in which nobody could cover anything."""
        self._longest_bare_ns = 0
        if self._bare_since_ns is not None:
            self._bare_since_ns = self._now_ns

    # --- the checks -------------------------------------------------------------------------------------------------

    def see(self, step: Step) -> None:
        self._now_ns = step.record.now_ns
        self.was_touched = self.was_touched or any(fill.client_id is None for fill in step.fills)
        for order in step.orders:
            self._see_order(order)
        for fill in step.fills:
            self._see_fill(fill)
        own = self._scale.size_unit * step.record.position - self.outside
        self._demand(own == self.own * self._config.direction.sign, f"own fills make {self.own}, the position {own}")
        self._check_exposure()
        if self.checks_prices and step.orders:
            self.check_close_prices()
        self._watch_the_bare()

    def _see_order(self, order: BookOrder) -> None:
        is_new = order.number not in self._orders
        self._orders[order.number] = order
        first = self._first_quantity.setdefault(order.number, order.quantity)
        if order.client_id is None:
            ended_by_us = order.reason == Reason.CANCELLED_BY_OWNER
            self._demand(not ended_by_us, f"the foreign order {order.number} was cancelled")
            return
        if is_new:
            self._see_new(order)
        if order.is_live:
            self._live[order.number] = order
        else:
            self._live.pop(order.number, None)
        trimmed = order.quantity != first or order.reason == Reason.REDUCE_ONLY
        self._demand(self.was_touched or not trimmed, f"{order.number} covered more than the position")
        # In boost mode a market order leaves at once, and takes the rest of its own open away where that is the touch.
        met_own = order.reason == Reason.SELF_TRADE and not self._config.boost_mode
        self._demand(not met_own, f"{order.number} met an own order")

    def _see_new(self, order: BookOrder) -> None:
        if order.price is None:
            self._demand(self.allows_exits, f"the market order {order.number} was not called for")
            self._demand(order.side is self._config.close_side, f"the market order {order.number} opens")
            return
        self._demand(order.post_only, f"{order.number} is not post-only")
        price, tick = self._scale.price_unit * order.price, self.rules.tick_size
        quantity = self._scale.size_unit * order.quantity
        self._demand(not price % tick, f"{order.number} at {price} is off the tick {tick}")
        self._demand(quantity >= self.rules.min_quantity, f"{order.number} of {quantity} is below the minimum")

    def _see_fill(self, fill: Fill) -> None:
        if fill.client_id is None:
            self.outside += fill.quantity * fill.side.sign
            return
        self.fills.append(fill)
        before = self.own
        self.own += fill.quantity * fill.side.sign * self._config.direction.sign
        order = self._orders[int(fill.order_id)]
        if order.price is not None:
            self._demand(fill.liquidity is Liquidity.MAKER, f"order {fill.order_id} took liquidity")
        self._demand(before == 0 or self.own >= 0, f"order {fill.order_id} turned the position over to {self.own}")

    def _check_exposure(self) -> None:
        opening, quantity = self._sum(self.opens), self._config.quantity
        most = self._config.max_orders * quantity + self.rules.min_quantity
        self._demand(self.own + opening <= most, f"exposure {self.own} + {opening} is above {most}")
        self._demand(len(self.opens) <= 1, f"{len(self.opens)} opens rest at once")
        self._demand(self.covered <= max(ZERO, self.own), f"closes of {self.covered} rest on a position of {self.own}")

    def check_close_prices(self) -> None:
        """Every close can be given fills of its own which it closes at their take-profit or better."""
        tp = ZERO if self._config.boost_mode else self._config.take_profit / 100
        sign = self._config.direction.sign
        amounts: list[tuple[Decimal, int, Decimal]] = []
        for fill in self.fills:
            if fill.side is self._config.direction:
                amounts.append((sign * fill.price * (1 + sign * tp), 0, fill.quantity))
        for order in self._orders.values():
            if order.client_id is not None and order.side is self._config.close_side and order.price is not None:
                units = order.filled + (order.remaining if order.is_live else 0)
                amounts.append((sign * order.price * self._scale.price_unit, 1, self._scale.size_unit * units))
        available = ZERO
        for level, is_close, quantity in sorted(amounts):
            available += -quantity if is_close else quantity
            self._demand(available >= 0, f"closes up to {level * sign} are {-available} more than the fills below")

    def _watch_the_bare(self) -> None:
        if self.bare >= self.rules.min_quantity:
            if self._bare_since_ns is None:
                self._bare_since_ns = self._now_ns
        elif self._bare_since_ns is not None:
            self._longest_bare_ns = max(self._longest_bare_ns, self._now_ns - self._bare_since_ns)
            self._bare_since_ns = None

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _sum(self, orders: list[BookOrder]) -> Decimal:
        return self._scale.size_unit * sum(order.remaining for order in orders)

    def _demand(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.violations.append(f"{otherwise} (venue time {self._now_ns})")

