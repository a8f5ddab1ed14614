"""A bot's records told as short sentences, for the terminal and for plain output."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from domain.events import (
    CancelIntended,
    ClosedOutside,
    Fill,
    FundingPayment,
    HaltCleared,
    Halted,
    JournalBegan,
    OrderIntended,
    OrderUpdate,
    OwnFound,
    Part,
    Record,
    RulesChanged,
    SessionEnded,
    SessionStarted,
)
from domain.market import Side
from domain.orders import OrderFact, Purpose
from helpers.views.wording import money, plain, safe, signed

_MOST_ENDED = 500
"""Ended orders remembered for news that comes late."""


class Tone(StrEnum):
    QUIET = "quiet"
    """Routine: an order posted or taken back."""
    NEWS = "news"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` holds no control characters."""

    at_ns: int
    text: str
    tone: Tone


@dataclass(slots=True)
class _Told:
    """One order as far as it has been told."""

    intent: OrderIntended
    owed: deque[Part] = field(default_factory=deque)
    """What its fills have not closed yet."""
    filled: Decimal = Decimal(0)
    rests: bool = False
    why: str = ""


@dataclass(slots=True)
class _Lot:
    """What is open of one entry: base units, and what they cost in quote currency."""

    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)


class Narrator:
    """Turns records into sentences. Remembers what it needs to name an order's purpose and a close's result, no more.

    The result of a close is stated before fees, against the average price of the entry's fills (an entry fills at one
    price, its own limit, so that this is exact for maker orders). It is left out where the opening was never seen.
    """

    def __init__(self) -> None:
        self._orders: dict[int, _Told] = {}
        self._ended: deque[int] = deque()
        self._lots: dict[int, _Lot] = {}
        self._trades: dict[tuple[str, str], None] = {}

    def tell(self, record: Record) -> Sentence | None:
        """The sentence of `record`; None where a person has nothing to learn from it."""
        told = self._words(record)
        return None if told is None else Sentence(record.at_ns, told[0], told[1])

    def _words(self, record: Record) -> tuple[str, Tone] | None:
        match record:
            case OrderIntended():
                return self._intended(record)
            case CancelIntended():
                if record.client_id in self._orders:
                    self._orders[record.client_id].why = safe(record.why)
                return None
            case OrderUpdate():
                return self._updated(record)
            case Fill():
                return self._filled(record)
            case _:
                return _circumstance(record)

    def _intended(self, record: OrderIntended) -> tuple[str, Tone] | None:
        self._orders[record.client_id] = _Told(record, deque(record.parts))
        if record.purpose is Purpose.EXIT:
            return f"closing {plain(record.quantity)} at market", Tone.NEWS
        return None

    def _updated(self, update: OrderUpdate) -> tuple[str, Tone] | None:
        told = None if update.client_id is None else self._orders.get(update.client_id)
        if told is None:
            return None
        name = _name(told.intent)
        fact = update.fact
        if fact in _LAST_FACTS:
            self._forget_later(told.intent.client_id)
        if fact is OrderFact.ACCEPTED and not told.rests:
            told.rests = True
            return None if told.intent.purpose is Purpose.EXIT else (f"{name} posted", Tone.QUIET)
        # Of a cancel that we asked for, our own reason says more than the venue's.
        why = told.why or safe(update.reason) if fact is OrderFact.CANCELLED else safe(update.reason) or told.why
        words = _ENDINGS.get(fact)
        if words is None:
            return None
        text, tone = words
        return f"{name} {text}" + (f": {why}" if why else ""), tone

    def _filled(self, fill: Fill) -> tuple[str, Tone] | None:
        key = (fill.order_id, fill.trade_id)
        if key in self._trades:
            return None
        self._trades[key] = None
        if len(self._trades) > _MOST_ENDED:
            del self._trades[next(iter(self._trades))]
        verb = "bought" if fill.side is Side.BUY else "sold"
        what = f"{verb} {plain(fill.quantity)} at {plain(fill.price)}"
        fee = f", fee {money(fill.fee)}" if fill.fee else ""
        if fill.forced:
            return f"the venue {what} by force (liquidation or deleveraging){fee}", Tone.BAD
        told = None if fill.client_id is None else self._orders.get(fill.client_id)
        if told is None:
            return f"{what}{fee}", Tone.NEWS
        told.filled += fill.quantity
        if told.filled >= told.intent.quantity:
            self._forget_later(told.intent.client_id)
        if told.intent.purpose is Purpose.OPEN:
            self._opened(told.intent, fill)
            return f"open filled: {what}{fee}", Tone.NEWS
        result = self._closed(told, fill)
        name = "take-profit filled" if told.intent.purpose is Purpose.CLOSE else "closed at market"
        if result is None:
            return f"{name}: {what}{fee}", Tone.GOOD
        word = "profit" if result >= 0 else "loss"
        return f"{name}: {what}, {word} {signed(result)}{fee}", Tone.GOOD if result >= 0 else Tone.BAD

    def _opened(self, intent: OrderIntended, fill: Fill) -> None:
        if intent.entry_id is not None:
            lot = self._lots.setdefault(intent.entry_id, _Lot())
            lot.quantity += fill.quantity
            lot.cost += fill.quantity * fill.price

    def _closed(self, told: _Told, fill: Fill) -> Decimal | None:
        """The result before fees in quote currency; None where an opening is not known."""
        left, cost, is_known = fill.quantity, Decimal(0), True
        while left > 0 and told.owed:
            part = told.owed.popleft()
            taken = min(left, part.quantity)
            if taken < part.quantity:
                told.owed.appendleft(Part(part.entry_id, part.quantity - taken))
            left -= taken
            lot = self._lots.get(part.entry_id)
            if lot is None or lot.quantity < taken:
                is_known = False
                continue
            share = lot.cost * taken / lot.quantity
            cost += share
            lot.cost -= share
            lot.quantity -= taken
            if not lot.quantity:
                del self._lots[part.entry_id]
        if left > 0 or not is_known:
            return None
        return (fill.quantity * fill.price - cost) * fill.side.opposite.sign

    def _forget_later(self, client_id: int) -> None:
        self._ended.append(client_id)
        while len(self._ended) > _MOST_ENDED:
            self._orders.pop(self._ended.popleft(), None)


_LAST_FACTS = frozenset(
    {OrderFact.FILLED, OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.REFUSED, OrderFact.NEVER_PLACED}
)
_ENDINGS = {
    OrderFact.CANCELLED: ("cancelled", Tone.QUIET),
    OrderFact.EXPIRED: ("expired", Tone.NEWS),
    OrderFact.REFUSED: ("refused", Tone.NEWS),
    OrderFact.NEVER_PLACED: ("never reached the venue", Tone.NEWS),
    OrderFact.OUTCOME_UNKNOWN: ("unanswered, asking the venue", Tone.NEWS),
    OrderFact.CANCEL_FAILED: ("not cancelled, still resting", Tone.NEWS),
}


def _name(intent: OrderIntended) -> str:
    """An order in a few words: "open buy 0.1 at 3000.5"."""
    kind = {Purpose.OPEN: "open", Purpose.CLOSE: "take-profit", Purpose.EXIT: "market close"}[intent.purpose]
    price = "" if intent.price is None else f" at {plain(intent.price)}"
    return f"{kind} {intent.side.value} {plain(intent.quantity)}{price}"


def _circumstance(record: Record) -> tuple[str, Tone] | None:
    """Records that concern no order."""
    match record:
        case JournalBegan() if record.foreign_position:
            foreign = plain(record.foreign_position)
            return f"a position of {foreign} was there before and is left alone", Tone.NEWS
        case SessionStarted():
            return "session started", Tone.QUIET
        case SessionEnded():
            return f"session ended: {safe(record.reason)}", Tone.NEWS if record.exit_status == 0 else Tone.BAD
        case FundingPayment():
            word = "received" if record.amount >= 0 else "paid"
            return f"funding {word}: {money(abs(record.amount))}", Tone.QUIET
        case RulesChanged():
            rules = record.rules
            return f"market rules changed: tick {plain(rules.tick_size)}, step {plain(rules.quantity_step)}", Tone.NEWS
        case ClosedOutside():
            return f"{plain(record.quantity)} was closed by somebody else, at a price unknown here", Tone.BAD
        case OwnFound():
            verb = "bought" if record.side is Side.BUY else "sold"
            what = f"{verb} {plain(record.quantity)} at an assumed {plain(record.price)}"
            return f"an own close was found, and what it closes: {what}", Tone.NEWS
        case Halted():
            return f"HALTED: {safe(record.reason)}", Tone.BAD
        case HaltCleared():
            return f"halt cleared: {safe(record.reason)}", Tone.NEWS
        case _:
            return None
