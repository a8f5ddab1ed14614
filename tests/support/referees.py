"""Official SDKs as referees of the twins, each in an environment of its own: `make referees` builds them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "referees"
TIMEOUT_S = 60.0


def referee_python(venue: str) -> Path:
    """The interpreter that has the venue's SDK; the test is skipped with a word where it was not built."""
    folder = Path(os.environ.get("REFEREES_DIR", str(ROOT / ".venv-referees"))) / venue
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        pytest.skip(f"the official SDK of {venue} is not installed: make referees")
    return python


async def driven(venue: str, env: Mapping[str, str]) -> Any:
    """What `tests/referees/<venue>/drive.py` printed, working on the twin of `env`."""
    process = await asyncio.create_subprocess_exec(
        str(referee_python(venue)),
        str(FOLDER / venue / "drive.py"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", "")},
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, errors = await process.communicate(json.dumps(dict(env)).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("the SDK did not come to an end") from None
    assert process.returncode == 0, errors.decode()[-2000:]
    return json.loads(out)
