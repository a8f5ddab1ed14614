"""Telling a person what happened, without ever standing in the way of trading.

The notifier lives in a daemon thread with an event loop of its own. The trading loop may run in virtual time, where a
second of waiting for a service would be an age, or leap past; and a service that hangs, a name server that does not
answer or a slow import must not take a microsecond from a fill. What crosses the border is a bounded list of texts.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from helpers.messenger import Messenger, open_session
from helpers.outbox import Kind, Outbox, Pace
from helpers.redaction import Redactor, printable
from helpers.settings import Settings

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Kind", "Notifier", "Pace", "notifier_for"]

MessengerMaker = Callable[["aiohttp.ClientSession"], Messenger]
"""Makes a messenger on the notifier's own HTTP session."""

_LONGEST_TEXT = 3000
_LAST_MOMENTS_S = 1.0


def _nobody(_: str) -> None:
    return None


class Notifier:
    """Sends notifications to every messenger, in the background.

    `label` begins each message (`paper ETH main`). `on_trouble` gets a line when a messenger fails and when it works
    again; it is called in the notifier's thread. Without messengers there is no thread, and `post` does nothing.
    """

    def __init__(
        self,
        messengers: Sequence[MessengerMaker],
        redactor: Redactor,
        *,
        label: str = "",
        on_trouble: Callable[[str], None] = _nobody,
        pace: Pace | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._makers = tuple(messengers)
        self._redactor = redactor
        self._label = label
        self._on_trouble = on_trouble
        self._pace = pace or Pace()
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._posted: deque[tuple[Kind, str]] = deque()
        self._overflow = 0
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._outboxes: tuple[Outbox, ...] = ()
        self._thread = threading.Thread(target=self._live, name="notifier", daemon=True)

    @property
    def dropped(self) -> int:
        """Messages that were given up, counted per messenger."""
        return self._overflow * len(self._makers) + sum(outbox.dropped for outbox in self._outboxes)

    @property
    def sent(self) -> int:
        """Messages that were taken, counted per messenger."""
        return sum(outbox.sent for outbox in self._outboxes)

    def start(self) -> None:
        """Begin to send. Returns at once; what was posted before is sent now."""
        if self._makers:
            self._thread.start()

    def post(self, kind: Kind, text: str) -> None:
        """Hand a message over. Never waits and never raises; secrets in `text` are masked."""
        if not self._makers:
            return
        words = printable(self._redactor(text), _LONGEST_TEXT, keep_newlines=True)
        message = f"[{self._label}] {words}" if self._label else words
        with self._lock:
            if self._closing or len(self._posted) >= self._pace.waiting:
                self._overflow += 1
                return
            self._posted.append((kind, message))
            if len(self._posted) == 1 and self._loop is not None:
                self._loop.call_soon_threadsafe(self._take_over)

    def close(self, timeout_s: float) -> int:
        """Send what is left, for at most `timeout_s` (and a second more to break off). Blocks.

        Returns how many messages were given up since the start, as `dropped`. Idempotent.
        """
        with self._lock:
            self._closing = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._take_over)
        if self._thread.ident is None:
            return self._give_up()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            with self._lock:
                if self._loop is not None and self._task is not None:
                    self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(_LAST_MOMENTS_S)
        return self._give_up()

    def _give_up(self) -> int:
        with self._lock:
            self._overflow += len(self._posted)
            self._posted.clear()
        return self.dropped + sum(outbox.undelivered for outbox in self._outboxes)

    def _live(self) -> None:
        """The thread."""
        try:
            asyncio.run(self._serve())
        except asyncio.CancelledError:
            return
        except Exception as error:  # noqa: BLE001  the root of this thread: notifications end, trading goes on
            self._report(f"notifications ended: {type(error).__name__}")

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        # A library's complaint may hold an address, and so a token.
        loop.set_exception_handler(lambda _, context: self._report(f"notifier: {context.get('message', 'an error')}"))
        async with open_session(self._timeout_s) as session:
            self._outboxes = tuple(Outbox(make(session), self._pace, self._report) for make in self._makers)
            with self._lock:
                self._loop, self._task = loop, asyncio.current_task()
            try:
                self._take_over()
                await asyncio.gather(*(self._run(outbox) for outbox in self._outboxes))
            finally:
                # Before the loop closes: `post` may be about to wake it.
                with self._lock:
                    self._loop = self._task = None

    async def _run(self, outbox: Outbox) -> None:
        try:
            await outbox.run()
        except Exception as error:  # noqa: BLE001  the root of this task: one messenger ends, the other goes on
            self._report(f"notifications to one service ended: {type(error).__name__}")

    def _take_over(self) -> None:
        """On the loop: move what was posted to the outboxes."""
        with self._lock:
            posted, closing = tuple(self._posted), self._closing
            self._posted.clear()
        for outbox in self._outboxes:
            for kind, text in posted:
                outbox.offer(kind, text)
            if closing:
                outbox.close()

    def _report(self, text: str) -> None:
        self._on_trouble(printable(self._redactor(text)))


def notifier_for(
    settings: Settings, redactor: Redactor, *, label: str = "", on_trouble: Callable[[str], None] = _nobody
) -> Notifier:
    """The notifier for the messengers whose keys are set; none set: one that does nothing. Not started."""
    makers: list[MessengerMaker] = []
    telegram_token, chat_id = settings.telegram_token, settings.telegram_chat_id
    if telegram_token is not None and chat_id is not None:
        from helpers.telegram_bot import TelegramBot

        base_url = settings.telegram_base_url
        makers.append(lambda session: TelegramBot(session, telegram_token, chat_id, base_url))
    lark_token = settings.lark_token
    if lark_token is not None:
        from helpers.lark_bot import LarkBot

        lark_base_url, lark_secret = settings.lark_base_url, settings.lark_secret
        makers.append(lambda session: LarkBot(session, lark_token, lark_secret, lark_base_url))
    return Notifier(makers, redactor, label=label, on_trouble=on_trouble)
