"""The page of a search: the report of what was found last, over the data it was tested on, and the search before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backtesting.optimize.finalists import Measured
from backtesting.optimize.noise import Estimate
from backtesting.optimize.search import Findings
from backtesting.optimize.verdict import counts_otherwise, objective_label, settings_text, verdict
from backtesting.report import Section, number, pairs, table, text, write_html
from backtesting.report.markup import MINUS
from domain.report import plain
from markets.times import utc_text

_ABOUT = "Result, pictures and numbers are those of the settings found last, over the data they were tested on."
_HEADINGS = ("", "best, in-sample", "best, out-of-sample", "default, in-sample", "default, out-of-sample")


def write_page(findings: Findings, path: Path) -> None:
    """One HTML file that opens offline. Raises `OSError`."""
    sections = [_summary(findings), _together(findings), *_folds(findings)]
    write_html(findings.folds[-1].tested.result, path, sections)


def _summary(findings: Findings) -> Section:
    plan = findings.plan
    rows = [
        ("this page", text(_ABOUT)),
        ("verdict", text(verdict(findings))),
        ("found with the most data", text(settings_text(findings.point))),
        ("space", text(plan.space)),
        ("objective", text(plan.objective)),
        ("search", text(f"{plan.sampling.value}, seed {plan.seed}, {plan.trials:,} trials, {plan.folds} folds")),
    ]
    return Section("The search", pairs("search-summary", rows), "search")


def _together(findings: Findings) -> Section:
    three = (
        (objective_label(findings), findings.winner, findings.default, findings.difference),
        ("excess wear_bps" if findings.plan.draws else "wear_bps", findings.winner_wear, findings.default_wear, None),
    )
    body = ((text(label), *(text(_estimate(one)) for one in estimates)) for label, *estimates in three)
    caption = f"One after the other: {findings.periods:,} periods, intervals of 95 %"
    markup = table("search-together", caption, ("", "best of each fold", "default", "difference"), body)
    return Section("All tests together", markup, "search-together-all")


def _folds(findings: Findings) -> Iterator[Section]:
    for fold in findings.folds:
        columns = (fold.searched, fold.tested, fold.default_searched, fold.default_tested)
        caption = f"Best of {fold.trials:,} trials: {settings_text(fold.found.point)}"
        number_of = fold.fold.number
        markup = table(f"fold-{number_of}", caption, _HEADINGS, _rows(findings, columns))
        yield Section(f"Fold {number_of}", markup, f"search-fold-{_letters(number_of)}")


def _rows(findings: Findings, columns: tuple[Measured, ...]) -> Iterator[list[str]]:
    yield ["from", *(text(utc_text(one.window.from_ns)) for one in columns)]
    yield ["to", *(text(utc_text(one.window.to_ns)) for one in columns)]
    if counts_otherwise(findings):
        yield [text(objective_label(findings)), *(text(_figure(one.value)) for one in columns)]
    yield ["net result", *(number(_plain(one.result.money.result), places=2) for one in columns)]
    yield ["largest drawdown", *(number(plain(one.result.max_drawdown), places=2) for one in columns)]
    yield ["volume", *(number(plain(one.result.report.volume_quote), places=2) for one in columns)]
    yield ["wear_bps", *(number(_plain(one.result.report.wear_bps), places=3) for one in columns)]
    if findings.plan.draws:
        yield ["wear_bps with random signs", *(text(_estimate(one.null)) for one in columns)]
        yield ["excess over those", *(text(_estimate(one.wear)) for one in columns)]
    else:
        yield ["its interval", *(text(_interval(one.wear)) for one in columns)]


def _plain(value: object) -> str | None:
    return None if value is None else plain(value)  # type: ignore[arg-type]


def _estimate(estimate: Estimate | None) -> str:
    return "none" if estimate is None else f"{_figure(estimate.value)} {_interval(estimate)}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return "[too few periods]"
    return f"[{_figure(estimate.low)}, {_figure(estimate.high)}]"


def _figure(value: float) -> str:
    """Four significant digits, and no fewer before the point, with a real minus sign."""
    words = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return words.replace("-", MINUS)


def _letters(number_of: int) -> str:
    """A number in the letters that an anchor takes."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number_of))
