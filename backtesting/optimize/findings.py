"""What a search found, as JSON. Money and settings are decimal strings, estimates strings of six significant digits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backtesting.optimize.finalists import Measured
from backtesting.optimize.noise import Estimate
from backtesting.optimize.search import RANKING_DRAWS, SCORING, Findings, FoldFindings
from backtesting.optimize.space import Setting
from backtesting.optimize.verdict import value_text
from backtesting.result import VERSION


def to_json(findings: Findings) -> str:
    """The whole of it; each measured result holds the report's JSON of the bot's own run under `backtest`."""
    plan = findings.plan
    wear = "excess_wear_bps" if plan.draws else "wear_bps"
    told = {
        "objective": plan.objective.goal.value,
        "max_wear_bps": _text(plan.objective.max_wear),
        "space": str(plan.space),
        "sampler": plan.sampling.value,
        "seed": plan.seed,
        "trials": plan.trials,
        "draws": plan.draws,
        "ranking_draws": RANKING_DRAWS if plan.draws else 0,
        "version": f"{VERSION}.{SCORING}",
        "found": _point(findings.point),
        "best": _estimate(findings.winner),
        "default": _estimate(findings.default),
        "difference": _estimate(findings.difference),
        "is_noise": findings.is_noise,
        f"best_{wear}": _estimate(findings.winner_wear),
        f"default_{wear}": _estimate(findings.default_wear),
        "period_s": findings.period_ns // 1_000_000_000,
        "periods": findings.periods,
        "block": findings.block,
        "folds": [_fold(fold) for fold in findings.folds],
    }
    return json.dumps(told, indent=2) + "\n"


def _fold(fold: FoldFindings) -> dict[str, Any]:
    return {
        "fold": fold.fold.number,
        "trials": fold.trials,
        "best_trial": fold.found.number,
        "settings": _point(fold.found.point),
        "best_in_sample": _measured(fold.searched),
        "best_out_of_sample": _measured(fold.tested),
        "default_in_sample": _measured(fold.default_searched),
        "default_out_of_sample": _measured(fold.default_tested),
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "from_ns": measured.window.from_ns,
        "to_ns": measured.window.to_ns,
        "objective": _text(measured.value),
        "null_wear_bps": _estimate(measured.null),
        "wear_bps": None if measured.has_draws else _estimate(measured.wear),
        "excess_wear_bps": _estimate(measured.wear) if measured.has_draws else None,
        "backtest": json.loads(measured.result.to_json()),
    }


def _estimate(estimate: Estimate | None) -> dict[str, str | None] | None:
    if estimate is None:
        return None
    return {"value": _text(estimate.value), "low": _text(estimate.low), "high": _text(estimate.high)}


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def _point(point: Mapping[str, Setting]) -> dict[str, str]:
    return {name: value_text(value) for name, value in point.items()}
