"""What every world has: a stage on which time passes, a venue, a way to it, and somebody to connect."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Protocol

from domain.clock import Clock
from domain.events import VenueEvent
from domain.market import MarketRules, Side
from exchanges.base import BaseExchangeClient
from exchanges.transport.messages import Frame
from exchanges.transport.twin import FrameFate, RequestFate
from helpers.clock import World
from simulation.observed import RequestKind, VenueQuote
from simulation.scribe import Scribe
from simulation.worlds.loop import Life
from simulation.worlds.venue import VenueMood, WorldVenue

_STRIDE_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Errand:
    """What the bot asked its client for when a request left."""

    kind: RequestKind
    what: str
    client_id: int | None = None


NO_ERRAND = Errand(RequestKind.READ, "session")
"""Whatever a client sends by itself: logins, listen keys, times."""


class Way(Protocol):
    """What happens between the bot and the venue."""

    def request_fate(self, errand: Errand) -> RequestFate: ...

    def frame_fate(self, frame: Frame | None) -> FrameFate:
        """`frame` None: an event of the paper exchange."""

    def as_told(self, event: VenueEvent) -> VenueEvent | None:
        """What the paper exchange says of itself, in the words that arrive; None: nothing does."""

    def refuses_socket(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class VenueLimits:
    """`requests_per_minute` None: the venue takes more than are ever sent. `price_band`: the lowest and the highest
    price of a limit order, as fractions of the middle of its market."""

    requests_per_minute: int | None = None
    price_band: tuple[Decimal, Decimal] = (Decimal(0), Decimal("Infinity"))


MakeScribe = Callable[[Callable[[], int], Sequence[str], VenueLimits], Scribe]
"""From a clock, the secrets of a world and the limits of its venue to its scribe."""


class CalmWay:
    def request_fate(self, errand: Errand) -> RequestFate:  # noqa: ARG002 - the interface's, here and below
        return RequestFate()

    def frame_fate(self, frame: Frame | None) -> FrameFate:  # noqa: ARG002
        return FrameFate()

    def as_told(self, event: VenueEvent) -> VenueEvent | None:
        return event

    def refuses_socket(self) -> bool:
        return False


class Stage:
    """What the loops of all lives live in (`helpers.clock.World`): the world, and what was arranged to happen in it."""

    def __init__(self, world: World, now_ns: Callable[[], int], after: Callable[[], None]) -> None:
        """`after` is called whenever the world has lived on a little."""
        self._world = world
        self._now_ns = now_ns
        self._after = after
        self._due: list[tuple[int, int, Callable[[], object]]] = []
        self._arranged = 0
        self.blocked_until_ns = 0
        """Until then the machine runs no step of the bot, and time passes all the same."""

    def at(self, at_ns: int, action: Callable[[], object]) -> None:
        """Do something at a moment, whoever lives then."""
        self._arranged += 1
        heapq.heappush(self._due, (max(at_ns, self._now_ns()), self._arranged, action))

    def advance(self, until_ns: int | None) -> int | None:
        while True:
            reached_ns = self._advance_once(until_ns)
            if self.blocked_until_ns <= self._now_ns():
                return reached_ns
            until_ns = max(self.blocked_until_ns, until_ns or 0)

    def _advance_once(self, until_ns: int | None) -> int | None:
        bound_ns = self._now_ns() + _STRIDE_NS if until_ns is None else until_ns
        if self._due:
            bound_ns = min(bound_ns, max(self._due[0][0], self._now_ns()))
        reached_ns = self._world.advance(bound_ns)
        self._after()
        while self._due and self._due[0][0] <= self._now_ns():
            heapq.heappop(self._due)[2]()
            self._after()
        return reached_ns


class SimulatedWorld(ABC):
    """One account at one venue, which outlives every process of the bot. Times are the world's, nanoseconds."""

    exchange: str
    stage: Stage
    venue: WorldVenue
    scribe: Scribe
    way: Way
    only_lists_orders: bool = False
    """Whether the venue tells of an order in lists alone."""
    secrets: Sequence[str] = ()
    """Values that must be shown nowhere: throw-away keys of this world's own."""

    @property
    @abstractmethod
    def now_ns(self) -> int: ...

    @abstractmethod
    def open_client(self, life: Life, clock: Clock, chance: Random) -> BaseExchangeClient:
        """A client for a new process, on the loop that lives in `stage`. `clock` is the process's own."""

    @abstractmethod
    def end_life(self, *, power_lost: bool) -> None:
        """The process is dead: what has left arrives, and nothing reaches it any more."""

    @abstractmethod
    def cut_streams(self, away_ns: int, reason: str = "") -> None:
        """The streams break, for which the venue may name a reason; new ones are refused for so long."""

    def hold_book(self, lasting_ns: int) -> None:
        """For so long the market's data do not arrive, and all else does. `NotImplementedError` where a venue's own
        client lives: there both come by sockets, and a socket is silent as a whole."""
        raise NotImplementedError

    @abstractmethod
    def mend_streams(self) -> None:
        """Streams may be opened again."""

    # --- what others do ---------------------------------------------------------------------------------------------

    @abstractmethod
    def trade_by_hand(self, side: Side, quantity: Decimal) -> None:
        """The account's owner trades elsewhere, at the touch. `ValueError` where there is no touch yet."""

    @abstractmethod
    def liquidate(self, quantity: Decimal, *, ends_orders: bool) -> None:
        """The venue itself closes so much of the position: see `SimulatedVenue.liquidate`."""

    @abstractmethod
    def place_by_hand(self, side: Side, quantity: Decimal, price: Decimal) -> None:
        """The owner's own resting order; a refusal is no matter."""

    @abstractmethod
    def end_by_venue(self, order_id: str, reason: str, *, expired: bool) -> None: ...

    def can_list(self, rules: MarketRules) -> bool:  # noqa: ARG002 - most venues can
        """Whether the venue has words for such rules."""
        return True

    @abstractmethod
    def change_rules(self, rules: MarketRules) -> None:
        """Where the venue has words for such rules."""

    def show_touch(self) -> None:
        """The touch that the venue shows has become unusable, or usable again."""
        shown = self.venue.quote_as_of(self.venue.now_ns)
        self.scribe.tell(VenueQuote(None if shown is None else shown.bid, None if shown is None else shown.ask))

    def set_mood(self, mood: VenueMood) -> None:
        self.venue.mood = mood

    def live_on(self, until_ns: int) -> None:
        """Time passes while no process lives."""
        while self.now_ns < until_ns:
            self.stage.advance(until_ns)
