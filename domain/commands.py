"""What a strategy wants done. It says what; the bot gives the client id, writes the intent down and performs it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.events import Part
from domain.market import PriceBand, Side
from domain.status import Hold


@dataclass(frozen=True, slots=True)
class PlaceOpen:
    """A post-only opening order of an entry."""

    entry_id: int
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PlaceClose:
    """A post-only, reduce-only order that closes `parts`."""

    side: Side
    price: Decimal
    quantity: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class PlaceExit:
    """A reduce-only market order that closes `parts` at once."""

    side: Side
    quantity: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CancelOrder:
    client_id: int
    why: str


@dataclass(frozen=True, slots=True)
class LapseWaiver:
    """The next entry cannot begin at the first look after an entry closed."""


@dataclass(frozen=True, slots=True)
class AbandonEntry:
    """An entry that filled nothing cannot be re-placed now."""

    entry_id: int


@dataclass(frozen=True, slots=True)
class RequestStop:
    """The stop price was reached: end the session as `--on-stop` says."""

    reason: str


Command = PlaceOpen | PlaceClose | PlaceExit | CancelOrder | LapseWaiver | AbandonEntry | RequestStop


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, why nothing is opened, and when to look again.

    `wake_ns`: look again at this time at the latest (None: only when something happens). `band`: look again when the
    touch leaves it (None: no price matters). `needs_look`: the venue must be asked before something owed can be
    decided. `uncoverable`: own quantity that lies bare, in base units, and that no close may be placed for because
    others hold as much the other way.
    """

    commands: tuple[Command, ...]
    holds: tuple[Hold, ...]
    wake_ns: int | None
    band: PriceBand | None
    needs_look: bool
    next_action: str
    uncoverable: Decimal = Decimal(0)
