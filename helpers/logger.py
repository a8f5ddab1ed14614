"""The activity log: one rotating file per account and ticker, for people to read afterwards.

It is an observer. A full disk costs lines, never a trade: the first failure is remembered (`ActivityLog.trouble`),
lines wait in a bounded backlog, and writing is tried again later. With a `Background` the file is only touched in its
thread, so that a disk that hangs costs lines too, and never a moment of trading.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path

from domain.clock import Clock
from domain.market import NANOSECONDS
from helpers.background import Background
from helpers.env_file import SettingsError
from helpers.redaction import Redactor, printable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RETRY_AFTER_NS = 5 * NANOSECONDS
_BACKLOG_LINES = 1000
_FILE_PART = re.compile(r"[A-Za-z0-9.-]{1,64}")


class Level(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def file_stem(exchange: str, ticker: str, account: str = "") -> str:
    """`<exchange>_<ticker>[_<account>]`, the beginning of every file name of one bot.

    Two different bots never share one: only the account may hold an underscore. Raises `SettingsError` for a part that
    cannot be in a file name.
    """
    for what, part in (("exchange", exchange), ("ticker", ticker)):
        if _FILE_PART.fullmatch(part) is None or not part.strip("."):
            raise SettingsError(f"{what} {printable(part, 60)!r} cannot be in a file name: use letters, digits, . -")
    if re.fullmatch(r"[A-Za-z0-9_-]{0,64}", account) is None:
        raise SettingsError("the account's name cannot be in a file name; use letters, digits, - and _")
    return "_".join(part for part in (exchange, ticker, account) if part)


def open_private(path: Path) -> int:
    """A descriptor that appends to `path`, which only its owner may read; never through a symbolic link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, 0o600)


class ActivityLog:
    """Lines with a time, a level and a text, in one file.

    `clock` gives the time, so a session in virtual time writes the same file each time; it is shown in `tz` with its
    offset. At `max_bytes` the file becomes `<name>.1`, and so on up to `.backups`; older ones are removed. May be
    called from several threads. Raises `SettingsError` when the file cannot be opened at the start, and only then.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        tz: tzinfo,
        redactor: Redactor,
        *,
        max_bytes: int = 10_000_000,
        backups: int = 5,
        opener: Callable[[Path], int] = open_private,
        background: Background | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._tz = tz
        self._redactor = redactor
        self._max_bytes = max_bytes
        self._backups = backups
        self._opener = opener
        self._background = background
        self._is_planned = False
        # Both re-entrant: a library's own log line may be caused by writing one. `_lock` is held for moments only,
        # `_file_lock` for as long as the disk takes.
        self._lock = threading.RLock()
        self._file_lock = threading.RLock()
        self._backlog: deque[bytes] = deque()
        self._lost = 0
        self._trouble: str | None = None
        self._retry_at_ns = 0
        self._torn = False
        self._closed = False
        self._size = 0
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise SettingsError(
                f"cannot write the activity log {path}: {error.strerror}; name another folder with --log-dir"
            ) from None

    @property
    def trouble(self) -> str | None:
        """Why lines cannot be written now, one line; None while they can."""
        return self._trouble

    def line(self, level: Level, text: str) -> None:
        """Write one line. Secrets are masked, control characters escaped, long texts cut. Never raises for the disk."""
        now_ns = self._clock.now_ns()
        with self._lock:
            self._append(self._encoded(now_ns, level, text))
            if self._trouble is not None and now_ns < self._retry_at_ns:
                return
            is_planned, self._is_planned = self._is_planned, self._background is not None
        if self._background is None:
            self._flush(now_ns)
        elif not is_planned:
            self._background.submit(lambda: self._flush(now_ns))

    def close(self) -> None:
        """Write what waits, if that is possible now, and close the file. Idempotent; later lines are dropped."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        now_ns = self._clock.now_ns()
        if self._background is None:
            self._finish(now_ns)
        else:
            self._background.submit(lambda: self._finish(now_ns))

    def _finish(self, now_ns: int) -> None:
        with self._file_lock:
            self._flush(now_ns)
            self._close_file()

    def _encoded(self, now_ns: int, level: Level, text: str) -> bytes:
        when = (_EPOCH + timedelta(microseconds=now_ns // 1000)).astimezone(self._tz)
        words = printable(self._redactor(text))
        return f"{when.isoformat(' ', 'milliseconds')} {level:<7} {words}\n".encode()

    def _append(self, line: bytes) -> None:
        if self._closed:
            return
        if len(self._backlog) >= _BACKLOG_LINES:
            self._backlog.popleft()
            self._lost += 1
        self._backlog.append(line)

    def _flush(self, now_ns: int) -> None:
        with self._file_lock:
            try:
                while (following := self._next(now_ns)) is not None:
                    self._write(following[0])
                    self._written(*following)
            except OSError as error:
                if self._trouble is None:
                    self._trouble = f"the activity log {self._path} cannot be written: {error.strerror}"
                self._retry_at_ns = now_ns + _RETRY_AFTER_NS
                self._close_file()
                with self._lock:
                    self._is_planned = False
            else:
                self._trouble = None

    def _next(self, now_ns: int) -> tuple[bytes, int] | None:
        """The line to be written next, and how many lost ones it tells of."""
        with self._lock:
            if self._lost:
                why = self._trouble or "the disk is too slow"
                text = f"{self._lost} lines before this one were lost: {why}"
                return self._encoded(now_ns, Level.WARNING, text), self._lost
            self._is_planned = bool(self._backlog)
            return (self._backlog[0], 0) if self._backlog else None

    def _written(self, line: bytes, lost: int) -> None:
        """The backlog may have overflowed meanwhile, and have dropped the line itself."""
        with self._lock:
            self._lost -= lost
            if not lost and self._backlog and self._backlog[0] is line:
                self._backlog.popleft()

    def _write(self, line: bytes) -> None:
        file = self._open() if self._file is None else self._file
        if self._size and self._size + len(line) > self._max_bytes:
            file = self._rotate()
        if self._torn:
            # Half a line is on disk, from before a failure.
            line = b"\n" + line
        left = memoryview(line)
        while left:
            written = os.write(file, left)
            left = left[written:]
            self._size += written
            self._torn = len(left) > 0
        self._torn = False

    def _open(self) -> int:
        self._file = self._opener(self._path)
        facts = os.fstat(self._file)
        self._size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
        return self._file

    def _rotate(self) -> int:
        self._close_file()
        for number in range(self._backups, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if self._backups == 0:
            self._path.unlink(missing_ok=True)
        return self._open()

    def _numbered(self, number: int) -> Path:
        return self._path if number == 0 else self._path.with_name(f"{self._path.name}.{number}")

    def _close_file(self) -> None:
        if self._file is not None:
            handle, self._file = self._file, None
            try:
                os.close(handle)
            except OSError as error:
                self._trouble = self._trouble or f"the activity log {self._path} cannot be closed: {error.strerror}"


class RedactingFormatter(logging.Formatter):
    """For any handler of the standard `logging`: masks secrets also in arguments, tracebacks and stack dumps."""

    def __init__(self, redactor: Redactor, fmt: str = "%(name)s: %(message)s") -> None:
        super().__init__(fmt)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return printable(self._redactor(super().format(record)))


class _Bridge(logging.Handler):
    """Carries what libraries log into the activity log."""

    def __init__(self, log: ActivityLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = Level.INFO
        if record.levelno >= logging.WARNING:
            level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        try:
            text = self.format(record)
        except (TypeError, ValueError, KeyError):
            text = f"{record.name}: a line that cannot be formatted"
        self._log.line(level, text)


def capture_logging(log: ActivityLog, redactor: Redactor, threshold: int = logging.WARNING) -> Callable[[], None]:
    """Send what libraries log, from `threshold` up, to `log` and nowhere else; the result undoes it."""
    root = logging.getLogger()
    handler = _Bridge(log)
    handler.setLevel(threshold)
    handler.setFormatter(RedactingFormatter(redactor))
    before, level = root.handlers[:], root.level
    for other in before:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(threshold)

    def undo() -> None:
        root.removeHandler(handler)
        for other in before:
            root.addHandler(other)
        root.setLevel(level)

    return undo
