"""The choice between the picture and plain lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import TextIO

from domain.status import BotStatus
from helpers.views.patient_stream import PatientStream
from helpers.views.plain_view import PlainView, View

_SIMPLE_TERMINALS = {"dumb", "unknown"}


def open_view(
    status: Callable[[], BotStatus], out: TextIO, tz: tzinfo, *, term: str = ""
) -> tuple[View, PatientStream]:
    """A picture where `out` is a terminal that can show one, plain lines otherwise.

    `term` is the value of TERM. The caller closes the view first, and then the stream, which the view writes through:
    that way a terminal that stopped taking text cannot stop the bot.
    """
    is_terminal = out.isatty()
    stream = PatientStream(out, is_terminal=is_terminal, encoding=out.encoding or "utf-8")
    if not is_terminal or term.lower() in _SIMPLE_TERMINALS:
        return PlainView(status, stream, tz), stream
    # Only a terminal pays for drawing.
    from rich.console import Console

    from helpers.views.terminal_view import TerminalView

    console = Console(file=stream, force_terminal=True)  # type: ignore[arg-type]
    return TerminalView(status, console, tz, stream), stream
