"""Under what conditions the bot lives: who is alive, the weather, stalls, the disk, what a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.market import NANOSECONDS
from simulation.observed import (
    Abandoned,
    BookHeld,
    DiskTrouble,
    Disturbed,
    Frozen,
    Healed,
    LifeBegan,
    LifeEnded,
    LifeKilled,
    Observation,
    OutsideChange,
    RateLimited,
    Stalled,
    StopAsked,
    StreamsCut,
    Weather,
)


@dataclass(slots=True)
class Conditions:
    """Times in nanoseconds by the world's clock; None: not so."""

    outside_s: int
    life: int | None = None
    """The one life that may act: the first to begin while no other lived."""
    others: set[int] = field(default_factory=set)
    """Lives that began while another was alive."""
    life_began_ns: int = 0
    is_fair: bool = True
    weather_since_ns: int = 0
    stalled_since_ns: int | None = None
    cut_since_ns: int | None = None
    """Since when the bot has been told that its streams are lost."""
    fair_since_ns: int | None = None
    """Since when a bot has been alive, answered by the venue and reached by its streams."""
    has_disk_trouble: bool = False
    disk_mended_ns: int = 0
    stop_asked_ns: int | None = None
    stop_mode: str = ""
    is_abandoned: bool = False
    """The life shall not wait for what is under way."""
    quiet_until_ns: int = 0
    """Rate limited: nothing may be sent before."""
    frozen_until_ns: int = 0
    """No step of the bot could run before."""
    book_held_until_ns: int = 0
    """No data of the market could reach it before."""
    healed_ns: int | None = None
    outside_ns: int | None = None
    """When somebody else last changed the account."""
    is_outside_known: bool = False
    """The bot has had time enough to see that change."""
    disturbed_ns: int = -1
    """The last disturbance that concerned no one order."""
    disturbed: dict[int, int] = field(default_factory=dict)
    """The last disturbance of each order's news."""

    def is_outside_recent(self, at_ns: int) -> bool:
        """Whether somebody else changed the account so lately that the bot may not have acted on it."""
        if self.outside_ns is None or self.is_outside_known:
            return False
        fair = self.fair_since_ns
        return fair is None or at_ns - max(self.outside_ns, fair) <= self.outside_s * NANOSECONDS

    def was_calm_since(self, since_ns: int) -> bool:
        """Whether since then, and a while before, nothing was wrong: not the line, the disk nor the machine."""
        disturbed_ns = max(self.disturbed_ns, max(self.disturbed.values(), default=-1), self.frozen_until_ns)
        is_fair = self.fair_since_ns is not None and self.fair_since_ns <= since_ns
        has_disk = not self.has_disk_trouble and self.disk_mended_ns <= since_ns
        return is_fair and has_disk and disturbed_ns < since_ns and self.quiet_until_ns <= since_ns

    def disturbed_at(self, client_id: int) -> int:
        """When news of this order was last disturbed; -1: never."""
        return max(self.disturbed_ns, self.disturbed.get(client_id, -1))

    def take(self, at_ns: int, seen: Observation) -> None:
        match seen:
            case LifeBegan(number):
                self._begin(at_ns, number)
            case LifeKilled(number) | LifeEnded(number=number):
                self._end(number)
            case Weather(is_fair=is_fair):
                self.is_fair, self.weather_since_ns = is_fair, at_ns
            case StreamsCut(is_cut):
                self.cut_since_ns = at_ns if is_cut else None
            case Stalled(is_stalled):
                self._stall(at_ns, is_stalled)
            case Disturbed(client_id=None):
                self.disturbed_ns = at_ns
            case Disturbed(client_id=int() as client_id):
                self.disturbed[client_id] = at_ns
            case DiskTrouble(is_on):
                self.has_disk_trouble = is_on
                self.disk_mended_ns = at_ns
            case StopAsked(mode) if self.stop_asked_ns is None:
                self.stop_asked_ns, self.stop_mode = at_ns, mode
            case Abandoned():
                self.is_abandoned = True
            case RateLimited(until_ns):
                self.quiet_until_ns = max(self.quiet_until_ns, until_ns)
            case Frozen(until_ns):
                self.frozen_until_ns = max(self.frozen_until_ns, until_ns)
            case BookHeld(until_ns):
                self.book_held_until_ns = max(self.book_held_until_ns, until_ns)
            case Healed():
                self.healed_ns = at_ns
            case OutsideChange():
                self.outside_ns, self.is_outside_known = at_ns, False
            case _:
                return
        self._reckon_fair(at_ns)

    def _begin(self, at_ns: int, number: int) -> None:
        if self.life is not None:
            self.others.add(number)
            return
        self.life, self.life_began_ns = number, at_ns
        self.stop_asked_ns, self.stop_mode, self.is_abandoned = None, "", False
        self.quiet_until_ns = 0
        self.cut_since_ns = None

    def _end(self, number: int) -> None:
        self.others.discard(number)
        if number == self.life:
            self.life = None

    def _stall(self, at_ns: int, is_stalled: bool) -> None:
        if not is_stalled:
            self.stalled_since_ns = None
        elif self.stalled_since_ns is None:
            self.stalled_since_ns = at_ns

    def _reckon_fair(self, at_ns: int) -> None:
        if self.life is None or not self.is_fair or self.stalled_since_ns is not None:
            self._forget_fair(at_ns)
        elif self.fair_since_ns is None:
            self.fair_since_ns = at_ns

    def _forget_fair(self, at_ns: int) -> None:
        if self.fair_since_ns is not None and self.outside_ns is not None and not self.is_outside_recent(at_ns):
            self.is_outside_known = True
        self.fair_since_ns = None
