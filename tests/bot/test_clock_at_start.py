"""The cool-down after a start: it counts from the last open fill, whenever the bot comes to hear of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bot.memory import Memory
from domain.events import ClockSet, Fill, OrderIntended, OrderUpdate, SessionStarted
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, Purpose
from exchanges.urgency import are_reads_urgent
from helpers.journal import MemoryJournal
from tests.support.bot import Rig, script
from tests.support.faults import Call, Fate
from tests.support.tape import sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
COOLDOWN_S = 30
"""Of the second entry: one of six is open, and W is 60 s."""


def filled_unheard(rig: Rig) -> int:
    """Killed before it hears of its fill; when that happened."""
    rig.start()
    rig.run_until(lambda: rig.auditor.own > 0)
    rig.kill()
    (fill,) = rig.fills_of_venue()
    return fill.venue_ns


def second_open_ns(rig: Rig) -> int:
    """When the second entry was begun."""
    _, second = (record for record in rig.of_kind(OrderIntended) if record.purpose is Purpose.OPEN)
    moment: int = second.at_ns
    return moment


def test_fill_found_at_the_start_cools_down_from_the_moment_of_the_fill() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        filled_ns = filled_unheard(rig)
        rig.downtime(5)
        rig.start()
        rig.run_for(3)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_for(2 * COOLDOWN_S)
        assert second_open_ns(rig) == filled_ns + COOLDOWN_S * NANOSECONDS
        rig.check_covered()


def test_fill_found_long_after_its_cool_down_holds_nothing_up() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        filled_unheard(rig)
        rig.downtime(3_600)
        rig.start()
        started_s = rig.now_s
        rig.run_for(3)
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        assert second_open_ns(rig) < rig.start_ns + (started_s + 1) * NANOSECONDS
        rig.check_covered()


def test_fill_whose_time_the_venue_has_forgotten_cools_down_from_the_start() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        filled_unheard(rig)
        rig.downtime(3_600)
        rig.line.history_from_ns = rig.world.now_ns
        rig.start()
        rig.run_for(3 + COOLDOWN_S)
        (heard,) = {update.at_ns for update in rig.of_kind(OrderUpdate) if update.filled}
        assert second_open_ns(rig) == heard + COOLDOWN_S * NANOSECONDS


def test_fill_of_an_order_that_a_wrong_clock_dated_ahead_is_found_all_the_same() -> None:
    """Its trades lie before the time at which it seems to have been intended."""
    with Rig(script(sold(5, 1002, 10))) as rig:
        filled_unheard(rig)
        dated_ahead = [replace(record, at_ns=record.at_ns + 200 * NANOSECONDS) for record in rig.records]
        rig.journal.inner = MemoryJournal()
        rig.journal.inner.append(dated_ahead, sync=True)
        rig.downtime(100)
        rig.start()
        rig.run_for(30)
        assert [(fill.trade_id, fill.quantity) for fill in rig.of_kind(Fill)] == [
            (fill.trade_id, fill.quantity) for fill in rig.fills_of_venue()
        ]


def test_closes_found_by_a_journal_that_knows_no_fill_set_the_clock_to_now() -> None:
    """A backup of the journal from before its first open, and a venue that no longer tells that open's trades."""
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(10)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.kill()
        begun = [record for record in rig.records if record.at_ns == rig.records[0].at_ns][:3]
        rig.journal.inner = MemoryJournal()
        rig.journal.inner.append(begun, sync=True)
        rig.downtime(3_600)
        rig.line.history_from_ns = rig.world.now_ns
        rig.start()
        rig.run_for(3)
        (close,) = (record for record in rig.of_kind(OrderIntended) if record.adopted)
        assert (close.purpose, close.quantity) == (Purpose.CLOSE, D("0.10"))
        (clock,) = rig.of_kind(ClockSet)
        assert rig.bot.state.clock_ns == clock.at_ns >= close.at_ns
        rig.run_for(2 * COOLDOWN_S)
        (opened,) = (record for record in rig.of_kind(OrderIntended) if record.purpose is Purpose.OPEN)
        assert opened.at_ns == clock.at_ns + COOLDOWN_S * NANOSECONDS


def test_news_heard_by_a_clock_that_was_ahead_keeps_no_later_stop_from_being_verified() -> None:
    """A look counts as newer than what was heard before its session began, whatever the clock said then."""
    memory = Memory()
    memory.apply(OrderUpdate(400, 1, OrderFact.ACCEPTED))
    memory.apply(SessionStarted(100, ""))
    assert memory.last_order_event_ns == 100
    memory.apply(OrderUpdate(150, 1, OrderFact.CANCELLED))
    memory.apply(SessionStarted(200, ""))
    assert memory.last_order_event_ns == 150


def test_a_trade_that_never_appears_is_asked_for_ever_more_rarely_and_soon_with_no_urgency() -> None:
    """The order's total is booked, so that nothing waits for the trade; and each try reads more of the past."""
    with Rig(script(sold(5, 1002, 10)), max_orders=1) as rig:
        filled_unheard(rig)
        rig.downtime(3_600)
        rig.line.history_from_ns = rig.world.now_ns
        asked: list[tuple[float, bool]] = []

        def note(call: Call) -> Fate:
            if call.kind == "query":
                asked.append((rig.now_s, are_reads_urgent()))
            return Fate.PASSES

        rig.line.fate_of = note
        rig.start()
        began_s = rig.now_s
        rig.run_for(7_200)
        times = [at_s - began_s for at_s, _ in asked]
        assert sum(at_s < 30 for at_s in times) >= 6
        assert len(times) <= 20
        assert [is_urgent for _, is_urgent in asked] == [True] * 5 + [False] * (len(asked) - 5)
        rig.line.history_from_ns = 0
        rig.run_for(3_700)
        assert [fill.trade_id for fill in rig.of_kind(Fill)] == [fill.trade_id for fill in rig.fills_of_venue()]
