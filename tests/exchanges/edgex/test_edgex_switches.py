"""The whole bot against every other reading of what could not be confirmed, within the real budget of requests."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from exchanges.edgex import open_client
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin import open_twin
from tests.contract.test_whole_bot import Ending, lived
from tests.support.contract_venues.edgex import VENUE

OTHER: dict[str, Any] = {
    "quote_event_type": "payload",
    "changed_word": "CHANGED",
    "post_only_cancel_reason": "UNKNOWN_ORDER_CANCEL_REASON",
    "settlement_delay_ms": 5_000,
    "engine_delay_ms": 300,
    "history_delay_ms": 1_500,
    "ticker_every_ms": 5_000,
    "ping_every_ms": 60_000,
    "requests_per_minute": 120,
}
"""The other reading of switches that are not just on or off."""
FLAGS = [field.name for field in fields(Switches) if isinstance(field.default, bool)]
DEPTH_ONLY = ("depth_sizes_are_deltas", "depth_levels_are_pairs")


def session(seconds: int = 120, **changes: Any) -> Ending:
    """With the client as users have it, and a twin that counts sixty requests a minute."""
    switches = replace(Switches(), **changes)
    venue = replace(VENUE, open_client=open_client, open_twin=lambda setup: open_twin(setup, switches))
    return lived(venue, seconds)


def other_readings() -> list[dict[str, Any]]:
    flips: list[dict[str, Any]] = [{name: not getattr(Switches(), name)} for name in FLAGS if name not in DEPTH_ONLY]
    flips.append({"has_book_ticker": False, "depth_levels_are_pairs": True})
    return flips + [{name: value} for name, value in OTHER.items()]


@pytest.mark.parametrize("changes", other_readings(), ids=lambda changes: "-".join(changes))
def test_the_bot_trades_under_every_other_reading(changes: dict[str, Any]) -> None:
    ending = session(**changes)
    assert (ending.outcome.exit_status, ending.outcome.unconfirmed) == (0, ())
    assert ending.entries >= 2
    assert ending.covered == ending.position


def test_nothing_is_opened_on_a_book_whose_sizes_cannot_be_trusted() -> None:
    ending = session(has_book_ticker=False, depth_sizes_are_deltas=True)
    assert (ending.outcome.exit_status, ending.entries) == (0, 0)
    assert not ending.position
