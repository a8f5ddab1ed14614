"""A file system of a few megabytes that something else fills while the bot trades, and that is emptied again later.

`python -m tests.processes.full_disk FOLDER EXCHANGE SEED HOW` runs in `FOLDER`, which is to be such a file system, and
prints what was wrong, one line each. `small` mounts one in a user namespace of its own and runs that command in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from domain.market import Side
from exchanges.rehearsal.desk import TwinOrder
from simulation.observed import DiskTrouble, OutsideChange
from tests.processes.bot_process import LIMIT_S, Account, BotProcess
from tests.processes.series import as_it_is, differences
from tests.processes.venue import TICKER, Asked, AuditedVenue, audited_venue
from tests.support.program import Program

ROOT = Path(__file__).resolve().parents[2]
SIZE = "3m"
HOWS = ("emptied", "interrupted", "killed")
"""What comes first while the disk is full: room again, a Ctrl-C, or a kill -9."""
FAR = Decimal("0.5")
"""A take-profit, in percent, that still rests when the exchange is to take it away."""
SLOW = 8
FULL = "waits: cannot write the journal"
HEALED = "the journal can be written again"
_MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'


def why_not() -> str:
    """Why no small file system can be mounted here; empty where one can."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "there is no unshare here"
    tried = subprocess.run(
        [*_namespace("64k", Path(tempfile.gettempdir())), "true"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return tried.stderr.strip() if tried.returncode else ""


def small(folder: Path, exchange: str, seed: int, how: str) -> list[str]:
    """What was wrong in `folder`, over which a small file system is mounted that ends with the processes in it."""
    command = [sys.executable, "-m", "tests.processes.full_disk", str(folder), exchange, str(seed), how]
    done = subprocess.run(
        [*_namespace(SIZE, folder), *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )
    wrong = done.stdout.splitlines()
    return wrong if done.returncode == 0 else [*wrong, f"status {done.returncode}: {done.stderr}"]


def _namespace(size: str, folder: Path) -> list[str]:
    """Where the first process ends, all of its own end with it."""
    unshared = ["unshare", "--fork", "--pid", "--kill-child", "--user", "--map-root-user", "--mount"]
    return [*unshared, "sh", "-c", _MOUNT, "sh", size, str(folder)]


class Filler:
    """Somebody else's file, which takes all the room there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"

    def fill(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (65_536, 4_096, 1):
                self._fill_with(handle, bytes(size))
        finally:
            os.close(handle)

    def _fill_with(self, handle: int, block: bytes) -> None:
        while True:
            try:
                os.write(handle, block)
            except OSError:
                return

    def remove(self) -> None:
        self._path.unlink()


async def filled_up(folder: Path, asked: Asked, how: str) -> list[str]:
    """Trade, fill the disk, see what goes on and what does not, then `how`, room again, and trade on."""
    program, filler, stem = Program(folder), Filler(folder), f"{asked.exchange}_{TICKER}"
    async with audited_venue(asked, program.file("state", f"{stem}.sqlite")) as venue:
        account = Account(folder, venue)
        wrong = await _full(account, filler, how)
        async with account.life("--for", venue.at_least("6s"), "--json", "out.json") as bot:
            status = await account.end(bot)
        if status != 0:
            return [*wrong, f"the run afterwards: status {status}: {bot.said}", *venue.findings()]
        rows = program.rows(stem)
        if how == "emptied" and HEALED not in program.file("logs", f"{stem}_activity.log").read_text():
            wrong.append(f"the log does not say {HEALED!r}")
        wrong += differences(venue.ledger(), program.report(), rows, venue.twin.now_ms)
        wrong += await as_it_is(account)
        return [*wrong, *venue.findings()]


async def _full(account: Account, filler: Filler, how: str) -> list[str]:
    venue = account.venue
    async with account.life() as bot:
        await bot.line_with("take-profit sell")
        filler.fill()
        venue.tell(DiskTrouble(is_on=True))
        await bot.line_with(FULL)
        wrong = await _goes_on(venue, bot)
        if how == "emptied":
            filler.remove()
            await _new_order(venue, bot, Side.BUY)
            venue.tell(DiskTrouble(is_on=False))
            bot.signal(signal.SIGINT)
            venue.asked_to_stop()
            status = await account.end(bot)
            return wrong if status == 0 else [*wrong, f"emptied, then asked to stop: status {status}: {bot.said}"]
        if how == "killed":
            await account.kill(bot)
        else:
            wrong += await _interrupted(account, bot)
    wrong += await _started(account)
    filler.remove()
    venue.tell(DiskTrouble(is_on=False))
    return wrong


async def _goes_on(venue: AuditedVenue, bot: BotProcess) -> list[str]:
    """The exchange takes a close away: it is covered again, and nothing is opened meanwhile."""
    opens = sum(order.side is Side.BUY for order in venue.twin.desk.orders.values())
    close = await _first(
        venue, bot, "resting close", lambda: (each for each in venue.twin.desk.live_orders() if each.side is Side.SELL)
    )
    venue.tell(OutsideChange("the exchange cancels a close"))
    venue.twin.desk.end_by_venue(close.number, "risk", expired=False)
    again = await _new_order(venue, bot, Side.SELL)
    more = sum(order.side is Side.BUY for order in venue.twin.desk.orders.values()) - opens
    wrong = [f"{more} opens were placed while the disk was full"] if more else []
    left = close.quantity - close.filled
    return wrong if again.quantity >= left else [*wrong, f"{left} was bare, and {again.quantity} was covered"]


async def _interrupted(account: Account, bot: BotProcess) -> list[str]:
    bot.signal(signal.SIGINT)
    account.venue.asked_to_stop()
    status = await account.end(bot)
    is_listed = any(
        line.startswith("not confirmed: ") and "records are not in the journal" in line for line in bot.lines
    )
    return [] if status == 3 and is_listed else [f"stopped with a full disk: status {status}: {bot.said}"]


async def _started(account: Account) -> list[str]:
    """A start has something to write before the first order: it ends with one line."""
    async with account.life("--for", "2s") as bot:
        status = await account.end(bot)
    is_told = status == 2 and len(bot.lines) == 1 and "cannot write the journal" in bot.said
    return [] if is_told else [f"started with a full disk: status {status}: {bot.said}"]


async def _first(
    venue: AuditedVenue, bot: BotProcess, what: str, orders: Callable[[], Iterable[TwinOrder]]
) -> TwinOrder:
    """The first of such orders, waited for `LIMIT_S` at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            while True:
                for order in orders():
                    return order
                await venue.next_fact()
    raise AssertionError(f"there is no {what}:\n{bot.said}")


async def _new_order(venue: AuditedVenue, bot: BotProcess, side: Side) -> TwinOrder:
    desk = venue.twin.desk
    known = set(desk.orders)
    return await _first(
        venue,
        bot,
        f"new {side}",
        lambda: (order for number, order in desk.orders.items() if number not in known and order.side is side),
    )


def main(arguments: Sequence[str]) -> int:
    folder, exchange, seed, how = arguments
    asked = Asked(exchange, int(seed), take_profit=FAR, speed=SLOW)
    for line in asyncio.run(filled_up(Path(folder), asked, how)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
