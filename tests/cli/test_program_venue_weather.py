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
from tests.support.twin_program import ASKED, SEED, VENUES

CLOCK_OFF_NS = 120_000_000_000
MAINTENANCE = HttpResponse(
    503, (("Content-Type", "text/html"),), b"<html><body><h1>503</h1>Scheduled maintenance</body></html>"
)


class Closed(Undisturbed):
    """Answers everything as a gateway does while the exchange behind it is away."""

    def request_fate(self, request: HttpRequest) -> RequestFate:  # noqa: ARG002 - the interface's
        return RequestFate(arrivals=0, answer=MAINTENANCE)

    def refuses_socket(self, handshake: HttpRequest) -> HttpResponse | None:  # noqa: ARG002
        return MAINTENANCE


@asynccontextmanager
async def twin_of(venue: str, meddler: Undisturbed | None = None, skew_ns: int = 0) -> AsyncIterator[RunningTwin]:
    clock = SystemClock()
    twin = prepare(Rehearsal(venue, "ETH", seed=SEED), clock, lambda: SEED).twin
    running = await start_twin(twin, clock, skew_ns=skew_ns, meddler=meddler)
    try:
        yield running
    finally:
        await running.close()


async def session(folder: Path, twin: RunningTwin, *flags: str) -> Ended:
    """In a process, while the twin goes on in this one."""
    program = Program(folder, twin.env)
    return await asyncio.to_thread(program.run, "--exchange", twin.twin.name, *ASKED, *flags)


@pytest.mark.parametrize("venue", VENUES)
async def test_an_exchange_in_maintenance_is_one_line(tmp_path: Path, venue: str) -> None:
    async with twin_of(venue, Closed()) as twin:
        ended = await session(tmp_path, twin, "--for", "1s", "--json", "-")
    assert (ended.status, ended.out) == (2, "")
    assert [line for line in ended.err.splitlines() if line.startswith("error: ")] == ended.err.splitlines()[-1:]
    assert "<" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("skew_ns", [CLOCK_OFF_NS, -CLOCK_OFF_NS], ids=["behind", "ahead"])
async def test_a_clock_two_minutes_off_is_reckoned_with(tmp_path: Path, venue: str, skew_ns: int) -> None:
    """Requests carry the exchange's time: it would refuse ours."""
    async with twin_of(venue, skew_ns=skew_ns) as twin:
        ended = await session(tmp_path, twin, "--for", "1s")
    assert ended.status == 0, ended
    assert " posted" in ended.out
