"""Many worlds, on several processes, in the order of their seeds."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice

from simulation.plan import Wanted, draw_plan
from simulation.run import WorldResult, run_world

_COLLECT_AFTER = 20_000
"""Objects."""
_AHEAD = 2
"""Worlds per process that are handed out before their turn."""


def run_seed(seed: int, wanted: Wanted, venues: tuple[str, ...]) -> WorldResult:
    """One world, from its seed."""
    return run_world(draw_plan(seed, wanted, venues))


def run_seeds(
    seeds: Iterable[int],
    wanted: Wanted,
    venues: tuple[str, ...],
    jobs: int,
    goes_on: Callable[[], bool] = lambda: True,
) -> Iterator[WorldResult]:
    """The worlds of `seeds`, as they are finished; no new one is begun once `goes_on` says so.

    With one job everything happens in this process. An error in a world is raised here.
    """
    if jobs == 1:
        for seed in seeds:
            if not goes_on():
                return
            yield run_seed(seed, wanted, venues)
        return
    waiting = iter(seeds)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_settle_in) as pool:
        under_way: set[Future[WorldResult]] = set()
        try:
            while True:
                room = _AHEAD * jobs - len(under_way) if goes_on() else 0
                if not goes_on():
                    under_way = {future for future in under_way if not future.cancel()}
                under_way |= {pool.submit(run_seed, seed, wanted, venues) for seed in islice(waiting, room)}
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in under_way:
                future.cancel()


def _settle_in() -> None:
    """Ctrl-C reaches every process of a terminal; only the first one knows what is to be done. And a world leaves few
    cycles behind: looking for them less often saves one twentieth of its time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
