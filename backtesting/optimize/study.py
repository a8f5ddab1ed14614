"""One search: which settings are tried next, and which were best so far. Optuna chooses and remembers.

* `tpe`: Optuna's tree-structured Parzen estimator, each setting on its own; ranges that stand behind alternatives are
  only asked for when their alternative was chosen. The first ten are drawn at random.
* `random`: as the first ten of `tpe`.
* `grid`: every combination of evenly spaced values, as many as `--trials` allows.

Each trial draws from chance of its own, seeded by the seed and the trial's number. So a search that was broken off
goes on as if nothing had happened, and two processes that share one never draw the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from backtesting.optimize.space import Dimension, Setting, Space, Values, setting
from domain.market import Side

_SETTINGS, _CELL = "settings", "cell"


class Sampling(Enum):
    """The samplers by name."""

    TPE = "tpe"
    GRID = "grid"
    RANDOM = "random"


@dataclass(frozen=True)
class Candidate:
    """Settings to try, under the number of their trial."""

    trial: Trial
    point: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Found:
    """Settings that were tried, and what the objective said of them."""

    number: int
    point: Mapping[str, Setting]
    value: float


class FoldSearch:
    """The search of one fold. `trials`: how many are wanted, together with those that the storage already holds."""

    def __init__(
        self, storage: BaseStorage, name: str, space: Space, sampling: Sampling, seed: int, trials: int
    ) -> None:
        self._space = space
        self._sampling = sampling
        self._seed = seed
        self._cells = space.grid(trials) if sampling is Sampling.GRID else []
        self.wanted = len(self._cells) if self._cells else trials
        self._study: Study = optuna.create_study(
            study_name=name, storage=storage, load_if_exists=True, direction="maximize"
        )

    def done(self) -> int:
        return len(self._finished())

    def ask(self, most: int) -> list[Candidate]:
        """The next settings to try, at most so many; none once enough are done."""
        return [self._next() for _ in range(min(most, self.wanted - self.done()))]

    def tell(self, candidate: Candidate, value: float) -> None:
        self._study.tell(candidate.trial, value)

    def give_up(self, candidate: Candidate) -> None:
        """It was not run to its end: somebody else may try it again."""
        self._study.tell(candidate.trial, state=TrialState.FAIL, skip_if_finished=True)

    def best(self) -> tuple[Found | None, int]:
        """The highest value, the earliest of equals (None where nothing was tried), and of how many: others that share
        the search may add to them at any moment."""
        finished = self.found()
        return max(finished, key=lambda found: (found.value, -found.number), default=None), len(finished)

    def found(self) -> list[Found]:
        """All that were tried to their end."""
        told = []
        for trial in self._finished():
            assert trial.value is not None
            told.append(Found(trial.number, _read(trial.user_attrs[_SETTINGS]), trial.value))
        return told

    def _finished(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def _next(self) -> Candidate:
        trial = self._study.ask()
        if self._sampling is Sampling.GRID:
            point = self._cells[self._cell(trial)]
        else:
            self._study.sampler = _sampler(self._sampling, self._seed, trial.number)
            point = {one.name: _suggested(trial, one) for one in self._space.dimensions}
        trial.set_user_attr(_SETTINGS, {name: _written(value) for name, value in point.items()})
        return Candidate(trial, point)

    def _cell(self, own: Trial) -> int:
        """The first combination that nobody tried or tries. Those that are being chosen right now count as the next."""
        others = [trial for trial in self._study.get_trials(deepcopy=False) if trial.number != own.number]
        taken = {trial.user_attrs.get(_CELL) for trial in others if trial.state != TrialState.FAIL}
        choosing = sum(
            trial.state is TrialState.RUNNING and _CELL not in trial.user_attrs and trial.number < own.number
            for trial in others
        )
        free = [cell for cell in range(len(self._cells)) if cell not in taken]
        if not free:  # Somebody else is trying the rest, or died over it.
            done = {trial.user_attrs.get(_CELL) for trial in self._finished()}
            free = [cell for cell in range(len(self._cells)) if cell not in done] or [0]
        cell = free[choosing % len(free)]
        own.set_user_attr(_CELL, cell)
        return cell


def _sampler(sampling: Sampling, seed: int, number: int) -> BaseSampler:
    own = (seed * 1_000_003 + number) % 2**32
    if sampling is Sampling.RANDOM:
        return RandomSampler(seed=own)
    return TPESampler(seed=own, multivariate=False, constant_liar=True)


def _suggested(trial: Trial, dimension: Dimension) -> Setting:
    """A value of one setting: the alternative first, then the place in its range."""
    index = 0
    if len(dimension.alternatives) > 1:
        index = trial.suggest_categorical(f"{dimension.name} alternative", tuple(range(len(dimension.alternatives))))
    part = dimension.alternatives[index]
    if isinstance(part, Side):
        return part
    if not part.is_range:
        return setting(part, part.low)
    name = dimension.name if len(dimension.alternatives) == 1 else f"{dimension.name} {index}"
    return setting(part, part.nearest(_number(trial, name, part)))


def _number(trial: Trial, name: str, part: Values) -> float:
    if part.is_whole:
        return float(trial.suggest_int(name, int(part.low), int(part.high)))
    return trial.suggest_float(name, float(part.low), float(part.high), log=part.is_log)


def _written(value: Setting) -> str | int:
    if isinstance(value, Side):
        return value.value
    return value if isinstance(value, int) else f"{value:f}"


def _read(point: Mapping[str, str | int]) -> dict[str, Setting]:
    """Settings as a trial remembers them."""
    read: dict[str, Setting] = {}
    for name, value in point.items():
        if isinstance(value, int):
            read[name] = value
        else:
            read[name] = Side(value) if name == "direction" else Decimal(value)
    return read
