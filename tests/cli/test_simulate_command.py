"""`runbot.py simulate` as a program: what it prints, how it ends, what it refuses, and how it goes on later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIMULATE = [sys.executable, str(ROOT / "runbot.py"), "simulate"]


def simulated(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SIMULATE, *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_a_few_worlds_end_in_a_table_and_status_0() -> None:
    done = simulated("--seeds", "0:4", "--hours", "0.05", "--exchange", "paper", "--jobs", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "worlds          4 (paper 4; shorter 4)" in done.stdout
    assert "violations      none" in done.stdout


def test_json_on_standard_output_is_alone_there() -> None:
    quiet = ["--hours", "0.05", "--exchange", "paper", "--faults", "none", "--jobs", "2"]
    done = simulated("--seeds", "1:3", *quiet, "--json", "-")
    report = json.loads(done.stdout)
    assert (done.returncode, report["worlds"], report["seeds"], report["violations"]) == (0, 2, [1, 3], {})
    assert report["flags"] == "--exchange paper --hours 0.05 --faults none"


def test_totals_are_kept_and_gone_on_with(tmp_path: Path) -> None:
    flags = ["--hours", "0.05", "--exchange", "paper", "--jobs", "1", "--keep", str(tmp_path / "kept")]
    simulated("--seeds", "0:2", *flags)
    done = simulated("--seeds", "0:3", *flags)
    assert "worlds          3 (paper 3; shorter 3)" in done.stdout
    assert "for 1 worlds" in done.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "--seeds"),
        (["--seeds", "5"], "is no range of seeds"),
        (["--seeds", "5:5"], "holds no seed"),
        (["--seeds", "0:9", "--faults", "answer_lots"], "Did you mean answer_"),
        (["--seeds", "0:9", "--exchange", "papr"], "Did you mean paper?"),
        (["--seeds", "0:9", "--hours", "-1"], "must be above 0"),
        (["--seeds", "0:9", "--jobs", "0"], "whole number from 1"),
        (["--seeds", "0:9", "--for", "soon"], "is not a duration"),
        (["--seeds", "0:9", "--json", "/nowhere/at/all.json"], "does not exist"),
        (["--seeds", "0:9", "--frobnicate"], "unrecognized"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments: list[str], said: str) -> None:
    done = simulated(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_says_what_was_done() -> None:
    arguments = ["--seeds", "0:100000", "--hours", "0.05", "--exchange", "paper", "--jobs", "1"]
    command = [*SIMULATE, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not _is_busy(program.pid):
            time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=30)
    assert "interrupted after" in out
    assert "Traceback" not in out + err
    assert program.returncode == 0


def _is_busy(pid: int) -> bool:
    """Whether it has used two seconds of a processor: its imports are done."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > 2
