"""Two processes at once on one account and ticker."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.processes.bot_process import Account, started
from tests.processes.series import as_it_is, differences
from tests.processes.venue import TICKER, Asked, audited_venue
from tests.support.program import Program

REFUSED = "is already trading this account and ticker"


async def refused_beside_another(folder: Path, asked: Asked) -> list[str]:
    """A second process on the same files is refused in one line, without a word to the exchange, and the first trades
    on as if nothing had been. Then the first is killed, and one that starts at that moment goes on in its place."""
    program = Program(folder)
    async with audited_venue(asked, program.file("state", f"{asked.exchange}_{TICKER}.sqlite")) as venue:
        account = Account(folder, venue)
        async with account.life() as first:
            await first.line_with("take-profit sell")
            async with started(folder, dict(venue.env), *asked.flags) as second:
                status = await second.end()
            wrong = _refusal(status, second.lines, first.process.pid)
            await venue.next_fact()
            first.signal(signal.SIGKILL)
            async with account.life("--for", venue.at_least("6s"), "--json", "out.json") as successor:
                await account.kill(first)
                status = await account.end(successor)
        if status != 0:
            return [*wrong, f"the successor: status {status}: {successor.said}", *venue.findings()]
        rows = program.rows(f"{asked.exchange}_{TICKER}")
        wrong += differences(venue.ledger(), program.report(), rows, venue.twin.now_ms)
        wrong += await as_it_is(account)
        return [*wrong, *venue.findings()]


def _refusal(status: int, lines: list[str], holder: int) -> list[str]:
    is_one_line = len(lines) == 1 and lines[0].startswith(f"error: process {holder} {REFUSED} (")
    return [] if status == 2 and is_one_line else [f"the second process: status {status}: {''.join(lines)}"]
