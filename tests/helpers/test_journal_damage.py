"""Damaged, torn and strange files: refused in one line, or dropped where a power loss explains them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.events import ClockSet, Record
from helpers.journal import (
    Journal,
    JournalDamaged,
    JournalError,
    SqliteJournal,
)
from tests.support.records import opened, trade

FRAME = 24 + 4096
RECORDS: tuple[Record, ...] = tuple(
    each for number in range(8) for each in (opened(number, "0.1", entry=number), trade(number, "0.1", "100"))
)


def records_of(journal: Journal) -> list[Record]:
    return [record for _, record in journal.replay()]


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a journal whose process died: one record per commit, all of them still in the log."""
    folder = tmp_path_factory.mktemp("cut_off")
    journal = SqliteJournal.open(folder / "live" / "a.sqlite", durable=False)
    for record in RECORDS:
        journal.append([record], sync=False)
    shutil.copytree(folder / "live", folder / "dead")
    journal.close()
    (folder / "dead" / "a.sqlite-shm").unlink()
    return folder / "dead"


def copies(dead: Path, to: Path) -> Iterator[tuple[Path, Path]]:
    """The journal and its log, copied afresh each time."""
    while True:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(dead, to)
        yield to / "a.sqlite", to / "a.sqlite-wal"


def read(path: Path) -> list[Record]:
    journal = SqliteJournal.open(path, durable=False)
    try:
        return records_of(journal)
    finally:
        journal.close()


def interesting_places(size: int) -> list[int]:
    """Every byte of the log's header and of the frame headers, and some of each page."""
    within_a_frame = [*range(24), 24, 25, 31, 32, 24 + 99, 24 + 100, 2_000, FRAME - 300, FRAME - 1]
    return [*range(32), *(32 + at + place for at in range(0, size - 32, FRAME) for place in within_a_frame)]


def test_a_log_cut_at_any_byte_opens_with_the_records_before_the_cut(cut_off: Path, tmp_path: Path) -> None:
    fresh = copies(cut_off, tmp_path / "copy")
    size = (cut_off / "a.sqlite-wal").stat().st_size
    lengths: set[int] = set()
    longest = 0
    for length in sorted({*interesting_places(size), *range(size - 50, size + 1)}):
        path, wal = next(fresh)
        os.truncate(wal, length)
        found = read(path)
        assert found == list(RECORDS[: len(found)])
        assert len(found) >= longest
        longest = len(found)
        lengths.add(longest)
    assert lengths == set(range(len(RECORDS) + 1))


def test_a_journal_whose_tail_was_cut_off_goes_on_and_stays_whole(cut_off: Path, tmp_path: Path) -> None:
    path, wal = next(copies(cut_off, tmp_path / "copy"))
    os.truncate(wal, wal.stat().st_size - 1)
    journal = SqliteJournal.open(path)
    journal.append([ClockSet(1)], sync=True)
    journal.close()
    assert read(path) == [*RECORDS[:-1], ClockSet(1)]


def test_a_changed_byte_in_the_log_is_refused_and_in_its_last_commit_dropped(cut_off: Path, tmp_path: Path) -> None:
    fresh = copies(cut_off, tmp_path / "copy")
    size = (cut_off / "a.sqlite-wal").stat().st_size
    for place in interesting_places(size):
        path, wal = next(fresh)
        flip(wal, place)
        if place < size - FRAME:
            with pytest.raises(JournalDamaged, match="its -wal file is damaged in the middle"):
                read(path)
        else:
            assert read(path) == list(RECORDS[:-1])


def test_a_changed_byte_in_the_database_is_refused_or_harmless(cut_off: Path, tmp_path: Path) -> None:
    whole = next(copies(cut_off, tmp_path / "whole"))[0]
    journal = SqliteJournal.open(whole)
    journal.sync()
    journal.close()
    fresh = copies(tmp_path / "whole", tmp_path / "copy")
    refused = 0
    size = whole.stat().st_size
    for place in [*range(130), *range(130, size, 53), *range(4096, 4096 + 130)]:
        path, _ = next(fresh)
        flip(path, place)
        found, refusal = outcome(path)
        if refusal is None:
            assert found == list(RECORDS)
        else:
            assert "\n" not in refusal
            assert str(path) in refusal
            refused += 1
    assert refused > 50


def outcome(path: Path) -> tuple[list[Record] | None, str | None]:
    try:
        return read(path), None
    except JournalError as error:
        return None, str(error)


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 0x41
    file.write_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM records WHERE seq = 5",
        "DELETE FROM records WHERE seq = 1",
        "DELETE FROM records WHERE seq = 16",
        "DELETE FROM records",
        "DELETE FROM floor",
        "UPDATE records SET record = replace(record, '100', '101') WHERE seq = 4",
        "UPDATE records SET checksum = x'0000000000000000' WHERE seq = 16",
        "UPDATE records SET checksum = 'text' WHERE seq = 16",
        "UPDATE records SET seq = seq + 1 WHERE seq = 16",
        "UPDATE records SET record = x'00' WHERE seq = 2",
        "ALTER TABLE records RENAME seq TO number",
        "DROP TABLE records",
        "DROP TABLE floor",
        "PRAGMA application_id = 1",
    ],
)
def test_a_changed_row_is_refused_in_one_line_that_says_what_to_do(cut_off: Path, tmp_path: Path, change: str) -> None:
    path, _ = next(copies(cut_off, tmp_path / "copy"))
    journal = SqliteJournal.open(path)
    journal.sync()
    journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(JournalDamaged) as caught:
        read(path)
    line = str(caught.value)
    assert line.startswith(f"the journal {path} is damaged: ")
    assert "restore a backup, or move it and its -wal file away" in line
    assert "\n" not in line


@pytest.mark.parametrize("content", [b"x", b"not a database" * 100, b"SQLite format 3\x00", bytes(5_000)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalDamaged, match="it is not a SQLite database"):
        SqliteJournal.open(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(JournalDamaged, match="it is not a journal of this program"):
        SqliteJournal.open(path)


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_log_without_its_database_is_refused_and_kept(cut_off: Path, tmp_path: Path, how: str) -> None:
    path, wal = next(copies(cut_off, tmp_path / "copy"))
    path.unlink()
    if how == "empty":
        path.touch()
    content = wal.read_bytes()
    with pytest.raises(JournalDamaged, match=f"the file is {how}"):
        SqliteJournal.open(path)
    assert wal.read_bytes() == content


def test_a_start_that_died_before_its_first_commit_is_made_good(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.touch()
    journal = SqliteJournal.open(path)
    journal.append([ClockSet(1)], sync=True)
    journal.close()
    assert read(path) == [ClockSet(1)]
