"""What ends an order, and what does not: only what the venue proves, and only once it can prove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import Fill, OrderUpdate, PositionUpdate, VenueEvent
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from tests.support.bot import Rig, script
from tests.support.faults import Deliveries, Fate, nth, while_true
from tests.support.tape import bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
CLOSE = (SELL, D("100.4"), D("0.10"))


# --- requests still under way -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number, places, rests", [(1, 1, (BUY, D("100.2"), D("0.10"))), (2, 2, CLOSE)])
def test_order_whose_request_is_under_way_is_not_asked_for_and_not_sent_again(
    number: int, places: int, rests: tuple[Side, Decimal, Decimal]
) -> None:
    # The request takes 7 s there; two reconnects meanwhile, far enough apart for "no such order" to be believed.
    fills = [] if number == 1 else [sold(3, 1002, 10)]
    with Rig(script(*fills), reduce_only=False) as rig:
        rig.line.fate_of = nth("place", number, Fate.SLOW)
        rig.start()
        for seconds in (1, 6) if number == 1 else (4, 9):
            rig.at(seconds, rig.client.lose_streams)
            rig.at(seconds + 0.01, rig.client.restore_streams)
        rig.run_to(18)
        assert (rig.line.count("place"), rig.line.count("query"), rig.resting()) == (places, 0, [rests])
        rig.check_covered()


# --- orders that are gone -----------------------------------------------------------------------------------------


def vanish(rig: Rig, at_s: float) -> int:
    """The venue loses the first close without a word and without a trace of the order; its client id."""
    close = next(order for order in rig.bot.state.live.values() if order.side is SELL)

    def lose() -> None:
        rig.client.go_deaf()
        rig.line.forgotten.add(close.client_id)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(close.order_id or "", "lost"))

    rig.at(at_s, lose)
    rig.at(at_s + 1, rig.client.hear_again)
    return close.client_id


def ends_of(rig: Rig, client_id: int) -> list[tuple[OrderFact, Decimal | None, str]]:
    updates = [update for update in rig.of_kind(OrderUpdate) if update.client_id == client_id]
    return [(update.fact, update.filled, update.reason) for update in updates if update.fact is OrderFact.CANCELLED]


def test_accepted_order_gone_from_the_venue_is_covered_again_after_two_questions() -> None:
    with Rig(script(sold(5, 1002, 10)), max_orders=1) as rig:
        rig.start()
        rig.run_to(20)
        gone = vanish(rig, 30)
        rig.run_to(59)
        sent = len(rig.line.calls)
        rig.run_to(90)
        assert ends_of(rig, gone) == [(OrderFact.CANCELLED, D(0), "gone from the venue")]
        assert rig.resting() == [CLOSE]
        assert rig.line.count("query", since=sent) == 2
        assert rig.line.count("place", since=sent) == 1
        assert len(rig.line.calls) - sent < 40
        rig.check_covered()


def test_order_gone_from_the_venue_after_a_part_of_it_filled_unheard_is_covered_for_the_rest() -> None:
    with Rig(script(sold(5, 1002, 10), bought(29, 1005, 4)), max_orders=1) as rig:
        rig.start()
        rig.run_to(20)
        rig.at(28, rig.client.go_deaf)
        gone = vanish(rig, 30)
        rig.run_to(90)
        assert ends_of(rig, gone) == [(OrderFact.CANCELLED, D("0.04"), "gone from the venue")]
        assert rig.resting() == [(SELL, D("100.4"), D("0.06"))]
        rig.check_covered()


def test_order_is_not_held_to_be_gone_while_its_trades_cannot_be_read() -> None:
    with Rig(script(sold(5, 1002, 10)), max_orders=1) as rig:
        rig.start()
        rig.run_to(20)
        gone = vanish(rig, 30)
        rig.line.fate_of = while_true(lambda call: call.kind == "fills" and rig.now_s < 120, Fate.REQUEST_LOST)
        rig.run_to(119)
        assert (ends_of(rig, gone), rig.bot.state.live[gone].status) == ([], OrderStatus.OPEN)
        rig.run_to(150)
        assert (len(ends_of(rig, gone)), rig.resting()) == (1, [CLOSE])


# --- ends without a total -----------------------------------------------------------------------------------------


def silent_about_fills(event: VenueEvent) -> Deliveries:
    """Trades and totals are lost; that an order was cancelled is told, but not what it had filled."""
    match event:
        case Fill() | PositionUpdate():
            return []
        case OrderUpdate(fact=OrderFact.CANCELLED | OrderFact.EXPIRED):
            return [(0.0, replace(event, filled=None))]
        case OrderUpdate():
            return [] if event.filled else [(0.0, event)]
        case _:
            return [(0.0, event)]


def cancelled_by_the_pause_price(rig: Rig) -> None:
    """The bot cancels its open at 20 s."""


def expired_at_the_venue(rig: Rig) -> None:
    def expire() -> None:
        (open_order,) = rig.venue.open_orders()
        rig.upon_venue(lambda venue: venue.cancel_by_venue(open_order.order_id, "expired", expired=True))

    rig.at(19.5, expire)


@pytest.mark.parametrize("ends", [cancelled_by_the_pause_price, expired_at_the_venue])
def test_open_that_ended_without_a_filled_total_is_asked_for_before_it_ends(ends: Callable[[Rig], None]) -> None:
    with Rig(script(sold(5, 1002, 4), quote(20, 1003, 1006)), pause_price=D("100.6")) as rig:
        rig.line.deliver = silent_about_fills
        rig.start()
        ends(rig)
        rig.run_to(19)
        assert (rig.auditor.own, rig.bot.state.own) == (D("0.04"), D(0))
        rig.run_to(22)
        ends_told = (OrderFact.CANCELLED, OrderFact.EXPIRED)
        assert [update.filled for update in rig.of_kind(OrderUpdate) if update.fact in ends_told] == [D("0.04")]
        assert rig.resting() == [(SELL, D("100.4"), D("0.04"))]
        rig.check_covered()
