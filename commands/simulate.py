"""`runbot.py simulate`: seeded worlds full of faults, audited; what was found, and how to see it again."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator, Sequence
from decimal import Decimal
from types import FrameType
from typing import Any, TextIO

from commands import interrupts
from commands.kept_totals import KeptTotals, code_of
from commands.output_files import write_whole
from commands.session import Surroundings
from commands.simulate_options import SimulateOptions, parse_simulate
from domain.market import NANOSECONDS
from domain.report import span
from exchanges.factory import ExchangeFactory
from simulation.faults.catalogue import BY_NAME, KILLS
from simulation.plan import draw_plan
from simulation.run import WorldResult
from simulation.runner import run_seeds
from simulation.shrink import shrink
from simulation.timeline import timeline
from simulation.totals import table

_REDRAW_S, _RETELL_S = 0.5, 15.0
_MOST_STORIES = 3


def simulate(arguments: Sequence[str], around: Surroundings) -> int:
    """Live through the worlds; 0, or 1 where an invariant was broken. Raises `UsageError`."""
    with interrupts.as_keyboard_interrupts():
        options = parse_simulate(arguments)
        say = around.err if options.json is not None and str(options.json) == "-" else around.out
        kept = KeptTotals.open(options.keep, options.replay_flags(), code_of())
        return _Run(options, kept, around, say).to_its_end()


class _Run:
    def __init__(self, options: SimulateOptions, kept: KeptTotals, around: Surroundings, say: TextIO) -> None:
        self._options = options
        self._kept = kept
        self._around = around
        self._say = say
        self._failed: list[WorldResult] = []
        self._began_s = around.wall_s()
        self._told_s = self._began_s
        self._fresh = 0
        self._was_interrupted = False
        self._line = 0

    def to_its_end(self) -> int:
        options, seeds = self._options, self._options.seeds
        wanted = [seed for seed in seeds if seed not in self._kept.done] if self._kept.done else seeds
        try:
            with self._interruptible():
                for result in run_seeds(wanted, options.wanted, ExchangeFactory.venues(), options.jobs, self._goes_on):
                    self._take(result, len(wanted))
        finally:
            self._clear_line()
            self._kept.save()
        self._tell_end(self._was_interrupted, len(wanted))
        self._write_json()
        return 1 if self._kept.totals.violations else 0

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C lets the worlds under way end, and begins no other; the second breaks off."""

        def interrupted(number: int, frame: FrameType | None) -> None:
            if self._was_interrupted:
                signal.default_int_handler(number, frame)
            self._was_interrupted = True
            print("\nending the worlds under way; once more breaks off", file=self._around.err, flush=True)

        before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except KeyboardInterrupt:
            return
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _goes_on(self) -> bool:
        if self._was_interrupted:
            return False
        for_ns = self._options.for_ns
        return for_ns is None or self._around.wall_s() - self._began_s < for_ns / NANOSECONDS

    def _take(self, result: WorldResult, wanted: int) -> None:
        self._fresh += 1
        self._kept.add(result)
        if result.violations and len(self._failed) < _MOST_STORIES:
            self._failed.append(result)
        self._progress(wanted)

    # --- what is told -----------------------------------------------------------------------------------------------

    def _progress(self, wanted: int) -> None:
        err, now_s = self._around.err, self._around.wall_s()
        if now_s - self._told_s < (_REDRAW_S if err.isatty() else _RETELL_S):
            return
        self._told_s = now_s
        rate = self._fresh / max(1e-9, now_s - self._began_s)
        left = span(Decimal((wanted - self._fresh) / rate))
        broken = sum(self._kept.totals.violations.values())
        line = f"{self._fresh:,} of {wanted:,} worlds, {rate:.1f}/s, {left} left, violations: {broken}"
        if err.isatty():
            print(f"\r{line.ljust(self._line)}", end="", file=err, flush=True)
            self._line = len(line)
        else:
            print(line, file=err, flush=True)

    def _clear_line(self) -> None:
        if self._line:
            print(f"\r{' ' * self._line}\r", end="", file=self._around.err, flush=True)
            self._line = 0

    def _tell_end(self, was_interrupted: bool, wanted: int) -> None:
        options, totals, say = self._options, self._kept.totals, self._say
        if was_interrupted:
            print(f"interrupted after {self._fresh:,} of {wanted:,} worlds; this is what they showed:", file=say)
        names = (*options.wanted.faults, *(KILLS if options.wanted.kills else ()))
        for line in table(totals, names):
            print(line, file=say)
        print(f"seeds           from {options.seeds.start} on", file=say)
        elapsed_s = self._around.wall_s() - self._began_s
        took = f"{span(Decimal(elapsed_s))} for {self._fresh:,} worlds on {options.jobs} processes"
        print(f"took            {took}", file=say)
        for result in self._failed:
            self._tell_failure(result)
        if self._failed and options.explain and not was_interrupted:
            self._explain(self._failed[0])
        if not self._failed and totals.bad_seeds:
            print(f"seeds that failed in earlier runs: {totals.bad_seeds}", file=say)

    def _tell_failure(self, result: WorldResult) -> None:
        say, flags = self._say, self._options.replay_flags()
        plan = draw_plan(result.seed, self._options.wanted, ExchangeFactory.venues())
        print("", *plan.lines(), sep="\n", file=say)
        for line in timeline(result.story, result.violations, plan.settings.direction):
            print(line, file=say)
        command = f"python runbot.py simulate --seeds {result.seed}:{result.seed + 1} {flags}".rstrip()
        print(f"to see it again: {command}", file=say)

    def _explain(self, failed: WorldResult) -> None:
        say = self._say
        plan = draw_plan(failed.seed, self._options.wanted, ExchangeFactory.venues())
        smaller, result = shrink(plan, failed)
        struck = [f"{name} no. {number}" for name, numbers in result.strikes.items() for number in numbers]
        print(f"\nit still fails with these strikes alone ({len(struck)}): {', '.join(struck) or 'none'}", file=say)
        for line in timeline(result.story, result.violations, smaller.settings.direction):
            print(line, file=say)

    def _write_json(self) -> None:
        target = self._options.json
        if target is None:
            return
        totals, cover = self._kept.totals, self._kept.totals.whole_cover()
        report: dict[str, Any] = {
            "seeds": [self._options.seeds.start, self._options.seeds.stop],
            "flags": self._options.replay_flags(),
            "code": self._kept.code,
            "faults": sorted(BY_NAME),
            **totals.to_json(),
            "simulated_hours": round(totals.simulated_ns / 3_600 / NANOSECONDS, 3),
            "median_cover_s": cover.median_s,
            "worst_cover_s": cover.worst_s,
            "worst_stall_s": totals.stalls.worst_s,
            "requests_per_entry": totals.quiet_requests / totals.quiet_entries if totals.quiet_entries else None,
        }
        text = json.dumps(report, indent=2) + "\n"
        if str(target) == "-":
            self._around.out.write(text)
        else:
            write_whole(target, lambda path: path.write_text(text, encoding="utf-8"))
