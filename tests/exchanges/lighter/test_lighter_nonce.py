"""The next nonce is as urgent as what waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

import pytest

from domain.market import NANOSECONDS
from exchanges.errors import NotSent, Unavailable
from exchanges.lighter.facts import TIERS
from exchanges.lighter.keys import Credentials
from exchanges.lighter.rest import Rest
from exchanges.lighter.signing import CancelOrder, SignedTx, Signer, Transaction
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import at_once
from helpers.clock import VirtualTimeLoop

START_NS = 1_700_000_000 * NANOSECONDS
TIER = TIERS["standard"]
NONCE, SENT = "/api/v1/nextNonce", "/api/v1/sendTx"


class PlainSigner:
    def sign(self, transaction: Transaction, nonce: int) -> SignedTx:
        return SignedTx(transaction.tx_type, str(nonce))


class Venue:
    """Answers everything. `asked`: the paths, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: HttpRequest, deadline_s: float) -> HttpResponse:
        self.asked.append(request.path)
        body = {NONCE: b'{"code":200,"nonce":7}', SENT: b'{"code":200,"tx_hash":"ab"}'}
        return HttpResponse(200, (), body.get(request.path, b'{"status":200,"network_id":1,"timestamp":1700000000}'))

    async def close(self) -> None: ...


def sent_with_a_full_budget(*, urgent: bool) -> list[str]:
    """One transaction when all but the reserve is used up and no nonce is known; what was asked for it."""
    loop = VirtualTimeLoop(START_NS)
    venue = Venue()
    rest = Rest(venue, cast(Signer, PlainSigner()), Credentials(1, 2, "0" * 80), TIER, loop.clock, at_once)

    async def live() -> None:
        with contextlib.suppress(Unavailable):
            for _ in range(TIER.per_minute):
                await asyncio.wait_for(rest.sync_clock(), 1)
        venue.asked.clear()
        await rest.send(CancelOrder(1, 2), urgent=urgent)

    with contextlib.closing(loop):
        loop.run_until_complete(live())
    return venue.asked


def test_a_close_whose_nonce_is_not_known_leaves_out_of_the_reserve() -> None:
    assert sent_with_a_full_budget(urgent=True) == [NONCE, SENT]


def test_an_open_whose_nonce_is_not_known_leaves_the_reserve_alone() -> None:
    with pytest.raises(NotSent, match="the next nonce is not known: the rate limit leaves no room"):
        sent_with_a_full_budget(urgent=False)
