"""What a process of a world shows: the log as the program writes it, told to the auditor when the process ends."""

from __future__ import annotations

from collections.abc import Callable

from domain.events import Halted
from domain.market import NANOSECONDS
from domain.status import Notice, NoticeKind
from helpers.clock import VirtualClock
from simulation.auditor import Auditor
from simulation.observed import Said, Shown
from simulation.outputs import ProcessOutputs
from simulation.scribe import Scribe
from simulation.worlds.loop import Life
from tests.support.told import TERMS

START_NS = 1_704_067_200 * NANOSECONDS
SECRET = "canary-0123456789abcdef"


def told_by(work: Callable[[ProcessOutputs, Life], None]) -> list[object]:
    scribe, life = Scribe(Auditor(TERMS), lambda: START_NS), Life(1)
    outputs = ProcessOutputs(scribe, life, VirtualClock(START_NS), [SECRET], 0)
    work(outputs, life)
    outputs.close()
    return [seen for _, seen in scribe.recent]


def test_notices_are_told_as_they_are_and_logged_masked_and_escaped() -> None:
    notice = Notice(START_NS, NoticeKind.ERROR, f"refused: \x1b[2J{SECRET}\nforged line")
    log = "2024-01-01 00:00:00.000+00:00 INFO    error: refused: \\x1b[2J[redacted]\\nforged line\n"
    assert told_by(lambda outputs, _life: outputs.said(notice)) == [Said(notice), Shown("the activity log", log)]


def test_records_are_logged_in_words() -> None:
    log = "2024-01-01 00:00:00.000+00:00 INFO    HALTED: \\x07\n"
    assert told_by(lambda outputs, _life: outputs.saw(1, Halted(START_NS, "\x07"))) == [Shown("the activity log", log)]


def test_a_dead_process_shows_nothing_more() -> None:
    def die_and_speak(outputs: ProcessOutputs, life: Life) -> None:
        life.has_ended = True
        outputs.said(Notice(START_NS, NoticeKind.INFO, "still here"))
        outputs.saw(1, Halted(START_NS, "dead"))

    assert told_by(die_and_speak) == [Shown("the activity log", "")]
