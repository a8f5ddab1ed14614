"""Asking the venue: what became of one order, and whether everything agrees.

A look reads orders, position and orders again, and counts only when nothing of ours moved meanwhile, so that a fill
landing between two reads can never look like a mismatch. What it finds missing is asked for by id; what it finds with
an id of ours that the journal lost is adopted; what is foreign is named and left alone. A failed read is an error,
never a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum, auto

from bot.adoption import Adoption
from bot.questions import Question
from bot.recorder import Recorder
from domain.clock import Clock
from domain.events import Fill, OrderUpdate, RulesChanged
from domain.market import NANOSECONDS, MarketRules
from domain.orders import FACT_OF_STATUS, OrderFact, OrderStatus, Purpose
from exchanges.base import BaseExchangeClient, OrderInfo, query_retry
from exchanges.errors import NotListed, Unavailable
from exchanges.urgency import urgent_reads
from strategies.take_profit_grid.guards import Look
from strategies.take_profit_grid.state import ZERO, GridState, Order

BELIEVE_ABSENCE_AFTER_NS = {
    Purpose.OPEN: 10 * NANOSECONDS,
    Purpose.CLOSE: 4 * NANOSECONDS,
    Purpose.EXIT: 4 * NANOSECONDS,
}
"""A request given up may still be on its way: the venue must say "no such order" twice, at least this long apart,
before it proves that the order never arrived. An open that did arrive would be one too many; a close only reduces.
"""
_FILLS_OVERLAP_NS = 60 * NANOSECONDS
"""Fills are asked for from this long before the newest known one; repetitions are harmless."""
_MOST_DOUBLINGS = 10
"""From 17 hours before at the most."""
_FUNDING_OVERLAP_NS = 48 * 3_600 * NANOSECONDS
"""The same for funding, which comes a few times a day."""
_MOST_READINGS = 4


class LookResult(Enum):
    DONE = auto()
    RESTLESS = auto()
    """Something moved between the reads, or an order must be asked for first: look again soon."""
    FAILED = auto()


@dataclass(slots=True)
class Reading:
    """The outcome of one attempt to look."""

    result: LookResult
    look: Look | None = None
    own_opens: int = 0
    """Own opening orders that the venue lists."""
    foreign_orders: int = 0
    text: str = ""
    again_s: float | None = None
    """Failed for want of room in the exchange's limits: in so many seconds there is some."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The open orders as the venue listed them. `asked_ns`, `moves`, `heard`: when it was asked, and `Inquiry.moves`
    and `Inquiry.heard` then."""

    asked_ns: int
    moves: int
    heard: int
    orders: list[OrderInfo]


@dataclass(slots=True)
class Inquiry:
    """Questions to one venue about one state; every answer is written down before it counts."""

    client: BaseExchangeClient
    state: GridState
    recorder: Recorder
    adoption: Adoption
    clock: Clock
    rules: Callable[[], MarketRules]
    """Those the bot trades by now."""
    moves: Callable[[], int]
    """Counts what was heard: two equal readings around a look prove that nothing happened in between."""
    heard: Callable[[], int]
    """Counts what came by itself alone."""
    learn: Callable[..., None]
    """Takes facts in, as if the streams had told them."""
    tell: Callable[[str], None]
    in_flight: Callable[[int], bool]
    """Whether the placement of an order is still under way: the venue's "no such order" would prove nothing yet."""
    questions: dict[int, Question] = field(default_factory=dict)
    asking: set[int] = field(default_factory=set)

    # --- single orders ------------------------------------------------------------------------------------------

    def ask_later(
        self, client_id: int, wait_ns: int, *, cancel_over: bool = False, doubted: bool = False
    ) -> None:
        """Have the order asked for after `wait_ns`, or sooner where that was already planned.

        `cancel_over`: once `wait_ns` has passed, a cancel that has had no effect has failed.
        """
        due_ns = self.clock.now_ns() + wait_ns
        question = self.questions.setdefault(client_id, Question(due_ns))
        question.bring_forward(due_ns)
        if cancel_over:
            known_ns = question.cancel_over_ns
            question.cancel_over_ns = due_ns if known_ns is None else min(known_ns, due_ns)
        question.doubted = question.doubted or doubted

    def forget_answered(self) -> None:
        """Drop questions that events have answered meanwhile."""
        for client_id in [client_id for client_id in self.questions if self._is_answered(client_id)]:
            del self.questions[client_id]

    def _is_answered(self, client_id: int) -> bool:
        order = self.state.orders.get(client_id)
        if order is None:
            return True
        return client_id not in self.state.unexplained and _is_known(order, self.questions[client_id])

    def due(self) -> list[int]:
        """Orders to be asked about now."""
        now_ns = self.clock.now_ns()
        return [client_id for client_id, due_ns in self._askable() if due_ns <= now_ns]

    def next_due_ns(self) -> int | None:
        """When the next question is due; what is on its way ends in an event of its own."""
        return min((due_ns for _, due_ns in self._askable()), default=None)

    def _askable(self) -> Iterator[tuple[int, int]]:
        for client_id, question in self.questions.items():
            if client_id not in self.asking and not self.in_flight(client_id):
                yield client_id, question.due_ns

    async def ask(self, client_id: int) -> None:
        """Ask the venue about one order and write the answer down; plan the next try where there is none."""
        self.asking.add(client_id)
        try:
            question, order = self.questions.get(client_id), self.state.orders.get(client_id)
            if question is not None and order is not None:
                await self._ask(client_id, question, order)
        finally:
            self.asking.discard(client_id)

    async def _ask(self, client_id: int, question: Question, order: Order) -> None:
        question.begin_try(self.clock.now_ns(), lacks_trades_only=_is_known(order, question))
        try:
            # Once: a question has its own times to be asked again, and an exchange counts every request.
            # An open of unknown outcome may have filled, and a close be owed.
            with urgent_reads(not question.is_patient):
                info = await self.client.query(client_id, order.order_id)
                needs_fills = order.accepted_ns is not None if info is None else info.filled_size > order.traded
                fills = await self._fills(order.intended_ns, question.tries) if needs_fills else []
        except Unavailable as error:
            if isinstance(error, NotListed) and question.absent_since_ns is None:
                question.absent_since_ns = self.clock.now_ns()
            if error.again_s is not None:
                question.due_ns = max(question.due_ns, self.clock.now_ns() + round(error.again_s * NANOSECONDS))
            if question.tries == 1:
                self.tell(f"order {client_id} could not be asked for: {error}")
            return
        self._take_fills(fills)
        if info is None:
            self._absent(order, question)
            return
        self.learn(self._update(order, info, question))
        if not order.is_live or order.status is OrderStatus.OPEN:
            self._settled(client_id, question)

    def _settled(self, client_id: int, question: Question) -> None:
        question.doubted = False
        if client_id not in self.state.unexplained:
            self.questions.pop(client_id, None)

    def _absent(self, order: Order, question: Question) -> None:
        """The venue's complete history does not know the order.

        One that it had accepted is gone from there, and the trades that were just read are all it ever filled: it
        closes nothing any more, and what it covered is owed again up to the position that the next look finds.
        """
        now_ns = self.clock.now_ns()
        if question.absent_since_ns is None:
            question.absent_since_ns = now_ns
        believed_ns = question.absent_since_ns + BELIEVE_ABSENCE_AFTER_NS[order.purpose]
        if now_ns < believed_ns:
            question.due_ns = believed_ns
            return
        fact, filled, reason = OrderFact.NEVER_PLACED, None, "unknown to the venue"
        if order.accepted_ns is not None:
            fact, filled, reason = OrderFact.CANCELLED, order.filled, "gone from the venue"
            self.tell(f"the venue no longer knows order {order.client_id}, which it had accepted")
        self.learn(OrderUpdate(now_ns, order.client_id, fact, filled=filled, reason=reason))
        self.questions.pop(order.client_id, None)

    def _update(self, order: Order, info: OrderInfo, question: Question | None) -> OrderUpdate:
        fact = FACT_OF_STATUS.get(info.status, OrderFact.ACCEPTED)
        if (
            fact is OrderFact.ACCEPTED
            and order.status is OrderStatus.CANCELLING
            and question is not None
            and question.cancel_over_ns is not None
            and question.cancel_over_ns <= self.clock.now_ns()
        ):
            fact = OrderFact.CANCEL_FAILED
        quantity = info.size if info.size < order.quantity else None
        return OrderUpdate(
            self.clock.now_ns(), order.client_id, fact, info.order_id, info.filled_size, quantity, info.cancel_reason
        )

    # --- fills --------------------------------------------------------------------------------------------------

    async def _fills(self, since_ns: int | None = None, tries: int = 1) -> list[Fill]:
        """Trades since the newest one known, or since an earlier `since_ns`; from further back with each of `tries`,
        since the clock may have been ahead when the order was intended."""
        newest_ns = self.recorder.memory.trades_known_until_ns
        first_ns = newest_ns if since_ns is None else min(since_ns, newest_ns)
        since_ns = max(0, first_ns - (_FILLS_OVERLAP_NS << min(tries - 1, _MOST_DOUBLINGS)))
        return await query_retry(lambda: self.client.fills_since(since_ns))

    async def has_missed_trades(self) -> bool:
        """Read the trades since the newest known one: whether any was unknown, or anything moved meanwhile."""
        moves = self.moves()
        return self._take_fills(await self._fills()) or moves != self.moves()

    def _take_fills(self, fills: Iterable[Fill]) -> bool:
        """Note own trades, and those the venue forced on us, that were not seen before; True when there was one, or one
        of an order that the journal lost."""
        now_ns, fills = self.clock.now_ns(), list(fills)
        is_of_lost = self.adoption.hear(fills)
        news = [replace(fill, at_ns=now_ns) for fill in fills if self._is_news(fill)]
        if news:
            self.learn(*news)
        return is_of_lost or bool(news)

    def _is_news(self, fill: Fill) -> bool:
        if fill.client_id is None:
            is_of_our_time = fill.venue_ns >= self.recorder.memory.began_ns
            return fill.forced and is_of_our_time and not self.recorder.memory.knows_forced(fill)
        order = self.state.orders.get(fill.client_id)
        return order is not None and order.is_news(fill)

    # --- the whole ----------------------------------------------------------------------------------------------

    async def look(self, *, events_missed: bool, rules_doubted: bool) -> Reading:
        """Read everything; with `events_missed` the trades too, with `rules_doubted` the market's rules."""
        try:
            if rules_doubted:
                await self._refresh_rules()
            if events_missed:
                await self._recover_missed()
            listing = await self._list()
            for _ in range(_MOST_READINGS):
                reading, listing = await self._read_once(listing)
                if reading.result is not LookResult.RESTLESS:
                    return reading
                if listing.moves != self.moves():
                    listing = await self._list()
        except Unavailable as error:
            return Reading(LookResult.FAILED, text=str(error), again_s=error.again_s)
        return Reading(LookResult.RESTLESS, text="orders kept moving while the venue was read")

    async def _refresh_rules(self) -> None:
        rules = await query_retry(self.client.market_rules)
        if rules != self.rules():
            self.learn(RulesChanged(self.clock.now_ns(), rules))

    async def _recover_missed(self) -> None:
        self._take_fills(await self._fills())
        await self._recover_funding()

    async def _recover_funding(self) -> None:
        since_ns = max(self.recorder.memory.began_ns, self.recorder.memory.last_payment_ns - _FUNDING_OVERLAP_NS)
        for payment in await query_retry(lambda: self.client.funding_since(since_ns)):
            if payment.at_ns >= since_ns and not self.recorder.memory.knows_payment(payment):
                self.learn(payment)

    async def _list(self) -> Listing:
        asked_ns, moves, heard = self.clock.now_ns(), self.moves(), self.heard()
        return Listing(asked_ns, moves, heard, await self.client.get_active_orders(self.client.contract_id))

    async def _read_once(self, before: Listing) -> tuple[Reading, Listing]:
        """Position and orders, after the orders listed `before`; and the newer list, which may be the next one's."""
        position = await self.client.get_account_positions()
        after = await self._list()
        return await self._compared(before, position, after), after

    async def _compared(self, listed: Listing, position: Decimal, again: Listing) -> Reading:
        started_ns, moves, heard, after = listed.asked_ns, listed.moves, listed.heard, again.orders
        if moves != self.moves() or _amounts(listed.orders) != _amounts(after):
            return Reading(LookResult.RESTLESS, text="orders moved while the venue was read")
        self._compare(after)
        due = self.due()
        for client_id in due:
            if client_id not in self.asking:
                await self.ask(client_id)
        own = (position - self.state.foreign_position) * self.state.side.sign
        must_wait = self.adoption.must_wait(after, self.in_flight)
        if not due and not must_wait:
            await self._adopt_lost(after, own)
        stands = moves == self.moves() or (due and heard == self.heard() and self._stands(after, own))
        if not stands:
            return Reading(LookResult.RESTLESS, text="orders of ours had to be asked for")
        if self.adoption.waiting(after):
            result = LookResult.FAILED if must_wait else LookResult.RESTLESS
            return Reading(result, text="an order that is not listed could not be asked for")
        if own != self.state.own and await self.has_missed_trades():
            return Reading(LookResult.RESTLESS, text="fills had been missed")
        purposes = [self._purpose(info) for info in after]
        resting = sum((i.remaining_size for i, p in zip(after, purposes, strict=True) if p is Purpose.CLOSE), ZERO)
        now_ns = self.clock.now_ns()
        look = Look(started_ns, now_ns, own, resting, self.state.own, now_ns if due else 0)
        return Reading(LookResult.DONE, look, purposes.count(Purpose.OPEN), purposes.count(None))

    def _stands(self, listed: list[OrderInfo], own: Decimal) -> bool:
        """Whether what was read agrees with what was learned since by asking: orders missing from the list have ended,
        and none of them filled. Then reading it again would tell the same."""
        client_ids = {info.client_id for info in listed}
        is_missing = any(
            order.client_id not in client_ids and order.status is not OrderStatus.PLANNED
            for order in self.state.live.values()
        )
        return own == self.state.own and not is_missing and not self.adoption.waiting(listed)

    def _purpose(self, info: OrderInfo) -> Purpose | None:
        order = self.state.orders.get(info.client_id) if info.client_id is not None else None
        return order.purpose if order is not None else None

    def _compare(self, listed: list[OrderInfo]) -> None:
        """Hold the venue's list against ours: take in what is new, and mark what must be asked for."""
        seen = set()
        for info in listed:
            order = self.state.orders.get(info.client_id) if info.client_id is not None else None
            if order is None:
                continue
            seen.add(order.client_id)
            if self._tells_news(order, info):
                self.learn(self._update(order, info, self.questions.get(order.client_id)))
        for order in list(self.state.live.values()):
            if order.client_id not in seen and order.status is not OrderStatus.PLANNED:
                self.ask_later(order.client_id, 0, doubted=True)

    async def _adopt_lost(self, listed: list[OrderInfo], own: Decimal) -> None:
        """After everything known was asked for: what is owed by then says what they close. Not by what was read before
        anything moved."""
        moves = self.moves()
        found = await self.adoption.found(listed, self.client.get_order_info)
        if moves == self.moves():
            self._take_fills(self.adoption.adopt_all(found, own))

    def _tells_news(self, order: Order, info: OrderInfo) -> bool:
        waits = order.status in (OrderStatus.PLANNED, OrderStatus.UNKNOWN)
        return order.is_live and (waits or info.filled_size > order.filled or info.size < order.quantity)


def _is_known(order: Order, question: Question) -> bool:
    """Whether the order's state and total are known, though trades may be missing."""
    return order.status.has_ended or (order.status is OrderStatus.OPEN and not question.doubted)


def _amounts(orders: list[OrderInfo]) -> dict[str, Decimal]:
    return {info.order_id: info.remaining_size for info in orders}
