"""Faults of the machine the bot runs on: its clock, its disk, its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from domain.market import NANOSECONDS
from domain.stop import StopMode
from simulation.faults.base import Fault, Place, Timed, seconds
from simulation.observed import Frozen

if TYPE_CHECKING:
    from simulation.life import Household


_AT_THE_WORST_MOMENT = 0.4
"""The share of power losses that come just between the sending of a close and the syncing of its intent."""


class LoopBlocked(Timed):
    """The machine stands still, or something blocks the loop: time passes and no step of the bot runs."""

    name = "loop_blocked"
    place = Place.CLOCK
    covers = (50, 52)
    low, high = 2.0, 20.0

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 0.2, 200)

        def act() -> None:
            home.scribe.disturb(self.name, lasting_ns + 20 * NANOSECONDS)
            home.world.stage.blocked_until_ns = home.world.now_ns + lasting_ns
            home.scribe.tell(Frozen(home.world.stage.blocked_until_ns))

        return act


class ClockOff(Fault):
    """A process starts with a clock that is wrong, and keeps it. `rate`: the share of processes."""

    name = "clock_off"
    place = Place.CLOCK
    covers = (49,)
    low, high = 0.2, 0.9

    def offset_ns(self) -> int:
        """Of a process that starts now."""
        is_off, sign = self.chance.random() < self.rate, self.chance.choice([-1, 1])
        size_ns = seconds(self.chance, 0.05, 300)
        return sign * size_ns if is_off and self.is_allowed() else 0


class DiskFault(Timed):
    place = Place.DISK
    low, high = 1.0, 12.0

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._until_ns = 0

    def draw(self, home: Household) -> Callable[[], None]:
        lasting_ns = seconds(self.chance, 0.5, 120)

        def act() -> None:
            home.disk_trouble(self.name, lasting_ns)
            self._until_ns = home.world.now_ns + lasting_ns

        return act

    def is_on(self, home: Household) -> bool:
        return home.world.now_ns < self._until_ns and not home.is_calm


class DiskFull(DiskFault):
    """Nothing can be written."""

    name = "disk_full"
    covers = (79,)


class SyncFails(DiskFault):
    """What is written is not known to be on the disk."""

    name = "sync_fails"
    covers = (79,)


class ProcessFault(Timed):
    place = Place.PROCESS
    low, high = 2.0, 20.0


class Kill(ProcessFault):
    """kill -9 at a step; another process starts after a while. Sometimes that one dies early too."""

    name = "kill"
    covers = (15, 22, 73, 74, 75, 81)

    def draw(self, home: Household) -> Callable[[], None]:
        steps, down_ns = self.chance.randrange(1, 80), seconds(self.chance, 0.001, 300)
        again = [self.chance.randrange(1, 300) for _ in range(self.chance.choice([0, 0, 0, 1, 2, 12]))]
        return lambda: home.kill_soon(steps, down_ns, again, power_lost=False)


class PowerLoss(ProcessFault):
    """The machine goes down: what was never synced may be gone."""

    name = "power_loss"
    covers = (13, 73, 80)
    low, high = 1.0, 10.0

    def draw(self, home: Household) -> Callable[[], None]:
        steps, down_ns = self.chance.randrange(1, 80), seconds(self.chance, 5, 900)
        again = [self.chance.randrange(1, 300) for _ in range(self.chance.choice([0, 0, 1]))]
        if self.chance.random() < _AT_THE_WORST_MOMENT:
            return lambda: home.lose_power_unsynced(down_ns)
        return lambda: home.kill_soon(steps, down_ns, again, power_lost=True)


class CtrlC(ProcessFault):
    """Somebody stops the bot, and starts another one later."""

    name = "ctrl_c"
    covers = (76, 77, 78)
    low, high = 1.0, 8.0

    def draw(self, home: Household) -> Callable[[], None]:
        mode, down_ns = self.chance.choice(list(StopMode)), seconds(self.chance, 0.1, 300)
        return lambda: home.stop_soon(mode, down_ns)


class CtrlCTwice(ProcessFault):
    """Somebody has no patience."""

    name = "ctrl_c_twice"
    covers = (76,)
    low, high = 0.5, 5.0

    def draw(self, home: Household) -> Callable[[], None]:
        mode, down_ns, wait_ns = (
            self.chance.choice(list(StopMode)),
            seconds(self.chance, 0.1, 300),
            seconds(self.chance, 0.001, 5),
        )

        def act() -> None:
            home.stop_soon(mode, down_ns)
            home.world.stage.at(home.world.now_ns + wait_ns, home.abandon)

        return act
