from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Record
from domain.market import Side
from helpers.journal import JournalUnwritable, MemoryJournal
from helpers.trade_csv import TradeCsv, TradeCsvUnwritable, safe_text
from tests.support.records import closing, opened, trade

SHANGHAI = timezone(timedelta(hours=8))
HEADER = "Timestamp,OrderID,Side,Quantity,Price,Status,TradeID,ClientID,Fee,Role\n"
SECOND = 1_000_000_000
HISTORY: tuple[Record, ...] = (
    opened(1, "0.1", entry=1),
    trade(1, "0.04", "100", trade_id="a", venue_ns=SECOND),
    trade(1, "0.06", "100", trade_id="b", venue_ns=2 * SECOND, fee="0.001"),
    closing(2, (1, "0.1")),
    trade(2, "0.1", "101", side=Side.SELL, trade_id="c", venue_ns=3 * SECOND),
)
ROWS = (
    "1970-01-01T08:00:01.000+08:00,o1,buy,0.04,100,PARTIALLY_FILLED,a,1,0,maker\n",
    "1970-01-01T08:00:02.000+08:00,o1,buy,0.06,100,FILLED,b,1,0.001,maker\n",
    "1970-01-01T08:00:03.000+08:00,o2,sell,0.1,101,FILLED,c,2,0,maker\n",
)


class Bot:
    """A journal and the CSV beside it, as the bot holds them."""

    def __init__(self, path: Path, journal: MemoryJournal | None = None, tz: tzinfo = SHANGHAI) -> None:
        self.journal = journal or MemoryJournal()
        self.csv = TradeCsv.open(path, tz, self.journal)
        for seq, record in self.journal.replay():
            self.csv.saw(seq, record)

    def lives(self, records: Iterable[Record]) -> None:
        for record in records:
            self.csv.saw(self.journal.append([record], sync=False), record)


def test_each_trade_is_a_row_and_the_last_of_its_order_says_filled(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "logs" / "paper_BTC_orders.csv")
    bot.lives(HISTORY)
    bot.csv.close()
    bot.csv.close()
    assert (tmp_path / "logs" / "paper_BTC_orders.csv").read_text() == HEADER + "".join(ROWS)


def test_nothing_is_written_before_a_flush_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    bot = Bot(path)
    bot.lives(HISTORY[:2])
    assert path.read_text() == ""
    bot.csv.flush()
    bot.csv.flush()
    assert path.read_text() == HEADER + ROWS[0]
    bot.lives(HISTORY[2:])
    bot.csv.flush()
    assert path.read_text() == HEADER + "".join(ROWS)
    assert bot.csv.trouble is None


def test_a_full_batch_is_written_without_a_flush(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    bot = Bot(path)
    bot.lives([opened(1, "1000", entry=1), *(trade(1, "1", "100", trade_id=str(number)) for number in range(300))])
    assert len(path.read_text().splitlines()) == 1 + 256


def test_a_forced_trade_is_a_row_without_a_client_id(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "a.csv", tz=UTC)
    forced = trade(None, "0.5", "80", side=Side.SELL, forced=True, order_id="liq", fee="-0.25")
    bot.lives([forced, forced])
    bot.csv.close()
    assert (tmp_path / "a.csv").read_text() == (
        HEADER + "1970-01-01T00:00:00.000+00:00,liq,sell,0.5,80,PARTIALLY_FILLED,t1,,-0.25,maker\n"
    )


def test_a_venue_time_that_is_none_gives_way_to_our_own(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "a.csv", tz=UTC)
    for number, venue_ns in enumerate((0, -5, 2**70)):
        bot.lives([opened(number, "1", entry=1), trade(number, "1", "9", at_ns=SECOND, venue_ns=venue_ns)])
    bot.csv.close()
    times = [line.split(",")[0] for line in (tmp_path / "a.csv").read_text().splitlines()[1:]]
    assert times == ["1970-01-01T00:00:01.000+00:00"] * 3


def test_large_and_small_numbers_are_written_plainly(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "a.csv")
    intent, fill = opened(1, "1E+3", entry=1), trade(1, "1E+3", "1E-7", fee="0E-9")
    bot.lives([intent, fill])
    bot.csv.close()
    assert ",buy,1000,0.0000001,FILLED,t1,1,0,maker\n" in (tmp_path / "a.csv").read_text()


@pytest.mark.parametrize(
    "text, safe",
    [
        ("abc-1", "abc-1"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        (" =1", "' =1"),
        ("\t=1", "\\t=1"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_a_venues_text_is_harmless_in_a_spreadsheet(text: str, safe: str) -> None:
    assert safe_text(text) == safe


def test_a_venues_text_cannot_make_a_row(tmp_path: Path) -> None:
    bot = Bot(tmp_path / "a.csv")
    bot.lives([opened(1, "1", entry=1), trade(1, "1", "100", order_id='x",\n=2,', trade_id="a,b")])
    bot.csv.close()
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[1].split(",", 1)[1] == '"x"",\\n=2,",buy,1,100,FILLED,"a,b",1,0,maker'


steps = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["go on", "flush", "killed", "killed in a flush"]), st.integers(0, 300)
    ),
    max_size=8,
)


@given(steps)
def test_every_row_stands_once_whenever_the_process_was_killed(life: list[tuple[int, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, journal = Path(folder) / "a.csv", MemoryJournal()
        name = f"trade_csv {path.resolve()}"
        left = list(HISTORY)
        bot = Bot(path, journal)
        for count, then, cut in life:
            bot.lives(left[:count])
            del left[:count]
            noted = journal.note(name)
            assert noted is not None
            if then != "go on" and then != "killed":
                bot.csv.flush()
            if then == "killed in a flush":
                # Some bytes of the rows reached the file, and the note did not.
                journal.write_note(name, noted)
                os.truncate(path, min(path.stat().st_size, int(noted.split()[1]) + cut))
            if then.startswith("killed"):
                bot = Bot(path, journal)
        bot.lives(left)
        bot.csv.close()
        assert path.read_text() == HEADER + "".join(ROWS)
        assert [each.name for each in path.parent.iterdir()] == ["a.csv"]


def test_a_new_journal_goes_on_in_the_file_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for _ in range(2):
        bot = Bot(path)
        bot.lives(HISTORY)
        bot.csv.close()
    assert path.read_text() == HEADER + "".join(ROWS) * 2


def test_an_edited_file_is_set_aside_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    bot = Bot(path)
    bot.lives(HISTORY[:3])
    bot.csv.close()
    edited = path.read_text().replace("0.04", "0.05")
    path.write_text(edited)
    (tmp_path / "a.csv.1").write_text("an older one")
    again = Bot(path, bot.journal)
    again.lives(HISTORY[3:])
    again.csv.close()
    assert path.read_text() == HEADER + "".join(ROWS)
    assert (tmp_path / "a.csv.2").read_text() == edited
    assert (tmp_path / "a.csv.1").read_text() == "an older one"


@pytest.mark.parametrize("content", ["Timestamp,OrderID,Side,Quantity,Price,Status\n", HEADER + "torn", "x"])
def test_a_file_of_another_kind_is_set_aside(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    bot = Bot(path)
    bot.lives(HISTORY)
    bot.csv.close()
    assert path.read_text() == HEADER + "".join(ROWS)
    assert (tmp_path / "a.csv.1").read_text() == content


@pytest.mark.parametrize("length", [None, 0, 100])
def test_a_lost_or_shortened_file_is_written_anew(tmp_path: Path, length: int | None) -> None:
    path = tmp_path / "a.csv"
    bot = Bot(path)
    bot.lives(HISTORY)
    bot.csv.close()
    if length is None:
        path.unlink()
    else:
        os.truncate(path, length)
    Bot(path, bot.journal).csv.close()
    assert path.read_text() == HEADER + "".join(ROWS)


def test_a_cursor_that_is_none_is_no_cursor(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    bot = Bot(path)
    bot.lives(HISTORY)
    bot.csv.close()
    for nonsense in ("", "1 2", "x y z", "-1 0 0", "99 99999999 1"):
        bot.journal.write_note(f"trade_csv {path.resolve()}", nonsense)
        Bot(path, bot.journal).csv.close()
        assert path.read_text() == HEADER + "".join(ROWS)


class FullJournal(MemoryJournal):
    """A journal whose disk can be full."""

    is_full = False

    def write_note(self, name: str, text: str) -> None:
        if self.is_full:
            raise JournalUnwritable("cannot write the journal: disk full")
        super().write_note(name, text)


def test_a_cursor_that_cannot_be_noted_is_noted_later_and_loses_nothing(tmp_path: Path) -> None:
    path, journal = tmp_path / "a.csv", FullJournal()
    bot = Bot(path, journal)
    journal.is_full = True
    bot.lives(HISTORY[:3])
    bot.csv.flush()
    assert bot.csv.trouble == "the state of the trade CSV cannot be noted: cannot write the journal: disk full"
    journal.is_full = False
    killed = Bot(path, journal)
    killed.lives(HISTORY[3:])
    killed.csv.flush()
    assert (killed.csv.trouble, path.read_text()) == (None, HEADER + "".join(ROWS))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tests.helpers.test_trade_csv import HEADER, HISTORY, ROWS, Bot
from tests.support.records import opened, trade
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
bot = Bot(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
bot.lives(HISTORY)
bot.csv.flush()
assert bot.csv.trouble == "trades wait to be written to the CSV file: File too large", bot.csv.trouble
assert path.read_text() == ""
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
bot.csv.flush()
assert (bot.csv.trouble, path.read_text()) == (None, HEADER + "".join(ROWS))
resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
bot.lives([opened(9, "100000", entry=9)])
bot.lives(trade(9, "1", "100", trade_id=str(number)) for number in range(10_005))
assert bot.csv.trouble.endswith("too many to keep waiting: they are written at the next start"), bot.csv.trouble
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
bot.csv.close()
assert path.read_text() == HEADER + "".join(ROWS)
Bot(path, bot.journal).csv.close()
lines = path.read_text().splitlines(keepends=True)
assert (lines[:4], len(lines)) == ([HEADER, *ROWS], 4 + 10_005)
print("survived")
"""


@pytest.mark.skipif(os.name != "posix", reason="no limits of this kind there")
def test_a_full_disk_never_raises_and_no_row_is_lost_or_torn(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.csv")],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("survived\n", "")


def test_a_path_that_cannot_be_is_one_clear_line_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TradeCsvUnwritable, match="check the folder and its permissions"):
        Bot(tmp_path / "file" / "a.csv")


@pytest.mark.skipif(os.name != "posix", reason="no links of this kind there")
def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "a.csv").symlink_to(tmp_path / "target")
    with pytest.raises(TradeCsvUnwritable):
        Bot(tmp_path / "a.csv")
    assert (tmp_path / "target").read_text() == "precious"
