"""Whole searches: what is found, what it was tested on, what is proved, and what an interrupt leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from backtesting import RecordingError, run_backtest
from backtesting.optimize.engines import Job
from backtesting.optimize.finalists import EngineMismatch
from backtesting.optimize.findings import to_json
from backtesting.optimize.markets import Place
from backtesting.optimize.noise import Estimate
from backtesting.optimize.objectives import Goal, Objective
from backtesting.optimize.page import write_page
from backtesting.optimize.search import RANKING_DRAWS, Findings, about
from backtesting.optimize.storage import open_storage
from backtesting.optimize.trades import Trades
from backtesting.optimize.verdict import verdict
from commands.optimize_text import broken_off_lines, findings_lines, plan_lines
from domain.market import Side
from domain.report import plain
from tests.support.searching import (
    SETTINGS,
    Engine,
    a_plan,
    a_search,
    candle_files,
    covered_days,
    markets_of,
    net_of,
    tick_files,
)

D = Decimal


def test_what_is_printed_is_the_bots_own_run_on_data_the_search_did_not_see(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path))
    engine = Engine(markets)
    search = a_search(markets, a_plan(folds=2), engine)
    findings = search.run()
    assert {job.place.window for job in engine.jobs} == {fold.search for fold in search.folds}
    assert [fold.trials for fold in findings.folds] == [4, 4]
    for fold in findings.folds:
        ours = replace(SETTINGS, **fold.found.point)  # type: ignore[arg-type]
        for measured, window, settings in (
            (fold.searched, fold.fold.search, ours),
            (fold.tested, fold.fold.test, ours),
            (fold.default_searched, fold.fold.search, SETTINGS),
            (fold.default_tested, fold.fold.test, SETTINGS),
        ):
            again = run_backtest(markets.at(Place(window)), settings)
            assert (measured.window, measured.result.money, measured.result.fills) == (window, again.money, again.fills)
            assert measured.value == pytest.approx(net_of(again))
            assert measured.null is None
        assert fold.found.value == pytest.approx(net_of(fold.searched.result), abs=1e-9)


def test_the_best_of_the_trials_is_taken(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path))
    findings = a_search(markets, a_plan(space="take_profit=0.02|0.1|1,direction=buy|sell", trials=6)).run()
    [fold] = findings.folds
    data = markets.at(Place(fold.fold.search))
    results = {}
    for take_profit, direction in product(("0.02", "0.1", "1"), Side):
        settings = replace(SETTINGS, take_profit=D(take_profit), direction=direction)
        results[take_profit, direction] = net_of(run_backtest(data, settings))
    side = fold.found.point["direction"]
    assert isinstance(side, Side)
    tried = results[str(fold.found.point["take_profit"]), side]
    assert fold.found.value == pytest.approx(tried)
    assert tried >= sorted(results.values())[2]


def test_on_candles_what_exceeds_random_signs_is_ranked_and_never_the_raw_wear(tmp_path: Path) -> None:
    markets = markets_of(candle_files(tmp_path))
    engine = Engine(markets)
    plan = a_plan(trials=2, draws=3, objective=Objective(Goal.VOLUME, 1_000.0, 0.001))
    [fold] = a_search(markets, plan, engine).run().folds
    draws = [job.place.draw for job in engine.jobs]
    assert draws == [*([None, *range(RANKING_DRAWS)] * 2), *([0, 0, 1, 1, 2, 2] * 2)]
    for measured in (fold.searched, fold.tested, fold.default_searched, fold.default_tested):
        report = measured.result.report
        assert measured.null is not None
        assert measured.wear is not None
        assert report.wear_bps is not None
        assert measured.wear.value == pytest.approx(float(report.wear_bps) - measured.null.value, abs=1e-3)
        days = covered_days(markets.at(Place(measured.window)))
        assert measured.value == pytest.approx(float(report.volume_quote) / days)


class Wrong(Engine):
    """Fills one unit too high, once."""

    def __init__(self, *arguments: object, draw: int | None, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._draw = draw

    def bent(self, job: Job, trades: Trades) -> Trades:
        if job.place.draw != self._draw or len(trades) < 5:
            return trades
        price = trades.price.copy()
        price[4] += 1
        return replace(trades, price=price)


def test_an_engine_that_differs_from_the_bot_in_one_trade_is_an_error(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path))
    with pytest.raises(EngineMismatch) as error:
        a_search(markets, a_plan(trials=1), Wrong(markets, is_the_bot=False, draw=None)).run()
    told = str(error.value)
    assert told.startswith("the engine of the test and the bot differ at trade 5 of take_profit 0.")
    assert told.endswith("nothing of this search can be trusted, please report it")
    assert "\n" not in told


def test_an_engine_that_differs_on_a_draw_is_an_error_too(tmp_path: Path) -> None:
    markets = markets_of(candle_files(tmp_path))
    engine = Wrong(markets, is_the_bot=False, draw=0)
    with pytest.raises(EngineMismatch, match=r"the bot differ with random signs no. 0 at trade 5"):
        a_search(markets, a_plan(trials=1, draws=2), engine).run()


def test_an_interrupted_search_keeps_what_was_done_and_goes_on_from_there(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path, 300))
    plan = a_plan(trials=4, folds=1)
    address = f"sqlite:///{tmp_path}/search.db"
    broken = a_search(markets, plan, Engine(markets, interrupted_after=2), open_storage(address))
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    told = broken_off_lines(broken, address)
    assert told[0] == "interrupted"
    assert told[1].startswith("fold 1: 2 of 4 trials, best in-sample so far ")
    assert told[2:] == [
        "nothing of this was tested on data that the search did not see",
        f"kept in {address}; the same command goes on from there",
    ]
    assert "nothing is kept; with --storage" in broken_off_lines(broken, None)[-1]
    engine = Engine(markets)
    again = a_search(markets, plan, engine, open_storage(address))
    assert "going on: the storage holds 2 of 4 trials" in plan_lines(again, engine.name)
    [fold] = again.run().folds
    assert (fold.trials, len(engine.jobs)) == (4, 2)


def test_data_too_short_for_the_folds_are_refused_before_anything_is_tried(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path, 60))
    with pytest.raises(RecordingError, match="too little for 40 folds"):
        a_search(markets, a_plan(folds=40))


def test_what_makes_two_searches_the_same_is_told_by_name(tmp_path: Path) -> None:
    markets = markets_of(tick_files(tmp_path, 60))
    known = about(a_plan(), markets.data, "1.1")
    assert list(known) == [
        "version", "data file", "space", "objective", "fixed setting", "number of folds", "sampler", "seed",
    ]  # fmt: skip
    [bbo, prints] = markets.data.identity.files
    assert known["data file"] == (
        f"bbo.parquet sha256 {bbo.sha256[:16]}, trades.parquet sha256 {prints.sha256[:16]}; "
        "tick 0.1 step 0.001 minimum 0.001"
    )
    assert "latency_ns 50000000" in known["fixed setting"]
    assert about(a_plan(trials=9, draws=5), markets.data, "1.1") == known
    assert about(a_plan(settings=replace(SETTINGS, leverage=D(3))), markets.data, "1.1") != known


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    markets = markets_of(candle_files(tmp_path_factory.mktemp("data"), 100))
    return a_search(markets, a_plan(trials=2, draws=2)).run()


@pytest.mark.parametrize(
    "difference, told",
    [
        (Estimate(1.0, -1.0, 3.0), "INSIDE THE NOISE: "),
        (Estimate(2.0, 1.0, 3.0), "BETTER: "),
        (Estimate(-2.0, -3.0, -1.0), "WORSE: "),
        (Estimate(2.0, None, None), "NO VERDICT: fewer than 5 periods were tested"),
    ],
)
def test_a_winner_inside_the_noise_is_called_so(findings: Findings, difference: Estimate, told: str) -> None:
    judged = replace(findings, difference=difference)
    assert verdict(judged).startswith(told)
    assert judged.is_noise is (difference.low is None or difference.low < 0 < (difference.high or 0))


def test_more_volume_at_a_cost_that_may_be_too_high_is_noise(findings: Findings) -> None:
    bounded = replace(findings.plan, objective=Objective(Goal.VOLUME, 2.0, 0.001))
    more = replace(findings, plan=bounded, difference=Estimate(2.0, 1.0, 3.0))
    assert verdict(replace(more, winner_wear=Estimate(1.0, 0.0, 1.9))).startswith("BETTER: ")
    costly = replace(more, winner_wear=Estimate(1.0, 0.0, 2.1))
    assert verdict(costly) == "INSIDE THE NOISE: it trades more, but may cost more than 2 bps"
    assert costly.is_noise


def test_the_default_itself_is_nothing_found(findings: Findings) -> None:
    default = {"take_profit": SETTINGS.take_profit, "wait_time": SETTINGS.wait_time}
    [fold] = findings.folds
    same = replace(findings, folds=(replace(fold, found=replace(fold.found, point=default)),))
    assert verdict(same) == "NOTHING FOUND: the default is the best of all trials"


def test_in_sample_and_out_of_sample_stand_side_by_side(findings: Findings) -> None:
    lines = findings_lines(findings)
    heading = next(index for index, line in enumerate(lines) if "in-sample" in line)
    assert lines[heading].split() == ["in-sample", "OUT-OF-SAMPLE", "in-sample", "OUT-OF-SAMPLE"]
    labels = [line[:24].strip() for line in lines[heading + 1 :]]
    assert labels[:9] == [
        "net, excess", "net result", "largest drawdown", "volume", "entries, exits", "wear_bps", "with random signs",
        "excess over those", "its interval",
    ]  # fmt: skip
    [fold] = findings.folds
    [raw] = [line for line in lines if line.startswith("  wear_bps")]
    columns = (fold.searched, fold.tested, fold.default_searched, fold.default_tested)
    assert raw.split()[1:] == [f"{measured.result.report.wear_bps:.3f}" for measured in columns]
    assert max(map(len, lines)) <= 120


def test_the_numbers_of_the_json_are_those_of_the_bots_reports(findings: Findings) -> None:
    told = json.loads(to_json(findings))
    [fold] = findings.folds
    measured = told["folds"][0]["best_out_of_sample"]
    assert measured["backtest"] == json.loads(fold.tested.result.to_json())
    assert measured["wear_bps"] is None
    assert fold.tested.wear is not None
    assert measured["excess_wear_bps"]["value"] == f"{fold.tested.wear.value:.6g}"
    assert told["found"] == {name: f"{value:f}" for name, value in findings.point.items()}
    assert (told["periods"], told["is_noise"]) == (findings.periods, findings.is_noise)


def test_the_page_holds_the_verdict_and_every_fold(findings: Findings, tmp_path: Path) -> None:
    path = tmp_path / "search.html"
    write_page(findings, path)
    page = path.read_text(encoding="utf-8")
    [fold] = findings.folds
    assert verdict(findings) in page
    assert 'id="fold-1"' in page
    assert f'value="{plain(fold.tested.result.max_drawdown)}"' in page
