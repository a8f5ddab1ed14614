"""What a seed decides: pure, and the mix as it is stated."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

from domain.market import NANOSECONDS
from exchanges.factory import ExchangeFactory
from simulation.faults.catalogue import BY_NAME, FAULTS, KILLS
from simulation.plan import Wanted, draw_plan
from simulation.sheet import SHEET, document, faults_for

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "RELIABILITY.md"
VENUES = ExchangeFactory.venues()
ALL = Wanted(kills=True)


def test_the_same_seed_draws_the_same_plan() -> None:
    assert [draw_plan(seed, ALL, VENUES) for seed in range(50)] == [draw_plan(seed, ALL, VENUES) for seed in range(50)]


def test_in_half_of_the_worlds_a_full_grids_orders_come_in_two_or_three_answers_and_never_long_histories() -> None:
    plans = [draw_plan(seed, ALL, VENUES) for seed in range(1_000)]
    paged = [plan for plan in plans if plan.longest_page is not None]
    assert 430 < len(paged) < 570
    assert {-(-(plan.settings.max_orders + 1) // (plan.longest_page or 1)) for plan in paged} == {2, 3}
    is_long = [plan.longest_history_page is None for plan in paged]
    assert is_long == [plan.length_ns > 3_600 * NANOSECONDS for plan in paged]
    assert {plan.longest_history_page for plan in plans if plan.longest_page is None} == {None}


def test_of_ten_worlds_five_are_papers_and_one_is_each_venues() -> None:
    counted = Counter(draw_plan(seed, ALL, VENUES).exchange for seed in range(1_000))
    assert counted == {"paper": 500, **dict.fromkeys(VENUES, 100)}


def test_lengths_are_twenty_minutes_as_a_rule_and_now_and_then_two_hours_or_a_day() -> None:
    minutes = sorted(draw_plan(seed, ALL, VENUES).length_ns / 60 / NANOSECONDS for seed in range(4_000))
    assert 18 < minutes[2_000] < 22
    assert 150 < sum(length == 120 for length in minutes) < 250
    assert 2 <= sum(length == 1_440 for length in minutes) < 20


def test_each_fault_is_absent_low_or_high_and_quiet_worlds_exist() -> None:
    plans = [draw_plan(seed, ALL, VENUES) for seed in range(1_000)]
    assert sum(not plan.rates for plan in plans) > 80
    for fault in FAULTS:
        drawn = Counter(plan.rates.get(fault.name, 0.0) for plan in plans)
        assert set(drawn) == {0.0, fault.low, fault.high}, fault.name


def test_only_what_was_wanted_can_strike() -> None:
    plans = [draw_plan(seed, Wanted(faults=("answer_lost",)), VENUES) for seed in range(100)]
    assert {name for plan in plans for name in plan.rates} == {"answer_lost"}


def test_killing_is_asked_for_by_itself() -> None:
    without = {name for seed in range(100) for name in draw_plan(seed, Wanted(faults=()), VENUES).rates}
    with_kills = {name for seed in range(100) for name in draw_plan(seed, Wanted(faults=(), kills=True), VENUES).rates}
    assert (without, with_kills) == (set(), set(KILLS))


def test_another_venue_or_length_changes_nothing_else() -> None:
    drawn, moved = draw_plan(3, Wanted(exchange="paper"), VENUES), draw_plan(3, Wanted(exchange=VENUES[0]), VENUES)
    assert (drawn.settings.quantity, drawn.latency_ns, drawn.length_ns) == (
        moved.settings.quantity,
        moved.latency_ns,
        moved.length_ns,
    )
    assert draw_plan(3, Wanted(hours=Decimal(2)), VENUES).length_ns == 7_200 * NANOSECONDS


def test_every_entry_of_the_catalogue_has_a_fault_or_a_reason() -> None:
    assert list(SHEET) == list(range(1, 83))
    assert [number for number, entry in SHEET.items() if not (faults_for(number) or entry.elsewhere)] == []


def test_every_fault_stands_for_something_and_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS)
    assert [fault.name for fault in FAULTS if not fault.covers or not set(fault.covers) <= set(SHEET)] == []


def test_the_document_prints_the_catalogue_as_it_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.partition("<!-- table begins -->\n")[2].partition("<!-- table ends -->")[0] == document()
