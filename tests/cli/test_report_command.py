"""`runbot.py report`: a session's result from its journal, while it runs and after; and what cannot be told."""

from __future__ import annotations

import io
import json
import shutil
import signal
from pathlib import Path

import pytest

from commands.report import report
from commands.session import Surroundings
from commands.usage import UsageError
from tests.support.pages import read_page
from tests.support.program import Program

FLAGS = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.05", "--wait-time", "20", "--seed", "7")


def run(*arguments: str) -> tuple[int, str, str]:
    """In this process: the exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings({}, out, err, lambda: 0, lambda: 0.0, lambda: 0, lambda: "", is_attended=False)
    return report(arguments, around), out.getvalue(), err.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as error:
        run(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a paper session that ended."""
    folder = tmp_path_factory.mktemp("paper")
    ended = Program(folder).run(*FLAGS, "--speed", "max", "--for", "5h", "--maker-fee", "0.01", "--json", "out.json")
    assert ended.status == 0, ended
    return folder


@pytest.fixture
def state(paper: Path, tmp_path: Path) -> Path:
    """A copy of its state, to be damaged."""
    return Path(shutil.copytree(paper / "state", tmp_path / "state"))


def test_an_ended_paper_session_is_told_as_it_told_itself(paper: Path, tmp_path: Path) -> None:
    page, numbers = tmp_path / "page.html", tmp_path / "out.json"
    before = {path.name: path.read_bytes() for path in (paper / "state").iterdir()}
    status, out, err = run(
        "--ticker", "BTC", "--state-dir", str(paper / "state"), "--html", str(page), "--json", str(numbers)
    )
    told, reported = json.loads(numbers.read_text()), json.loads((paper / "out.json").read_text())
    assert (status, err) == (0, "")
    same = set(reported) - {"duration_s", "unrealized_pnl", "wear_bps"}  # The last price and moment are the exchange's.
    assert {key: told[key] for key in same} == {key: reported[key] for key in same}
    assert told["seed"] == 7
    shown = read_page(page.read_text(encoding="utf-8")).numbers
    assert [shown[key][0] for key in ("result", "fees", "wear_bps")] == [told["result"], told["fees"], told["wear_bps"]]
    assert f"result {told['result']} = grid profit {told['grid_profit']} + open position" in out
    assert {path.name: path.read_bytes() for path in (paper / "state").iterdir()} == before


def test_a_journal_is_found_by_its_path_and_its_json_stands_alone(paper: Path) -> None:
    status, out, err = run(str(paper / "state" / "paper_BTC.sqlite"), "--json", "-", "--price", "61000.5")
    told = json.loads(out)
    assert (status, told["mark_price"], told["mark"]) == (0, "61000.5", "the price given")
    assert err.startswith("paper_BTC.sqlite: 2024-01-01 00:00:00 to 2024-01-01 05:00:0")


def test_without_the_exchanges_books_the_last_own_trade_is_the_price(state: Path) -> None:
    (state / "paper_BTC.ledger.sqlite").unlink()
    _, out, _ = run(str(state / "paper_BTC.sqlite"), "--json", "-")
    assert json.loads(out)["mark"] == "the last own trade"
    (state / "paper_BTC.ledger.sqlite").write_bytes(b"no books at all" * 100)
    _, out, _ = run(str(state / "paper_BTC.sqlite"), "--json", "-")
    assert json.loads(out)["mark"] == "the last own trade"


def test_a_running_bot_is_told_of_and_not_disturbed(tmp_path: Path) -> None:
    program = Program(tmp_path)
    with program.started(*FLAGS, "--speed", "60", "--json", "out.json") as running:
        running.line_with("open filled", times=2)
        ended = program.run("report", "--ticker", "BTC", "--html", "page.html", "--json", "now.json")
        running.signal(signal.SIGINT)
        bot = running.end()
    assert (ended.status, ended.err) == (0, "")
    assert bot.status == 0, bot
    now, final = program.report("now.json"), program.report()
    assert now["runs"][0]["exit_status"] is None
    assert now["entries"] <= final["entries"]
    assert "runs still, or was killed" in read_page(program.file("page.html").read_text(encoding="utf-8")).words


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (("--state-dir", "none"), "there is no journal none/paper_ETH.sqlite; run the bot first, or give the path of"),
        (("none.sqlite",), "there is no journal none.sqlite; run the bot first, or give the path of a journal"),
        (("a.sqlite", "--ticker", "BTC"), "--ticker and the path of a journal name two of them; leave one out"),
        (("--exchange", "nowhere"), "--exchange nowhere is not known; there are "),
        (("--ticker", "../x"), "ticker '../X' cannot be in a file name"),
        (("--price", "0"), "--price 0 must be above 0"),
        (("--html", "none/page.html"), "--html none/page.html: the folder none does not exist; create it"),
        (("--json", "/"), "--json / is a folder; name a file in it"),
        (("--html", "x", "--json", "x"), "--json x is the file of --html; name another"),
        (("a.sqlite", "--html", "a.sqlite"), "--html a.sqlite is the journal itself; name another"),
        (("--htm", "x"), "unrecognized arguments: --htm"),
        (("--html",), "argument --html: expected one argument; see runbot.py report --help"),
        (("--env-file", "none.env"), "none.env"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused(*arguments)


def test_other_journals_of_the_folder_are_named_where_the_one_asked_for_is_missing(paper: Path) -> None:
    assert f"there are paper_BTC.sqlite in {paper / 'state'}" in refused("--state-dir", str(paper / "state"))


def test_a_damaged_journal_is_refused_and_nothing_is_written(state: Path, tmp_path: Path) -> None:
    journal = state / "paper_BTC.sqlite"
    journal.write_bytes(journal.read_bytes()[:20_000])
    told = refused(str(journal), "--html", str(tmp_path / "page.html"))
    assert told.startswith(f"the journal {journal} is damaged: ")
    assert not (tmp_path / "page.html").exists()
    journal.write_bytes(b"")
    assert refused(str(journal)) == f"the journal {journal} holds no records yet"


def test_an_old_page_stays_whole_when_the_new_one_cannot_be_written(paper: Path) -> None:
    program = Program(paper)
    ended = program.run("report", "--ticker", "BTC", "--html", "/dev/full")
    assert ended.status == 2
    assert ended.err == "error: the report cannot be written to /dev/full: No space left on device\n"
