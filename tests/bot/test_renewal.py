"""Closes on a venue that ends resting orders by their age: replaced before that, never two for one quantity.

The auditor stands at the venue and objects to every moment at which more is covered than there is.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import OrderUpdate
from domain.market import Side
from domain.orders import OrderFact
from markets.account import AccountTerms
from tests.support.bot import Rig, script
from tests.support.faults import Fate, nth
from tests.support.tape import bought, sold

D = Decimal
SELL = Side.SELL
LIFE_S = 600
DUE_S = 545
"""Seconds after the market's start: a little after the first close has lived nine tenths of its life."""
TERMS = AccountTerms(balance=D(1_000_000), max_order_life_s=LIFE_S)


def facts(rig: Rig, fact: OrderFact) -> list[OrderUpdate]:
    return [update for update in rig.of_kind(OrderUpdate) if update.fact is fact]


def test_no_close_ever_reaches_its_age() -> None:
    with Rig(script(sold(5, 1002, 10)), terms=TERMS, max_orders=1) as rig:
        rig.start()
        rig.run_to(10 * LIFE_S)
        assert facts(rig, OrderFact.EXPIRED) == []
        assert len(facts(rig, OrderFact.CANCELLED)) == 11
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        assert rig.auditor.longest_bare_s(rig.world.now_ns) < 1
        assert rig.told.notices[1:] == []
        rig.check_covered()


def test_six_closes_are_renewed_one_at_a_time_after_a_long_pause_and_the_guard_is_content() -> None:
    ticks = [sold(5 + 40 * number, 1002, 10) for number in range(6)]
    with Rig(script(*ticks), terms=TERMS, wait_time=D(15)) as rig:
        rig.start()
        rig.run_to(400)
        assert rig.auditor.own == D("0.6")
        rig.kill()
        rig.downtime(190)  # All but the first are still alive, and due or nearly so.
        rig.start()
        least = rig.auditor.own
        for second in range(600, 3_000, 5):
            rig.run_to(second)
            if second > 620:
                least = min(least, sum((left for side, _, left in rig.resting() if side is SELL), D(0)))
        assert least >= D("0.5")
        assert rig.bot.state.halted is None
        assert len(facts(rig, OrderFact.EXPIRED)) <= 1
        rig.check_covered()


def test_a_fill_around_the_cancel_is_closed_once() -> None:
    """The close was sent at 5.1 s, so it is cancelled at 545.1 s; the cancel and its news travel 50 ms each way."""
    held = set()
    for late_ms in range(0, 600, 25):
        fill = bought(545.0 + late_ms / 1_000, 1005, 4)
        with Rig(script(sold(5, 1002, 10), fill), terms=TERMS, max_orders=1) as rig:
            rig.start()
            rig.run_to(DUE_S + 30)
            assert facts(rig, OrderFact.EXPIRED) == []
            assert len(facts(rig, OrderFact.CANCELLED)) == 1
            assert rig.resting() == [(SELL, D("100.4"), rig.auditor.own)]
            rig.check_covered()
            rig.check_money()
            held.add(rig.auditor.own)
    assert held == {D("0.06"), D("0.10")}


@pytest.mark.parametrize("fate", [Fate.REQUEST_LOST, Fate.ANSWER_LOST, Fate.NOT_SENT, Fate.LATE, Fate.REFUSED])
@pytest.mark.parametrize("kind", ["cancel", "place"])
def test_a_renewal_whose_request_is_lost_ends_covered_once(kind: str, fate: Fate) -> None:
    with Rig(script(sold(5, 1002, 10)), terms=TERMS, max_orders=1) as rig:
        rig.line.fate_of = nth(kind, 1 if kind == "cancel" else 3, fate)
        rig.start()
        rig.run_to(DUE_S + 40)
        assert rig.line.count("place") >= 3
        assert facts(rig, OrderFact.EXPIRED) == []
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_killed_at_every_step_of_a_renewal_the_next_start_covers_once() -> None:
    with Rig(script(sold(5, 1002, 10)), terms=TERMS, max_orders=1) as rig:
        rig.start()
        rig.run_to(540)
        first = rig.advances
        rig.run_to(DUE_S + 5)
        steps = rig.advances - first
    assert steps > 5
    for step in range(1, steps + 1):
        with Rig(script(sold(5, 1002, 10)), terms=TERMS, max_orders=1) as rig:
            rig.start()
            rig.run_to(540)
            rig.kill_at_advance(rig.advances + step)
            rig.run_to(DUE_S + 5)
            assert rig.was_killed
            rig.restart()
            rig.run_for(40)
            assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
            rig.check_covered()
