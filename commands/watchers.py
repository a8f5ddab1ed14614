"""The observers of a run: trade file, activity log, view and messengers, behind the one interface of `bot.observers`.
"""

from __future__ import annotations

from domain.events import Record
from domain.status import Notice, NoticeKind
from helpers.logger import ActivityLog, Level
from helpers.notifications import Notifier
from helpers.outbox import Kind
from helpers.trade_csv import TradeCsv
from helpers.views.narration import Narrator
from helpers.views.plain_view import View

_LEVELS = {NoticeKind.ERROR: Level.ERROR, NoticeKind.HALT: Level.ERROR, NoticeKind.MISMATCH: Level.WARNING}


class TradeWatcher:
    """The trade file."""

    def __init__(self, trades: TradeCsv) -> None:
        self._trades = trades

    def saw(self, seq: int, record: Record) -> None:
        self._trades.saw(seq, record)

    def said(self, notice: Notice) -> None:
        """Notices are not trades."""

    def flush(self) -> None:
        self._trades.flush()


class LogWatcher:
    """The activity log: every record in words, and every notice."""

    def __init__(self, log: ActivityLog, first_seq: int = 0) -> None:
        self._log = log
        self._first_seq = first_seq
        self._narrator = Narrator()

    def saw(self, seq: int, record: Record) -> None:
        sentence = self._narrator.tell(record)
        if sentence is not None and seq > self._first_seq:
            self._log.line(Level.INFO, sentence.text)

    def said(self, notice: Notice) -> None:
        self._log.line(_LEVELS.get(notice.kind, Level.INFO), f"{notice.kind.value}: {notice.text}")


class ViewWatcher:
    """The view.

    `is_quiet`: at full speed, where a line per order would be thousands. `is_still`: full speed into a file or a pipe,
    where only the end is shown, because what lies between would depend on how fast the machine is.
    """

    def __init__(self, last_known_seq: int, *, is_quiet: bool, is_still: bool) -> None:
        self._last_known_seq = last_known_seq
        self._is_quiet = is_quiet
        self._is_still = is_still
        self._view: View | None = None

    def show(self, view: View) -> None:
        self._view = view

    def refresh(self) -> None:
        if self._view is not None and not self._is_still:
            self._view.refresh()

    def saw(self, seq: int, record: Record) -> None:
        if self._view is None:
            return
        if seq <= self._last_known_seq or self._is_quiet:
            self._view.recall(record)
        else:
            self._view.saw(record)

    def said(self, notice: Notice) -> None:
        """Notices are in the log; the view shows the state they speak of."""


class MessengerWatcher:
    """Telegram and Lark: everything but `INFO`."""

    def __init__(self, messages: Notifier) -> None:
        self._messages = messages

    def saw(self, seq: int, record: Record) -> None:
        """Records are not news by themselves."""

    def said(self, notice: Notice) -> None:
        if notice.kind is not NoticeKind.INFO:
            self._messages.post(Kind(notice.kind.value), notice.text)
