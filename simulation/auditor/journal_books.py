"""The auditor's own fold of the journal: what the bot has written of each order, and what a power loss takes back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from domain.events import Fill, HaltCleared, Halted, IdsReserved, OrderIntended, OrderUpdate, Record, RulesChanged
from domain.market import MarketRules
from domain.orders import OrderFact, OrderStatus, Purpose, advance

ZERO = Decimal(0)
UNSURE = frozenset({OrderStatus.PLANNED, OrderStatus.UNKNOWN, OrderStatus.CANCELLING})
"""Statuses that only the venue's word can end."""


@dataclass(slots=True)
class Belief:
    """What the journal says of one order. `history`: its records with their numbers, from which the rest follows."""

    client_id: int
    history: list[tuple[int, Record]] = field(default_factory=list)
    intent: OrderIntended | None = None
    intent_seq: int = 0
    status: OrderStatus = OrderStatus.PLANNED
    quantity: Decimal = ZERO
    total: Decimal = ZERO
    traded: Decimal = ZERO
    value: Decimal = ZERO
    trades: set[tuple[str, str]] = field(default_factory=set)

    @property
    def filled(self) -> Decimal:
        return max(self.total, self.traded)

    def take(self, seq: int, record: Record) -> None:
        self.history.append((seq, record))
        self._apply(seq, record)

    def forget_after(self, seq: int) -> None:
        kept = [(number, record) for number, record in self.history if number <= seq]
        self.history, self.intent, self.status = [], None, OrderStatus.PLANNED
        self.quantity = self.total = self.traded = self.value = ZERO
        self.trades = set()
        for number, record in kept:
            self.take(number, record)

    def _apply(self, seq: int, record: Record) -> None:
        match record:
            case OrderIntended():
                self.intent, self.intent_seq = record, seq
                self.quantity = record.quantity
            case OrderUpdate():
                if record.quantity is not None:
                    self.quantity = min(self.quantity, max(record.quantity, self.filled))
                whole = self.quantity if record.fact is OrderFact.FILLED else ZERO
                self.total = max(self.total, whole if record.filled is None else record.filled)
                self._move(record.fact)
            case Fill() if (record.order_id, record.trade_id) not in self.trades:
                self.trades.add((record.order_id, record.trade_id))
                self.traded += record.quantity
                self.value += record.price * record.quantity
                self._move(OrderFact.ACCEPTED)
            case _:
                pass

    def _move(self, fact: OrderFact) -> None:
        is_complete = self.intent is not None and ZERO < self.quantity <= self.filled
        self.status = advance(self.status, OrderFact.FILLED if is_complete else fact)


class JournalBooks:
    """`synced`: the last record that survives a power loss; `rules`: those the bot has written down last."""

    def __init__(self, rules: MarketRules) -> None:
        self.orders: dict[int, Belief] = {}
        self.unended_opens: dict[int, Belief] = {}
        """Orders the journal holds to exist, or possibly to exist."""
        self.unended_closes: dict[int, Belief] = {}
        self.synced = 0
        self.halts: list[tuple[int, bool]] = []
        """Number of each `Halted` (True) and `HaltCleared` (False) record."""
        self.rules = rules
        self._rules: list[tuple[int, MarketRules]] = [(0, rules)]
        self._reserved: list[tuple[int, int]] = []
        self._unsynced: deque[tuple[int, int]] = deque()
        """Number and order of records that a power loss would take."""

    @property
    def is_halted(self) -> bool:
        return bool(self.halts) and self.halts[-1][1]

    def take(self, seq: int, record: Record, is_synced: bool) -> Belief | None:
        """The belief about the order that `record` is about, if it is about one of ours."""
        belief = self._take_order_record(seq, record)
        match record:
            case Halted():
                self.halts.append((seq, True))
            case HaltCleared():
                self.halts.append((seq, False))
            case IdsReserved():
                self._reserved.append((seq, record.until))
            case RulesChanged():
                self._rules.append((seq, record.rules))
                self.rules = record.rules
            case _:
                pass
        if is_synced:
            self.sync(seq)
        return belief

    def _take_order_record(self, seq: int, record: Record) -> Belief | None:
        if not isinstance(record, OrderIntended | OrderUpdate | Fill) or record.client_id is None:
            return None
        belief = self.orders.setdefault(record.client_id, Belief(record.client_id))
        belief.take(seq, record)
        self._unsynced.append((seq, record.client_id))
        self._file(belief)
        return belief

    def sync(self, seq: int) -> None:
        self.synced = max(self.synced, seq)
        while self._unsynced and self._unsynced[0][0] <= self.synced:
            self._unsynced.popleft()

    def lose_after(self, seq: int) -> set[int]:
        """Forget every record after `seq`, what is left being on the disk; the orders concerned."""
        concerned = {client_id for number, client_id in self._unsynced if number > seq}
        self._unsynced = deque(item for item in self._unsynced if item[0] <= seq)
        self.synced = seq
        for client_id in concerned:
            belief = self.orders[client_id]
            belief.forget_after(seq)
            self._file(belief)
            if not belief.history:
                del self.orders[client_id]
        self.halts = [item for item in self.halts if item[0] <= seq]
        self._reserved = [item for item in self._reserved if item[0] <= seq]
        self._rules = [item for item in self._rules if item[0] <= seq]
        self.rules = self._rules[-1][1]
        return concerned

    def is_reserved(self, client_id: int) -> bool:
        """Whether a reservation that survives a power loss keeps this id from being used again."""
        return any(seq <= self.synced and client_id < until for seq, until in reversed(self._reserved))

    def _file(self, belief: Belief) -> None:
        for unended, is_open in ((self.unended_opens, True), (self.unended_closes, False)):
            intent = belief.intent
            if intent is not None and not belief.status.has_ended and is_open is (intent.purpose is Purpose.OPEN):
                unended[belief.client_id] = belief
            else:
                unended.pop(belief.client_id, None)
