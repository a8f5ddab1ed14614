"""Asking the venue: failed reads, fills between two reads, and the guard that stops a bot which is lost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from domain.events import ClosedOutside, HaltCleared, Halted, OwnFound
from domain.market import NANOSECONDS, Side
from domain.status import NoticeKind
from domain.stop import StopMode
from exchanges.paper.world import StreamDelays
from strategies.take_profit_grid.guards import Look
from tests.support.bot import LATENCY_NS, Rig, covered_after, script
from tests.support.faults import Call, Fate, FateOf, while_true
from tests.support.grid import config
from tests.support.retold import Hearing
from tests.support.tape import bought, quote, sold
from trading_bot import BotSettings

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
READS = ("query", "open_orders", "position", "fills", "rules")


def failing(kinds: Sequence[str], start_ns: int, from_s: float, to_s: float, fate: Fate = Fate.REQUEST_LOST) -> FateOf:
    def is_hit(call: Call) -> bool:
        return call.kind in kinds and from_s <= (call.at_ns - start_ns) / NANOSECONDS < to_s

    return while_true(is_hit, fate)


@pytest.mark.parametrize("kinds", [("position",), ("open_orders",), READS], ids=["position", "orders", "both"])
def test_nothing_is_opened_while_a_read_fails(kinds: tuple[str, ...]) -> None:
    with Rig(script(sold(130, 1002, 10))) as rig:
        rig.line.fate_of = failing(kinds, rig.start_ns, 50, 400)
        rig.start()
        rig.run_to(399)
        opens = [order for order in rig.line.placed.values() if order.side is BUY]
        assert len(opens) == 1  # the one that rested before; without the fault a second would follow at 160
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_to(420)
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        assert len(rig.told.texts(NoticeKind.ERROR)) == 1
        assert rig.told.texts(NoticeKind.MISMATCH) == []
        rig.check_covered()


@pytest.mark.parametrize("kinds", [("position",), ("open_orders",), READS], ids=["position", "orders", "both"])
def test_first_look_that_fails_opens_nothing(kinds: tuple[str, ...]) -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = failing(kinds, rig.start_ns, 0.35, 60)
        rig.start()
        rig.run_to(59)
        assert rig.line.placed == {}
        rig.run_to(75)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]


def test_reads_that_fail_for_an_hour_are_not_hammered_on() -> None:
    with Rig(script(sold(70, 1002, 10))) as rig:
        rig.line.fate_of = failing(READS, rig.start_ns, 50, 3_650)
        rig.start()
        rig.run_to(3_650)
        assert rig.line.count(*READS) < 1_200  # three tries every ten seconds
        assert len(rig.told.texts(NoticeKind.ERROR)) == 1
        assert rig.loop.rounds < 15_000
        covered_after(rig)


def test_reads_that_never_answer_block_nothing_but_opens() -> None:
    with Rig(script(sold(70, 1002, 10))) as rig:
        rig.line.fate_of = failing(READS, rig.start_ns, 50, 120, Fate.HANGS)
        rig.start()
        rig.run_to(80)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_to(200)
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        rig.check_covered()


def test_revoked_key_halts_with_the_line_that_helps() -> None:
    with Rig(script(sold(70, 1002, 10))) as rig:
        rig.line.fate_of = failing(READS, rig.start_ns, 50, 10_000, Fate.MISCONFIGURED)
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (
            1,
            "halted: this key may not read: give it the permission, or use another",
        )
        assert rig.line.count(*READS) < 100
        assert rig.loop.rounds < 2_000
        rig.check()


def test_key_that_may_not_trade_halts_and_leaves_no_order_behind() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = while_true(lambda call: call.kind == "place", Fate.MISCONFIGURED)
        rig.start()
        outcome = rig.finish()
        assert outcome.reason == "halted: this key may not trade: give it the permission, or use another"
        assert (outcome.exit_status, outcome.unconfirmed, rig.resting()) == (1, (), [])
        rig.check()


SLOW_EVENTS = StreamDelays(order_ns=400_000_000, fill_ns=380_000_000, position_ns=LATENCY_NS, quote_ns=LATENCY_NS)


@pytest.fixture(scope="module")
def second_look_s() -> float:
    """When the look after the first minute begins."""
    with Rig(script(), delays=SLOW_EVENTS) as rig:
        rig.start()
        rig.run_to(70)
        reads = [call.at_ns for call in rig.line.calls if call.kind == "open_orders"]
        assert len(reads) == 4
        return (reads[2] - rig.start_ns) / NANOSECONDS


@pytest.mark.parametrize("moment_ms", range(-500, 400, 25))
@pytest.mark.parametrize("fills", ["the open", "the close"])
def test_fill_between_the_reads_of_a_look_is_no_mismatch(fills: str, moment_ms: int, second_look_s: float) -> None:
    # The look takes 0.3 s; the fill lands around and within it, and its events come later than the answers.
    moment_s = second_look_s + moment_ms / 1000
    ticks = [sold(moment_s, 1002, 10)] if fills == "the open" else [sold(20, 1002, 10), bought(moment_s, 1005, 10)]
    with Rig(script(*ticks), delays=SLOW_EVENTS) as rig:
        rig.start()
        rig.run_to(second_look_s + 10)
        assert len(rig.own_fills()) == len(ticks)
        assert rig.told.texts(NoticeKind.MISMATCH) == []
        assert rig.of_kind(ClosedOutside) == []
        rig.check_covered()


def outside(rig: Rig, side: Side, quantity: str) -> None:
    rig.upon_venue(lambda venue: venue.external_trade(side, D(quantity)))


def test_mismatch_trips_the_guard_after_two_looks_two_seconds_apart() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        outside(rig, BUY, "0.3")
        rig.run_to(12.2)
        assert rig.of_kind(Halted) == []
        outcome = rig.finish()
        halted = rig.of_kind(Halted)[0]
        reads = [call.at_ns for call in rig.line.calls if call.kind == "position" and call.at_ns > rig.start_ns + 8e9]
        text = "position 0.40 and resting closes 0.10 differ by 0.30, more than 0.2"
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (1, f"halted: {text}", ())
        assert reads[1] - reads[0] >= 2 * NANOSECONDS
        assert halted.at_ns > reads[1]
        assert rig.told.texts(NoticeKind.MISMATCH) == [text]
        assert rig.told.texts(NoticeKind.HALT) == [text]
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


@pytest.mark.parametrize("mode", list(StopMode))
def test_halt_keeps_the_closes_whatever_was_asked_for_the_stop(mode: StopMode) -> None:
    with Rig(script(sold(5, 1002, 10)), settings=BotSettings("test", on_stop=mode)) as rig:
        rig.start()
        rig.run_to(8)
        outside(rig, BUY, "0.3")
        assert rig.finish().exit_status == 1
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]


def test_halt_finishes_covering_and_cancels_the_open() -> None:
    with Rig(script(sold(5, 1002, 10), sold(40, 1002, 4))) as rig:
        rig.start()
        rig.run_to(39.5)
        outside(rig, BUY, "0.3")
        outcome = rig.finish()
        assert outcome.exit_status == 1
        assert rig.resting() == [(SELL, D("100.4"), D("0.10")), (SELL, D("100.4"), D("0.04"))]
        rig.check_covered()


def test_small_difference_is_no_mismatch() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        outside(rig, BUY, "0.2")
        rig.run_to(200)
        assert rig.of_kind(Halted) == []
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        assert rig.stop().exit_status == 0
        rig.check_covered()


def test_next_start_opens_nothing_while_the_difference_remains_and_goes_on_once_it_is_gone() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        outside(rig, BUY, "0.3")
        rig.finish()
        sent = len(rig.line.calls)
        rig.start()
        rig.run_for(120)
        text = "nothing is opened: position 0.40 and resting closes 0.10 differ by 0.30, more than 0.2"
        assert rig.line.count("place", since=sent) == 0
        assert rig.told.texts(NoticeKind.MISMATCH)[1:] == [text]
        outside(rig, SELL, "0.3")
        rig.run_for(30)
        assert len(rig.of_kind(HaltCleared)) == 1
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        assert rig.stop().exit_status == 0
        rig.check_covered()


def test_stop_while_the_difference_of_an_earlier_halt_remains_is_no_new_halt() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        outside(rig, BUY, "0.3")
        rig.finish()
        rig.start()
        rig.run_for(30)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.bot.state.halted is not None


def test_position_closed_by_hand_is_written_off_and_told() -> None:
    with Rig(script(sold(5, 1002, 10), sold(40, 1002, 10))) as rig:
        rig.start()
        rig.run_to(45)
        outside(rig, SELL, "0.1")
        rig.run_to(55)
        assert rig.told.texts(NoticeKind.MISMATCH) == ["0.1 of the own position was closed by somebody else"]
        assert rig.resting()[0] == (SELL, D("100.4"), D("0.10"))
        assert (rig.bot.state.own, rig.bot.accounting.written_off) == (D("0.10"), D("0.10"))
        assert rig.stop().exit_status == 0


def test_what_is_written_off_is_missing_from_a_position_read_beside_the_look_once() -> None:
    """Of 1 the exchange has nothing, as two looks find, and as the position alone said while the second was under way.
    """
    hearing = Hearing(config())
    hearing.recorder.note(OwnFound(hearing.now_at_ns, 1, BUY, D(1), D(100)))
    hearing.look()
    hearing.now_at_ns += 5 * NANOSECONDS
    beside_ns = hearing.now_at_ns + 1
    hearing.oversight.glance = Look(beside_ns, beside_ns, D(0), D(0), D(1))
    hearing.look()
    assert hearing.state.own == 0
    assert hearing.oversight.newest() == Look(beside_ns, beside_ns, D(0), D(0), D(0))
    assert hearing.oversight.look == Look(hearing.now_at_ns, hearing.now_at_ns, D(0), D(0), D(0))


def test_a_position_read_beside_the_look_that_does_not_lack_what_is_written_off_is_forgotten() -> None:
    hearing = Hearing(config())
    hearing.recorder.note(OwnFound(hearing.now_at_ns, 1, BUY, D(1), D(100)))
    hearing.look()
    hearing.now_at_ns += 5 * NANOSECONDS
    beside_ns = hearing.now_at_ns + 1
    hearing.oversight.glance = Look(beside_ns, beside_ns, D("0.5"), D(0), D(1))
    hearing.look()
    assert hearing.state.own == 0
    assert hearing.oversight.newest() == Look(hearing.now_at_ns, hearing.now_at_ns, D(0), D(0), D(0))


def test_quiet_bot_looks_every_minute_so_that_no_lost_event_stays_unnoticed_longer() -> None:
    with Rig(script(quote(1, 1000, 1003))) as rig:
        rig.start()
        rig.run_to(3_600)
        assert rig.line.count("position") == 61
