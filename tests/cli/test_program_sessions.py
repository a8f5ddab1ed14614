"""Whole sessions from the outside: what repeats, what is archived, and whether the money adds up."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.events import SessionEnded
from domain.market import NANOSECONDS
from helpers.journal import SqliteJournal
from markets.generator import GeneratedMarket
from markets.instruments import find_instrument
from markets.ledger import Ledger
from markets.venue import SimulatedVenue
from tests.support.program import Program, signed_quantity

BTC = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.05", "--wait-time", "60")
FAST = ("--seed", "7", "--speed", "max")
LATENCY_NS = NANOSECONDS // 20
VIRTUAL_START_NS = 1_704_067_200 * NANOSECONDS


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A session over a funding payment, with fees, that ends with closes resting. Only read it."""
    program = Program(tmp_path_factory.mktemp("traded"))
    ended = program.run(*BTC, *FAST, "--for", "500m", "--maker-fee", "0.01", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    return program


def number(report: dict[str, Any], key: str) -> Decimal:
    return Decimal(report[key])


# --- money ----------------------------------------------------------------------------------------------------------


def test_the_report_agrees_with_the_books_of_the_exchange_to_the_last_digit(traded: Program) -> None:
    report, books = traded.report(), traded.ledger()
    assert books.fills > 20
    assert books.funding != 0
    assert number(report, "position") == books.position > 0
    assert number(report, "fees") == books.fees > 0
    assert number(report, "funding") == books.funding
    assert number(report, "volume_quote") == books.volume


def test_the_reported_result_is_the_change_of_the_account_s_equity(traded: Program) -> None:
    """The account is opened again, at the moment the session ended, and valued by the exchange's own arithmetic."""
    with closing(SqliteJournal.open(traded.file("state", "paper_BTC.sqlite"))) as journal:
        last = [record for _, record in journal.replay()][-1]
    assert isinstance(last, SessionEnded)
    source = GeneratedMarket(find_instrument("BTC"), 7, VIRTUAL_START_NS, Decimal("0.0001"), Decimal("0.0005"))
    report = traded.report()
    path = traded.file("state", "paper_BTC.ledger.sqlite")
    with closing(Ledger.open(path, source.identity, terms := _terms(path), 0)) as ledger:
        venue = SimulatedVenue(source, terms, ledger)
        while venue.now_ns < last.at_ns - LATENCY_NS:  # what the bot saw had been under way for the latency
            venue.advance(last.at_ns - LATENCY_NS)
        gained = venue.equity_at_mid() - terms.balance
    reported = sum(number(report, key) for key in ("realized_pnl", "unrealized_pnl", "funding"))
    assert reported - number(report, "fees") == gained


def _terms(path: Path) -> Any:
    identity = Ledger.stored_identity(path)
    assert identity is not None
    with closing(Ledger.open(path, identity, None, 0)) as ledger:  # type: ignore[arg-type] # an account that exists
        return ledger.terms


def test_the_cost_of_volume_is_what_the_other_figures_say(traded: Program) -> None:
    report = traded.report()
    result = sum(number(report, key) for key in ("realized_pnl", "unrealized_pnl", "funding")) - number(report, "fees")
    exact = -result / number(report, "volume_quote") * 10_000
    assert abs(number(report, "wear_bps") - exact) <= Decimal("0.00005")


def test_the_position_is_covered_and_nothing_halted(traded: Program) -> None:
    report = traded.report()
    assert number(report, "covered") == number(report, "position")
    assert (report["halted"], report["duration_s"]) == (False, "30000")


def test_the_trade_file_tells_each_trade_once_and_adds_up(traded: Program) -> None:
    rows, books = traded.rows(), traded.ledger()
    trades = [row for row in rows if row["TradeID"]]
    assert len(trades) == len({row["TradeID"] for row in trades}) == books.fills
    assert sum(map(signed_quantity, rows)) == books.position
    assert sum(Decimal(row["Fee"]) for row in trades) == books.fees


def test_an_order_is_filled_once_in_the_trade_file(traded: Program) -> None:
    rows = traded.rows()
    filled = Counter(row["OrderID"] for row in rows if row["Status"] == "FILLED")
    assert set(filled.values()) == {1}
    by_sell = {row["OrderID"] for row in rows if row["Side"] == "sell" and row["Status"] == "FILLED"}
    assert len(by_sell) == traded.report()["exits"]


def test_the_trade_file_begins_with_the_columns_people_know(traded: Program) -> None:
    with traded.file("logs", "paper_BTC_orders.csv").open(newline="") as lines:
        header, first, *_ = csv.reader(lines)
    assert header[:6] == ["Timestamp", "OrderID", "Side", "Quantity", "Price", "Status"]
    assert header[6:] == ["TradeID", "ClientID", "Fee", "Role"]
    assert first[0].startswith("2024-01-01T08:0")
    assert first[0].endswith("+08:00")


def test_flatten_leaves_nothing_and_pays_for_it(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "30m", "--on-stop", "flatten", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    report, books = program.report(), program.ledger()
    assert (report["position"], report["covered"], report["open_closes"]) == ("0", "0", 0)
    assert books.position == 0 < books.fees
    assert number(report, "realized_pnl") + number(report, "funding") == books.flow + books.funding
    assert number(report, "unrealized_pnl") == 0
    assert [row["Role"] for row in program.rows()][-1] == "taker"


def test_cancel_takes_the_closes_back_and_keeps_the_position(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "30m", "--on-stop", "cancel", "--json", "out.json")
    report = program.report()
    assert (ended.status, report["covered"], report["open_closes"]) == (0, "0", 0)
    assert number(report, "position") == program.ledger().position > 0


def test_a_selling_bot_mirrors_a_buying_one(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "30m", "--direction", "sell", "--json", "out.json")
    report = program.report()
    assert ended.status == 0
    assert number(report, "position") == program.ledger().position < 0
    assert number(report, "covered") == -number(report, "position")


def test_boost_ends_flat_without_a_wait(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "5m", "--boost", "--json", "out.json")
    report, books = program.report(), program.ledger()
    assert ended.status == 0
    assert report["exits"] >= 5
    assert books.position == number(report, "position")
    assert abs(books.position) <= Decimal("0.01")


def test_a_stop_price_ends_the_session_and_says_so(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "5m", "--stop-price", "50000", "--json", "out.json")
    report = program.report()
    assert ended.status == 0
    assert (report["entries"], "stop price" in report["reason"]) == (0, True)


# --- repetition -----------------------------------------------------------------------------------------------------


def outputs(program: Program) -> dict[str, str]:
    names = ("out.json", "logs/paper_BTC_orders.csv", "logs/paper_BTC_activity.log")
    return {name: program.file(name).read_text() for name in names}


def test_the_same_seed_gives_the_same_files_again_in_the_same_folder(program: Program) -> None:
    asked = (*BTC, *FAST, "--for", "1h", "--json", "out.json")
    said = program.run(*asked)
    first = outputs(program)
    assert (said.status, first["logs/paper_BTC_orders.csv"].count("FILLED") > 10) == (0, True)
    assert program.run(*asked) == said
    assert outputs(program) == first


@pytest.mark.skipif(not os.environ.get("LONG_TESTS"), reason="takes up to a minute: set LONG_TESTS=1")
def test_a_day_gives_the_same_files_again_and_ends_covered(program: Program) -> None:
    asked = (*BTC, *FAST, "--exchange", "paper", "--for", "24h", "--json", "out.json")
    said = program.run(*asked)
    first, report = outputs(program), program.report()
    assert (said.status, said.err, report["halted"]) == (0, "", False)
    assert abs(number(report, "covered") - abs(number(report, "position"))) < Decimal("0.001")
    assert program.run(*asked) == said
    assert outputs(program) == first


def test_a_seed_gives_the_same_trades_at_every_speed(program: Program, tmp_path: Path) -> None:
    asked = (*BTC, "--seed", "7", "--for", "10m", "--json", "out.json")
    assert program.run(*asked, "--speed", "max").status == 0
    at_full_speed = program.rows(), program.report()
    assert program.run(*asked, "--speed", "400").status == 0
    assert (program.rows(), program.report()) == at_full_speed


def test_another_seed_is_another_market(program: Program) -> None:
    seeds = {}
    for seed in ("1", "2"):
        program.run(*BTC, "--seed", seed, "--speed", "max", "--for", "10m", "--json", "out.json")
        seeds[seed] = program.rows()
    assert seeds["1"] != seeds["2"]


def test_a_drawn_seed_is_printed_and_gives_the_session_again(program: Program) -> None:
    said = program.run(*BTC, "--speed", "max", "--for", "10m", "--json", "out.json")
    (seed,) = [line.removeprefix("seed: ") for line in said.out.splitlines() if line.startswith("seed: ")]
    first = outputs(program)
    program.run(*BTC, "--seed", seed, "--speed", "max", "--for", "10m", "--json", "out.json")
    assert outputs(program) == first


# --- the report's way out -------------------------------------------------------------------------------------------


def test_a_report_on_standard_output_is_alone_there(program: Program) -> None:
    ended = program.run(*BTC, *FAST, "--for", "10m", "--json", "-")
    assert ended.status == 0
    assert json.loads(ended.out)["ticker"] == "BTC"
    assert "market: generated BTC market, seed 7" in ended.err


def test_a_report_file_is_exchanged_as_a_whole(program: Program) -> None:
    """What an earlier reader has open stays whole: the new report is another file of the same name."""
    report = program.file("out.json")
    report.write_text("an earlier report")
    with report.open() as opened_before:
        assert program.run(*BTC, *FAST, "--for", "1m", "--json", "out.json").status == 0
        assert opened_before.read() == "an earlier report"
    assert program.report()["duration_s"] == "60"
    assert [name for name in program.names() if "out.json" in name] == ["out.json"]


def test_a_report_that_has_nowhere_to_go_is_said_before_anything_is_traded(program: Program) -> None:
    program.file("nowhere").symlink_to("missing/out.json")
    ended = program.run(*BTC, *FAST, "--for", "1m", "--json", "nowhere")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "error: --json nowhere cannot be written; choose another place\n"


def test_a_report_that_cannot_be_written_after_all_is_said_and_the_session_is_not_lost(program: Program) -> None:
    folder = program.file("results")
    folder.mkdir()
    asked = (*BTC, "--seed", "7", "--speed", "30", "--for", "1m", "--json", "results/out.json")
    with program.started(*asked) as running:
        running.line_with("market:")
        folder.rmdir()
        ended = running.end()
    assert ended.status == 2
    assert ended.err.startswith("error: the report cannot be written to results/out.json: ")
    assert "entries 3, exits 0" in ended.out


def test_a_reader_that_leaves_early_stops_nothing(program: Program) -> None:
    with program.started(*BTC, "--seed", "7", "--speed", "200", "--for", "5m", "--json", "out.json") as running:
        running.line_with("market:")
        assert running.process.stdout is not None
        running.process.stdout.close()
        assert running.process.wait(30) == 0
        assert running.process.stderr is not None
        assert running.process.stderr.read() == ""
    assert program.report()["duration_s"] == "300"


# --- one account after another --------------------------------------------------------------------------------------


def test_an_ended_session_is_archived_under_the_next_number(program: Program) -> None:
    reports = []
    for _ in range(3):
        assert program.run(*BTC, *FAST, "--for", "10m", "--json", "out.json").status == 0
        reports.append(program.report())
    assert reports[0] == reports[1] == reports[2]
    assert {name for name in program.names() if "archive/" in name} == {
        f"{folder}/archive/{number}_paper_BTC{name}"
        for number in ("0001", "0002")
        for folder, name in (
            ("state", ".sqlite"),
            ("state", ".ledger.sqlite"),
            ("logs", "_orders.csv"),
            ("logs", "_activity.log"),
        )
    }


def test_accounts_are_numbered_apart(program: Program) -> None:
    for _ in range(2):
        assert program.run(*BTC, *FAST, "--for", "1m").status == 0
    other = {"ACCOUNT_NAME": "b"}
    for _ in range(2):
        assert program.run(*BTC, *FAST, "--for", "1m", environment=other).status == 0
    archived = {name for name in program.names() if name.startswith("state/archive/")}
    assert archived == {
        f"state/archive/0001_{stem}{name}"
        for stem in ("paper_BTC", "paper_BTC_b")
        for name in (".sqlite", ".ledger.sqlite")
    }


def test_a_liquidated_account_halts_with_the_reason_in_the_last_line(program: Program) -> None:
    """Ten entries at once on hardly any money: the market need not move far."""
    asked = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "1", "--wait-time", "4", "--max-orders", "40")
    ended = program.run(*asked, *FAST, "--for", "6h", "--balance", "40", "--leverage", "200", "--json", "out.json")
    report = program.report()
    assert (ended.status, report["halted"]) == (1, True)
    assert "liquidation" in report["reason"]
    assert ended.out.splitlines()[-1] == f"halted: {report['reason']}"
