"""Looks while the venue's limits have little room: what a close waits for comes first, and nothing is asked in vain."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from domain.events import RulesChanged
from domain.market import Side
from markets.venue import SimulatedVenue
from tests.support.bot import Rig, script
from tests.support.faults import Fate, FateOf, first_of, no_fault, while_true
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


def take_the_close_away(venue: SimulatedVenue) -> None:
    for order in venue.open_orders():
        if order.side is Side.SELL:
            venue.cancel_by_venue(order.order_id, "risk")


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


@pytest.mark.parametrize("moment_s", [90 + half / 2 for half in range(24)])
def test_a_close_does_not_wait_for_looks_that_keep_failing(moment_s: float) -> None:
    """The list of orders is gone for good, and nothing else happens: whether a look or the pause before it is on."""
    with Rig(script(START)) as rig:
        rig.line.fate_of = from_20_s(rig, "open_orders", Fate.REQUEST_LOST)
        rig.start()
        rig.run_to(moment_s)
        sent = len(rig.line.calls)
        rig.upon_venue(take_the_close_away)
        rig.run_to(moment_s + 1)
        assert rig.line.counts(sent) | {"open_orders": 0} == {"position": 1, "place": 1, "open_orders": 0}
        rig.check_covered()


def test_a_position_that_cannot_be_read_either_is_read_again_with_each_failing_look() -> None:
    """Nothing is hammered on, and the position is not given up: once it is there, the close is."""
    with Rig(script(START)) as rig:
        lost = while_true(
            lambda call: call.kind == "position" and 20 <= (call.at_ns - rig.start_ns) / 1e9 < 200, Fate.REQUEST_LOST
        )
        rig.line.fate_of = first_of(from_20_s(rig, "open_orders", Fate.REQUEST_LOST), lost)
        rig.start()
        rig.run_to(120)
        sent = len(rig.line.calls)
        rig.upon_venue(take_the_close_away)
        rig.run_to(199)
        reads = rig.line.counts(sent)
        assert set(reads) == {"position", "open_orders"}
        assert 3 * 7 <= reads["position"] <= 3 * 9  # Three tries each time, at once and then every ten seconds or so.
        assert reads["open_orders"] <= 3 * 8
        rig.run_to(212)
        assert rig.line.count("place", since=sent) == 1
        rig.check_covered()


def test_failing_looks_are_still_tried_where_closes_are_taken_away_again_and_again() -> None:
    with Rig(script(START)) as rig:
        rig.line.fate_of = from_20_s(rig, "open_orders", Fate.REQUEST_LOST)
        rig.start()
        rig.run_to(120)
        sent = len(rig.line.calls)
        for _ in range(60):
            rig.upon_venue(take_the_close_away)
            rig.run_for(1)
        assert rig.line.count("place", since=sent) >= 20  # Such closes are offered again every two seconds.
        assert 13 <= rig.line.count("open_orders", since=sent) <= 15
        assert rig.line.count("position", since=sent) <= 70


@pytest.fixture(scope="module")
def due_s() -> float:
    """When a look begins that nothing calls for."""
    with Rig(script(START)) as rig:
        rig.start()
        rig.run_to(70)
        call = rig.line.calls[-3]
        assert call.kind == "open_orders"
        return (call.at_ns - rig.start_ns) / 1e9


def test_a_close_does_not_wait_for_a_look_that_was_due_together_with_its_reading(due_s: float) -> None:
    """That look begins, and its first answer stays away; nothing wakes the bot meanwhile."""
    with Rig(script(START)) as rig:
        rig.line.fate_of = from_20_s(rig, "open_orders", Fate.HANGS)
        rig.start()
        for before_s in (0.4, 0.1):  # The second comes in the gap after the reading for the first.
            rig.run_to(due_s - before_s)
            rig.upon_venue(take_the_close_away)
        rig.run_to(due_s + 1)
        assert [call.kind for call in rig.line.calls[-4:]] == ["rules", "position", "open_orders", "place"]
        rig.check_covered()


def test_a_look_that_no_close_waited_for_any_more_leaves_the_next_one_what_is_kept_back(due_s: float) -> None:
    """A close waited for it when it began, and was served beside it before it was refused for want of room."""
    with Rig(script(START)) as rig:
        rig.line.fate_of = first_of(
            while_true(lambda call: (call.kind, call.number) == ("open_orders", 3), Fate.REQUEST_LOST),
            from_20_s(rig, "open_orders", Fate.NO_ROOM),
        )
        rig.start()
        for before_s in (0.4, 0.1):
            rig.run_to(due_s - before_s)
            rig.upon_venue(take_the_close_away)
        rig.run_to(due_s + 10)
        assert rig.line.calls[-1].kind == "open_orders"  # Refused, with no room for another half a minute.
        sent = len(rig.line.calls)
        rig.upon_venue(take_the_close_away)
        rig.run_to(due_s + 10.5)
        assert rig.line.counts(sent) == {"position": 1, "place": 1}
        rig.check_covered()


def test_nothing_is_asked_in_vain_where_what_is_kept_back_is_used_up_too() -> None:
    with Rig(script(START)) as rig:
        rig.line.fate_of = first_of(*(from_20_s(rig, kind, Fate.NO_ROOM_AT_ALL) for kind in READS))
        rig.start()
        rig.run_to(90)
        sent = len(rig.line.calls)
        rig.upon_venue(take_the_close_away)
        rig.run_to(91)
        assert rig.line.counts(sent) == {"position": 1}
        rig.run_to(129)
        assert rig.line.counts(sent) == {"position": 1}
        rig.line.fate_of = no_fault
        rig.run_to(132)
        assert rig.line.count("place", since=sent) == 1
        rig.check_covered()


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
