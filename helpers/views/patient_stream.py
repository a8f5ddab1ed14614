"""A text stream that never makes its writer wait.

A terminal can stop taking text (Ctrl-S, a dead connection, a pager that is not read), and a write to it then blocks for
as long. The bot must not: text is handed to a thread that owns the real stream, through a bounded queue. What does not
fit is dropped, and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import Protocol

_MOST_WAITING = 4_000_000
"""Characters; days of plain lines of a bot that trades in real time."""


class Sink(Protocol):
    """What is needed of the real stream."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class PatientStream:
    """Writes to `sink` from a thread of its own. For use from one thread; a sink that fails is written to no more."""

    def __init__(
        self, sink: Sink, *, is_terminal: bool = False, encoding: str = "utf-8", most_waiting: int = _MOST_WAITING
    ) -> None:
        self.encoding = encoding
        self.dropped = 0
        """Characters that were not written."""
        self._sink = sink
        self._is_terminal = is_terminal
        self._most_waiting = most_waiting
        self._texts: deque[str] = deque()
        self._waiting = 0
        self._state = threading.Condition()
        self._is_closing = False
        self._has_failed = False
        self._thread = threading.Thread(target=self._run, name="terminal output", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Text is still waiting: a picture drawn now would be late."""
        with self._state:
            return self._waiting > 0

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        with self._state:
            if self._has_failed or self._is_closing or self._waiting + len(text) > self._most_waiting:
                self.dropped += len(text)
            elif text:
                self._texts.append(text)
                self._waiting += len(text)
                self._state.notify_all()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread flushes what it has written."""

    def close(self, timeout_s: float = 2.0) -> bool:
        """Write what is left, for at most `timeout_s`; whether all of it was written. Leaves the real stream open."""
        with self._state:
            self._is_closing = True
            self._state.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and self.dropped == 0

    def __enter__(self) -> PatientStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._texts and not self._is_closing:
                    self._state.wait()
                if not self._texts:
                    return
                text = "".join(self._texts)
                self._texts.clear()
            is_written = self._write_out(text)
            with self._state:
                self._waiting -= len(text)
                if not is_written:
                    self._has_failed = True
                    self.dropped += self._waiting + len(text)
                    self._texts.clear()
                    self._waiting = 0
                    return

    def _write_out(self, text: str) -> bool:
        try:
            try:
                self._sink.write(text)
            except UnicodeEncodeError:
                self._sink.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
            self._sink.flush()
        except (OSError, ValueError):
            # The reader has gone, or the stream was closed. Trading goes on unseen.
            return False
        return True
