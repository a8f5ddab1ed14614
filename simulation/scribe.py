"""Hears everything that can be seen of one world, in order, and passes it on: to the auditor, the trace, the timeline.

The trace is a hash over decoded meaning: orders, fills, journal records, notices, requests. It holds no byte of a
signature and nothing of the machine, so the same seed gives the same trace anywhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable

from simulation.auditor import Auditor
from simulation.observed import (
    Carried,
    DiskTrouble,
    Disturbed,
    LifeBegan,
    Observation,
    Shown,
    SocketAsked,
    Stalled,
    Violation,
    Weather,
)

_HASH_BYTES = 16
_REMEMBERED = 4_000
SETTLES_NS = 20_000_000_000
"""After a disturbance the weather is fair again this much later at the earliest: the bot's longest pause between two
questions is half of it, and what is asked twice needs both halves."""


class Scribe:
    """`now_ns` tells the world's time. Violations are the auditor's and the world's own, in order of discovery."""

    def __init__(self, auditor: Auditor, now_ns: Callable[[], int]) -> None:
        self.auditor = auditor
        self.told: Counter[str] = Counter()
        """Observations by kind."""
        self.recent: deque[tuple[int, Observation]] = deque(maxlen=_REMEMBERED)
        self.at_violation: list[tuple[int, Observation]] = []
        """What was remembered when the first violation was found."""
        self._now_ns = now_ns
        self._own_violations: list[Violation] = []
        self._hash = hashlib.blake2b(digest_size=_HASH_BYTES)
        self._is_fair = True
        self._foul_until_ns = 0
        self._disturbed_until_ns = 0
        self._are_streams_silent = False
        self.is_socket_silent = False
        """The process that lives has asked for a socket while streams carry nothing, as they still do."""

    @property
    def violations(self) -> list[Violation]:
        return sorted([*self.auditor.violations, *self._own_violations], key=lambda violation: violation.at_ns)

    @property
    def trace(self) -> str:
        """Of all that was told so far."""
        return self._hash.copy().hexdigest()

    def tell(self, observation: Observation) -> None:
        """Something was seen just now."""
        self.settle_weather()
        self._pass_on(self._now_ns(), observation)

    def violate(self, invariant: str, text: str) -> None:
        """The world itself found an invariant broken."""
        self._own_violations.append(Violation(self._now_ns(), invariant, text))
        self._keep_if_first()

    def finish(self) -> None:
        """The world is over."""
        self.settle_weather()
        self.auditor.at_end(self._now_ns())
        self._keep_if_first()

    @property
    def is_undisturbed(self) -> bool:
        """Whether nothing has been wrong for a while."""
        return self._is_fair and self._now_ns() > self._disturbed_until_ns

    # --- weather ----------------------------------------------------------------------------------------------------

    def disturb(self, why: str, lasting_ns: int = 0, settles_ns: int = SETTLES_NS) -> None:
        """The line is not what it should be, for `lasting_ns` and until what it did has settled, `settles_ns` later."""
        until_ns = self._now_ns() + lasting_ns + settles_ns
        self.settle_weather()
        self._foul_until_ns = max(self._foul_until_ns, until_ns)
        if self._is_fair:
            self._is_fair = False
            self._pass_on(self._now_ns(), Weather(False, why))

    def settle_weather(self) -> None:
        """Fair weather comes when it is due, before whatever is seen next."""
        if not self._is_fair and self._foul_until_ns <= self._now_ns():
            self._is_fair = True
            self._pass_on(self._foul_until_ns, Weather(True))

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _pass_on(self, at_ns: int, observation: Observation) -> None:
        self.recent.append((at_ns, observation))
        if isinstance(observation, Disturbed | Stalled | DiskTrouble):
            self._disturbed_until_ns = at_ns + SETTLES_NS
        self._note_silence(observation)
        self.told[type(observation).__name__] += 1
        if not isinstance(observation, Carried | Shown):  # How, not what.
            self._hash.update(f"{at_ns} {observation!r}\n".encode())
        self.auditor.see(at_ns, observation)
        self._keep_if_first()

    def _note_silence(self, observation: Observation) -> None:
        match observation:
            case Stalled(is_stalled):
                self._are_streams_silent = is_stalled
                self.is_socket_silent = self.is_socket_silent and is_stalled
            case LifeBegan():
                self.is_socket_silent = False
            case SocketAsked():
                self.is_socket_silent = self._are_streams_silent
            case _:
                pass

    def _keep_if_first(self) -> None:
        if not self.at_violation and (self.auditor.violations or self._own_violations):
            self.at_violation = list(self.recent)
