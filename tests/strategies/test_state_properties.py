"""The grid's book-keeping, whatever a venue does: one machine of every fault, and its bounds after each step.

Every step of the machine ends in a decision that is checked by itself (`decided`); the invariants then hold the state
against a recomputation from scratch.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.commands import CancelOrder, Command, Decision, LapseWaiver, PlaceClose, PlaceExit, PlaceOpen
from domain.events import ClosedOutside
from domain.market import NANOSECONDS, Quote, Side
from domain.orders import OrderFact, OrderStatus, Purpose
from strategies.take_profit_grid.decisions import STALE_AFTER_NS
from strategies.take_profit_grid.state import GridState
from tests.support.grid import ZERO, Desk, config, picture, rules
from tests.support.grid_venue import GridVenue, TrueOrder

MINIMUM = Decimal("0.1")
MOST_ROUNDS = 12
"""A cover, an open, lapses and cancels of one moment come in a few rounds."""

shares = st.integers(1, 20).map(lambda twentieths: Decimal(twentieths) / 20)


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
    for command in decision.commands:
        _check(desk, command, usable=usable)
    opens = [command for command in decision.commands if isinstance(command, PlaceOpen)]
    assert len(opens) <= 1
    assert not (opens and (decision.holds or desk.state.live_opens))
    assert not any(isinstance(command, LapseWaiver) for command in decision.commands) or decision.holds
    return decision


def _check(desk: Desk, command: Command, *, usable: bool) -> None:
    market, buys = desk.grid.rules, desk.config.direction is Side.BUY
    match command:
        case PlaceOpen():
            assert market.refusal(command.price, command.quantity) is None
            assert usable
            assert command.price == (desk.ask - market.tick_size if buys else desk.bid + market.tick_size)
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
    claims: Counter[int] = Counter()
    for order in closing:
        for claim in order.claims:
            claims[claim.entry_id] += claim.quantity  # type: ignore[assignment]
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


class GridMachine(RuleBasedStateMachine):
    """Rules are what a venue, a market, a person or a kill can do at any moment."""

    desk: Desk
    venue: GridVenue

    @initialize(
        direction=st.sampled_from(Side),
        most=st.integers(1, 4),
        step=st.sampled_from(["-100", "-0.5", "0.2"]),
        boost=st.booleans(),
        levels=st.sampled_from([{}, {"pause_price": Decimal(101)}]),
    )
    def begin(self, direction: Side, most: int, step: str, boost: bool, levels: dict[str, Any]) -> None:
        settings = config(
            direction=direction, max_orders=most, grid_step=step, boost_mode=boost, wait_time="40", **levels
        )
        self.desk = Desk(settings, rules(min_quantity=str(MINIMUM)))
        self.venue = GridVenue(self.desk)
        self.settle()

    def settle(self) -> None:
        for _ in range(MOST_ROUNDS):
            commands = decided(self.desk).commands
            for command in commands:
                self.venue.perform(command)
            if not commands:
                return
        raise AssertionError(f"does not come to rest: {commands}")

    def choose(self, data: st.DataObject, orders: list[TrueOrder]) -> TrueOrder:
        return data.draw(st.sampled_from(orders))

    def resting(self, *purposes: Purpose) -> list[TrueOrder]:
        return [order for order in self.venue.true.values() if order.rests and order.purpose in (purposes or Purpose)]

    def travelling(self) -> list[TrueOrder]:
        return [order for order in self.venue.true.values() if not order.arrived and not order.end]

    # --- requests arrive, or do not -----------------------------------------------------------------------------

    @precondition(lambda self: self.travelling())
    @rule(data=st.data(), refused=st.sampled_from([False, False, False, True]))
    def a_request_arrives(self, data: st.DataObject, refused: bool) -> None:
        self.venue.arrive(self.choose(data, self.travelling()), refused=refused)

    @precondition(lambda self: self.travelling())
    @rule(data=st.data(), fact=st.sampled_from([OrderFact.NEVER_PLACED, OrderFact.OUTCOME_UNKNOWN]))
    def a_request_does_not_arrive(self, data: st.DataObject, fact: OrderFact) -> None:
        order = self.choose(data, self.travelling())
        order.end = "lost"
        self.venue.tell(order, fact)

    @precondition(lambda self: self.travelling())
    @rule(data=st.data())
    def an_answer_is_lost(self, data: st.DataObject) -> None:
        self.venue.tell(self.choose(data, self.travelling()), OrderFact.OUTCOME_UNKNOWN)

    @precondition(lambda self: self.venue.cancels)
    @rule(data=st.data(), fails=st.sampled_from([False, False, True]))
    def a_cancel_arrives(self, data: st.DataObject, fails: bool) -> None:
        client_id = data.draw(st.sampled_from(self.venue.cancels))
        self.venue.fail_cancel(client_id) if fails else self.venue.take_cancel(client_id)

    # --- orders live and end ------------------------------------------------------------------------------------

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), share=shares, told=st.sampled_from(["trade", "total", "both"]))
    def an_order_trades(self, data: st.DataObject, share: Decimal, told: str) -> None:
        order = self.choose(data, self.resting())
        amount = max(Decimal("0.01"), self.desk.grid.rules.quantity_at_or_below(order.remaining * share))
        self.venue.trade(order, amount, as_trade=told != "total", as_total=told != "trade")
        self.venue.deliver_all() if share > Decimal("0.8") else None

    @precondition(lambda self: self.resting())
    @rule(data=st.data(), how=st.sampled_from(["cancelled", "expired"]), stated=st.booleans())
    def the_venue_ends_an_order(self, data: st.DataObject, how: str, stated: bool) -> None:
        self.venue.end(self.choose(data, self.resting()), how, stated=stated)

    @precondition(lambda self: self.resting(Purpose.CLOSE))
    @rule(data=st.data(), share=shares)
    def the_venue_shrinks_a_close(self, data: st.DataObject, share: Decimal) -> None:
        order = self.choose(data, self.resting(Purpose.CLOSE))
        keep = self.desk.grid.rules.quantity_at_or_below(order.remaining * share)
        if keep > 0:
            order.quantity = order.filled + keep
            self.venue.tell(order, OrderFact.ACCEPTED, filled=order.filled, quantity=order.quantity)

    # --- news travels -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.venue.news)
    @rule(data=st.data(), again=st.booleans())
    def some_news_comes(self, data: st.DataObject, again: bool) -> None:
        index = data.draw(st.integers(0, len(self.venue.news) - 1))
        self.venue.deliver(index, again=again)

    @precondition(lambda self: self.venue.news)
    @rule()
    def all_news_comes(self) -> None:
        self.venue.deliver_all()

    @precondition(lambda self: self.venue.true)
    @rule(data=st.data())
    def an_order_is_asked_about(self, data: st.DataObject) -> None:
        order = self.choose(data, list(self.venue.true.values()))
        if self.venue.is_doubtful(order):
            self.venue.ask(order)

    @rule()
    def the_venue_is_looked_at(self) -> None:
        self.venue.look()

    # --- the world ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 11, 60]), ticks=st.integers(-8, 8), age=st.sampled_from([0, 0, 3, 11]))
    def time_passes(self, seconds: int, ticks: int, age: int) -> None:
        self.desk.pass_time(seconds)
        self.desk.bid += ticks * Decimal("0.1")
        self.desk.ask = self.desk.bid + Decimal("0.1") * (1 + abs(ticks) % 3)
        self.desk.quote_age_ns = age * NANOSECONDS

    @rule(connected=st.booleans())
    def streams_come_and_go(self, connected: bool) -> None:
        if not connected:
            self.desk.see(look=None)
        self.desk.see(connected=connected)

    @precondition(lambda self: self.venue.position > 0)
    @rule(share=shares)
    def somebody_else_closes(self, share: Decimal) -> None:
        """And two agreeing looks find it."""
        self.venue.look()
        amount = self.desk.grid.rules.quantity_at_or_below(self.venue.position * share)
        if amount <= 0 or self.desk.state.own != self.venue.position:
            return
        self.venue.touched = True
        self.venue.position -= amount
        self.desk.note(ClosedOutside(self.desk.now_ns, amount))
        self.venue.look()

    @rule()
    def the_process_is_killed(self) -> None:
        self.venue.restart()

    @precondition(lambda self: self.desk.state.live_opens or self.desk.state.owing)
    @rule()
    def the_bot_decides(self) -> None:
        self.settle()

    # --- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def the_bot_has_decided_and_rests(self) -> None:
        self.settle()

    @invariant()
    def the_books_are_right(self) -> None:
        check_books(self.desk.state)

    @invariant()
    def entries_add_up_to_the_position(self) -> None:
        state = self.desk.state
        if not self.venue.touched and not self.venue.surprised:
            assert sum((entry.to_close for entry in state.entries.values()), ZERO) == state.own

    @invariant()
    def the_exposure_is_bounded(self) -> None:
        state, most = self.desk.state, self.desk.config.max_orders * self.desk.config.quantity
        if not self.venue.surprised:
            assert len(state.live_opens) <= 1
            assert state.own + state.open_exposure() <= most + MINIMUM

    @invariant()
    def nothing_is_covered_twice(self) -> None:
        """Unless something was heard of late; then a close is on its way out."""
        state = self.desk.state
        if state.covered > max(ZERO, state.own):
            leaving = [order for order in state.live.values() if order.status is not OrderStatus.OPEN]
            retried = [order for order in state.live.values() if order.cancel_failures]
            assert leaving or retried
            assert self.venue.surprised or self.venue.touched

    @invariant()
    def a_replay_is_the_life(self) -> None:
        again = GridState(self.desk.config.direction)
        again.replay(self.desk.records)
        assert picture(again) == picture(self.desk.state)

    def teardown(self) -> None:
        """Once the venue behaves, everything is covered that can be, once."""
        if not hasattr(self, "venue"):
            return
        self.desk.see(connected=True)
        self.desk.quote_age_ns = 0
        self.desk.quote("102", "102.1") if self.desk.config.direction is Side.BUY else self.desk.quote("97.9", "98")
        self.desk.see(trouble="no more opens, the story ends")
        for _ in range(8):
            self.settle()
            self.behave()
            self.desk.pass_time(3)
            self.venue.look()
        self.settle()
        self.behave()
        self.check_healed()

    def behave(self) -> None:
        for client_id in list(self.venue.cancels):
            self.venue.take_cancel(client_id)
        for order in self.travelling():
            self.venue.arrive(order, refused=False)
            if order.purpose is Purpose.EXIT:
                self.venue.trade(order, order.remaining, as_trade=True, as_total=True)
        self.venue.deliver_all()

    def check_healed(self) -> None:
        state = self.desk.state
        check_books(state)
        assert state.own == self.venue.position
        resting = sum((order.remaining for order in self.resting(Purpose.CLOSE)), ZERO)
        assert state.covered == resting
        assert ZERO <= max(ZERO, state.own) - resting < MINIMUM
        owed = {key: entry.owed for key, entry in state.entries.items() if entry.owed}
        assert all(quantity > 0 for quantity in owed.values())


TestGridMachine = GridMachine.TestCase
TestGridMachine.settings = settings(stateful_step_count=40)
