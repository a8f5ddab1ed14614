"""A program that stood still opens nothing until it has kept up for a while; what is owed is covered all the same."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal

from bot.lag import LagWatch
from domain.market import NANOSECONDS, Quote, Side
from domain.status import NoticeKind
from helpers.clock import VirtualTimeLoop
from tests.support.bot import Rig, script
from tests.support.tape import sold
from trading_bot import BotSettings

D = Decimal
SETTINGS = BotSettings("test", watches_lag=True)
CLOSE = (Side.SELL, D("100.4"), D("0.10"))
NEXT_OPEN = (Side.BUY, D("100.2"), D("0.10"))
SECOND_OPEN_S = 35
"""When the second open is due after a fill at 5 s."""


def stand_still(rig: Rig, at_s: float, seconds: float) -> None:
    """The clock goes on for so long, and no task runs."""

    def hold() -> None:
        rig.loop.clock.move_to(rig.loop.clock.now_ns() + round(seconds * NANOSECONDS))

    rig.at(at_s, hold)


def test_nothing_is_opened_until_the_loop_has_kept_up_for_a_while() -> None:
    with Rig(script(sold(5, 1002, 10)), settings=SETTINGS) as rig:
        rig.start()
        rig.run_to(10)
        stand_still(rig, SECOND_OPEN_S - 1, 2.5)
        rig.run_to(SECOND_OPEN_S + 4)
        assert rig.resting() == [CLOSE]
        (hold,) = rig.bot.status().holds
        assert hold.word == "trouble"
        assert hold.text.startswith("this program stood still for 2.")
        rig.run_to(SECOND_OPEN_S + 6)
        assert rig.resting() == [CLOSE, NEXT_OPEN]
        stood_still = [text for text in rig.told.texts(NoticeKind.INFO) if "stood still" in text]
        assert len(stood_still) == 1


def test_an_open_that_is_due_in_the_very_turn_that_came_late_is_held_too() -> None:
    # The bot's own timer and the standstill fall on one moment, so that the bot decides before the watch's timer fires.
    with Rig(script(sold(5, 1002, 10)), settings=SETTINGS) as rig:
        rig.start()
        rig.run_to(10)
        (cooldown,) = rig.bot.status().holds
        assert cooldown.until_ns is not None
        due_s = (cooldown.until_ns - rig.start_ns) / NANOSECONDS
        stand_still(rig, due_s, 2.5)
        rig.run_to(due_s + 5)
        assert rig.resting() == [CLOSE]
        rig.run_to(due_s + 7)
        assert rig.resting() == [CLOSE, NEXT_OPEN]


def test_a_fill_is_covered_while_the_loop_lags() -> None:
    with Rig(script(sold(5, 1002, 10)), settings=SETTINGS) as rig:
        rig.start()
        rig.run_to(2)
        stand_still(rig, 3, 1.9)
        rig.run_to(6)
        assert "trouble" in [hold.word for hold in rig.bot.status().holds]
        assert rig.resting() == [CLOSE]
        rig.check_covered()


def test_a_moment_of_lag_holds_nothing() -> None:
    with Rig(script(sold(5, 1002, 10)), settings=SETTINGS) as rig:
        rig.start()
        rig.run_to(10)
        stand_still(rig, SECOND_OPEN_S - 1, 0.8)
        rig.run_to(SECOND_OPEN_S + 1)
        assert rig.resting() == [CLOSE, NEXT_OPEN]
        assert not any("stood still" in text for text in rig.told.texts(NoticeKind.INFO))


def test_a_watch_that_was_stopped_says_nothing_more() -> None:
    told: list[str] = []
    loop = VirtualTimeLoop(0)
    watch = LagWatch(loop.clock, told.append, lambda: None, lambda: None)

    async def live() -> None:
        watch.start()
        await asyncio.sleep(2)
        watch.stop()
        loop.clock.move_to(10 * NANOSECONDS)
        await asyncio.sleep(2)

    with contextlib.closing(loop):
        loop.run_until_complete(live())
    assert (told, watch.trouble()) == ([], "")


def test_a_touch_that_was_read_right_after_a_standstill_is_no_fresh_one() -> None:
    """It had waited: only what is heard later shows that the stream is up to date."""
    loop = VirtualTimeLoop(0)
    heard_s = [0.0]
    passed: list[float] = []
    watch = LagWatch(
        loop.clock,
        lambda _text: None,
        lambda: passed.append(loop.time()),
        lambda: Quote(D(1), D(1), D(2), D(1), round(heard_s[0] * NANOSECONDS)),
    )

    async def live() -> bool:
        watch.start()
        await asyncio.sleep(2)
        loop.clock.move_to(10 * NANOSECONDS)
        await asyncio.sleep(0)
        heard_s[0] = 10.0
        await asyncio.sleep(20)
        was_held = watch.trouble() != ""
        heard_s[0] = 29.0
        await asyncio.sleep(1)
        return was_held

    with contextlib.closing(loop):
        assert loop.run_until_complete(live())
    assert (len(passed), watch.trouble()) == (1, "")
