"""Lighter in the contract suite."""

from __future__ import annotations

from exchanges.lighter import Timing, open_client
from exchanges.lighter.client import LighterClient
from exchanges.lighter.facts import TX_CANCEL_ORDER, TX_CREATE_ORDER, Switches
from exchanges.lighter.twin import LighterTwin, open_twin
from exchanges.rehearsal.base import TwinBase
from exchanges.transport.messages import Frame, HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from exchanges.transport.streams import StreamStyle
from tests.support.contract import VenueUnderTest

TIMING = Timing(
    history_settles_s=0.8,
    news_within_s=1.0,
    clock_every_s=5.0,
    stream=StreamStyle(silent_after_s=2.0, ping_every_s=30.0, first_wait_s=0.05),
)


def _open(setup: ClientSetup) -> LighterClient:
    return open_client(setup, TIMING)


def _is_tx(request: HttpRequest, tx_type: int) -> bool:
    return request.path == "/api/v1/sendTx" and f"tx_type={tx_type}&".encode() in request.body


def _is_book_frame(frame: Frame) -> bool:
    return isinstance(frame, str) and '"type":"update/order_book"' in frame


def _expire_token(twin: TwinBase) -> None:
    assert isinstance(twin, LighterTwin)
    twin.gate.revoke_tokens()


VENUE = VenueUnderTest(
    name="lighter",
    open_twin=open_twin,
    open_client=_open,
    is_place=lambda request: _is_tx(request, TX_CREATE_ORDER),
    is_cancel=lambda request: _is_tx(request, TX_CANCEL_ORDER),
    load_refusal=HttpResponse(
        429,
        (("Content-Type", "application/json"), ("Retry-After", "1")),
        b'{"code":23000,"message":"Too Many Requests!"}',
    ),
    secrets=("API_KEY_PRIVATE_KEY",),
    page=Switches().active_page,
    expire_token=_expire_token,
    is_book_frame=_is_book_frame,
)
