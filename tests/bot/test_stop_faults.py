"""Stopping while requests fail: what was lost is repeated within the fifteen seconds, and what is left is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.events import Halted, OrderIntended
from domain.market import Side
from domain.status import NoticeKind
from domain.stop import StopMode
from tests.support.bot import Rig, script
from tests.support.faults import Call, Fate, first_of, nth, while_true
from tests.support.tape import RULES, ScriptedMarket, bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
FOUR_ENTRIES = script(sold(5, 1002, 10), sold(40, 1002, 10), sold(80, 1002, 10), sold(140, 1002, 10))
"""Four entries covered, twice what the guard lets differ; the fifth open rests from 200 s on."""
LOSSES = [Fate.REQUEST_LOST, Fate.LATE, Fate.SWALLOWED, Fate.BOTTOMLESS, Fate.HANGS, Fate.NOT_SENT, Fate.REFUSED]

CANCELS = [(StopMode.KEEP, 1), *((mode, n) for mode in (StopMode.CANCEL, StopMode.FLATTEN) for n in range(1, 6))]
"""Every cancel that each way of stopping asks for there."""


def is_market_order(call: Call) -> bool:
    return call.order is not None and call.order.price is None


def with_four_entries(rig: Rig) -> None:
    rig.auditor.allows_exits = True
    rig.start()
    rig.run_to(200.5)
    assert [(side, quantity) for side, _, quantity in rig.resting()] == [(SELL, D("0.10"))] * 4 + [(BUY, D("0.10"))]


def asked_to_look(rig: Rig, after_s: float) -> None:
    """A reconnect in the middle of a stop makes the bot look at the venue."""
    rig.at(rig.now_s + after_s, rig.client.lose_streams)
    rig.at(rig.now_s + after_s + 0.01, rig.client.restore_streams)


def at_least(rules_minimum: str, source: ScriptedMarket) -> ScriptedMarket:
    """The same market where no order may be smaller than so many base units."""
    return replace(source, rules=replace(RULES, min_quantity=D(rules_minimum)))


def worth_at_least(notional: str, source: ScriptedMarket) -> ScriptedMarket:
    """The same market where no order may be worth less than so much quote currency."""
    return replace(source, rules=replace(RULES, min_notional=D(notional)))


# --- lost cancels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", LOSSES)
@pytest.mark.parametrize("mode, number", CANCELS)
def test_stop_repeats_whichever_cancel_was_lost_in_time(mode: StopMode, number: int, fate: Fate) -> None:
    with Rig(FOUR_ENTRIES, wait_time=D(20)) as rig:
        with_four_entries(rig)
        rig.line.fate_of = nth("cancel", rig.line.count("cancel") + number, fate)
        asked_s = rig.now_s
        outcome = rig.stop(mode)
        assert (outcome.exit_status, outcome.unconfirmed) == (0, ())
        assert rig.now_s - asked_s < 5
        assert len(rig.resting()) == (4 if mode is StopMode.KEEP else 0)
        assert rig.auditor.own == (0 if mode is StopMode.FLATTEN else D("0.40"))
        rig.check()


def test_cancel_on_its_way_is_not_held_to_be_lost_because_a_reconnect_asks_for_its_order() -> None:
    with Rig(script()) as rig:
        rig.start()
        rig.run_to(30)
        rig.line.fate_of = nth("cancel", 1, Fate.SLOW)
        asked_to_look(rig, 0.1)
        rig.bot.request_stop("stopped by Ctrl-C")
        rig.run_for(2.9)
        assert (rig.line.count("cancel"), rig.line.count("query") > 0) == (1, True)
        assert rig.finish().exit_status == 0
        assert (rig.line.count("cancel"), rig.resting()) == (2, [])


# --- the guard ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.NOT_SENT, Fate.REQUEST_LOST, Fate.HANGS, Fate.SLOW])
def test_flattening_beyond_the_guards_limit_with_failing_exits_neither_halts_nor_covers_again(fate: Fate) -> None:
    with Rig(FOUR_ENTRIES, wait_time=D(20)) as rig:
        with_four_entries(rig)
        heals_s, sent = rig.now_s + 6, len(rig.line.calls)
        rig.line.fate_of = while_true(lambda call: is_market_order(call) and rig.now_s < heals_s, fate)
        asked_to_look(rig, 1)
        outcome = rig.stop(StopMode.FLATTEN)
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (0, "stopped by Ctrl-C", ())
        placed = [call.order for call in rig.line.calls[sent:] if call.order is not None]
        assert {order.price for order in placed} == {None}
        assert (rig.of_kind(Halted), rig.resting(), rig.auditor.own) == ([], [], D(0))


@pytest.mark.parametrize("mode", [StopMode.CANCEL, StopMode.FLATTEN])
def test_taking_the_closes_away_one_by_one_is_no_mismatch(mode: StopMode) -> None:
    with Rig(FOUR_ENTRIES, wait_time=D(20)) as rig:
        with_four_entries(rig)
        stubborn, heals_s, sent = min(rig.bot.state.live), rig.now_s + 6, rig.line.count("place")
        rig.line.fate_of = while_true(
            lambda call: call.kind == "cancel" and call.client_id == stubborn and rig.now_s < heals_s, Fate.BOTTOMLESS
        )
        asked_to_look(rig, 1)
        outcome = rig.stop(mode)
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (0, "stopped by Ctrl-C", ())
        assert rig.line.count("place") - sent == (1 if mode is StopMode.FLATTEN else 0)
        assert (rig.of_kind(Halted), rig.resting()) == ([], [])


# --- flattening -----------------------------------------------------------------------------------------------------


def test_flattening_leaves_at_market_whole_without_waiting_for_a_look() -> None:
    with Rig(FOUR_ENTRIES, wait_time=D(20)) as rig:
        with_four_entries(rig)
        heals_s = rig.now_s + 5
        rig.line.fate_of = while_true(
            lambda call: call.kind in ("open_orders", "position", "fills") and rig.now_s < heals_s, Fate.REQUEST_LOST
        )
        rig.bot.request_stop("stopped by Ctrl-C", StopMode.FLATTEN)
        rig.run_for(1)
        assert rig.auditor.own == 0
        exits = [intent.quantity for intent in rig.of_kind(OrderIntended) if intent.price is None]
        assert exits == [D("0.40")]
        assert rig.finish().exit_status == 0


def test_halt_while_stopping_gives_the_stop_no_more_time() -> None:
    with Rig(FOUR_ENTRIES, wait_time=D(20)) as rig:
        with_four_entries(rig)
        asked_s = rig.now_s
        revoked = while_true(
            lambda call: call.kind in ("cancel", "place") and rig.now_s > asked_s + 10, Fate.MISCONFIGURED
        )
        rig.line.fate_of = first_of(revoked, while_true(lambda call: call.kind != "query", Fate.NOT_SENT))
        outcome = rig.stop(StopMode.FLATTEN)
        assert rig.now_s - asked_s == pytest.approx(15, abs=0.1)
        assert outcome.exit_status == 1
        assert outcome.reason.startswith("halted: this key may not trade")


def test_flattening_names_the_dust_it_leaves_and_is_not_a_success() -> None:
    with Rig(at_least("0.05", script(sold(5, 1002, 4)))) as rig:
        rig.auditor.allows_exits = True
        rig.start()
        rig.run_to(8)
        asked_s = rig.now_s
        outcome = rig.stop(StopMode.FLATTEN)
        left = "0.04 is left (quantity 0.04 is below the minimum 0.05)"
        reason = f"stopped by Ctrl-C; the own position is not flat: {left}"
        assert (outcome.exit_status, outcome.reason) == (3, reason)
        assert outcome.unconfirmed == (f"that the own position is flat: {left}",)
        assert rig.bot.status().reason == reason
        assert rig.told.texts(NoticeKind.STOP) == [f"{reason}; unconfirmed: that the own position is flat: {left}"]
        assert (rig.now_s - asked_s < 3, rig.resting(), rig.auditor.own) == (True, [], D("0.04"))
        rig.check()


def test_dust_left_by_the_other_stops_is_nothing_to_confirm() -> None:
    for mode in (StopMode.KEEP, StopMode.CANCEL):
        with Rig(at_least("0.05", script(sold(5, 1002, 4)))) as rig:
            rig.start()
            rig.run_to(8)
            outcome = rig.stop(mode)
            assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (0, "stopped by Ctrl-C", ())


def test_flattening_what_a_fallen_price_made_worth_too_little_ends_at_once_without_a_request() -> None:
    # 0.05 bought at 100.2 was worth 5.01; at a bid of 99.9 no market order of it may be sent.
    market = worth_at_least("5", script(sold(5, 1002, 5), quote(20, 999, 1003)))
    with Rig(market) as rig:
        rig.auditor.allows_exits = True
        rig.start()
        rig.run_to(30)
        sent, asked_s = rig.line.count("place"), rig.now_s
        outcome = rig.stop(StopMode.FLATTEN)
        assert outcome.exit_status == 3
        assert outcome.reason.endswith("0.05 is left (notional 4.995 is below the minimum 5)")
        assert (rig.line.count("place") - sent, rig.line.refusals) == (0, [])
        assert rig.now_s - asked_s < 3


def test_boost_carries_a_fill_worth_too_little_into_the_next_exit_without_a_request() -> None:
    market = worth_at_least("5", script(sold(5, 1002, 4), sold(65, 1002, 6)))
    with Rig(market, boost_mode=True) as rig:
        rig.start()
        rig.run_to(60)
        assert (rig.line.count("place"), rig.line.refusals, rig.auditor.own) == (1, [], D("0.04"))
        rig.run_to(66)
        exits = [intent.quantity for intent in rig.of_kind(OrderIntended) if intent.price is None]
        assert (exits, rig.line.refusals, rig.auditor.own) == ([D("0.10")], [], D(0))


def test_selling_bots_dust_is_measured_at_the_price_of_its_close() -> None:
    # 0.05 sold at 100.1 was worth 5.005; the close at 99.9 would be worth less than the venue takes.
    with Rig(worth_at_least("5", script(bought(5, 1001, 5))), direction=SELL) as rig:
        rig.start()
        rig.run_to(8)
        assert (rig.auditor.own, rig.resting()[-1][0]) == (D("0.05"), SELL)
        asked_s = rig.now_s
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.unconfirmed, rig.resting()) == (0, (), [])
        assert rig.now_s - asked_s < 3
        assert rig.line.refusals == []


# --- before anything began ------------------------------------------------------------------------------------------


def test_stop_before_the_journal_began_gives_up_a_read_that_hangs_and_leaves_a_first_start() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("position", 1, Fate.HANGS)
        rig.start()
        rig.run_to(3)
        outcome = rig.stop()
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (0, "stopped by Ctrl-C", ())
        assert (outcome.duration_ns, len(rig.records)) == (0, 0)
        assert rig.now_s == pytest.approx(3)
        assert rig.told.texts(NoticeKind.STOP) == ["stopped by Ctrl-C"]
        rig.start()
        rig.run_to(6)
        assert rig.resting() == [(BUY, D("100.2"), D("0.10"))]
        rig.check_covered()


def test_interrupting_twice_before_the_journal_began_ends_at_once_too() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = nth("position", 1, Fate.HANGS)
        rig.start()
        rig.run_to(3)
        rig.bot.abandon()
        outcome = rig.finish()
        assert (outcome.exit_status, len(rig.records)) == (0, 0)
        assert rig.now_s == pytest.approx(3)
