"""One process of the bot after the other, on one account and one state folder, killed or asked to stop from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.processes.venue import AuditedVenue
from tests.support.program import RUNBOT

LIMIT_S = 150
"""Whatever takes longer hangs. An exchange that takes 60 requests in a minute can keep a start waiting for one."""
NEVER_RAN = "interrupted before the bot ran; it sent no order"


class BotProcess:
    """A process under way and the lines it has said, both streams together."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.number = 0
        """Of its life; 0: none of an account's."""
        self.lines: list[str] = []
        self._said = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace"))
            async with self._said:
                self._said.notify_all()
        async with self._said:
            self._said.notify_all()

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    async def line_with(self, text: str) -> str:
        """The first line that holds it; fails when the process ends before, or after `LIMIT_S`."""
        found: list[str] = []

        def is_over() -> bool:
            found.extend(line for line in self.lines if text in line)
            return bool(found) or self._reading.done()

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S), self._said:
                await self._said.wait_for(is_over)
        assert found, f"it has not said {text!r}:\n{self.said}"
        return found[0]

    def signal(self, number: signal.Signals) -> None:
        """Not through `subprocess`, which would take the exit status away from whoever waits for it."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    async def end(self) -> int:
        """Its exit status; waits for it, `LIMIT_S` at most."""
        over = asyncio.create_task(self.process.wait())
        _, late = await asyncio.wait([over, self._reading], timeout=LIMIT_S)
        assert not late, f"it has not ended after {LIMIT_S} s:\n{self.said}"
        self._reading.result()
        return over.result()


@asynccontextmanager
async def started(folder: Path, environment: dict[str, str], *flags: str) -> AsyncIterator[BotProcess]:
    """`python runbot.py` in `folder`; whatever happens, it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(RUNBOT),
        *flags,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    bot = BotProcess(process)
    try:
        yield bot
    finally:
        bot.signal(signal.SIGKILL)
        await bot.end()


class Account:
    """The processes of one account, one after the other, as its exchange and the auditor see them."""

    def __init__(self, folder: Path, venue: AuditedVenue) -> None:
        self.folder = folder
        self.venue = venue
        self.lives = 0

    @asynccontextmanager
    async def life(self, *flags: str) -> AsyncIterator[BotProcess]:
        """A process, which is over when the block is left: `kill` or `end` it, or fail."""
        number = self.lives = self.lives + 1
        self.venue.began(number)
        async with started(self.folder, dict(self.venue.env), *self.venue.asked.flags, *flags) as bot:
            bot.number = number
            yield bot

    async def kill(self, bot: BotProcess) -> None:
        """By SIGKILL; that it had ended by itself is an error: nobody asked it to."""
        bot.signal(signal.SIGKILL)
        status = await bot.end()
        assert status == -signal.SIGKILL, f"it ended by itself with status {status}:\n{bot.said}"
        self.venue.killed(bot.number, bot.said)

    async def end(self, bot: BotProcess) -> int:
        """Its exit status, once it has ended by itself."""
        status = await bot.end()
        if NEVER_RAN in bot.said:
            self.venue.killed(bot.number, bot.said)  # It promises nothing: what an earlier one left is as it was.
            return status
        unconfirmed = tuple(_after("not confirmed: ", bot.lines))
        reason = bot.lines[-1].strip() if bot.lines else ""
        self.venue.ended(bot.number, status, reason, unconfirmed, bot.said)
        return status


def _after(word: str, lines: Sequence[str]) -> list[str]:
    return [line.removeprefix(word).strip() for line in lines if line.startswith(word)]
