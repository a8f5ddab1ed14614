"""Funding is told on no stream: it is read from the history, to the page where it was known before."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from domain.events import FundingPayment
from exchanges.backpack import codec_reads
from exchanges.backpack.facts import Switches
from exchanges.decoding import DecodeError
from exchanges.rehearsal.desk import FundingPaid
from tests.exchanges.backpack.test_backpack_twin import World, lived
from tests.support.tape import START_NS

D = Decimal
HOUR_NS = 3_600_000_000_000
ROW = {
    "symbol": "ETH_USDC_PERP", "quantity": "-0.0012", "fundingRate": "0.0001", "subaccountId": None, "userId": 7,
    "intervalEndTimestamp": "2025-07-21T16:00:00",
}  # fmt: skip


def test_a_payment_is_known_by_its_market_and_the_end_of_its_interval() -> None:
    assert codec_reads.decode_funding(json.dumps([ROW]).encode(), "ETH_USDC_PERP") == [
        FundingPayment(1753113600_000_000_000, "funding-1753113600000", D("-0.0012"))
    ]
    assert codec_reads.decode_funding(json.dumps([ROW]).encode(), "SOL_USDC_PERP") == []


@pytest.mark.parametrize("name", ["symbol", "quantity", "intervalEndTimestamp"])
@pytest.mark.parametrize("value", ["missing", None, "", "NaN", "1E-8", 7.5e-05, True, []])
def test_a_broken_payment_is_an_error(name: str, value: object) -> None:
    row = {key: each for key, each in ROW.items() if key != name} | ({} if value == "missing" else {name: value})
    if name == "symbol" and value in ("NaN", "1E-8"):
        assert codec_reads.decode_funding(json.dumps([row]).encode(), "ETH_USDC_PERP") == []
        return
    with pytest.raises(DecodeError):
        codec_reads.decode_funding(json.dumps([row]).encode(), "ETH_USDC_PERP")


def paid(hours: int, amount: str) -> FundingPaid:
    return FundingPaid(START_NS - HOUR_NS * hours, f"x{hours}", D(amount))


def expected(payment: FundingPaid) -> FundingPayment:
    return FundingPayment(payment.at_ns, f"funding-{payment.at_ns // 1_000_000}", payment.amount)


@pytest.mark.parametrize("is_newest_first", [True, False])
def test_payments_since_a_time_are_read_from_old_to_new(is_newest_first: bool) -> None:
    async def story(world: World) -> None:
        payments = [paid(hours, f"-0.{hours}") for hours in range(2_500, 0, -1)]
        world.twin.desk.funding[:] = payments
        assert await world.client.funding_since(payments[-3].at_ns) == [expected(each) for each in payments[-3:]]
        assert await world.client.funding_since(0) == [expected(each) for each in payments]

    lived(story, Switches(history_is_newest_first=is_newest_first))


def test_a_history_too_long_to_be_read_does_not_hide_what_is_new() -> None:
    """Hourly payments of more than a year: only the newest pages are asked for."""

    async def story(world: World) -> None:
        payments = [paid(hours, "0.5") for hours in range(11_000, 0, -1)]
        world.twin.desk.funding[:] = payments
        assert await world.client.funding_since(payments[-2].at_ns) == [expected(each) for each in payments[-2:]]

    lived(story)


def test_a_payment_is_told_soon_after_it_was_made_and_once() -> None:
    async def story(world: World) -> None:
        world.twin.desk.funding.append(FundingPaid(world.twin.now_ns + 10**9, "x1", D("-0.25")))
        await asyncio.sleep(400)
        told = [event for event in world.events if isinstance(event, FundingPayment)]
        assert {(each.payment_id, each.amount) for each in told} == {
            (f"funding-{world.twin.desk.funding[0].at_ns // 1_000_000}", D("-0.25"))
        }

    lived(story)
