"""The venue's time, from the times it tells.

A sample says: between sending and receiving, the venue's clock showed this. The shorter the way, the better it binds,
so the tightest of the last samples counts. A sample that contradicts it means that a clock was set: then only the
newest counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from domain.clock import Clock

_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class _Sample:
    offset_ns: int
    doubt_ns: int
    """How far off the offset can be."""


class ServerClock:
    """Satisfies `domain.clock.Clock` in the venue's time. Before the first sample it shows ours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=_REMEMBERED)
        self._best: _Sample | None = None

    def now_ns(self) -> int:
        return self._clock.now_ns() + self.offset_ns

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    @property
    def offset_ns(self) -> int:
        """Venue time less ours."""
        return 0 if self._best is None else self._best.offset_ns

    def sample(self, sent_ns: int, received_ns: int, server_ns: int, resolution_ns: int = 1_000_000) -> None:
        """`sent_ns` and `received_ns` by our clock; `server_ns` as the venue told it, cut to `resolution_ns`."""
        middle_ns = (sent_ns + received_ns) // 2
        doubt_ns = (received_ns - sent_ns) // 2 + resolution_ns
        new = _Sample(server_ns + resolution_ns // 2 - middle_ns, doubt_ns)
        best = self._best
        if best is not None and abs(new.offset_ns - best.offset_ns) > new.doubt_ns + best.doubt_ns:
            self._samples.clear()
        self._samples.append(new)
        self._best = min(self._samples, key=lambda sample: sample.doubt_ns)
