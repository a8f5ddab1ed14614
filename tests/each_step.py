"""`make each-step`: worlds of up to two entries, killed before every step, and disturbed at every message, in turn.

One row for each exchange and kind of death or fault, with the number of worlds until one passed. Exit 1 where something
was broken; the place is named, and is the argument of the plan in `tests.support.each_step` that shows it again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from exchanges.factory import ExchangeFactory
from tests.support.each_step import (
    broken,
    killed_at_each_step,
    killed_while_recovering,
    message_faults,
    struck_at_each_message,
)

DEATHS = ("kill", "power")
_RECOVERIES = range(10, 400, 30)
"""Steps of a first death after which each step of the recovery is the second."""

Row = tuple[int, dict[int, str]]


def row(exchange: str, kind: str, stride: int) -> Row:
    """How many worlds there were, and what was broken at which place."""
    if kind in DEATHS:
        return broken(killed_at_each_step(exchange, stride, power_lost=kind == "power"))
    what, _, first = kind.partition(" again after ")
    if first:
        return broken(killed_while_recovering(exchange, int(first), stride, power_lost=what == "power"))
    return broken(struck_at_each_message(exchange, kind, stride))


def kinds(exchange: str) -> list[str]:
    again = [f"{death} again after {step}" for death in DEATHS for step in _RECOVERIES]
    return [*DEATHS, *again, *message_faults(exchange)]


def main(arguments: Sequence[str]) -> int:
    names = ExchangeFactory.names()
    parser = argparse.ArgumentParser(prog="python -m tests.each_step", description=__doc__)
    parser.add_argument("--exchange", choices=names, help="only this one (default: all)")
    parser.add_argument("--stride", type=int, default=1, help="leave out all but every so many-th place (default: 1)")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes (default: all cores)")
    given = parser.parse_args(arguments)
    exchanges = names if given.exchange is None else [given.exchange]
    wanted = [(exchange, kind) for exchange in exchanges for kind in kinds(exchange)]
    began_s, worlds, bad = time.monotonic(), 0, 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, given.jobs), mp_context=context) as pool:
        under_way = {pool.submit(row, *item, max(1, given.stride)): item for item in wanted}
        for number, done in enumerate(as_completed(under_way), 1):
            (exchange, kind), (count, found) = under_way[done], done.result()
            worlds, bad = worlds + count, bad + len(found)
            print(f"{number:>4} of {len(wanted)}  {exchange:<10}{kind:<24}{count:>6} worlds, {len(found)} broken")
            for place, text in found.items():
                print(f"            at {place}: {text}")
            sys.stdout.flush()
    print(f"{worlds:,} worlds, {bad} broken; took {time.monotonic() - began_s:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
