"""The household of a world: one process of the real bot after the other, on one account and one journal.

A process is started as `commands.session` starts one: a client is opened and connected, the rules are read, and
`TradingBot` runs to its end. It can be killed at any step, lose its power, be asked to stop, or end by itself; the next
one starts after a while.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from domain.clock import Clock
from domain.market import NANOSECONDS, MarketRules
from domain.stop import StopMode
from exchanges.base import BaseExchangeClient
from exchanges.errors import ExchangeError, Unavailable
from exchanges.patience import connect_patiently
from helpers.journal import JournalError
from helpers.redaction import printable
from simulation.disk import SimulatedDisk, WorldJournal, lose_power
from simulation.ends import Crashed, Ended, NotStarted
from simulation.faults.catalogue import Storm
from simulation.observed import (
    Abandoned,
    DiskTrouble,
    Disturbed,
    Healed,
    LifeBegan,
    LifeEnded,
    LifeKilled,
    Shown,
    Stalled,
    StopAsked,
)
from simulation.outputs import ProcessOutputs
from simulation.worlds.base import SimulatedWorld
from simulation.worlds.loop import Killed, Life, Livelock, StepLoop, bury
from strategies.take_profit_grid.config import TradingConfig
from trading_bot import BotSettings, Outcome, TradingBot

_RETOLD_NS = 2 * NANOSECONDS
_RESTART_AFTER_NS = 10 * NANOSECONDS
_STARTED_ANEW_NS = 60 * NANOSECONDS
"""A session that ended as asked is not started again by a supervisor, but by somebody, some time later."""


class _ProcessClock:
    """A process's own clock: the world's, and as wrong as it began."""

    def __init__(self, clock: Clock, offset_ns: int) -> None:
        self._clock = clock
        self._offset_ns = offset_ns

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._offset_ns


class Process:
    """One life of the bot."""

    def __init__(
        self,
        number: int,
        world: SimulatedWorld,
        disk: SimulatedDisk,
        storm: Storm,
        config_of: Callable[[MarketRules], TradingConfig],
        first_step: int,
        checkpoint_every: int,
    ) -> None:
        self.life = Life(number)
        self._checkpoint_every = checkpoint_every
        self.bot: TradingBot | None = None
        self._world = world
        self._scribe = world.scribe
        self._config_of = config_of
        self.loop = StepLoop(world.now_ns, first_step)
        self.loop.live_in(world.stage)
        self._clock = _ProcessClock(self.loop.clock, storm.clock_offset_ns())
        self._chance = Random(f"process {number} {first_step}")
        self.journal = WorldJournal(disk, self.life, world.scribe, storm)
        self.journal.at_step = self._dies_now
        self.journal.at_unsynced = self._dies_unsynced
        self.is_to_die_unsynced = False
        """Whether it dies the next time that something was sent and is not synced."""
        self._client: BaseExchangeClient | None = None
        world.scribe.tell(LifeBegan(number))
        self.outputs = ProcessOutputs(world.scribe, self.life, self._clock, world.secrets, disk.last_seq)
        self._task = self.loop.create_task(self._live())

    async def _live(self) -> Ended:
        client = self._client = self._world.open_client(self.life, self._clock, self._chance)
        try:
            rules = await connect_patiently(client)
            self.bot = TradingBot(
                self._config_of(rules),
                rules,
                client,
                self.journal,
                self._clock,
                self._chance,
                BotSettings("simulation", checkpoint_every=self._checkpoint_every, watches_lag=True),
                [self.outputs],
            )
            return await self.bot.run()
        except (ExchangeError, JournalError) as error:
            return NotStarted(str(error), self.bot is None and isinstance(error, Unavailable))
        finally:
            await client.disconnect()

    def run(self, until_ns: int) -> Ended | None:
        """Live until then, or to the end: how it ended, None while it lives. Raises `Killed`, `Livelock`."""
        loop = self.loop
        if not self._task.done():
            timer = loop.call_later(max(0, until_ns - self._world.now_ns) / NANOSECONDS, loop.stop)
            self._task.add_done_callback(self._stop_loop)
            try:
                loop.run_forever()
            finally:
                self._task.remove_done_callback(self._stop_loop)
                timer.cancel()
        if loop.is_dead:
            raise Killed
        if not self._task.done():
            return None
        error = self._task.exception()
        return self._task.result() if error is None else Crashed(_told(error))

    def end(self, *, power_lost: bool) -> None:
        """As by kill -9, or by the loss of power."""
        self.life.has_ended = True
        self._world.end_life(power_lost=power_lost)
        bury(self.loop)
        self.outputs.close()

    def _stop_loop(self, _task: object) -> None:
        self.loop.stop()

    def _dies_now(self) -> bool:
        """Between two writes a process can die as well."""
        self.loop.steps += 1
        if self.loop.steps == self.loop.kill_at:
            self._die()
        return self.life.has_ended

    def _dies_unsynced(self) -> bool:
        if self.is_to_die_unsynced:
            self._die()
        return self.life.has_ended

    def _die(self) -> None:
        self.loop.die()
        self.life.has_ended = True


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__}: {error} ({places})"


class Household:
    """Everything of a world that outlives a process, and the process that lives now."""

    def __init__(
        self,
        world: SimulatedWorld,
        storm: Storm,
        config_of: Callable[[MarketRules], TradingConfig],
        checkpoint_every: int,
        kill_steps: Sequence[int] = (),
        *,
        kills_power: bool = False,
        disk: SimulatedDisk | None = None,
    ) -> None:
        """`kill_steps`, `kills_power`: see `WorldPlan`. `disk` None: one in memory."""
        self._checkpoint_every = checkpoint_every
        self._kill_steps = tuple(kill_steps)
        self._kills_power = kills_power
        self.world = world
        self.scribe = world.scribe
        self.storm = storm
        self.disk = SimulatedDisk() if disk is None else disk
        self.first_rules = world.venue.rules
        self.is_calm = False
        self.process: Process | None = None
        self.lives = 0
        self.restarts = True
        self.steps = 0
        """Of all processes."""
        self.outcomes: list[Ended] = []
        self._config_of = config_of
        self._down_until_ns = 0
        self._down_ns = _RESTART_AFTER_NS
        self._kept_of_unsynced = Random(f"power {world.now_ns}")
        self._power_lost = False
        self._early_deaths: list[int] = []
        self._disk_back_ns = self._stalled_until_ns = 0

    # --- time -------------------------------------------------------------------------------------------------------

    def run_until(self, until_ns: int) -> None:
        """Processes live and die until then; with `restarts` off, until the one that lives has ended.

        Raises `Livelock`.
        """
        while self.world.now_ns < until_ns:
            if self.process is None and not self.restarts:
                return
            if self.process is None:
                self.world.live_on(min(until_ns, max(self.world.now_ns, self._down_until_ns)))
                if self.world.now_ns < until_ns:
                    self.start()
            else:
                self._live_on(self.process, until_ns)

    def start(self) -> None:
        """A new process."""
        self.lives += 1
        self.process = Process(
            self.lives, self.world, self.disk, self.storm, self._config_of, self.steps, self._checkpoint_every
        )
        planned = [step for step in self._kill_steps if step > self.steps]
        if self._early_deaths:
            planned.append(self.steps + self._early_deaths.pop())
        self.process.loop.kill_at = min(planned, default=None)

    def _live_on(self, process: Process, until_ns: int) -> None:
        asyncio.set_event_loop(process.loop)
        try:
            outcome = process.run(until_ns)
        except Killed:
            self._die(process)
            return
        except Livelock:
            self._die(process)
            raise
        finally:
            asyncio.set_event_loop(None)
            self.steps = process.loop.steps
        if outcome is not None:
            self._ended(process, outcome)

    def _die(self, process: Process) -> None:
        if self._kills_power and process.loop.kill_at in self._kill_steps:
            self._power_lost = True
        process.end(power_lost=self._power_lost)
        self.process = None
        self.scribe.tell(LifeKilled(process.life.number))
        if not self._power_lost:
            self.disk.process_ended(was_killed=True)
        else:
            unsynced = self.disk.last_seq - self.disk.synced_seq
            lose_power(self.disk, self.scribe, self._kept_of_unsynced.randint(0, unsynced))
        self._power_lost = False
        self._down_until_ns = self.world.now_ns + self._down_ns
        self._down_ns = _RESTART_AFTER_NS

    def _ended(self, process: Process, outcome: Ended) -> None:
        number = process.life.number
        if isinstance(outcome, Outcome):
            self.scribe.tell(LifeEnded(number, outcome.exit_status, outcome.reason, outcome.unconfirmed))
        else:
            # Whoever keeps it running starts it again, as after a kill.
            self.scribe.tell(LifeKilled(number))
            self.scribe.tell(Shown("the last line", printable(outcome.reason)))
        if isinstance(outcome, Crashed):
            self.scribe.violate("L5", f"the process crashed: {outcome.reason}")
        elif isinstance(outcome, NotStarted) and not outcome.is_excused(self.scribe):
            self.scribe.violate("L5", f"the process could not start, and nothing was wrong: {outcome.reason}")
        self.outcomes.append(outcome)
        process.life.has_ended = True
        self.world.end_life(power_lost=False)
        bury(process.loop)
        process.outputs.close()
        self.disk.process_ended(was_killed=False)
        self.process = None
        self._power_lost = False
        has_done = isinstance(outcome, Outcome) and outcome.exit_status == 0
        if has_done and self._down_ns == _RESTART_AFTER_NS:
            self._down_ns = _STARTED_ANEW_NS
        self._down_until_ns = self.world.now_ns + self._down_ns
        self._down_ns = _RESTART_AFTER_NS

    def end(self) -> None:
        """The world is over: whoever still lives is thrown away."""
        if self.process is not None:
            self.process.end(power_lost=False)
        self.disk.close()

    def start_soon(self) -> None:
        """The next process begins without waiting for somebody to start it."""
        self._down_until_ns = min(self._down_until_ns, self.world.now_ns + _RESTART_AFTER_NS)

    # --- what faults do ---------------------------------------------------------------------------------------------

    def kill_soon(self, steps: int, down_ns: int, again: list[int], *, power_lost: bool) -> None:
        """The process dies after so many steps; those after it, after so many each."""
        process = self.process
        if process is not None and process.loop.kill_at is None and not process.is_to_die_unsynced:
            process.loop.kill_at = process.loop.steps + steps
            self._down_ns, self._power_lost = down_ns, power_lost
            self._early_deaths = list(again)

    def lose_power_unsynced(self, down_ns: int) -> None:
        """The power is lost the next time that something was sent whose intent is not synced yet."""
        process = self.process
        if process is not None and process.loop.kill_at is None:
            process.is_to_die_unsynced = True
            self._down_ns, self._power_lost = down_ns, True

    def stop_soon(self, mode: StopMode, down_ns: int) -> None:
        """As by one Ctrl-C; the next process starts `down_ns` after this one ended."""
        blocked_ns = self.world.stage.blocked_until_ns
        bot = None if self.process is None else self.process.bot
        if blocked_ns > self.world.now_ns:  # The signal waits until the machine can run again.
            self.world.stage.at(blocked_ns, lambda: self.stop_soon(mode, down_ns))
        elif bot is not None:
            self.scribe.tell(StopAsked(mode.value))
            self._down_ns = down_ns
            bot.request_stop("stopped by Ctrl-C", mode)

    def abandon(self) -> None:
        """As by a second Ctrl-C."""
        bot = None if self.process is None else self.process.bot
        if bot is not None:
            self.scribe.tell(Abandoned())
            bot.abandon()

    def disk_trouble(self, why: str, lasting_ns: int) -> None:
        self.scribe.disturb(why, lasting_ns)
        self._disk_back_ns = max(self._disk_back_ns, self.world.now_ns + lasting_ns)
        self.scribe.tell(DiskTrouble(is_on=True))
        self.world.stage.at(self._disk_back_ns, self._mend_disk)

    def _mend_disk(self) -> None:
        if self.world.now_ns >= self._disk_back_ns:
            self.scribe.tell(DiskTrouble(is_on=False))

    def disturbed(self, what: str, client_id: int | None, lasting_ns: int, *, is_told: bool = False) -> None:
        """One message met a fault, whose effect lasts so long. `is_told`: its sender knows what became of it."""
        self.scribe.tell(Disturbed(client_id, what, is_told))
        now_ns, goes_on = self.world.now_ns, Disturbed(None, f"{what} goes on")
        for later_ns in (*range(_RETOLD_NS, lasting_ns, _RETOLD_NS), lasting_ns):
            if later_ns:
                self.world.stage.at(now_ns + later_ns, lambda: self.scribe.tell(goes_on))

    def stalled(self, what: str, lasting_ns: int) -> None:
        """The streams carry nothing for so long."""
        self._stalled_until_ns = max(self._stalled_until_ns, self.world.now_ns + lasting_ns)
        self.scribe.tell(Disturbed(None, what))
        self.scribe.tell(Stalled(is_stalled=True))
        self.world.stage.at(self._stalled_until_ns, self._flow_again)

    def _flow_again(self) -> None:
        if self.world.now_ns >= self._stalled_until_ns:
            self.scribe.tell(Stalled(is_stalled=False))
            self.scribe.disturb("streams replaced after a stall")

    def calm(self) -> None:
        """No fault strikes from now on; those that last still do, and end."""
        self.is_calm = True
        self._down_until_ns = self.world.now_ns + NANOSECONDS
        self._early_deaths.clear()
        if self.process is not None and self.process.is_to_die_unsynced:
            self.process.is_to_die_unsynced = self._power_lost = False
        self.world.stage.blocked_until_ns = 0
        self._disk_back_ns = self._stalled_until_ns = self.world.now_ns
        self._mend_disk()
        self.world.show_touch()
        self.scribe.tell(Stalled(is_stalled=False))
        # As after any disturbance of a real connection, the venue is asked once it is back.
        self.scribe.disturb("the last of the storm")
        self.world.mend_streams()
        self.world.cut_streams(NANOSECONDS // 5)
        self.scribe.tell(Healed())
