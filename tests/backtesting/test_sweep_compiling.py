"""Who compiles: one thread of one process, and what it kept of other sources goes."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from backtesting.sweep.compiled import alone, compiled, make_ready, remove_others

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from backtesting.sweep.compiled import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
print("given back", flush=True)
"""


def doubled(numbers: Any) -> Any:
    return numbers[0] * 2


def test_threads_that_ask_at_once_get_one_compilation() -> None:
    ready: Any = compiled(doubled)
    numbers, together = np.array([21]), threading.Barrier(6)

    def ask(_: int) -> int:
        together.wait()
        make_ready(ready, numbers)
        return int(ready(numbers))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [42] * 6
    assert len(ready.signatures) == 1


def test_where_nothing_compiles_there_is_nothing_to_do() -> None:
    make_ready(doubled, [21])
    assert doubled([21]) == 42


def test_another_process_waits_until_the_folder_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    told: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        def wait() -> None:
            with alone(tmp_path):
                told.append("alone")

        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join(0.3)
        assert told == []
        holder.stdin.close()
        assert holder.stdout.readline() == "given back\n"
        waiter.join(10)
        assert told == ["alone"]


def test_what_other_sources_left_is_removed_unless_somebody_compiles_there(tmp_path: Path) -> None:
    ours, old, busy, foreign = (tmp_path / name for name in ("compiled-a", "compiled-b", "compiled-c", "other"))
    for folder in (ours, old, busy, foreign):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(b"code")
    with alone(busy):
        remove_others(ours)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compiled-a", "compiled-c", "other"]
    assert (busy / "kernel.nbc").read_bytes() == b"code"
    remove_others(ours)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compiled-a", "other"]


def test_a_folder_that_nobody_can_lock_is_used_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with alone(tmp_path / "file" / "folder"):
        assert (tmp_path / "file").read_text() == ""
