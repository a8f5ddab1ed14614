"""The world of a paper session: the venue, and everything on its way to it or back.

A request reaches the venue after the latency and takes effect at the time it arrives; its answer takes the latency
back. Events reach the client over streams that each have their own delay. So a cancel races a fill because both are on
their way, and a fill may be known before the acknowledgement of its order.

`PaperWorld` is what a virtual-time loop lives in: the loop asks it to advance whenever no callback is ready.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from domain.events import Fill, OrderUpdate, PositionUpdate, QuoteMoved, VenueEvent
from domain.market import NANOSECONDS, PriceBand, Quote
from markets.account import AccountTerms
from markets.feed import EVERY_QUOTE, IntBand
from markets.store import AccountStore
from markets.tape import MarketSource
from markets.venue import SimulatedVenue

Answer = TypeVar("Answer")
Arrival = Callable[[], bool]
"""What happens at a moment; whether it reached the client."""

_LONGEST_STRIDE_NS = 3600 * NANOSECONDS
"""The longest the world lives before it gives the loop a chance to see a signal, when nobody waits for a moment."""


@dataclass(frozen=True, slots=True)
class StreamDelays:
    """Nanoseconds from the venue to the client, per stream. Orders carry all other events of the account too."""

    order_ns: int
    fill_ns: int
    position_ns: int
    quote_ns: int

    @classmethod
    def all_as(cls, delay_ns: int) -> StreamDelays:
        return cls(delay_ns, delay_ns, delay_ns, delay_ns)

    def of(self, event: VenueEvent) -> int:
        if isinstance(event, Fill):
            return self.fill_ns
        return self.position_ns if isinstance(event, PositionUpdate) else self.order_ns


class Listener(Protocol):
    """The client's end of the streams."""

    def receive(self, events: Sequence[VenueEvent]) -> None:
        """Called while the loop is in `select`: must only schedule."""


class PaperWorld:
    """One venue, at most one listener at a time. Times are nanoseconds since the epoch.

    Satisfies `helpers.clock.World`.
    """

    def __init__(self, venue: SimulatedVenue, latency_ns: int, delays: StreamDelays) -> None:
        self.venue = venue
        self._latency_ns = latency_ns
        self._delays = delays
        self._due: list[tuple[int, int, Arrival]] = []
        self._scheduled = 0
        self._listener: Listener | None = None
        self._session = 0
        self._watch = 0
        self._band: IntBand | None = None
        self._seen: tuple[tuple[int, bool], Quote | None] | None = None
        """The last moment asked about, and its quote."""

    @property
    def now_ns(self) -> int:
        return self.venue.now_ns

    # --- the loop's side --------------------------------------------------------------------------------------------

    def advance(self, until_ns: int | None) -> int | None:
        """Live until something reached the client, at most until `until_ns`; the time reached.

        It may be later than asked, where recorded data have a gap. None: nothing will ever happen again by itself.
        """
        venue = self.venue
        if until_ns is None:
            if not self._due and (self._listener is None or venue.is_over):
                return None
            until_ns = venue.now_ns + _LONGEST_STRIDE_NS
        while True:
            venue.advance(min(until_ns, self._due[0][0]) if self._due else until_ns, self._band)
            self._send_events()
            if self._band is not None and venue.is_outside(self._band):
                self._band = None
                self._send_quote(venue.now_ns)
            if self._run_due() or venue.now_ns >= until_ns:
                return venue.now_ns

    def _run_due(self) -> bool:
        """Everything due by now, in order of time and then of scheduling; whether any of it reached the client."""
        has_reached = False
        while self._due and self._due[0][0] <= self.venue.now_ns:
            has_reached |= heapq.heappop(self._due)[2]()
        return has_reached

    def _schedule(self, time_ns: int, arrival: Arrival) -> None:
        self._scheduled += 1
        heapq.heappush(self._due, (time_ns, self._scheduled, arrival))

    # --- the client's side ------------------------------------------------------------------------------------------

    def attach(self, listener: Listener, now_ns: int) -> None:
        """Deliver the streams to `listener` from now on. Raises `ValueError` while another one listens.

        A clock ahead of the venue (an account continued after a while) lets the market catch up first, unheard.
        """
        if self._listener is not None:
            raise ValueError("another client is connected to this paper account")
        while self.venue.now_ns < now_ns:
            self.venue.advance(now_ns)
            self.venue.take_events()
        self._listener = listener

    def detach(self) -> None:
        """Nothing on its way to the client arrives any more; requests on their way to the venue still do."""
        self._listener = None
        self._session += 1
        self._band = None

    def send(
        self, now_ns: int, request: Callable[[SimulatedVenue], Answer], answered: Callable[[Answer], None]
    ) -> None:
        """Carry `request` to the venue, and its answer back to the client that is attached now."""
        session = self._session

        def take_effect() -> bool:
            answer = request(self.venue)
            self._schedule(self.venue.now_ns + self._latency_ns, partial(self._return, session, answered, answer))
            self._send_events()
            return False

        self._schedule(now_ns + self._latency_ns, take_effect)

    def quote(self) -> Quote | None:
        """The quote as the client sees it now."""
        venue = self.venue
        moment = (venue.now_ns, venue.has_ended)
        if self._seen is None or self._seen[0] != moment:
            # A moment's rows have all happened, so that its quote stays what it is; a bot asks for it several times.
            self._seen = moment, venue.quote_as_of(venue.now_ns - self._delays.quote_ns)
        return self._seen[1]

    def watch_quotes(self, band: PriceBand | None) -> None:
        """Deliver one `QuoteMoved` at the first quote outside `band` (None: at the first quote), as the client sees
        them.

        Replaces the earlier watch. A quote outside that is on its way already, or was seen, is delivered like any
        other.
        """
        self._watch += 1
        self._band = None
        watched = EVERY_QUOTE if band is None else self.venue.int_band(band)
        seen = self.quote()
        seen_ns = self.venue.now_ns - self._delays.quote_ns
        if seen is not None and (band is None or not band.contains(seen)):
            self._send_quote(seen_ns)
            return
        moved_ns = self.venue.first_outside(watched, seen_ns)
        if moved_ns is None:
            self._band = watched
        else:
            self._send_quote(moved_ns)

    # --- on the way -------------------------------------------------------------------------------------------------

    def _send_events(self) -> None:
        if not self.venue.has_events:
            return
        now_ns = self.venue.now_ns
        together: dict[int, list[VenueEvent]] = {}
        for event in self.venue.take_events():
            together.setdefault(self._delays.of(event), []).append(event)
        for delay_ns, events in together.items():
            self._schedule(now_ns + delay_ns, partial(self._deliver, self._session, events))

    def _send_quote(self, moved_ns: int) -> None:
        session, watch = self._session, self._watch

        def arrive() -> bool:
            quote = self.quote()
            if quote is None or watch != self._watch:
                return False
            return self._deliver(session, [QuoteMoved(self.venue.now_ns, quote)])

        self._schedule(moved_ns + self._delays.quote_ns, arrive)

    def _deliver(self, session: int, events: list[VenueEvent]) -> bool:
        """Hand over what arrives at one moment over streams of one delay, in the order in which it was sent."""
        if self._listener is None or session != self._session:
            return False
        now_ns = self.venue.now_ns
        self._listener.receive([_arrived(event, now_ns) for event in events])
        return True

    def _return(self, session: int, answered: Callable[[Answer], None], answer: Answer) -> bool:
        if self._listener is None or session != self._session:
            return False
        answered(answer)
        return True


def _arrived(event: VenueEvent, at_ns: int) -> VenueEvent:
    """The event as learned at `at_ns`. The two that come with every order are written out, which is much faster."""
    if isinstance(event, OrderUpdate):
        return OrderUpdate(
            at_ns, event.client_id, event.fact, event.order_id, event.filled, event.quantity, event.reason
        )
    if isinstance(event, PositionUpdate):
        return PositionUpdate(at_ns, event.quantity)
    return replace(event, at_ns=at_ns)


def open_world(
    source: MarketSource,
    terms: AccountTerms,
    ledger: AccountStore | None,
    latency_ns: int,
    delays: StreamDelays | None = None,
) -> PaperWorld:
    """A world with one account on one market; `delays` None: each stream is as slow as a request."""
    streams = StreamDelays.all_as(latency_ns) if delays is None else delays
    history_ns = 2 * streams.quote_ns + NANOSECONDS
    return PaperWorld(SimulatedVenue(source, terms, ledger, history_ns=history_ns), latency_ns, streams)
