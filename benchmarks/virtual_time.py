"""How long 24 virtual hours take on the virtual-time loop: `python -m benchmarks.virtual_time`.

Five tasks sleep and hand over to a sixth through a queue, which makes about 750,000 wake-ups a day.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import platform
import sys
import time

from domain.market import NANOSECONDS
from helpers.clock import VirtualTimeLoop

PERIODS_S = (1.0, 1.1, 1.3, 0.9, 1.7)
"""Of the five producers; the sixth task receives. Each hand-over is two wake-ups."""


def live(length_s: float) -> tuple[int, str]:
    """The number of wake-ups in so much virtual time, and a hash of who woke when."""
    loop = VirtualTimeLoop(1_700_000_000 * NANOSECONDS)
    trace = hashlib.sha256()
    wakes = 0

    async def produce(number: int, period_s: float, queue: asyncio.Queue[int]) -> None:
        nonlocal wakes
        while loop.time() < length_s:
            await asyncio.sleep(period_s)
            wakes += 1
            queue.put_nowait(number)

    async def receive(queue: asyncio.Queue[int]) -> None:
        nonlocal wakes
        while True:
            number = await queue.get()
            wakes += 1
            trace.update(b"%d %d;" % (number, loop.clock.now_ns()))

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        receiver = asyncio.create_task(receive(queue))
        await asyncio.gather(*(produce(number, period_s, queue) for number, period_s in enumerate(PERIODS_S)))
        receiver.cancel()

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    return wakes, trace.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="virtual hours (default 24)")
    hours: float = parser.parse_args().hours
    length_s = hours * 3_600
    began_s = time.perf_counter()
    wakes, digest = live(length_s)
    took_s = time.perf_counter() - began_s
    _, again = live(length_s)
    sys.stdout.write(
        f"Python {platform.python_version()}: {wakes} wake-ups of {hours:g} virtual hours in {took_s:.2f} s, "
        f"{length_s / took_s:.0f} virtual seconds per second; trace {digest[:16]}, "
        f"{'the same' if again == digest else 'ANOTHER'} the second time\n"
    )


if __name__ == "__main__":
    main()
