"""The ordinary day: an entry is opened, filled, covered and closed, and the bot stops as it was asked to."""

from __future__ import annotations

from decimal import Decimal

from domain.market import Side
from tests.support.bot import Rig, script
from tests.support.tape import bought, sold

D = Decimal


def test_a_round_trip_is_quoted_filled_covered_and_closed() -> None:
    with Rig(script(sold(5, 1002, 10), bought(10, 1005, 10))) as rig:
        rig.start()
        rig.run_to(4)
        assert rig.resting() == [(Side.BUY, D("100.2"), D("0.10"))]
        rig.run_to(6)
        assert rig.resting() == [(Side.SELL, D("100.4"), D("0.10"))]
        rig.run_to(10.01)
        assert rig.own_fills() == [(Side.BUY, D("100.2"), D("0.10")), (Side.SELL, D("100.4"), D("0.10"))]
        rig.run_to(12)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.resting() == []
        rig.check_covered()
        rig.check_money()
