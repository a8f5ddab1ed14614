"""Recorded markets through the whole program: those a person made a mistake with, and real ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.program import LIMIT_S, Program
from tests.support.recordings import Columns, candles, quotes, real_recording, trades, write

ASKED = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.05", "--wait-time", "60", "--speed", "max")

Row = tuple[float, float, float, float, float]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def wave(count: int = 600) -> list[Row]:
    """Quotes twice a second that rise and fall by 12 ticks: closes are reached, and touched again."""
    steps = [abs(index % 480 - 240) // 20 for index in range(count)]
    return [
        (at * 0.5, round(60000 + step * 0.1, 1), 1.25, round(60000.1 + step * 0.1, 1), 1.25)
        for at, step in enumerate(steps)
    ]


def with_row(at: int, row: Row) -> list[Row]:
    rows = wave()
    rows[at] = row
    return rows


def unsorted() -> list[Row]:
    rows = wave()
    rows[100], rows[200] = rows[200], rows[100]
    return rows


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def as_it_is(_: Path) -> None:
    return None


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize(
    "columns, damage, complaint",
    [
        (quotes(wave()), emptied, "is empty; record or copy it again"),
        (quotes([]), as_it_is, "has columns but no rows"),
        (quotes(wave()), torn, "bbo."),
        (quotes(unsorted()), as_it_is, "row 102: its time is earlier than the row before; sort by ts_local_ns"),
        (quotes(with_row(50, (25, 60001, 1, 60000, 1))), as_it_is, "row 51: the quote is crossed"),
        (quotes(with_row(50, (25, 0, 1, 60000, 1))), as_it_is, "row 51: the quote is zero or negative; remove the row"),
        (quotes(with_row(50, (25, float("nan"), 1, 60000, 1))), as_it_is, "row 51: bid is "),
        ({"time": [1, 2], "price": [3, 4]}, as_it_is, "has the wrong columns (time, price): "),
    ],
    ids=["empty", "no rows", "torn", "unsorted", "crossed", "zero", "not a number", "wrong columns"],
)
def test_an_unsound_recording_is_one_line_and_leaves_nothing_behind(
    program: Program, kind: str, columns: Columns, damage: Callable[[Path], None], complaint: str
) -> None:
    name = f"bbo.{kind}"
    damage(write(program.file(name), columns))
    refused = program.run(*ASKED, "--replay", name).error
    assert refused.startswith(name)
    assert complaint in refused
    assert program.names() == {name}


def test_an_inverse_contract_is_refused_by_its_name(program: Program) -> None:
    name = "btcusd_perp_bbo.parquet"
    write(program.file(name), quotes(wave()))
    assert "records an inverse contract" in program.run(*ASKED, "--replay", name).error


def test_a_recording_with_a_gap_is_traded_and_the_gap_reported(program: Program) -> None:
    rows = wave()
    later: list[Row] = [(row[0] + 3600, *row[1:]) for row in rows[300:]]
    write(program.file("bbo.csv"), quotes([*rows[:300], *later]))
    ended = program.run(*ASKED, "--replay", "bbo.csv", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    assert "1 gap(s), 3,600 s together" in ended.out
    report = program.report()
    assert (report["gaps"], report["reason"]) == (1, "the recorded market has ended")
    assert report["entries"] > 0


def test_tick_and_step_are_inferred_and_printed(program: Program) -> None:
    write(program.file("bbo.parquet"), quotes(wave()))
    write(program.file("trades.parquet"), trades([(1.1, 60000.3, 0.25, True), (9.1, 60000.4, 1.5, False)]))
    ended = program.run(*ASKED, "--replay", "bbo.parquet,trades.parquet")
    assert "tick 0.1, quantity step 0.01, minimum 0.01 (inferred; --market says otherwise)" in ended.out
    told = program.run(*ASKED, "--replay", "bbo.parquet", "--market", "tick=0.1,step=0.001,min=0.002", "--fresh")
    assert "tick 0.1, quantity step 0.001, minimum 0.002\n" in told.out
    below = program.run(*ASKED, "--quantity", "0.001", "--replay", "bbo.parquet", "--market", "step=0.001,min=0.002")
    assert "give 0.002 or more" in below.error


def test_candles_are_traded_to_their_end(program: Program) -> None:
    rows = [(minute, 60000.0, 60060.0, 59940.0, 60000.0 + 30 * (minute % 2), 5.25) for minute in range(120)]
    write(program.file("candles.csv"), candles(rows))
    ended = program.run(*ASKED, "--replay", "candles.csv", "--json", "out.json")
    report = program.report()
    assert (ended.status, report["reason"]) == (0, "the recorded market has ended")
    assert report["exits"] > 10
    assert report["covered"] == report["position"]
    assert Decimal(report["position"]) == program.ledger().position


def test_a_killed_replay_is_continued_on_the_same_files_only(program: Program) -> None:
    write(program.file("bbo.csv"), quotes(wave()))
    write(program.file("other.csv"), quotes(wave(500)))
    with program.started(*ASKED[:-1], "10", "--replay", "bbo.csv") as running:
        running.line_with("open filled")
    assert "another recording" in program.run(*ASKED, "--replay", "other.csv").error
    assert "trades a recording" in program.run(*ASKED, "--for", "1m").error
    ended = program.run(*ASKED, "--replay", "bbo.csv", "--json", "out.json")
    assert (ended.status, "continuing the paper account" in ended.out) == (0, True)
    assert Decimal(program.report()["position"]) == program.ledger().position


# --- real ones ------------------------------------------------------------------------------------------------------


def test_the_real_linear_tick_recording_is_traded(program: Program) -> None:
    bbo, prints = (real_recording(f"binance_usdm_BTCUSDT_20240808_{kind}.parquet") for kind in ("bbo", "trades"))
    asked = ("--ticker", "BTC", "--quantity", "0.01", "--take-profit", "0.01", "--wait-time", "8", "--speed", "max")
    ended = program.run(*asked, "--replay", f"{bbo},{prints}", "--json", "out.json")
    assert (ended.status, ended.err) == (0, "")
    assert "tick 0.1, quantity step 0.001" in ended.out
    report, books = program.report(), program.ledger()
    assert report["entries"] >= 5
    assert report["exits"] >= 1
    assert (report["halted"], report["gaps"]) == (False, 0)
    assert report["covered"] == report["position"]
    assert Decimal(report["position"]) == books.position
    assert Decimal(report["volume_quote"]) == books.volume


def test_the_real_inverse_tick_recording_is_refused(program: Program) -> None:
    bbo = real_recording("binance_coinm_BTCUSD_PERP_20240808_09_bbo.parquet")
    assert "records an inverse contract" in program.run(*ASKED, "--replay", str(bbo)).error


def candles_traded(program: Program, path: Path, limit_s: float = LIMIT_S) -> dict[str, object]:
    money = ("--balance", "1000000", "--take-profit", "0.2", "--wait-time", "1800")
    ended = program.run(*ASKED, *money, "--replay", str(path), "--json", "out.json", limit_s=limit_s)
    assert (ended.status, ended.err) == (0, "")
    report = program.report()
    assert report["reason"] == "the recorded market has ended"
    assert report["covered"] == report["position"]
    assert Decimal(report["position"]) == program.ledger().position
    return report


def test_real_candles_are_traded(program: Program) -> None:
    """The first 20,000 of them, cut out for as long as this test takes."""
    import pyarrow.parquet as pq

    whole = pq.read_table(real_recording("binance_usdm_BTCUSDT_1m.parquet"))
    cut = program.file("candles.parquet")
    pq.write_table(whole.slice(0, 20_000), cut)
    report = candles_traded(program, cut)
    assert report["gaps"] == 0


@pytest.mark.skipif(not os.environ.get("LONG_TESTS"), reason="takes up to a minute: set LONG_TESTS=1")
def test_all_real_candles_are_traded(program: Program) -> None:
    report = candles_traded(program, real_recording("binance_usdm_BTCUSDT_1m.parquet"), limit_s=600)
    assert report["gaps"] == 3
