"""A session read from its journal tells what the session itself reported."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from backtesting import open_data
from backtesting.session import Run, SessionResult, Valuation, read_session
from domain.events import (
    ClosedOutside,
    Fill,
    FundingPayment,
    HaltCleared,
    Halted,
    JournalBegan,
    Liquidity,
    OrderIntended,
    OwnFound,
    Part,
    Record,
    SessionEnded,
    SessionStarted,
)
from domain.market import Side
from domain.orders import Purpose
from tests.support.paper_sessions import paper_run, random_candles, random_ticks
from tests.support.recordings import SECOND, write

D = Decimal
START = 1_700_000_000 * SECOND
SETTINGS = (
    "TradingConfig(ticker='BTC', contract_id='BTC-PERP', quantity=Decimal('2'), direction=<Side.BUY: 'buy'>, "
    "max_orders=40, exchange='paper', boost_mode=False)"
)
KNOWN = ("exchange", "ticker", "entries", "exits", "open_closes", "position", "max_position", "covered", "volume_quote",
         "fees", "funding", "realized_pnl", "halted", "reason", "written_off", "unexplained")  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_paper_journal_tells_what_the_session_reported(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    if seed == 2:
        files = [write(tmp_path / "candles.parquet", random_candles(chance, 500))]
    else:
        bbo, prints = random_ticks(chance, 1_500)
        files = [write(tmp_path / "bbo.parquet", bbo), write(tmp_path / "trades.parquet", prints)]
    flags = ["--ticker", "BTC", "--quantity", "0.05", "--take-profit", "0.05", "--wait-time", "2"]
    flags += ["--maker-fee", "0.02", *(["--direction", "sell"] if seed == 3 else [])]
    paper = paper_run(open_data(files, ticker="BTC"), flags, tmp_path)
    told = json.loads(read_session(paper.records, name="a.sqlite", journal_mark="1:00").to_json())
    reported = json.loads(paper.report)
    assert {key: told[key] for key in KNOWN} == {key: reported[key] for key in KNOWN}
    assert told["fills"] > 5
    assert told["settings"]["direction"] == ("sell" if seed == 3 else "buy")


def intended(client_id: int, purpose: Purpose, side: Side, price: str, entry: int) -> OrderIntended:
    is_open = purpose is Purpose.OPEN
    parts = () if is_open else (Part(entry, D(2)),)
    return OrderIntended(START, client_id, purpose, side, D(price), D(2), entry if is_open else None, parts)


def filled(client_id: int, side: Side, price: str, second: int) -> Fill:
    at_ns = START + second * SECOND
    order, trade = f"o{client_id}", f"t{client_id}"
    return Fill(at_ns, client_id, order, trade, side, D(price), D(2), D("0.5"), Liquidity.MAKER, at_ns)


BEGINNING: tuple[Record, ...] = (JournalBegan(START, 1, D(0), SETTINGS), SessionStarted(START, SETTINGS))
TRADED: tuple[Record, ...] = (
    *BEGINNING,
    intended(1, Purpose.OPEN, Side.BUY, "100", 1),
    filled(1, Side.BUY, "100", 10),
    intended(2, Purpose.CLOSE, Side.SELL, "110", 1),
    filled(2, Side.SELL, "110", 20),
    intended(3, Purpose.OPEN, Side.BUY, "108", 2),
    filled(3, Side.BUY, "108", 30),
    FundingPayment(START + 40 * SECOND, "f1", D("-0.25")),
    SessionEnded(START + 60 * SECOND, 0, "asked to"),
)


def read(*records: Record, valuation: Valuation | None = None) -> SessionResult:
    return read_session(records, name="a.sqlite", journal_mark="1:00", valuation=valuation)


def test_what_is_open_is_valued_at_the_last_own_trade_unless_a_better_price_is_known() -> None:
    own, told = read(*TRADED), read(*TRADED, valuation=Valuation(D(90), "the price given"))
    assert (own.mark, own.last_mark, own.result) == ("the last own trade", D(108), D("18.25"))  # 20 - 3 x 0.5 - 0.25
    assert (told.mark, told.last_mark, told.result) == ("the price given", D(90), D("-17.75"))
    assert [sample.equity for sample in told.samples] == [D("-0.5"), D(19), D("18.5"), D("18.25"), D("-17.75")]
    assert told.max_drawdown == D("36.75")
    assert told.samples[-1].equity == told.result


def test_starts_of_the_bot_are_told_with_how_they_ended() -> None:
    again = SessionStarted(START + 70 * SECOND, SETTINGS)
    killed = (*TRADED, again, Halted(START + 80 * SECOND, "mismatch"), SessionStarted(START + 90 * SECOND, SETTINGS))
    session = read(*killed)
    assert session.runs == (
        Run(START, START + 60 * SECOND, 0, "asked to"),
        Run(START + 70 * SECOND, START + 80 * SECOND, None, ""),
        Run(START + 90 * SECOND, START + 90 * SECOND, None, ""),
    )
    assert (session.report.duration_s, session.report.halted) == (D(70), True)
    assert not read(*killed, HaltCleared(START + 95 * SECOND, "gone")).report.halted


def test_what_somebody_else_closed_changes_no_result() -> None:
    before, after = read(*TRADED), read(*TRADED, ClosedOutside(START + 61 * SECOND, D(2)))
    assert (before.result, before.report.position) == (D("18.25"), D(2))
    assert (after.result, after.report.position, after.report.written_off) == (D("18.25"), D(0), D(2))
    assert after.samples[-1].position == 0


def test_what_was_found_open_is_in_every_step_and_sample() -> None:
    found = OwnFound(START + 61 * SECOND, 3, Side.BUY, D(4), D(105))
    session = read(*TRADED, found)
    assert (session.report.position, session.report.entries, session.result) == (D(6), 3, D("30.25"))
    assert (session.steps[-1].position, session.steps[-1].open_cost, session.steps[-1].entries) == (D(6), D(636), 3)
    assert (session.samples[-1].position, session.samples[-1].equity) == (D(6), session.result)
    assert json.loads(session.to_json())["days"][-1]["result"] == "30.25"


def test_what_was_found_without_any_trade_is_valued_at_the_price_assumed_for_it() -> None:
    session = read(*BEGINNING, OwnFound(START + SECOND, 1, Side.BUY, D(4), D(105)))
    assert (session.mark, session.last_mark) == ("the price assumed for what was found open", D(105))
    assert (session.report.position, session.report.unrealized_pnl, session.result) == (D(4), D(0), D(0))
    assert session.samples[-1].position == D(4)


def test_settings_that_are_not_understood_are_told_as_they_stand() -> None:
    assert read(JournalBegan(START, 1, D(0), "something else")).settings == (("settings", "something else"),)
    assert read(*BEGINNING).settings == (
        ("ticker", "BTC"), ("contract_id", "BTC-PERP"), ("quantity", "2"), ("direction", "buy"), ("max_orders", "40"),
        ("exchange", "paper"), ("boost_mode", "False"),
    )  # fmt: skip


def test_funding_alone_is_a_result() -> None:
    session = read(*BEGINNING, FundingPayment(START + SECOND, "f1", D("0.5")))
    told = json.loads(session.to_json())
    assert (session.result, told["mark"], told["mark_price"]) == (D("0.5"), "nothing was traded", None)
    assert [row["result"] for row in told["days"]] == ["0.5"]
