from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from domain.events import CancelIntended, ClockSet, JournalBegan, Record
from helpers.journal import (
    Journal,
    JournalRefused,
    JournalUnwritable,
    MemoryJournal,
    SqliteJournal,
)
from helpers.record_codec import RecordError
from tests.support.records import opened, trade

REPOSITORY = Path(__file__).resolve().parents[2]
RECORDS: tuple[Record, ...] = tuple(
    each for number in range(8) for each in (opened(number, "0.1", entry=number), trade(number, "0.1", "100"))
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="no file modes, links and limits of this kind there")


def records_of(journal: Journal) -> list[Record]:
    return [record for _, record in journal.replay()]


def read(path: Path) -> list[Record]:
    journal = SqliteJournal.open(path, durable=False)
    try:
        return records_of(journal)
    finally:
        journal.close()


def opener(kind: str, folder: Path) -> Callable[[], Journal]:
    if kind == "memory":
        kept = MemoryJournal()
        return lambda: kept
    return lambda: SqliteJournal.open(folder / "a.sqlite", durable=kind == "durable")


@pytest.fixture(params=["memory", "durable", "quick"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Journal]:
    return opener(request.param, tmp_path)


def test_records_come_back_in_order_with_their_numbers(reopen: Callable[[], Journal]) -> None:
    journal = reopen()
    assert (journal.last_seq, list(journal.replay())) == (0, [])
    assert journal.append(RECORDS[:3], sync=True) == 3
    assert journal.append(RECORDS[3:4], sync=False) == 4
    assert journal.append((), sync=True) == 4
    journal.sync()
    assert list(journal.replay()) == [(1, RECORDS[0]), (2, RECORDS[1]), (3, RECORDS[2]), (4, RECORDS[3])]
    journal.close()
    journal.close()


def test_a_reopened_journal_goes_on_where_it_ended(reopen: Callable[[], Journal]) -> None:
    for number, record in enumerate(RECORDS, start=1):
        journal = reopen()
        assert journal.append([record], sync=number % 2 == 0) == number
        journal.close()
    journal = reopen()
    assert (records_of(journal), journal.last_seq) == (list(RECORDS), len(RECORDS))
    journal.close()


def test_records_appended_during_a_replay_are_not_part_of_it(reopen: Callable[[], Journal]) -> None:
    journal = reopen()
    journal.append(RECORDS[:2], sync=False)
    replay = journal.replay()
    assert next(replay) == (1, RECORDS[0])
    journal.append(RECORDS[2:], sync=True)
    assert list(replay) == [(2, RECORDS[1])]
    journal.close()


def test_notes_are_kept_beside_the_records(reopen: Callable[[], Journal]) -> None:
    journal = reopen()
    assert journal.note("cursor") is None
    journal.write_note("cursor", "1")
    journal.write_note("cursor", "2")
    journal.append(RECORDS[:1], sync=False)
    journal.close()
    journal = reopen()
    assert (journal.note("cursor"), records_of(journal)) == ("2", list(RECORDS[:1]))
    journal.close()


def test_a_record_that_must_not_be_written_leaves_the_batch_unwritten(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "a.sqlite")
    with pytest.raises(RecordError):
        journal.append([ClockSet(1), JournalBegan(1, 1, Decimal("NaN"), "")], sync=True)
    assert journal.append([ClockSet(2)], sync=True) == 1
    assert records_of(journal) == [ClockSet(2)]
    journal.close()


def test_thousands_of_records_pass_through_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    journal = SqliteJournal.open(path, durable=False)
    for number in range(3_000):
        journal.append([ClockSet(number)], sync=False)
    assert path.with_name("a.sqlite-wal").stat().st_size < 4_000_000
    assert records_of(journal) == [ClockSet(number) for number in range(3_000)]
    journal.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.sqlite"]


WRITER = """
import sys
from pathlib import Path
from domain.events import ClockSet
from helpers.journal import SqliteJournal
journal = SqliteJournal.open(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
number = journal.last_seq
while True:
    number += 1
    journal.append([ClockSet(number)], sync=number % 7 == 0)
    print(number, flush=True)
"""


@pytest.mark.parametrize("kind", ["durable", "quick"])
def test_what_was_appended_survives_kill_9(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.sqlite"
    seen = 0
    for lines in (1, 3, 50, 700):
        arguments = [sys.executable, "-c", WRITER, str(path), kind]
        with subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                seen = int(writer.stdout.readline())
            writer.kill()
            seen = int(([str(seen), *writer.stdout.read().splitlines()])[-1] or seen)
        journal = SqliteJournal.open(path)
        assert records_of(journal) == [ClockSet(number) for number in range(1, journal.last_seq + 1)]
        assert journal.last_seq >= seen
        journal.close()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    SqliteJournal.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(JournalRefused, match="has format 2, this program knows 1; use the newer program"):
        SqliteJournal.open(path)


def test_a_record_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    journal = SqliteJournal.open(path)
    journal.append([CancelIntended(1, 2, "why")], sync=True)
    journal.close()
    with sqlite3.connect(path) as connection:
        from helpers.journal_format import FIRST_CHECKSUM, chained

        text = '{"kind":"Unheard","at_ns":1}'
        connection.execute("UPDATE records SET record = ?, checksum = ?", (text, chained(FIRST_CHECKSUM, text)))
    connection.close()
    with pytest.raises(JournalRefused, match=r"record 1 of the journal .* is sound but not understood"):
        read(path)


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match=r"cannot open the journal .*; check the folder and its permissions"):
        SqliteJournal.open(tmp_path / "file" / "a.sqlite")


@posix_only
def test_the_files_are_private_and_never_links(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state" / "a.sqlite"
    journal = SqliteJournal.open(path)
    journal.append([ClockSet(1)], sync=True)
    assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
        "a.sqlite": 0o600,
        "a.sqlite-wal": 0o600,
        "a.sqlite-shm": 0o600,
    }
    assert (path.parent.stat().st_mode & 0o777, path.parent.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    journal.close()
    link = tmp_path / "link.sqlite"
    link.symlink_to(path)
    with pytest.raises(JournalRefused, match="is a symbolic link"):
        SqliteJournal.open(link)
    path.with_name("a.sqlite-wal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalRefused, match=r"a\.sqlite-wal is a symbolic link"):
        SqliteJournal.open(path)


@posix_only
def test_a_journal_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    SqliteJournal.open(path).close()
    path.chmod(0o644)
    SqliteJournal.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_held_by_another_writer_is_unwritable_for_now(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    journal = SqliteJournal.open(path)
    journal.append([ClockSet(1)], sync=False)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for sync in (True, False):
        with pytest.raises(JournalUnwritable, match=r"cannot write the journal .*: database is locked"):
            journal.append([ClockSet(9), ClockSet(9)], sync=sync)
    other.execute("ROLLBACK")
    other.close()
    assert journal.append([ClockSet(2), ClockSet(3)], sync=True) == 3
    assert records_of(journal) == [ClockSet(1), ClockSet(2), ClockSet(3)]
    journal.close()


def test_a_sync_after_a_failed_append_asks_the_disk_also_where_nothing_waits_to_be_synced(tmp_path: Path) -> None:
    """Whoever offers the disk nothing but a sync must hear whether it can be written again."""
    path = tmp_path / "a.sqlite"
    journal = SqliteJournal.open(path)
    journal.append([ClockSet(1)], sync=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnwritable):
            journal.append([ClockSet(2)], sync=True)
        with pytest.raises(JournalUnwritable):
            journal.sync()
        other.execute("ROLLBACK")
    journal.sync()
    assert records_of(journal) == [ClockSet(1)]
    journal.close()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from domain.events import ClockSet, Halted
from helpers.journal import JournalUnwritable, SqliteJournal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
journal = SqliteJournal.open(path)
journal.append([ClockSet(1)], sync=True)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
size = path.with_name(path.name + "-wal").stat().st_size
failures = 0
for room in (0, 100, 4_200, 9_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
    for sync in (False, True):
        try:
            journal.append([Halted(2, "x" * 200_000), ClockSet(2)], sync=sync)
        except JournalUnwritable as error:
            assert "cannot write the journal" in str(error), error
            failures += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert failures == 8, failures
assert journal.append([ClockSet(3)], sync=True) == 2
assert [record for _, record in journal.replay()] == [ClockSet(1), ClockSet(3)]
print("survived", flush=True)
import os; os._exit(0)
"""


@posix_only
def test_a_full_disk_fails_the_append_whole_and_later_ones_succeed(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("survived\n", "")
    assert read(path) == [ClockSet(1), ClockSet(3)]


def test_only_a_commit_that_syncs_anyway_moves_the_log_into_the_database(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    journal = SqliteJournal.open(path)
    size = path.stat().st_size
    for number in range(700):  # Each commit adds a page or two to the log; 500 are too many for it.
        journal.append([opened(number, "0.1", entry=number)], sync=False)
    assert path.stat().st_size == size
    journal.append([opened(700, "0.1", entry=700)], sync=True)
    assert path.stat().st_size > size
    journal.close()
    assert len(read(path)) == 701
