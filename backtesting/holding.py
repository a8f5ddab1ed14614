"""How long entries were held: from an entry's first opening trade to the trade that closed the last of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from backtesting.history import FillRecord
from domain.market import NANOSECONDS
from domain.orders import Purpose

ZERO = Decimal(0)
_EDGES_S = (1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800)
_NAMES = ("1 s", "5 s", "15 s", "1 min", "5 min", "15 min", "1 h", "4 h", "12 h", "1 d", "3 d", "7 d")


@dataclass(frozen=True, slots=True)
class Holding:
    """`times_ns`: of closed entries, ascending. `open_since_ns`: first trades of those still open, ascending."""

    times_ns: tuple[int, ...]
    open_since_ns: tuple[int, ...]

    def quantile(self, share: float) -> int | None:
        """The shortest time that at least `share` of the closed entries did not exceed; None without any."""
        if not self.times_ns:
            return None
        return self.times_ns[max(0, -int(-share * len(self.times_ns) // 1) - 1)]

    def histogram(self) -> tuple[tuple[str, int], ...]:
        """Counts by length, the classes that are empty at either end left out."""
        counts = [0] * (len(_EDGES_S) + 1)
        edge = 0
        for time_ns in self.times_ns:
            while edge < len(_EDGES_S) and time_ns >= _EDGES_S[edge] * NANOSECONDS:
                edge += 1
            counts[edge] += 1
        names = [f"under {_NAMES[0]}", *_between(_NAMES), f"{_NAMES[-1]} and more"]
        filled = [index for index, count in enumerate(counts) if count]
        if not filled:
            return ()
        return tuple(zip(names, counts, strict=True))[filled[0] : filled[-1] + 1]


def _between(names: Sequence[str]) -> list[str]:
    return [f"{low} to {high}" for low, high in pairwise(names)]


def holding(fills: Iterable[FillRecord]) -> Holding:
    """From trades in the order in which they were heard of; one that names no entry says nothing here."""
    opened_ns: dict[int, int] = {}
    closed_ns: dict[int, int] = {}
    left: dict[int, Decimal] = {}
    for fill in fills:
        for part in fill.parts:
            known, is_open = part.entry_id, fill.role is Purpose.OPEN
            left[known] = left.get(known, ZERO) + (part.quantity if is_open else -part.quantity)
            if is_open:
                opened_ns[known] = min(opened_ns.get(known, fill.time_ns), fill.time_ns)
            else:
                closed_ns[known] = max(closed_ns.get(known, fill.time_ns), fill.time_ns)
    over = [entry for entry, quantity in left.items() if not quantity and entry in opened_ns]
    still = [since for entry, since in opened_ns.items() if left[entry]]
    return Holding(
        tuple(sorted(max(0, closed_ns[entry] - opened_ns[entry]) for entry in over)), tuple(sorted(still))
    )
