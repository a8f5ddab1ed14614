"""No request that is not needed: what a bot asks its venue in an undisturbed run, counted exactly."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from domain.events import OrderUpdate
from domain.market import Side
from exchanges.paper.world import StreamDelays
from tests.support.bot import Rig, script
from tests.support.tape import Tick, bought, quote, sold

D = Decimal
LOOK = {"open_orders": 2, "position": 1}


def round_trips(count: int) -> list[Tick]:
    """Every 20 s one entry fills, and its close 5 s later."""
    ticks: list[Tick] = []
    for index in range(count):
        ticks += [sold(5 + 20 * index, 1002, 10), bought(10 + 20 * index, 1005, 10)]
    return ticks


def test_start_reads_the_position_and_looks_once() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_until(lambda: rig.line.count("place") == 1)
        # The position twice: what is foreign, then the look.
        assert rig.line.counts() == {"position": 2, "open_orders": 2, "place": 1}


def test_filled_entry_costs_two_placements_and_nothing_else() -> None:
    with Rig(script(*round_trips(10))) as rig:
        rig.start()
        rig.run_to(4)
        sent = len(rig.line.calls)
        rig.run_to(204)
        assert len(rig.own_fills()) == 20
        looks = 204 // 60
        # Ten closes, and ten opens after the first; a look a minute.
        assert rig.line.counts(sent) == {"place": 20, **{kind: count * looks for kind, count in LOOK.items()}}
        rig.check_covered()


def test_repriced_open_costs_one_cancel_and_one_placement() -> None:
    with Rig(script(quote(20, 1005, 1008))) as rig:
        rig.start()
        rig.run_to(15)
        sent = len(rig.line.calls)
        rig.run_to(25)
        assert rig.line.counts(sent) == {"cancel": 1, "place": 1}


def test_graceful_stop_costs_one_cancel_and_one_look() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(40)
        sent = len(rig.line.calls)
        rig.stop()
        assert rig.line.counts(sent) == {"cancel": 1, **LOOK}


def test_stop_with_nothing_to_settle_asks_the_venue_all_the_same() -> None:
    with Rig(script(sold(5, 1002, 10)), max_orders=1) as rig:
        rig.start()
        rig.run_to(63)  # The look of the first minute has seen the very same, but before the stop.
        sent = len(rig.line.calls)
        assert rig.stop().exit_status == 0
        assert rig.line.counts(sent) == LOOK


def test_position_told_before_its_trade_costs_no_look() -> None:
    delays = StreamDelays(order_ns=900_000_000, fill_ns=800_000_000, position_ns=1_000_000, quote_ns=1_000_000)
    with Rig(script(*round_trips(2)), delays=delays) as rig:
        rig.start()
        rig.run_to(4)
        sent = len(rig.line.calls)
        rig.run_to(50)
        assert rig.line.counts(sent) == {"place": 4}
        rig.check_covered()


def test_restart_asks_for_orders_position_trades_and_funding_once() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.kill()
        sent = len(rig.line.calls)
        rig.start()
        rig.run_for(5)
        assert rig.line.counts(sent) == {"fills": 1, "funding": 1, **LOOK}


def test_journal_holds_no_fact_twice() -> None:
    with Rig(script(*round_trips(3))) as rig:
        rig.line.deliver = lambda event: [(0.0, event), (0.0, event), (7.0, event)]
        rig.start()
        rig.run_to(70)
        told = [(update.client_id, update.fact, update.filled) for update in rig.of_kind(OrderUpdate)]
        assert len(told) == len(set(told))
        assert len(rig.records) < 40
        rig.check_covered()


def test_nothing_is_kept_of_what_is_over() -> None:
    with Rig(script(*round_trips(400)), wait_time=D(40)) as rig:
        rig.start()
        rig.run_to(8_100)
        assert len(rig.own_fills()) >= 700
        assert (len(rig.bot.state.live), len(rig.bot.state.entries)) == (1, 1)
        assert len(asyncio.all_tasks(rig.loop)) == 1  # the bot itself
        assert rig.stop().unconfirmed == ()


def test_side_of_every_request_is_that_of_the_bot() -> None:
    with Rig(script(*round_trips(3))) as rig:
        rig.start()
        rig.run_to(70)
        assert {(order.side, order.reduce_only) for order in rig.line.placed.values()} == {
            (Side.BUY, False),
            (Side.SELL, True),
        }
