"""Looks while the venue's limits have little room: what a close waits for comes first, and nothing is asked in vain."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from domain.events import RulesChanged
from domain.market import Side
from tests.support.bot import Rig, script
from tests.support.faults import Fate, FateOf, first_of, while_true
from tests.support.tape import RULES, sold

D = Decimal
READS = ("open_orders", "position", "query", "fills", "rules")
START = sold(5, 1002, 10)


def from_20_s(rig: Rig, kind: str, fate: Fate) -> FateOf:
    return while_true(lambda call: call.kind == kind and call.at_ns >= rig.start_ns + 20_000_000_000, fate)


def without_room(rig: Rig) -> None:
    """From 20 s on."""
    began_ns = rig.start_ns + 20_000_000_000
    rig.line.fate_of = while_true(lambda call: call.kind in READS and call.at_ns >= began_ns, Fate.NO_ROOM)


def test_a_look_that_a_close_waits_for_uses_what_is_kept_back() -> None:
    with Rig(script(START)) as rig:
        without_room(rig)
        rig.start()
        rig.run_to(100)  # A look that nothing calls for has failed meanwhile.
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(102)
        assert (Side.SELL, D("100.4"), D("0.10")) in rig.resting()
        rig.check_covered()


def test_a_look_that_waits_for_room_lets_the_position_alone_be_read_for_a_close() -> None:
    with Rig(script(START)) as rig:
        without_room(rig)
        rig.start()
        rig.run_to(90)  # A look that nothing calls for has failed meanwhile, and is due since then.
        sent = len(rig.line.calls)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(91)
        assert rig.line.counts(sent) == {"position": 1, "place": 1}
        rig.check_covered()


def test_a_close_does_not_wait_for_a_look_that_takes_long() -> None:
    """The list of orders stays away: the position is read beside that look, once."""
    with Rig(script(START)) as rig:
        rig.line.fate_of = from_20_s(rig, "open_orders", Fate.HANGS)
        rig.start()
        rig.run_to(70)
        sent = len(rig.line.calls)
        assert rig.line.calls[-1].kind == "open_orders"
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(71)
        assert rig.line.counts(sent) == {"position": 1, "place": 1}
        rig.check_covered()


def test_a_position_read_in_vain_beside_a_look_is_not_read_again_and_again() -> None:
    with Rig(script(START)) as rig:
        lost = from_20_s(rig, "position", Fate.REQUEST_LOST)
        rig.line.fate_of = first_of(from_20_s(rig, "open_orders", Fate.HANGS), lost)
        rig.start()
        rig.run_to(70)
        sent = len(rig.line.calls)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(90)
        assert rig.line.counts(sent) == {"position": 3}  # One reading, which is tried three times.


def test_a_look_without_room_is_tried_once_and_again_when_there_is_some() -> None:
    with Rig(script(START)) as rig:
        without_room(rig)
        rig.start()
        rig.run_to(59)
        sent = len(rig.line.calls)
        rig.run_to(200)
        reads = [call for call in rig.line.calls[sent:] if call.kind == "open_orders"]
        times_s = [round((call.at_ns - rig.start_ns) / 1e9) for call in reads]
        assert [later - earlier for earlier, later in pairwise(times_s)] == [40, 40, 40]


@pytest.mark.parametrize("refused_s", [7, 14])
def test_rules_that_changed_just_after_they_were_read_are_known_within_half_a_minute(refused_s: int) -> None:
    """The reading after the start was the last; a refusal soon after it is not forgotten."""
    with Rig(script(sold(refused_s, 1002, 10))) as rig:
        rig.line.deliver = lambda event: [] if isinstance(event, RulesChanged) else [(0.0, event)]
        rig.start()
        rig.run_to(2)
        rig.upon_venue(lambda venue: venue.change_rules(replace(RULES, tick_size=D("0.5"))))
        rig.run_to(refused_s + 1)
        assert [word for _, word in rig.line.refusals] == ["off_tick"] * len(rig.line.refusals) != []
        rig.run_to(30)
        assert rig.resting()[0] == (Side.SELL, D("100.5"), D("0.10"))


def test_rules_are_doubted_where_the_venue_takes_an_order_and_ends_it_at_once() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_until(lambda: bool(rig.auditor.opens))
        read = rig.line.count("rules")
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "too_small"))
        rig.run_for(30)
        assert rig.line.count("rules") == read + 1
