"""The money of the simulated venue: fees, funding, liquidation, and trades that nobody of ours asked for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import Fill, FundingPayment, PositionUpdate
from domain.market import NANOSECONDS, Side
from markets.account import AccountTerms
from markets.tape import FundingTerms
from markets.venue import SimulatedVenue
from tests.support.tape import START_NS, at, quote, sold
from tests.support.venue import (
    accepted,
    fills,
    limit,
    live_until,
    market,
    opened,
    price,
    size,
    updates,
)

BUY, SELL = Side.BUY, Side.SELL
CALM = quote(0, 1000, 1001), quote(1000, 1000, 1001)


def test_fees_are_charged_by_liquidity() -> None:
    terms = AccountTerms(Decimal(1000), maker_fee_rate=Decimal("-0.0001"), taker_fee_rate=Decimal("0.0005"))
    venue = opened(quote(0, 1000, 1002), sold(1, 1000, 100), quote(2, 1000, 1002), terms=terms)
    venue.place(limit(1, BUY, 1001, 100))
    live_until(venue, 2)
    venue.place(market(2, SELL, 100))
    assert [fill.fee for fill in venue.fills_since(0)] == [Decimal("-0.01001"), Decimal("0.05")]
    statement = venue.statement()
    assert (statement.cash, statement.fees) == (Decimal("999.9"), Decimal("0.03999"))
    assert (statement.position, statement.volume_quote) == (size(0), Decimal("200.1"))
    assert venue.equity_at_mid() == Decimal("999.86001")


def test_funding_is_paid_at_the_mid_whenever_an_interval_passes() -> None:
    hour = 3600 * NANOSECONDS
    boundary_s = (hour - START_NS % hour) // NANOSECONDS
    ticks = quote(0, 1000, 1001), quote(boundary_s, 1004, 1006), quote(boundary_s + 9, 1000, 1001)
    venue = opened(*ticks, funding=FundingTerms(hour, Decimal("0.0001")))
    venue.external_trade(BUY, size(100))
    venue.take_events()
    assert venue.advance(at(boundary_s + 5)) == at(boundary_s)
    payment = FundingPayment(at(boundary_s), f"funding-{at(boundary_s)}", Decimal("-0.01005"))
    assert venue.take_events() == [payment]
    assert venue.statement().funding == Decimal("-0.01005")


def test_shorts_receive_what_longs_pay() -> None:
    hour = 3600 * NANOSECONDS
    venue = opened(*CALM, quote(9000, 1000, 1001), funding=FundingTerms(hour, Decimal("0.0001")))
    venue.external_trade(SELL, size(100))
    payments = [event.amount for event in live_until(venue, 3600) if isinstance(event, FundingPayment)]
    assert payments == [Decimal("0.010005")]


@pytest.mark.parametrize("side, falls_to", [(BUY, 950), (SELL, 1050)])
def test_account_below_its_maintenance_margin_is_liquidated(side: Side, falls_to: int) -> None:
    terms = AccountTerms(Decimal(52), leverage=Decimal(20), taker_fee_rate=Decimal(0))
    later = quote(1, falls_to, falls_to + 1, 400, 400), quote(2, falls_to, falls_to + 1)
    venue = opened(quote(0, 1000, 1001, 5000, 5000), *later, terms=terms)
    accepted(venue.place(market(1, side, 1000)))
    accepted(venue.place(limit(2, BUY, 900, 10, reduce_only=side is SELL)))
    venue.take_events()
    assert live_until(venue, 0.5) == []
    events = live_until(venue, 2)
    assert updates(events)[0] == (2, "cancelled", size(0), "liquidation")
    forced = [event for event in venue.fills_since(at(1)) if event.forced]
    assert {(fill.client_id, fill.side) for fill in forced} == {(None, side.opposite)}
    assert sum(fill.quantity for fill in forced) == size(1000)
    assert venue.position == size(0)
    assert venue.open_orders() == []
    assert events[-2] == PositionUpdate(at(1), Decimal("0.00"))


def test_account_above_its_maintenance_margin_is_left_alone() -> None:
    terms = AccountTerms(Decimal(52), leverage=Decimal(20), taker_fee_rate=Decimal(0))
    venue = opened(*CALM[:1], quote(1, 954, 955), quote(2, 954, 955), terms=replace(terms, balance=Decimal(60)))
    venue.place(market(1, BUY, 1000))
    assert fills(live_until(venue, 1.5))[-1][0] == 1


def test_somebody_elses_trade_is_told_as_foreign() -> None:
    venue = opened(*CALM)
    venue.external_trade(SELL, size(5))
    assert fills(venue.take_events()) == [(None, SELL, price(1000), size(5))]
    assert accepted(venue.place(limit(None, BUY, 990, 5))).client_id is None
    with pytest.raises(ValueError, match="nobody can trade"):
        venue.external_trade(SELL, Decimal("0.001"))


def held_with_closes() -> SimulatedVenue:
    """A long of 10 at 1001, an open and two reduce-only closes resting."""
    venue = opened(*CALM)
    accepted(venue.place(market(1, BUY, 10)))
    accepted(venue.place(limit(2, BUY, 990, 5)))
    accepted(venue.place(limit(3, SELL, 1010, 4, reduce_only=True)))
    accepted(venue.place(limit(4, SELL, 1012, 6, reduce_only=True)))
    venue.take_events()
    return venue


def test_part_of_a_position_can_be_liquidated_whatever_the_margin() -> None:
    venue = held_with_closes()
    venue.liquidate(size(7), ends_orders=True)
    told = venue.take_events()
    assert [(fact[0], fact[1], fact[3]) for fact in updates(told)[:3]] == [
        (client_id, "cancelled", "liquidation") for client_id in (2, 3, 4)
    ]
    assert [(fill.client_id, fill.side, fill.quantity, fill.forced) for fill in told if isinstance(fill, Fill)] == [
        (None, SELL, size(7), True)
    ]
    assert (venue.position, venue.open_orders()) == (size(3), [])


def test_deleveraging_leaves_orders_resting_and_trims_what_can_reduce_nothing_any_more() -> None:
    venue = held_with_closes()
    venue.liquidate(size(7), ends_orders=False)
    assert venue.position == size(3)
    assert [(order.client_id, order.remaining) for order in venue.open_orders()] == [(2, size(5)), (3, size(3))]


def test_no_more_than_the_position_is_liquidated_and_nothing_where_there_is_none() -> None:
    venue = held_with_closes()
    venue.liquidate(size(25), ends_orders=True)
    assert venue.position == size(0)
    venue.take_events()
    venue.liquidate(size(1), ends_orders=True)
    assert venue.take_events() == []
    with pytest.raises(ValueError, match="can be liquidated here"):
        venue.liquidate(Decimal("0.001"), ends_orders=True)
