"""The bot as plain lines, and the choice of a view."""

from __future__ import annotations

import io
from datetime import UTC
from decimal import Decimal

import pytest

from domain.events import Halted, OrderIntended, OrderUpdate
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, Purpose
from domain.status import BotStatus, Hold, Phase
from helpers.views.choice import open_view
from helpers.views.plain_view import PlainView
from helpers.views.terminal_view import TerminalView
from tests.support.status import NOON_NS, bot_status

STATUS = (
    "BTC long running: position 0.02, in closes 0.01, entries waiting 2 of 10, realized +1.2500, "
    "unrealized -0.3000, fees 0.5000, volume 4,800.12"
)


class _Bot:
    """A bot whose status is set by the test."""

    def __init__(self) -> None:
        self.now = bot_status()

    def __call__(self) -> BotStatus:
        return self.now


def test_a_session_reads_as_lines() -> None:
    bot, out = _Bot(), io.StringIO()
    view = PlainView(bot, out, UTC)
    view.refresh()
    view.saw(OrderIntended(NOON_NS, 1, Purpose.OPEN, Side.BUY, Decimal(60_000), Decimal("0.01"), 1))
    view.saw(OrderUpdate(NOON_NS + NANOSECONDS, 1, OrderFact.REFUSED, reason="post_only_would_cross\x1b[2J"))
    hold = Hold("cool_down", "cooling down", NOON_NS + 75 * NANOSECONDS)
    bot.now = bot_status(holds=(hold,))
    view.refresh()
    bot.now = bot_status(now_ns=NOON_NS + 5 * NANOSECONDS, holds=(hold,))
    view.refresh()
    bot.now = bot_status(now_ns=NOON_NS + 600 * NANOSECONDS, connected_since_ns=None)
    view.refresh()
    bot.now = bot_status(now_ns=NOON_NS + 601 * NANOSECONDS, phase=Phase.STOPPING, reason="asked to")
    view.refresh()
    bot.now = bot_status(now_ns=NOON_NS + 602 * NANOSECONDS)
    view.close(["report", "end"])
    assert out.getvalue().splitlines() == [
        "12:00:00 connected",
        "12:00:01 open buy 0.01 at 60000 refused: post_only_would_cross\\x1b[2J",
        "12:00:00 waits: cooling down (1m 15s left)",
        "12:10:00 connection lost",
        f"12:10:00 {STATUS}",
        "12:10:01 stopping: asked to",
        "12:10:01 connected",
        f"12:10:02 {STATUS}",
        "report",
        "end",
    ]


def test_what_is_recalled_is_not_told() -> None:
    out = io.StringIO()
    view = PlainView(_Bot(), out, UTC)
    view.recall(Halted(NOON_NS, "of old"))
    assert out.getvalue() == ""


def test_a_cool_down_that_starts_again_is_told_again() -> None:
    bot, out = _Bot(), io.StringIO()
    view = PlainView(bot, out, UTC)
    for minutes in (1, 1, 2):
        bot.now = bot_status(holds=(Hold("cooldown", "cooling down", NOON_NS + minutes * 60 * NANOSECONDS),))
        view.refresh()
    assert out.getvalue().splitlines() == [
        "12:00:00 connected",
        "12:00:00 waits: cooling down (1m 00s left)",
        "12:00:00 waits: cooling down (2m 00s left)",
    ]


class _NobodyReads(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_gone_stops_nothing() -> None:
    view = PlainView(_Bot(), _NobodyReads(), UTC)
    view.saw(Halted(NOON_NS, "x"))
    view.refresh()
    view.close(["y"])


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "out, term, kind",
    [
        (_Terminal(), "xterm-256color", TerminalView),
        (_Terminal(), "dumb", PlainView),
        (io.StringIO(), "xterm-256color", PlainView),
    ],
)
def test_only_a_capable_terminal_gets_the_picture(out: io.StringIO, term: str, kind: type) -> None:
    view, stream = open_view(_Bot(), out, UTC, term=term)
    assert isinstance(view, kind)
    view.close(["last line"])
    assert stream.close()
    assert out.getvalue().endswith("last line\n")
