"""What waits to be sent to one messenger: bounded, told once, tried a bounded number of times.

Runs on one event loop and takes time only from it, so under virtual time its whole timetable is exact. `notifications`
gives each messenger an outbox of its own: one service that hangs does not delay the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from helpers.messenger import Messenger, Undelivered


class Kind(StrEnum):
    """What a notification is about."""

    START = "start"
    STOP = "stop"
    STOP_PRICE = "stop_price"
    PAUSE_PRICE = "pause_price"
    MISMATCH = "mismatch"
    HALT = "halt"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of an outbox; times in seconds.

    `waiting`: messages that may wait. `repeat_window_s`: within it, the same text of the same kind is counted, not sent
    again. `tries`: calls per message. `first_pause_s`, doubling up to `longest_pause_s`: between tries, unless the
    service names a time, which is kept to up to `longest_wait_s`. `gap_s`: between messages.
    """

    waiting: int = 100
    repeat_window_s: float = 300.0
    tries: int = 6
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    longest_wait_s: float = 3600.0
    gap_s: float = 1.0


@dataclass(slots=True)
class _Waiting:
    """A message to send from `due_s` on. `repeats`: how often it came again, or since it was last sent."""

    kind: Kind
    text: str
    due_s: float
    repeats: int

    @property
    def words(self) -> str:
        if self.repeats == 0:
            return self.text
        return f"{self.text} (repeated {'once' if self.repeats == 1 else f'{self.repeats} times'})"


class Outbox:
    """The queue in front of one messenger, and the task that empties it.

    Not thread-safe: everything on the loop that runs `run`. `on_trouble` is told when a messenger stops working, and
    when it works again, in a line each; not for every message.
    """

    def __init__(self, messenger: Messenger, pace: Pace, on_trouble: Callable[[str], None]) -> None:
        self._messenger = messenger
        self._pace = pace
        self._on_trouble = on_trouble
        self._waiting: dict[tuple[Kind, str], _Waiting] = {}
        self._quiet_until_s: dict[tuple[Kind, str], float] = {}
        self._changed = asyncio.Event()
        self._closing = False
        self._not_before_s = 0.0
        self._in_trouble = False
        self._in_hand = 0
        self.sent = 0
        self.dropped = 0

    @property
    def undelivered(self) -> int:
        """Messages that wait or are being sent."""
        return len(self._waiting) + self._in_hand

    def offer(self, kind: Kind, text: str) -> None:
        """Queue a message, or count it with one that says the same. A full queue loses its oldest error first."""
        now_s = asyncio.get_running_loop().time()
        key = (kind, text)
        if key in self._waiting:
            self._waiting[key].repeats += 1
            return
        self._forget_quiet(now_s)
        quiet_until_s = self._quiet_until_s.get(key)
        if len(self._waiting) >= self._pace.waiting:
            self._lose_one()
        if quiet_until_s is None:
            self._waiting[key] = _Waiting(kind, text, now_s, repeats=0)
        else:
            # Told not long ago: how often it came again is told once, when the window ends.
            self._waiting[key] = _Waiting(kind, text, quiet_until_s, repeats=1)
        self._changed.set()

    def close(self) -> None:
        """Let `run` end once everything was tried; what waits for its window to end is due now."""
        self._closing = True
        self._changed.set()

    async def run(self) -> None:
        """Send what is offered, until closed and empty."""
        while True:
            self._changed.clear()
            item, pause_s = self._next()
            if item is not None:
                await self._deliver(item)
            elif self._closing and not self._waiting:
                return
            else:
                await self._change_within(pause_s)

    def _next(self) -> tuple[_Waiting | None, float | None]:
        """The message to send now; else how long until one is due, if any waits."""
        now_s = asyncio.get_running_loop().time()
        first = min(self._waiting.values(), key=lambda item: item.due_s, default=None)
        if first is None:
            return None, None
        due_s = max(self._not_before_s, 0.0 if self._closing else first.due_s)
        if due_s > now_s:
            return None, due_s - now_s
        del self._waiting[first.kind, first.text]
        self._quiet_until_s[first.kind, first.text] = now_s + self._pace.repeat_window_s
        return first, None

    async def _change_within(self, pause_s: float | None) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _deliver(self, item: _Waiting) -> None:
        """Try until it is taken, refused for good, or tried often enough; each pause as the service asks, or longer."""
        self._in_hand = 1
        for tries in range(1, self._pace.tries + 1):
            try:
                await self._messenger.send(item.words)
            except Undelivered as problem:
                pause_s = self._pause_s(tries, problem)
                self._not_before_s = asyncio.get_running_loop().time() + pause_s
                self._tell_trouble(problem)
                if not problem.retry or tries == self._pace.tries:
                    self.dropped += 1
                    break
                await asyncio.sleep(pause_s)
            else:
                self._not_before_s = asyncio.get_running_loop().time() + (0.0 if self._closing else self._pace.gap_s)
                self.sent += 1
                self._tell_recovery()
                break
        self._in_hand = 0

    def _pause_s(self, tries: int, problem: Undelivered) -> float:
        if not problem.retry:
            return 0.0
        own_s = min(self._pace.first_pause_s * 2.0 ** (tries - 1), self._pace.longest_pause_s)
        asked_s = problem.retry_after_s
        return own_s if asked_s is None else max(own_s, min(asked_s, self._pace.longest_wait_s))

    def _tell_trouble(self, problem: Undelivered) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            self._on_trouble(f"{self._messenger.name} does not take notifications: {problem.reason}")

    def _tell_recovery(self) -> None:
        if self._in_trouble:
            self._in_trouble = False
            self._on_trouble(f"{self._messenger.name} takes notifications again; {self.dropped} were given up so far")

    def _forget_quiet(self, now_s: float) -> None:
        over = [key for key, until_s in self._quiet_until_s.items() if until_s <= now_s]
        for key in over:
            del self._quiet_until_s[key]
        # Texts that never repeat must not pile up within one window; insertion order is age.
        while len(self._quiet_until_s) > 4 * self._pace.waiting:
            del self._quiet_until_s[next(iter(self._quiet_until_s))]

    def _lose_one(self) -> None:
        errors = (key for key, item in self._waiting.items() if item.kind is Kind.ERROR)
        del self._waiting[next(errors, next(iter(self._waiting)))]
        self.dropped += 1
