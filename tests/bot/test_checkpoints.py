"""Checkpoints: a start from one knows what a start from the first record knows, and no damage to one does harm."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.restart import history
from bot.checkpoint import restore_checkpoint
from bot.recorder import Recorder
from domain.accounting import Accounting
from domain.events import Record
from domain.market import Side
from domain.status import NoticeKind
from helpers.journal import Journal, JournalUnwritable, MemoryJournal, SqliteJournal
from helpers.trade_rows import TradeRow, TradeRows
from strategies.take_profit_grid.state import GridState
from tests.bot.test_crashes import STORY, STORY_ENDS_S, goes_on
from tests.bot.test_random_faults import live_through_a_storm, random_market
from tests.support.bot import Rig, script
from tests.support.tape import bought, sold
from trading_bot import BotSettings

D = Decimal
NOTE = "checkpoint"
OFTEN = BotSettings("test", checkpoint_every=3)


class Rows:
    """An observer that makes the rows of the trade file, each with the number of its record."""

    def __init__(self) -> None:
        self._rows = TradeRows()
        self.made: list[tuple[int, TradeRow]] = []

    def saw(self, seq: int, record: Record) -> None:
        self.made += [(seq, row) for row in self._rows.of(record)]


class Life:
    """What a start has in memory, and the recorder that put it there."""

    def __init__(self, journal: Journal, side: Side, every: int) -> None:
        self.state, self.accounting, self.rows = GridState(side), Accounting(), Rows()
        self.recorder = Recorder(journal, self.state, self.accounting, self.rows, every)
        self.count = self.recorder.replay()

    def knows(self, journal: Journal) -> str:
        """All of it, as one text: that of a checkpoint written now."""
        self.recorder._write_checkpoint()
        text = journal.note(NOTE)
        assert text
        return text


def stormy_records(seed: int) -> tuple[list[Record], Side]:
    chance = Random(seed)
    direction = chance.choice(list(Side))
    with Rig(random_market(chance), direction=direction, reduce_only=chance.random() < 0.5) as rig:
        live_through_a_storm(rig, chance)
        return rig.records, direction


def filled(records: list[Record]) -> MemoryJournal:
    journal = MemoryJournal()
    journal.append(records, sync=True)
    return journal


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_replay_from_any_checkpoint_is_replay_from_the_start(seed: int, chance: Random) -> None:
    records, side = stormy_records(seed)
    journal = filled(records)
    whole = Life(journal, side, every=10**9)
    expected, rows = whole.knows(journal), whole.rows.made
    for _ in range(5):
        cut = chance.randrange(1, len(records) + 1)
        journal = filled(records[:cut])
        first = Life(journal, side, every=1)
        first.recorder.checkpoint_when_due()
        assert journal.note(NOTE)
        journal.append(records[cut:], sync=True)
        resumed = Life(journal, side, every=10**9)
        assert (resumed.count, resumed.recorder.passed_over) == (len(records), "")
        assert resumed.knows(journal) == expected
        assert [row for row in resumed.rows.made if row[0] > cut] == [row for row in rows if row[0] > cut]


def test_checkpoint_saves_reading_what_is_over() -> None:
    with Rig(script(sold(5, 1002, 10), bought(40, 1005, 12), sold(80, 1002, 10)), settings=OFTEN) as rig:
        rig.start()
        rig.run_to(100)
        rig.restart()
        rig.run_for(10)
        assert rig.bot._recorder.passed_over == ""
        found = restore_checkpoint(
            rig.journal, rig.bot._recorder._folds(), rig.bot._recorder._code
        )
        assert found is not None
        assert found.seq >= len(rig.records) - 3
        rig.check_covered()
        rig.check_money()


@pytest.mark.parametrize("moment", ["kill_before", "kill_after"])
def test_kill_at_every_append_with_a_checkpoint_every_few_records_ends_covered_once(moment: str) -> None:
    with Rig(STORY, reduce_only=False, settings=OFTEN) as calm:
        calm.start()
        calm.run_to(STORY_ENDS_S)
        appends = calm.journal.appends
    for number in range(2, appends + 1, 3):
        with Rig(STORY, reduce_only=False, settings=OFTEN) as rig:
            setattr(rig.journal, moment, number)
            rig.start()
            rig.run_to(STORY_ENDS_S)
            goes_on(rig)


def another_version(text: str) -> str:
    return "0123456789abcdef" + text[16:]


def another_digit(text: str) -> str:
    at = text.rindex('"D","') + 5
    return text[:at] + ("2" if text[at] == "1" else "1") + text[at + 1 :]


def other_records(text: str) -> str:
    version, _, rest = text.split(" ", 2)
    return f"{version} 999999 {rest}"


@pytest.mark.parametrize(
    "spoil, why",
    [
        (another_version, "another version of this program made it"),
        (another_digit, "it is damaged"),
        (lambda text: text[:-1], "it is damaged"),
        (lambda _text: "", "it is damaged"),
        (other_records, "it does not belong to these records"),
    ],
    ids=["another version", "another digit", "cut short", "empty", "other records"],
)
def test_checkpoint_that_cannot_be_believed_is_passed_over_and_said(spoil: Callable[[str], str], why: str) -> None:
    with Rig(STORY, reduce_only=False, settings=OFTEN) as rig:
        rig.start()
        rig.run_to(STORY_ENDS_S)
        rig.kill()
        text = rig.journal.note(NOTE)
        assert text
        rig.journal.write_note(NOTE, spoil(text))
        rig.start()
        rig.run_for(10)
        told = f"the checkpoint is passed over, all records are read: {why}"
        assert rig.told.texts(NoticeKind.INFO).count(told) == 1
        rig.check_covered()
        rig.check_money()


def test_checkpoint_of_a_journal_that_lost_its_tail_or_is_another_is_passed_over(tmp_path: Path) -> None:
    records, side = stormy_records(7)
    journals = [SqliteJournal.open(tmp_path / f"{name}.sqlite", durable=False) for name in ("own", "cut", "other")]
    own, cut, other = journals
    own.append(records, sync=True)
    Life(own, side, every=1).recorder.checkpoint_when_due()
    text = own.note(NOTE)
    assert text is not None
    assert Life(own, side, every=10**9).recorder.passed_over == ""
    cut.append(records[:-1], sync=True)
    other.append([*records[1:], records[0]], sync=True)
    for journal in (cut, other):
        journal.write_note(NOTE, text)
        life = Life(journal, side, every=10**9)
        assert life.recorder.passed_over.endswith("it does not belong to these records")
        assert life.count == journal.last_seq
    for journal in journals:
        journal.close()


def test_what_is_known_does_not_grow_with_what_is_over() -> None:
    """The size of a checkpoint counts all that state, money, memory and the index of living records hold."""
    journal, records = MemoryJournal(), history(resting=40)
    life = Life(journal, Side.BUY, every=10**9)
    sizes = []
    for _ in range(4):
        for record in islice(records, 12_000):
            life.recorder.note(record)
            life.recorder.checkpoint_when_due()
        assert len(life.recorder._living._of_order) < 3_500
        sizes.append(len(life.knows(journal)))
    assert max(sizes[1:]) < 1.1 * sizes[1]


def test_full_disk_costs_the_checkpoint_and_nothing_else() -> None:
    class Full(MemoryJournal):
        def write_note(self, name: str, text: str) -> None:
            raise JournalUnwritable("cannot write the journal: no space left on device")

    with Rig(STORY, reduce_only=False, settings=OFTEN, journal=Full()) as rig:
        rig.start()
        rig.run_to(STORY_ENDS_S)
        assert rig.told.texts(NoticeKind.ERROR) == []
        rig.check_covered()
        assert rig.stop().exit_status == 0
