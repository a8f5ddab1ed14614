"""The fill model, rule by rule, on markets written by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import Side
from tests.support.tape import Tick, bought, printed, quote, sold
from tests.support.venue import accepted, fills, limit, live_until, market, opened, price, size

BUY, SELL = Side.BUY, Side.SELL


def bid_fills(order_price: int, *ticks: Tick, units: int = 50, queues: bool = True) -> list[Decimal]:
    """The fills of one bid, placed at the first instant of the script."""
    venue = opened(*ticks, queues=queues)
    accepted(venue.place(limit(1, BUY, order_price, units)))
    return [quantity for _, _, _, quantity in fills(live_until(venue, 100))]


def ask_fills(order_price: int, *ticks: Tick, units: int = 50) -> list[Decimal]:
    venue = opened(*ticks)
    venue.external_trade(BUY, size(1000))
    venue.take_events()
    accepted(venue.place(limit(1, SELL, order_price, units)))
    return [quantity for _, _, _, quantity in fills(live_until(venue, 100))]


def test_order_at_the_touch_waits_behind_what_is_displayed() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 30), sold(1, 1000, 30), sold(2, 1000, 20)) == [size(20)]


def test_trade_larger_than_the_queue_fills_the_rest_of_it() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 30), sold(1, 1000, 45)) == [size(15)]


def test_queue_is_capped_by_what_is_displayed_later() -> None:
    ticks = quote(0, 1000, 1001, 30), quote(1, 1000, 1001, 5), quote(2, 1000, 1001, 80), sold(3, 1000, 12)
    assert bid_fills(1000, *ticks) == [size(7)]


def test_order_that_improves_the_touch_has_nothing_ahead() -> None:
    assert bid_fills(1001, quote(0, 1000, 1002, 30), sold(1, 1001, 12)) == [size(12)]


def test_touch_that_falls_behind_our_price_leaves_nothing_ahead() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 30), quote(1, 999, 1001, 70), sold(2, 1000, 4)) == [size(4)]


def test_queue_away_from_the_touch_is_set_when_the_price_becomes_the_touch() -> None:
    ticks = quote(0, 1005, 1006, 10), quote(1, 1000, 1001, 30), sold(2, 1000, 31)
    assert bid_fills(1000, *ticks) == [size(1)]


def test_trade_at_a_price_that_was_never_the_touch_fills_nothing() -> None:
    assert bid_fills(1000, quote(0, 1005, 1006, 10), sold(1, 1000, 500), units=5) == []


def test_trade_through_the_price_fills_whatever_the_queue() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 500), sold(1, 999, 20)) == [size(20)]


def test_trade_through_counts_for_either_aggressor() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 500), bought(1, 999, 20)) == [size(20)]


def test_aggressive_buyers_at_our_bid_do_not_consume_the_queue() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 0), bought(1, 1000, 20)) == []


def test_mere_touch_fills_nothing() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 30), quote(1, 999, 1000, 30, 30), quote(2, 999, 1000, 9, 9)) == []


def test_crossing_quote_fills_at_most_what_it_displays() -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 30), quote(1, 998, 999, 10, 20)) == [size(20)]


def test_crossing_quote_that_stays_is_not_taken_twice() -> None:
    ticks = quote(0, 1000, 1001, 30), quote(1, 998, 999, 10, 20), quote(2, 997, 999, 10, 20)
    assert bid_fills(1000, *ticks) == [size(20)]


def test_crossing_quote_that_grows_fills_the_growth() -> None:
    ticks = quote(0, 1000, 1001, 30), quote(1, 998, 999, 10, 20), quote(2, 998, 999, 10, 27)
    assert bid_fills(1000, *ticks) == [size(20), size(7)]


def test_crossing_quote_at_a_new_price_is_new() -> None:
    ticks = quote(0, 1000, 1001, 30), quote(1, 998, 999, 10, 20), quote(2, 997, 998, 10, 20)
    assert bid_fills(1000, *ticks) == [size(20), size(20)]


def test_sells_mirror_buys() -> None:
    assert ask_fills(1001, quote(0, 1000, 1001, 5, 30), bought(1, 1001, 45)) == [size(15)]
    assert ask_fills(1001, quote(0, 1000, 1001, 5, 30), sold(1, 1001, 45)) == []
    assert ask_fills(1001, quote(0, 1000, 1001, 5, 30), bought(1, 1002, 20)) == [size(20)]
    assert ask_fills(1001, quote(0, 1000, 1001, 5, 30), quote(1, 1002, 1003, 8, 9)) == [size(8)]
    assert ask_fills(1001, quote(0, 1000, 1001, 5, 30), quote(1, 1001, 1002, 8, 9)) == []


def test_order_fills_at_its_own_price() -> None:
    venue = opened(quote(0, 1000, 1001), sold(1, 990, 7))
    venue.place(limit(1, BUY, 1000, 50))
    assert fills(live_until(venue, 2)) == [(1, BUY, price(1000), size(7))]


def test_better_price_is_served_first_and_volume_only_once() -> None:
    venue = opened(quote(0, 990, 1001), sold(1, 985, 70))
    for client_id, at_price in ((1, 994), (2, 995), (3, 993)):
        venue.place(limit(client_id, BUY, at_price, 50))
    assert fills(live_until(venue, 2)) == [(2, BUY, price(995), size(50)), (1, BUY, price(994), size(20))]


def test_older_order_is_served_first_at_the_same_price() -> None:
    venue = opened(quote(0, 1000, 1001, 10), quote(1, 1000, 1001, 25), sold(2, 1000, 30), sold(3, 1000, 30))
    venue.place(limit(1, BUY, 1000, 12))
    venue.advance(venue.now_ns + 1_500_000_000)
    venue.place(limit(2, BUY, 1000, 12))
    # 10 others, our 12, 15 others, our 12: the first 30 pass 10 + 12 + 8 others, the next 30 pass 7 and fill 12
    assert fills(live_until(venue, 4)) == [(1, BUY, price(1000), size(12)), (2, BUY, price(1000), size(12))]


def test_trade_through_one_order_and_at_another_shares_its_volume() -> None:
    venue = opened(quote(0, 999, 1003, 4), sold(1, 999, 20))
    venue.place(limit(1, BUY, 1000, 12))
    venue.place(limit(2, BUY, 999, 12))
    assert fills(live_until(venue, 2)) == [(1, BUY, price(1000), size(12)), (2, BUY, price(999), size(4))]


@pytest.mark.parametrize(
    "tick, expected",
    [
        (printed(1, 1000, 50), []),
        (printed(1, 999, 20), [size(20)]),
        (quote(1, 990, 991, 0, 0), []),
    ],
)
def test_candles_fill_only_strictly_through_and_only_by_trades(tick: Tick, expected: list[Decimal]) -> None:
    assert bid_fills(1000, quote(0, 1000, 1001, 0, 0), tick, queues=False) == expected


def test_market_order_takes_the_touch_then_a_tick_further_for_each_displayed_size() -> None:
    venue = opened(quote(0, 1000, 1001, 100, 40))
    state = accepted(venue.place(market(1, BUY, 100)))
    expected = [(1, BUY, price(1001), size(40)), (1, BUY, price(1002), size(40)), (1, BUY, price(1003), size(20))]
    assert fills(venue.take_events()) == expected
    assert state.status.value == "filled"


def test_second_market_order_finds_what_the_first_left() -> None:
    venue = opened(quote(0, 1000, 1001, 100, 40), quote(5, 1000, 1001, 100, 40), quote(6, 999, 1000, 100, 40))
    venue.place(market(1, BUY, 30))
    venue.place(market(2, BUY, 20))
    expected = [(1, BUY, price(1001), size(30)), (2, BUY, price(1001), size(10)), (2, BUY, price(1002), size(10))]
    assert fills(live_until(venue, 5)) == expected
    venue.place(market(3, BUY, 10))
    assert fills(live_until(venue, 6)) == [(3, BUY, price(1002), size(10))]
    venue.place(market(4, BUY, 10))
    assert fills(venue.take_events()) == [(4, BUY, price(1000), size(10))]


def test_market_order_on_candles_fills_whole_at_the_touch() -> None:
    venue = opened(quote(0, 1000, 1001, 0, 0), queues=False)
    venue.place(market(1, SELL, 5000))
    assert fills(venue.take_events()) == [(1, SELL, price(1000), size(5000))]


def test_market_order_beyond_the_deepest_level_is_cancelled() -> None:
    venue = opened(quote(0, 1000, 1001, 100, 1))
    state = accepted(venue.place(market(1, BUY, 150)))
    assert (state.status.value, state.filled, state.reason) == ("cancelled", size(100), "no_liquidity")


def test_crossing_limit_order_takes_up_to_its_price_and_rests() -> None:
    venue = opened(quote(0, 1000, 1001, 100, 40), quote(1, 1000, 1001, 100, 45))
    state = accepted(venue.place(limit(1, BUY, 1002, 100, post_only=False)))
    assert (state.status.value, state.filled) == ("open", size(80))
    assert [fill.liquidity.value for fill in venue.fills_since(0)] == ["taker", "taker"]


def test_the_worked_example_of_the_document() -> None:
    venue = opened(
        quote(1, 1000, 1002, 30, 50),
        sold(2, 1000, 10),
        quote(3, 1000, 1002, 12, 50),
        quote(4, 1000, 1002, 90, 50),
        bought(5, 1002, 40),
        sold(6, 1000, 25),
        quote(7, 999, 1000, 40, 50),
        quote(8, 997, 998, 40, 6),
        quote(9, 996, 998, 40, 6),
        sold(10, 996, 100),
    )
    a, b = 1, 2
    accepted(venue.place(limit(a, BUY, 1000, 20)))
    assert fills(live_until(venue, 4)) == []
    accepted(venue.place(limit(b, BUY, 1001, 10)))
    filled = []
    for row in range(5, 11):
        filled += [(row, client_id, quantity) for client_id, _, _, quantity in fills(live_until(venue, row))]
    assert filled == [(6, b, size(10)), (6, a, size(3)), (8, a, size(6)), (10, a, size(11))]
