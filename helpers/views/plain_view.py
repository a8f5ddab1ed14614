"""A bot's doings as plain lines, for files, pipes and simple terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import Protocol

from domain.events import Record
from domain.market import NANOSECONDS, Side
from domain.status import BotStatus, Phase
from helpers.views.narration import Narrator
from helpers.views.patient_stream import Sink
from helpers.views.wording import clock_time, money, plain, safe, signed, span_left

_STATUS_EVERY_NS = 10 * 60 * NANOSECONDS


class View(Protocol):
    """What shows a bot to a person. No method blocks, and none fails because the output does."""

    def recall(self, record: Record) -> None:
        """Learn from a record of an earlier session, without telling it."""

    def saw(self, record: Record) -> None:
        """Tell of a record that was just journaled."""

    def refresh(self) -> None:
        """Look at the bot, and show what has changed. To be called a few times a second of real time."""

    def close(self, lines: Iterable[str] = ()) -> None:
        """Show the last state, then `lines`; nothing after that."""


class PlainView:
    """One line per noteworthy thing, and a status line every `status_every_ns` of the bot's own time.

    A reason to wait is told when it begins to be the one that counts, and when its end moves.
    """

    def __init__(
        self, status: Callable[[], BotStatus], out: Sink, tz: tzinfo, *, status_every_ns: int = _STATUS_EVERY_NS
    ) -> None:
        self._status = status
        self._out = out
        self._tz = tz
        self._every_ns = status_every_ns
        self._narrator = Narrator()
        self._told_hold: tuple[str, int | None] | None = None
        self._phase: Phase | None = None
        self._is_connected: bool | None = None
        self._next_status_ns: int | None = None
        self._has_failed = False

    def recall(self, record: Record) -> None:
        self._narrator.tell(record)

    def saw(self, record: Record) -> None:
        sentence = self._narrator.tell(record)
        if sentence is not None:
            self._line(sentence.at_ns, sentence.text)

    def refresh(self) -> None:
        status = self._status()
        if status.phase is not self._phase:
            if self._phase is not None:
                self._line(status.now_ns, status.phase.value + (f": {safe(status.reason)}" if status.reason else ""))
            self._phase = status.phase
        is_connected = status.connected_since_ns is not None
        if is_connected is not self._is_connected:
            if is_connected or self._is_connected is not None:
                self._line(status.now_ns, "connected" if is_connected else "connection lost")
            self._is_connected = is_connected
        self._tell_hold(status)
        if self._next_status_ns is None:
            self._next_status_ns = status.now_ns + self._every_ns
        elif status.now_ns >= self._next_status_ns:
            self._next_status_ns = status.now_ns + self._every_ns
            self._line(status.now_ns, status_line(status))

    def close(self, lines: Iterable[str] = ()) -> None:
        status = self._status()
        self._line(status.now_ns, status_line(status))
        for line in lines:
            self._write(f"{line}\n")

    def _tell_hold(self, status: BotStatus) -> None:
        hold = status.holds[0] if status.holds else None
        key = None if hold is None else (hold.word, hold.until_ns)
        if key == self._told_hold:
            return
        self._told_hold = key
        if hold is not None:
            left = "" if hold.until_ns is None else f" ({span_left(hold.until_ns - status.now_ns)} left)"
            self._line(status.now_ns, f"waits: {safe(hold.text)}{left}")

    def _line(self, at_ns: int, text: str) -> None:
        self._write(f"{clock_time(at_ns, self._tz)} {text}\n")

    def _write(self, text: str) -> None:
        if self._has_failed:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            # Nobody reads any more; that is no reason to stop trading.
            self._has_failed = True


def status_line(status: BotStatus) -> str:
    """The whole state in one line."""
    sums = status.money
    direction = "long" if status.direction is Side.BUY else "short"
    unrealized = "unknown" if sums.unrealized_pnl is None else signed(sums.unrealized_pnl)
    return (
        f"{safe(status.ticker)} {direction} {status.phase.value}: position {plain(status.position)}, "
        f"in closes {plain(status.covered)}, entries waiting {status.open_entries} of {status.max_orders}, "
        f"realized {signed(sums.realized_pnl)}, unrealized {unrealized}, fees {money(sums.fees)}, "
        f"volume {money(sums.volume_quote, 2)}"
    )
