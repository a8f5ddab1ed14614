"""What a search comes to, in words that the terminal and the page share."""

from __future__ import annotations

from collections.abc import Mapping

from backtesting.optimize.noise import LEAST_PERIODS
from backtesting.optimize.objectives import Goal
from backtesting.optimize.search import Findings
from backtesting.optimize.space import Setting
from domain.market import Side
from domain.report import plain


def verdict(findings: Findings) -> str:
    """Whether the search found anything, in one line."""
    difference = findings.difference
    default = {name: getattr(findings.plan.settings, name) for name in findings.plan.space.names}
    if all(fold.found.point == default for fold in findings.folds):
        return "NOTHING FOUND: the default is the best of all trials"
    if difference.low is None or difference.high is None:
        return f"NO VERDICT: fewer than {LEAST_PERIODS} periods were tested; take more data"
    if difference.low > 0 and findings.may_cost_too_much:
        return f"INSIDE THE NOISE: it trades more, but may cost more than {findings.plan.objective.max_wear:g} bps"
    if findings.is_noise:
        return "INSIDE THE NOISE: on data it did not see, what was found cannot be told from the default"
    if difference.high < 0:
        return "WORSE: on data it did not see, what was found does worse than the default"
    return "BETTER: on data it did not see, what was found does better than the default"


def objective_label(findings: Findings) -> str:
    """The objective in a table; on candles it counts what exceeds random signs."""
    names = {Goal.NET: "net", Goal.DRAWDOWN: "net / drawdown", Goal.VOLUME: "volume a day"}
    return names[findings.plan.objective.goal] + (", excess" if findings.plan.draws else "")


def counts_otherwise(findings: Findings) -> bool:
    """Whether the objective is another number than the net result."""
    return findings.plan.objective.goal is not Goal.NET or findings.plan.draws > 0


def settings_text(point: Mapping[str, Setting]) -> str:
    """As flags, so that they can be typed."""
    return " ".join(f"--{name.replace('_', '-')} {value_text(value)}" for name, value in point.items())


def value_text(value: Setting) -> str:
    """One setting as it is typed."""
    if isinstance(value, Side):
        return value.value
    return str(value) if isinstance(value, int) else plain(value)
