"""`make pythons`: the same worlds on every Python of this machine, and whether they went the same way.

Exit 1 where a trace differs, or where there is no other Python to compare with.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence

from tests.support.pythons import candidates, traces, traces_on, usable


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pythons", description=__doc__)
    parser.add_argument("--worlds", type=int, default=5, help="so many on every exchange (default: 5)")
    parser.add_argument("--hours", default="0.25", help="their length (default: 0.25)")
    given = parser.parse_args(arguments)
    others = usable(candidates())
    if not others:
        print("there is no other Python here that has what the bot needs")
        return 1
    expected, bad = traces(given.worlds, given.hours), 0
    print(f"{platform.python_version():<10}{len(expected)} worlds")
    for version, python in sorted(others.items()):
        told = traces_on(python, given.worlds, given.hours)
        differing = [name for name, trace in expected.items() if told[name] != trace]
        bad += len(differing)
        what = f"other traces: {', '.join(differing)}" if differing else "the same traces"
        print(f"{version:<10}{len(told)} worlds, {what} ({python})", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
