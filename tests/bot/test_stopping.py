"""How a session ends: `--on-stop` verified on the venue, the fifteen seconds, levels, time, and the second Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.events import SessionEnded
from domain.market import NANOSECONDS, Side
from domain.status import NoticeKind
from domain.stop import StopMode
from tests.support.bot import Rig, script
from tests.support.faults import Call, Fate, nth, while_true
from tests.support.tape import bought, quote, sold
from tests.support.venue import limit
from trading_bot import BotSettings

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
CLOSE = (SELL, D("100.4"), D("0.10"))
IN_POSITION = (sold(5, 1002, 10),)
"""One entry covered; the second open rests from 35 s on."""


def is_market_order(call: Call) -> bool:
    return call.order is not None and call.order.price is None


def in_position(rig: Rig) -> None:
    rig.start()
    rig.run_to(40)
    assert rig.resting() == [CLOSE, (BUY, D("100.2"), D("0.10"))]


@pytest.mark.parametrize(
    "mode, left, own",
    [(StopMode.KEEP, [CLOSE], D("0.10")), (StopMode.CANCEL, [], D("0.10")), (StopMode.FLATTEN, [], D(0))],
)
def test_stop_leaves_what_was_asked_for_and_has_seen_it(
    mode: StopMode, left: list[tuple[Side, Decimal, Decimal]], own: Decimal
) -> None:
    with Rig(script(*IN_POSITION)) as rig:
        rig.auditor.allows_exits = True
        in_position(rig)
        asked_s = rig.now_s
        outcome = rig.stop(mode)
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (0, "stopped by Ctrl-C", ())
        assert (rig.resting(), rig.auditor.own) == (left, own)
        assert rig.now_s - asked_s < 3
        assert rig.line.calls[-1].kind == "open_orders"  # the last request was the look that proved it
        assert rig.of_kind(SessionEnded)[-1].exit_status == 0
        rig.check()
        rig.check_money()


@pytest.mark.parametrize("mode", list(StopMode))
def test_stop_while_partly_filled_settles_the_part(mode: StopMode) -> None:
    with Rig(script(sold(5, 1002, 4))) as rig:
        rig.auditor.allows_exits = True
        rig.start()
        rig.run_to(5.06)
        outcome = rig.stop(mode)
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        left = [(SELL, D("100.4"), D("0.04"))] if mode is StopMode.KEEP else []
        assert rig.resting() == left
        assert rig.auditor.own == (0 if mode is StopMode.FLATTEN else D("0.04"))
        rig.check()


@pytest.mark.parametrize("moment_ms", range(0, 1_500, 50))
def test_stop_at_any_moment_of_an_entry_ends_settled(moment_ms: int) -> None:
    with Rig(script(sold(0.7, 1002, 4), sold(0.9, 1002, 6))) as rig:
        rig.start()
        rig.run_until(lambda: rig.line.count("position") == 1)
        rig.run_to(0.2 + moment_ms / 1_000)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert [side for side, *_ in rig.resting()] == [SELL] * len(rig.resting())
        rig.check_covered()


def test_stop_asked_for_before_the_bot_runs_opens_nothing() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_until(lambda: rig.line.count("position") == 1)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.duration_ns, rig.line.count("place")) == (0, 0, 0)


@pytest.mark.parametrize("mode", list(StopMode))
def test_stop_that_cannot_ask_the_venue_ends_in_time_with_a_list(mode: StopMode) -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.line.fate_of = while_true(lambda _call: True, Fate.NOT_SENT)
        asked_s = rig.now_s
        outcome = rig.stop(mode)
        assert 14.9 < rig.now_s - asked_s < 15.1
        assert outcome.exit_status == 3
        bare = "; what is left of it has no closes" if mode is StopMode.FLATTEN else ""
        assert outcome.unconfirmed[-1] == f"own position 0.1 was not confirmed by the venue{bare}"
        assert [line.split(" ")[0] for line in outcome.unconfirmed] == ["close", "open", "own"]
        rig.check()


def test_stop_with_reads_alone_failing_says_what_is_not_confirmed() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.line.fate_of = while_true(lambda call: call.kind in ("open_orders", "position"), Fate.REQUEST_LOST)
        outcome = rig.stop()
        assert outcome.exit_status == 3
        assert outcome.unconfirmed == (
            "close order 2: sell 0.1 at 100.4 is open",
            "own position 0.1 was not confirmed by the venue",
        )
        assert rig.resting() == [CLOSE]


def test_stop_during_a_reconnect_is_proven_by_asking() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.client.lose_streams()
        rig.run_for(0.02)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.resting() == [CLOSE]
        rig.check_covered()


def test_stop_beside_a_loss_that_awaits_its_second_look_does_not_spin() -> None:
    with Rig(script(*IN_POSITION), latency_ns=0) as rig:
        in_position(rig)
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.05")))
        rig.run_for(0.01)
        sent = len(rig.line.calls)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.bot.accounting.written_off == D("0.05")
        assert rig.line.count("position", since=sent) < 10


def test_flatten_that_loses_its_answer_is_not_sent_twice() -> None:
    with Rig(script(*IN_POSITION), reduce_only=False) as rig:
        rig.auditor.allows_exits = True
        in_position(rig)
        rig.line.fate_of = while_true(is_market_order, Fate.ANSWER_LOST)
        outcome = rig.stop(StopMode.FLATTEN)
        assert (outcome.exit_status, rig.auditor.own) == (0, D(0))
        assert sum(order.price is None for order in rig.line.placed.values()) == 1
        rig.check()


def test_flatten_goes_on_where_the_book_is_too_thin_for_one_order() -> None:
    with Rig(script(sold(5, 1002, 10), quote(30, 1000, 1003, bid_size=1, ask_size=1))) as rig:
        rig.auditor.allows_exits = True
        rig.start()
        rig.run_to(34)
        outcome = rig.stop(StopMode.FLATTEN)
        assert (outcome.exit_status, rig.auditor.own) == (0, D(0))


def test_closes_cancelled_by_a_stop_are_owed_again_at_the_next_start() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.stop(StopMode.CANCEL)
        rig.start()
        rig.run_for(3)
        assert rig.resting()[0] == CLOSE
        rig.check_covered()


def test_second_interrupt_ends_at_once_with_status_3_and_a_list() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.bot.request_stop("stopped by Ctrl-C")
        rig.bot.abandon()
        asked_s = rig.now_s
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (3, "stopped by Ctrl-C")
        assert outcome.unconfirmed == (
            "close order 2: sell 0.1 at 100.4 is open",
            "open order 3: buy 0.1 at 100.2 is open",
            "own position 0.1 was not confirmed by the venue",
        )
        assert rig.now_s == pytest.approx(asked_s)
        rig.check()


def test_abandoned_bot_that_is_started_again_finds_everything() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.bot.abandon()
        rig.finish()
        rig.start()
        rig.run_for(30)
        assert rig.resting() == [CLOSE, (BUY, D("100.2"), D("0.10"))]
        rig.check_covered()


def test_stop_price_tells_and_ends() -> None:
    with Rig(script(sold(5, 1002, 10), quote(50, 1003, 1006)), stop_price=D("100.6")) as rig:
        rig.start()
        outcome = rig.finish()
        reason = "stop price 100.6 reached at 100.6"
        assert (outcome.exit_status, outcome.reason) == (0, reason)
        assert rig.told.texts(NoticeKind.STOP_PRICE) == [reason]
        assert rig.told.texts(NoticeKind.STOP) == [reason]
        assert rig.resting() == [CLOSE]
        rig.check_covered()


def test_stop_price_reached_while_an_open_is_on_its_way_cancels_it() -> None:
    with Rig(script(quote(0.82, 1003, 1006)), stop_price=D("100.6")) as rig:
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, rig.resting()) == (0, [])
        rig.check_covered()


def test_pause_price_cancels_the_open_waits_and_resumes() -> None:
    with Rig(script(quote(20, 1003, 1006), quote(60, 1000, 1003)), pause_price=D("100.6")) as rig:
        rig.start()
        rig.run_to(10)
        assert len(rig.resting()) == 1
        rig.run_to(59)
        assert (rig.resting(), rig.bot.status().phase.value) == ([], "paused")
        rig.run_to(62)
        assert len(rig.resting()) == 1
        assert rig.told.texts(NoticeKind.PAUSE_PRICE) == [
            "the pause price 100.6 is reached",
            "the price is back inside 100.6; going on",
        ]


def test_pause_is_not_told_to_be_over_because_the_book_fell_silent_or_the_bot_stops() -> None:
    with Rig(script(quote(20, 1003, 1006)), pause_price=D("100.6")) as rig:
        rig.start()
        rig.run_to(30)
        rig.client.freeze_quotes()
        rig.run_to(60)
        rig.client.thaw_quotes()
        rig.run_to(65)
        rig.stop()
        assert rig.told.texts(NoticeKind.PAUSE_PRICE) == ["the pause price 100.6 is reached"]


def test_session_ends_when_its_own_time_is_up() -> None:
    settings = BotSettings("test", run_for_ns=90 * NANOSECONDS)
    with Rig(script(sold(5, 1002, 10)), settings=settings) as rig:
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (0, "the session's time is up")
        assert outcome.duration_ns == 90 * NANOSECONDS
        rig.check_covered()


def test_session_ends_with_its_recorded_market() -> None:
    with Rig(script(sold(5, 1002, 10), bought(10, 1005, 10), until_s=100)) as rig:
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (0, "the recorded market has ended")
        rig.check_covered()
        rig.check_money()


def test_flatten_after_the_end_of_the_market_still_closes() -> None:
    settings = BotSettings("test", on_stop=StopMode.FLATTEN)
    with Rig(script(sold(5, 1002, 10), until_s=100), settings=settings) as rig:
        rig.auditor.allows_exits = True
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, rig.auditor.own, rig.resting()) == (0, D(0), [])


def test_boost_closes_each_fill_at_market_without_a_cooldown() -> None:
    with Rig(script(sold(5, 1002, 10), sold(6, 1002, 10), sold(7, 1002, 10)), boost_mode=True) as rig:
        rig.start()
        rig.run_to(8)
        sides = [side for side, *_ in rig.own_fills()]
        assert sides == [BUY, SELL] * 3
        assert rig.auditor.own == 0
        rig.check()
        rig.check_money()


def test_boost_leaves_what_a_cancel_reveals_as_a_maker_at_the_entry_price() -> None:
    with Rig(script(quote(20, 1001, 1005), sold(20.07, 1002, 4)), boost_mode=True) as rig:
        rig.line.deliver = lambda _event: []
        rig.start()
        rig.run_to(25)
        assert rig.resting()[0] == (SELL, D("100.2"), D("0.04"))
        rig.check()


@pytest.mark.parametrize("ends", [Rig.stop, Rig.kill], ids=["stopped", "killed"])
def test_foreign_orders_and_position_are_left_alone(ends: Callable[[Rig], object]) -> None:
    with Rig(script(sold(20, 1002, 10))) as rig:
        rig.upon_venue(lambda venue: venue.place(limit(None, BUY, 990, 50)))
        rig.upon_venue(lambda venue: venue.place(limit(None, SELL, 1050, 70)))
        rig.upon_venue(lambda venue: venue.external_trade(BUY, D("0.5")))
        rig.world.advance(rig.world.now_ns + 1)
        before = [(order.side, order.price, order.remaining) for order in rig.foreign()]
        rig.start()
        rig.run_to(30)
        assert rig.bot.status().foreign_position == D("0.50")
        assert rig.bot.state.own == D("0.10")
        assert rig.resting() == [CLOSE]
        ends(rig)
        rig.start()
        rig.run_for(5)
        assert [(order.side, order.price, order.remaining) for order in rig.foreign()] == before
        infos = rig.told.texts(NoticeKind.INFO)
        assert infos[:2] == [
            "a position of 0.50 was there before this bot; it is foreign and left alone",
            "2 resting orders are foreign and left alone",
        ]
        rig.check_covered()


def test_start_and_stop_are_told() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.stop()
        start = "paper TST: buy 0.1, take-profit 0.1 %, up to 6 entries (test)"
        assert rig.told.texts(NoticeKind.START) == [start]
        assert rig.told.texts(NoticeKind.STOP) == ["stopped by Ctrl-C"]
        rig.start()
        rig.run_for(2)
        assert rig.told.texts(NoticeKind.START)[1] == f"{start}; continuing with own position 0.10 and 1 live orders"


def test_broken_observer_is_switched_off_and_told_of() -> None:
    class Broken:
        def saw(self, seq: int, record: object) -> None:
            raise OSError("no space left on device")

        def said(self, notice: object) -> None: ...

    with Rig(script(sold(5, 1002, 10)), observers=[Broken()]) as rig:
        rig.start()
        rig.run_to(8)
        assert rig.resting() == [CLOSE]
        assert rig.told.texts(NoticeKind.ERROR) == ["Broken failed and is switched off: no space left on device"]


def test_bot_that_breaks_takes_its_open_away_and_says_where() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(40)
        assert len(rig.resting()) == 2
        rig.bot.state.entries.clear()  # A state that no history can lead to.
        outcome = rig.finish()
        assert outcome.exit_status == 1
        assert outcome.reason.startswith("halted: internal error: KeyError")
        assert rig.resting() == [CLOSE]


def test_request_that_hangs_does_not_hold_the_stop_beyond_its_time() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("place", 1, Fate.HANGS)
        rig.start()
        rig.run_until(lambda: rig.line.count("place") == 1)
        asked_s = rig.now_s
        outcome = rig.stop()
        assert rig.now_s - asked_s < 15.1
        assert (outcome.exit_status, rig.resting()) == (0, [])


def is_cancel(call: Call) -> bool:
    return call.kind == "cancel"


def test_open_that_cannot_be_cancelled_is_listed() -> None:
    with Rig(script(*IN_POSITION)) as rig:
        in_position(rig)
        rig.line.fate_of = while_true(is_cancel, Fate.REFUSED)
        outcome = rig.stop()
        assert outcome.exit_status == 3
        assert any(line.startswith("open order 3: buy 0.1 at 100.2") for line in outcome.unconfirmed)


def test_ended_session_waits_for_nothing() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.stop()
        status = rig.bot.status()
        assert (status.next_action, status.holds) == ("nothing: the session has ended", ())
