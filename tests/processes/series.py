"""A seeded series of deaths: killed at random moments, interrupted at another, and run to a clean end afterwards."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.processes.bot_process import LIMIT_S, Account, BotProcess
from tests.processes.venue import TICKER, Asked, AuditedVenue, audited_venue
from tests.support.program import Program, signed_quantity
from tests.support.twin_program import booked_fills, client_ids, resting_closes, written_fills

QUIET = ("--pause-price", "1")
"""Opens nothing, as every price is above it."""
_ENDED_AGO_MS = 2_000
"""What fills in the last moments of a session may not have reached it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a process is to die: after `count` of what `kind` names ("start": none), and then `later_s` seconds."""

    kind: str
    count: int
    later_s: float

    @classmethod
    def drawn(cls, chance: Random) -> Moment:
        kind = chance.choices(("start", "request", "fact", "time"), (1, 2, 5, 2))[0]
        if kind == "start":
            return cls(kind, 0, chance.uniform(0.0, 1.5))
        if kind == "time":
            return cls("request", 1, chance.uniform(0.0, 3.0))
        most = 30 if kind == "request" else 6
        return cls(kind, chance.randint(1, most), chance.choice((0.0, chance.uniform(0.0, 0.06))))


@dataclass(slots=True)
class Told:
    """What a series came to. `wrong`: everything that was broken; empty when all is well."""

    asked: Asked
    kills: int = 0
    moments: list[Moment] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    fills: int = 0
    orders: int = 0
    records: int = 0


async def killed_again_and_again(folder: Path, asked: Asked, kills: int, longest_s: float = 4.0) -> Told:
    """`kills` lives end by SIGKILL, `longest_s` after their first request at the latest, the next one by SIGINT, and
    one by itself; then one more start finds everything as it is."""
    told, chance = Told(asked), Random(f"deaths {asked.seed}")
    program = Program(folder)
    journal = program.file("state", f"{asked.exchange}_{TICKER}.sqlite")
    async with audited_venue(asked, journal) as venue:
        account = Account(folder, venue)
        for _ in range(kills):
            moment = Moment.drawn(chance)
            told.moments.append(moment)
            async with account.life() as bot:
                await reached(venue, bot, moment, longest_s)
                await account.kill(bot)
            told.kills += 1
        told.wrong += await _interrupted(account, chance, longest_s)
        told.wrong += await _to_its_end(account, program, asked)
        told.wrong += await as_it_is(account)
        told.wrong += venue.findings()
        told.fills, told.orders, told.records = len(venue.twin.desk.fills), venue.own_orders, venue.tail.last_seq
    return told


async def reached(venue: AuditedVenue, bot: BotProcess, moment: Moment, longest_s: float) -> None:
    """Wait for it; for `longest_s` at most from the process's first request on, and never longer than it lives."""
    come, loop = asyncio.Event(), asyncio.get_running_loop()
    left, timers = [moment.count], list[asyncio.TimerHandle]()

    def after(seconds: float) -> None:
        timers.append(loop.call_later(seconds, come.set))

    def happened(kind: str) -> None:
        if kind == "request" and len(timers) == 0:
            after(longest_s)
        if kind == moment.kind:
            left[0] -= 1
            if left[0] == 0:
                after(moment.later_s)

    if moment.kind == "start":
        after(moment.later_s)
    venue.at_request, venue.at_fact = lambda: happened("request"), lambda: happened("fact")
    ended, waiting = asyncio.create_task(bot.process.wait()), asyncio.create_task(come.wait())
    await asyncio.wait([ended, waiting], timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
    venue.at_request = venue.at_fact = lambda: None
    for timer in timers:
        timer.cancel()
    for task in (ended, waiting):
        task.cancel()
    await asyncio.wait([ended, waiting])


async def _interrupted(account: Account, chance: Random, longest_s: float) -> list[str]:
    async with account.life() as bot:
        await reached(account.venue, bot, Moment("request", chance.randint(1, 40), chance.uniform(0.0, 1.0)), longest_s)
        account.venue.asked_to_stop()
        bot.signal(signal.SIGINT)
        status = await account.end(bot)
    listed = "not confirmed: " in bot.said
    return [] if status == 0 or (status == 3 and listed) else [f"interrupted: status {status}: {bot.said}"]


async def _to_its_end(account: Account, program: Program, asked: Asked) -> list[str]:
    """The last long run, and everything in which the exchange, the report and the trade file differ after it."""
    async with account.life("--for", account.venue.at_least("8s"), "--json", "out.json") as bot:
        status = await account.end(bot)
    if status != 0:
        return [f"the last run: status {status}: {bot.said}"]
    ended_ms = account.venue.twin.now_ms
    report, rows = program.report(), program.rows(f"{asked.exchange}_{TICKER}")
    return differences(account.venue.ledger(), report, rows, ended_ms)


async def as_it_is(account: Account) -> list[str]:
    """One more start, which has nothing to place."""
    before = account.venue.own_orders
    async with account.life(*QUIET, "--for", account.venue.at_least("2s")) as bot:
        status = await account.end(bot)
    more = account.venue.own_orders - before
    found = [] if status == 0 else [f"the start afterwards: status {status}: {bot.said}"]
    return found if more == 0 else [*found, f"the start afterwards placed {more} orders: {bot.said}"]


def differences(
    ledger: Mapping[str, Any], report: Mapping[str, Any], rows: list[dict[str, str]], ended_ms: int
) -> list[str]:
    """A close that rests may fill when the session has ended: what is written is booked, and what is booked and not
    written is a sale of the last moments."""
    booked, written = booked_fills(ledger), written_fills(rows)
    late = {
        fill["trade_id"]
        for fill in ledger["fills"]
        if fill["side"] == "sell" and fill["time"] > ended_ms - _ENDED_AGO_MS
    }
    signed = sum(map(signed_quantity, rows), Decimal(0))
    pairs: dict[str, tuple[object, object]] = {
        "fills": (written, {trade_id: booked.get(trade_id) for trade_id in written}),
        "fills that are not written": (booked.keys() - written.keys() - late, set()),
        "position by report and trade file": (Decimal(report["position"]), signed),
        "covered by the report": (Decimal(report["covered"]), Decimal(report["position"])),
        "position and resting closes": (Decimal(ledger["position"]), resting_closes(ledger)),
        "fees": (sum((fill[4] for fill in written.values()), Decimal(0)), Decimal(report["fees"])),
        "client ids": (sorted(set(client_ids(ledger))), sorted(client_ids(ledger))),
        "odd": ((report["halted"], report["unexplained"], report["written_off"]), (False, "0", "0")),
    }
    return [f"{what}: {pair[0]} and {pair[1]}" for what, pair in pairs.items() if pair[0] != pair[1]]
