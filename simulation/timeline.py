"""The story of a world around its first violation, for people: what the venue knew, what the bot had written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal

from domain.events import Fill, OrderIntended, OrderUpdate, Record
from domain.market import NANOSECONDS, Side
from domain.report import plain
from simulation.observed import (
    Carried,
    Observation,
    Said,
    Sent,
    Shown,
    Synced,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueQuote,
    VenueRules,
    Violation,
    Written,
)
from simulation.plan import START_NS

_LONGEST = 170
_ZERO = Decimal(0)


class _Books:
    """Own position and own resting closes, once as the venue has them and once as the journal does."""

    def __init__(self, direction: Side) -> None:
        self.direction = direction
        self.venue_position = self.journal_position = _ZERO
        self._at_venue: dict[str, Decimal] = {}
        self._intended: dict[int, OrderIntended] = {}
        self._filled: dict[int, Decimal] = {}
        self._ended: set[int] = set()
        self._trades: set[tuple[int | None, str]] = set()

    def see(self, seen: Observation) -> None:
        match seen:
            case VenueFill(client_id=int()):
                self.venue_position += seen.side.sign * seen.quantity
            case VenueOrder(client_id=int()) if seen.side is not self.direction:
                self._at_venue[seen.order_id] = seen.remaining
            case Written(record=record):
                self._note(record)
            case _:
                pass

    def _note(self, record: Record) -> None:
        match record:
            case OrderIntended():
                self._intended[record.client_id] = record
            case Fill(client_id=int()) if (record.client_id, record.trade_id) not in self._trades:
                self._trades.add((record.client_id, record.trade_id))
                self.journal_position += record.side.sign * record.quantity
                self._filled[record.client_id or 0] = self._filled.get(record.client_id or 0, _ZERO) + record.quantity
            case OrderUpdate(client_id=int()) if record.fact.value not in ("accepted", "cancel_failed"):
                if record.fact.value not in ("cancel_asked", "outcome_unknown"):
                    self._ended.add(record.client_id or 0)
            case _:
                pass

    @property
    def venue_closes(self) -> Decimal:
        return sum(self._at_venue.values(), _ZERO)

    @property
    def journal_closes(self) -> Decimal:
        live = (
            order.quantity - self._filled.get(client_id, _ZERO)
            for client_id, order in self._intended.items()
            if order.side is not self.direction and client_id not in self._ended
        )
        return sum((max(_ZERO, quantity) for quantity in live), _ZERO)

    def both(self) -> str:
        venue = f"P {plain(self.venue_position)} K {plain(self.venue_closes)}"
        journal = f"P {plain(self.journal_position)} K {plain(self.journal_closes)}"
        mark = "  " if venue == journal else "<>"
        return f"{venue:<22} {mark} {journal:<22}"


def timeline(
    story: Sequence[tuple[int, Observation]], violations: Sequence[Violation], direction: Side, most: int = 60
) -> list[str]:
    """The last `most` lines before the first violation, and the violations. P: own position, K: own resting closes;
    on the left as the venue has them, on the right as the journal does."""
    books, lines = _Books(direction), []
    for at_ns, seen in story:
        books.see(seen)
        if isinstance(seen, Carried | Shown | Synced | VenueQuote):
            continue
        lines.append(f"{_time(at_ns)}  {books.both()}  {_words(seen)}"[:_LONGEST])
    head = f"{'time s':>10}  {'the venue':<22}    {'the journal':<22}  what happened"
    found = [f"{_time(each.at_ns)}  !! {each.invariant}: {each.text}" for each in violations]
    return [head, *lines[-most:], *found]


def _time(at_ns: int) -> str:
    return f"{(at_ns - START_NS) / NANOSECONDS:10.3f}"


def _words(seen: Observation) -> str:
    match seen:
        case Written(seq, record):
            return f"journal {seq}: {_short(record)}"
        case Said(notice):
            return f"said ({notice.kind.value}): {notice.text}"
        case Sent():
            order = "" if seen.price is None else f" {seen.side} {seen.quantity} at {seen.price}"
            return f"asks {seen.what} {seen.client_id or ''}{order}"
        case VenueOrder() | VenueFill() | VenuePosition() | VenueRules():
            return f"venue: {_short(seen)}"
        case _:
            return _short(seen)


def _short(value: object) -> str:
    """A dataclass without what is empty or is said elsewhere."""
    if not is_dataclass(value):
        return str(value)
    parts = []
    for each in fields(value):
        inner = getattr(value, each.name)
        if each.name in ("at_ns", "venue_ns", "settings") or inner in (None, "", ()):
            continue
        parts.append(f"{each.name}={plain(inner) if isinstance(inner, Decimal) else inner}")
    return f"{type(value).__name__} {' '.join(parts)}".rstrip()
