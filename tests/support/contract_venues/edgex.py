"""edgeX in the contract suite."""

from __future__ import annotations

from exchanges.edgex import EdgexClient, Timing, open_client
from exchanges.edgex.facts import Switches
from exchanges.edgex.twin import EdgexTwin, open_twin
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.limits import Bucket
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.streams import StreamStyle
from tests.support.contract import VenueUnderTest

TIMING = Timing(
    news_within_s=1.0,
    clock_every_s=1.0,
    budget=Bucket("requests", capacity=1_000, per_minute=60_000, reserve=10),
    public=StreamStyle(silent_after_s=2.0, ping_every_s=0.5, first_wait_s=0.05),
    private=StreamStyle(silent_after_s=2.0, ping_every_s=0.5, first_wait_s=0.05),
)
SWITCHES = Switches(engine_delay_ms=0, settlement_delay_ms=50, requests_per_minute=100_000)


def _open(setup: ClientSetup) -> EdgexClient:
    return open_client(setup, TIMING)


def _open_twin(setup: TwinSetup) -> EdgexTwin:
    return open_twin(setup, SWITCHES)


def _is_place(request: HttpRequest) -> bool:
    return request.path.endswith("/order/createOrder")


def _is_cancel(request: HttpRequest) -> bool:
    return "/order/cancelOrderBy" in request.path


VENUE = VenueUnderTest(
    name="edgex",
    open_twin=_open_twin,
    open_client=_open,
    is_place=_is_place,
    is_cancel=_is_cancel,
    load_refusal=HttpResponse(429, (("Content-Type", "application/json"), ("Retry-After", "1")), b"{}"),
    secrets=("EDGEX_API_KEY", "EDGEX_API_SECRET", "EDGEX_API_PASSPHRASE", "EDGEX_SIGNER_PRIVATE_KEY"),
    cannot={
        "expired_token": "every request is signed; there is no token that could expire",
        "book_gap": "each message of bookTicker is whole; the chain of the depth stream, which is used only where "
        "bookTicker is refused, has its own test",
    },
    page=200,
)
