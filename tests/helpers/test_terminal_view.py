"""The one screen: what it shows, that it fits, and that it cannot be abused."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from domain.events import Fill, Liquidity, OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import OrderStatus, Purpose
from domain.status import BotStatus, Hold, LiveOrder, Phase
from helpers.views.ladder import Rung, ladder
from helpers.views.narration import Sentence, Tone
from helpers.views.patient_stream import PatientStream
from helpers.views.picture import ASCII, draw
from helpers.views.terminal_view import TerminalView
from tests.support.status import NOON_NS, bot_status, closes, opening

SHANGHAI = ZoneInfo("Asia/Shanghai")
COOLING = Hold("cool_down", "cooling down: 2 of 10 entries wait", NOON_NS + 75 * NANOSECONDS)
EVENTS = [
    Sentence(NOON_NS - 20 * NANOSECONDS, "open filled: bought 0.01 at 59990", Tone.NEWS),
    Sentence(NOON_NS - 9 * NANOSECONDS, "take-profit sell 0.01 at 60010 posted", Tone.QUIET),
]


def screen(status: BotStatus, width: int = 80, height: int = 23, events: Sequence[Sentence] = ()) -> list[str]:
    """The picture as a terminal without colours shows it, trailing blanks off."""
    return [line.plain.rstrip() for line in draw(status, events, width=width, height=height, tz=SHANGHAI)]


def test_an_80_by_24_terminal_shows_it_all() -> None:
    assert screen(bot_status(holds=(COOLING,), orders=(*closes(14), opening())), events=EVENTS) == [
        "BTC long on paper  · 4 x real time  RUNNING           2024-08-08 20:00:00 +08:00",
        "connected 3m 12s   bid 59999.9  ask 60000.0",
        "─" * 80,
        "position  +0.02 BTC  ██████████░░░░░░░░░░  in closes 0.01  50 % covered",
        "entries   2 of 10    ████░░░░░░░░░░░░░░░░  waiting for their close",
        "orders ─────────────────────────────────────  result ───────────────────────────",
        "     60140.0  close       0.01   +0.233 %     realized                   +1.2500",
        "              ··· 10 more                     unrealized                 -0.3000",
        "     60030.0  close       0.01   +0.050 %     fees paid                   0.5000",
        "     60020.0  close       0.01   +0.033 %     funding                    -0.0100",
        "     60010.0  close       0.01   +0.017 %     net                        +0.4400",
        "     60000.0  ask                             volume                    4,800.12",
        "     59999.9  bid                             cost per volume          -0.92 bps",
        "     59999.9  open        0.01    0.000 %     entries / exits              5 / 3",
        "─" * 80,
        "next      watch the open at 59999.9",
        "waits     cooling down: 2 of 10 entries wait  ▸ 1m 15s left",
        "events " + "─" * 73,
        "19:59:40  open filled: bought 0.01 at 59990",
        "19:59:51  take-profit sell 0.01 at 60010 posted",
    ]


def test_a_wide_terminal_shows_ages_and_states() -> None:
    status = bot_status(orders=(*closes(2), opening(OrderStatus.CANCELLING, filled="0.004")))
    assert screen(status, width=106, height=40)[6:11] == [
        "     60020.0  close       0.01   +0.033 %   1m 00s                      realized                   +1.2500",
        "     60010.0  close       0.01   +0.017 %       0s                      unrealized                 -0.3000",
        "     60000.0  ask                                                       fees paid                   0.5000",
        "     59999.9  bid                                                       funding                    -0.0100",
        "     59999.9  open  0.004/0.01    0.000 %       3s  cancelling          net                        +0.4400",
    ]


def test_a_narrow_terminal_keeps_the_sums_in_short() -> None:
    lines = screen(bot_status(), width=60, height=16)
    assert lines[5:7] == ["net +0.4400  fees 0.5000  volume 4,800.12", "orders " + "─" * 53]


def test_a_halting_bot_says_why_and_an_unconnected_one_that_it_is() -> None:
    reason = "position and closes disagree"
    lines = screen(bot_status(phase=Phase.HALTING, connected_since_ns=None, quote=None, reason=reason))
    assert "HALTING" in lines[0]
    assert lines[1] == "NOT CONNECTED   no quote"
    assert "reason    position and closes disagree" in lines


def test_unknown_sums_are_not_shown_as_zero() -> None:
    sums = bot_status().money
    unknown = type(sums)(0, 0, Decimal(0), Decimal(0), Decimal(0), Decimal(0), None, None)
    words = [line.split() for line in screen(bot_status(money=unknown))]
    assert [line[-1] for line in words if {"unrealized", "net"} & set(line)] == ["unknown", "unknown"]
    assert [line[-1] for line in words if "volume" in line] == ["0.00", "-"]


def test_an_old_quote_and_a_foreign_position_are_pointed_out() -> None:
    status = bot_status(now_ns=NOON_NS + 42 * NANOSECONDS, foreign_position=Decimal("-1.5"))
    lines = screen(status, width=120)
    assert lines[1].endswith("42s old")
    assert lines[3].endswith("foreign -1.5, left alone")


def test_a_countdown_never_shows_less_than_is_left() -> None:
    nearly = Hold("cool_down", "cooling down", NOON_NS + 1)
    assert "waits     cooling down  ▸ 1s left" in screen(bot_status(holds=(nearly,)))


def test_the_next_action_does_not_repeat_the_reason_to_wait() -> None:
    lines = screen(bot_status(holds=(COOLING,), next_action=f"wait: {COOLING.text}"))
    assert lines[-2:] == [
        "next      look again at 20:01:15",
        "waits     cooling down: 2 of 10 entries wait  ▸ 1m 15s left",
    ]
    endless = Hold("pause_price", "the price 70 has reached the pause price 60")
    assert "next      wait" in screen(bot_status(holds=(endless,), next_action=f"wait: {endless.text}"))


def test_more_reasons_to_wait_than_fit_are_counted() -> None:
    holds = tuple(Hold(f"h{number}", f"reason {number}") for number in range(4))
    assert "waits     reason 1  (and 2 more)" in screen(bot_status(holds=holds))


def test_foreign_text_cannot_move_the_cursor() -> None:
    hostile = bot_status(reason="\x1b[2J\r\nboo\u202e", mode="a\tb", next_action="[red]x[/red]")
    lines = screen(hostile, width=120)
    assert "reason    \\x1b[2J\\r\\nboo\\u202e" in lines
    assert "next      [red]x[/red]" in lines
    assert all(line.isprintable() for line in lines)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    lines = draw(bot_status(holds=(COOLING,)), EVENTS, width=80, height=23, tz=UTC, glyphs=ASCII)
    assert all(line.plain.isascii() for line in lines)


AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
PRICES = st.decimals(min_value=Decimal("0.0001"), max_value=10**6, places=4)


@st.composite
def order_sets(draw_: st.DrawFn) -> tuple[LiveOrder, ...]:
    count = draw_(st.integers(0, 40))
    return tuple(
        LiveOrder(
            client_id=number,
            order_id=None,
            purpose=draw_(st.sampled_from(Purpose)),
            side=draw_(st.sampled_from(Side)),
            price=draw_(st.none() | PRICES),
            quantity=Decimal("0.01"),
            filled=Decimal(0),
            status=draw_(st.sampled_from([status for status in OrderStatus if not status.has_ended])),
            since_ns=NOON_NS,
        )
        for number in range(count)
    )


@given(order_sets(), AMOUNTS, st.integers(40, 160), st.integers(1, 60), st.text(max_size=300), st.booleans())
def test_any_picture_fits_its_screen(
    orders: tuple[LiveOrder, ...], amount: Decimal, width: int, height: int, text: str, is_quoted: bool
) -> None:
    quote = bot_status().quote if is_quoted else None
    status = bot_status(orders=orders, position=amount, covered=abs(amount) / 3, quote=quote, reason=text, mode=text)
    lines = draw(status, [Sentence(NOON_NS, "x" * 200, Tone.BAD)] * 9, width=width, height=height, tz=UTC)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    assert all(line.plain.isprintable() for line in lines)


@given(order_sets(), st.integers(4, 60), st.booleans())
def test_a_ladder_counts_every_order_once(orders: tuple[LiveOrder, ...], height: int, is_quoted: bool) -> None:
    quote = bot_status().quote if is_quoted else None
    inside = [
        order for order in orders if quote and order.price is not None and quote.bid < order.price < quote.ask
    ]
    steps = ladder(orders, quote, height + len(inside))
    shown = [step.order.client_id for step in steps if step.order is not None]
    assert len(shown) == len(set(shown))
    assert len(shown) + sum(step.hidden for step in steps) == len(orders)
    assert len(steps) <= height + len(inside)
    prices = [step.price for step in steps if step.price is not None]
    if quote is not None:
        assert prices == sorted(prices, reverse=True)


def test_a_ladder_keeps_the_nearest_rungs_and_the_farthest() -> None:
    steps = ladder((*closes(9), opening()), bot_status().quote, 7)
    assert [(step.rung, step.price, step.hidden) for step in steps] == [
        (Rung.CLOSE, Decimal(60_090), 0),
        (Rung.MORE, None, 6),
        (Rung.CLOSE, Decimal(60_020), 0),
        (Rung.CLOSE, Decimal(60_010), 0),
        (Rung.ASK, Decimal("60000.0"), 0),
        (Rung.BID, Decimal("59999.9"), 0),
        (Rung.OPEN, Decimal("59999.9"), 0),
    ]


def test_the_view_shows_what_it_saw_and_leaves_the_end_readable() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system=None)
    view = TerminalView(bot_status, console, SHANGHAI)
    view.recall(OrderIntended(NOON_NS, 1, Purpose.OPEN, Side.BUY, Decimal(60_000), Decimal("0.01"), entry_id=1))
    view.refresh()
    assert "open filled" not in out.getvalue()
    view.saw(
        Fill(
            at_ns=NOON_NS,
            client_id=1,
            order_id="a",
            trade_id="t",
            side=Side.BUY,
            price=Decimal(60_000),
            quantity=Decimal("0.01"),
            fee=Decimal(0),
            liquidity=Liquidity.MAKER,
            venue_ns=NOON_NS,
        )
    )
    view.refresh()
    assert "20:00:00  open filled: bought 0.01 at 60000" in out.getvalue()
    view.close(["ended as asked", "[0m is not markup"])
    assert out.getvalue().endswith("ended as asked\n[0m is not markup\n")


@pytest.mark.parametrize("colours", ["1", ""])
def test_no_color_leaves_no_colour(colours: str) -> None:
    out = io.StringIO()
    environ = {"NO_COLOR": colours, "TERM": "xterm-256color"}
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system="256", _environ=environ)
    TerminalView(bot_status, console, SHANGHAI).close()
    assert ("\x1b[32m" in out.getvalue()) is (colours == "")


class _StoppedTerminal:
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        import threading

        self.let_go = threading.Event()
        self.entered = threading.Event()
        self.text = ""

    def write(self, text: str) -> None:
        self.entered.set()
        self.let_go.wait(30)
        self.text += text

    def flush(self) -> None:
        pass


def test_a_stopped_terminal_is_not_drawn_to_and_nobody_waits_for_it() -> None:
    terminal = _StoppedTerminal()
    looks: list[int] = []

    def status() -> BotStatus:
        looks.append(1)
        return bot_status()

    with PatientStream(terminal, is_terminal=True) as stream:
        console = Console(file=stream, force_terminal=True, width=80, height=24)  # type: ignore[arg-type]
        view = TerminalView(status, console, SHANGHAI, stream)
        view.refresh()
        assert terminal.entered.wait(30)
        for _ in range(100):
            view.refresh()
        assert len(looks) == 1
        terminal.let_go.set()
        view.close(["the end"])
    assert terminal.text.endswith("the end\n")
