"""Other Pythons on this machine that can run the simulated worlds, and the traces of worlds on each.

`make pythons` makes an environment for every Python it finds, in `.venv-pythons`. Others that have what the bot needs
are found on the path, or named by `OTHER_PYTHONS` (paths of interpreters, separated as in `PATH`). Run as a program,
this prints the traces of worlds on the Python it runs on, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from exchanges.factory import ExchangeFactory
from simulation.plan import Wanted
from simulation.runner import run_seed

ROOT = Path(__file__).resolve().parents[2]
_NAMES = [f"python3.{minor}" for minor in range(11, 20)]
_PATIENCE_S = 600
_ABOUT = "import platform, aiohttp, coincurve, cryptography, pyarrow; print(platform.python_version())"


def candidates() -> list[Path]:
    """Interpreters that may do, those of `make pythons` first."""
    made = sorted((ROOT / ".venv-pythons").glob("*/bin/python"))
    named = [Path(text) for text in os.environ.get("OTHER_PYTHONS", "").split(os.pathsep) if text]
    on_path = [Path(found) for name in _NAMES if (found := shutil.which(name)) is not None]
    return [*made, *named, *on_path]


def usable(paths: Iterable[Path]) -> dict[str, Path]:
    """The first interpreter of each other version that has what the bot needs, by version."""
    found: dict[str, Path] = {}
    here = ".".join(map(str, sys.version_info[:3]))
    for path in paths:
        asked = subprocess.run([path, "-c", _ABOUT], capture_output=True, text=True, check=False)
        version = asked.stdout.strip()
        if asked.returncode == 0 and version != here:
            found.setdefault(version, path)
    return found


def traces(worlds: int, hours: str) -> dict[str, str]:
    """Of so many worlds on every exchange, with faults and kills."""
    venues = ExchangeFactory.venues()
    told: dict[str, str] = {}
    for exchange in ExchangeFactory.names():
        wanted = Wanted(exchange=exchange, hours=Decimal(hours), kills=True)
        told |= {f"{exchange} {seed}": run_seed(seed, wanted, venues).trace for seed in range(50, 50 + worlds)}
    return told


def traces_on(python: Path, worlds: int, hours: str) -> dict[str, str]:
    """The same on another Python. Raises `CalledProcessError` where it fails."""
    command = [str(python), "-B", "-m", "tests.support.pythons", str(worlds), hours]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_PATIENCE_S
    )
    told: dict[str, str] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    json.dump(traces(int(sys.argv[1]), sys.argv[2]), sys.stdout)
