"""The circumstances of one decision, and the decision while it is being made."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from domain.commands import Command
from domain.market import Quote
from domain.status import Hold
from domain.stop import StopMode
from strategies.take_profit_grid.guards import Look


@dataclass(frozen=True, slots=True)
class Situation:
    """What the journal does not hold: the circumstances of one decision.

    `look`: the newest successful reading of the venue since the connection was last restored; None until there is one.
    `look_failed`: the newest attempt failed. `suspicion`: what the guard objects to, awaiting its second look (or, at a
    start after a halt, still there). `trouble`: why the bot itself must not open (journal unwritable, event loop
    lagging). `stopping`: None while running. A halt is in the state.

    `recovering`: no look has succeeded since this session started. What fills are heard of until then may be covered by
    closes that a lost journal tail no longer knows, and that only a look can find.
    """

    now_ns: int
    quote: Quote | None
    connected: bool = True
    look: Look | None = None
    look_failed: bool = False
    suspicion: str = ""
    trouble: str = ""
    stopping: StopMode | None = None
    recovering: bool = False


@dataclass(slots=True)
class Draft:
    """A decision being made: one place that gathers the earliest wake-up and the narrowest band."""

    commands: list[Command] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    wake_ns: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    needs_look: bool = False
    uncoverable: Decimal = Decimal(0)
    next_action: str = ""

    def wake_at(self, at_ns: int) -> None:
        self.wake_ns = at_ns if self.wake_ns is None else min(self.wake_ns, at_ns)

    def watch_below(self, level: Decimal) -> None:
        self.low = level if self.low is None else max(self.low, level)

    def watch_above(self, level: Decimal) -> None:
        self.high = level if self.high is None else min(self.high, level)
