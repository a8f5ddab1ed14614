"""Fills as venues deliver them: in parts, late, twice, before their order is known, and against a cancel under way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from domain.events import Fill, OrderUpdate, VenueEvent
from domain.market import Side
from domain.orders import OrderStatus
from exchanges.paper.world import StreamDelays
from tests.support.bot import LATENCY_NS, Rig, covered_after, mirrored, script
from tests.support.faults import Call, Deliveries, Fate, nth, while_true
from tests.support.tape import RULES, ScriptedMarket, bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def first_open_s() -> float:
    """When the first open of a calm market reaches the venue, in seconds after the market began."""
    with Rig(script()) as rig:
        rig.start()
        rig.run_until(lambda: bool(rig.auditor.opens))
        return (rig.auditor.opens[0].placed_ns - rig.start_ns) / 1e9


def test_partial_fill_is_covered_while_its_open_still_rests() -> None:
    with Rig(script(sold(5, 1002, 4))) as rig:
        rig.start()
        rig.run_to(6)
        assert rig.resting() == [(BUY, D("100.2"), D("0.06")), (SELL, D("100.4"), D("0.04"))]
        rig.check_covered()


def test_partial_then_cancel_keeps_its_cover_and_is_not_placed_again() -> None:
    with Rig(script(sold(5, 1002, 4), quote(20, 1001, 1004))) as rig:
        rig.start()
        rig.run_to(34)
        assert rig.resting() == [(SELL, D("100.4"), D("0.04"))]
        rig.run_to(36)  # A new entry, 30 s after the fill: one of six is open.
        assert rig.resting() == [(SELL, D("100.4"), D("0.04")), (BUY, D("100.3"), D("0.10"))]
        assert rig.bot.state.next_entry_id == 3
        rig.check_covered()


def test_a_trade_told_again_under_another_id_is_not_counted_twice() -> None:
    """More than was sent cannot have traded."""

    def twice(event: VenueEvent) -> Deliveries:
        again = [(2.0, replace(event, trade_id="NaN"))] if isinstance(event, Fill) else []
        return [(0.0, event), *again]

    with Rig(script(sold(5, 1002, 10), bought(20, 1006, 10))) as rig:
        rig.line.deliver = twice
        rig.start()
        rig.run_to(12)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_to(28)
        assert rig.own_fills()[:2] == [(BUY, D("100.2"), D("0.10")), (SELL, D("100.4"), D("0.10"))]
        rig.check_covered()
        rig.check_money()


def test_every_part_of_a_fill_is_covered_once() -> None:
    parts = [sold(5 + index, 1002, 2) for index in range(5)]
    with Rig(script(*parts)) as rig:
        rig.start()
        rig.run_to(11)
        assert rig.resting() == [(SELL, D("100.4"), D("0.02"))] * 5
        rig.check_covered()


def test_cancel_that_loses_the_race_against_a_fill_covers_the_fill() -> None:
    with Rig(script(quote(20, 1005, 1008), sold(20.07, 1002, 10))) as rig:
        rig.start()
        rig.run_to(22)
        assert rig.line.count("cancel") == 1
        assert rig.resting()[0] == (SELL, D("100.6"), D("0.10"))  # One tick outside the touch: 100.4 would cross.
        rig.check_covered()


def test_fill_that_the_cancel_reveals_is_covered_though_no_event_told_it() -> None:
    with Rig(script(quote(20, 1005, 1008), sold(20.07, 1002, 7))) as rig:
        rig.line.deliver = lambda _event: []
        rig.start()
        rig.run_to(30)
        assert (SELL, D("100.6"), D("0.07")) in rig.resting()
        rig.check_covered()


def test_fill_before_the_acknowledgement_is_covered_once() -> None:
    filled_s = first_open_s() + 0.01
    fast_fills = StreamDelays(order_ns=3_000_000_000, fill_ns=1_000_000, position_ns=LATENCY_NS, quote_ns=LATENCY_NS)
    with Rig(script(sold(filled_s, 1002, 10)), delays=fast_fills) as rig:
        rig.start()
        rig.run_to(filled_s + 0.02)
        assert rig.auditor.own == D("0.10")
        assert len(rig.of_kind(OrderUpdate)) == 0
        rig.run_to(filled_s + 10)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_fill_of_an_open_whose_answer_never_comes_is_covered_once() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.line.fate_of = nth("place", 1, Fate.HANGS)
        rig.start()
        rig.run_to(6)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_to(18)
        rig.check_covered()


def test_duplicated_and_late_updates_change_nothing() -> None:
    market = script(sold(5, 1002, 4), sold(6, 1002, 6), bought(12, 1005, 10), sold(30, 1002, 10))
    with Rig(market) as calm:
        calm.start()
        calm.run_to(100)
    with Rig(market) as rig:
        rig.line.deliver = lambda event: [(0.0, event), (0.0, event), (1.5, event), (40.0, event)]
        rig.start()
        rig.run_to(100)
        assert rig.own_fills() == calm.own_fills()
        assert rig.resting() == calm.resting()
        assert rig.line.count("place", "cancel") == calm.line.count("place", "cancel")
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("seed", range(6))
def test_updates_out_of_order_end_in_the_same_books(seed: int) -> None:
    chance = Random(seed)
    market = script(sold(5, 1002, 4), sold(6, 1002, 6), bought(25, 1005, 10), sold(60, 1002, 3), quote(90, 1004, 1007))

    def shuffled(event: VenueEvent) -> Deliveries:
        return [(chance.uniform(0, 3), event) for _ in range(chance.choice((1, 1, 2)))]

    with Rig(market) as rig:
        rig.line.deliver = shuffled
        rig.start()
        rig.run_to(200)
        assert sum(quantity for side, _, quantity in rig.own_fills() if side is BUY) == D("0.13")
        rig.check_covered()
        rig.check_money()


def test_stale_update_never_lowers_what_is_filled() -> None:
    held: list[VenueEvent] = []

    def hold_the_first_update(event: VenueEvent) -> Deliveries:
        if isinstance(event, OrderUpdate) and not held:
            held.append(event)  # "accepted, nothing filled", told again long after the order was filled
            return [(0.0, event), (3.0, event)]
        return [(0.0, event)]

    with Rig(script(sold(2, 1002, 10))) as rig:
        rig.line.deliver = hold_the_first_update
        rig.start()
        rig.run_to(10)
        order = rig.bot.state.orders[min(rig.line.placed)]
        assert (order.status, order.filled) == (OrderStatus.FILLED, D("0.10"))
        rig.check_covered()


def test_missed_fill_is_explained_though_later_fills_are_known() -> None:
    def drop_the_close(event: VenueEvent) -> Deliveries:
        is_of_the_close = rig.start_ns + 9 * 10**9 < event.at_ns < rig.start_ns + 12 * 10**9
        return [] if is_of_the_close else [(0.0, event)]

    def fails(call: Call) -> bool:
        return call.kind not in ("place", "cancel") and 50 < (call.at_ns - rig.start_ns) / 1e9 < 350

    with Rig(script(sold(5, 1002, 10), bought(10, 1005, 10), sold(300, 1002, 10))) as rig:
        rig.line.deliver = drop_the_close
        rig.line.fate_of = while_true(fails, Fate.REQUEST_LOST)
        rig.start()
        rig.run_to(400)
        assert len(rig.own_fills()) == 3
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        rig.check_covered()
        rig.check_money()


DUSTY = replace(RULES, min_quantity=D("0.05"))


def dusty(market: ScriptedMarket) -> ScriptedMarket:
    return replace(market, rules=DUSTY)


def test_dust_is_carried_and_merged_into_the_next_close_at_no_worse_price() -> None:
    # 0.03 at 100.2 is below the minimum; the next entry fills at 99.8, and both close at the higher target.
    market = script(sold(5, 1002, 3), quote(16, 1002, 1005), quote(17, 996, 999), sold(60, 990, 10))
    with Rig(dusty(market)) as rig:
        rig.start()
        rig.run_to(40)
        assert rig.auditor.own == D("0.03")
        assert [side for side, *_ in rig.resting()] == [BUY]
        rig.run_to(62)
        assert (SELL, D("100.4"), D("0.13")) in rig.resting()
        rig.check_covered()


def test_dust_alone_lets_the_bot_stop_with_nothing_to_confirm() -> None:
    with Rig(dusty(script(sold(5, 1002, 3)))) as rig:
        rig.start()
        rig.run_to(8)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.resting() == []
        assert rig.auditor.own == D("0.03")
        rig.check()


def test_selling_bot_covers_a_partial_fill_the_same_way_round() -> None:
    with Rig(mirrored(script(sold(5, 1002, 4), bought(8, 1005, 4))), direction=SELL) as rig:
        rig.start()
        rig.run_to(6)
        assert rig.resting() == [(SELL, D("100.1"), D("0.06")), (BUY, D("99.9"), D("0.04"))]
        rig.run_to(9)
        assert rig.own_fills() == [(SELL, D("100.1"), D("0.04")), (BUY, D("99.9"), D("0.04"))]
        covered_after(rig)
        rig.check_money()
