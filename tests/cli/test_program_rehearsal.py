"""`--rehearse`: the client a person will trade with, on the exchange's twin, with keys made up for the occasion."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Ended, Program
from tests.support.twin_program import ASKED, SEED, VENUES, each_venue, report_of


def rehearse(folder: Path, venue: str, *flags: str) -> Ended:
    folder.mkdir(exist_ok=True)
    return Program(folder).run("--exchange", venue, "--rehearse", *ASKED, "--seed", str(SEED), "--json", "-", *flags)


def test_a_rehearsal_fills_and_covers_on_every_venue(tmp_path: Path) -> None:
    ended = each_venue(lambda venue: rehearse(tmp_path / venue, venue, "--for", "22s"))
    reports = {venue: report_of(how) for venue, how in ended.items()}
    assert {venue: oddities(venue, report) for venue, report in reports.items()} == {venue: [] for venue in VENUES}
    for venue, how in ended.items():
        assert f"rehearsal: {venue}'s twin on this machine, generated ETH market, seed {SEED}" in how.err
        program = Program(tmp_path / venue)
        bought = sum(Decimal(row["Quantity"]) for row in program.rows(f"{venue}_ETH_rehearsal") if row["Side"] == "buy")
        assert bought == Decimal("0.1") * reports[venue]["entries"]


def oddities(venue: str, report: dict[str, Any]) -> list[str]:
    """Whatever a healthy session's report would not say."""
    expected = {
        "exchange": venue, "ticker": "ETH", "seed": SEED, "duration_s": "22", "halted": False,
        "reason": "the session's time is up", "written_off": "0", "unexplained": "0", "gaps": 0, "funding": "0",
        "covered": report["position"],
    }  # fmt: skip
    odd = [f"{name} {report[name]!r}" for name, value in expected.items() if report[name] != value]
    return odd if report["entries"] >= 1 else [*odd, "no entry"]


def test_a_rehearsal_begins_anew_and_puts_the_last_one_aside(tmp_path: Path) -> None:
    program = Program(tmp_path)
    for _ in range(2):
        assert report_of(rehearse(tmp_path, "backpack", "--for", "1s"))["reason"] == "the session's time is up"
    assert "state/archive/0001_backpack_ETH_rehearsal.sqlite" in program.names()
    assert "state/backpack_ETH_rehearsal.sqlite" in program.names()


@pytest.mark.parametrize(
    "flags, said",
    [
        (("--exchange", "paper"), "--rehearse"),
        (("--exchange", "backpack", "--live"), "--live"),
        (("--exchange", "backpack", "--speed", "max", "--for", "1m"), "--speed max"),
        (("--exchange", "backpack", "--ticker", "NOPE"), "NOPE"),
        (("--exchange", "backpack", "--replay", "none.parquet"), "none.parquet"),
    ],
)
def test_wrong_use_of_a_rehearsal_is_one_line(tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    assert said in Program(tmp_path).run(*flags, "--rehearse").error


@pytest.mark.parametrize(
    "venue, flags, said",
    [
        ("paradex", ("--take-profit", "6"), "every close would be refused; give less than 5"),
        ("aster", ("--max-orders", "200"), "give 199 or less"),
    ],
)
def test_what_the_exchange_would_not_let_rest_is_refused_before_the_first_order(
    tmp_path: Path, venue: str, flags: tuple[str, ...], said: str
) -> None:
    ended = Program(tmp_path).run("--exchange", venue, "--rehearse", "--for", "9s", "--json", "-", *flags)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err.splitlines()[-1]
