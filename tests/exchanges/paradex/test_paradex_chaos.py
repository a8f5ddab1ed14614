"""The whole bot on Paradex's client and twin, over a way that loses, doubles, delays and replaces what travels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchanges.paradex import open_client
from exchanges.paradex.twin import open_twin
from exchanges.paradex.twin_switches import Switches
from tests.support.contract_venues.paradex import VENUE
from tests.support.venue_chaos import survived


@pytest.mark.parametrize("seed, rate, engine_delay_ms", [(1, 0.0, 3), (2, 0.02, 900), (3, 0.15, 3)])
def test_after_a_disturbed_session_everything_is_covered_and_agreed(
    seed: int, rate: float, engine_delay_ms: int
) -> None:
    switches = Switches(engine_delay_ms=engine_delay_ms, history_delay_ms=engine_delay_ms)
    venue = replace(VENUE, open_client=open_client, open_twin=lambda setup: open_twin(setup, switches))
    left = survived(venue, seed, rate)
    assert (left.outcome.exit_status, left.outcome.unconfirmed) == (0, ())
    assert left.believed_position == left.position == left.covered
    assert len(left.client_ids) == len(set(left.client_ids))
    assert left.taker_fills == 0
    assert left.entries > 5
    assert (left.disturbed > 0) == (rate > 0)
