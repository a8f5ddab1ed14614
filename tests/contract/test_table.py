"""What each exchange can do is shown as the suite runs it."""

from __future__ import annotations

import pytest

from tests.support.contract import BEHAVIOURS, DOCUMENT, TABLE_BEGINS, TABLE_ENDS, VenueUnderTest, table, venues


def test_the_documented_table_is_the_suites() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = text.partition(TABLE_BEGINS)[2].partition(TABLE_ENDS)[0]
    assert shown == table(venues()), "write it anew: python -m tests.support.contract"


@pytest.mark.parametrize("venue", venues(), ids=lambda venue: venue.name)
def test_what_a_venue_cannot_do_is_a_known_behaviour_with_a_reason(venue: VenueUnderTest) -> None:
    assert set(venue.cannot) <= set(BEHAVIOURS)
    assert all(len(reason) > 20 for reason in venue.cannot.values())
