"""Paradex in the contract suite."""

from __future__ import annotations

from exchanges.paradex import Timing, open_client
from exchanges.paradex.client import ParadexClient
from exchanges.paradex.twin import ParadexTwin, open_twin
from exchanges.rehearsal.base import TwinBase
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.streams import StreamStyle
from tests.support.contract import VenueUnderTest

TIMING = Timing(
    absence_settles_s=0.6,
    news_within_s=1.0,
    clock_every_s=1.0,
    account=StreamStyle(silent_after_s=3.0, ping_every_s=1.0, first_wait_s=0.05),
    quotes=StreamStyle(silent_after_s=None, first_wait_s=0.05),
)


def _open(setup: ClientSetup) -> ParadexClient:
    return open_client(setup, TIMING)


def _is_place(request: HttpRequest) -> bool:
    return request.method == "POST" and request.path == "/v1/orders"


def _is_cancel(request: HttpRequest) -> bool:
    return request.method == "DELETE" and request.path.startswith("/v1/orders/")


def _expire_token(twin: TwinBase) -> None:
    assert isinstance(twin, ParadexTwin)
    twin.tokens.forget_all()


VENUE = VenueUnderTest(
    name="paradex",
    open_twin=open_twin,
    open_client=_open,
    is_place=_is_place,
    is_cancel=_is_cancel,
    load_refusal=HttpResponse(
        429,
        (("Content-Type", "application/json"), ("x-ratelimit-remaining", "0")),
        b'{"error":"RATE_LIMIT_EXCEEDED","message":"too many requests","data":null}',
    ),
    secrets=("PARADEX_L2_PRIVATE_KEY",),
    expire_token=_expire_token,
    cannot={
        "book_gap": "each quote of the binary feed is whole; there is no chain that could break",
        "long_list": "all open orders, at most 100 in a market, come in one answer",
    },
)
