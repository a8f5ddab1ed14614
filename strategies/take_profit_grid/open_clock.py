"""When an open last filled, from which the cool-down counts, told so that it holds by the clock of each later session.

A machine's clock may be set back between two sessions. What lies between them is known by the clock alone; but what a
session wrote down proves that it lived through the time between its records, and no later clock takes that back.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.events import ClockSet, FundingPayment, JournalBegan, Record, SessionStarted


@dataclass(slots=True)
class OpenClock:
    """A fold of all records. Times in nanoseconds since the epoch, by the clock of the session that lives.

    `last_ns`: when an open last filled, None: never. `lived_ns`: what the sessions before this one certainly lived
    through since that was heard. `from_ns`: since when this session counts: its start, or when it heard of that.
    """

    last_ns: int | None = None
    lived_ns: int = 0
    from_ns: int = 0
    newest_ns: int = 0
    """The latest moment that this session wrote down."""

    def take(self, record: Record) -> None:
        """To be called with each record, before anything else is made of it."""
        kind = type(record)
        if kind is SessionStarted or kind is JournalBegan:
            self._begin(record.at_ns)
        elif record.at_ns > self.newest_ns and kind is not FundingPayment:  # Which is dated by the venue.
            self.newest_ns = record.at_ns
        if kind is ClockSet:
            self.last_ns = record.at_ns
            self._count_anew()

    def filled(self, at_ns: int) -> None:
        """An open filled at `at_ns`, as the newest record told."""
        self.last_ns = at_ns if self.last_ns is None else max(self.last_ns, at_ns)
        self._count_anew()

    def _begin(self, now_ns: int) -> None:
        self.lived_ns += self.newest_ns - self.from_ns
        self.from_ns = self.newest_ns = now_ns
        if self.last_ns is not None:
            self.last_ns = min(self.last_ns, now_ns - self.lived_ns)

    def _count_anew(self) -> None:
        self.lived_ns, self.from_ns = 0, self.newest_ns
