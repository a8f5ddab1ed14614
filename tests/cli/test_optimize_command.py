"""`runbot.py optimize` as a user runs it: one line for what is wrong, an early end, and two processes that share."""

from __future__ import annotations

import io
import json
import signal
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from backtesting.optimize.storage import open_storage
from commands.optimize import optimize
from commands.progress import ProgressBar
from commands.session import Surroundings
from commands.usage import UsageError
from tests.support.program import Program, Running
from tests.support.recordings import SECOND
from tests.support.searching import candle_files, tick_files

SPACE = "take_profit=0.02:1,wait_time=2:60"
SETTINGS = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.1", "--wait-time", "20", "--max-orders", "5")
LIKE = "write it like 2024-08-08 or 2024-08-08T23:55"
FLAGS = (*SETTINGS, "--space", SPACE, "--walk-forward", "1", "--trials", "3")


def run(*arguments: str) -> tuple[int, str, str]:
    """In this process: the exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings({}, out, err, lambda: 0, lambda: 0.0, lambda: 0, lambda: "", is_attended=False)
    return optimize(arguments, around), out.getvalue(), err.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as error:
        run(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def ticks(tmp_path: Path) -> str:
    return ",".join(map(str, tick_files(tmp_path, 300)))


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Without the compiler, whose first run takes longer than all of these."""
    return Program(tmp_path, {"NUMBA_DISABLE_JIT": "1"})


def finished_trials(database: Path) -> int:
    with closing(sqlite3.connect(database)) as storage:
        [(count,)] = storage.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'")
    assert isinstance(count, int)
    return count


def test_a_search_tells_what_it_found_in_words_json_and_a_page(tmp_path: Path) -> None:
    [file] = candle_files(tmp_path, 100)
    target, page = tmp_path / "found.json", tmp_path / "found.html"
    outputs = ("--json", str(target), "--html", str(page), "--draws", "2")
    status, out, err = run("--data", str(file), *FLAGS, *outputs, "--jobs", "1")
    found = json.loads(target.read_text())
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert f"  --take-profit {found['found']['take_profit']} --wait-time {found['found']['wait_time']}" in lines
    assert "OUT-OF-SAMPLE" in out
    assert f"{file.name}: sha256 {sha256(file.read_bytes()).hexdigest()}" in lines
    assert any(line.startswith(("INSIDE THE NOISE: ", "BETTER: ", "WORSE: ", "NOTHING FOUND: ")) for line in lines)
    assert found["folds"][0]["settings"] == found["found"]
    assert "The search" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["candles.parquet", "found.html", "found.json"]


def test_the_same_search_finds_the_same_on_any_number_of_threads(ticks: str) -> None:
    told = [run("--data", ticks, *FLAGS, "--jobs", jobs, "--json", "-")[1] for jobs in ("1", "2")]
    assert told[0] == told[1]
    assert json.loads(told[0])["trials"] == 3


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ((), "optimize needs a recorded market: --data FILE[,FILE]; see runbot.py optimize --help"),
        (("--data", "a.csv"), 'optimize needs a space: --space "take_profit=0.01:0.5,wait_time=30:900"; see runbot.py'),
        (
            ("--data", "a.csv", "--space", "take_profit=0.5:0.01"),
            "--space: take_profit=0.5:0.01 has its low above its high; write take_profit=0.01:0.5",
        ),
        (
            ("--data", "a.csv", "--space", "latency=1:2"),
            "--space: latency cannot be searched; the settings that can: take_profit, wait_time, max_orders",
        ),
        (("--data", "none.csv", "--space", SPACE), "none.csv is not a file that can be read; check the path given to"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    assert refused(*arguments).startswith(complaint)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--objective", "sharpe"), "--objective sharpe does not exist; give net, drawdown or volume."),
        (("--sampler", "gird"), "--sampler gird does not exist; give tpe, grid or random. Did you mean grid?"),
        (("--trials", "0"), "--trials 0 is out of range; give a whole number from 1 to 1000000"),
        (("--walk-forward", "0"), "--walk-forward 0 is out of range; give a whole number from 1 to 50"),
        (("--jobs", "0"), "--jobs 0 is out of range; give a whole number from 1 to 256"),
        (("--draws", "1"), "--draws 1 is out of range; give a whole number from 2 to 1000"),
        (("--max-wear", "2"), "--max-wear bounds the cost of --objective volume; give both, or leave it out"),
        (("--for", "2h"), "--for has no meaning for optimize; leave it out"),
        (("--speed", "3"), "--speed has no meaning for optimize; leave it out"),
        (("--to", "2024-13-01"), f"--to 2024-13-01 is not in the calendar; {LIKE} (UTC)"),
        (("--html", "/dev/fd/none.html"), "--html /dev/fd/none.html cannot be written; choose another place"),
        (("--json", "none/a"), "--json none/a: the folder none does not exist; create it"),
        (("--html", "/"), "--html / is a folder; name a file in it"),
        (("--json", "a.csv"), "--json a.csv is the file of --data; name another"),
        (("--json", "x", "--html", "x"), "--html x is the file of --json; name another"),
        (("--maker-fee", "300"), "--maker-fee 300 is not a fee; give percent of the traded value, like 0.05"),
        (("--latency-ms", "-1"), "--latency-ms -1 is out of range; give milliseconds from 0 to 5000"),
    ],
)
def test_what_is_wrong_with_a_flag_is_said_before_the_data_are_read(
    arguments: tuple[str, ...], complaint: str
) -> None:
    assert refused("--data", "a.csv", "--space", SPACE, *arguments) == complaint


def test_a_part_of_the_data_is_searched_alone_and_is_another_search(tmp_path: Path) -> None:
    [file] = candle_files(tmp_path, 100)
    whole = ("--data", str(file), *FLAGS, "--jobs", "1", "--draws", "2", "--storage", f"sqlite:///{tmp_path}/search.db")
    part = (*whole, "--from", "2023-11-14T22:30", "--to", "2023-11-14T23:30")
    status, out, err = run(*part, "--json", "-")
    [fold] = json.loads(out)["folds"]
    assert status == 0
    assert "part: 2023-11-14 22:30:05 to 2023-11-14 23:29:59 UTC" in err
    assert "fold 1: searched 2023-11-14 22:30:05 to" in err
    assert fold["best_out_of_sample"]["to_ns"] == 1_700_004_600 * SECOND
    assert "another data file" in refused(*whole)
    assert refused(*whole, "--from", "2030-01-01").startswith("no data for --from 2030-01-01 00:00:00: the files hold ")


def test_what_does_not_fit_the_market_is_said_before_anything_is_run(tmp_path: Path, ticks: str) -> None:
    data = ("--data", ticks, *SETTINGS)
    assert refused(*data, "--space", SPACE, "--walk-forward", "50").startswith("the data cover ")
    assert refused(*data, "--space", "take_profit=0.0001:1").startswith("--space: take_profit 0.0001 ")
    address = f"sqlite:///{tmp_path}/none/search.db"
    assert refused(*data, "--space", SPACE, "--storage", address).startswith(f"--storage {address}: the folder ")


def test_a_storage_with_another_data_file_or_other_settings_is_refused(tmp_path: Path, ticks: str) -> None:
    address = f"sqlite:///{tmp_path}/search.db"
    assert run("--data", ticks, *FLAGS, "--storage", address)[0] == 0
    (tmp_path / "other").mkdir()
    others = ",".join(map(str, tick_files(tmp_path / "other", seed=9)))
    told = refused("--data", others, *FLAGS, "--storage", address)
    assert told.startswith(f"--storage {address} holds a search with another data file (bbo.parquet sha256 ")
    told = refused("--data", ticks, *FLAGS, "--storage", address, "--latency-ms", "7")
    assert told.startswith(f"--storage {address} holds a search with another fixed setting (quantity 0.01, ")


def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(program: Program, tmp_path: Path, ticks: str) -> None:
    address = f"sqlite:///{tmp_path}/search.db"
    flags = ("optimize", "--data", ticks, *FLAGS, "--storage", address, "--trials")
    with program.started(*flags, "100000") as running:
        running.line_with("fold 1: searched ")
        until_trials(running, tmp_path / "search.db")
        running.signal(signal.SIGINT)
        ended = running.end()
    assert (ended.status, ended.err) == (0, "")
    told = ended.out.splitlines()
    done = finished_trials(tmp_path / "search.db")
    assert told[-4] == "interrupted"
    assert told[-3].startswith(f"fold 1: {done} of 100,000 trials, best in-sample so far ")
    assert told[-1] == f"kept in {address}; the same command goes on from there"
    again = program.run(*flags, str(done + 1))
    assert again.status == 0, again
    assert f"going on: the storage holds {done:,} of {done + 1:,} trials" in again.out
    assert finished_trials(tmp_path / "search.db") == done + 1


def until_trials(running: Running, database: Path) -> None:
    """Once a trial is done; the process is watched, so that this ends."""
    while running.process.poll() is None:
        if finished_trials(database):
            return
    raise AssertionError(running.end())


@pytest.mark.parametrize("kind", ["sqlite:///{}/search.db", "journal:{}/search.log"])
def test_two_processes_share_one_search(program: Program, tmp_path: Path, ticks: str, kind: str) -> None:
    address = kind.format(tmp_path)
    flags = ("optimize", "--data", ticks, *FLAGS, "--storage", address, "--trials", "16", "--json")
    with program.started(*flags, "one.json") as one, program.started(*flags, "two.json") as two:
        ended = [one.end(), two.end()]
    assert [(each.status, each.err) for each in ended] == [(0, ""), (0, "")]
    folds = [program.report(name)["folds"][0] for name in ("one.json", "two.json")]
    trials = [fold["trials"] for fold in folds]
    # Each of them looked at all that were done when enough were; a batch of the other may still have been under way.
    kept = kept_trials(address)
    assert 16 <= min(trials) <= max(trials) == len(kept) <= 16 + 8
    assert [(trial.number, trial.state) for trial in kept] == [(n, TrialState.COMPLETE) for n in range(len(kept))]
    assert len({str(trial.user_attrs) for trial in kept}) == len(kept)
    if trials[0] == trials[1]:
        assert folds[0] == folds[1]
    again = [run(*flags[1:-1], "--json", "-") for _ in range(2)]
    assert again[0] == again[1]
    assert json.loads(again[0][1])["folds"][0]["trials"] == len(kept)
    assert kept_trials(address) == kept


def kept_trials(address: str) -> list[FrozenTrial]:
    """Of the only fold, by number."""
    [fold] = [study for study in optuna.get_all_study_summaries(open_storage(address)) if study.study_name != "search"]
    return optuna.load_study(study_name=fold.study_name, storage=open_storage(address)).get_trials()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_has_a_rate_and_the_time_left() -> None:
    screen, now = Terminal(), iter([0.0, 5.0, 5.0])
    bar = ProgressBar(screen, "runs", lambda: next(now))
    bar.show(0.25, 50)
    assert screen.getvalue() == "\r[######..................]  25 %  10 runs/s  15s left"
