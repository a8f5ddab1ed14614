"""Reading a journal leaves it, its folder and its bot alone; what cannot be read is said in one line."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from domain.events import ClockSet, Record
from helpers.journal import SqliteJournal
from helpers.journal_errors import JournalDamaged, JournalRefused
from helpers.journal_format import FIRST_CHECKSUM, chained
from helpers.journal_reading import read_journal
from tests.support.records import opened, trade

RECORDS: tuple[Record, ...] = tuple(
    each for number in range(8) for each in (opened(number, "0.1", entry=number), trade(number, "0.1", "100"))
)


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "a.sqlite"
    with closing(SqliteJournal.open(path)) as journal:
        journal.append(RECORDS, sync=True)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_ended_journal_is_read_and_nothing_is_left_beside_it(ended: Path) -> None:
    before = contents(ended.parent)
    read = read_journal(ended)
    with closing(SqliteJournal.open(ended)) as journal:
        assert read.mark == journal.mark()
    assert read.records == RECORDS
    assert set(before) == {"a.sqlite"}


def test_reading_changes_no_byte_of_an_ended_journal(ended: Path) -> None:
    before = contents(ended.parent)
    read_journal(ended)
    assert contents(ended.parent) == before


def test_a_journal_is_read_while_its_bot_writes_and_the_bot_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(SqliteJournal.open(path)) as journal:
        journal.append(RECORDS[:3], sync=True)
        journal.append(RECORDS[3:5], sync=False)
        assert read_journal(path).records == RECORDS[:5]
        journal.append(RECORDS[5:], sync=True)
        assert read_journal(path).records == RECORDS
        assert tuple(record for _, record in journal.replay()) == RECORDS


def test_records_that_a_dead_bot_left_in_the_log_are_read_too(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "live" / "a.sqlite")
    journal.append(RECORDS, sync=True)
    shutil.copytree(tmp_path / "live", tmp_path / "dead")
    journal.close()
    log = (tmp_path / "dead" / "a.sqlite-wal").read_bytes()
    assert read_journal(tmp_path / "dead" / "a.sqlite").records == RECORDS
    assert (tmp_path / "dead" / "a.sqlite-wal").read_bytes() == log


def execute(*statements: str) -> Callable[[Path], None]:
    def strike(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return strike


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.find(b'"Fill"')
    content[place + 1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "strike, told",
    [
        (Path.unlink, "there is no journal {path}"),
        (lambda path: path.write_bytes(b""), "the journal {path} holds no records yet"),
        (execute("DELETE FROM records", "UPDATE floor SET seq = 0"), "the journal {path} holds no records yet"),
        (execute("PRAGMA user_version = 2"), "the journal {path} has format 2, this program knows 1; use the newer"),
    ],
)
def test_what_holds_nothing_to_read_is_refused_in_one_line(
    ended: Path, strike: Callable[[Path], None], told: str
) -> None:
    strike(ended)
    with pytest.raises(JournalRefused) as error:
        read_journal(ended)
    assert str(error.value).startswith(told.format(path=ended))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "strike, what",
    [
        (execute("PRAGMA application_id = 7"), "it is not a journal of this program, or its header is changed; "),
        (lambda path: path.write_bytes(b"x" * 5_000), "it is not a SQLite database; "),
        (flip, "record "),
        (execute("DELETE FROM records WHERE seq = 3"), "record 3 is missing or changed; "),
        (execute("DELETE FROM records WHERE seq > 9"), "records after 9 are missing; "),
        (execute("DELETE FROM floor"), "the count of its records is lost; "),
        (execute("DROP TABLE records"), "no such table: records; "),
        (lambda path: path.write_bytes(path.read_bytes()[:9_000]), ""),
    ],
)
def test_damage_is_told_in_one_line(ended: Path, strike: Callable[[Path], None], what: str) -> None:
    strike(ended)
    with pytest.raises(JournalDamaged) as error:
        read_journal(ended)
    assert str(error.value).startswith(f"the journal {ended} is damaged: {what}")
    assert "\n" not in str(error.value)


def test_a_record_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(SqliteJournal.open(path)) as journal:
        journal.append([ClockSet(1)], sync=True)
    text = '{"kind":"Tomorrow","at_ns":1}'
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE records SET record = ?, checksum = ?", (text, chained(FIRST_CHECKSUM, text)))
        connection.commit()
    with pytest.raises(JournalRefused, match=r"record 1 of the journal .* is sound but not understood"):
        read_journal(path)
