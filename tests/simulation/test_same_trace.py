"""S18: the same seed gives the same trace on every Python of this machine, and whatever the machine does meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pythons import ROOT, candidates, traces, traces_on, usable

HOURS = "0.1"
PROGRAM = """
import sys
from decimal import Decimal
from exchanges.factory import ExchangeFactory
from simulation.plan import Wanted
from simulation.runner import run_seed
for seed in range(60, 63):
    print(run_seed(seed, Wanted(hours=Decimal("0.1"), kills=True), ExchangeFactory.venues()).trace, flush=True)
"""


def test_the_same_seed_gives_the_same_trace_on_every_python() -> None:
    others = usable(candidates())
    if not others:
        pytest.skip("no other Python here has what the bot needs; make pythons makes environments for those there are")
    expected = traces(1, HOURS)
    assert {version: traces_on(python, 1, HOURS) for version, python in others.items()} == dict.fromkeys(
        others, expected
    )


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="whether a process stands still is read in /proc")
def test_a_pause_of_the_machine_changes_no_trace() -> None:
    with _worlds() as undisturbed:
        expected, _ = undisturbed.communicate()
    assert len(expected.split()) == 3
    with _worlds() as paused:
        assert paused.stdout is not None
        first = paused.stdout.readline()  # From now on it is in the middle of the second world, or of beginning it.
        for _ in range(20):
            paused.send_signal(signal.SIGSTOP)
            _wait_until_stopped(paused.pid)
            paused.send_signal(signal.SIGCONT)
        rest, _ = paused.communicate()
    assert first + rest == expected


def _worlds() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def _wait_until_stopped(pid: int) -> None:
    """The kernel says so in the third word of its line; a name in brackets comes before."""
    stat = Path(f"/proc/{pid}/stat")
    while (state := stat.read_text().rpartition(")")[2].split()[0]) != "T":
        assert state != "Z", "it has ended before it could be stopped"
