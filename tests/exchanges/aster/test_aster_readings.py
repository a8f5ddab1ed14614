"""What nobody could confirm of Aster, played both ways: the client survives either reading."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from domain.events import Fill, OrderUpdate, PositionUpdate, StreamLost
from domain.market import Side
from domain.orders import OrderFact
from exchanges.aster.facts import Switches
from exchanges.errors import OutcomeUnknown, Refused
from tests.support.aster_world import BOUGHT, BUY, CLOSE, QUIET, D, about, buy, playing
from tests.support.contract import contract_world
from tests.support.tape import sold

READINGS = {
    "as believed": Switches(),
    "a crossing is told later": Switches(result_tells_crossing=False),
    "a crossing is told much later": Switches(result_tells_crossing=False, crossing_delay_ms=400),
    "a crossing is refused": Switches(crossing_is_refused=True),
    "another duplicate code": Switches(duplicate_client_id_code=-4115),
    "excess is trimmed": Switches(excess_reduce_only_is_trimmed=True),
    "paid fees are negative": Switches(stream_fee_is_negative=True),
    "user is needed": Switches(user_may_be_omitted=False),
    "unknown listen keys are refused": Switches(unknown_listen_key_is_deaf=False),
    "trades newest first": Switches(trades_are_newest_first=True),
    "shrunk orders live on": Switches(shrunk_reduce_only_expires=False),
    "the touch comes at once": Switches(touch_on_subscribe=True),
    "the stream lags": Switches(update_delay_ms=50),
    "messages overtake each other": Switches(messages_overtake=True),
    "few orders may rest": Switches(most_open_orders=2),
}
KEY_DOUBTS = {"bad_key_status", "signature_error_code", "unknown_signer_code"}
"""Which words a wrong key is refused with: played where keys are wrong, in `test_aster_start.py`."""


def test_every_doubt_is_played_both_ways() -> None:
    believed = Switches()
    played = {
        field.name
        for reading in READINGS.values()
        for field in fields(Switches)
        if getattr(reading, field.name) != getattr(believed, field.name)
    }
    assert played | KEY_DOUBTS == {field.name for field in fields(Switches)}


@pytest.mark.parametrize("switches", READINGS.values(), ids=READINGS)
async def test_an_entry_is_opened_filled_and_covered_under_every_reading(switches: Switches) -> None:
    async with contract_world(playing(switches), BOUGHT) as world:
        try:
            await world.client.place(replace(BUY, client_id=999, price=D("3001.0")))
        except Refused as refused:
            reason = refused.reason
        else:
            reason = (await world.log.until(OrderUpdate, about(999, OrderFact.REFUSED))).reason
        assert reason == "post_only_would_cross"
        await buy(world)
        await world.client.place(CLOSE)
        with pytest.raises(OutcomeUnknown):
            await world.client.place(CLOSE)
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        fill = await world.log.until(Fill)
        assert [fill] == [replace(again, at_ns=fill.at_ns) for again in await world.client.fills_since(fill.venue_ns)]
        position = await world.log.until(PositionUpdate, lambda event: event.quantity != 0)
        assert position.quantity == await world.client.position() == D("0.1")
        (resting,) = await world.client.open_orders()
        assert (resting.client_id, resting.price, resting.remaining_size) == (1001, D("3005.0"), D("0.1"))


async def test_of_fills_that_overtake_each_other_none_is_lost_and_the_order_is_filled_once() -> None:
    ticks = [QUIET[0], sold(5, 30005, 40), sold(5.01, 30005, 60), QUIET[1]]
    async with contract_world(playing(Switches(messages_overtake=True)), ticks) as world:
        await world.client.place(BUY)
        world.go_to(5.01)
        world.go_to(6)
        await world.log.until(Fill, lambda fill: fill.quantity == D("0.04"))
        assert [fill.quantity for fill in world.log.of(Fill)] == [D("0.06"), D("0.04")]
        ended = [event for event in world.log.of(OrderUpdate) if event.fact is OrderFact.FILLED]
        assert [event.filled for event in ended] == [D("0.1")]
        assert [event.quantity for event in world.log.of(OrderUpdate)] == [None] * 3
        assert world.log.of(StreamLost) == []


async def test_a_shrunk_order_that_lives_on_tells_its_new_quantity() -> None:
    async with contract_world(playing(Switches(shrunk_reduce_only_expires=False)), BOUGHT) as world:
        await buy(world)
        await world.client.place(CLOSE)
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        told = await world.log.until(OrderUpdate, lambda event: event.quantity is not None)
        assert (told.client_id, told.fact, told.quantity) == (1001, OrderFact.ACCEPTED, D("0.06"))
