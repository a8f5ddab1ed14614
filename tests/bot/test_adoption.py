"""Adopting what a lost journal tail had sent: once, and as it is by the newest that the venue told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.adoption import Adoption
from bot.recorder import Recorder
from domain.accounting import Accounting
from domain.events import Fill, IdsReserved, JournalBegan, Liquidity, OrderIntended, OrderUpdate
from domain.market import Side
from domain.orders import OrderFact, OrderStatus, Purpose
from exchanges.base import OrderInfo
from exchanges.errors import Unavailable
from helpers.clock import VirtualClock
from helpers.memory_journal import MemoryJournal
from strategies.take_profit_grid.state import GridState
from tests.support.bot import Told

D = Decimal


def adoption_with_a_lost_tail() -> Adoption:
    state, told, journal = GridState(Side.BUY), Told(), MemoryJournal()
    journal.append([JournalBegan(1, 7, D(0), ""), IdsReserved(1, 2000)], sync=True)
    recorder = Recorder(journal, state, Accounting(), told)
    recorder.replay()
    return Adoption(state, recorder, VirtualClock(2), lambda price: price, lambda _text: None)


def bought_one(client_id: int, trade_id: str, quantity: int = 1) -> Fill:
    order_id = f"order {client_id}"
    return Fill(5, client_id, order_id, trade_id, Side.BUY, D(100), D(quantity), D(0), Liquidity.MAKER, 5)


def told_of(client_id: int, quantity: int) -> OrderInfo:
    size, order_id = D(quantity), f"order {client_id}"
    return OrderInfo(order_id, Side.BUY, size, D(100), OrderStatus.FILLED, size, D(0), client_id=client_id)


def test_order_is_adopted_once_however_often_it_is_found() -> None:
    adoption = adoption_with_a_lost_tail()
    found = [OrderInfo("A", Side.SELL, D(1), D(100), OrderStatus.OPEN, D(0), D(1), client_id=9)]
    for _ in range(2):
        assert adoption.adopt_all(found, D(0)) == []
    assert adoption.state.covered == 1


def test_order_that_was_adopted_is_not_lost_again_when_it_is_over_and_forgotten() -> None:
    adoption = adoption_with_a_lost_tail()
    state, recorder = adoption.state, adoption.recorder
    adoption.hear([bought_one(9, "a")])
    for trade in adoption.adopt_all([told_of(9, 1)], D(1)):
        recorder.note(trade)
    for client_id in range(2_000, 3_001):
        open_ = OrderIntended(10, client_id, Purpose.OPEN, Side.BUY, D(99), D(1), state.next_entry_id)
        recorder.note(open_, OrderUpdate(10, client_id, OrderFact.CANCELLED, filled=D(0)))
    assert 9 not in state.orders
    assert adoption.hear([bought_one(9, "a")]) is False
    assert adoption.waiting([told_of(9, 1)]) == set()
    assert adoption.adopt_all([told_of(9, 1)], D(1)) == []
    assert state.own == D(1)


def test_what_an_unknown_order_traded_is_reckoned_anew_when_more_of_it_is_told() -> None:
    async def half_away(client_id: int) -> OrderInfo | None:
        if client_id == 9:
            raise Unavailable("away")
        return None

    async def forgetful(client_id: int) -> OrderInfo | None:
        return None if client_id == 8 else told_of(9, 1)

    adoption = adoption_with_a_lost_tail()
    adoption.hear([bought_one(8, "a"), bought_one(9, "b")])
    with pytest.raises(Unavailable):
        asyncio.run(adoption.found([], half_away))
    adoption.hear([bought_one(8, "c", 2)])
    assert asyncio.run(adoption.found([], forgetful)) == [told_of(8, 3), told_of(9, 1)]


def test_what_was_told_of_an_ended_order_is_asked_for_again_when_more_trades_are_told() -> None:
    answers = [replace(told_of(8, 1), client_id=None), told_of(8, 3)]
    asked: list[int] = []

    async def ask(client_id: int) -> OrderInfo | None:
        asked.append(client_id)
        return answers.pop(0)

    adoption = adoption_with_a_lost_tail()
    adoption.hear([bought_one(8, "a")])
    assert asyncio.run(adoption.found([], ask)) == asyncio.run(adoption.found([], ask)) == [told_of(8, 1)]
    adoption.hear([bought_one(8, "b", 2)])
    assert asyncio.run(adoption.found([], ask)) == [told_of(8, 3)]
    assert asked == [8, 8]
