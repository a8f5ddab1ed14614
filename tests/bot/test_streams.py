"""Streams that break, fall silent or overflow; books that are stale or crossed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import Side
from domain.status import NoticeKind
from tests.support.bot import Rig, script
from tests.support.tape import bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def test_lost_stream_cancels_the_open_at_once_and_opens_nothing() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_to(4)
        rig.at(5, rig.client.lose_streams)
        rig.run_to(5.2)
        assert rig.resting() == []
        rig.run_to(300)
        assert rig.line.count("place") == 1
        rig.at(300, rig.client.restore_streams)
        rig.run_to(302)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        rig.check_covered()


def test_fill_missed_while_the_stream_was_lost_is_covered_by_asking() -> None:
    # The fill and the loss come in the same moment: the cancel finds the order filled.
    with Rig(script(sold(5.01, 1002, 7))) as rig:
        rig.start()
        rig.run_to(4)
        rig.at(5, rig.client.lose_streams)
        rig.run_to(8)
        assert rig.resting() == [(SELL, D("100.4"), D("0.07"))]
        rig.at(60, rig.client.restore_streams)
        rig.run_to(70)
        rig.check_covered()
        rig.check_money()


def test_closes_filled_while_the_stream_was_lost_are_known_before_anything_is_opened() -> None:
    with Rig(script(sold(5, 1002, 10), bought(100, 1005, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.at(9, rig.client.lose_streams)
        rig.at(200, rig.client.restore_streams)
        rig.run_to(200.05)
        sent = len(rig.line.calls)
        rig.run_to(203)
        kinds = [call.kind for call in rig.line.calls[sent:]]
        assert kinds.index("place") > kinds.index("position")
        assert rig.bot.state.own == 0
        rig.check_covered()
        rig.check_money()


def test_stream_lost_during_a_look_makes_that_look_worthless() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_until(lambda: rig.line.count("open_orders") == 1)
        rig.client.lose_streams()
        rig.run_for(0.05)
        rig.client.restore_streams()
        sent = len(rig.line.calls)
        rig.run_until(lambda: rig.line.count("place") == 1)
        kinds = [call.kind for call in rig.line.calls[sent:]]
        assert kinds[kinds.index("fills") :] == ["fills", "funding", "open_orders", "position", "open_orders", "place"]
        rig.check()


def test_streams_that_flap_end_covered_and_bounded() -> None:
    ticks = [sold(5 + 40 * index, 1002, 4) for index in range(20)]
    with Rig(script(*ticks)) as rig:
        rig.start()
        for index in range(100):
            rig.at(3 + 8 * index, rig.client.lose_streams)
            rig.at(6 + 8 * index, rig.client.restore_streams)
        rig.run_to(900)
        rig.check_covered()
        rig.check_money()
        assert rig.line.count("open_orders") < 1_000


def test_silent_book_cancels_the_open_and_prices_nothing() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_to(30)
        rig.at(30, rig.client.freeze_quotes)
        rig.run_to(39.9)
        assert len(rig.resting()) == 1
        rig.run_to(42)
        assert rig.resting() == []
        rig.run_to(3_600)
        assert rig.line.count("place") == 1
        assert rig.loop.rounds < 20_000
        rig.client.thaw_quotes()
        rig.run_for(5)
        assert len(rig.resting()) == 1
        rig.check_covered()


def test_fill_is_covered_at_its_target_while_the_book_is_silent() -> None:
    with Rig(script(sold(35, 1002, 10))) as rig:
        rig.start()
        rig.run_to(30)
        rig.at(30, rig.client.freeze_quotes)
        rig.run_to(60)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_crossed_book_prices_nothing_and_ends_nothing() -> None:
    with Rig(script(quote(5, 1003, 1000), quote(20, 1000, 1003))) as rig:
        rig.start()
        rig.run_to(15)
        assert [order for order in rig.resting() if order[0] is BUY] == []
        rig.run_to(25)
        assert rig.bot.status().reason == ""


def test_gap_in_the_data_moves_the_clock_and_nothing_else() -> None:
    with Rig(script(sold(5, 1002, 10), quote(5_000, 1000, 1003, gap=True), bought(5_010, 1005, 10))) as rig:
        rig.start()
        rig.run_to(5_020)
        assert len(rig.own_fills()) == 2
        rig.check_covered()
        rig.check_money()


def test_inbox_that_overflows_is_answered_by_asking_and_not_by_losing() -> None:
    with Rig(script(sold(5, 1002, 4))) as rig:
        rig.line.deliver = lambda event: [(0.0, event)] * 4_000
        rig.start()
        rig.run_to(30)
        assert "streams lost: more events than could be taken in" in rig.told.texts(NoticeKind.INFO)
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("lost_s", [0.45, 0.5, 0.55, 0.6, 0.7, 0.85, 0.95])
def test_stream_lost_while_starting_ends_with_one_open(lost_s: float) -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.at(lost_s, rig.client.lose_streams)
        rig.at(lost_s + 20, rig.client.restore_streams)
        rig.run_to(60)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        rig.check_covered()


def test_silent_loss_of_all_events_is_noticed_by_the_next_look() -> None:
    with Rig(script(sold(70, 1002, 10))) as rig:
        rig.start()
        rig.run_to(65)
        rig.client.go_deaf()
        rig.run_to(320)
        assert (SELL, D("100.4"), D("0.10")) in rig.resting()
        rig.check_covered()
