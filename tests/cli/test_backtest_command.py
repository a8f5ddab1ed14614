"""`runbot.py backtest` as a user runs it: its files, its one line for what is wrong, and an early end."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from commands.backtest import backtest
from commands.backtest_options import COMMAND
from commands.progress import ProgressBar, progress_line
from commands.recorded_flags import build_parser
from commands.session import Surroundings
from commands.usage import UsageError
from helpers.trade_csv import COLUMNS
from tests.support.paper_sessions import random_candles
from tests.support.program import Program
from tests.support.recordings import write

SETTINGS = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.1", "--wait-time", "60")


@pytest.fixture
def candle_file(tmp_path: Path) -> Path:
    return write(tmp_path / "candles.parquet", random_candles(Random(4), 400))


def run(*arguments: str) -> tuple[int, str, str]:
    """In this process: the exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings({}, out, err, lambda: 0, lambda: 0.0, lambda: 0, lambda: "", is_attended=False)
    return backtest(arguments, around), out.getvalue(), err.getvalue()


def test_a_backtest_writes_its_report_its_trades_and_a_picture(tmp_path: Path, candle_file: Path) -> None:
    program = Program(tmp_path)
    outputs = ("--json", "-", "--csv", "trades.csv", "--plot", "picture.png")
    ended = program.run("backtest", "--data", candle_file.name, *SETTINGS, *outputs)
    assert ended.status == 0, ended
    report: dict[str, Any] = json.loads(ended.out)
    with program.file("trades.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    traded = [row for row in rows if row["TradeID"]]
    volume = sum((Decimal(row["Quantity"]) * Decimal(row["Price"]) for row in traded), Decimal(0))
    assert tuple(rows[0]) == COLUMNS
    assert (len(traded), volume) == (report["fills"], Decimal(report["volume_quote"]))
    assert len(traded) > 20
    assert program.file("picture.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert f"result {report['result']} = grid profit {report['grid_profit']}" in ended.err
    assert "sha256 " + report["data"]["files"][0]["sha256"] in ended.err
    visible = {name for name in program.names() if not name.startswith(".")}  # matplotlib keeps a cache of fonts
    assert visible == {"candles.parquet", "trades.csv", "picture.png"}


def test_the_report_in_a_file_has_the_keys_of_a_session_first(tmp_path: Path, candle_file: Path) -> None:
    target = tmp_path / "out.json"
    status, out, err = run("--data", str(candle_file), *SETTINGS, "--json", str(target))
    report = json.loads(target.read_text())
    assert (status, err) == (0, "")
    assert list(report)[:4] == ["exchange", "ticker", "seed", "duration_s"]
    assert (report["complete"], report["reason"], report["version"]) == (True, "the recorded market has ended", "1")
    assert report["settings"]["take_profit"] == "0.1"
    assert report["settings"]["latency_ns"] == 50_000_000
    assert out.splitlines()[-1].startswith("3,")
    assert "gap: nothing from" in out


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as error:
        run(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ((), "backtest needs a recorded market: --data FILE[,FILE]; see runbot.py backtest --help"),
        (("--data", "none.csv"), "none.csv is not a file that can be read; check the path given to --data"),
        (("--data", "a.csv", "--replay", "b.csv"), "backtest takes its recorded market with --data; see"),
        (("--data", "a.csv", "--speed", "3"), "--speed has no meaning for backtest; leave it out"),
        (("--data", "a.csv", "--take-profits", "3"), "unknown flag --take-profits; see runbot.py backtest --help. Did"),
        (("--data", "a.csv", "b.csv"), "unexpected argument b.csv; every value follows its flag"),
        (("--data", "a.csv", "--from"), "--from needs a value; see runbot.py backtest --help"),
        (("--data", "a.csv", "--from", "soon"), "--from soon is no day or moment; write it like 2024-08-08"),
        (("--data", "a.csv", "--maker-fee", "300"), "--maker-fee 300 is not a fee; give percent of the traded value"),
        (("--data", "a.csv", "--latency-ms", "-1"), "--latency-ms -1 is out of range; give milliseconds from 0 to"),
        (("--data", "a.csv", "--plot", "picture.jpg"), "--plot picture.jpg is no PNG; name a file that ends in .png"),
        (("--data", "a.csv", "--csv", "none/trades.csv"), "--csv none/trades.csv: the folder none does not exist"),
        (("--data", "a.csv", "--json", "/"), "--json / is a folder; name a file in it"),
        (("--data", "a.csv", "--csv", "a.csv"), "--csv a.csv is the file of --data; name another"),
        (("--data", "a.csv", "--csv", "x", "--json", "x"), "--csv x is the file of --json; name another"),
        (("--data", "a.csv", "--funding", ""), "--funding (empty) is not a path"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    told = refused(*arguments)
    assert told.startswith(complaint)
    assert "\n" not in told


def test_a_time_without_data_and_funding_of_another_time_are_refused(tmp_path: Path, candle_file: Path) -> None:
    data = ("--data", str(candle_file), *SETTINGS)
    assert refused(*data, "--from", "2030-01-01").startswith("no data for --from 2030-01-01 00:00:00: the files hold ")
    funding = write(tmp_path / "funding.csv", {"date": [1_600_000_000, 1_600_003_600], "funding_rate": [0.0, 0.0]})
    assert " covers 2020-09-13 12:26:40 to 2020-09-13 13:26:40 UTC, and " in refused(*data, "--funding", str(funding))


def test_settings_that_cannot_trade_there_are_refused(candle_file: Path) -> None:
    told = refused("--data", str(candle_file), "--ticker", "BTC", "--quantity", "0.0001")
    assert told == "--quantity 0.0001 is below the minimum of BTC; give 0.001 or more"


def test_an_output_that_cannot_be_written_is_said_before_the_data_are_read(tmp_path: Path) -> None:
    """The data are not even there: had they been looked for, that would be the complaint."""
    told = refused("--data", "none.csv", "--csv", str(tmp_path / "none" / "trades.csv"))
    assert told.startswith("--csv ")


def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    write(tmp_path / "candles.parquet", random_candles(Random(4), 60_000))
    program = Program(tmp_path)
    with program.started(
        "backtest", "--data", "candles.parquet", *SETTINGS, "--json", "out.json", "--csv", "trades.csv"
    ) as running:
        running.line_with("running; Ctrl-C ends it early")
        running.signal(signal.SIGINT)
        ended = running.end()
    assert ended.status == 0, ended
    report = program.report()
    assert (report["reason"], report["complete"]) == ("stopped by Ctrl-C", False)
    assert "the data were not run to their end: only up to " in ended.out
    assert program.file("trades.csv").exists()


def test_every_flag_of_the_command_is_in_the_operating_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "OPERATING.md").read_text(encoding="utf-8")
    flags = set(re.findall(r"--[a-z][a-z-]*", build_parser(COMMAND).format_help()))
    assert {"--data", "--from", "--quantity"} <= flags
    assert {flag for flag in flags if not re.search(rf"{flag}(?![a-z-])", guide)} == set()


# --- progress -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "share, count, elapsed_s, line",
    [
        (0.0, 0, 0.0, "[........................]   0 %"),
        (0.25, 500_000, 2.0, "[######..................]  25 %  250,000 rows/s  6s left"),
        (1.0, 10, 100.0, "[########################] 100 %  0 rows/s  0s left"),
    ],
)
def test_the_bar_tells_share_rate_and_time_left(share: float, count: int, elapsed_s: float, line: str) -> None:
    assert progress_line(share, count, elapsed_s, "rows") == line


def drawn(stream: io.StringIO, clock: Callable[[], float]) -> str:
    bar = ProgressBar(stream, "rows", clock)
    for done in range(1, 5):
        bar.show(done / 4, done)
    bar.close()
    return stream.getvalue()


def test_the_bar_is_drawn_on_a_terminal_only_and_taken_away() -> None:
    moments = iter((0.0, 1.0, 1.05, 2.0, 3.0))
    lines = drawn(Terminal(), lambda: next(moments)).split("\r")
    assert [line[:30].rstrip() for line in lines] == [
        "",
        "[######..................]  25",
        "[##################......]  75",
        "[########################] 100",
        "",
        "",
    ]
    assert drawn(io.StringIO(), lambda: 0.0) == ""
