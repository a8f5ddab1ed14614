"""`make mutants`: hunt every mutant, or those named, and print which world caught it. Exit 1 where one survives."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.hunt import ROOT, Caught, Healthy, Survived, copy_sources, flags, hunt
from tests.mutants.mutant import Mutant


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants to hunt (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    given = parser.parse_args(arguments)
    known = {mutant.name: mutant for mutant in MUTANTS}
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"there is no mutant {unknown[0]}; there are {', '.join(known)}")
    return _hunt_all([known[name] for name in given.names] or list(MUTANTS), max(1, given.jobs))


def _hunt_all(wanted: Sequence[Mutant], jobs: int) -> int:
    began_s, survivors = time.monotonic(), 0
    print(f"{len(wanted)} mutants, each in up to so many worlds: runbot.py simulate {flags(None)} --exchange ...")
    print(f"{'mutant':<42}{'worlds':<10}{'up to':>6}{'caught by':>11}  broken", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder, ThreadPoolExecutor(jobs) as pool:
        sources = Path(folder) / "sources"
        copy_sources(ROOT, sources)
        is_healthy = Healthy(sources)
        under_way = {pool.submit(hunt, mutant, sources, is_healthy): mutant for mutant in wanted}
        for done in as_completed(under_way):
            found = done.result()
            survivors += isinstance(found, Survived)
            print(row(under_way[done], found), flush=True)
    took_s = time.monotonic() - began_s
    print(f"{len(wanted) - survivors} of {len(wanted)} mutants caught, {survivors} survived; took {took_s:.0f} s")
    return 1 if survivors else 0


def row(mutant: Mutant, found: Caught | Survived) -> str:
    head = f"{mutant.name:<42}{mutant.exchange or 'mix':<10}{mutant.seeds:>6}"
    if isinstance(found, Caught):
        return f"{head}{f'seed {found.seed}':>11}  {', '.join(found.invariants)}"
    return f"{head}{'-':>11}  SURVIVED: {found.why}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
