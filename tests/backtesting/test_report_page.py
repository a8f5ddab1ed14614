"""The page for a browser: its numbers are the JSON's, nothing is asked of anybody, and foreign words stay words."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from backtesting import BacktestResult, BacktestSettings, open_data, run_backtest
from backtesting.report import Section, html_of, table, write_html
from backtesting.session import SessionResult, read_session
from domain.events import Fill, JournalBegan, Liquidity, OrderIntended, Part, Record, SessionEnded, SessionStarted
from domain.market import Side
from domain.orders import Purpose
from tests.support.pages import Page, read_page
from tests.support.paper_sessions import random_candles, random_ticks
from tests.support.recordings import NOON, SECOND, write

D = Decimal
COLUMNS = ("entries", "exits", "volume_quote", "grid_profit", "open_position", "funding", "fees", "result", "wear_bps")
HOSTILE = "</script></style><img src=https://evil.example onerror=alert(1)>&amp;\"'"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[BacktestResult, ...]:
    """A backtest of candles over weeks with fees and funding, and one of ticks."""
    folder, chance = tmp_path_factory.mktemp("data"), Random(8)
    hours = range(-1, 1_200)
    dates = [NOON // SECOND + hour * 3_600 for hour in hours]
    funding = write(folder / "funding.csv", {"date": dates, "funding_rate": [0.000125 for _ in hours]})
    bars = write(folder / "candles.parquet", random_candles(chance, 30_000))
    bbo, prints = random_ticks(chance, 2_000)
    ticks = [write(folder / "bbo.parquet", bbo), write(folder / "trades.parquet", prints)]
    small = BacktestSettings("BTC", quantity=D("0.05"), maker_fee_rate=D("0.0002"))
    settings = replace(small, take_profit=D("0.3"), wait_time=D(900), max_orders=9, maker_fee_rate=D(0))
    charged = replace(small, take_profit=D("0.05"), wait_time=D(1))
    return (
        run_backtest(open_data([bars], ticker="BTC", funding=funding), settings),
        run_backtest(open_data(ticks, ticker="BTC"), charged),
    )


def session_of(result: BacktestResult) -> SessionResult:
    """The same run as its journal tells it."""
    return read_session(result.records, name="paper_BTC.sqlite", journal_mark="1:00")


def machine(value: object) -> str:
    return "" if value is None else str(value)


def assert_numbers_equal(page: Page, told: dict[str, Any]) -> None:
    assert len(page.numbers) > 25
    for key, (value, shown) in page.numbers.items():
        name = key.removeprefix("all.")
        assert value == machine(told[name]), key
        places = 8 if key.startswith("all.") else 4
        rounded = D(value).quantize(D(1).scaleb(-places), ROUND_HALF_EVEN) if value else None
        assert shown == "none" if rounded is None else D(shown.replace(",", "").replace("\u2212", "-")) == rounded
    for key in ("days", "months"):
        _, *rows, foot = page.rows[key]
        assert rows == [[machine(row[name]) for name in ("name", *COLUMNS)] for row in told[key]]
        assert foot == ["In total", *(machine(told[name]) for name in COLUMNS)]


@pytest.mark.parametrize("index", [0, 1])
def test_every_number_of_the_page_is_that_of_the_json(results: tuple[BacktestResult, ...], index: int) -> None:
    for result in (results[index], session_of(results[index])):
        page = read_page(html_of(result))
        assert_numbers_equal(page, json.loads(result.to_json()))
        assert page.unclosed == []


def test_days_and_months_add_up_to_the_whole_to_the_last_digit(results: tuple[BacktestResult, ...]) -> None:
    told = json.loads(results[0].to_json())
    assert (len(told["days"]), len(told["months"])) == (37, 2)
    for key in ("days", "months"):
        sums = [sum((D(row[name]) for row in told[key]), D(0)) for name in COLUMNS[:-1]]
        assert sums == [D(told[name]) for name in COLUMNS[:-1]]
        for row in told[key]:
            parts = D(row["grid_profit"]) + D(row["open_position"]) + D(row["funding"]) - D(row["fees"])
            assert D(row["result"]) == parts
    assert any(D(row["funding"]) for row in told["days"])


def test_the_page_tells_settings_data_version_and_how_it_ended(results: tuple[BacktestResult, ...]) -> None:
    result = results[0]
    words = read_page(html_of(result)).words
    for name in ("take profit, %", "0.3", "candles.parquet", "funding.csv", "version of strategy and matching", "seed"):
        assert name in words
    for file in (*result.data.files, result.data.funding):
        assert file is not None
        assert f"sha256 {file.sha256}" in words
    assert "Ended: the recorded market has ended." in words
    assert "The clock leapt over them" in words


def test_the_page_shows_every_picture_with_words_for_who_cannot_see_it(results: tuple[BacktestResult, ...]) -> None:
    page = read_page(html_of(results[0]))
    figures = [attributes["id"] for tag, attributes in page.elements if tag == "figure"]
    assert figures == ["equity", "drawdown", "price", "ladder", "position", "wear", "costs", "daily"]
    told = [attributes for tag, attributes in page.elements if attributes.get("role") == "img" and tag == "svg"]
    assert len(told) == len(figures)
    assert all(len(each["aria-label"]) > 20 for each in told)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.attributes("href")} <= set(ids)


def test_the_page_asks_for_nothing_and_allows_only_what_is_in_it(results: tuple[BacktestResult, ...]) -> None:
    html = html_of(results[1])
    page = read_page(html)
    policy = next(each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    style, (_, script) = page.blocks["style"][0], page.blocks["script"]

    def digest(content: str) -> str:
        return "sha256-" + b64encode(hashlib.sha256(content.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {"style", "src", "srcset", "xlink:href"} & names
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html.replace("http-equiv", ""))


def test_foreign_words_stay_words() -> None:
    records = (
        JournalBegan(0, 1, D(0), "TradingConfig(nothing='known')" + HOSTILE),
        SessionStarted(0, HOSTILE),
        SessionEnded(60 * SECOND, 1, HOSTILE),
    )
    session = read_session(records, name=HOSTILE, journal_mark=HOSTILE, market=HOSTILE)
    page = read_page(html_of(session, [Section(HOSTILE, table("own", HOSTILE, [HOSTILE], [["1"]]), "own-part")]))
    assert page.unclosed == []
    assert {tag for tag, _ in page.elements} & {"img", "iframe", "object"} == set()
    assert len(page.blocks["script"]) == 2
    assert len(page.blocks["style"]) == 1
    assert page.words.count(HOSTILE) >= 6


def test_a_session_that_traded_nothing_has_a_page() -> None:
    records = (JournalBegan(0, 1, D(0), ""), SessionStarted(0, ""))
    session = read_session(records, name="a.sqlite", journal_mark="2:00")
    page = read_page(html_of(session))
    assert (page.numbers["result"], page.numbers["wear_bps"]) == (("0", "0"), ("", "none"))
    assert page.rows["days"][1:] == [["In total", "0", "0", "0", "0", "0", "0", "0", "0", ""]]
    assert "runs still, or was killed" in page.words


def test_parts_of_a_callers_own_stand_after_the_headline(tmp_path: Path, results: tuple[BacktestResult, ...]) -> None:
    target = tmp_path / "page.html"
    own = Section("Trials", table("trials", "All", ["No.", "Cost"], [["1", "2.5"]]), "my-part")
    write_html(results[1], target, [own])
    page = read_page(target.read_text(encoding="utf-8"))
    assert page.rows["trials"] == [["No.", "Cost"], ["1", "2.5"]]
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "section"]
    assert sections[:3] == ["headline", "my-part", "over-time"]


def test_a_page_of_years_with_many_trades_stays_small() -> None:
    chance, at_ns = Random(3), 0
    records: list[Record] = []
    for entry in range(8_000):
        price = 100 + 40 * chance.random()
        opened, closed = D(f"{price:.2f}"), D(f"{price * 1.01:.2f}")
        for side, purpose, at in ((Side.BUY, Purpose.OPEN, opened), (Side.SELL, Purpose.CLOSE, closed)):
            at_ns += chance.randint(1, 5_000) * SECOND
            client_id, is_open = 2 * entry + (purpose is Purpose.CLOSE), purpose is Purpose.OPEN
            parts = () if is_open else (Part(entry, D(1)),)
            records.append(OrderIntended(at_ns, client_id, purpose, side, at, D(1), entry if is_open else None, parts))
            at_ns += chance.randint(1, 5_000) * SECOND
            trade = str(client_id)
            records.append(Fill(at_ns, client_id, trade, trade, side, at, D(1), D("0.01"), Liquidity.MAKER, at_ns))
    session = read_session(records, name="a.sqlite", journal_mark="1:00")
    page = html_of(session)
    assert len(session.history.fills) == 16_000
    assert len(json.loads(session.to_json())["days"]) > 800
    assert len(page) < 1_500_000
    assert "The last 400 of" in page


# --- colours --------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_letters_and_lines_stand_out_in_light_in_dark_and_on_paper(results: tuple[BacktestResult, ...]) -> None:
    """WCAG 2.2 AA: 4.5 for letters, 3 for what a picture needs to be understood."""
    style = read_page(html_of(results[1])).blocks["style"][0]
    schemes = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{([^}]*)\}", style)]
    assert len(schemes) == 3
    for colours in schemes:
        for ground in ("paper", "panel"):
            for letters in ("ink", "ink-2", "fall", "gain", "open"):
                assert contrast(colours[letters], colours[ground]) >= 4.5, (letters, ground)
        for line in ("price", "open", "close", "fall", "gain", "other"):
            assert contrast(colours[line], colours["paper"]) >= 3, line
