"""What one process shows to people: its activity log, as the program writes it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from domain.clock import Clock
from domain.events import Record
from domain.status import Notice
from helpers.logger import ActivityLog, Level
from helpers.redaction import Redactor
from helpers.secret import Secret
from helpers.views.narration import Narrator
from simulation.observed import Said, Shown
from simulation.scribe import Scribe
from simulation.worlds.loop import Life


class ProcessOutputs:
    """An observer of the bot: notices are told at once and logged, records are logged in words.

    `secrets` are masked as in the program; what a notice or a record says is judged before that. `known_seq`: up to
    this record an earlier process has logged them.
    """

    def __init__(self, scribe: Scribe, life: Life, clock: Clock, secrets: Sequence[str], known_seq: int) -> None:
        self._scribe = scribe
        self._known_seq = known_seq
        self._life = life
        self._narrator = Narrator()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        redactor, handle = Redactor(Secret(secret) for secret in secrets), self._file.fileno()
        self._log = ActivityLog(Path("activity.log"), clock, UTC, redactor, opener=lambda _path: os.dup(handle))

    def saw(self, seq: int, record: Record) -> None:
        sentence = self._narrator.tell(record)
        if sentence is not None and seq > self._known_seq and not self._life.has_ended:
            self._log.line(Level.INFO, sentence.text)

    def said(self, notice: Notice) -> None:
        if not self._life.has_ended:
            self._scribe.tell(Said(notice))
            self._log.line(Level.INFO, f"{notice.kind.value}: {notice.text}")

    def close(self) -> None:
        """The process is over: everything it has logged is told."""
        self._log.close()
        with self._file as file:
            file.seek(0)
            self._scribe.tell(Shown("the activity log", file.read().decode()))
