"""Letting the strategy decide until it wants nothing more, and setting its commands going."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from bot.oversight import Oversight
from bot.performer import Performer
from bot.recorder import Recorder
from bot.turns import TO_SEND, pass_turns
from domain.clock import Clock
from domain.commands import (
    AbandonEntry,
    CancelOrder,
    Command,
    Decision,
    LapseWaiver,
    PlaceClose,
    PlaceExit,
    PlaceOpen,
    RequestStop,
)
from domain.events import EntryAbandoned, WaiverLapsed
from domain.report import plain
from domain.status import NoticeKind
from exchanges.base import BaseExchangeClient
from strategies.take_profit_grid.decisions import Situation, TakeProfitGrid
from strategies.take_profit_grid.state import GridState

_MOST_DECISIONS = 1_000
_PRICE_UNKNOWN = {"stopping", "halted", "disconnected", "stale_quote"}
"""Holds beside which the absence of a pause says nothing about the price."""


class Decider:
    """`decision` is the newest one, None before the first. `is_paused`: the pause price is reached."""

    def __init__(
        self,
        client: BaseExchangeClient,
        state: GridState,
        strategy: TakeProfitGrid,
        recorder: Recorder,
        performer: Performer,
        oversight: Oversight,
        clock: Clock,
        situation: Callable[[], Situation],
        say: Callable[[NoticeKind, str], None],
        stop: Callable[[str], None],
    ) -> None:
        self._client = client
        self._state = state
        self._strategy = strategy
        self._recorder = recorder
        self._performer = performer
        self._oversight = oversight
        self._clock = clock
        self._situation = situation
        self._say = say
        self._stop = stop
        self.decision: Decision | None = None
        self.is_paused = False
        self._said_uncoverable = Decimal(0)

    async def decide(self) -> None:
        """Decide until nothing is wanted any more: each command changes the state through the journal.

        What closes goes first and alone, and leaves before anything else is thought about: an open in the same breath
        would hold it back while its intent is synced.
        """
        for _ in range(_MOST_DECISIONS):
            situation = self._situation()
            performed = [self._perform(command) for command in self._strategy.closes(self._state, situation)]
            if any(performed):
                await pass_turns(TO_SEND)  # The requests' tasks were started, and have been written by then.
                self._recorder.sync()
                continue
            self.decision = decision = self._strategy.decide(self._state, situation)
            performed = [
                self._perform(command)
                for command in decision.commands
                if not isinstance(command, PlaceClose | PlaceExit)
            ]
            if not any(performed):
                break
        else:
            raise RuntimeError(f"the strategy does not come to rest: {self.decision}")
        if decision.needs_look:
            self._oversight.need_position()
        self._notice_pause(decision)
        self._notice_uncoverable(decision)
        if decision.band is not None and situation.stopping is None:
            self._client.watch_quotes(decision.band)

    def _notice_pause(self, decision: Decision) -> None:
        words = {hold.word for hold in decision.holds}
        is_paused = "pause_price" in words
        if is_paused == self.is_paused or (not is_paused and words & _PRICE_UNKNOWN):
            return
        self.is_paused = is_paused
        level = self._strategy.config.pause_price
        text = f"the pause price {level} is reached" if is_paused else f"the price is back inside {level}; going on"
        self._say(NoticeKind.PAUSE_PRICE, text)

    def _notice_uncoverable(self, decision: Decision) -> None:
        """Once, until nothing lies bare any more or more does."""
        if decision.uncoverable > self._said_uncoverable:
            self._said_uncoverable = decision.uncoverable
            bare = plain(decision.uncoverable)
            text = f"{bare} cannot be covered while others hold as much the other way; nothing is opened meanwhile"
            self._say(NoticeKind.ERROR, text)
        elif not self._state.owing:
            self._said_uncoverable = Decimal(0)

    def _perform(self, command: Command) -> bool:
        """Write the intent down and set it going. False: it could not be written, and is not wanted now."""
        match command:
            case PlaceOpen():
                return self._performer.open(command)
            case PlaceClose():
                return self._performer.close(command)
            case PlaceExit():
                return self._performer.exit(command)
            case CancelOrder():
                self._performer.cancel(command)
            case LapseWaiver():
                self._recorder.note(WaiverLapsed(self._clock.now_ns()))
            case AbandonEntry():
                self._recorder.note(EntryAbandoned(self._clock.now_ns(), command.entry_id))
            case RequestStop():
                self._say(NoticeKind.STOP_PRICE, command.reason)
                self._stop(command.reason)
        return True
