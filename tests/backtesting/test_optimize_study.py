"""Where a search is kept and what is tried next: the same again after a break, and nothing of another search."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from backtesting.optimize.space import Setting, Space, parse_space
from backtesting.optimize.storage import StorageError, claim, masked, open_storage
from backtesting.optimize.study import FoldSearch, Sampling
from domain.market import Side

SPACE = parse_space("take_profit=0.01:1,wait_time=10|30:900,max_orders=1:50,direction=buy|sell")
ABOUT = {"version": "1.1", "data file": "a.parquet sha256 ab; tick 0.1"}


def search(
    address: str | None, sampling: Sampling = Sampling.TPE, trials: int = 12, space: Space = SPACE, seed: int = 0
) -> FoldSearch:
    return FoldSearch(open_storage(address), "fold 1", space, sampling, seed, trials)


def value_of(point: dict[str, Setting] | object) -> float:
    """The best is a take-profit of 0.3."""
    assert isinstance(point, dict)
    return -abs(float(point["take_profit"]) - 0.3)


def lived(one: FoldSearch, batches: Sequence[int]) -> list[tuple[int, object]]:
    """So many at a time, all told."""
    for size in batches:
        for candidate in one.ask(size):
            one.tell(candidate, value_of(candidate.point))
    return [(found.number, found.point) for found in one.found()]


@pytest.fixture(params=["sqlite:///{}/search.db", "journal:{}/search.log"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path)


@pytest.mark.parametrize("sampling", [Sampling.TPE, Sampling.RANDOM])
def test_a_search_goes_on_as_if_it_had_not_been_broken_off(address: str, sampling: Sampling) -> None:
    whole = lived(search(None, sampling), [4, 4, 4])
    lived(search(address, sampling), [8])
    assert lived(search(address, sampling), [4]) == whole
    assert len(whole) == 12
    assert search(address, sampling).ask(4) == []


def test_what_was_broken_off_is_tried_anew_and_counts_for_nothing(address: str) -> None:
    one = search(address)
    kept, lost = one.ask(2)
    one.tell(kept, 1.0)
    one.give_up(lost)
    again = search(address)
    assert (again.done(), [found.number for found in again.found()]) == (1, [0])
    assert len(again.ask(100)) == 11


def test_the_best_is_the_highest_and_of_equals_the_first() -> None:
    one = search(None)
    assert one.best() == (None, 0)
    for candidate, value in zip(one.ask(4), (1.0, 3.0, 3.0, 2.0), strict=True):
        one.tell(candidate, value)
    best, of = one.best()
    assert best is not None
    assert (best.number, best.value, of) == (1, 3.0, 4)


def test_every_draw_lies_in_the_space_and_no_two_are_alike() -> None:
    points = [candidate.point for candidate in search(None, Sampling.RANDOM, trials=60).ask(60)]
    assert {tuple(point) for point in points} == {("take_profit", "wait_time", "max_orders", "direction")}
    assert {point["direction"] for point in points} == set(Side)
    assert all(Decimal("0.01") <= Decimal(str(point["take_profit"])) <= 1 for point in points)
    waits = {Decimal(str(point["wait_time"])) for point in points}
    assert Decimal(10) in waits
    assert all(wait == 10 or 30 <= wait <= 900 for wait in waits)
    assert len({str(point) for point in points}) == 60


def test_another_seed_draws_others() -> None:
    first, second = ([one.point for one in search(None, seed=seed).ask(3)] for seed in (1, 2))
    assert first != second


def test_the_estimator_comes_closer_than_chance() -> None:
    tpe, chance = (search(None, sampling, trials=48) for sampling in (Sampling.TPE, Sampling.RANDOM))
    late = [[value_of(point) for _, point in lived(one, [8] * 6)][16:] for one in (tpe, chance)]
    assert sum(late[0]) > 0.7 * sum(late[1])


def test_a_grid_tries_every_combination_once(address: str) -> None:
    space = parse_space("take_profit=0.01:1,max_orders=1|5")
    lived(search(address, Sampling.GRID, 6, space), [4])
    one = search(address, Sampling.GRID, 6, space)
    [lost] = one.ask(1)
    one.give_up(lost)
    points = lived(search(address, Sampling.GRID, 6, space), [4, 4])
    assert sorted(str(point) for _, point in points) == sorted(map(str, space.grid(6)))
    assert one.wanted == 6


def test_a_grid_that_somebody_died_over_is_tried_to_its_end() -> None:
    space, storage = parse_space("take_profit=0.01|1,max_orders=1|5"), open_storage(None)
    FoldSearch(storage, "fold 1", space, Sampling.GRID, 0, 4).ask(3)
    points = lived(FoldSearch(storage, "fold 1", space, Sampling.GRID, 0, 4), [1, 1, 1, 1])
    assert sorted(str(point) for _, point in points) == sorted(map(str, space.grid(4)))


def test_two_at_once_draw_different_settings(address: str) -> None:
    first, second = search(address), search(address)
    points = [candidate.point for one in (first, second, first, second) for candidate in one.ask(2)]
    assert len({str(point) for point in points}) == 8


# --- one storage, one search ----------------------------------------------------------------------------------------


def test_the_same_search_may_come_again(address: str) -> None:
    claim(open_storage(address), ABOUT, address)
    claim(open_storage(address), ABOUT, address)


@pytest.mark.parametrize("name, other", [("version", "1.2"), ("data file", "b.parquet sha256 cd; tick 0.1")])
def test_another_version_or_other_data_are_refused(address: str, name: str, other: str) -> None:
    claim(open_storage(address), ABOUT, address)
    with pytest.raises(StorageError) as error:
        claim(open_storage(address), {**ABOUT, name: other}, address)
    assert str(error.value) == (
        f"--storage {address} holds a search with another {name} ({ABOUT[name]}, and this is {other}); name another "
        "storage, or search as it did"
    )


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("nonsense", "--storage (the address given) cannot be used: Could not parse SQLAlchemy URL from"),
        ("sqlite://", "--storage sqlite:// cannot be used: it names no file; write it like sqlite:///search.db or"),
        ("sqlite:///{}", "--storage sqlite:///{} names no file; write it like"),
        ("sqlite:///{}/none/search.db", "--storage sqlite:///{}/none/search.db: the folder {}/none does not exist"),
        ("journal:", "--storage journal: names no file; write it like sqlite:///search.db or journal:search.log"),
        ("journal:{}/none/log", "--storage journal:{}/none/log: the folder {}/none does not exist; create it"),
        ("strange://host/name", "--storage strange://host/name cannot be used: Can't load plugin"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(StorageError) as error:
        open_storage(text.replace("{}", str(tmp_path)))
    assert str(error.value).startswith(complaint.replace("{}", str(tmp_path)))
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    path.write_text("not a database, but long enough to be looked at as one\n" * 40)
    with pytest.raises(StorageError, match=r"cannot be used: file is not a database; write it like"):
        open_storage(f"sqlite:///{path}")


def test_the_tables_are_laid_out_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    for _ in range(2):
        open_storage(f"sqlite:///{path}")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM version_info").fetchone() == (1,)
    database.close()
    assert [file.name for file in tmp_path.iterdir()] == ["search.db"]


def test_a_password_is_never_shown() -> None:
    assert masked("postgresql://bot:canary@host/name") == "postgresql://bot:***@host/name"
    with pytest.raises(StorageError) as error:
        open_storage("strange://bot:canary@host/name")
    assert "canary" not in str(error.value)
