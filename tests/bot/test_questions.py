"""When one order is asked about again."""

from __future__ import annotations

from bot.questions import Question
from domain.market import NANOSECONDS


def asked(tries: int, *, lacks_trades_only: bool) -> tuple[Question, list[float]]:
    """A question asked again each time it was due; and the pauses, in seconds."""
    question, pauses = Question(0), []
    for _ in range(tries):
        now_ns = question.due_ns
        question.begin_try(now_ns, lacks_trades_only=lacks_trades_only)
        pauses.append((question.due_ns - now_ns) / NANOSECONDS)
    return question, pauses


def test_what_an_order_has_become_is_asked_every_ten_seconds_at_the_latest() -> None:
    question, pauses = asked(9, lacks_trades_only=False)
    assert pauses == [0.5, 1, 2, 3, 3, 3, 3, 10, 10]
    assert not question.is_patient


def test_trades_that_do_not_appear_are_asked_for_after_pauses_that_double_up_to_an_hour() -> None:
    question, pauses = asked(17, lacks_trades_only=True)
    assert pauses == [0.5, 1, 2, 3, 3, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600]
    assert question.is_patient


def test_a_cancel_of_an_order_whose_trades_do_not_appear_waits_for_no_long_pause() -> None:
    question, _ = asked(15, lacks_trades_only=True)
    soon_ns = question.due_ns - 3_000 * NANOSECONDS
    question.bring_forward(soon_ns)
    question.bring_forward(soon_ns - NANOSECONDS)
    assert (question.due_ns, question.is_patient) == (soon_ns, False)


def test_what_was_asked_keeps_its_pause_whoever_wants_it_sooner() -> None:
    question, _ = asked(8, lacks_trades_only=False)
    due_ns = question.due_ns
    question.bring_forward(due_ns - NANOSECONDS)
    assert question.due_ns == due_ns
