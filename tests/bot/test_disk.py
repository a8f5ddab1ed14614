"""A full disk: nothing new is opened, covering goes on, and what happened is written down later, in order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.events import IdsReserved, OrderIntended
from domain.market import NANOSECONDS, Side
from domain.orders import Purpose
from domain.status import Notice, NoticeKind
from helpers.journal import JournalUnwritable
from tests.bot.test_crashes import STORY, STORY_ENDS_S
from tests.support.bot import Rig, script
from tests.support.journals import Refuses
from tests.support.tape import bought, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def full_from_to(rig: Rig, from_s: float, to_s: float) -> None:
    rig.journal.refuses = lambda _number, _records: from_s <= rig.now_s < to_s


HEALED = "the journal can be written again"


def said_s(rig: Rig, notice: Notice) -> float:
    return (notice.at_ns - rig.start_ns) / NANOSECONDS


def append_number(number: int) -> Refuses:
    return lambda each, records: each == number and bool(records)


def test_full_disk_stops_opens_and_not_closes() -> None:
    with Rig(script(sold(5, 1002, 10), bought(8, 1005, 10), sold(130, 1002, 4))) as rig:
        full_from_to(rig, 4, 100)
        rig.start()
        rig.run_to(99)
        assert len(rig.own_fills()) == 2  # opened before, covered and closed meanwhile
        assert sum(order.side is BUY for order in rig.line.placed.values()) == 1
        assert rig.told.texts(NoticeKind.ERROR) == [
            "the journal cannot be written, nothing is opened: cannot write the journal: no space left on device"
        ]
        rig.run_to(140)
        assert sum(order.side is BUY for order in rig.line.placed.values()) == 2
        times = [record.at_ns for record in rig.records]
        assert times == sorted(times)
        rig.check_covered()
        rig.check_money()
        assert rig.stop().exit_status == 0


def test_full_disk_is_tried_again_every_few_seconds_and_not_at_every_event() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        full_from_to(rig, 6, 3_600)
        rig.start()
        rig.run_to(3_600)
        assert rig.journal.failures < 1_000
        assert rig.loop.rounds < 5_000
        assert len(rig.told.texts(NoticeKind.ERROR)) == 1


def test_full_disk_is_said_at_once_also_where_nothing_else_happens() -> None:
    """An open that could not be written down may be the last thing that happens for a long time."""
    with Rig(script(sold(5, 1002, 10))) as rig:
        full_from_to(rig, 10, 3_600)
        rig.start()
        rig.run_to(36)  # The second entry is due at 35 s.
        assert rig.journal.failures > 0
        assert [said_s(rig, each) for each in rig.told.notices if each.kind is NoticeKind.ERROR] == [35.0]
        assert rig.bot is not None
        assert [hold.word for hold in rig.bot.status().holds] == ["trouble"]


def test_healed_disk_is_found_by_the_next_try_also_where_nothing_else_happens() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        full_from_to(rig, 10, 43)
        rig.start()
        rig.run_to(46)
        assert [said_s(rig, each) for each in rig.told.notices if each.text == HEALED] == [45.0]
        assert sum(order.side is BUY for order in rig.line.placed.values()) == 2


def test_healed_disk_is_said_once_whoever_finds_it_out() -> None:
    """The bot's own next try, or before that a record of whatever happens to the account."""
    with Rig(script(sold(5, 1002, 10), sold(130, 1002, 4))) as rig:
        full_from_to(rig, 4, 20)
        rig.start()
        rig.run_to(60)
        assert rig.told.texts(NoticeKind.INFO) == [HEALED]
    with Rig(script(sold(5, 1002, 4), sold(7, 1002, 6))) as rig:
        full_from_to(rig, 4, 6)
        rig.start()
        rig.run_to(60)
        assert rig.told.texts(NoticeKind.INFO) == [HEALED]
        assert rig.journal.failures
        rig.check_covered()


def test_trouble_too_short_to_be_told_of_is_not_said_to_be_over() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.journal.refuses = append_number(4)
        rig.start()
        rig.run_to(60)
        assert rig.journal.failures == 1
        assert len(rig.told.texts(NoticeKind.ERROR)) == len(rig.told.texts(NoticeKind.INFO))


def test_every_single_failing_append_changes_nothing_but_the_moment() -> None:
    with Rig(STORY, reduce_only=False) as calm:
        calm.start()
        calm.run_to(STORY_ENDS_S + 60)
        appends = calm.journal.appends
    for number in range(2, appends + 1):
        with Rig(STORY, reduce_only=False) as rig:
            rig.journal.refuses = append_number(number)
            rig.start()
            rig.run_to(STORY_ENDS_S + 60)
            rig.check_covered()
            rig.check_money()
            outcome = rig.stop()
            assert (outcome.exit_status, outcome.unconfirmed) == (0, ())


def test_disk_that_is_full_at_the_very_start_ends_the_start() -> None:
    with Rig(script()) as rig:
        rig.journal.refuses = lambda number, _records: number == 1
        rig.start()
        with pytest.raises(JournalUnwritable):
            rig.run_for(5)
        assert rig.line.placed == {}


def test_stop_with_a_full_disk_says_what_is_not_in_the_journal() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        full_from_to(rig, 4, 10_000)
        rig.start()
        rig.run_to(20)
        outcome = rig.stop()
        assert outcome.exit_status == 3
        assert outcome.unconfirmed[0].endswith(
            "records are not in the journal: cannot write the journal: no space left on device"
        )


@pytest.mark.parametrize("ends", [Rig.stop, Rig.kill], ids=["stopped", "killed"])
def test_start_after_the_disk_was_full_to_the_end_finds_everything_on_the_venue(ends: object) -> None:
    with Rig(script(sold(5, 1002, 4), sold(6, 1002, 6), bought(60, 1005, 4)), reduce_only=False) as rig:
        full_from_to(rig, 4, 20)
        rig.start()
        rig.run_to(15)
        (Rig.stop if ends is Rig.stop else Rig.kill)(rig)
        rig.downtime(100)
        rig.start()
        rig.run_for(10)
        adopted = [record.purpose for record in rig.of_kind(OrderIntended) if record.adopted]
        assert adopted == [Purpose.CLOSE, Purpose.CLOSE]
        rig.check_covered()
        rig.check_money()
        assert rig.stop().exit_status == 0


def test_start_on_a_disk_that_cannot_sync_covers_as_soon_as_ids_can_be_reserved() -> None:
    """A new process has no ids of its own until their reservation is written, and nothing else wakes it then."""
    with Rig(script(sold(5, 1002, 10)), wait_time=D(4_000)) as rig:
        rig.start()
        rig.run_to(20)
        rig.kill()
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.journal.refuses = lambda _number, records: (
            rig.now_s < 32 and (not records or isinstance(records[0], IdsReserved))
        )
        rig.downtime(10)
        rig.start()
        rig.run_to(31)
        assert (rig.line.count("place"), rig.resting()) == (2, [])
        rig.run_to(38)
        assert (SELL, D("100.4"), D("0.10")) in rig.resting()
        rig.check_covered()


def test_sync_that_fails_is_trouble_until_it_succeeds() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.journal.refuses = lambda _number, records: not records and rig.now_s < 60
        rig.start()
        rig.run_to(59)
        assert len(rig.told.texts(NoticeKind.ERROR)) == 1
        assert [side for side, *_ in rig.resting()] == [SELL]
        rig.run_to(70)
        assert [side for side, *_ in rig.resting()] == [SELL, BUY]
        rig.check_covered()


def test_reserved_ids_last_through_a_long_trouble() -> None:
    fills = [sold(50 + index, 1002, 1) for index in range(10)]
    with Rig(script(*fills)) as rig:
        full_from_to(rig, 10, 10_000)
        rig.start()
        rig.run_to(100)
        assert [side for side, *_ in rig.resting()] == [SELL] * 10
        rig.check_covered_but_for_the_journal()
