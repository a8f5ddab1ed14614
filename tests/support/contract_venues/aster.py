"""Aster in the contract suite."""

from __future__ import annotations

from exchanges.aster import Timing, open_client
from exchanges.aster.client import AsterClient
from exchanges.aster.twin import AsterTwin, open_twin
from exchanges.rehearsal.base import TwinBase
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.streams import StreamStyle
from tests.support.contract import VenueUnderTest

TIMING = Timing(
    news_within_s=1.0,
    clock_every_s=1.0,
    market_stream=StreamStyle(silent_after_s=2.0, first_wait_s=0.05),
    account_stream=StreamStyle(silent_after_s=None, ping_every_s=1.0, first_wait_s=0.05),
)


def _open(setup: ClientSetup) -> AsterClient:
    return open_client(setup, TIMING)


def _is_place(request: HttpRequest) -> bool:
    return request.method == "POST" and request.path == "/fapi/v3/order"


def _is_cancel(request: HttpRequest) -> bool:
    return request.method == "DELETE" and request.path == "/fapi/v3/order"


def _expire_listen_key(twin: TwinBase) -> None:
    assert isinstance(twin, AsterTwin)
    twin.expire_listen_key()


VENUE = VenueUnderTest(
    name="aster",
    open_twin=open_twin,
    open_client=_open,
    is_place=_is_place,
    is_cancel=_is_cancel,
    load_refusal=HttpResponse(
        429,
        (("Content-Type", "application/json"), ("Retry-After", "1")),
        b'{"code":-1003,"msg":"TOO_MANY_REQUESTS"}',
    ),
    secrets=("ASTER_SIGNER_PRIVATE_KEY",),
    cannot={
        "book_gap": "each message of the touch stream is whole; there is no chain that could break",
        "long_list": "all open orders come in one answer",
    },
    expire_token=_expire_listen_key,
)
