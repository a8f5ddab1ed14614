"""The story of a true history and of how it is heard, action by action, with what must hold after each and at the end.

An action that is impossible at the moment does nothing. After each the bot decides, and all bounds are checked.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import ClassVar

from domain.events import Fill
from domain.market import NANOSECONDS
from domain.orders import OrderStatus, Purpose
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.orders import CROSSED
from tests.support.grid import ZERO
from tests.support.grid_story import MINIMUM, check_books
from tests.support.retold import Hearing, lasting, undisturbed
from tests.support.retold_venue import TrueOrder

_STEP = Decimal("0.01")
_TICK = Decimal("0.1")
_SIGNS = {Purpose.OPEN: 1, Purpose.CLOSE: -1, Purpose.EXIT: -1}


class RetoldStory:
    def __init__(self, settings: TradingConfig) -> None:
        self.core = Hearing(settings)
        self.venue = self.core.venue
        self._filled: dict[int, Decimal] = {}
        self.core.look()
        self.core.decide()
        self.check()

    def act(self, action: str, chance: Random) -> None:
        self.ACTIONS[action](self, chance)
        self.core.decide()
        self.check()

    # --- what truly happens -------------------------------------------------------------------------------------

    def the_requests_arrive(self, chance: Random) -> None:
        for order in self.venue.travelling():
            self.venue.arrive(order, answered=chance.random() < 0.8)

    def a_request_comes_to_nothing(self, chance: Random) -> None:
        if travelling := self.venue.travelling():
            order, is_known = chance.choice(travelling), chance.random() < 0.5
            if chance.random() < 0.5:
                self.venue.lose(order, is_known=is_known)
            else:
                self.venue.refuse(order, chance.choice([CROSSED, "no"]), answered=is_known)

    def an_open_fills(self, chance: Random) -> None:
        self._trades(chance, Purpose.OPEN)

    def a_close_fills(self, chance: Random) -> None:
        self._trades(chance, Purpose.CLOSE)

    def _trades(self, chance: Random, purpose: Purpose) -> None:
        if resting := self.venue.resting(purpose):
            order = chance.choice(resting)
            self.venue.trade(order, self._part(order, chance))

    @staticmethod
    def _part(order: TrueOrder, chance: Random) -> Decimal:
        share = chance.choice([Decimal("0.1"), Decimal("0.53"), Decimal(1), Decimal(1)])
        return max(_STEP, (order.remaining * share).quantize(_STEP))

    def the_venue_ends_an_order(self, chance: Random) -> None:
        if resting := self.venue.resting():
            status = chance.choice([OrderStatus.CANCELLED, OrderStatus.EXPIRED])
            self.venue.end(chance.choice(resting), status, stated=chance.random() < 0.7)

    def the_venue_shrinks_a_close(self, chance: Random) -> None:
        if resting := self.venue.resting(Purpose.CLOSE):
            order = chance.choice(resting)
            self.venue.shrink(order, self._part(order, chance))

    def the_cancels_arrive(self, chance: Random) -> None:
        for order in self.core.cancelled():
            if chance.random() < 0.8:
                self.venue.end(order, OrderStatus.CANCELLED)
            else:
                self.venue.cancel_fails(order)

    # --- what is heard of it ------------------------------------------------------------------------------------

    def one_fact_is_heard(self, chance: Random) -> None:
        if self.core.news:
            fact, _ = self.core.news.pop(chance.randrange(len(self.core.news)))
            self.core.hear(fact)

    def all_facts_are_heard_in_any_order(self, chance: Random) -> None:
        told, self.core.news = self.core.news, []
        chance.shuffle(told)
        for fact, _ in told:
            self.core.hear(fact)

    def a_fact_is_heard_again(self, chance: Random) -> None:
        if self.core.heard:
            self.core.hear(chance.choice(self.core.heard))

    def a_fact_is_lost(self, chance: Random) -> None:
        lossy = [number for number, (_, is_answer) in enumerate(self.core.news) if not is_answer]
        if lossy:
            del self.core.news[chance.choice(lossy)]

    def an_order_is_read_and_the_answer_is_late(self, chance: Random) -> None:
        if listed := [order for order in self.venue.orders.values() if order.status is not OrderStatus.PLANNED]:
            self.venue.snapshot(chance.choice(listed))

    def the_streams_are_cut(self, chance: Random) -> None:
        del chance
        self.core.lose_streams()

    def the_process_is_killed(self, chance: Random) -> None:
        self.core.restart(requests_arrive=chance.random() < 0.5)

    # --- the bot and the world ----------------------------------------------------------------------------------

    def everything_is_looked_at(self, chance: Random) -> None:
        del chance
        self.core.look()

    def time_passes(self, chance: Random) -> None:
        self.core.now_at_ns += chance.choice([1, 5, 100, 100]) * NANOSECONDS
        self.core.mid = min(Decimal(104), max(Decimal(96), self.core.mid + chance.randint(-6, 6) * _TICK))

    ACTIONS: ClassVar[dict[str, Callable[[RetoldStory, Random], None]]] = {
        action.__name__: action
        for action in (
            the_requests_arrive,
            a_request_comes_to_nothing,
            an_open_fills,
            a_close_fills,
            the_venue_ends_an_order,
            the_venue_shrinks_a_close,
            the_cancels_arrive,
            one_fact_is_heard,
            all_facts_are_heard_in_any_order,
            a_fact_is_heard_again,
            a_fact_is_lost,
            an_order_is_read_and_the_answer_is_late,
            the_streams_are_cut,
            the_process_is_killed,
            everything_is_looked_at,
            time_passes,
        )
    }

    # --- what always holds --------------------------------------------------------------------------------------

    def check(self) -> None:
        self._totals_are_the_largest_heard_and_never_fall()
        state = self.core.state
        check_books(state)
        assert state.own == sum((order.filled * _SIGNS[order.purpose] for order in state.orders.values()), ZERO)
        assert ZERO <= state.covered <= max(ZERO, state.own)
        assert all(entry.owed >= 0 for entry in state.entries.values())
        assert len(state.live_opens) <= 1
        most = self.core.config.max_orders * self.core.config.quantity + MINIMUM
        assert state.own + state.open_exposure() < most
        assert self.venue.own + self.venue.outstanding(Purpose.OPEN) < most
        assert self.venue.outstanding(Purpose.CLOSE, Purpose.EXIT) <= max(ZERO, self.venue.own)

    def _totals_are_the_largest_heard_and_never_fall(self) -> None:
        """By a count of our own: a trade counts once, a total is the largest one, and the two are not added."""
        totals: dict[int, Decimal] = {}
        trades: dict[int, dict[str, Decimal]] = {}
        for fact in self.core.heard:
            assert fact.client_id is not None
            if isinstance(fact, Fill):
                trades.setdefault(fact.client_id, {})[fact.trade_id] = fact.quantity
            elif fact.filled is not None:
                totals[fact.client_id] = max(totals.get(fact.client_id, ZERO), fact.filled)
        for client_id, order in self.core.state.orders.items():
            traded = sum(trades.get(client_id, {}).values(), ZERO)
            assert order.traded == traded
            assert order.filled == max(totals.get(client_id, ZERO), traded)
            assert self._filled.get(client_id, ZERO) <= order.filled <= self.venue.orders[client_id].filled
            self._filled[client_id] = order.filled

    # --- the end ------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The truth is read: nothing of how it was heard is left, and nothing heard later changes it."""
        self.core.read_the_truth()
        self.check()
        well = lasting(*undisturbed(self.core))
        assert lasting(self.core.state, self.core.accounting) == well
        assert self.core.state.own == self.venue.own
        for fact in [*reversed(self.core.heard), *self.core.heard]:
            self.core.hear(fact)
        assert lasting(self.core.state, self.core.accounting) == well
