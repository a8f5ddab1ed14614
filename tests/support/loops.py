"""Event loops and worlds for tests: time that is watched, counted, or over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.clock import VirtualTimeLoop, World

_MOST_ROUNDS_AT_A_TIME = 20_000


class WatchedWorld:
    """Calls `after` whenever the world has lived on a little."""

    def __init__(self, world: World, after: Callable[[], None]) -> None:
        self._world = world
        self._after = after

    def advance(self, until_ns: int | None) -> int | None:
        reached_ns = self._world.advance(until_ns)
        self._after()
        return reached_ns


class Afterlife:
    """Where the loop of a killed bot ends: time passes, and nothing happens."""

    def advance(self, until_ns: int | None) -> int | None:
        return until_ns


class CountingLoop(VirtualTimeLoop):
    """Counts its rounds, and refuses to turn for ever without time passing."""

    def __init__(self, start_ns: int, **how: Any) -> None:
        super().__init__(start_ns, **how)
        self.rounds = 0
        self._rounds_now = 0
        self._seen_ns = start_ns

    def _run_once(self) -> None:
        super()._run_once()
        self.rounds += 1
        now_ns = self.clock.now_ns()
        self._rounds_now = self._rounds_now + 1 if now_ns == self._seen_ns else 0
        self._seen_ns = now_ns
        if self._rounds_now > _MOST_ROUNDS_AT_A_TIME:
            raise RuntimeError("the bot spins: its loop turns, and time does not pass")
