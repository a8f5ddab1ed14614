"""Every fault there is, and how those of one world work together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.events import VenueEvent
from domain.market import Quote
from exchanges.transport.messages import Frame
from exchanges.transport.twin import FrameFate, RequestFate
from markets.orders import NewOrder, OrderState, Refusal
from simulation.faults import local, transport, venue
from simulation.faults.base import Allowed, Fault, Lies, Place

if TYPE_CHECKING:
    from simulation.life import Household
    from simulation.worlds.base import Errand

FAULTS: tuple[type[Fault], ...] = (
    transport.RequestNotSent,
    transport.RequestLost,
    transport.AnswerLost,
    transport.AnswerLate,
    transport.RequestLate,
    transport.RequestTwice,
    transport.AcceptedButBadGateway,
    transport.GarbledAnswer,
    transport.HostileAnswer,
    transport.TooManyRequests,
    transport.FrameLost,
    transport.FrameTwice,
    transport.FrameLate,
    transport.TotalMissing,
    transport.GarbledFrame,
    transport.StreamsCut,
    transport.Outage,
    transport.BookStands,
    transport.SilentStall,
    venue.OrdersRefused,
    venue.OrderHidden,
    venue.PositionZeroOnce,
    venue.BookCrossed,
    venue.HandTrade,
    venue.Liquidated,
    venue.ForeignOrders,
    venue.VenueCancels,
    venue.RulesMove,
    local.LoopBlocked,
    local.ClockOff,
    local.DiskFull,
    local.SyncFails,
    local.Kill,
    local.PowerLoss,
    local.CtrlC,
    local.CtrlCTwice,
)
BY_NAME: Mapping[str, type[Fault]] = {fault.name: fault for fault in FAULTS}
KILLS = (local.Kill.name, local.PowerLoss.name)


class Storm:
    """The faults of one world: its way (`Way`), the venue's mood (`VenueMood`) and the disk's (`DiskMood`)."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        self.lies = Lies()
        self._home: Household | None = None
        self._moods = [fault for fault in self.faults if isinstance(fault, venue.VenueFault)]
        self._full = [fault for fault in self.faults if isinstance(fault, local.DiskFull)]
        self._unsynced = [fault for fault in self.faults if isinstance(fault, local.SyncFails)]
        self._clocks = [fault for fault in self.faults if isinstance(fault, local.ClockOff)]
        on_way = [fault for fault in self.faults if fault.place is Place.TRANSPORT]
        # While a stream carries nothing, nothing else can happen to what it carries.
        self._on_way = sorted(on_way, key=lambda fault: not isinstance(fault, transport.SilentStall))

    @property
    def home(self) -> Household:
        assert self._home is not None, "begun before anything can be struck"
        return self._home

    def begin(self, home: Household) -> None:
        self._home = home
        for fault in self.faults:
            fault.begin(home)

    def clock_offset_ns(self) -> int:
        return sum(fault.offset_ns() for fault in self._clocks)

    # --- the way ----------------------------------------------------------------------------------------------------

    def request_fate(self, errand: Errand) -> RequestFate:
        # Each is asked, so that each draws as often whatever the others do.
        fates = [fault.request_fate(errand, self.home) for fault in self._on_way]
        return next((fate for fate in fates if fate is not None), RequestFate())

    def frame_fate(self, frame: Frame | None) -> FrameFate:
        fates = [fault.frame_fate(frame, self.home) for fault in self._on_way]
        return next((fate for fate in fates if fate is not None), FrameFate())

    def as_told(self, event: VenueEvent) -> VenueEvent | None:
        told: VenueEvent | None = event
        for fault in self._on_way:
            told = None if told is None else fault.as_told(told, self.home)
        return told

    def refuses_socket(self) -> bool:
        return False

    # --- the venue --------------------------------------------------------------------------------------------------

    def refusal(self, request: NewOrder) -> Refusal | None:
        return next((found for mood in self._moods if (found := mood.refusal(request, self.home)) is not None), None)

    def hides(self, order: OrderState) -> bool:
        return any(mood.hides(order, self.home) for mood in self._moods)

    def position(self, true: Decimal) -> Decimal:
        for mood in self._moods:
            true = mood.position(true, self.home)
        return true

    def quote(self, true: Quote | None) -> Quote | None:
        for mood in self._moods:
            true = mood.quote(true, self.home)
        return true

    # --- the disk ---------------------------------------------------------------------------------------------------

    def refuses_write(self) -> bool:
        return any(fault.is_on(self.home) for fault in self._full)

    def refuses_sync(self) -> bool:
        return any(fault.is_on(self.home) for fault in (*self._full, *self._unsynced))


def faults_of(
    seed: int, rates: Mapping[str, float], allowed: Mapping[str, frozenset[int]] | None = None
) -> list[Fault]:
    """The faults of a world. `allowed`: for each fault the strikes that may happen; None: all of all."""
    numbers = {name: Allowed() if allowed is None else Allowed(allowed.get(name, frozenset())) for name in rates}
    return [BY_NAME[name](seed, rate, numbers[name]) for name, rate in rates.items()]
