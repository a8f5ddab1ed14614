"""What somebody else takes from the account by hand: every reading of it that the venue's ledger allows is accepted."""

from __future__ import annotations

import pytest

from domain.events import Halted
from domain.market import NANOSECONDS
from domain.status import NoticeKind
from simulation.observed import OutsideChange
from tests.support.told import BEGAN_NS, Told, violation


def taken_by_hand(before: str, after: str) -> Told:
    """Somebody traded before the journal began, and again beside an own position of 0.1; then its close was gone."""
    told = Told().see(OutsideChange("by hand")).foreign_trade(before).began().at(1).covered_entry(1)
    told.at(10).see(OutsideChange("by hand")).foreign_trade(after).at(20).cancel(2)
    return told.at(90).look()


@pytest.mark.parametrize("before, after", [("0", "-0.1"), ("0.1", "-0.1"), ("0.1", "-0.2"), ("-0.1", "0.1")])
def test_whether_a_hand_took_what_was_own_or_what_was_foreign_cannot_be_told(before: str, after: str) -> None:
    assert taken_by_hand(before, after).violations == []


@pytest.mark.parametrize(
    "before, after, bare", [("0.1", "-0.04", "0.06"), ("0.1", "0.1", "0.1"), ("0", "-0.04", "0.06")]
)
def test_what_no_hand_can_have_taken_is_owed_a_close(before: str, after: str, bare: str) -> None:
    late = violation(90, "L1", f"{bare} has been without a close since {BEGAN_NS + 20 * NANOSECONDS}")
    assert taken_by_hand(before, after).violations == [late]


@pytest.mark.parametrize("closed, left", [("-0.1", "0"), ("-0.04", "0.06")])
def test_what_the_venue_itself_closed_beside_a_foreign_position_may_all_have_been_own(closed: str, left: str) -> None:
    """And no more than it closed: the rest is owed a close."""
    told = Told().began().at(1).covered_entry(1).at(10).see(OutsideChange("by hand")).foreign_trade("0.2")
    told.see(OutsideChange("deleveraged")).foreign_trade(closed, is_forced=True)
    told.write(Halted(0, "closed")).say(NoticeKind.HALT).at(20).cancel(2).at(90).look()
    late = violation(90, "L1", f"{left} has been without a close since {BEGAN_NS + 20 * NANOSECONDS}")
    assert told.violations == ([] if left == "0" else [late])
