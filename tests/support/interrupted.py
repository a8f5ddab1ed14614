"""A whole session in this process, interrupted at a given turn of its event loop by a real signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import signal
import sqlite3
import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from commands import interrupts, paper
from commands.files import SessionFiles
from commands.options import Exchanges, RunOptions, parse
from commands.session import SessionRun, Surroundings
from exchanges.paper import PaperClient
from helpers.clock import VirtualTimeLoop
from helpers.settings import load_settings


class SignalledLoop(VirtualTimeLoop):
    """Signals its own process just before the turns in `at`, and remembers what it had to complain of."""

    def __init__(self, start_ns: int, at: Collection[int]) -> None:
        super().__init__(start_ns)
        self.turns = 0
        self.complaints: list[str] = []
        self._at = at
        self.set_exception_handler(self._complain)

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns in self._at:
            signal.raise_signal(signal.SIGINT)
        super()._run_once()

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context['message']}: {context.get('exception')!r}")


@dataclass(frozen=True)
class Interrupted:
    """How it ended. `status` None: by `KeyboardInterrupt`, before the bot ran."""

    status: int | None
    out: str
    err: str
    turns: int
    complaints: list[str]
    orders: int
    """That the paper exchange was ever given."""


def run_interrupted(folder: Path, at: Collection[int], *argv: str) -> Interrupted:
    """Run one paper session in an empty `folder`, with a signal at each turn in `at`."""
    options = parse(
        ["--state-dir", str(folder / "state"), "--log-dir", str(folder / "logs"), *argv], Exchanges(("paper",))
    )
    assert isinstance(options, RunOptions)
    files = SessionFiles(options.state_dir, options.log_dir, "interrupted")
    files.state_dir.mkdir(parents=True)
    opened = paper.open_session(options, files, None, 0, lambda: 1)
    loop = SignalledLoop(opened.loop.clock.now_ns(), at)
    opened.loop.close()
    session = replace(opened, loop=loop, client=PaperClient(opened.world, loop.clock))
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings({}, out, err, lambda: 0, lambda: 0.0, lambda: 1, lambda: "", is_attended=False)
    status: int | None = None
    with interrupts.as_keyboard_interrupts(), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        settings = load_settings(options.env_file, {}, must_exist=False)
        with contextlib.suppress(KeyboardInterrupt):
            status = SessionRun(options, settings, files, session, around).to_its_end()
        gc.collect()  # What nobody owns complains when it goes.
    left = [f"{task} is left" for task in asyncio.all_tasks(loop)]
    complaints = [*loop.complaints, *(str(warning.message) for warning in warned), *left]
    with contextlib.closing(sqlite3.connect(files.ledger)) as books:
        (orders,) = books.execute("SELECT count(*) FROM orders").fetchone()
    return Interrupted(status, out.getvalue(), err.getvalue(), loop.turns, complaints, orders)
