"""A disk with real files: what a kill leaves, what a power loss leaves, and that a world on it is the same world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import ClockSet, Record
from exchanges.factory import ExchangeFactory
from simulation.file_disk import FileDisk
from simulation.plan import Wanted, draw_plan
from simulation.run import run_world

RECORDS: list[Record] = [ClockSet(at_ns) for at_ns in range(1, 9)]


@pytest.fixture
def disk() -> Iterator[FileDisk]:
    disk = FileDisk()
    disk.append(RECORDS[:2], sync=True)
    disk.write_note("name", "text")
    for record in RECORDS[2:]:
        disk.append([record], sync=False)
    yield disk
    disk.close()


def test_a_killed_process_leaves_everything_it_handed_over(disk: FileDisk) -> None:
    disk.process_ended(was_killed=True)
    assert (disk.records(), disk.journal.note("name"), disk.synced_seq) == (RECORDS, "text", 2)


def test_a_process_that_ends_by_itself_leaves_everything_synced(disk: FileDisk) -> None:
    disk.process_ended(was_killed=False)
    disk.lose_power(0)
    assert (disk.records(), disk.synced_seq) == (RECORDS, 8)


@pytest.mark.parametrize("kept", range(7))
def test_a_power_loss_leaves_what_was_synced_and_a_beginning_of_the_rest(disk: FileDisk, kept: int) -> None:
    disk.lose_power(kept)
    found = disk.records()
    assert found == RECORDS[: len(found)]
    assert 2 <= len(found) <= 2 + kept
    assert disk.synced_seq == len(found) == disk.last_seq


def test_a_kill_does_not_save_from_the_power_loss_after_it(disk: FileDisk) -> None:
    disk.process_ended(was_killed=True)
    disk.lose_power(0)
    assert disk.records() == RECORDS[:2]


def test_what_is_written_after_a_power_loss_follows_what_was_left(disk: FileDisk) -> None:
    disk.lose_power(0)
    disk.append(RECORDS[4:5], sync=True)
    disk.lose_power(0)
    assert disk.records() == [*RECORDS[:2], RECORDS[4]]


def test_a_world_without_power_losses_is_the_same_on_files_as_in_memory() -> None:
    plan = draw_plan(4, Wanted(exchange="paper", hours=Decimal("0.1")), ExchangeFactory.venues())
    plan = replace(plan, rates={"kill": 20.0})
    in_memory, on_files = (run_world(replace(plan, has_files=has_files)) for has_files in (False, True))
    assert (in_memory.violations, on_files.violations, in_memory.lives > 2) == ((), (), True)
    assert on_files.trace == in_memory.trace
