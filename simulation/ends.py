"""How a process ended, and what excuses one that could not begin."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.scribe import Scribe
from trading_bot import Outcome


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A process that could not begin to trade: exit status 2, and one line. `is_unconnected`: the venue or its streams
    did not answer, three times."""

    reason: str
    is_unconnected: bool = False

    def is_excused(self, scribe: Scribe) -> bool:
        """Where something has been wrong lately; and where streams are waited for that carry nothing."""
        return not scribe.is_undisturbed or (self.is_unconnected and scribe.is_socket_silent)


@dataclass(frozen=True, slots=True)
class Crashed:
    """A process that ended in an error nobody expected, with the places it came from."""

    reason: str


Ended = Outcome | NotStarted | Crashed
