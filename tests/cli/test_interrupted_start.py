"""An interrupt at any turn of a session's event loop: every task has an owner, and what is said is true."""

from __future__ import annotations

from pathlib import Path

from tests.support.interrupted import Interrupted, run_interrupted

ASKED = (
    "--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.02", "--wait-time", "20", "--seed", "7",
    "--speed", "max", "--for", "30s",
)  # fmt: skip


def story(ended: Interrupted) -> tuple[int | None, bool, bool]:
    """Its status, whether there was a report, and whether the exchange ever got an order."""
    return ended.status, "\nentries " in ended.out, ended.orders > 0


def test_an_interrupt_at_any_turn_of_the_loop_leaves_no_task_and_says_the_truth(tmp_path: Path) -> None:
    whole = run_interrupted(tmp_path / "whole", (), *ASKED)
    assert (story(whole), whole.complaints) == ((0, True, True), [])
    stories = []
    for turn in range(1, whole.turns + 1):
        ended = run_interrupted(tmp_path / str(turn), (turn,), *ASKED)
        assert (ended.err, ended.complaints) == ("", []), f"interrupted at turn {turn}"
        stories.append(story(ended))
    # First it never ran; then it ran and sent nothing; then it traded. Each is told as what it was.
    assert list(dict.fromkeys(stories)) == [(None, False, False), (0, True, False), (0, True, True)]


def test_a_second_interrupt_at_any_turn_leaves_no_task_and_lists_what_is_open(tmp_path: Path) -> None:
    turns = run_interrupted(tmp_path / "whole", (), *ASKED).turns
    statuses = set()
    for turn in range(1, turns, 3):
        ended = run_interrupted(tmp_path / str(turn), (turn, turn + 1), *ASKED)
        assert (ended.err, ended.complaints) == ("", []), f"interrupted at turns {turn} and {turn + 1}"
        assert (ended.status == 3) == ("not confirmed: own position" in ended.out)
        assert ended.status is not None or ended.orders == 0
        statuses.add(ended.status)
    assert statuses == {None, 0, 3}
