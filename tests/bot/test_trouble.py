"""What the venue's client reports beside trading: said once; what a person must mend ends the session."""

from __future__ import annotations

from decimal import Decimal

from domain.events import VenueTrouble
from domain.market import Side
from domain.status import NoticeKind
from tests.support.bot import Rig, script
from tests.support.tape import sold


def test_trouble_that_passes_is_said_and_changes_nothing() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(3)
        rig.client._hand_over(VenueTrouble(rig.world.now_ns, "clock has failed 3 times in a row: no answer"))
        rig.run_to(8)
        assert rig.told.texts(NoticeKind.INFO) == ["clock has failed 3 times in a row: no answer"]
        assert rig.resting() == [(Side.SELL, Decimal("100.4"), Decimal("0.10"))]
        rig.check_covered()


def test_a_key_that_is_taken_away_ends_the_session_with_its_line_and_leaves_the_closes() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.client._hand_over(VenueTrouble(rig.world.now_ns, "the key is gone: make another", must_stop=True))
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (1, "halted: the key is gone: make another")
        assert rig.resting() == [(Side.SELL, Decimal("100.4"), Decimal("0.10"))]
