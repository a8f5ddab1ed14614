"""How far a long run is, on one line of a terminal that is drawn over again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TextIO

from domain.report import span

_WIDTH = 24
_REDRAW_S = 0.1


class ProgressBar:
    """Draws on `stream`; on one that is no terminal it draws nothing. `wall_s` is a steady clock."""

    def __init__(self, stream: TextIO, unit: str, wall_s: Callable[[], float]) -> None:
        self._stream = stream
        self._unit = unit
        self._wall_s = wall_s
        self._is_shown = stream.isatty()
        self._began_s = self._drawn_s = wall_s()
        self._length = 0

    def show(self, share: float, count: int) -> None:
        """`share` of the whole is done, from 0 to 1; `count` units so far."""
        now_s = self._wall_s()
        if not self._is_shown or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        self._draw(progress_line(min(1.0, max(0.0, share)), count, now_s - self._began_s, self._unit))

    def close(self) -> None:
        """Take the line away; idempotent."""
        if self._length:
            self._draw("")
            self._stream.write("\r")
            self._length = 0

    def _draw(self, line: str) -> None:
        try:
            self._stream.write("\r" + line.ljust(self._length))
            self._stream.flush()
            self._length = len(line)
        except OSError:
            self._is_shown = False  # Nobody looks any more; that is no reason to stop.


def progress_line(share: float, count: int, elapsed_s: float, unit: str) -> str:
    """The bar, the share, the rate since the beginning, and the time that is left at that rate."""
    filled = int(share * _WIDTH)
    bar = "#" * filled + "." * (_WIDTH - filled)
    rate = f"{count / elapsed_s:,.0f} {unit}/s" if elapsed_s > 0 else ""
    left = f"{span(Decimal(int(elapsed_s * (1 - share) / share)))} left" if share > 0 else ""
    return f"[{bar}] {100 * share:3.0f} %  {rate}  {left}".rstrip()
