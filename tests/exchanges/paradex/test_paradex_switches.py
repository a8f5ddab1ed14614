"""The client trades under every other reading of what nobody could confirm."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.events import Fill, PositionUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.errors import Unavailable
from exchanges.paradex.twin_switches import Switches
from tests.exchanges.paradex.test_paradex_client import BOUGHT, updates
from tests.support.paradex_session import D, Session, buy, close, run_session

OTHER_READINGS = [
    Switches(placed_status=200),
    Switches(tells_new=False),
    Switches(fill_delay_ms=700),
    Switches(lists_new_orders=True),
    Switches(client_id_finds_closed=False),
    Switches(fill_side_is_taker=True),
    Switches(reason_on_filled=True),
    Switches(trims_reduce_only=False),
    Switches(flat_positions_are_listed=False),
    Switches(position_size_is_signed=False),
    Switches(touch_on_subscribe=True),
    Switches(account_is_binary=False),
    Switches(text_quotes=True),
    Switches(newest_schema=1),
    Switches(history_delay_ms=1_000),
    Switches(unknown_order_status=400),
    Switches(error_status=422),
    Switches(engine_delay_ms=300),
    Switches(orders_on_subscribe=True),
    Switches(login_result_is_empty=True),
    Switches(replayed_order_is_refused=False),
    Switches(login_window_s=5),
    Switches(cancel_status=200),
]


def test_every_switch_is_turned_in_a_test() -> None:
    assert {_changed(switches) for switches in OTHER_READINGS} == set(Switches.__slots__)


@pytest.mark.parametrize("switches", OTHER_READINGS, ids=lambda switches: _changed(switches))
def test_a_round_trip_works_under_the_other_reading(switches: Switches) -> None:
    async def story(session: Session) -> None:
        client = session.client
        order_id = await client.place(buy(1))
        await asyncio.sleep(7)
        (fill,) = [e for e in session.events if isinstance(e, Fill)]
        assert (fill.client_id, fill.side, fill.quantity, fill.fee) == (1, Side.BUY, D("0.1"), D("0.030005"))
        assert updates(session, 1)[-1] is OrderFact.FILLED
        assert await client.position() == D("0.1")
        await client.place(close(2))
        assert [info.client_id for info in await client.open_orders()] == [2]
        session.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        await asyncio.sleep(2)
        resting = sum((info.remaining_size for info in await client.open_orders()), D(0))
        assert resting == (D("0.06") if switches.trims_reduce_only else D(0))
        ended = await client.query(1, None)
        assert ended == await client.query(1, order_id)
        assert ended is not None
        assert (ended.status, ended.filled_size) == (OrderStatus.FILLED, D("0.1"))
        read = await client.fills_since(0)
        assert [replace(told, at_ns=0) for told in read if told.client_id == 1] == [replace(fill, at_ns=0)]
        with pytest.raises(Unavailable):
            await client.query(77, None)
        await asyncio.sleep(6)
        assert await client.query(77, None) is None

    run_session(story, BOUGHT, switches=switches)


def _changed(switches: Switches) -> str:
    plain = Switches()
    (name,) = [name for name in Switches.__slots__ if getattr(switches, name) != getattr(plain, name)]
    return name


def test_a_short_position_without_a_sign_is_short_all_the_same() -> None:
    async def story(session: Session) -> None:
        session.twin.desk.trade_by_hand(Side.SELL, D("0.3"))
        await asyncio.sleep(1)
        assert await session.client.position() == D("-0.3")

    for is_signed in (True, False):
        run_session(story, switches=Switches(position_size_is_signed=is_signed))


def test_orders_told_again_after_a_reconnect_change_nothing() -> None:
    async def story(session: Session) -> None:
        await session.client.place(buy(1, price="2990"))
        session.twin.desk.trade_by_hand(Side.BUY, D("0.02"))
        for socket_id in list(session.twin.sockets):
            session.twin.hang_up(socket_id)
        await asyncio.sleep(10)
        assert updates(session, 1) == [OrderFact.ACCEPTED] * 2
        assert [e.quantity for e in session.events if isinstance(e, PositionUpdate)][-1] == D("0.02")
        assert [info.client_id for info in await session.client.open_orders()] == [1]

    run_session(story, switches=Switches(orders_on_subscribe=True))
