"""Closes that a power loss took out of the journal, where the venue ended others: each is taken for what it closes.

What replaced an ended close may rest, or have filled, or never have been sent, and the journal may know of the end or
not: every entry ends under one close at its own price or better, and the books are the venue's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import chain, starmap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.events import ClosedOutside, OrderIntended, OrderUpdate, OwnFound
from domain.market import NANOSECONDS, Side
from markets.venue import SimulatedVenue
from tests.support.bot import Rig, script
from tests.support.faults import Call, Fate, first_of, no_fault, nth, while_true
from tests.support.tape import ScriptedMarket, Tick, bought, quote, sold

D = Decimal
SELL = Side.SELL


ENDED_TWICE = script(
    sold(5, 1002, 10), quote(10, 996, 999), sold(80, 996, 10), quote(81, 996, 999), bought(160, 1000, 10)
)
"""Two entries, with closes at 100.4 and 99.9; the lower one is met at 160 s."""


def lost_successors(rig: Rig, *, is_first_sent: bool) -> None:
    """The venue ends both closes, and what replaces them is lost with the end of the second one; of the replacements
    the first is perhaps not sent either. Then the power fails, and the machine stays down beyond 160 s."""
    rig.start()
    rig.run_until(lambda: len(rig.resting()) == 2 and rig.bot.state.own == D("0.2"))
    rig.run_for(3)
    assert [price for _, price, _ in rig.resting()] == [D("100.4"), D("99.9")]
    known, first_place = len(rig.records), rig.line.count("place") + 1
    closes = [order.order_id for order in rig.venue.open_orders()]
    if not is_first_sent:
        rig.line.fate_of = nth("place", first_place, Fate.REQUEST_LOST)
    for order_id in closes:
        rig.upon_venue(partial(SimulatedVenue.cancel_by_venue, order_id=order_id, reason="expired", expired=True))
    rig.run_until(lambda: rig.line.count("place") == first_place + 1)
    rig.run_for(1)
    assert [price for _, price, _ in rig.resting()] == [D("100.4"), D("99.9")][not is_first_sent :]
    rig.kill()
    rig.line.fate_of = no_fault
    assert [type(record) for record in rig.records[known : known + 2]] == [OrderUpdate, OrderUpdate]
    rig.journal.synced_seq = known + 1
    assert [type(record) for record in rig.journal.lose_power()].count(OrderIntended) == 2
    rig.downtime(170 - rig.now_s)


def covers_of(rig: Rig) -> list[tuple[Decimal | None, int, Decimal]]:
    """What the bot's live closes close: their price, the entry, how much."""
    live = rig.bot.state.live.values()
    return sorted((order.price, claim.entry_id, claim.quantity) for order in live for claim in order.claims)


def ends_as_it_should(rig: Rig, filled: int) -> None:
    """The first entry is whole under its own close, and of the second there is what did not fill."""
    rest = D("0.10") - D(filled) / 100
    left = [] if filled == 10 else [(SELL, D("99.9"), rest)]
    closes = [order for order in rig.resting() if order[0] is SELL]
    assert sorted(closes, reverse=True) == [(SELL, D("100.4"), D("0.10")), *left]
    assert covers_of(rig) == [*((price, 2, quantity) for _, price, quantity in left), (D("100.4"), 1, D("0.10"))]
    rig.check_covered()
    rig.check_money()


def met_by(filled: int) -> ScriptedMarket:
    return replace(ENDED_TWICE, ticks=[*ENDED_TWICE.ticks[:-2], bought(160, 1000, filled), ENDED_TWICE.ticks[-1]])


@pytest.mark.parametrize("failures", [0, 1, 7])
@pytest.mark.parametrize("filled", [4, 10])
@pytest.mark.parametrize("is_first_sent", [False, True])
def test_lost_close_that_filled_closes_the_entry_whose_ended_close_it_replaced(
    is_first_sent: bool, filled: int, failures: int
) -> None:
    # By the journal the first entry alone is owed at the start: what replaced the second one's close must not take it.
    with Rig(met_by(filled), reduce_only=False, max_orders=2) as rig:
        lost_successors(rig, is_first_sent=is_first_sent)
        asked = rig.line.count("query")
        rig.line.fate_of = while_true(
            lambda call: call.kind == "query" and call.number <= asked + failures, Fate.REQUEST_LOST
        )
        rig.start()
        rig.run_for(25)
        ends_as_it_should(rig, filled)


@pytest.mark.parametrize("filled", [4, 10])
@pytest.mark.parametrize("is_first_sent", [False, True])
def test_kill_at_every_append_of_an_adoption_loses_no_order(is_first_sent: bool, filled: int) -> None:
    for number in range(1, 9):
        with Rig(met_by(filled), reduce_only=False, max_orders=2) as rig:
            lost_successors(rig, is_first_sent=is_first_sent)
            rig.journal.kill_after = rig.journal.appends + number
            rig.start()
            rig.run_for(5)
            if rig.was_killed:
                rig.kill()
                rig.start()
            rig.run_for(10)
            ends_as_it_should(rig, filled)


@pytest.mark.parametrize("kind", ["query", "fills", "open_orders", "position"])
def test_adoption_that_a_failing_read_interrupts_is_made_good(kind: str) -> None:
    for number in range(1, 8):
        with Rig(met_by(4), reduce_only=False, max_orders=2) as rig:
            lost_successors(rig, is_first_sent=True)
            first = rig.line.count(kind) + number
            fails = [nth(kind, each, Fate.REQUEST_LOST) for each in range(first, first + 3)]
            rig.line.fate_of = first_of(*fails)
            rig.start()
            rig.run_for(20)
            ends_as_it_should(rig, 4)


def test_adoption_that_the_journal_does_not_take_is_made_again_after_a_kill() -> None:
    for number in range(2, 7):
        with Rig(met_by(4), reduce_only=False, max_orders=2) as rig:
            lost_successors(rig, is_first_sent=True)
            rig.journal.refuses = partial(lambda first, append, _records: append >= first, rig.journal.appends + number)
            rig.start()
            rig.run_for(4)
            rig.check_covered_but_for_the_journal()
            rig.kill()
            rig.journal.refuses = lambda _append, _records: False
            rig.start()
            rig.run_for(10)
            ends_as_it_should(rig, 4)


def test_lost_closes_that_filled_are_found_one_by_one_where_the_venue_answers_seldom() -> None:
    both = replace(ENDED_TWICE, ticks=[*ENDED_TWICE.ticks[:-2], bought(160, 1006, 20), ENDED_TWICE.ticks[-1]])
    with Rig(both, reduce_only=False, max_orders=2) as rig:
        lost_successors(rig, is_first_sent=True)
        answered_s = [rig.now_s]

        def seldom(call: Call) -> Fate:
            if call.kind != "query":
                return Fate.PASSES
            if rig.now_s < answered_s[-1] + 3:
                return Fate.NO_ROOM_AT_ALL
            answered_s.append(rig.now_s)
            return Fate.PASSES

        rig.line.fate_of = seldom
        rig.start()
        rig.run_until(lambda: rig.bot.state.own == 0, within_s=240)
        assert rig.bot.state.unexplained == set()
        rig.line.fate_of = no_fault
        rig.run_for(50)
        assert (covers_of(rig), rig.of_kind(ClosedOutside)) == ([], [])
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("late_s", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
@pytest.mark.parametrize("is_first_sent", [False, True])
def test_trade_of_a_lost_close_that_the_venue_tells_late_is_no_sale_by_somebody_else(
    is_first_sent: bool, late_s: float
) -> None:
    with Rig(met_by(10), reduce_only=False, max_orders=2) as rig:
        lost_successors(rig, is_first_sent=is_first_sent)
        rig.line.history_from_ns = rig.start_ns + 161 * NANOSECONDS
        rig.start()
        rig.run_for(late_s)
        rig.line.history_from_ns = 0
        rig.run_for(20)
        assert rig.of_kind(ClosedOutside) == []
        ends_as_it_should(rig, 10)


@pytest.mark.parametrize("is_first_sent", [False, True])
def test_lost_close_that_the_venue_has_forgotten_is_what_it_traded(is_first_sent: bool) -> None:
    with Rig(met_by(10), reduce_only=False, max_orders=2) as rig:
        lost_successors(rig, is_first_sent=is_first_sent)
        (trade,) = [fill for fill in rig.fills_of_venue() if fill.side is SELL]
        assert trade.client_id is not None
        rig.line.forgotten.add(trade.client_id)
        rig.start()
        rig.run_for(20)
        assert rig.of_kind(ClosedOutside) == []
        ends_as_it_should(rig, 10)


def test_fill_while_a_lost_close_is_asked_for_does_not_change_what_is_found() -> None:
    # The journal knows the first entry and its close, and nothing of the second, whose close filled in part and ended.
    def lived(met: list[Tick]) -> tuple[Rig, float]:
        story = script(sold(5, 1002, 10), quote(10, 996, 999), sold(80, 996, 10), quote(81, 996, 999), *met)
        with Rig(story, reduce_only=False, max_orders=2) as rig:
            rig.start()
            rig.run_to(12)
            rig.journal.sync()
            known = rig.journal.synced_seq
            rig.run_to(110)
            assert [price for _, price, _ in rig.resting()] == [D("100.4"), D("99.9")]
            rig.kill()
            rig.journal.synced_seq = known
            rig.journal.lose_power()
            rig.line.history_from_ns = rig.start_ns + 100 * NANOSECONDS
            rig.downtime(60)
            rig.upon_venue(partial(end_close, D("99.9")))
            rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.06")))
            rig.downtime(1)
            asked = len(rig.line.calls)
            rig.start()
            rig.run_for(20)
            asked_ns = next(call.at_ns for call in rig.line.calls[asked:] if call.kind == "query")
            return rig, (asked_ns - rig.start_ns) / NANOSECONDS

    met = [bought(160, 1000, 4)]
    _, asked_s = lived(met)
    rig, asked_again_s = lived([*met, bought(asked_s + 0.02, 1006, 10)])
    assert asked_again_s == asked_s
    assert rig.own_fills()[-1] == (SELL, D("100.4"), D("0.10"))
    assert [record.quantity for record in rig.of_kind(OwnFound)] == [D("0.04")]
    assert rig.of_kind(ClosedOutside) == []
    assert (rig.bot.state.own, rig.venue.position) == (D(0), D(0))


PRICES = (D("100.4"), D("99.9"), D("99.3"))
"""Of the closes of three entries that come one after the other."""
END_S, DOWN_UNTIL_S = 165.0, 215.0


def three_entries(count: int, met: list[tuple[float, int, int]]) -> ScriptedMarket:
    """The first `count` of three entries; `met`: when what trades at which price, in ticks, and how much."""
    steps = [
        [sold(5, 1002, 10), quote(6, 996, 999)],
        [sold(80, 996, 10), quote(81, 990, 993)],
        [sold(155, 990, 10)],
    ]
    return script(*chain.from_iterable(steps[:count]), *starmap(bought, met), quote(DOWN_UNTIL_S - 1, 990, 993))


@dataclass(frozen=True)
class Misfortune:
    """`ends`: which closes the venue ends, and how long after `END_S`. `unsent`: which of the placements that follow do
    not arrive. `met`: see `three_entries`. `lives_s`: how long after `END_S` the power fails. `kept`: how many records
    since `END_S` stay. `failures`: questions that then fail. `kill_after`: appends until a second kill.
    """

    entries: int
    ends: list[tuple[int, float]]
    unsent: list[int]
    met: list[tuple[float, int, int]]
    lives_s: float
    kept: int
    failures: int
    kill_after: int | None


@st.composite
def misfortunes(draw: st.DrawFn) -> Misfortune:
    entries = draw(st.integers(1, 3))
    when = st.sampled_from([0.05, 0.1, 0.4, 1.0, 4.0])
    trade = st.tuples(
        st.one_of(when, st.just(45.0), st.just(45.0)).map(lambda after_s: END_S + after_s),
        st.sampled_from([994, 1000, 1006]),
        st.integers(1, 12),
    )
    return Misfortune(
        entries,
        draw(st.lists(st.tuples(st.integers(0, entries - 1), when), min_size=1, max_size=3)),
        draw(st.lists(st.integers(1, 3), max_size=1)),
        sorted(draw(st.lists(trade, max_size=2))),
        draw(st.sampled_from([0.1, 0.3, 0.6, 2.0, 5.0, 8.0])),
        draw(st.integers(0, 8)),
        draw(st.integers(0, 6)),
        draw(st.one_of(st.none(), st.integers(1, 10))),
    )


def end_close(price: Decimal, venue: SimulatedVenue) -> None:
    """The venue ends what rests at the price, if anything does."""
    for order in venue.open_orders():
        if order.price == price:
            venue.cancel_by_venue(order.order_id, "expired", expired=True)


@given(misfortunes())
@example(Misfortune(2, [(0, 0.05), (1, 0.05)], [1], [(210.0, 1000, 1)], 0.3, 1, 0, None))
def test_whatever_the_venue_ended_and_the_journal_lost_every_entry_is_covered_once(drawn: Misfortune) -> None:
    market = three_entries(drawn.entries, drawn.met)
    with Rig(market, reduce_only=False, max_orders=drawn.entries, wait_time=4) as rig:
        rig.start()
        rig.run_to(END_S)
        assert [price for _, price, _ in rig.resting()] == [*PRICES[: drawn.entries]]
        known, placed = len(rig.records), rig.line.count("place")
        rig.line.fate_of = first_of(*(nth("place", placed + number, Fate.REQUEST_LOST) for number in drawn.unsent))
        for number, after_s in drawn.ends:
            rig.at(END_S + after_s, partial(rig.upon_venue, partial(end_close, PRICES[number])))
        rig.run_to(END_S + drawn.lives_s)
        rig.kill()
        rig.journal.synced_seq = min(known + drawn.kept, len(rig.records))
        rig.journal.lose_power()
        rig.downtime(DOWN_UNTIL_S - rig.now_s)
        asked = rig.line.count("query")
        rig.line.fate_of = first_of(
            *(nth("query", asked + number, Fate.REQUEST_LOST) for number in range(1, drawn.failures + 1))
        )
        if drawn.kill_after is not None:
            rig.journal.kill_after = rig.journal.appends + drawn.kill_after
        rig.start()
        rig.run_for(12)
        rig.journal.kill_after = 0
        if rig.was_killed:
            rig.kill()
            rig.start()
        rig.run_for(20)
        assert rig.of_kind(ClosedOutside) == []
        rig.check_covered()
        rig.check_money()
