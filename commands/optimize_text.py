"""What a search says to people, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from backtesting.optimize.finalists import Measured
from backtesting.optimize.folds import Window
from backtesting.optimize.noise import Estimate
from backtesting.optimize.search import RANKING_DRAWS, Findings, FoldFindings, Search
from backtesting.optimize.verdict import counts_otherwise, objective_label, settings_text, verdict
from domain.market import NANOSECONDS
from domain.report import span
from markets.times import utc_text

_LABEL, _COLUMN = 22, 18


def plan_lines(search: Search, engine: str) -> list[str]:
    """What is about to be done."""
    plan = search.plan
    lines = [
        f"engine: {engine}",
        f"space: {plan.space}",
        f"default: {settings_text({name: getattr(plan.settings, name) for name in plan.space.names})}",
        f"objective: {plan.objective}" + (", in excess of random signs" if plan.draws else ""),
        f"{plan.sampling.value}, seed {plan.seed}: {search.trials:,} trials in each of {plan.folds} folds; each fold "
        "searches everything before its test",
    ]
    lines += [
        f"fold {fold.number}: searched {_window(fold.search)}, tested {_window(fold.test)}" for fold in search.folds
    ]
    done = sum(count for _, count, _ in search.states())
    if done:
        lines.append(f"going on: the storage holds {done:,} of {search.trials * plan.folds:,} trials")
    return lines


def broken_off_lines(search: Search, storage: str | None) -> list[str]:
    """What was done before an interrupt."""
    lines = ["interrupted"]
    for fold, done, best in search.states():
        line = f"fold {fold.number}: {done:,} of {search.trials:,} trials"
        if best is not None:
            line += f", best in-sample so far {_figure(best.value)}: {settings_text(best.point)}"
        lines.append(line)
    lines.append("nothing of this was tested on data that the search did not see")
    if storage is None:
        lines.append("nothing is kept; with --storage sqlite:///search.db a search can be gone on with")
    else:
        lines.append(f"kept in {storage}; the same command goes on from there")
    return lines


def findings_lines(findings: Findings) -> list[str]:
    """Fold after fold, everything together, and the verdict."""
    lines: list[str] = []
    for fold in findings.folds:
        lines += ["", *_fold_lines(findings, fold)]
    return [*lines, "", *_summary_lines(findings)]


def _fold_lines(findings: Findings, fold: FoldFindings) -> Iterator[str]:
    number, of = fold.fold.number, len(findings.folds)
    yield f"fold {number} of {of}: best of {fold.trials:,} trials is no. {fold.found.number}"
    yield f"  {settings_text(fold.found.point)}"
    columns = (fold.searched, fold.tested, fold.default_searched, fold.default_tested)
    yield _row("", ("best", "best", "default", "default"))
    yield _row("", ("in-sample", "OUT-OF-SAMPLE", "in-sample", "OUT-OF-SAMPLE"))
    if counts_otherwise(findings):
        yield _row(objective_label(findings), [_figure(measured.value) for measured in columns])
    yield _row("net result", [_money(measured.result.money.result) for measured in columns])
    yield _row("largest drawdown", [_money(measured.result.max_drawdown) for measured in columns])
    yield _row("volume", [_money(measured.result.report.volume_quote) for measured in columns])
    yield _row("entries, exits", [_counts(measured) for measured in columns])
    yield _row("wear_bps", [_wear(measured) for measured in columns])
    if findings.plan.draws:
        yield _row("  with random signs", [_bps(measured.null) for measured in columns])
        yield _row("  excess over those", [_bps(measured.wear) for measured in columns])
    yield _row("    its interval", [_interval(measured.wear) for measured in columns])
    for name, measured in zip(("best", "best", "default", "default"), columns, strict=True):
        if measured.result.exit_status == 1:
            yield f"  {name}, {_window(measured.window)}: {measured.result.report.reason}"


def _summary_lines(findings: Findings) -> Iterator[str]:
    plan = findings.plan
    unit = span(Decimal(findings.period_ns // NANOSECONDS)).split()[0]
    yield (
        f"all tests together: {findings.periods:,} periods of {unit}; intervals hold 95 % of 2,000 histories drawn "
        f"from them in blocks of {findings.block}"
    )
    yield _row("", ("best of each fold", "default", "difference"))
    three = (findings.winner, findings.default, findings.difference)
    yield _row(objective_label(findings), [_figure(one.value) for one in three])
    yield _row("  its interval", [_interval(one) for one in three])
    label = "excess wear_bps" if plan.draws else "wear_bps"
    wears = (findings.winner_wear, findings.default_wear)
    yield _row(label, [_bps(one) for one in wears])
    yield _row("  its interval", [_interval(one) for one in wears])
    yield verdict(findings)
    yield f"found with the most data (fold {len(findings.folds)}): {settings_text(findings.point)}"
    if plan.draws:
        yield (
            f"on candles nothing is ranked by its raw wear: {plan.draws} draws with random signs stand beside each "
            f"result, {RANKING_DRAWS} beside each trial"
        )


def _row(label: str, cells: Sequence[str]) -> str:
    return f"  {label:<{_LABEL}}{''.join(f'{cell:>{_COLUMN}}' for cell in cells)}".rstrip()


def _window(window: Window) -> str:
    return f"{utc_text(window.from_ns)} to {utc_text(window.to_ns)}"


def _figure(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.4g}"


def _money(value: Decimal | None) -> str:
    return "none" if value is None else _figure(float(value))


def _counts(measured: Measured) -> str:
    return f"{measured.result.report.entries:,}, {measured.result.report.exits:,}"


def _wear(measured: Measured) -> str:
    wear = measured.result.report.wear_bps
    return "none" if wear is None else f"{wear:.3f}"


def _bps(estimate: Estimate | None) -> str:
    return "none" if estimate is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return "too few"
    return f"[{_short(estimate.low)}, {_short(estimate.high)}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}" if abs(value) >= 0.995 else f"{value:.3f}"
