"""The mutants can be made of today's sources, and the hunt for one catches it. `make mutants` hunts them all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.__main__ import row
from tests.mutants.catalogue import MUTANTS
from tests.mutants.hunt import ROOT, Caught, Survived, hunt
from tests.mutants.mutant import Mutant

LEAST = 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_breaks_stands_in_the_sources_just_once(mutant: Mutant) -> None:
    assert mutant.problem(ROOT) == ""


def test_there_are_enough_mutants_and_each_has_a_name_and_a_reason() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= LEAST
    assert [mutant.name for mutant in MUTANTS if not mutant.why] == []


def test_mutants_break_the_bot_the_strategy_and_the_clients() -> None:
    areas = {mutant.file.split("/")[0] for mutant in MUTANTS}
    assert areas >= {"bot", "strategies", "exchanges"}


def test_a_mutant_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    mutant = Mutant("m", "a.py", "x = 1", "x = 2", "why")
    assert mutant.problem(tmp_path) == "what it replaces stands 2 times in a.py"
    assert replace(mutant, old="y").problem(tmp_path) == "what it replaces stands 0 times in a.py"
    assert replace(mutant, file="b.py").problem(tmp_path) == "there is no b.py"
    with pytest.raises(ValueError, match="m: what it replaces stands 2 times"):
        mutant.apply(tmp_path)
    whole = replace(mutant, old="x = 1\nx = 1", new="x = 1\nx = 2")
    whole.apply(tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 1\nx = 2\n"


def test_the_hunt_tells_a_mutant_from_a_change_that_breaks_nothing() -> None:
    mutant = next(each for each in MUTANTS if each.name == "an_open_leaves_before_its_intent")
    assert hunt(replace(mutant, seeds=1), ROOT, lambda _exchange, _seed: True) == Caught(0, ("S6",))
    assert hunt(replace(mutant, seeds=1), ROOT, lambda _exchange, _seed: False) == Survived(
        "no violation in 1 worlds"
    )
    harmless = replace(mutant, new=f"{mutant.old}  # The same.", seeds=1)
    assert hunt(harmless, ROOT, lambda _exchange, _seed: True) == Survived("no violation in 1 worlds")


def test_a_mutant_that_does_not_even_run_proves_nothing() -> None:
    broken = Mutant("m", "bot/performer.py", "class Performer:", "class Performer(:", "why", seeds=1)
    found = hunt(broken, ROOT, lambda _exchange, _seed: True)
    assert isinstance(found, Survived)
    assert found.why.startswith("the worlds ended in SyntaxError: ")


def test_the_table_names_the_world_that_caught_a_mutant_and_what_a_survivor_did() -> None:
    mutant = Mutant("m", "a.py", "x", "y", "why", "paper", 40)
    assert row(mutant, Caught(7, ("S1", "S7"))).split() == ["m", "paper", "40", "seed", "7", "S1,", "S7"]
    assert row(mutant, Survived("no violation in 40 worlds")).endswith("SURVIVED: no violation in 40 worlds")
