"""The disk of a world: the journal that outlives every process, and what a power loss leaves of it.

The records go through the real journal's encoding and lie in memory; `simulation.file_disk` has real files instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from domain.events import Record
from helpers.journal import Journal, JournalUnwritable
from helpers.memory_journal import MemoryJournal
from helpers.record_codec import decode_record, encode_record
from simulation.observed import PowerLost, Synced, Written
from simulation.scribe import Scribe
from simulation.worlds.loop import Killed, Life


class SimulatedDisk:
    """A journal in memory: each record is encoded and decoded as on a real disk, and it is known what was synced."""

    def __init__(self) -> None:
        self.journal: Journal = MemoryJournal()
        self.synced_seq = 0
        self._notes: list[tuple[int, str, str]] = []
        """Each after how many records, its name, its text."""

    @property
    def last_seq(self) -> int:
        return self.journal.last_seq

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        seq = self.journal.append([decode_record(encode_record(record)) for record in records], sync=sync)
        if sync:
            self.sync()
        return seq

    def sync(self) -> None:
        self.synced_seq = self.journal.last_seq

    def write_note(self, name: str, text: str) -> None:
        self._notes.append((self.last_seq, name, text))
        self.journal.write_note(name, text)

    def records(self) -> list[Record]:
        return [record for _, record in self.journal.replay()]

    def lose_power(self, kept: int) -> None:
        """Of what was never synced the first `kept` records are still there, and the notes written before them."""
        records = self.records()[: self.synced_seq + kept]
        self.journal = MemoryJournal()
        self.journal.append(records, sync=True)
        self._notes = [note for note in self._notes if note[0] <= len(records)]
        for _, name, text in self._notes:
            self.journal.write_note(name, text)
        self.sync()


    def process_ended(self, *, was_killed: bool) -> None:
        """Whoever had it open is gone; by kill -9, or after closing it."""

    def close(self) -> None:
        """The world is over."""


class DiskMood(Protocol):
    """What is wrong with the disk now."""

    def refuses_write(self) -> bool: ...

    def refuses_sync(self) -> bool: ...


class GoodDisk:
    def refuses_write(self) -> bool:
        return False

    def refuses_sync(self) -> bool:
        return False


class WorldJournal:
    """The journal as one process sees it. `before_append`, `after_append`: told the number of each append of all lives;
    one of them may end the process."""

    def __init__(self, disk: SimulatedDisk, life: Life, scribe: Scribe, mood: DiskMood) -> None:
        self._disk = disk
        self._life = life
        self._scribe = scribe
        self._mood = mood
        self.at_step: Callable[[], bool] = lambda: False
        """Asked before and after everything written: whether the process dies just now."""
        self.at_unsynced: Callable[[], bool] = lambda: False
        """The same, just before records are synced that a power loss would take."""
        self._has_failed = False
        """After a failure the disk is asked by a sync also where nothing waits for it, as by the real journal."""

    @property
    def last_seq(self) -> int:
        return self._disk.last_seq

    def replay(self, after: int = 0, also: Collection[int] = ()) -> Iterator[tuple[int, Record]]:
        return self._disk.journal.replay(after, also)

    def mark(self) -> str:
        return self._disk.journal.mark()

    def find(self, mark: str) -> int | None:
        return self._disk.journal.find(mark)

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        self._check()
        if self._mood.refuses_write() or (sync and self._mood.refuses_sync()):
            self._has_failed = True
            raise JournalUnwritable("cannot write the journal: no space left on device")
        seq = self._disk.append(records, sync=sync)
        for offset, record in enumerate(records):
            self._scribe.tell(Written(seq - len(records) + 1 + offset, record, is_synced=sync))
        if sync:
            self._scribe.tell(Synced(seq))
        self._check()
        return seq

    def sync(self) -> None:
        self._check()
        if self._disk.synced_seq == self._disk.last_seq and not self._has_failed:
            return
        if self.at_unsynced():
            raise Killed
        if self._mood.refuses_sync():
            self._has_failed = True
            raise JournalUnwritable("cannot sync the journal: input/output error")
        self._has_failed = False
        self._disk.sync()
        self._scribe.tell(Synced(self._disk.last_seq))
        self._check()

    def note(self, name: str) -> str | None:
        return self._disk.journal.note(name)

    def write_note(self, name: str, text: str) -> None:
        self._life.check()
        self._disk.write_note(name, text)

    def close(self) -> None:
        """The disk belongs to the world."""

    def _check(self) -> None:
        self._life.check()
        if self.at_step():
            raise Killed


def lose_power(disk: SimulatedDisk, scribe: Scribe, kept: int) -> None:
    """`kept`: how many records that were never synced happened to reach the disk all the same."""
    before = disk.last_seq
    disk.lose_power(kept)
    if disk.last_seq < before:
        scribe.tell(PowerLost(disk.last_seq))


_: type[Journal] = WorldJournal
