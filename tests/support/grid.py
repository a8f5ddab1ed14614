"""A grid at a desk: configuration, market rules, and a small driver that plays the bot and answers as a venue would.

The driver turns commands into the records that the bot would journal, so that what it shows is the strategy alone. It
knows no market: a test says what the venue answers.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.commands import (
    AbandonEntry,
    CancelOrder,
    Command,
    Decision,
    LapseWaiver,
    PlaceClose,
    PlaceExit,
    PlaceOpen,
    RequestStop,
)
from domain.events import (
    CancelIntended,
    EntryAbandoned,
    Fill,
    Liquidity,
    OrderIntended,
    OrderUpdate,
    Record,
    WaiverLapsed,
)
from domain.market import NANOSECONDS, MarketRules, Quote, Side
from domain.orders import OrderFact, Purpose
from domain.status import Hold
from domain.stop import StopMode
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import Situation, TakeProfitGrid
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.orders import Order
from strategies.take_profit_grid.state import GridState

ZERO = Decimal(0)
START_NS = 1_000_000 * NANOSECONDS
_MOST_ROUNDS = 20


def config(**changes: Any) -> TradingConfig:
    """Buys 1 at a time, takes 1 % profit; W = 400 s, M = 12. Numbers may be given as text."""
    settings: dict[str, Any] = {
        "ticker": "ETH",
        "contract_id": "ETH-PERP",
        "quantity": Decimal(1),
        "take_profit": Decimal(1),
        "tick_size": Decimal("0.1"),
        "direction": Side.BUY,
        "max_orders": 12,
        "wait_time": Decimal(400),
        "exchange": "paper",
    }
    texts = {name: Decimal(value) for name, value in changes.items() if type(value) is str}
    return TradingConfig(**(settings | changes | texts))


def rules(**changes: str) -> MarketRules:
    """Tick 0.1, step 0.01, minimum 0.1; all of it may be given as text."""
    texts = {"tick_size": "0.1", "quantity_step": "0.01", "min_quantity": "0.1"} | changes
    return MarketRules("ETH", "ETH-PERP", **{name: Decimal(value) for name, value in texts.items()})


class Desk:
    """One strategy, its state, its clock and its quote. `records` is what a journal would hold."""

    def __init__(
        self,
        settings: TradingConfig | None = None,
        market: MarketRules | None = None,
        order_life_s: int | None = None,
    ) -> None:
        self.config = settings or config()
        self.grid = TakeProfitGrid(self.config, market or rules(), order_life_s)
        self.state = GridState(self.config.direction)
        self.records: list[Record] = []
        self.now_ns = START_NS
        self.bid, self.ask = Decimal(100), Decimal("100.1")
        self.quote_age_ns = 0
        self.situation = Situation(now_ns=START_NS, quote=None)
        self.stop_requests: list[str] = []
        self._next_id = 1
        self._next_trade = 1
        self.look()

    # --- circumstances ------------------------------------------------------------------------------------------

    def quote(self, bid: str, ask: str) -> None:
        self.bid, self.ask = Decimal(bid), Decimal(ask)

    def pass_time(self, seconds: str | int | Decimal) -> None:
        self.now_ns += int(Decimal(seconds) * NANOSECONDS)

    def see(self, **changes: Any) -> None:
        """Change the circumstances: connected, look_failed, suspicion, trouble, stopping, look."""
        self.situation = replace(self.situation, **changes)

    def look(self, position: str | None = None) -> None:
        """The venue was asked just now, and says that the own position is `position` (as known, where not given)."""
        held = self.state.own if position is None else Decimal(position)
        self.see(look=Look(self.now_ns, self.now_ns, held, self.state.covered, self.state.own), look_failed=False)

    # --- deciding -----------------------------------------------------------------------------------------------

    def decide(self) -> Decision:
        quote = Quote(self.bid, Decimal(5), self.ask, Decimal(5), self.now_ns - self.quote_age_ns)
        situation = replace(self.situation, now_ns=self.now_ns, quote=quote)
        decision = self.grid.decide(self.state, situation)
        closing = tuple(each for each in decision.commands if isinstance(each, PlaceClose | PlaceExit))
        assert self.grid.closes(self.state, situation) == closing, "what is closed ahead is what would be closed"
        return decision

    def commands(self) -> tuple[Command, ...]:
        return self.decide().commands

    def holds(self) -> list[str]:
        return [hold.word for hold in self.decide().holds]

    def hold(self) -> Hold:
        (only,) = self.decide().holds
        return only

    def settle(self) -> list[Command]:
        """Decide and perform until nothing is wanted; everything that was wanted."""
        wanted: list[Command] = []
        for _ in range(_MOST_ROUNDS):
            commands = self.commands()
            if not commands:
                return wanted
            for command in commands:
                wanted.append(command)
                self.perform(command)
        raise AssertionError(f"the strategy does not come to rest: {wanted[-5:]}")

    def perform(self, command: Command) -> None:
        """Write the intent down, as the bot does."""
        match command:
            case PlaceOpen():
                self._intend(Purpose.OPEN, command.side, command.price, command.quantity, entry_id=command.entry_id)
            case PlaceClose():
                self._intend(Purpose.CLOSE, command.side, command.price, command.quantity, parts=command.parts)
            case PlaceExit():
                self._intend(Purpose.EXIT, command.side, None, command.quantity, parts=command.parts)
            case CancelOrder():
                self.note(CancelIntended(self.now_ns, command.client_id, command.why))
            case LapseWaiver():
                self.note(WaiverLapsed(self.now_ns))
            case AbandonEntry():
                self.note(EntryAbandoned(self.now_ns, command.entry_id))
            case RequestStop():
                self.stop_requests.append(command.reason)
                self.see(stopping=StopMode.KEEP)

    def _intend(self, purpose: Purpose, side: Side, price: Decimal | None, quantity: Decimal, **rest: Any) -> None:
        client_id, self._next_id = self._next_id, self._next_id + 1
        self.note(OrderIntended(self.now_ns, client_id, purpose, side, price, quantity, **rest))

    def note(self, record: Record) -> None:
        self.records.append(record)
        self.state.apply(record)

    # --- what the venue answers ---------------------------------------------------------------------------------

    def tell(
        self, order: Order, fact: OrderFact, *, filled: str | None = None, quantity: str | None = None, reason: str = ""
    ) -> None:
        self.note(
            OrderUpdate(
                self.now_ns,
                order.client_id,
                fact,
                f"o{order.client_id}",
                None if filled is None else Decimal(filled),
                None if quantity is None else Decimal(quantity),
                reason,
            )
        )

    def accept(self, order: Order) -> Order:
        self.tell(order, OrderFact.ACCEPTED)
        return order

    def fill(self, order: Order, quantity: str | Decimal | None = None, price: str | None = None) -> None:
        """One trade; all that remains where no quantity is given."""
        amount = order.remaining if quantity is None else Decimal(quantity)
        at = order.price if price is None else Decimal(price)
        if at is None:
            at = self.bid if order.side is Side.SELL else self.ask
        trade_id, self._next_trade = f"t{self._next_trade}", self._next_trade + 1
        self.note(
            Fill(
                self.now_ns,
                order.client_id,
                f"o{order.client_id}",
                trade_id,
                order.side,
                at,
                amount,
                ZERO,
                Liquidity.MAKER,
                self.now_ns,
            )
        )

    # --- what lives ---------------------------------------------------------------------------------------------

    def only_open(self) -> Order:
        (order,) = self.state.live_opens.values()
        return order

    def closes(self) -> list[Order]:
        return [order for order in self.state.live.values() if order.purpose is Purpose.CLOSE]

    def newest(self) -> Order:
        return self.state.orders[self.state.highest_client_id]

    # --- stories ------------------------------------------------------------------------------------------------

    def open_one(self) -> Order:
        """The wanted open, resting."""
        self.settle()
        return self.accept(self.only_open())

    def enter(self) -> Order:
        """One more entry, filled and under a resting close; the close. Waits out whatever cool-down there is."""
        self.see(look_failed=False)
        if self.state.clock_ns is not None:
            self.now_ns = max(self.now_ns, self.state.clock_ns + 2 * int(self.config.wait_time) * NANOSECONDS)
        order = self.open_one()
        self.fill(order)
        (close,) = [command for command in self.commands() if isinstance(command, PlaceClose | PlaceExit)]
        self.perform(close)
        return self.accept(self.newest())


def picture(state: GridState) -> dict[str, Any]:
    """Everything a state holds, copied, so that two pictures can be compared."""
    book, prices = state._book, state._close_prices
    held = {name: value for name, value in vars(state).items() if name not in ("_handlers", "_book", "_close_prices")}
    return copy.deepcopy(held | {"book": vars(book), "prices": sorted(prices._heap)})
