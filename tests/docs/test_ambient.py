"""No ambient time, chance, environment or thread where virtual time rules, and proof that the check can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ambient import ambient_uses, ambient_uses_under

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_that_runs_under_virtual_time_reads_ambient_time_chance_or_environment() -> None:
    assert ambient_uses_under(ROOT) == []


@pytest.mark.parametrize(
    "source, uses",
    [
        ("import time\nnow = time.time()", ["1: time", "2: time.time"]),
        ("import time as t\nnow = t.monotonic", ["1: time", "2: time.monotonic"]),
        ("from time import time as t\nt()", ["1: time.time", "2: time.time"]),
        ("from time import *", ["1: time.*"]),
        ("def late():\n    from time import sleep", ["2: time.sleep"]),
        ("import datetime\nx = datetime.datetime.now()", ["2: datetime.datetime.now"]),
        ("import datetime as d\nx = d.datetime.utcnow()", ["2: datetime.datetime.utcnow"]),
        ("from datetime import datetime as dt\nx = dt.now(None)", ["2: datetime.datetime.now"]),
        ("from datetime import date\nf = date.today", ["2: datetime.date.today"]),
        ("import random\nrandom.random()", ["2: random.random"]),
        ("import random as r\nr.shuffle([])", ["2: random.shuffle"]),
        ("from random import choice", ["1: random.choice"]),
        ("import random\nr = random.Random()", ["2: random.Random without a seed"]),
        ("import random\nr = random.SystemRandom(1)", ["2: random.SystemRandom"]),
        ("import uuid\nx = uuid.uuid4()", ["2: uuid.uuid4"]),
        ("from uuid import uuid1 as make", ["1: uuid.uuid1"]),
        ("import os\nx = os.environ['A']", ["2: os.environ"]),
        ("import os\nx = os.environ.get('A')", ["2: os.environ.get"]),
        ("from os import getenv\nx = getenv('A')", ["1: os.getenv", "2: os.getenv"]),
        ("import os\nx = os.urandom(8)", ["2: os.urandom"]),
        ("import secrets", ["1: secrets"]),
        ("from secrets import token_hex", ["1: secrets.token_hex"]),
        ("from threading import Thread", ["1: threading.Thread"]),
        ("import concurrent.futures", ["1: concurrent.futures"]),
        ("import asyncio\nasync def f():\n    await asyncio.to_thread(print)", ["3: asyncio.to_thread"]),
        ("def f(loop):\n    loop.run_in_executor(None, print)", ["2: run_in_executor"]),
        ("import numpy as np\nnp.random.normal()", ["2: numpy.random.normal"]),
        ("import numpy as np\nnp.random.default_rng()", ["2: numpy.random.default_rng without a seed"]),
        ("import random\nf = getattr(random, 'random')", ["2: random"]),
        ("import random\nr = random\nr.random()", ["2: random"]),
        ("m = __import__('time')", ["1: time imported by name"]),
        ("import importlib\nm = importlib.import_module('random')", ["2: random imported by name"]),
    ],
)
def test_ambient_use_is_found_under_any_name(source: str, uses: list[str]) -> None:
    assert ambient_uses(source) == uses


@pytest.mark.parametrize(
    "source",
    [
        "import random\nr = random.Random(7)\nr.random()",
        "from random import Random\ndef f(chance: Random) -> float:\n    return chance.random()",
        "from datetime import datetime, UTC\nx = datetime.fromtimestamp(0, UTC)",
        "import asyncio\nasync def f(loop):\n    await asyncio.sleep(1)\n    loop.time()",
        "import os\nx = os.path.join('a', 'b')",
        "import uuid\nx = uuid.UUID(int=5)",
        "import numpy as np\nr = np.random.default_rng(7)",
        "def f(clock, time):\n    return clock.now_ns() + time",
        "text = 'time.time() is banned here'",
    ],
)
def test_seeded_chance_and_time_as_an_argument_pass(source: str) -> None:
    assert ambient_uses(source) == []


def test_only_what_runs_under_virtual_time_is_searched(tmp_path: Path) -> None:
    for name in ("markets/engine.py", "exchanges/acme/twin.py", "trading_bot.py", "helpers/clock.py", "bot/a.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from time import time\n", encoding="utf-8")
    assert ambient_uses_under(tmp_path) == [
        "markets/engine.py:1: time.time",
        "exchanges/acme/twin.py:1: time.time",
        "bot/a.py:1: time.time",
        "trading_bot.py:1: time.time",
    ]
