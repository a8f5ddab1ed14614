"""Renewal: where the venue ends a resting order by its age, a close is replaced before that, one at a time.

A close that is about to reach its age is cancelled; what it had not closed is then owed again and is covered like
anything a venue gave back, once the venue has told what filled meanwhile. So there are never two closes for one
quantity, and a fill that races the cancel counts once.
"""

from __future__ import annotations

from domain.commands import PlaceClose, PlaceExit
from domain.market import NANOSECONDS, Quote
from domain.orders import OrderStatus, Purpose
from strategies.take_profit_grid.covering import cancel
from strategies.take_profit_grid.orders import Order
from strategies.take_profit_grid.prices import Prices
from strategies.take_profit_grid.situation import Draft, Situation
from strategies.take_profit_grid.state import GridState

RENEW = "renewed before the exchange ends it"
_AHEAD = 10
"""An order is renewed when one part in so many of its life is left."""


class Renewal:
    """`order_life_s`: seconds after which the venue ends a resting order; None where it never does."""

    def __init__(self, prices: Prices, order_life_s: int | None) -> None:
        self._prices = prices
        self._renewed_after_ns = None if order_life_s is None else order_life_s * NANOSECONDS * (_AHEAD - 1) // _AHEAD

    def tend(self, state: GridState, situation: Situation, quote: Quote | None, draft: Draft) -> None:
        """Cancel the oldest close that is due. Orders live in the order in which they were sent, so that the walk ends
        at the first one that is not due."""
        if self._renewed_after_ns is None or not _is_calm(state, situation, quote):
            return
        for order in state.live.values():
            if not self._can_be_replaced(order):
                continue
            due_ns = order.intended_ns + self._renewed_after_ns
            if situation.now_ns < due_ns:
                draft.wake_at(due_ns)
                return
            if not _is_settled(state, draft):
                return
            wanted = len(draft.commands)
            cancel(order, RENEW, situation, draft)
            if len(draft.commands) > wanted:
                return

    def _can_be_replaced(self, order: Order) -> bool:
        """A close whose rest is below the venue's minimum is better left alone: it could not be placed again."""
        if order.purpose is not Purpose.CLOSE:
            return False
        return self._prices.rules.refusal(order.price, order.remaining) is None


def _is_calm(state: GridState, situation: Situation, quote: Quote | None) -> bool:
    """Whether what is cancelled now could be covered again at once."""
    is_ending = situation.stopping is not None or state.halted is not None
    is_blind = quote is None or not situation.connected or situation.look_failed or situation.recovering
    return not (is_ending or is_blind or situation.trouble or state.failures[Purpose.CLOSE].count)


def _is_settled(state: GridState, draft: Draft) -> bool:
    """Whether nothing is bare, and every close is known to rest."""
    if draft.needs_look or any(isinstance(command, PlaceClose | PlaceExit) for command in draft.commands):
        return False
    return all(order.status is OrderStatus.OPEN for order in state.live.values() if order.purpose is not Purpose.OPEN)
