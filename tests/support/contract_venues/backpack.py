"""Backpack in the contract suite."""

from __future__ import annotations

from exchanges.backpack import Timing, open_client
from exchanges.backpack.client import BackpackClient
from exchanges.backpack.twin import open_twin
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.streams import StreamStyle
from tests.support.contract import VenueUnderTest

TIMING = Timing(
    history_settles_s=0.6,
    news_within_s=1.0,
    clock_every_s=1.0,
    stream=StreamStyle(silent_after_s=2.0, first_wait_s=0.05),
)


def _open(setup: ClientSetup) -> BackpackClient:
    return open_client(setup, TIMING)


def _is_place(request: HttpRequest) -> bool:
    return request.method == "POST" and request.path == "/api/v1/order"


def _is_cancel(request: HttpRequest) -> bool:
    return request.method == "DELETE" and request.path == "/api/v1/order"


VENUE = VenueUnderTest(
    name="backpack",
    open_twin=open_twin,
    open_client=_open,
    is_place=_is_place,
    is_cancel=_is_cancel,
    load_refusal=HttpResponse(
        429,
        (("Content-Type", "application/json"), ("Retry-After", "1")),
        b'{"code":"TOO_MANY_REQUESTS","message":"Too many requests"}',
    ),
    secrets=("BACKPACK_SECRET_KEY",),
    cannot={
        "expired_token": "every request is signed; there is no token that could expire",
        "book_gap": "each message of the touch stream is whole; there is no chain that could break",
        "long_list": "all open orders come in one answer",
    },
)
