"""Hunting one mutant: copy the sources, break the copy, and live through the worlds of `runbot.py simulate` with it.

A mutant is caught by a seed whose world breaks an invariant with the mutant and breaks none without it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
HOURS = "0.3"
_SOURCES = ("bot", "commands", "domain", "exchanges", "helpers", "markets", "simulation", "strategies")
_FILES = ("runbot.py", "trading_bot.py")
_WORLD_WITHIN_S = 300
"""A world takes a second or two, on a busy machine ten; a mutant that spins is ended after this long."""
_WORLDS = """
import json, sys
from decimal import Decimal
from exchanges.factory import ExchangeFactory
from simulation.plan import Wanted
from simulation.runner import run_seed

exchange, hours, first, last = json.loads(sys.argv[1])
wanted = Wanted(exchange=exchange, hours=Decimal(hours), kills=True)
for seed in range(first, last):
    broken = sorted({violation.invariant for violation in run_seed(seed, wanted, ExchangeFactory.venues()).violations})
    print(json.dumps([seed, broken]), flush=True)
    if broken:
        break
"""
"""The worlds of `runbot.py simulate --kill`, one by one, to the first that breaks something."""

IsHealthy = Callable[[str | None, int], bool]
"""Whether the world of an exchange (None: of the mix) and a seed breaks nothing without a mutant."""


@dataclass(frozen=True, slots=True)
class Caught:
    """`invariants`: broken in the world of `seed`, which breaks none without the mutant."""

    seed: int
    invariants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survived:
    """`why`: what happened instead."""

    why: str


class HuntBroke(Exception):
    """The worlds themselves did not work with the mutant: that proves nothing."""


def copy_sources(source: Path, target: Path) -> None:
    """All that `simulate` needs."""
    for name in _SOURCES:
        shutil.copytree(source / name, target / name)
    for name in _FILES:
        shutil.copy2(source / name, target / name)


def flags(exchange: str | None) -> str:
    """What a person would add to `runbot.py simulate --seeds N:N+1` to see the same worlds."""
    return f"--hours {HOURS} --kill" + ("" if exchange is None else f" --exchange {exchange}")


def hunt(mutant: Mutant, sources: Path, is_healthy: IsHealthy) -> Caught | Survived:
    """`sources`: without a mutant; they are left alone."""
    with tempfile.TemporaryDirectory(prefix="mutant_") as folder:
        broken = Path(folder) / "sources"
        copy_sources(sources, broken)
        mutant.apply(broken)
        first = 0
        try:
            while first < mutant.seeds:
                seed, invariants = first_broken(broken, mutant.exchange, first, mutant.seeds)
                if invariants and is_healthy(mutant.exchange, seed):
                    return Caught(seed, invariants)
                first = seed + 1
        except HuntBroke as error:
            return Survived(str(error))
    return Survived(f"no violation in {mutant.seeds} worlds")


def first_broken(sources: Path, exchange: str | None, first: int, last: int) -> tuple[int, tuple[str, ...]]:
    """The first world in which something breaks, with what; the last one, with nothing, where none does.

    Raises `HuntBroke`.
    """
    arguments = json.dumps([exchange, HOURS, first, last])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _WORLDS, arguments],
            cwd=sources,
            env={**os.environ, "PYTHONPATH": str(sources)},
            capture_output=True,
            text=True,
            timeout=_WORLD_WITHIN_S * min(last - first, 10),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HuntBroke(f"seeds {first} to {last - 1} take for ever") from None
    if done.returncode or not done.stdout:
        raise HuntBroke(f"the worlds ended in {(done.stderr.strip() or 'nothing').splitlines()[-1]}")
    seed, invariants = json.loads(done.stdout.splitlines()[-1])
    return seed, tuple(invariants)


class Healthy:
    """Worlds without a mutant; each is lived once."""

    def __init__(self, sources: Path) -> None:
        self._sources = sources
        self._known: dict[tuple[str | None, int], bool] = {}

    def __call__(self, exchange: str | None, seed: int) -> bool:
        key = (exchange, seed)
        if key not in self._known:
            self._known[key] = not first_broken(self._sources, exchange, seed, seed + 1)[1]
        return self._known[key]
