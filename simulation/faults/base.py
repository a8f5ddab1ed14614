"""A fault: a name, the entries of the catalogue it stands for, and a stream of chance that nothing else draws from.

Because each fault draws from its own stream, taking one away leaves the others as they were, as far as the bot behaves
the same: that is what makes a failing world small enough to be understood. For the same reason a strike draws all it
needs before it is known whether it is allowed.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, ClassVar

from domain.events import VenueEvent
from domain.market import NANOSECONDS
from exchanges.transport.messages import Frame
from exchanges.transport.twin import FrameFate, RequestFate

if TYPE_CHECKING:
    from simulation.life import Household
    from simulation.worlds.base import Errand

HOUR_NS = 3_600 * NANOSECONDS
_LIES_APART_NS = 60 * NANOSECONDS


class Place(StrEnum):
    """Where a fault strikes."""

    VENUE = "venue"
    TRANSPORT = "transport"
    CLOCK = "clock"
    DISK = "disk"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which strikes may happen: all (None), or those of these numbers, from 0."""

    numbers: frozenset[int] | None = None

    def __contains__(self, number: int) -> bool:
        return self.numbers is None or number in self.numbers


@dataclass(slots=True)
class Strikes:
    """`struck`: the numbers of strikes that happened; `offered` counts those that would have."""

    offered: int = 0
    struck: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Lies:
    """What a venue says twice in the same way, seconds apart, is believed: two untruths that can be read, of whichever
    fault, never follow each other so soon. Times in nanoseconds."""

    _truth_until_ns: int = 0

    def are_over(self, now_ns: int) -> bool:
        """Whether an untruth may be told now."""
        return now_ns >= self._truth_until_ns

    def tell(self, now_ns: int) -> bool:
        """The same; where it may, it is."""
        if not self.are_over(now_ns):
            return False
        self._truth_until_ns = now_ns + _LIES_APART_NS
        return True


class Fault(ABC):
    """One fault of one world. `rate` is a probability per opportunity, or strikes per hour: see the subclass.

    `covers`: numbers of the fault catalogue (`simulation.sheet`). `low`, `high`: the rates a world may draw.
    """

    name: ClassVar[str]
    place: ClassVar[Place]
    covers: ClassVar[tuple[int, ...]]
    low: ClassVar[float]
    high: ClassVar[float]
    on_paper: ClassVar[bool] = True
    on_wire: ClassVar[bool] = True
    """Whether it can strike in worlds of a venue's own client."""

    def __init__(self, seed: int, rate: float, allowed: Allowed) -> None:
        self.rate = rate
        self.chance = Random(f"{seed} {self.name}")
        self.strikes = Strikes()
        self._allowed = allowed

    def is_allowed(self) -> bool:
        """To be asked once per strike, after everything was drawn."""
        number = self.strikes.offered
        self.strikes.offered += 1
        if number not in self._allowed:
            return False
        self.strikes.struck.append(number)
        return True

    def begin(self, home: Household) -> None:  # noqa: B027 - most faults wait to be asked
        """The world begins."""

    def end(self, home: Household) -> None:  # noqa: B027
        """From here on everything is well."""

    def request_fate(self, errand: Errand, home: Household) -> RequestFate | None:  # noqa: ARG002 - here and below
        return None

    def frame_fate(self, frame: Frame | None, home: Household) -> FrameFate | None:  # noqa: ARG002
        return None

    def as_told(self, event: VenueEvent, home: Household) -> VenueEvent | None:  # noqa: ARG002
        """See `simulation.worlds.base.Way`."""
        return event


class Timed(Fault):
    """Strikes `rate` times an hour on average, whatever the bot does."""

    def begin(self, home: Household) -> None:
        self._plan(home)

    def _plan(self, home: Household) -> None:
        wait_ns = round(self.chance.expovariate(self.rate) * HOUR_NS)
        home.world.stage.at(home.world.now_ns + max(1, wait_ns), lambda: self._fall_due(home))

    def _fall_due(self, home: Household) -> None:
        if home.is_calm:
            return
        act = self.draw(home)
        if self.is_allowed():
            act()
        self._plan(home)

    def draw(self, home: Household) -> Callable[[], None]:
        """Draw everything this strike needs; what it does."""
        raise NotImplementedError


def seconds(chance: Random, least: float, most: float) -> int:
    """A time drawn evenly on a logarithmic scale, in nanoseconds."""
    ratio: float = (most / least) ** chance.random()
    return round(least * ratio * NANOSECONDS)
