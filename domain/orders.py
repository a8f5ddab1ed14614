"""The life of an order, as one table: (status, fact) -> status.

A *fact* is something proven about an order: by the venue, by the transport, or by our own intent. Facts may come late,
twice, or out of order; the table is built so that any order of the facts of one true history ends in the same status:

* a status only ever moves to one that knows more;
* an ended order stays ended, whatever older news still arrives. Two exceptions, both of which follow stronger evidence:
  a cancelled or expired order whose fills turn out to be complete was FILLED, and an order believed never placed is
  alive again when the venue speaks of it;
* quantities are not in the table. `filled` is a total and only grows (see `domain.events`), in every status.

`docs/order-lifecycle.md` is drawn from this table by `lifecycle_diagram`.
"""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """Why an order of ours exists."""

    OPEN = "open"
    """Post-only opening order of an entry."""
    CLOSE = "close"
    """Post-only, reduce-only take-profit."""
    EXIT = "exit"
    """Reduce-only market order: boost mode, or flattening on stop."""


class OrderStatus(StrEnum):
    PLANNED = "planned"
    """The intent is journaled; the request may be on its way."""
    UNKNOWN = "unknown"
    """The request was lost from sight: the venue must be asked."""
    OPEN = "open"
    CANCELLING = "cancelling"
    """Resting; a cancel was asked for and has not been proven."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    NEVER_PLACED = "never_placed"
    """Proven never to have reached the venue's book."""

    @property
    def has_ended(self) -> bool:
        return self in _ENDED


class OrderFact(StrEnum):
    ACCEPTED = "accepted"
    """The venue holds the order (an acknowledgement, a listing, or a partial fill)."""
    FILLED = "filled"
    """The filled total reached the order's quantity."""
    CANCEL_ASKED = "cancel_asked"
    """We intend to cancel."""
    CANCEL_FAILED = "cancel_failed"
    """The venue still holds the order after a cancel was asked for."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    NEVER_PLACED = "never_placed"
    """The request never left, or the venue's complete history does not know the order."""
    OUTCOME_UNKNOWN = "outcome_unknown"


_ENDED = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUSED, OrderStatus.NEVER_PLACED}
)

_S = OrderStatus
_F = OrderFact

_ANY_LIVE_ENDS = {
    _F.FILLED: _S.FILLED,
    _F.CANCELLED: _S.CANCELLED,
    _F.EXPIRED: _S.EXPIRED,
    _F.REFUSED: _S.REFUSED,
}

LIFECYCLE: dict[OrderStatus, dict[OrderFact, OrderStatus]] = {
    _S.PLANNED: {
        **_ANY_LIVE_ENDS,
        _F.ACCEPTED: _S.OPEN,
        _F.CANCEL_ASKED: _S.CANCELLING,
        _F.NEVER_PLACED: _S.NEVER_PLACED,
        _F.OUTCOME_UNKNOWN: _S.UNKNOWN,
    },
    _S.UNKNOWN: {
        **_ANY_LIVE_ENDS,
        _F.ACCEPTED: _S.OPEN,
        _F.CANCEL_ASKED: _S.CANCELLING,
        _F.NEVER_PLACED: _S.NEVER_PLACED,
    },
    _S.OPEN: {**_ANY_LIVE_ENDS, _F.CANCEL_ASKED: _S.CANCELLING},
    _S.CANCELLING: {**_ANY_LIVE_ENDS, _F.CANCEL_FAILED: _S.OPEN, _F.NEVER_PLACED: _S.NEVER_PLACED},
    _S.FILLED: {},
    _S.CANCELLED: {_F.FILLED: _S.FILLED},
    _S.EXPIRED: {_F.FILLED: _S.FILLED},
    _S.REFUSED: {_F.FILLED: _S.FILLED},
    _S.NEVER_PLACED: {**_ANY_LIVE_ENDS, _F.ACCEPTED: _S.OPEN},
}
"""Facts missing from a row change nothing: they are older news, or say nothing new."""


FACT_OF_STATUS = {
    _S.OPEN: _F.ACCEPTED,
    _S.CANCELLING: _F.ACCEPTED,
    _S.FILLED: _F.FILLED,
    _S.CANCELLED: _F.CANCELLED,
    _S.EXPIRED: _F.EXPIRED,
    _S.REFUSED: _F.REFUSED,
    _S.NEVER_PLACED: _F.NEVER_PLACED,
}
"""What a venue proves about an order by saying that it has a status."""


def advance(status: OrderStatus, fact: OrderFact) -> OrderStatus:
    """The status after `fact`; the same status where the fact tells nothing new."""
    return LIFECYCLE[status].get(fact, status)


def lifecycle_diagram() -> str:
    """The table as a Mermaid state diagram; the text of `docs/order-lifecycle.md`."""
    lines = ["stateDiagram-v2", f"    [*] --> {_S.PLANNED.value}"]
    for status, row in LIFECYCLE.items():
        targets: dict[OrderStatus, list[str]] = {}
        for fact, target in row.items():
            targets.setdefault(target, []).append(fact.value)
        lines += [f"    {status.value} --> {target.value}: {', '.join(facts)}" for target, facts in targets.items()]
    lines += [f"    {status.value} --> [*]" for status in OrderStatus if status.has_ended]
    return "\n".join(lines) + "\n"
