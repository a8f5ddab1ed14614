"""What many worlds add up to, kept in a form that can be written down and gone on with later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.market import NANOSECONDS
from simulation.run import WorldResult
from simulation.spans import Spans

_MOST_KEPT = 50


@dataclass(slots=True)
class Totals:
    """Counts over worlds, and how long things took in them."""

    worlds: int = 0
    simulated_ns: int = 0
    lives: int = 0
    steps: int = 0
    requests: int = 0
    entries: int = 0
    quiet_requests: int = 0
    """In worlds in which nothing was disturbed, and the entries of those."""
    quiet_entries: int = 0
    quiet_halts: int = 0
    quiet_wire: int = 0
    """What left for the venues in those, where there is a wire, and the entries of these."""
    quiet_wire_entries: int = 0
    quiet_requests_of: Counter[str] = field(default_factory=Counter)
    cover: dict[str, Spans] = field(default_factory=dict)
    """By exchange: from when a fill was knowable until a close rested for it, while the venue answered."""
    recovery: Spans = field(default_factory=Spans)
    """The same for what a start, an outage, a disturbed message or the end of a close left bare."""
    stalls: Spans = field(default_factory=Spans)
    """Until a stalled stream was replaced and the account looked at."""
    hindered_stalls: Spans = field(default_factory=Spans)
    by_exchange: Counter[str] = field(default_factory=Counter)
    by_length: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    struck_worlds: Counter[str] = field(default_factory=Counter)
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
            self._add_quiet(result)
        self.by_exchange[result.exchange] += 1
        self.by_length[_length_class(result.simulated_ns)] += 1
        self.fired.update(result.fired)
        self.struck_worlds.update(result.fired.keys())
        self.cover.setdefault(result.exchange, Spans()).add(result.times_to_cover_ns, result.seed)
        self.recovery.add(result.recovery_times_ns, result.seed)
        self.stalls.add(result.stall_times_ns, result.seed)
        self.hindered_stalls.add(result.hindered_stall_times_ns, result.seed)
        self.violations.update(violation.invariant for violation in result.violations)
        if result.violations and len(self.bad_seeds) < _MOST_KEPT:
            self.bad_seeds.append(result.seed)

    def _add_quiet(self, result: WorldResult) -> None:
        self.quiet_requests += result.requests
        self.quiet_entries += result.entries
        self.quiet_halts += result.halts
        self.quiet_requests_of.update(result.requests_of)
        if result.on_wire:
            self.quiet_wire += result.on_wire
            self.quiet_wire_entries += result.entries

    def whole_cover(self) -> Spans:
        """Of all exchanges."""
        whole = Spans()
        for spans in self.cover.values():
            whole.include(spans)
        return whole

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file; `from_json` reads it back."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Totals:
        """Raises `ValueError` or `KeyError` for what `to_json` did not write."""
        totals = cls()
        for name in cls.__slots__:
            value, fresh = stored[name], getattr(totals, name)
            if isinstance(fresh, Spans):
                value = Spans.from_json(value)
            elif isinstance(fresh, Counter):
                value = Counter(value)
            elif isinstance(fresh, dict):
                value = {key: Spans.from_json(spans) for key, spans in value.items()}
            setattr(totals, name, value)
        return totals


def _plain(value: object) -> object:
    if isinstance(value, Spans):
        return value.to_json()
    return {key: _plain(value[key]) for key in sorted(value)} if isinstance(value, dict) else value


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
        *_times(totals),
        *_quiet(totals),
    ]
    if totals.fired:
        lines += ["", f"{'fault':<22}{'struck':>10}{'worlds':>9}"]
        for name, strikes in sorted(totals.fired.items()):
            lines.append(f"{name:<22}{strikes:>10,}{totals.struck_worlds[name]:>9,}")
    never = sorted(set(unfired) - set(totals.fired))
    if never:
        lines.append(f"never struck: {', '.join(never)}")
    found = ", ".join(f"{name} {count}" for name, count in sorted(totals.violations.items()))
    return [*lines, "", f"violations      {found or 'none'}"]


def _times(totals: Totals) -> list[str]:
    """The worst of each: what the promises of time are read off."""
    whole = totals.whole_cover()
    if not whole.count:
        return ["time to cover   nothing was filled"]
    lines = [f"time to cover   {whole.line()}, from when it could be known"]
    if len(totals.cover) > 1:
        lines += [f"  {name:<14}{spans.line()}" for name, spans in sorted(totals.cover.items())]
    if totals.recovery.count:
        what = "after a start, an outage, a disturbed message, or the end of a close"
        lines.append(f"found out       {totals.recovery.line()}, {what}")
    if totals.stalls.count:
        lines.append(f"stalled streams {totals.stalls.line()}, until replaced and the account looked at")
    if totals.hindered_stalls.count:
        lines.append(f"  and more      {totals.hindered_stalls.line()}, where another message was disturbed too")
    return lines


def _quiet(totals: Totals) -> list[str]:
    """Requests per filled entry where nothing was disturbed."""
    if not totals.quiet_entries:
        return []
    each = ", ".join(
        f"{name} {count / totals.quiet_entries:.1f}"
        for name, count in sorted(totals.quiet_requests_of.items(), key=lambda item: (-item[1], item[0]))
    )
    ratio = totals.quiet_requests / totals.quiet_entries
    lines = [
        f"undisturbed     {totals.quiet_halts} halts; {ratio:.1f} requests per filled entry with looks and starts:",
        f"                {each}",
    ]
    if totals.quiet_wire_entries:
        ratio = totals.quiet_wire / totals.quiet_wire_entries
        lines.append(f"  on the wire   {ratio:.1f} per filled entry, with times, logins and everything else")
    return lines
