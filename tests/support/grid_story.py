"""The story of one grid and one venue that may do anything, and the bounds that hold after each of its steps.

Each action is one thing that a venue, a market, a person or a kill can do; one that is impossible at the moment does
nothing. After each the bot decides until it rests, and everything is held against a recomputation from scratch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import ClassVar

from domain.commands import CancelOrder, Command, Decision, LapseWaiver, PlaceClose, PlaceExit, PlaceOpen
from domain.events import ClosedOutside
from domain.market import NANOSECONDS, Quote, Side
from domain.orders import OrderFact, OrderStatus, Purpose
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import STALE_AFTER_NS
from strategies.take_profit_grid.state import GridState
from tests.support.grid import ZERO, Desk, picture, rules
from tests.support.grid_venue import GridVenue, TrueOrder

MINIMUM = Decimal("0.1")
_TICK = Decimal("0.1")
_MOST_ROUNDS = 12
"""A cover, an open, lapses and cancels of one moment come in a few rounds."""


def quote_of(desk: Desk) -> Quote:
    return Quote(desk.bid, Decimal(5), desk.ask, Decimal(5), desk.now_ns - desk.quote_age_ns)


def decided(desk: Desk) -> Decision:
    """One decision, which changed nothing, was the only one possible, and stays inside every bound."""
    before = picture(desk.state)
    decision = desk.decide()
    assert picture(desk.state) == before
    assert desk.decide() == decision
    usable = desk.quote_age_ns <= STALE_AFTER_NS
    if decision.band is not None and usable:
        assert decision.band.contains(quote_of(desk))
    assert decision.wake_ns is None or decision.wake_ns > desk.now_ns
    closes = [command for command in decision.commands if isinstance(command, PlaceClose)]
    for command in decision.commands:
        _check(desk, command, closes, usable=usable)
    opens = [command for command in decision.commands if isinstance(command, PlaceOpen)]
    assert len(opens) <= 1
    assert not (opens and (decision.holds or desk.state.live_opens))
    assert not any(isinstance(command, LapseWaiver) for command in decision.commands) or decision.holds
    return decision


def _check(desk: Desk, command: Command, decided_closes: list[PlaceClose], *, usable: bool) -> None:
    market, buys = desk.grid.rules, desk.config.direction is Side.BUY
    match command:
        case PlaceOpen():
            assert market.refusal(command.price, command.quantity) is None
            assert usable
            closes = [order.price for order in desk.closes() if order.price is not None]
            closes += [close.price for close in decided_closes]
            inside = min([desk.ask, *closes]) if buys else max([desk.bid, *closes])
            assert command.price == (inside - market.tick_size if buys else inside + market.tick_size)
        case PlaceClose():
            assert market.refusal(command.price, command.quantity) is None
            assert command.quantity == sum((part.quantity for part in command.parts), ZERO)
            worst = [desk.state.entries[part.entry_id].worst_price or ZERO for part in command.parts]
            percent = ZERO if desk.config.boost_mode else desk.config.take_profit / 100
            if buys:
                assert command.price >= max(worst) * (1 + percent)
                assert not usable or command.price > desk.bid
            else:
                assert command.price <= min(worst) * (1 - percent)
                assert not usable or command.price < desk.ask
        case PlaceExit():
            assert market.refusal(None, command.quantity) is None
            assert command.quantity == sum((part.quantity for part in command.parts), ZERO)
        case CancelOrder():
            assert desk.state.live[command.client_id].status is OrderStatus.OPEN


def check_books(state: GridState) -> None:
    """Every index and every sum, against what the orders and entries say."""
    live = {client_id: order for client_id, order in state.orders.items() if order.is_live}
    closing = [order for order in live.values() if order.purpose is not Purpose.OPEN]
    claims: dict[int, Decimal] = defaultdict(Decimal)
    for order in closing:
        for claim in order.claims:
            claims[claim.entry_id] += claim.quantity
        assert order.claimed == order.remaining
    assert state.live == live
    assert state.live_opens == {key: order for key, order in live.items() if order.purpose is Purpose.OPEN}
    assert {key: entry.covering for key, entry in state.entries.items() if entry.covering} == {
        key: quantity for key, quantity in claims.items() if quantity
    }
    assert state.covered == sum((order.remaining for order in closing), ZERO)
    assert state.unclosed == {key for key, entry in state.entries.items() if entry.to_close > 0}
    assert set(state.owing) == {key for key, entry in state.entries.items() if entry.owed != 0}
    assert all(ZERO <= entry.returned <= max(ZERO, entry.owed) for entry in state.entries.values())
    prices = [order.price for order in closing if order.price is not None]
    nearest = None if not prices else min(prices) if state.side is Side.BUY else max(prices)
    assert state.outermost_close() == nearest
    for entry in state.entries.values():
        assert entry.live_opens or entry.to_close > 0 or entry.covering or entry.entry_id == state.replacing
        opens = [order for order in state.live_opens.values() if order.entry_id == entry.entry_id]
        assert entry.live_opens == len(opens)


class Story:
    def __init__(self, settings: TradingConfig) -> None:
        self.desk = Desk(settings, rules(min_quantity=str(MINIMUM)))
        self.venue = GridVenue(self.desk)
        self.check()

    def act(self, action: str, chance: Random) -> None:
        self.ACTIONS[action](self, chance)
        self.check()

    def settle(self) -> None:
        wanted: list[Command] = []
        for _ in range(_MOST_ROUNDS):
            commands = decided(self.desk).commands
            if not commands:
                return
            for command in commands:
                self.venue.perform(command)
            wanted.extend(commands)
        raise AssertionError(f"does not come to rest: {wanted[-5:]}")

    def resting(self, *purposes: Purpose) -> list[TrueOrder]:
        return [order for order in self.venue.true.values() if order.rests and order.purpose in (purposes or Purpose)]

    def travelling(self) -> list[TrueOrder]:
        return [order for order in self.venue.true.values() if not order.arrived and not order.end]

    # --- requests arrive, or do not -----------------------------------------------------------------------------

    def all_requests_arrive(self, chance: Random) -> None:
        del chance
        for order in self.travelling():
            self.venue.arrive(order, refused=False)
        self.venue.deliver_all()

    def a_request_arrives(self, chance: Random) -> None:
        if orders := self.travelling():
            self.venue.arrive(chance.choice(orders), refused=chance.random() < 0.2)

    def a_request_gets_lost(self, chance: Random) -> None:
        if orders := self.travelling():
            order = chance.choice(orders)
            order.end = "lost"
            self.venue.tell(order, chance.choice([OrderFact.NEVER_PLACED, OrderFact.OUTCOME_UNKNOWN]))

    def an_answer_gets_lost(self, chance: Random) -> None:
        if orders := self.travelling():
            self.venue.tell(chance.choice(orders), OrderFact.OUTCOME_UNKNOWN)

    def a_cancel_arrives(self, chance: Random) -> None:
        if self.venue.cancels:
            client_id = chance.choice(self.venue.cancels)
            fails = chance.random() < 0.2
            self.venue.fail_cancel(client_id) if fails else self.venue.take_cancel(client_id)

    # --- orders live and end ------------------------------------------------------------------------------------

    def an_open_fills(self, chance: Random) -> None:
        self._fills(chance, Purpose.OPEN)

    def a_close_fills(self, chance: Random) -> None:
        self._fills(chance, Purpose.CLOSE)

    def _fills(self, chance: Random, *purposes: Purpose) -> None:
        if orders := self.resting(*purposes):
            order = chance.choice(orders)
            self.venue.trade(order, order.remaining, as_trade=True, as_total=True)
            self.venue.deliver_all()

    def an_order_trades(self, chance: Random) -> None:
        if orders := self.resting():
            order = chance.choice(orders)
            part = self._part_of(order.remaining, chance) or order.remaining
            told = chance.choice(["trade", "total", "both"])
            self.venue.trade(order, part, as_trade=told != "total", as_total=told != "trade")

    def the_venue_ends_an_order(self, chance: Random) -> None:
        if orders := self.resting():
            how = chance.choice(["cancelled", "expired"])
            self.venue.end(chance.choice(orders), how, stated=chance.random() < 0.8)

    def the_venue_shrinks_a_close(self, chance: Random) -> None:
        if orders := self.resting(Purpose.CLOSE):
            order = chance.choice(orders)
            part = self._part_of(order.remaining, chance)
            if part:
                order.quantity = order.filled + part
                self.venue.tell(order, OrderFact.ACCEPTED, filled=order.filled, quantity=order.quantity)

    def _part_of(self, quantity: Decimal, chance: Random) -> Decimal:
        return self.desk.grid.rules.quantity_at_or_below(quantity * chance.randint(1, 20) / 20)

    # --- news travels -------------------------------------------------------------------------------------------

    def some_news_comes(self, chance: Random) -> None:
        if self.venue.news:
            self.venue.deliver(chance.randrange(len(self.venue.news)), again=chance.random() < 0.3)

    def all_news_comes(self, chance: Random) -> None:
        chance.shuffle(self.venue.news)
        self.venue.deliver_all()

    def an_order_is_asked_about(self, chance: Random) -> None:
        if orders := [order for order in self.venue.true.values() if self.venue.is_doubtful(order)]:
            self.venue.ask(chance.choice(orders))

    def the_venue_is_looked_at(self, chance: Random) -> None:
        del chance
        self.venue.look()

    # --- the world ----------------------------------------------------------------------------------------------

    def time_passes(self, chance: Random) -> None:
        self.desk.pass_time(chance.choice([1, 11, 60]))
        self.desk.quote_age_ns = chance.choice([0, 0, 0, 3, 11]) * NANOSECONDS
        self.desk.bid = min(Decimal(104), max(Decimal(96), self.desk.bid + chance.randint(-8, 8) * _TICK))
        self.desk.ask = self.desk.bid + chance.randint(1, 3) * _TICK

    def an_hour_passes(self, chance: Random) -> None:
        self.desk.pass_time(3600)
        self.desk.quote_age_ns = 0

    def streams_come_and_go(self, chance: Random) -> None:
        connected = not self.desk.situation.connected or chance.random() < 0.2
        self.desk.see(connected=connected, look=self.desk.situation.look if connected else None)

    def somebody_else_closes(self, chance: Random) -> None:
        """And looks find it."""
        self.venue.look()
        part = self._part_of(max(ZERO, self.venue.position), chance)
        if part and self.desk.state.own == self.venue.position:
            self.venue.touched = True
            self.venue.position -= part
            self.desk.note(ClosedOutside(self.desk.now_ns, part))
            self.venue.look()

    def the_process_is_killed(self, chance: Random) -> None:
        del chance
        self.venue.restart()

    ACTIONS: ClassVar[dict[str, Callable[[Story, Random], None]]] = {
        action.__name__: action
        for action in (
            all_requests_arrive,
            a_request_arrives,
            a_request_gets_lost,
            an_answer_gets_lost,
            a_cancel_arrives,
            an_open_fills,
            a_close_fills,
            an_order_trades,
            the_venue_ends_an_order,
            the_venue_shrinks_a_close,
            some_news_comes,
            all_news_comes,
            an_order_is_asked_about,
            the_venue_is_looked_at,
            time_passes,
            an_hour_passes,
            streams_come_and_go,
            somebody_else_closes,
            the_process_is_killed,
        )
    }

    # --- what always holds --------------------------------------------------------------------------------------

    def check(self) -> None:
        self.settle()
        check_books(self.desk.state)
        self._entries_add_up_to_the_position()
        self._the_exposure_is_bounded()
        self._nothing_is_covered_twice()
        self._a_replay_is_the_life()

    def _entries_add_up_to_the_position(self) -> None:
        state = self.desk.state
        if not self.venue.touched and not self.venue.surprised:
            assert sum((entry.to_close for entry in state.entries.values()), ZERO) == state.own

    def _the_exposure_is_bounded(self) -> None:
        state, most = self.desk.state, self.desk.config.max_orders * self.desk.config.quantity
        if not self.venue.surprised:
            assert len(state.live_opens) <= 1
            assert state.own + state.open_exposure() < most + MINIMUM

    def _nothing_is_covered_twice(self) -> None:
        """Unless something was heard of late; then a close is on its way out, or cannot be cancelled yet."""
        state = self.desk.state
        if state.covered > max(ZERO, state.own):
            closing = [order for order in state.live.values() if order.purpose is not Purpose.OPEN]
            assert any(order.status is not OrderStatus.OPEN or order.cancel_failures for order in closing)
            assert self.venue.surprised or self.venue.touched

    def _a_replay_is_the_life(self) -> None:
        again = GridState(self.desk.config.direction)
        for record in self.desk.records:
            again.apply(record)
        assert picture(again) == picture(self.desk.state)

    # --- the end ------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Once the venue behaves, everything is covered that can be, once."""
        self.desk.see(connected=True, trouble="no more opens: the story ends")
        self.desk.quote_age_ns = 0
        for _ in range(8):
            self.settle()
            self._behave()
            self.desk.pass_time(3)
            self.venue.look()
        self.settle()
        self._behave()
        self._is_healed()

    def _behave(self) -> None:
        for client_id in list(self.venue.cancels):
            self.venue.take_cancel(client_id)
        for order in self.travelling():
            self.venue.arrive(order, refused=False)
        self.venue.deliver_all()

    def _is_healed(self) -> None:
        state = self.desk.state
        check_books(state)
        assert state.own == self.venue.position
        resting = sum((order.remaining for order in self.resting(Purpose.CLOSE)), ZERO)
        assert state.covered == resting
        assert ZERO <= max(ZERO, state.own) - resting < MINIMUM
        assert all(state.entries[entry_id].owed > 0 for entry_id in state.owing)
