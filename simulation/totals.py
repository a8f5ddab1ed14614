"""What many worlds add up to, kept in a form that can be written down and gone on with later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.market import NANOSECONDS
from simulation.run import WorldResult

_BINS_PER_SECOND = 100
_MOST_KEPT = 50


@dataclass(slots=True)
class Totals:
    """Counts over worlds. `cover_bins`: how many fills were covered after so many hundredths of a second."""

    worlds: int = 0
    simulated_ns: int = 0
    lives: int = 0
    steps: int = 0
    requests: int = 0
    entries: int = 0
    quiet_requests: int = 0
    """In worlds in which nothing was disturbed, and the entries of those."""
    quiet_entries: int = 0
    worst_cover_ns: int = 0
    worst_cover_seed: int | None = None
    stalls: int = 0
    worst_stall_ns: int = 0
    worst_stall_seed: int | None = None
    by_exchange: Counter[str] = field(default_factory=Counter)
    by_length: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    struck_worlds: Counter[str] = field(default_factory=Counter)
    cover_bins: Counter[int] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    bad_seeds: list[int] = field(default_factory=list)

    def add(self, result: WorldResult) -> None:
        self.worlds += 1
        self.simulated_ns += result.simulated_ns
        self.lives += result.lives
        self.steps += result.steps
        self.requests += result.requests
        self.entries += result.entries
        if not result.fired:
            self.quiet_requests += result.requests
            self.quiet_entries += result.entries
        self.by_exchange[result.exchange] += 1
        self.by_length[_length_class(result.simulated_ns)] += 1
        self.fired.update(result.fired)
        self.struck_worlds.update(result.fired.keys())
        self.cover_bins.update(-(-time_ns * _BINS_PER_SECOND // NANOSECONDS) for time_ns in result.times_to_cover_ns)
        worst_ns = max(result.times_to_cover_ns, default=0)
        if worst_ns > self.worst_cover_ns:
            self.worst_cover_ns, self.worst_cover_seed = worst_ns, result.seed
        self.stalls += len(result.stall_times_ns)
        worst_ns = max(result.stall_times_ns, default=0)
        if worst_ns > self.worst_stall_ns:
            self.worst_stall_ns, self.worst_stall_seed = worst_ns, result.seed
        self.violations.update(violation.invariant for violation in result.violations)
        if result.violations and len(self.bad_seeds) < _MOST_KEPT:
            self.bad_seeds.append(result.seed)

    @property
    def median_cover_s(self) -> float | None:
        """To the next hundredth of a second; None without fills."""
        half, seen = sum(self.cover_bins.values()) / 2, 0
        for number in sorted(self.cover_bins):
            seen += self.cover_bins[number]
            if seen >= half:
                return number / _BINS_PER_SECOND
        return None

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file; `from_json` reads it back."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Totals:
        """Raises `ValueError` or `KeyError` for what `to_json` did not write."""
        totals = cls()
        for name in cls.__slots__:
            value = stored[name]
            if name == "cover_bins":
                value = Counter({int(key): count for key, count in value.items()})
            elif isinstance(getattr(totals, name), Counter):
                value = Counter(value)
            setattr(totals, name, value)
        return totals


def _plain(value: object) -> object:
    return dict(sorted(value.items())) if isinstance(value, Counter) else value


def _length_class(simulated_ns: int) -> str:
    hours = simulated_ns / 3_600 / NANOSECONDS
    return "a day" if hours >= 20 else "two hours" if hours >= 1.9 else "shorter"


def table(totals: Totals, unfired: Iterable[str]) -> list[str]:
    """For people. `unfired`: names of faults that were wanted and never struck."""
    hours = totals.simulated_ns / 3_600 / NANOSECONDS
    mix = ", ".join(f"{name} {count}" for name, count in sorted(totals.by_exchange.items()))
    lengths = ", ".join(f"{name} {count}" for name, count in sorted(totals.by_length.items()))
    lines = [
        f"worlds          {totals.worlds:,} ({mix}; {lengths})",
        f"simulated       {hours:,.1f} h, {totals.lives:,} processes, {totals.steps:,} loop steps",
        f"trading         {totals.entries:,} entries filled, {totals.requests:,} requests",
        f"time to cover   {_cover(totals)}",
    ]
    if totals.stalls:
        worst_s = totals.worst_stall_ns / NANOSECONDS
        text = f"noticed and the account looked at within {worst_s:.2f} s (seed {totals.worst_stall_seed})"
        lines.append(f"stalled streams {totals.stalls:,}, {text}")
    if totals.quiet_entries:
        ratio = totals.quiet_requests / totals.quiet_entries
        lines.append(f"undisturbed     {ratio:.1f} requests per entry, looks and starts included")
    if totals.fired:
        lines += ["", f"{'fault':<22}{'struck':>10}{'worlds':>9}"]
        for name, strikes in sorted(totals.fired.items()):
            lines.append(f"{name:<22}{strikes:>10,}{totals.struck_worlds[name]:>9,}")
    never = sorted(set(unfired) - set(totals.fired))
    if never:
        lines.append(f"never struck: {', '.join(never)}")
    found = ", ".join(f"{name} {count}" for name, count in sorted(totals.violations.items()))
    return [*lines, "", f"violations      {found or 'none'}"]


def _cover(totals: Totals) -> str:
    median_s = totals.median_cover_s
    if median_s is None:
        return "nothing was filled"
    worst_s, seed = totals.worst_cover_ns / NANOSECONDS, totals.worst_cover_seed
    return f"median {median_s:.2f} s, worst {worst_s:.2f} s (seed {seed}), from when it could be known"
