"""How long things took in many worlds: a histogram, and the worst of them with the world it was seen in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.market import NANOSECONDS

_BINS_PER_SECOND = 100


@dataclass(slots=True)
class Spans:
    """`bins`: how many took so many hundredths of a second, rounded up. `worst_seed` None: nothing took any time."""

    bins: Counter[int] = field(default_factory=Counter)
    worst_ns: int = 0
    worst_seed: int | None = None

    @property
    def count(self) -> int:
        return sum(self.bins.values())

    @property
    def worst_s(self) -> float:
        """To the next hundredth of a second, like the median."""
        return _bin(self.worst_ns) / _BINS_PER_SECOND

    @property
    def median_s(self) -> float | None:
        """To the next hundredth of a second; None of nothing."""
        half, seen = self.count / 2, 0
        for number in sorted(self.bins):
            seen += self.bins[number]
            if seen >= half:
                return number / _BINS_PER_SECOND
        return None

    def add(self, times_ns: Iterable[int], seed: int) -> None:
        """Of one world."""
        for time_ns in times_ns:
            self.bins[_bin(time_ns)] += 1
            if time_ns > self.worst_ns:
                self.worst_ns, self.worst_seed = time_ns, seed

    def include(self, other: Spans) -> None:
        """Add what others took."""
        self.bins.update(other.bins)
        if other.worst_ns > self.worst_ns:
            self.worst_ns, self.worst_seed = other.worst_ns, other.worst_seed

    def line(self) -> str:
        """For people."""
        if self.median_s is None:
            return "none"
        where = "" if self.worst_seed is None else f" (seed {self.worst_seed})"
        return f"median {self.median_s:.2f} s, worst {self.worst_s:.2f} s{where}"

    def to_json(self) -> dict[str, Any]:
        bins = {str(number): count for number, count in sorted(self.bins.items())}
        return {"bins": bins, "worst_ns": self.worst_ns, "worst_seed": self.worst_seed}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Spans:
        """Raises `ValueError` or `KeyError` for what `to_json` did not write."""
        bins = Counter({int(number): count for number, count in stored["bins"].items()})
        return cls(bins, stored["worst_ns"], stored["worst_seed"])


def _bin(time_ns: int) -> int:
    return -(-time_ns * _BINS_PER_SECOND // NANOSECONDS)
