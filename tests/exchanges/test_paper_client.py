"""The paper client through a virtual-time loop: what arrives when, what races what, what a lost connection means."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from domain.events import Fill, OrderUpdate, QuoteMoved
from domain.market import PriceBand, Quote, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderInfo, OrderRequest
from exchanges.errors import NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.paper import PaperClient, StreamDelays, open_paper
from helpers.clock import VirtualTimeLoop
from markets.ledger import Ledger
from tests.support.paper import MS, Session, in_paper
from tests.support.tape import START_NS, ScriptedMarket, at, bought, quote, sold
from tests.support.venue import RICH, price, size

BUY, SELL = Side.BUY, Side.SELL
CALM = quote(0, 1000, 1002), quote(500, 1000, 1002)


def bid(client_id: int, at_price: int = 1000, units: int = 10) -> OrderRequest:
    return OrderRequest(client_id, BUY, size(units), price(at_price), post_only=True, reduce_only=False)


def test_request_and_answer_each_take_the_latency() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        assert session.now_ms() == 100
        assert await session.client.place(bid(1)) == "1"
        assert session.now_ms() == 200
        order = await session.client.query(1, None)
        assert order == OrderInfo("1", BUY, size(10), price(1000), OrderStatus.OPEN, size(0), size(10), "", 1)
        assert session.world.venue.open_orders()[0].placed_ns == START_NS + 150 * MS

    assert in_paper(scenario, *CALM).heard_kinds() == [(200, "OrderUpdate")]


def test_connect_brings_rules_and_a_first_quote() -> None:
    async def scenario(session: Session) -> None:
        with pytest.raises(Unavailable):
            _ = session.client.contract_id
        await session.client.connect()
        assert await session.client.get_contract_attributes() == ("TST-PERP", Decimal("0.1"))
        assert session.client.quote() == Quote(price(1000), size(100), price(1002), size(100), at(3.1))
        assert session.now_ms() == 3150
        assert session.heard == []

    in_paper(scenario, sold(0, 1000, 1), quote(3, 1000, 1002), quote(500, 1000, 1002))


def test_connect_to_a_market_that_never_quotes_is_unavailable() -> None:
    async def scenario(session: Session) -> None:
        with pytest.raises(Unavailable, match="ended before its first quote"):
            await session.client.connect()
        with pytest.raises(Unavailable, match="not connected"):
            await session.client.position()

    in_paper(scenario, sold(0, 1000, 1), sold(9, 1000, 1))


def test_refusal_comes_back_with_its_reason() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        with pytest.raises(Refused) as refusal:
            await session.client.place(bid(1, 1002))
        assert refusal.value.reason == "post_only_would_cross"
        result = await session.client.place_open_order("TST-PERP", size(10), BUY, client_id=1)
        assert (result.success, result.price) == (True, price(1001))
        assert await session.client.query(2, None) is None

    in_paper(scenario, *CALM)


def test_order_is_judged_by_the_book_at_its_arrival() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        assert session.client.quote() is not None
        with pytest.raises(Refused, match="would take"):
            await session.client.place(bid(1, 1001))

    in_paper(scenario, quote(0, 1000, 1002), quote(0.120, 1000, 1001), quote(9, 1000, 1001))


def test_streams_have_their_own_delays_and_a_fill_may_precede_its_acknowledgement() -> None:
    delays = StreamDelays(order_ns=80 * MS, fill_ns=5 * MS, position_ns=300 * MS, quote_ns=10 * MS)

    async def scenario(session: Session) -> None:
        await session.client.connect()
        await session.client.place(bid(1, 1001))
        assert session.now_ms() == 200
        await asyncio.sleep(1)

    session = in_paper(scenario, quote(0, 1000, 1002), sold(0.160, 1001, 10), quote(500, 1000, 1002), delays=delays)
    assert session.heard_kinds() == [(165, "Fill"), (230, "OrderUpdate"), (240, "OrderUpdate"), (460, "PositionUpdate")]


def test_cancel_that_loses_the_race_is_refused_and_the_fill_arrives() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        await session.client.place(bid(1, 1001))
        with pytest.raises(Refused) as refusal:
            await session.client.cancel(1, None)
        assert refusal.value.reason == "order_has_ended"

    session = in_paper(scenario, quote(0, 1000, 1002), sold(0.240, 1001, 10), quote(500, 1000, 1002))
    facts = [event.fact for _, event in session.heard if isinstance(event, OrderUpdate)]
    assert facts == [OrderFact.ACCEPTED, OrderFact.FILLED]


def test_cancel_that_wins_the_race_proves_what_was_filled() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        await session.client.place(bid(1, 1001))
        await session.client.cancel(1, "1")
        info = await session.client.get_order_info(1)
        assert info is not None
        assert (info.status, info.filled_size, info.cancel_reason) == (
            OrderStatus.CANCELLED,
            size(4),
            "cancelled_by_owner",
        )
        assert [fill.quantity for fill in await session.client.fills_since(START_NS)] == [size(4)]
        assert await session.client.get_account_positions() == size(4)
        assert await session.client.get_active_orders("TST-PERP") == []

    in_paper(scenario, quote(0, 1000, 1002), sold(0.240, 1001, 4), sold(0.300, 1001, 9), quote(500, 1000, 1002))


def test_quote_is_seen_after_its_delay_and_stays_fresh_without_new_rows() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        seen = []
        for sleep_s in (0.945, 0.010, 100):
            await asyncio.sleep(sleep_s)
            now = session.client.quote()
            assert now is not None
            seen.append((now.bid, now.ask_size, round((now.as_of_ns - START_NS) / MS)))
        assert seen == [(price(1000), size(100), 995), (price(1005), size(8), 1005), (price(1005), size(8), 101_005)]

    in_paper(scenario, quote(0, 1000, 1002), quote(1, 1005, 1007, 7, 8), quote(500, 1000, 1002))


def test_watch_delivers_one_quote_when_the_touch_leaves_the_band() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        session.client.watch_quotes(PriceBand(SELL, high=price(1004)))
        await asyncio.sleep(10)

    ticks = quote(0, 1000, 1002), quote(1, 1002, 1003), quote(2, 1004, 1005), quote(3, 1006, 1007), quote(99, 1, 2)
    session = in_paper(scenario, *ticks)
    assert [(when, event.quote.ask) for when, event in session.heard if isinstance(event, QuoteMoved)] == [
        (2050, price(1005))
    ]


def test_watch_on_a_quote_that_is_outside_already_delivers_at_once() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        session.client.watch_quotes(PriceBand(SELL, high=price(1001)))
        await asyncio.sleep(10)

    assert in_paper(scenario, *CALM).heard_kinds() == [(100, "QuoteMoved")]


def test_watch_sees_a_move_that_was_on_its_way_already() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        session.client.watch_quotes(PriceBand(SELL, high=price(1004)))
        await asyncio.sleep(10)

    session = in_paper(scenario, quote(0, 1000, 1002), quote(0.070, 1004, 1005), quote(0.090, 1000, 1002), *CALM[1:])
    assert session.heard_kinds() == [(120, "QuoteMoved")]


def test_later_watch_replaces_the_earlier_even_when_that_is_on_its_way() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        session.client.watch_quotes(PriceBand(SELL, high=price(1004)))
        await asyncio.sleep(0.920)
        session.client.watch_quotes(PriceBand(SELL, high=price(1100)))
        await asyncio.sleep(10)

    assert in_paper(scenario, quote(0, 1000, 1002), quote(1, 1004, 1005), quote(99, 1, 2)).heard == []


def test_disconnected_client_hears_nothing_but_its_request_still_arrives() -> None:
    async def scenario(session: Session) -> None:
        client = session.client
        with pytest.raises(NotSent):
            await client.place(bid(1))
        with pytest.raises(Unavailable):
            await client.position()
        await client.connect()
        placing = asyncio.ensure_future(client.place(bid(1)))
        reading = asyncio.ensure_future(client.position())
        await asyncio.sleep(0.020)
        await client.disconnect()
        await client.disconnect()
        with pytest.raises(OutcomeUnknown):
            await placing
        with pytest.raises(Unavailable):
            await reading
        await asyncio.sleep(1)
        assert [order.client_id for order in session.world.venue.open_orders()] == [1]
        await client.connect()
        assert (await client.query(1, None)) is not None

    assert in_paper(scenario, *CALM).heard == []


def test_second_client_of_the_same_account_is_turned_away() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        with pytest.raises(ValueError, match="another client"):
            await PaperClient(session.world, session.loop.clock).connect()

    in_paper(scenario, *CALM)


def test_reader_that_gave_up_is_not_disturbed_by_the_answer() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.client.position(), timeout=0.070)
        await asyncio.sleep(1)

    in_paper(scenario, *CALM)


def test_zero_latency_is_immediate_but_still_in_order() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        await session.client.place(bid(1, 1001))
        assert session.now_ms() == 0
        await asyncio.sleep(2)

    session = in_paper(scenario, quote(0, 1000, 1002), sold(1, 1001, 10), quote(500, 1000, 1002), latency_ms=0)
    assert session.heard_kinds() == [
        (0, "OrderUpdate"),
        (1000, "Fill"),
        (1000, "OrderUpdate"),
        (1000, "PositionUpdate"),
    ]


def test_end_of_the_market_is_delivered_and_then_nothing_can_happen() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        await asyncio.sleep(10)
        assert session.client.quote() == Quote(price(1000), size(100), price(1002), size(100), at(5))

    session = in_paper(scenario, quote(0, 1000, 1002), quote(5, 1000, 1002))
    assert session.heard_kinds() == [(5050, "MarketEnded")]
    assert session.world.advance(None) is None


def test_clock_leaps_over_a_gap_and_late_arrivals_happen_after_it() -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        await asyncio.sleep(0.880)
        assert session.now_ms() == 980
        await session.client.place(bid(1))
        assert session.now_ms() == 100_050

    ticks = quote(0, 1000, 1002), quote(1, 1000, 1002), quote(100, 1000, 1002, gap=True), quote(500, 1000, 1002)
    session = in_paper(scenario, *ticks)
    assert session.world.venue.gaps == (1, 99_000 * MS)


@pytest.mark.parametrize("pace", [0.001, 1, 60])
def test_pace_changes_nothing(pace: float) -> None:
    async def scenario(session: Session) -> None:
        await session.client.connect()
        session.client.watch_quotes(PriceBand(SELL, low=price(990), high=price(1004)))
        await session.client.place(bid(1, 1001))
        await asyncio.sleep(1)
        await session.client.place_close_order("TST-PERP", size(4), price(1006), SELL, client_id=2)
        await asyncio.sleep(3)
        await session.client.cancel_order(1)

    ticks = (
        quote(0, 1000, 1002),
        sold(0.510, 1001, 4),
        quote(0.511, 1003, 1004),
        bought(1.9, 1007, 1),
        quote(2, 1000, 1002),
        bought(3.3, 1006, 200),
        quote(20, 1000, 1002),
    )
    paced = in_paper(scenario, *ticks, pace=pace)
    assert paced.heard == in_paper(scenario, *ticks).heard
    assert [kind for _, kind in paced.heard_kinds()].count("Fill") == 3


def test_killed_account_is_continued_on_its_ledger(tmp_path: Path) -> None:
    ticks = quote(0, 1000, 1002), sold(1, 1001, 4), sold(3, 1001, 9), quote(500, 1000, 1002)

    def run(clock_ahead_s: float, first: bool) -> list[Fill]:
        ledger = Ledger.open(tmp_path / "paper.sqlite", "scripted", RICH, START_NS)
        loop = VirtualTimeLoop(ledger.now_ns + round(clock_ahead_s * 1000) * MS)
        world, client = open_paper(ScriptedMarket(ticks), RICH, ledger, loop.clock, 50 * MS)
        loop.live_in(world)

        async def session() -> list[Fill]:
            await client.connect()
            if first:
                await client.place(bid(1, 1001))
                await asyncio.sleep(1.5)
            return await client.fills_since(START_NS)

        try:
            return loop.run_until_complete(session())
        finally:
            loop.close()
            ledger.close()

    assert [fill.quantity for fill in run(0, first=True)] == [size(4)]
    assert [fill.quantity for fill in run(0, first=False)] == [size(4)]
    assert [fill.quantity for fill in run(5, first=False)] == [size(4), size(6)]
