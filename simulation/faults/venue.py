"""Faults at the venue's edge: what it refuses, what it says wrongly, and what others do on the account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.market import NANOSECONDS, Quote, Side
from markets.orders import NewOrder, OrderState, Reason, Refusal
from simulation.faults.base import Place, Timed, seconds
from simulation.observed import OutsideChange
from simulation.scribe import SETTLES_NS

if TYPE_CHECKING:
    from simulation.life import Household

_ZERO = Decimal(0)
_HIDDEN_AT_MOST_NS = 8 * NANOSECONDS
_LISTED_FOR_NS = 60 * NANOSECONDS
"""Where lists are all that tells of an order: how long one is missing at the most, and how long none is afterwards."""


class VenueFault(Timed):
    """Wrong for a while at a time, `rate` times an hour."""

    place = Place.VENUE
    low, high = 2.0, 20.0

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._until_ns = 0

    def is_on(self, home: Household) -> bool:
        return home.world.now_ns < self._until_ns and not home.is_calm

    def _turn_on(self, home: Household, lasting_ns: int, settles_ns: int = SETTLES_NS) -> None:
        home.scribe.disturb(self.name, lasting_ns, settles_ns)
        self._until_ns = home.world.now_ns + lasting_ns

    def refusal(self, request: NewOrder, home: Household) -> Refusal | None:  # noqa: ARG002 - here and below
        return None

    def hides(self, order: OrderState, home: Household) -> bool:  # noqa: ARG002
        return False

    def position(self, told: Decimal, home: Household) -> Decimal:  # noqa: ARG002
        return told

    def quote(self, shown: Quote | None, home: Household) -> Quote | None:  # noqa: ARG002
        return shown


class OrdersRefused(VenueFault):
    """For a while no order is taken: no margin, as the venue says, or nothing but closes."""

    name = "orders_refused"
    covers = (6, 7, 10, 16, 38, 63)

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns, also_closes = seconds(self.chance, 0.5, 90), self.chance.random() < 0.6

        def act() -> None:
            self._also_closes = also_closes
            self._turn_on(home, lasting_ns, settles_ns=0)  # Whoever is refused knows it.

        return act

    def refusal(self, request: NewOrder, home: Household) -> Refusal | None:
        if not self.is_on(home) or (request.reduce_only and not self._also_closes):
            return None
        return Refusal(Reason.INSUFFICIENT_MARGIN, "the account has no margin left for this order")


class OrderHidden(VenueFault):
    """A resting order is missing from the list of open orders; it is found by its id.

    Where no order can be asked for by its id, the list is all there is: there it comes back before whoever asks may
    believe that the order never arrived, and is not missing again soon.
    """

    name = "order_hidden"
    covers = (34, 35)

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns, pick = seconds(self.chance, 0.5, 20), self.chance.random()

        def act() -> None:
            resting = home.world.venue.true_open_orders()
            only_listed = home.world.only_lists_orders
            if not resting or (only_listed and home.world.now_ns < self._until_ns + _LISTED_FOR_NS):
                return
            self._hidden = resting[int(pick * len(resting))].order_id
            self._turn_on(home, min(lasting_ns, _HIDDEN_AT_MOST_NS) if only_listed else lasting_ns)

        return act

    def hides(self, order: OrderState, home: Household) -> bool:
        return self.is_on(home) and order.order_id == self._hidden


class PositionZeroOnce(VenueFault):
    """When it is asked next, and for a second from then on, the venue says that there is no position."""

    name = "position_zero_once"
    covers = (64, 65, 66)

    def __init__(self, *how: object) -> None:
        super().__init__(*how)
        self._next_ns = 0
        """How long the next lie lasts."""

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 0.05, 1.2)

        def act() -> None:
            if home.storm.lies.are_over(home.world.now_ns):
                self._next_ns = lasting_ns

        return act

    def position(self, told: Decimal, home: Household) -> Decimal:
        if self._next_ns and not home.is_calm and home.storm.lies.tell(home.world.now_ns):
            self._turn_on(home, self._next_ns)
            self._next_ns = 0
        return _ZERO if self.is_on(home) else told


class BookCrossed(VenueFault):
    """The book is crossed for a while: the bid above the ask."""

    name = "book_crossed"
    covers = (54, 56)

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 0.3, 20)

        def act() -> None:
            self._turn_on(home, lasting_ns)
            home.world.show_touch()
            home.world.stage.at(self._until_ns, home.world.show_touch)

        return act

    def quote(self, shown: Quote | None, home: Household) -> Quote | None:
        if shown is None or not self.is_on(home):
            return shown
        return replace(shown, bid=shown.ask, ask=shown.bid)


class OutsideFault(Timed):
    """Somebody else acts on the account, or the venue does; `rate` times an hour."""

    place = Place.VENUE
    low, high = 0.5, 6.0

    def _told(self, home: Household) -> None:
        home.scribe.tell(OutsideChange(self.name))
        home.scribe.disturb(self.name, 10 * NANOSECONDS)


class HandTrade(OutsideFault):
    """The account's owner trades by hand: takes from the position, or adds to it."""

    name = "hand_trade"
    covers = (67, 71)
    low, high = 1.0, 20.0

    def draw(self, home: Household) -> Callable[[], None]:
        share, side = self.chance.choice([0.1, 0.5, 1.0, 1.0, 2.0, 4.0]), self.chance.choice(list(Side))

        def act() -> None:
            position, rules = home.world.venue.true_position, home.world.venue.rules
            wanted = abs(position) * Decimal(str(share)) or rules.min_quantity
            quantity = max(rules.quantity_at_or_below(wanted), rules.min_quantity)
            reducing = Side.SELL if position > 0 else Side.BUY
            self._told(home)
            home.world.trade_by_hand(reducing if share <= 1 else side, quantity)

        return act


class Liquidated(OutsideFault):
    """The venue itself closes the position or a part of it: a liquidation, which ends every order, or a deleveraging,
    which leaves them resting."""

    name = "liquidated"
    covers = (69,)
    low, high = 0.2, 1.0

    def draw(self, home: Household) -> Callable[[], None]:
        share, ends_orders = self.chance.choice(["0.1", "0.5", "1", "1"]), self.chance.random() < 0.6

        def act() -> None:
            held, rules = abs(home.world.venue.true_position), home.world.venue.rules
            part = rules.quantity_at_or_below(held * Decimal(share))
            quantity = held if share == "1" else max(part, rules.min_quantity)
            if held:
                home.scribe.tell(OutsideChange(self.name))
                home.world.liquidate(quantity, ends_orders=ends_orders)

        return act


class ForeignOrders(OutsideFault):
    """Somebody else's order rests on the same account, and may trade."""

    name = "foreign_orders"
    covers = (68, 14)

    def draw(self, home: Household) -> Callable[[], None]:
        side, ticks = self.chance.choice(list(Side)), self.chance.choice([3, 20, 400])

        def act() -> None:
            quote, rules = home.world.venue.quote_as_of(home.world.now_ns), home.world.venue.rules
            if quote is not None and quote.is_usable:
                own = quote.bid if side is Side.BUY else quote.ask
                price = rules.price_at_or_below(own - side.sign * ticks * rules.tick_size)
                home.scribe.tell(OutsideChange(self.name))
                home.world.place_by_hand(side, max(rules.min_quantity, _least(rules.min_notional, price)), price)

        return act


def _least(notional: Decimal, price: Decimal) -> Decimal:
    return notional / price if price > 0 else _ZERO


class VenueCancels(OutsideFault):
    """The venue ends one of the resting orders: expired, or for its own reasons."""

    name = "venue_cancels"
    covers = (12, 36, 37)
    low, high = 2.0, 30.0

    def draw(self, home: Household) -> Callable[[], None]:
        pick, expired = self.chance.random(), self.chance.random() < 0.5

        def act() -> None:
            resting = home.world.venue.true_open_orders()
            if resting:
                chosen = resting[int(pick * len(resting))]
                reason = Reason.EXPIRED if expired else Reason.SELF_TRADE
                home.scribe.tell(OutsideChange(self.name))
                home.world.end_by_venue(chosen.order_id, reason, expired=expired)

        return act


class RulesMove(OutsideFault):
    """Tick, step or minimum change under the bot."""

    name = "rules_move"
    covers = (57, 58, 59)

    def draw(self, home: Household) -> Callable[[], None]:
        what, factor = self.chance.choice(["tick", "tick", "step", "min"]), self.chance.choice([2, 5, 10])

        def act() -> None:
            world = home.world
            rules, first = world.venue.rules, home.first_rules
            if what == "tick":
                tick = first.tick_size if rules.tick_size != first.tick_size else first.tick_size * factor
                rules = replace(rules, tick_size=tick)
            elif what == "step":
                step = first.quantity_step if rules.quantity_step != first.quantity_step else first.quantity_step * 2
                rules = replace(rules, quantity_step=step)
            else:
                least = first.min_quantity if rules.min_quantity != first.min_quantity else first.min_quantity * 2
                rules = replace(rules, min_quantity=least)
            if not world.can_list(rules):
                return
            home.scribe.tell(OutsideChange(self.name))
            home.scribe.disturb(self.name, 60 * NANOSECONDS)
            world.change_rules(rules)

        return act
