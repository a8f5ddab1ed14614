"""Kill -9 at any moment: the next start ends covered, sends nothing twice, and knows every trade."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from domain.events import ClosedOutside, JournalBegan, OrderIntended
from domain.market import Side
from domain.orders import Purpose
from helpers.journal import SqliteJournal
from markets.ledger import Ledger
from tests.support.bot import Rig, mirrored, script
from tests.support.faults import Fate, no_fault, nth, while_true
from tests.support.tape import ScriptedMarket, bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL

STORY = script(
    sold(5, 1002, 4),
    quote(30, 1001, 1004),
    sold(36, 1003, 3),
    sold(37, 1003, 7),
    bought(40, 1005, 12),
    sold(45, 1000, 2),
)
"""A part of an entry, its re-pricing, a second entry in two parts, closes in parts, and a third entry begun."""
STORY_ENDS_S = 50.0


def lived_through(story: ScriptedMarket = STORY, direction: Side = BUY) -> Rig:
    with Rig(story, reduce_only=False, direction=direction) as rig:
        rig.start()
        rig.run_to(STORY_ENDS_S)
        rig.check_covered()
        return rig


def goes_on(rig: Rig) -> None:
    """Started again after a kill: covered soon, everything known, and able to end."""
    assert rig.was_killed
    rig.kill()
    rig.start()
    rig.run_for(12)
    rig.auditor.forget_bare_time()
    rig.run_to(STORY_ENDS_S + 40)
    rig.check_covered()
    rig.check_money()
    assert rig.auditor.longest_bare_s(rig.world.now_ns) < 2
    outcome = rig.stop()
    assert (outcome.exit_status, outcome.unconfirmed) == (0, ())


def kill_before(rig: Rig, number: int) -> None:
    rig.journal.kill_before = number


def kill_after(rig: Rig, number: int) -> None:
    rig.journal.kill_after = number


KILLS = pytest.mark.parametrize("kill", [kill_before, kill_after])


@KILLS
@pytest.mark.parametrize("direction", list(Side))
def test_kill_at_every_append_ends_covered_once(kill: Callable[[Rig, int], None], direction: Side) -> None:
    story = STORY if direction is BUY else mirrored(STORY)
    for number in range(1, lived_through(story, direction).journal.appends + 1):
        with Rig(story, reduce_only=False, direction=direction) as rig:
            kill(rig, number)
            rig.start()
            rig.run_to(STORY_ENDS_S)
            goes_on(rig)


def test_kill_at_every_step_of_the_world_ends_covered_without_duplicates() -> None:
    for number in range(1, lived_through().advances, 2):
        with Rig(STORY, reduce_only=False) as rig:
            rig.kill_at_advance(number)
            rig.start()
            rig.run_to(STORY_ENDS_S)
            goes_on(rig)


def test_kill_during_the_recovery_from_a_kill_ends_covered() -> None:
    appends = lived_through().journal.appends
    for first in range(4, appends + 1, 5):
        for second in range(1, 8):
            with Rig(STORY, reduce_only=False) as rig:
                rig.journal.kill_after = first
                rig.start()
                rig.run_to(STORY_ENDS_S)
                rig.kill()
                rig.journal.kill_after = first + second
                rig.start()
                rig.run_to(STORY_ENDS_S + 20)
                if rig.was_killed:
                    goes_on(rig)


def test_power_loss_at_every_sync_reuses_no_id_and_finds_every_order() -> None:
    for number in range(1, lived_through().journal.syncs + 1):
        with Rig(STORY, reduce_only=False) as rig:
            rig.journal.kill_at_sync = number
            rig.start()
            rig.run_to(STORY_ENDS_S)
            lost = rig.journal.lose_power()
            assert lost
            goes_on(rig)


def test_power_loss_at_every_append_reuses_no_id_and_finds_every_order() -> None:
    for number in range(2, lived_through().journal.appends + 1):
        with Rig(STORY, reduce_only=False) as rig:
            rig.journal.kill_after = number
            rig.start()
            rig.run_to(STORY_ENDS_S)
            rig.journal.lose_power()
            goes_on(rig)


def test_power_loss_and_hours_of_downtime_find_what_filled_meanwhile() -> None:
    market = script(sold(5, 1002, 4), sold(6, 1002, 6), bought(60, 1005, 4))
    for number in range(1, 4):
        with Rig(market, reduce_only=False) as rig:
            rig.journal.kill_at_sync = number
            rig.start()
            rig.run_to(20)
            rig.journal.lose_power()
            rig.kill()
            rig.downtime(7_200)
            rig.start()
            rig.run_for(20)
            rig.check_covered()
            rig.check_money()


def test_two_lost_closes_of_which_the_later_one_filled_are_both_found() -> None:
    # The later id has traded and ended, the earlier one rests: both were sent after the last sync.
    market = script(sold(5, 1002, 4), quote(5.5, 998, 1001), sold(6, 1000, 2), bought(60, 1005, 2))
    with Rig(market, reduce_only=False) as rig:
        rig.start()
        rig.run_to(5.2)
        synced = rig.journal.synced_seq
        rig.run_to(8)
        rig.kill()
        rig.journal.synced_seq = synced
        assert [type(record) for record in rig.journal.lose_power()].count(OrderIntended) == 1
        rig.downtime(60)
        rig.start()
        rig.run_for(20)
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("failures", [1, 2, 4])
def test_lost_close_is_held_for_what_the_end_of_another_left_bare_though_that_end_is_first_asked_in_vain(
    failures: int,
) -> None:
    # Of two closes the venue ended one, whose successor a power loss took out of the journal, and then the other.
    market = script(sold(5, 1002, 10), quote(10, 996, 999), sold(80, 996, 10), quote(81, 996, 999))
    with Rig(market, reduce_only=False, max_orders=2) as rig:
        rig.start()
        rig.run_until(lambda: len(rig.resting()) == 2 and rig.bot.state.own == D("0.2"))
        rig.run_for(3)
        closes = rig.resting()
        first, second = (order.order_id for order in rig.venue.open_orders())
        synced = rig.journal.synced_seq
        rig.upon_venue(lambda venue: venue.cancel_by_venue(second, "expired", expired=True))
        rig.run_until(lambda: rig.resting() == closes and rig.venue.open_orders()[1].order_id != second)
        rig.kill()
        rig.journal.synced_seq = synced
        assert [type(record) for record in rig.journal.lose_power()].count(OrderIntended) == 1
        rig.upon_venue(lambda venue: venue.cancel_by_venue(first, "expired", expired=True))
        rig.downtime(60)
        asked, placed = rig.line.count("query"), rig.line.count("place")
        rig.line.fate_of = while_true(
            lambda call: call.kind == "query" and call.number <= asked + 2 * failures, Fate.REQUEST_LOST
        )
        rig.start()
        rig.run_for(25)
        assert sorted(rig.resting()) == sorted(closes)
        assert rig.line.count("place") == placed + 1
        rig.check_covered()
        rig.check_money()


def test_lost_close_is_adopted_though_the_venue_does_not_tell_for_long_what_became_of_another() -> None:
    with Rig(script(sold(5, 1002, 10)), reduce_only=False, max_orders=1) as rig:
        rig.start()
        rig.run_until(lambda: [side for side, *_ in rig.resting()] == [SELL])
        rig.run_for(3)
        closes, synced = rig.resting(), rig.journal.synced_seq
        (order,) = rig.venue.open_orders()
        rig.upon_venue(lambda venue: venue.cancel_by_venue(order.order_id, "expired", expired=True))
        rig.run_until(lambda: rig.resting() == closes and rig.venue.open_orders()[0].order_id != order.order_id)
        rig.kill()
        rig.journal.synced_seq = synced
        rig.journal.lose_power()
        rig.line.fate_of = while_true(lambda call: call.kind == "query", Fate.REQUEST_LOST)
        rig.start()
        began_s = rig.now_s
        rig.run_until(lambda: rig.bot.state.covered == D("0.2"), within_s=30)
        assert 10 <= rig.now_s - began_s <= 20
        assert [(each.client_id, each.parts) for each in rig.of_kind(OrderIntended) if each.adopted] == [
            (rig.venue.open_orders()[0].client_id, ())
        ]
        rig.run_for(10)
        rig.line.fate_of = no_fault
        rig.run_for(20)
        assert rig.resting() == closes
        rig.check_covered()


def test_lost_close_that_filled_is_found_by_the_next_start_though_newer_trades_were_taken_in_meanwhile() -> None:
    # The second close was lost and filled, the first half an hour later: the start that hears of both cannot ask.
    market = script(
        sold(5, 1002, 10),
        quote(10, 996, 999),
        sold(80, 996, 10),
        quote(81, 996, 999),
        bought(200, 1000, 10),
        bought(2_000, 1006, 10),
        quote(2_001, 1003, 1006),
    )
    with Rig(market, reduce_only=False, max_orders=2) as rig:
        rig.start()
        rig.run_to(79)
        synced = rig.journal.synced_seq
        rig.run_until(lambda: len(rig.resting()) == 2 and rig.bot.state.own == D("0.2"))
        rig.kill()
        rig.journal.synced_seq = synced
        lost = [record for record in rig.journal.lose_power() if isinstance(record, OrderIntended)]
        assert [record.purpose for record in lost] == [Purpose.CLOSE]
        rig.downtime(2_100)
        rig.line.fate_of = while_true(lambda call: call.kind == "query", Fate.REQUEST_LOST)
        rig.start()
        rig.run_for(5)
        assert rig.bot.state.own == D("0.1")
        rig.kill()
        rig.line.fate_of = no_fault
        rig.start()
        rig.run_for(20)
        assert rig.of_kind(ClosedOutside) == []
        rig.check_covered()
        rig.check_money()


def test_crash_between_fill_and_close_covers_once() -> None:
    with Rig(script(sold(5, 1002, 10)), reduce_only=False) as rig:
        rig.start()
        rig.run_until(lambda: rig.auditor.own > 0)
        rig.kill()
        rig.downtime(5)
        rig.start()
        rig.run_for(3)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_recovering_twice_is_recovering_once() -> None:
    with Rig(script(sold(5, 1002, 10), sold(36, 1002, 4)), reduce_only=False) as rig:
        rig.start()
        rig.run_until(lambda: rig.auditor.own == D("0.14"))
        beliefs = []
        for _ in range(4):
            rig.restart()
            rig.run_for(1.5)
            state = rig.bot.state
            beliefs.append((state.own, state.covered, sorted(state.live), len(state.unclosed), rig.resting()))
        assert beliefs == [beliefs[0]] * 4
        rig.check_covered()


def test_crash_loop_opens_no_faster_than_the_cooldown() -> None:
    fills = [sold(5 + index, 1002, 10) for index in range(60)]
    with Rig(script(*fills)) as rig:
        for _ in range(40):
            rig.start()
            rig.run_for(1.5)
            rig.kill()
        entries = sum(side is BUY for side, *_ in rig.own_fills())
        assert entries <= 2
        rig.start()
        rig.run_for(3)
        rig.check_covered()


def test_start_that_finds_closes_and_no_earlier_fill_counts_the_cooldown_from_now() -> None:
    # A journal cut off before its first synced fill: the close is adopted, and the clock set.
    with Rig(script(sold(5, 1002, 10)), reduce_only=False) as rig:
        rig.start()
        rig.run_to(8)
        rig.kill()
        kept = next(i for i, record in enumerate(rig.records) if isinstance(record, OrderIntended))
        rig.journal.synced_seq = kept + 1
        rig.journal.lose_power()
        rig.start()
        rig.run_for(3)
        began = rig.of_kind(JournalBegan)[0]
        adopted = [record for record in rig.of_kind(OrderIntended) if record.adopted]
        assert (len(adopted), adopted[0].purpose, adopted[0].client_id) == (1, Purpose.CLOSE, began.first_client_id + 1)
        assert rig.line.count("place") == 2
        rig.check_covered()
        rig.check_money()


def test_start_after_everything_was_lost_but_the_ids_begins_with_a_cooldown() -> None:
    with Rig(script(sold(5, 1002, 10)), reduce_only=False) as rig:
        rig.start()
        rig.run_to(8)
        rig.kill()
        rig.journal.synced_seq = 3  # The journal has begun and reserved ids; everything else is gone.
        rig.journal.lose_power()
        rig.start()
        rig.run_for(12)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("number", range(1, 40, 3))
def test_kill_with_the_journal_and_the_account_in_files(tmp_path: Path, number: int) -> None:
    ledger_file, journal_file = tmp_path / "paper.ledger", tmp_path / "paper.sqlite"

    def opened(files: ExitStack) -> Rig:
        terms = Rig(STORY).terms
        ledger = Ledger.open(ledger_file, STORY.identity, terms, STORY.start_ns, durable=False)
        files.callback(ledger.close)
        journal = SqliteJournal.open(journal_file, durable=False)
        files.callback(journal.close)
        return Rig(STORY, ledger=ledger, journal=journal)

    with ExitStack() as files:  # A killed process closes nothing: the next one finds the files as it left them.
        with opened(files) as rig:
            rig.journal.kill_after = number
            rig.start()
            rig.run_to(STORY_ENDS_S)
            placed = set(rig.line.placed)
        with opened(files) as again:
            again.auditor.own = again.venue.position
            again.start()
            again.run_to(STORY_ENDS_S + 60)
            assert again.bot.state.own == again.venue.position
            assert again.bot.resting_closes() == sum(left for side, _, left in again.resting() if side is SELL)
            assert again.bot.state.own == again.bot.resting_closes()
            assert not placed & set(again.line.placed)
            again.check_money()
            assert again.stop().exit_status == 0


def test_kill_while_an_answer_is_lost_finds_the_order_by_its_id() -> None:
    with Rig(script(sold(10, 1002, 10)), reduce_only=False) as rig:
        rig.line.fate_of = nth("place", 1, Fate.ANSWER_LOST)
        rig.start()
        rig.run_until(lambda: bool(rig.auditor.opens))
        rig.restart()
        rig.run_to(20)
        assert rig.line.count("place") == 2  # the open, and its close
        rig.check_covered()
