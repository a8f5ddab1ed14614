"""The simulated venue: what it refuses, what it does to orders by itself, and how its time passes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import MarketEnded, OrderUpdate, RulesChanged
from domain.market import NANOSECONDS, PriceBand, Quote, Side
from domain.orders import OrderFact
from markets.account import AccountTerms
from markets.orders import NewOrder, SelfTrade
from markets.tape import FundingTerms
from tests.support.tape import RULES, START_NS, at, bought, quote, sold
from tests.support.venue import (
    RICH,
    accepted,
    fills,
    limit,
    live_until,
    market,
    opened,
    price,
    refused,
    size,
    updates,
)

BUY, SELL = Side.BUY, Side.SELL
CALM = quote(0, 1000, 1001), quote(1000, 1000, 1001)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantity, at_price, reason",
    [
        ("0.005", "100", "off_step"),
        ("1E-30", "100", "off_step"),
        ("0.01", "99.95", "off_tick"),
        ("0.02", "100", "below_minimum"),
        ("0.05", "100", "below_notional"),
        ("0", "100", "bad_quantity"),
        ("-1", "100", "bad_quantity"),
        ("NaN", "100", "bad_quantity"),
        ("Infinity", "100", "bad_quantity"),
        ("1E+25", "100", "off_step"),
        ("1E+999999", "100", "off_step"),
        ("1", "0", "bad_price"),
        ("1", "NaN", "bad_price"),
        ("1", "100.1", "post_only_would_cross"),
        ("1", "500", "post_only_would_cross"),
        ("1000000", "100", "insufficient_margin"),
    ],
)
def test_order_that_breaks_a_rule_is_refused_with_its_reason(quantity: str, at_price: str, reason: str) -> None:
    venue = opened(*CALM)
    venue.change_rules(replace(venue.rules, min_quantity=Decimal("0.03"), min_notional=Decimal(10)))
    if reason == "off_tick":
        quantity = "1"
    venue.take_events()
    request = NewOrder(1, BUY, Decimal(quantity), Decimal(at_price), post_only=True)
    assert refused(venue.place(request)) == reason
    assert (venue.take_events(), venue.open_orders(), venue.order(client_id=1)) == ([], [], None)


def test_order_before_the_first_quote_is_refused() -> None:
    venue = opened(sold(0, 1000, 1), quote(1, 1000, 1001))
    assert refused(venue.place(limit(1, BUY, 900, 10))) == "no_quote"


def test_refused_order_leaves_its_client_id_unused() -> None:
    venue = opened(*CALM)
    assert refused(venue.place(limit(1, BUY, 1001, 10))) == "post_only_would_cross"
    assert accepted(venue.place(limit(1, BUY, 1000, 10))).order_id == "1"


def test_client_id_is_unique_for_the_life_of_the_account() -> None:
    venue = opened(*CALM)
    venue.place(limit(1, BUY, 900, 10))
    assert refused(venue.place(limit(1, BUY, 901, 10))) == "duplicate_client_id"
    venue.cancel(client_id=1)
    assert refused(venue.place(limit(1, BUY, 901, 10))) == "duplicate_client_id"


def test_margin_counts_position_and_opening_orders_but_not_reducing_ones() -> None:
    terms = AccountTerms(Decimal(100), leverage=Decimal(10), taker_fee_rate=Decimal(0))
    venue = opened(*CALM, terms=terms)
    accepted(venue.place(limit(1, BUY, 1000, 400)))
    accepted(venue.place(market(2, BUY, 500)))
    assert refused(venue.place(limit(3, BUY, 1000, 200))) == "insufficient_margin"
    accepted(venue.place(limit(4, SELL, 1100, 900)))
    assert refused(venue.place(limit(5, SELL, 1101, 900))) == "insufficient_margin"
    accepted(venue.place(limit(6, SELL, 1100, 500, reduce_only=True)))


# --- queries and cancels --------------------------------------------------------------------------------------------


def test_query_finds_live_and_ended_orders_by_either_id() -> None:
    venue = opened(*CALM)
    placed = accepted(venue.place(limit(7, BUY, 990, 10)))
    assert venue.order(client_id=7) == placed == venue.order(order_id="1")
    ended = accepted(venue.cancel(order_id="1"))
    assert venue.order(client_id=7) == ended == venue.order(order_id="1")
    assert (ended.status.value, ended.reason, ended.ended_ns) == ("cancelled", "cancelled_by_owner", START_NS)
    assert (venue.order(client_id=8), venue.order(order_id="2"), venue.order(order_id="x")) == (None, None, None)


def test_cancel_says_what_it_found() -> None:
    venue = opened(*CALM)
    assert refused(venue.cancel(client_id=1)) == "unknown_order"
    venue.place(limit(1, BUY, 990, 10))
    accepted(venue.cancel(client_id=1))
    assert refused(venue.cancel(client_id=1)) == "order_has_ended"


def test_partial_fill_then_cancel_keeps_the_filled_total() -> None:
    venue = opened(quote(0, 1000, 1002), sold(1, 1001, 4), quote(9, 1000, 1002))
    venue.place(limit(1, BUY, 1001, 10))
    events = live_until(venue, 2)
    venue.cancel(client_id=1)
    assert updates(events + venue.take_events()) == [
        (1, "accepted", size(0), ""),
        (1, "accepted", size(4), ""),
        (1, "cancelled", size(4), "cancelled_by_owner"),
    ]


def test_venue_may_cancel_or_expire_an_order_itself() -> None:
    venue = opened(*CALM)
    venue.place(limit(1, BUY, 990, 10))
    venue.place(limit(2, BUY, 990, 10))
    venue.take_events()
    venue.cancel_by_venue("1", "maintenance")
    venue.cancel_by_venue("2", "maintenance", expired=True)
    expected = [(1, "cancelled", size(0), "maintenance"), (2, "expired", size(0), "maintenance")]
    assert updates(venue.take_events()) == expected
    with pytest.raises(LookupError):
        venue.cancel_by_venue("1", "again")


def test_order_expires_at_the_end_of_its_life() -> None:
    venue = opened(*CALM, terms=replace(RICH, max_order_life_s=60))
    venue.place(limit(1, BUY, 990, 10))
    venue.take_events()
    assert venue.advance(at(500)) == at(60)
    assert venue.take_events() == [OrderUpdate(at(60), 1, OrderFact.EXPIRED, "1", size(0), None, "expired")]


# --- reduce-only ----------------------------------------------------------------------------------------------------


def test_reduce_only_without_a_position_to_reduce_is_refused() -> None:
    venue = opened(*CALM)
    assert refused(venue.place(limit(1, SELL, 1010, 5, reduce_only=True))) == "reduce_only_would_not_reduce"
    venue.external_trade(SELL, size(5))
    assert refused(venue.place(limit(1, SELL, 1010, 5, reduce_only=True))) == "reduce_only_would_not_reduce"


def test_reduce_only_newcomer_is_trimmed_to_what_is_left_to_reduce() -> None:
    venue = opened(*CALM)
    venue.external_trade(BUY, size(10))
    venue.place(limit(1, SELL, 1010, 7, reduce_only=True))
    venue.take_events()
    assert accepted(venue.place(limit(3, SELL, 1009, 7, reduce_only=True))).quantity == size(3)
    assert venue.take_events() == [OrderUpdate(START_NS, 3, OrderFact.ACCEPTED, "3", size(0), size(3), "")]
    assert refused(venue.place(limit(4, SELL, 1009, 7, reduce_only=True))) == "reduce_only_would_not_reduce"


def test_shrinking_position_trims_the_worst_priced_and_then_the_newest() -> None:
    venue = opened(*CALM)
    venue.external_trade(BUY, size(30))
    for client_id, at_price in ((1, 1010), (2, 1012), (3, 1012)):
        venue.place(limit(client_id, SELL, at_price, 10, reduce_only=True))
    venue.take_events()
    venue.external_trade(SELL, size(14))
    trims = [(e.client_id, e.fact, e.quantity, e.reason) for e in venue.take_events() if isinstance(e, OrderUpdate)]
    assert trims[1:] == [
        (3, OrderFact.CANCELLED, None, "reduce_only"),
        (2, OrderFact.ACCEPTED, size(6), "reduce_only"),
    ]
    assert [(o.client_id, o.remaining) for o in venue.open_orders()] == [(1, size(10)), (2, size(6))]


def test_reduce_only_market_order_goes_before_resting_closes() -> None:
    venue = opened(*CALM)
    venue.external_trade(BUY, size(10))
    venue.place(limit(1, SELL, 1010, 10, reduce_only=True))
    state = accepted(venue.place(market(2, SELL, 99, reduce_only=True)))
    assert (state.quantity, state.filled, venue.position) == (size(10), size(10), size(0))
    assert venue.open_orders() == []


def test_position_that_flips_ends_every_reduce_only_order() -> None:
    venue = opened(*CALM)
    venue.external_trade(BUY, size(10))
    venue.place(limit(1, SELL, 1010, 10, reduce_only=True))
    venue.external_trade(SELL, size(15))
    assert venue.position == size(-5)
    assert venue.open_orders() == []


# --- self-trade -----------------------------------------------------------------------------------------------------


def test_post_only_order_that_would_meet_an_own_order_is_refused_in_every_mode() -> None:
    for mode in SelfTrade:
        venue = opened(quote(0, 1000, 1010), terms=replace(RICH, self_trade=mode))
        venue.place(limit(1, SELL, 1005, 10))
        assert refused(venue.place(limit(2, BUY, 1005, 10))) == "self_trade"
        assert [order.client_id for order in venue.open_orders()] == [1]


@pytest.mark.parametrize(
    "mode, outcome, resting",
    [
        (SelfTrade.CANCEL_RESTING, "filled", "cancelled"),
        (SelfTrade.CANCEL_INCOMING, "self_trade", "open"),
        (SelfTrade.CANCEL_BOTH, "self_trade", "cancelled"),
    ],
)
def test_market_order_that_would_meet_an_own_order(mode: SelfTrade, outcome: str, resting: str) -> None:
    venue = opened(quote(0, 1000, 1010), terms=replace(RICH, self_trade=mode))
    venue.place(limit(1, SELL, 1005, 10))
    taken = venue.place(market(2, BUY, 10))
    assert (refused(taken) if outcome == "self_trade" else accepted(taken).status.value) == outcome
    own = venue.order(client_id=1)
    assert own is not None
    assert own.status.value == resting


# --- rules ----------------------------------------------------------------------------------------------------------


def test_changed_rules_apply_to_new_orders_and_leave_resting_ones() -> None:
    venue = opened(*CALM)
    venue.place(limit(1, BUY, 993, 10))
    venue.take_events()
    rules = replace(venue.rules, tick_size=Decimal("0.5"), maker_fee_rate=Decimal("0.001"))
    venue.change_rules(rules)
    assert venue.take_events() == [RulesChanged(START_NS, rules)]
    assert refused(venue.place(limit(2, BUY, 993, 10))) == "off_tick"
    accepted(venue.place(limit(2, BUY, 990, 10)))
    assert [order.client_id for order in venue.open_orders()] == [1, 2]


def test_rules_finer_than_the_tape_cannot_be_had() -> None:
    venue = opened(*CALM)
    with pytest.raises(ValueError, match=r"tick_size 0\.01 of TST is not a multiple"):
        venue.change_rules(replace(RULES, tick_size=Decimal("0.01")))


# --- time -----------------------------------------------------------------------------------------------------------


def test_gap_moves_the_clock_and_nothing_else() -> None:
    interval = 100 * NANOSECONDS
    venue = opened(
        quote(0, 1000, 1001),
        quote(10, 1000, 1001),
        quote(1050, 1000, 1001, gap=True),
        quote(1051, 1000, 1001),
        terms=replace(RICH, max_order_life_s=500),
        funding=FundingTerms(interval, Decimal("0.0001")),
    )
    venue.external_trade(BUY, size(5))
    venue.place(limit(1, BUY, 900, 10))
    venue.take_events()
    assert venue.advance(at(10)) == at(10)
    assert venue.advance(at(11)) == at(1050)
    assert updates(venue.take_events()) == [(1, "expired", size(0), "expired")]
    assert (venue.gaps, venue.statement().funding) == ((1, 1040 * NANOSECONDS), Decimal(0))


def test_end_of_the_data_is_told_once_and_time_goes_on() -> None:
    venue = opened(quote(0, 1000, 1001), quote(5, 1002, 1003))
    assert venue.advance(at(60)) == at(5)
    assert venue.take_events() == [MarketEnded(at(5))]
    assert (venue.advance(at(60)), venue.has_ended, venue.take_events()) == (at(60), True, [])
    assert venue.quote_as_of(at(60)) == Quote(price(1002), size(100), price(1003), size(100), at(5))
    accepted(venue.place(market(1, BUY, 5)))


def test_advance_stops_at_the_first_quote_outside_the_band() -> None:
    venue = opened(quote(0, 1000, 1001), bought(1, 1009, 1), quote(2, 1001, 1003), quote(3, 1000, 1001), chunk_rows=2)
    band = venue.int_band(PriceBand(SELL, low=Decimal(99), high=Decimal("100.25")))
    assert venue.advance(at(10), band) == at(2)
    assert venue.is_outside(band)
    below = venue.int_band(PriceBand(BUY, low=Decimal("100.05")))
    assert venue.advance(at(10), below) == at(3)


def test_band_bounds_are_outside_and_need_not_be_ticks() -> None:
    venue = opened(*CALM)
    outside = [
        band
        for band in (
            PriceBand(SELL, high=Decimal("100.1")),
            PriceBand(SELL, high=Decimal("100.11")),
            PriceBand(SELL, low=Decimal("100.1")),
            PriceBand(SELL, low=Decimal("100.09")),
            PriceBand(BUY, low=Decimal("100")),
            PriceBand(BUY, high=Decimal("100")),
            PriceBand(BUY),
        )
        if venue.is_outside(venue.int_band(band))
    ]
    assert outside == [
        PriceBand(SELL, high=Decimal("100.1")),
        PriceBand(SELL, low=Decimal("100.1")),
        PriceBand(BUY, low=Decimal("100")),
        PriceBand(BUY, high=Decimal("100")),
    ]


def test_quote_of_an_earlier_moment_is_remembered_across_chunks() -> None:
    ticks = [quote(second, 1000 + second, 1001 + second) for second in range(8)]
    venue = opened(*ticks, sold(8, 1000, 1), chunk_rows=1)
    venue.advance(at(7.5))
    assert venue.quote_as_of(at(7.5)) == Quote(price(1007), size(100), price(1008), size(100), at(7.5))
    assert venue.quote_as_of(at(2.25)) == Quote(price(1002), size(100), price(1003), size(100), at(2.25))
    assert venue.quote_as_of(at(-1)) is None
    assert venue.first_outside(venue.int_band(PriceBand(SELL, high=price(1005))), at(2)) == at(4)
    assert venue.first_outside(venue.int_band(PriceBand(SELL, high=price(1005))), at(5)) == at(6)


def test_rows_of_one_instant_are_one_step() -> None:
    ticks = quote(0, 1000, 1002), sold(1, 1001, 3), sold(1, 1001, 4), quote(1, 1000, 1002)
    venue = opened(*ticks, quote(2, 1000, 1002), chunk_rows=1)
    venue.place(limit(1, BUY, 1001, 10))
    venue.take_events()
    assert venue.advance(at(2)) == at(1)
    assert [quantity for *_, quantity in fills(venue.take_events())] == [size(3), size(4)]
