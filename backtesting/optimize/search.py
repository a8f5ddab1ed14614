"""The whole search: fold after fold, what was found, tested on what was not searched, and held against chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from optuna.storages import BaseStorage

from backtesting.data import BacktestData
from backtesting.optimize.engines import Engine, Job
from backtesting.optimize.finalists import Finalists, Measured
from backtesting.optimize.folds import DAY_NS, Fold, period_ns, walk_forward
from backtesting.optimize.markets import Markets, Place
from backtesting.optimize.noise import Estimate, Histories, null_wear
from backtesting.optimize.objectives import Goal, Objective
from backtesting.optimize.space import Setting, Space, applied
from backtesting.optimize.study import Candidate, FoldSearch, Found, Sampling
from backtesting.optimize.trades import Trades, markout
from backtesting.run import Conduct
from backtesting.settings import BacktestSettings
from markets.times import utc_text

SCORING = "1"
"""Raised whenever the same trades may be given another value; trials of two scorings cannot be compared."""
RANKING_DRAWS = 4
"""Draws with random signs that each trial on candles is ranked with; the same for all trials of a fold."""
_BATCH = 8
"""Trials that are chosen before the first of them is known: as many for every number of jobs, so all find alike."""

Unbroken = Callable[[], AbstractContextManager[None]]
"""Makes signals wait until its block has ended: half a transaction is nothing to go on from."""
Progress = Callable[[float, int], None]
"""Told the share that is done and the number of runs so far."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. `settings`: of the default, and of what is not searched; `draws`: see `Finalists`."""

    settings: BacktestSettings
    space: Space
    objective: Objective
    sampling: Sampling
    trials: int
    folds: int
    draws: int
    seed: int


@dataclass(frozen=True)
class FoldFindings:
    """One fold: the best of its trials and the default, each where it was searched and where it was not."""

    fold: Fold
    trials: int
    found: Found
    searched: Measured
    tested: Measured
    default_searched: Measured
    default_tested: Measured


@dataclass(frozen=True)
class Findings:
    """The search. `winner`, `default`: the objective over all tests, one after the other; `difference`: how much better
    the winners were there; `winner_wear`, `default_wear`: as `Measured.wear`. `periods` of `period_ns` were drawn in
    blocks of `block`.
    """

    plan: Plan
    folds: tuple[FoldFindings, ...]
    winner: Estimate
    default: Estimate
    difference: Estimate
    winner_wear: Estimate
    default_wear: Estimate
    period_ns: int
    periods: int
    block: int

    @property
    def point(self) -> Mapping[str, Setting]:
        """The settings of the last fold's search: the one that saw the most."""
        return self.folds[-1].found.point

    @property
    def is_noise(self) -> bool:
        """Whether the winners' advantage cannot be told from none, or their cost not from one above the bound."""
        return self.difference.holds_zero or self.may_cost_too_much

    @property
    def may_cost_too_much(self) -> bool:
        """For `volume`: whether the winners' wear may be above the bound."""
        objective, high = self.plan.objective, self.winner_wear.high
        return objective.goal is Goal.VOLUME and (high is None or high > objective.max_wear)


class Search:
    """`run` may be interrupted by `KeyboardInterrupt`: `states` then tells how far each fold came."""

    def __init__(
        self,
        plan: Plan,
        markets: Markets,
        storage: BaseStorage,
        engine: Engine,
        conduct: Conduct,
        progress: Progress,
        unbroken: Unbroken = nullcontext,
    ) -> None:
        """`unbroken`: what the storage is used in. Raises `RecordingError` where the data are too short for it."""
        self.plan = plan
        self.folds = walk_forward(markets.data, plan.folds)
        self.period_ns = period_ns(markets.data, self.folds)
        self._markets = markets
        self._engine = engine
        self._conduct = conduct
        self._progress = progress
        self._unbroken = unbroken
        self._searches = {
            fold: FoldSearch(
                storage, f"fold {fold.number}", plan.space, plan.sampling, plan.seed + fold.number, plan.trials
            )
            for fold in self.folds
        }
        self._ranking_draws = range(RANKING_DRAWS) if markets.data.is_candles else range(0)
        self._finalists = Finalists(
            markets, engine, plan.objective, plan.draws, self.period_ns, plan.seed, conduct, self._count
        )
        self._work = sum(self._share_of(fold) for fold in self.folds)
        self._done = self._runs = 0

    @property
    def trials(self) -> int:
        """How many each fold wants: `--trials`, or as many as the grid has."""
        return next(iter(self._searches.values())).wanted

    def states(self) -> Iterator[tuple[Fold, int, Found | None]]:
        """Of each fold: how many trials are done, and the best of them."""
        for fold, search in self._searches.items():
            best, done = search.best()
            yield fold, done, best

    def run(self) -> Findings:
        """Raises `EngineMismatch`."""
        findings = []
        for fold, search in self._searches.items():
            self._done += search.done() * self._runs_of_a_trial * fold.number
            while batch := self._chosen(search):
                self._try(fold, search, batch)
            findings.append(self._tested(fold, search))
        return self._judged(tuple(findings))

    def _chosen(self, search: FoldSearch) -> list[Candidate]:
        chosen: list[Candidate] = []
        try:
            with self._unbroken():
                chosen = search.ask(_BATCH)
        except KeyboardInterrupt:
            for candidate in chosen:
                search.give_up(candidate)
            raise
        return chosen

    def _try(self, fold: Fold, search: FoldSearch, batch: Sequence[Candidate]) -> None:
        """Run a batch and tell its values. What is broken off is given up, for whoever goes on."""
        places = [Place(fold.search), *(Place(fold.search, draw) for draw in self._ranking_draws)]
        jobs = [Job(place, applied(self.plan.settings, one.point)) for one in batch for place in places]
        waiting = list(batch)
        try:
            trades = self._engine.run(jobs)
            for candidate in batch:
                told = []
                for place in places:
                    told.append(next(trades))
                    self._count(place, 1)
                value = self._value(fold, told)
                with self._unbroken():
                    search.tell(candidate, value)
                    waiting.remove(candidate)
        finally:
            with self._unbroken():
                for candidate in waiting:
                    search.give_up(candidate)

    def _value(self, fold: Fold, told: Sequence[Trades]) -> float:
        place = Place(fold.search)
        scale = self._markets.data.source.scale
        draws = [
            markout(trades, self._markets.candles(Place(fold.search, draw)), scale)
            for draw, trades in zip(self._ranking_draws, told[1:], strict=True)
        ]
        data = self._markets.at(place)
        days = data.covered_ns(data.end_ns) / DAY_NS
        return self.plan.objective.value(self._markets.yardstick(place).sums(told[0]), null_wear(draws), days)

    def _tested(self, fold: Fold, search: FoldSearch) -> FoldFindings:
        found, trials = search.best()
        assert found is not None
        ours, default = applied(self.plan.settings, found.point), self.plan.settings
        measure, is_last = self._finalists.measure, fold is self.folds[-1]
        searched, default_searched = measure(fold.search, (ours, default))
        tested, default_tested = measure(fold.test, (ours, default), is_test=True, whole=is_last)
        return FoldFindings(fold, trials, found, searched, tested, default_searched, default_tested)

    def _judged(self, folds: tuple[FoldFindings, ...]) -> Findings:
        ours = [fold.tested.stretch for fold in folds]
        theirs = [fold.default_tested.stretch for fold in folds]
        histories = Histories(ours, self.period_ns / DAY_NS, self.plan.seed)
        objective = self.plan.objective
        return Findings(
            self.plan,
            folds,
            histories.objective(ours, objective),
            histories.objective(theirs, objective),
            histories.difference(ours, theirs, objective),
            histories.wear(ours),
            histories.wear(theirs),
            self.period_ns,
            histories.periods,
            histories.block,
        )

    # --- how far it is ------------------------------------------------------------------------------------------------

    @property
    def _runs_of_a_trial(self) -> int:
        return 1 + len(self._ranking_draws)

    def _share_of(self, fold: Fold) -> int:
        """The work of a fold, in runs over one block of the data."""
        draws = self.plan.draws if self._markets.data.is_candles else 0
        return self.trials * self._runs_of_a_trial * fold.number + 2 * (1 + draws) * (fold.number + 1)

    def _count(self, place: Place, runs: int) -> None:
        blocks = next((fold.number for fold in self.folds if fold.search == place.window), 1)
        self._done += runs * blocks
        self._runs += runs
        self._progress(min(1.0, self._done / self._work), self._runs)


def about(plan: Plan, data: BacktestData, version: str) -> dict[str, str]:
    """What makes two searches the same one, by the names under which people are told of a difference. The number of
    trials and of final draws may differ.
    """
    funding = "" if data.identity.funding is None else f", funding {data.identity.funding.sha256[:16]}"
    files = ", ".join(f"{file.name} sha256 {file.sha256[:16]}" for file in data.identity.files)
    asked = (("from", data.identity.from_ns), ("to", data.identity.to_ns))
    files += "".join(f", {name} {utc_text(ns)}" for name, ns in asked if ns is not None)
    rules = data.source.rules
    market = f"tick {rules.tick_size} step {rules.quantity_step} minimum {rules.min_quantity}"
    return {
        "version": version,
        "data file": f"{files}{funding}; {market}",
        "space": str(plan.space),
        "objective": str(plan.objective),
        "fixed setting": _fixed(plan),
        "number of folds": str(plan.folds),
        "sampler": plan.sampling.value,
        "seed": str(plan.seed),
    }


def _fixed(plan: Plan) -> str:
    settings = plan.settings
    names = [name for name in settings.__slots__ if name not in ("ticker",)]
    return ", ".join(f"{name} {_plain(getattr(settings, name))}" for name in names)


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))
