"""A disk with real files: the journal as shipped, in SQLite, killed and left without power as a machine would leave it.

A killed process does not close its files: the next one opens what they hold at that moment. After a power loss they
hold what was synced, and of what was written to the log since then a part that ends anywhere, also inside a record.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from domain.events import Record
from helpers.journal import SqliteJournal
from simulation.disk import SimulatedDisk

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, where it is there
_NAME = "journal.sqlite"


class FileDisk(SimulatedDisk):
    """To be closed."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
        self._boots = 0
        self._open(b"", b"")
        self._note_synced()

    def append(self, records: Sequence[Record], *, sync: bool) -> int:
        seq = self.journal.append(records, sync=sync)
        if sync:
            self._note_synced()
        return seq

    def sync(self) -> None:
        self.journal.sync()
        self._note_synced()

    def write_note(self, name: str, text: str) -> None:
        self.journal.write_note(name, text)

    def lose_power(self, kept: int) -> None:
        database, log = self._synced
        now = self._bytes("-wal")
        unsynced = self.last_seq - self.synced_seq
        if unsynced and now.startswith(log):
            log = now[: len(log) + (len(now) - len(log)) * kept // unsynced]
        self._open(database, log)
        self._note_synced()

    def process_ended(self, *, was_killed: bool) -> None:
        if not was_killed:
            self.journal.close()
        self._open(self._bytes(), self._bytes("-wal"))
        if not was_killed:
            self._note_synced()

    def close(self) -> None:
        self.journal.close()
        self._folder.cleanup()

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _path(self, ending: str = "") -> Path:
        return Path(self._folder.name) / str(self._boots) / f"{_NAME}{ending}"

    def _bytes(self, ending: str = "") -> bytes:
        path = self._path(ending)
        return path.read_bytes() if path.exists() else b""

    def _open(self, database: bytes, log: bytes) -> None:
        """What the files of a former process hold is all that the next one finds."""
        former = self._path().parent
        self.journal.close()
        self._boots += 1
        if database:
            self._path().parent.mkdir()
            self._path().write_bytes(database)
            self._path("-wal").write_bytes(log)
        self.journal = SqliteJournal.open(self._path())
        shutil.rmtree(former, ignore_errors=True)

    def _note_synced(self) -> None:
        self.synced_seq = self.journal.last_seq
        self._synced = self._bytes(), self._bytes("-wal")
