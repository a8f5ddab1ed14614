"""How long `runbot.py --help` takes over a bare interpreter: `python -m benchmarks.help_start`. Aim: 0.3 s.

The two are started in turns, and the fastest of each counts: what else the machine does only adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

RUNBOT = Path(__file__).resolve().parents[1] / "runbot.py"
AIM_S = 0.3


def started_s(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="starts of each (default 20)")
    times = parser.parse_args().times
    pairs = [(started_s("-c", "pass"), started_s(str(RUNBOT), "--help")) for _ in range(times)]
    bare_s, help_s = (min(column) for column in zip(*pairs, strict=True))
    ratio = help_s / bare_s
    print(f"bare interpreter {bare_s * 1e3:.0f} ms, runbot.py --help {help_s * 1e3:.0f} ms: ratio {ratio:.1f}")
    print(f"over the bare interpreter: {help_s - bare_s:.3f} s (aim: {AIM_S} s)")


if __name__ == "__main__":
    main()
