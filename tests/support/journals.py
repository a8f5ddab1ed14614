"""A journal that a test can fill up, kill at, or rob of what was never synced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from domain.events import OrderIntended, Record
from helpers.journal import Journal, JournalUnwritable, MemoryJournal
from tests.support.faults import Killed, Life

Refuses = Callable[[int, Sequence[Record]], bool]
"""Whether the append of this number (from 1, over all lives) fails for want of space."""


class FaultyJournal:
    """Outlives the bot.

    `kill_before`, `kill_after`: the append at which the process dies, just before or after it; `kill_at_sync`: the same
    for a sync, which then does not happen.
    """

    def __init__(self, inner: Journal | None = None) -> None:
        self.inner: Journal = MemoryJournal() if inner is None else inner
        self.life = Life()
        self.kill: Callable[[], None] = lambda: None
        self.kill_before = 0
        self.kill_after = 0
        self.kill_at_sync = 0
        self.refuses: Refuses = lambda _number, _records: False
        self.appends = 0
        self.syncs = 0
        self.failures = 0
        self.synced_seq = 0
        self.intents: dict[int, int] = {}
        """Where each order's intent stands, by client id."""

    @property
    def last_seq(self) -> int:
        return self.inner.last_seq

    def records(self) -> list[Record]:
        return [record for _, record in self.inner.replay()]

    def replay(self, after: int = 0, also: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        return self.inner.replay(after, also)

    def mark(self) -> str:
        return self.inner.mark()

    def find(self, mark: str) -> int | None:
        return self.inner.find(mark)

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        self.life.check()
        self.appends += 1
        if self.appends == self.kill_before:
            self._die()
        if self.refuses(self.appends, records):
            self.failures += 1
            raise JournalUnwritable("cannot write the journal: no space left on device")
        seq = self.inner.append(records, sync=sync)
        for offset, record in enumerate(reversed(records)):
            if isinstance(record, OrderIntended):
                self.intents[record.client_id] = seq - offset
        if sync:
            self.synced_seq = seq
        if self.appends == self.kill_after:
            self._die()
        return seq

    def sync(self) -> None:
        self.life.check()
        self.syncs += 1
        if self.syncs == self.kill_at_sync:
            self._die()
        if self.refuses(self.appends, ()):
            self.failures += 1
            raise JournalUnwritable("cannot sync the journal: no space left on device")
        self.inner.sync()
        self.synced_seq = self.inner.last_seq

    def note(self, name: str) -> str | None:
        return self.inner.note(name)

    def write_note(self, name: str, text: str) -> None:
        self.inner.write_note(name, text)

    def close(self) -> None:
        self.inner.close()

    def lose_power(self) -> list[Record]:
        """Only what was synced is left; the records that are gone."""
        records = self.records()
        self.inner = MemoryJournal()
        self.inner.append(records[: self.synced_seq], sync=True)
        return records[self.synced_seq :]

    def _die(self) -> None:
        self.kill()
        raise Killed
