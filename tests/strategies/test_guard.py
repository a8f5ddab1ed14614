"""The guard: two agreeing looks, at least two seconds apart. The quantity is 1, so that the limit is 2."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import NANOSECONDS
from strategies.take_profit_grid.guards import Finding, Guard, Look, Verdict, difference


def look(position: str, closes: str, *, own: str | None = None, at_s: str = "0") -> Look:
    at_ns = int(Decimal(at_s) * NANOSECONDS)
    return Look(at_ns, at_ns, Decimal(position), Decimal(closes), Decimal(position if own is None else own))


def verdicts(*looks: Look) -> list[Verdict]:
    guard = Guard(Decimal(1))
    return [guard.observe(each).verdict for each in looks]


AGREES, SUSPECT, MISMATCH, OUTSIDE = Verdict


@pytest.mark.parametrize(
    "position, closes, objects",
    [
        ("0", "0", False),
        ("2", "0", False),
        ("2.0001", "0", True),
        ("5", "3", False),
        ("5", "2.9", True),
        ("3", "5", False),
        ("3", "5.1", True),
        ("-1", "1", False),
        ("-1.5", "1", True),
    ],
)
def test_more_than_two_quantities_between_position_and_closes_is_objected_to(
    position: str, closes: str, objects: bool
) -> None:
    assert bool(difference(look(position, closes), Decimal(1))) is objects


def test_the_objection_says_what_differs() -> None:
    text = "position 5 and resting closes 2 differ by 3, more than 2"
    assert Guard(Decimal(1)).observe(look("5", "2")) == Finding(Verdict.SUSPECT, text)


def test_two_agreeing_looks_two_seconds_apart_are_a_mismatch() -> None:
    assert verdicts(look("5", "2"), look("5", "2", at_s="2")) == [SUSPECT, MISMATCH]


def test_two_looks_too_close_together_are_not_enough() -> None:
    looks = (look("5", "2"), look("5", "2", at_s="1.999999999"), look("5", "2", at_s="2"))
    assert verdicts(*looks) == [SUSPECT, SUSPECT, MISMATCH]


def test_the_two_seconds_lie_between_the_end_of_one_look_and_the_start_of_the_next() -> None:
    slow = Look(0, NANOSECONDS, Decimal(5), Decimal(2), Decimal(5))
    assert verdicts(slow, look("5", "2", at_s="2"), look("5", "2", at_s="3")) == [SUSPECT, SUSPECT, MISMATCH]


def test_a_look_that_finds_nothing_ends_the_suspicion() -> None:
    looks = (look("5", "2"), look("5", "5", at_s="2"), look("5", "2", at_s="4"))
    assert verdicts(*looks) == [SUSPECT, AGREES, SUSPECT]


def test_looks_that_find_different_differences_do_not_agree() -> None:
    looks = (look("5", "2"), look("5", "1", at_s="2"), look("5", "1", at_s="4"))
    assert verdicts(*looks) == [SUSPECT, SUSPECT, MISMATCH]


def test_looks_that_miss_different_quantities_do_not_agree() -> None:
    looks = (look("3", "3", own="5"), look("3", "3", own="4", at_s="2"), look("3", "3", own="4", at_s="4"))
    assert verdicts(*looks) == [SUSPECT, SUSPECT, OUTSIDE]


def test_the_same_difference_agrees_while_closes_fill() -> None:
    assert verdicts(look("5", "2"), look("4", "1", at_s="2")) == [SUSPECT, MISMATCH]


def test_a_failed_look_agrees_with_nothing() -> None:
    guard = Guard(Decimal(1))
    guard.observe(look("5", "2"))
    guard.forget()
    assert guard.observe(look("5", "2", at_s="2")).verdict is SUSPECT


def test_what_two_looks_miss_was_closed_outside() -> None:
    guard = Guard(Decimal(1))
    assert guard.observe(look("3", "3", own="4")) == Finding(SUSPECT)
    assert guard.observe(look("3", "3", own="4", at_s="2")) == Finding(OUTSIDE, quantity=Decimal(1))


def test_a_position_closed_by_hand_is_written_off_whatever_its_size() -> None:
    """The venue trimmed the reduce-only closes with it: position and closes agree, and the guard has no case."""
    guard = Guard(Decimal(1))
    assert guard.observe(look("0", "0", own="5")) == Finding(SUSPECT, "5 of the own position 5 is gone from the venue")
    assert guard.observe(look("0", "0", own="5", at_s="2")) == Finding(OUTSIDE, quantity=Decimal(5))


def test_no_more_than_our_own_is_written_off() -> None:
    assert look("-1", "0", own="1").missing == 1
    assert look("-1", "0", own="0").missing == 0
    assert verdicts(look("-1", "0", own="0")) == [AGREES]


def test_what_was_written_off_is_missing_no_more_and_the_position_stays_what_it_was() -> None:
    assert look("3", "2", own="4").written_off(Decimal(1)) == look("3", "2", own="3")


def test_more_than_our_own_is_somebody_elses() -> None:
    assert look("5", "3", own="3").missing == 0
    assert verdicts(look("5", "3", own="3")) == [AGREES]


def rechecked(*looks: Look | None) -> list[Verdict]:
    """None: a look that failed."""
    guard = Guard(Decimal(1))
    found = []
    for each in looks:
        if each is None:
            guard.forget()
        else:
            found.append(guard.recheck(each).verdict)
    return found


def test_a_halt_is_over_after_two_looks_two_seconds_apart_without_an_objection() -> None:
    looks = (look("5", "2"), look("0", "0", at_s="2"), look("0", "0", at_s="3.9"), look("1", "0", at_s="4"))
    assert rechecked(*looks) == [MISMATCH, SUSPECT, SUSPECT, AGREES]


def test_a_position_that_is_said_to_be_zero_once_ends_no_halt() -> None:
    looks = (look("5", "2"), look("0", "0", at_s="2"), look("5", "2", at_s="4"), look("0", "0", at_s="6"))
    assert rechecked(*looks) == [MISMATCH, SUSPECT, MISMATCH, SUSPECT]


def test_a_failed_look_between_two_that_agree_does_not_end_a_halt() -> None:
    looks = (look("0", "0"), None, look("0", "0", at_s="2"), look("0", "0", at_s="4"))
    assert rechecked(*looks) == [SUSPECT, SUSPECT, AGREES]


def test_what_still_stands_of_a_halt_is_named() -> None:
    text = "position 5 and resting closes 2 differ by 3, more than 2"
    assert Guard(Decimal(1)).recheck(look("5", "2")) == Finding(Verdict.MISMATCH, text)
