"""The journal of a running bot, read from outside: each record once, soon after the operating system has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from helpers.record_codec import decode_record
from simulation.observed import Observation, Synced, Written

_BUSY_TIMEOUT_S = 2.0


class JournalTail:
    """`path` may not be there yet. No connection is kept, so that what a killed process leaves is as it left it."""

    def __init__(self, path: Path, tell: Callable[[Observation], None]) -> None:
        self._path = path
        self._tell = tell
        self._seq = 0
        self._synced = 0

    @property
    def last_seq(self) -> int:
        return self._seq

    def read(self) -> None:
        """Tell what was written, and what was synced, since the last call."""
        wal = self._path.with_name(f"{self._path.name}-wal")
        if not wal.exists() and (not self._path.exists() or not self._path.stat().st_size):
            return
        mode = "mode=ro" if wal.exists() else "mode=ro&immutable=1"
        address = f"{self._path.resolve().as_uri()}?{mode}"
        connected = sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        with closing(connected) as connection:
            connection.execute("BEGIN")  # Both questions see the same moment.
            if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'floor'").fetchone()[0]:
                return
            floor: int = connection.execute("SELECT seq FROM floor").fetchone()[0]
            rows = connection.execute("SELECT seq, record FROM records WHERE seq > ? ORDER BY seq", (self._seq,))
            for seq, text in rows:
                assert seq == self._seq + 1, f"record {self._seq + 1} is missing"
                self._seq = seq
                self._tell(Written(seq, decode_record(text), is_synced=seq <= floor))
        if floor > self._synced:
            self._synced = floor
            self._tell(Synced(floor))
