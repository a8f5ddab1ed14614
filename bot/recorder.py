"""Writing down before acting: the journal, the folds over it, and the client ids.

Every record goes to the journal first and is then taken in by the state and the accounting, so that replaying the
journal gives the memory that lived. Durability (`docs/ARCHITECTURE.md`, "Durability"): the intent of an open is synced
before the order is sent; that of a close is handed to the operating system before, and synced right after; client ids
come from blocks whose reservation was synced ahead of use.

Now and then a checkpoint (`bot.checkpoint`) is written, so that a start after months of trading is quick.

When the journal cannot be written (a full disk), nothing new is opened, but covering goes on: records wait in memory,
in order, until the journal takes them again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.checkpoint import CheckpointUnusable, code_version, folds_of, restore_checkpoint, write_checkpoint
from bot.living import Living
from bot.memory import Memory
from domain.accounting import Accounting
from domain.events import IdsReserved, JournalBegan, Record
from domain.market import NANOSECONDS
from domain.status import NoticeKind
from helpers.journal import Journal, JournalError
from strategies.take_profit_grid.state import GridState

_BLOCK = 1_000
_RESERVE_WHEN_LEFT = _BLOCK // 2
_RETRY_NS = 5 * NANOSECONDS
_HEALED = "the journal can be written again"
CHECKPOINT_EVERY = 20_000
"""Records: a fraction of a second at the next start, and weeks of a bot with the default wait."""


class RecordWatcher(Protocol):
    """Told of each record once it is in the journal."""

    def saw(self, seq: int, record: Record) -> None: ...


class Recorder:
    """Owns the journal while the bot runs. `trouble` is empty while the journal can be written."""

    def __init__(
        self,
        journal: Journal,
        state: GridState,
        accounting: Accounting,
        watcher: RecordWatcher,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        self._journal = journal
        self._state = state
        self._accounting = accounting
        self._watcher = watcher
        self._checkpoint_every = checkpoint_every
        self._checkpoint_due = checkpoint_every
        self._code = code_version()
        self._living = Living(state)
        self._waiting: list[Record] = []
        self._sync_failed = False
        self._next_id: int | None = None
        self.memory = Memory()
        self.lost_ids = range(0)
        """Client ids that a journal tail lost to a power cut may have used: reserved then, and not used since."""
        self.trouble = ""
        self.retry_ns: int | None = None
        """When writing is tried again."""
        self.passed_over = ""
        """Why the checkpoint that there was could not be used for the replay, in one line."""

    # --- replay -------------------------------------------------------------------------------------------------

    def replay(self) -> int:
        """Take the whole journal in, from its checkpoint on where there is one; the number of records.

        Raises `JournalDamaged`.
        """
        after, living = 0, frozenset[int]()
        try:
            if (found := restore_checkpoint(self._journal, self._folds(), self._code)) is not None:
                after, living = found.seq, found.living
        except CheckpointUnusable as error:
            self.passed_over = f"the checkpoint is passed over, all records are read: {error}"
        for seq, record in self._journal.replay(after, living):
            if seq > after:
                self._take(record)
            self._saw(seq, record)
            self._living.tend()
        self._checkpoint_due = after + self._checkpoint_every
        first_id = self._state.first_client_id
        if first_id is not None:
            self._next_id = self._state.reserved_until
            self.lost_ids = range(max(first_id, self._state.highest_client_id + 1), self._next_id)
        return self._journal.last_seq

    # --- records ------------------------------------------------------------------------------------------------

    def begin(self, record: JournalBegan) -> None:
        """The first record of a new journal. Raises `JournalError`: without it nothing can start."""
        self._must_write([record])
        self._next_id = record.first_client_id

    def note(self, *records: Record) -> None:
        """Facts and intents that must be taken in whatever the disk says. Handed to the operating system at once."""
        self._write([*self._waiting, *records], on_failure=records)
        for record in records:
            self._take(record)

    def note_durably(self, record: Record) -> bool:
        """An intent that may only become one once it is synced. False: it was not written, and nothing has changed."""
        if not self._flush() or not self._write([record], sync=True):
            return False
        self._take(record)
        return True

    def retry(self) -> bool:
        """Offer the waiting records to the journal again; True when all that was noted is on the disk."""
        return self._flush() and self.sync()

    def tend(self, now_ns: int) -> tuple[NoticeKind, str] | None:
        """To be called at every step: tries again now and then while there is trouble; what is worth saying."""
        if not self.trouble:
            was_told = self.retry_ns is not None
            self.retry_ns = None
            return (NoticeKind.INFO, _HEALED) if was_told else None
        if self.retry_ns is None:
            self.retry_ns = now_ns + _RETRY_NS
            return NoticeKind.ERROR, f"the journal cannot be written, nothing is opened: {self.trouble}"
        if now_ns < self.retry_ns:
            return None
        if self.retry():
            self.retry_ns = None
            return NoticeKind.INFO, _HEALED
        self.retry_ns = now_ns + _RETRY_NS
        return None

    def sync(self) -> bool:
        """Make everything noted so far survive a power loss. False: it may not, and `trouble` says why."""
        try:
            self._journal.sync()
        except JournalError as error:
            self.trouble = str(error)
            self._sync_failed = True
            return False
        self._sync_failed = False
        if not self._waiting:
            self.trouble = ""
        return True

    @property
    def unwritten(self) -> int:
        """How many records wait in memory for a journal that cannot be written."""
        return len(self._waiting)

    # --- client ids ---------------------------------------------------------------------------------------------

    def prepare(self, at_ns: int, wake: Callable[[], object]) -> None:
        """What takes the disk its time and can wait until the closes are out; to be called at every step.

        `wake` is called when there are client ids where there were none: what was wanted in vain can be done. And when
        something could not be written just now: `tend` tells of it and tries again, and nothing else may come for long.
        """
        had_none = not self._has_ids()
        self.reserve_ids(at_ns)
        self.checkpoint_when_due()
        if (had_none and self._has_ids()) or (self.trouble and self.retry_ns is None):
            wake()

    def checkpoint_when_due(self) -> None:
        """Not while the journal cannot be written."""
        self._living.tend()
        if not self.trouble and self._journal.last_seq >= self._checkpoint_due:
            self._write_checkpoint()

    def reserve_ids(self, at_ns: int) -> None:
        """Keep at least half a block of ids reserved ahead, so that a full disk never stops a close."""
        if self._next_id is None or self._state.reserved_until - self._next_id >= _RESERVE_WHEN_LEFT:
            return
        self.note_durably(IdsReserved(at_ns, self._next_id + _BLOCK))

    def take_id(self) -> int | None:
        """The next client id; None when no reserved id is left. An id is never given twice."""
        if self._next_id is None or not self._has_ids():
            return None
        self._next_id += 1
        return self._next_id - 1

    def _has_ids(self) -> bool:
        return self._next_id is not None and self._next_id < self._state.reserved_until

    # --- inner parts --------------------------------------------------------------------------------------------

    def _must_write(self, records: Sequence[Record]) -> None:
        seq = self._journal.append(records, sync=True)
        self._tell(records, seq)
        for record in records:
            self._take(record)

    def _flush(self) -> bool:
        return not self._waiting or self._write(list(self._waiting))

    def _write(self, records: Sequence[Record], *, sync: bool = False, on_failure: Sequence[Record] = ()) -> bool:
        try:
            seq = self._journal.append(records, sync=sync)
        except JournalError as error:
            self.trouble = str(error)
            self._waiting.extend(on_failure)
            return False
        self._sync_failed = self._sync_failed and not sync
        if not self._sync_failed:
            self.trouble = ""
        self._waiting.clear()
        self._tell(records, seq)
        return True

    def _tell(self, records: Sequence[Record], last_seq: int) -> None:
        for offset, record in enumerate(records):
            self._saw(last_seq - len(records) + 1 + offset, record)

    def _saw(self, seq: int, record: Record) -> None:
        self._living.saw(seq, record)
        self._watcher.saw(seq, record)

    def _take(self, record: Record) -> None:
        self._state.apply(record)
        self._accounting.apply(record)
        self.memory.apply(record)

    def _folds(self) -> dict[str, object]:
        return folds_of(self._state, self._accounting, self.memory)

    def _write_checkpoint(self) -> None:
        """Some hundredths of a second, once in `checkpoint_every` records. What fails is tried again much later."""
        self._checkpoint_due = self._journal.last_seq + self._checkpoint_every
        with contextlib.suppress(JournalError):  # It only saves time, and the disk's trouble is told of elsewhere.
            write_checkpoint(self._journal, self._folds(), self._living.seqs(), self._code)
