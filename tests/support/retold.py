"""The core of a bot that hears a true history badly, and the folds that hear the same one well.

`Hearing` is the real core: state, money, recorder, intake, inquiry and oversight, over a journal in memory. Whatever is
intended is decided by the real strategy from what was heard. `undisturbed` folds the same intents and every fact of the
venue, each once and at its time.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.adoption import Adoption
from bot.inquiry import Inquiry
from bot.intake import Intake
from bot.oversight import Oversight
from bot.recorder import Recorder
from domain.accounting import Accounting
from domain.commands import AbandonEntry, CancelOrder, Command, LapseWaiver, PlaceClose, PlaceExit, PlaceOpen
from domain.events import (
    CancelIntended,
    EntryAbandoned,
    Fill,
    JournalBegan,
    OrderIntended,
    OrderUpdate,
    Record,
    SessionStarted,
    StreamLost,
    StreamRestored,
    VenueEvent,
    WaiverLapsed,
)
from domain.market import NANOSECONDS, Quote
from domain.orders import OrderStatus, Purpose
from domain.status import NoticeKind
from helpers.memory_journal import MemoryJournal
from strategies.take_profit_grid.config import TradingConfig
from strategies.take_profit_grid.decisions import TakeProfitGrid
from strategies.take_profit_grid.guards import Guard
from strategies.take_profit_grid.situation import Situation
from strategies.take_profit_grid.state import GridState
from tests.support.grid import START_NS, ZERO, rules
from tests.support.retold_venue import Fact, RetoldVenue, TrueOrder

_MOST_ROUNDS = 12
_READINGS = 10
_PATIENCE_NS = 3 * NANOSECONDS


def finished(work: Coroutine[Any, Any, None]) -> None:
    """Runs what never has to wait: the venue of these tests answers at once."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


def _nothing_beside(work: Coroutine[Any, Any, None]) -> None:
    work.close()
    raise AssertionError("a look that ends at once needs nothing beside it")


class Silent:
    """Watches the records, hears the notices, and does nothing. A halt is no part of these stories: requests take as
    long as they like here, and the guard rightly objects to that."""

    def saw(self, seq: int, record: Record) -> None:
        """Nobody watches."""

    def say(self, kind: NoticeKind, text: str) -> None:
        """Nobody listens."""

    def told(self, text: str) -> None:
        """Nobody listens."""


class Hearing:
    """One life after another of a bot's core. `heard`: each fact that reached it, in this and in earlier lives."""

    def __init__(self, settings: TradingConfig) -> None:
        self.config = settings
        self.now_at_ns = START_NS
        self.history: list[Record] = []
        """Intents and facts, in the order in which they truly happened."""
        self.news: list[tuple[Fact, bool]] = []
        """On the way; with it, whether it is the answer to a request."""
        self.heard: list[Fact] = []
        self.cancels: list[int] = []
        self.mid = Decimal(100)
        self.journal = MemoryJournal()
        self.venue = RetoldVenue(settings.direction, self.now_ns, self.history.append, self._is_told)
        self._build()
        self.recorder.begin(JournalBegan(self.now_at_ns, 1, ZERO, ""))
        self.history.append(JournalBegan(self.now_at_ns, 1, ZERO, ""))
        self._start()

    def now_ns(self) -> int:
        return self.now_at_ns

    def _is_told(self, fact: Fact, is_answer: bool) -> None:
        self.news.append((fact, is_answer))

    # --- a life -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        watcher = Silent()
        self.state = GridState(self.config.direction)
        self.accounting = Accounting()
        self.strategy = TakeProfitGrid(self.config, rules(), None)
        self.recorder = Recorder(self.journal, self.state, self.accounting, watcher)
        adoption = Adoption(self.state, self.recorder, self, self.strategy.prices.fill_price_of, watcher.told)
        self.inquiry = Inquiry(
            self.venue, self.state, self.recorder, adoption, self, lambda: self.strategy.rules,
            lambda: self.recorder.memory.order_events, lambda: 0, self._learn, watcher.told,
            self._is_in_flight,
        )  # fmt: skip
        self.oversight = Oversight(
            self.inquiry, self.state, self.recorder, Guard(self.config.quantity), self, 60, watcher.say,
            watcher.told,
        )  # fmt: skip
        self.intake = Intake(
            self.state, self.strategy, self.recorder, self.inquiry, self.oversight, watcher.say, watcher.told,
            watcher.told,
        )  # fmt: skip

    def _start(self) -> None:
        self._intend(SessionStarted(self.now_at_ns, ""))
        self.recorder.reserve_ids(self.now_at_ns)
        self.intake.connected_since_ns = self.now_at_ns
        for order in self.state.live.values():
            if order.status is not OrderStatus.OPEN:
                self.inquiry.ask_later(order.client_id, 0, cancel_over=True)

    def restart(self, *, requests_arrive: bool) -> None:
        """Killed: what was on its way to this process is lost, and so are the answers."""
        for order in self.venue.travelling():
            self.venue.arrive(order) if requests_arrive else self.venue.lose(order, is_known=False)
        for order in self.cancelled():
            self.venue.end(order, OrderStatus.CANCELLED) if requests_arrive else self.venue.cancel_fails(order)
        self.news.clear()
        self._build()
        self.recorder.replay()
        self._start()

    def _is_in_flight(self, client_id: int) -> bool:
        """Whether the answer to a placement is still awaited."""
        awaits = any(is_answer and fact.client_id == client_id for fact, is_answer in self.news)
        return awaits or self.venue.orders[client_id].status is OrderStatus.PLANNED

    # --- deciding -----------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Until nothing is wanted; what is wanted goes on its way."""
        for _ in range(_MOST_ROUNDS):
            tick = Decimal("0.1")
            quote = Quote(self.mid, Decimal(5), self.mid + tick, Decimal(5), self.now_at_ns)
            situation = Situation(
                self.now_at_ns,
                quote,
                connected=self.intake.connected_since_ns is not None,
                look=self.oversight.look,
                look_failed=self.oversight.failed,
                suspicion=self.oversight.suspicion,
                recovering=not self.oversight.has_looked,
            )
            decision = self.strategy.decide(self.state, situation)
            if not decision.commands:
                return
            for command in decision.commands:
                self._perform(command)
        raise AssertionError("the strategy does not come to rest")

    def _perform(self, command: Command) -> None:
        match command:
            case PlaceOpen():
                self._place(Purpose.OPEN, command.price, command)
            case PlaceClose():
                self._place(Purpose.CLOSE, command.price, command)
            case PlaceExit():
                self._place(Purpose.EXIT, None, command)
            case CancelOrder():
                self._intend(CancelIntended(self.now_at_ns, command.client_id, command.why))
                self.inquiry.ask_later(command.client_id, _PATIENCE_NS, cancel_over=True)
                self.cancels.append(command.client_id)
            case LapseWaiver():
                self._intend(WaiverLapsed(self.now_at_ns))
            case AbandonEntry():
                self._intend(EntryAbandoned(self.now_at_ns, command.entry_id))
            case _:
                raise AssertionError(f"not of these stories: {command}")

    def _place(self, purpose: Purpose, price: Decimal | None, command: PlaceOpen | PlaceClose | PlaceExit) -> None:
        client_id = self.recorder.take_id()
        assert client_id is not None
        entry_id = command.entry_id if isinstance(command, PlaceOpen) else None
        parts = () if isinstance(command, PlaceOpen) else command.parts
        self._intend(
            OrderIntended(self.now_at_ns, client_id, purpose, command.side, price, command.quantity, entry_id, parts)
        )
        self.venue.orders[client_id] = TrueOrder(client_id, purpose, command.side, price or self.mid, command.quantity)

    def _intend(self, record: Record) -> None:
        self.history.append(record)
        self.recorder.note(record)

    # --- hearing ------------------------------------------------------------------------------------------------

    def hear(self, fact: Fact) -> None:
        """Whatever comes is dated when it comes."""
        self._learn(replace(fact, at_ns=self.now_at_ns))

    def _learn(self, *facts: VenueEvent) -> None:
        for fact in facts:
            if isinstance(fact, OrderUpdate | Fill):
                self.heard.append(fact)
            self.intake.take(fact)

    def lose_streams(self) -> None:
        """What was on its way on them is lost; answers come on connections of their own."""
        self.news = [(fact, is_answer) for fact, is_answer in self.news if is_answer]
        self.intake.take(StreamLost(self.now_at_ns, "cut"))
        self.intake.take(StreamRestored(self.now_at_ns))

    def cancelled(self) -> list[TrueOrder]:
        """Takes the cancels that were on their way; what rests of what they were for."""
        asked, self.cancels = self.cancels, []
        orders = [self.venue.orders[client_id] for client_id in asked]
        return [order for order in orders if order.status is OrderStatus.OPEN]

    def look(self) -> None:
        """What is due is asked for, and everything is read."""
        self.inquiry.forget_answered()
        for client_id in self.state.unexplained:
            self.inquiry.ask_later(client_id, 0)
        for client_id in self.inquiry.due():
            finished(self.inquiry.ask(client_id))
        finished(self.oversight.take_look(_nothing_beside))

    def read_the_truth(self) -> None:
        """Requests end and answers come; then looks, as many and as far apart as a bot takes them in half a minute."""
        for order in self.venue.travelling():
            self.venue.arrive(order)
        for order in self.cancelled():
            self.venue.end(order, OrderStatus.CANCELLED)
        for fact, is_answer in self.news:
            if is_answer:
                self.hear(fact)
        self.news.clear()
        for _ in range(_READINGS):
            self.now_at_ns += _PATIENCE_NS
            self.look()
        assert not self.inquiry.questions
        assert not self.oversight.failed


def undisturbed(hearing: Hearing) -> tuple[GridState, Accounting]:
    state, accounting = GridState(hearing.config.direction), Accounting()
    for record in hearing.history:
        state.apply(record)
        accounting.apply(record)
    return state, accounting


def lasting(state: GridState, accounting: Accounting) -> dict[str, object]:
    """All that must be the same however a history was heard.

    Left out is what is about the hearing itself: when something was heard, what was refused in a row by then, whether
    covering awaits a look, whether an entry that filled nothing is to be placed again, the waiver of the moment, and
    whether a cancel was asked for before or after the order had ended.
    """
    filled = {entry_id: entry for entry_id, entry in state.entries.items() if entry.filled}
    return {
        "orders": {
            order.client_id: (
                order.purpose, order.side, order.price, order.quantity, order.status, order.order_id, order.filled,
                order.traded, order.trade_ids, order.entry_id,
                [(claim.entry_id, claim.quantity) for claim in order.claims if claim.quantity],
            )
            for order in state.orders.values()
        },
        "entries": {
            entry_id: (
                entry.filled, entry.closed, entry.covering, entry.owed, entry.worst_price, entry.live_opens,
                entry.open_was_cancelled,
            )
            for entry_id, entry in filled.items()
        },
        "live": set(state.live), "live opens": set(state.live_opens), "unclosed": state.unclosed,
        "owing": set(state.owing), "unexplained": state.unexplained, "own": state.own, "covered": state.covered,
        "nearest close": state.outermost_close(), "foreign": state.foreign_position, "halted": state.halted,
        "ids": (state.first_client_id, state.highest_client_id, state.next_entry_id),
        "money": (
            accounting.entries, accounting.exits, accounting.volume_quote, accounting.fees, accounting.funding,
            accounting.realized_pnl, accounting.position, accounting.open_cost, accounting.written_off,
            accounting.unexplained,
        ),
    }  # fmt: skip
