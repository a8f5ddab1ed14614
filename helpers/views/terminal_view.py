"""The bot on one screen of a terminal, redrawn in place.

The picture stays on the ordinary screen (not the alternate one), so that the last of it can still be read, and scrolled
back to, after the bot has ended; and a killed bot leaves the terminal usable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import tzinfo

from rich.console import Console, ConsoleDimensions, Group
from rich.control import Control
from rich.live import Live

from domain.events import Record
from domain.status import BotStatus
from helpers.views.narration import Narrator, Sentence
from helpers.views.patient_stream import PatientStream
from helpers.views.picture import ASCII, UNICODE, draw

_EVENTS_KEPT = 50


class TerminalView:
    """Draws when `refresh` is called, at most as fast as the terminal takes it. See `helpers.views.plain_view.View`.

    `console` writes to `stream`. While the picture is up, what is printed elsewhere appears above it.
    """

    def __init__(
        self, status: Callable[[], BotStatus], console: Console, tz: tzinfo, stream: PatientStream | None = None
    ) -> None:
        self._status = status
        self._console = console
        self._tz = tz
        self._stream = stream
        self._narrator = Narrator()
        self._events: deque[Sentence] = deque(maxlen=_EVENTS_KEPT)
        self._glyphs = UNICODE if console.encoding.lower().startswith("utf") else ASCII
        self._live: Live | None = None
        self._size: ConsoleDimensions | None = None

    def recall(self, record: Record) -> None:
        self._narrator.tell(record)

    def saw(self, record: Record) -> None:
        sentence = self._narrator.tell(record)
        if sentence is not None:
            self._events.append(sentence)

    def refresh(self) -> None:
        if self._stream is not None and self._stream.is_behind:
            return
        self._show()

    def close(self, lines: Iterable[str] = ()) -> None:
        self._show()
        if self._live is not None:
            self._live.stop()
        for line in lines:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        size = self._console.size
        # One row is left for the cursor, without which the terminal would scroll.
        lines = draw(
            self._status(), self._events, width=size.width, height=size.height - 1, tz=self._tz, glyphs=self._glyphs
        )
        picture = Group(*lines)
        if self._live is None:
            self._live = Live(picture, console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start(refresh=True)
        else:
            if size != self._size:
                # The terminal has re-wrapped the old picture; where its lines are now, nobody knows.
                self._console.control(Control.clear(), Control.home())
            self._live.update(picture, refresh=True)
        self._size = size
