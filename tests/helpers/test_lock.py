from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.lock import AlreadyRunning, LockUnavailable, ProcessLock

REPOSITORY = Path(__file__).resolve().parents[2]
SECOND_PROCESS = """
import sys
from pathlib import Path
from helpers.lock import LockError, ProcessLock
try:
    lock = ProcessLock.acquire(Path(sys.argv[1]))
except LockError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
print("held", flush=True)
sys.stdin.read()
"""


def second_process(journal: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", SECOND_PROCESS, str(journal)],
        cwd=REPOSITORY,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def test_a_second_process_is_refused_with_one_line_that_names_the_first(tmp_path: Path) -> None:
    journal = tmp_path / "paper_BTC.sqlite"
    with ProcessLock.acquire(journal) as lock:
        second = second_process(journal)
        output, errors = second.communicate(timeout=30)
    assert (second.returncode, output) == (2, "")
    assert errors == (
        f"process {os.getpid()} is already trading this account and ticker ({lock.path}); stop it first\n"
    )


def test_a_killed_process_gives_its_lock_back(tmp_path: Path) -> None:
    journal = tmp_path / "paper_BTC.sqlite"
    with second_process(journal) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning) as caught:
            ProcessLock.acquire(journal)
        assert caught.value.pid == other.pid
        other.kill()
        other.wait(timeout=30)
        ProcessLock.acquire(journal).release()


def test_the_same_process_does_not_get_it_twice(tmp_path: Path) -> None:
    journal = tmp_path / "a.sqlite"
    with ProcessLock.acquire(journal), pytest.raises(AlreadyRunning):
        ProcessLock.acquire(journal)
    with ProcessLock.acquire(journal) as again:
        assert again.is_held
    assert not again.is_held


def test_other_tickers_have_their_own_lock(tmp_path: Path) -> None:
    with ProcessLock.acquire(tmp_path / "a.sqlite"), ProcessLock.acquire(tmp_path / "b.sqlite") as other:
        assert other.is_held


def test_release_twice_is_release(tmp_path: Path) -> None:
    lock = ProcessLock.acquire(tmp_path / "a.sqlite")
    lock.release()
    lock.release()


def test_a_strange_text_in_the_lock_is_no_process(tmp_path: Path) -> None:
    journal = tmp_path / "a.sqlite"
    with ProcessLock.acquire(journal) as lock:
        lock.path.write_text("not a number")
        with pytest.raises(AlreadyRunning, match="another process is already trading") as caught:
            ProcessLock.acquire(journal)
    assert caught.value.pid is None


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LockUnavailable, match="check the folder and its permissions"):
        ProcessLock.acquire(tmp_path / "file" / "a.sqlite")


@pytest.mark.skipif(os.name != "posix", reason="no file modes and links of this kind there")
def test_the_lock_is_private_and_never_a_link(tmp_path: Path) -> None:
    journal = tmp_path / "state" / "a.sqlite"
    with ProcessLock.acquire(journal) as lock:
        assert lock.path.stat().st_mode & 0o777 == 0o600
        assert journal.parent.stat().st_mode & 0o777 == 0o700
    lock.path.unlink()
    target = tmp_path / "target"
    target.write_text("precious")
    lock.path.symlink_to(target)
    with pytest.raises(LockUnavailable):
        ProcessLock.acquire(journal)
    assert target.read_text() == "precious"
