"""An exchange in maintenance, and a computer whose clock is wrong: told in one line, or borne."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commands.rehearsal import Rehearsal, prepare
from exchanges.rehearsal.host import RunningTwin, start_twin
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.twin import RequestFate, Undisturbed
from helpers.clock import SystemClock
from tests.support.program import Ended, Program
from tests.support.stepped_clock import SteppedClock
from tests.support.twin_program import ASKED, SEED, VENUES

CLOCK_OFF_NS = 120_000_000_000
MAINTENANCE = HttpResponse(
    503, (("Content-Type", "text/html"),), b"<html><body><h1>503</h1>Scheduled maintenance</body></html>"
)


class Closed(Undisturbed):
    """Answers everything as a gateway does while the exchange behind it is away."""

    def request_fate(self, request: HttpRequest) -> RequestFate:
        return RequestFate(arrivals=0, answer=MAINTENANCE)

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:
        return MAINTENANCE


@asynccontextmanager
async def twin_of(venue: str, meddler: Undisturbed | None = None, skew_ns: int = 0) -> AsyncIterator[RunningTwin]:
    clock = SystemClock()
    began = SteppedClock(clock.now_ns() + skew_ns)  # A market begins when it does by the exchange's clock.
    twin = prepare(Rehearsal(venue, "ETH", seed=SEED), began, lambda: SEED).twin
    running = await start_twin(twin, clock, skew_ns=skew_ns, meddler=meddler)
    try:
        yield running
    finally:
        await running.close()


async def session(folder: Path, twin: RunningTwin, *flags: str) -> Ended:
    """In a process, while the twin goes on in this one."""
    program = Program(folder, twin.env)
    return await asyncio.to_thread(program.run, "--exchange", twin.twin.name, *ASKED, *flags)


async def sessions(folder: Path, meddler: Undisturbed | None = None, skew_ns: int = 0) -> dict[str, Ended]:
    """One of each venue, all at the same time: they are mostly waiting."""

    async def one(venue: str) -> Ended:
        place = folder / venue
        place.mkdir()
        async with twin_of(venue, meddler, skew_ns) as twin:
            return await session(place, twin, "--for", "1s", "--json", "-")

    return dict(zip(VENUES, await asyncio.gather(*map(one, VENUES)), strict=True))


async def test_an_exchange_in_maintenance_is_one_line(tmp_path: Path) -> None:
    for venue, ended in (await sessions(tmp_path, Closed())).items():
        assert (ended.status, ended.out) == (2, ""), venue
        errors = [line for line in ended.err.splitlines() if not line.startswith("signing: ")]
        assert len(errors) == 1, ended
        assert errors[0].startswith("error: "), ended
        assert "<" not in errors[0]


@pytest.mark.parametrize("skew_ns", [CLOCK_OFF_NS, -CLOCK_OFF_NS], ids=["behind", "ahead"])
async def test_a_clock_two_minutes_off_is_reckoned_with(tmp_path: Path, skew_ns: int) -> None:
    """Requests carry the exchange's time: it would refuse ours."""
    for venue, ended in (await sessions(tmp_path, skew_ns=skew_ns)).items():
        assert ended.status == 0, (venue, ended)
        assert " posted" in ended.err, (venue, ended)
