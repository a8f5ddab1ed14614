"""What a power cut, a full disk, a killed process and two beginners at once do to a kept search."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.study import StudyDirection
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from backtesting.optimize.journal_file import JournalFile, cut_torn_end
from backtesting.optimize.space import parse_space
from backtesting.optimize.storage import StorageError, claim, first_line, laid_out, open_storage
from backtesting.optimize.study import FoldSearch, Sampling

SPACE = parse_space("take_profit=0.01:1")
ABOUT = {"version": "1.1", "data file": "a.parquet"}


def tried(storage: BaseStorage, most: int, trials: int = 6) -> list[tuple[int, float]]:
    """Up to so many trials of a search of `trials`; number and value of all that are finished."""
    search = FoldSearch(storage, "fold 1", SPACE, Sampling.RANDOM, 0, trials)
    for candidate in search.ask(most):
        search.tell(candidate, float(candidate.trial.number))
    return [(found.number, found.value) for found in search.found()]


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: as on a full disk, a part of the last write gets through."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("torn", [b'{"op_code":4,"worker', b"{", b"\0" * 5_000])
def test_a_search_goes_on_behind_half_a_line_that_a_power_cut_left(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "search.log"
    assert tried(open_storage(f"journal:{path}"), 2) == [(0, 0.0), (1, 1.0)]
    with path.open("ab") as file:
        file.write(torn)
    assert tried(open_storage(f"journal:{path}"), 2) == [(number, float(number)) for number in range(4)]
    assert tried(open_storage(f"journal:{path}"), 2) == [(number, float(number)) for number in range(6)]
    lines = path.read_text().split("\n")
    assert (lines[-1], {line[:11] for line in lines[:-1]}) == ("", {'{"op_code":'})
    assert [file.name for file in tmp_path.iterdir()] == ["search.log"]


def test_a_full_disk_is_said_and_takes_nothing_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "search.log"
    done = tried(open_storage(f"journal:{path}"), 2)
    whole = path.read_bytes()
    told = r"^it cannot be written: .* File too large$"
    with files_end_at(len(whole) + 30), pytest.raises(StorageInternalError, match=told):
        tried(open_storage(f"journal:{path}"), 2)
    assert len(path.read_bytes()) == len(whole) + 30
    assert tried(open_storage(f"journal:{path}"), 0) == done
    assert path.read_bytes().startswith(whole)
    assert tried(open_storage(f"journal:{path}"), 2) == [(number, float(number)) for number in range(4)]


def test_one_that_shares_a_search_goes_on_after_the_others_disk_was_full(tmp_path: Path) -> None:
    path = tmp_path / "search.log"
    other = open_storage(f"journal:{path}")
    assert tried(other, 1) == [(0, 0.0)]
    with path.open("ab") as file:
        file.write(b'{"op_code":5,"wor')
    assert tried(other, 1) == [(0, 0.0), (1, 1.0)]
    assert tried(open_storage(f"journal:{path}"), 0) == [(0, 0.0), (1, 1.0)]


def test_a_lock_that_a_killed_process_left_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "search.log"
    path.with_name("search.log.lock").touch()
    assert tried(JournalStorage(JournalFile(path, locked_at_most_s=3)), 1) == [(0, 0.0)]
    assert [file.name for file in tmp_path.iterdir()] == ["search.log"]


class Paused(JournalFile):
    """A process that stands still for so long that another, which `meanwhile` is, has broken its lock."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def write(self, data: bytes) -> int:
        self.meanwhile()
        return super().write(data)


class Owner:
    """Another process: breaks the lock and holds it, or lets it go."""

    def __init__(self, path: Path) -> None:
        self.lock = path.with_name(f"{path.name}.lock")

    def breaks(self) -> None:
        self.lock.unlink()
        self.lock.write_text("another")


def test_a_process_whose_lock_was_broken_while_it_was_paused_writes_nothing_and_leaves_the_others_lock(
    tmp_path: Path,
) -> None:
    path = tmp_path / "search.log"
    file = Paused(path)
    storage = JournalStorage(file)
    assert tried(storage, 1) == [(0, 0.0)]
    whole, other = path.read_bytes(), Owner(path)
    file.meanwhile = other.breaks
    told = "^it cannot be written: another process took it over, because this one stood still for too long$"
    with pytest.raises(StorageInternalError, match=told):
        tried(storage, 1)
    assert (path.read_bytes(), other.lock.read_text()) == (whole, "another")


def test_the_rest_of_a_line_is_not_written_behind_what_another_process_cut(tmp_path: Path) -> None:
    path = tmp_path / "search.log"
    assert tried(open_storage(f"journal:{path}"), 1) == [(0, 0.0)]
    whole, other = path.read_bytes(), Owner(path)

    class Halved(Paused):
        def write(self, data: bytes) -> int:
            written = super().write(data[: len(data) // 2])
            cut_torn_end(path)
            other.breaks()
            return written

    storage = JournalStorage(Halved(path))
    with pytest.raises(StorageInternalError, match="another process took it over"):
        tried(storage, 1)
    assert (path.read_bytes(), other.lock.read_text()) == (whole, "another")


def test_a_lock_says_whose_it_is_while_it_is_held(tmp_path: Path) -> None:
    path, held = tmp_path / "search.log", list[str]()
    for _ in range(2):
        file = Paused(path)
        file.meanwhile = lambda: held.append(path.with_name("search.log.lock").read_text())
        tried(JournalStorage(file), 1)
    assert "" not in held
    assert len(set(held)) == len(held) > 2
    assert [file.name for file in tmp_path.iterdir()] == ["search.log"]


@pytest.mark.parametrize("torn", ["{", '{"op_', '{"op_code"', '{"op_code":0,"study_na'])
def test_a_search_begins_again_where_its_first_line_was_torn(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "search.log"
    path.write_text(torn)
    assert tried(open_storage(f"journal:{path}"), 1) == [(0, 0.0)]
    assert path.read_text().startswith('{"op_code":0,"worker_id"')


@pytest.mark.parametrize("content", ["hello", '{"folds":[]}', "one\ntwo\n", "{\n", '{"op_\n'])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(StorageError) as error:
        open_storage(f"journal:{path}")
    assert str(error.value) == (
        f"--storage journal:{path} cannot be used: the file holds something else; write it like sqlite:///search.db or "
        "journal:search.log"
    )
    assert path.read_text() == content


def test_damage_in_the_middle_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "search.log"
    tried(open_storage(f"journal:{path}"), 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"op_co\n', *lines[2:]]))
    with pytest.raises(StorageError) as error:
        open_storage(f"journal:{path}")
    assert str(error.value).startswith(f"--storage journal:{path} cannot be used: it cannot be read: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content, left", [(b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"ab", b""), (b"\n\nx", b"\n\n")]
)
def test_whole_lines_are_left(tmp_path: Path, content: bytes, left: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(content)
    cut_torn_end(path)
    assert path.read_bytes() == left


# --- databases --------------------------------------------------------------------------------------------------------


class _Database:
    """Refuses the first `errors`, then answers."""

    def __init__(self, *errors: SQLAlchemyError) -> None:
        self.storage = InMemoryStorage()
        self._errors = iter(errors)
        self.asked = 0

    def __call__(self, address: str) -> BaseStorage:
        self.asked += 1
        error = next(self._errors, None)
        if error is not None:
            raise error
        return self.storage


def exists(table: str) -> SQLAlchemyError:
    return ProgrammingError(f"CREATE TABLE {table}", None, Exception(f"{table} already exists"))


def test_who_comes_second_while_the_tables_are_made_looks_again() -> None:
    database = _Database(exists("studies"), exists("alembic_version"))
    assert laid_out("strange://host/name", database) is database.storage
    assert database.asked == 3


def test_tables_that_can_never_be_made_are_asked_for_a_few_times_only() -> None:
    database = _Database(*[exists("studies")] * 100)
    with pytest.raises(ProgrammingError):
        laid_out("strange://host/name", database)
    assert database.asked == 20


def test_a_database_that_does_not_answer_is_asked_once() -> None:
    database = _Database(*[OperationalError(None, None, Exception("connection refused"))] * 2)
    with pytest.raises(OperationalError):
        laid_out("strange://host/name", database)
    assert database.asked == 1


@pytest.mark.parametrize(
    "said, reason",
    [
        ("connection to server at host failed\n\tIs the server running?", "connection to server at host failed"),
        ("no entry for user=me password=hunter2", "no entry for user=me password=***"),
    ],
)
def test_a_server_that_cannot_be_reached_is_said_in_one_line_without_its_password(said: str, reason: str) -> None:
    with pytest.raises(StorageError) as error:
        open_storage("postgresql://me:hunter2@host/search", _Database(OperationalError(None, None, Exception(said))))
    assert str(error.value) == (
        f"--storage postgresql://me:***@host/search: the server cannot be reached: {reason}; see whether it runs, and "
        "whether host, name, user and password are right"
    )


def test_a_server_that_went_away_before_the_search_could_begin_is_said_so() -> None:
    class Gone(InMemoryStorage):
        def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
            raise StorageInternalError("An exception is raised") from OperationalError(None, None, Exception("refused"))

    with pytest.raises(StorageError) as error:
        claim(Gone(), ABOUT, "postgresql://host/search")
    assert str(error.value) == (
        "--storage postgresql://host/search: the server cannot be reached: refused; see whether it runs, and whether "
        "host, name, user and password are right"
    )


def test_a_full_disk_under_a_database_is_said_as_what_it_is(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'search.db'}"
    storage = open_storage(address)
    claim(storage, ABOUT, address)
    with files_end_at((tmp_path / "search.db").stat().st_size), pytest.raises(StorageInternalError) as error:
        tried(storage, 2_000, trials=2_000)
    assert first_line(error.value) in ("database or disk is full", "disk I/O error")
