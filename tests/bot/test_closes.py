"""Closes are owed until they rest: refused, expired, cancelled by the venue, or priced by rules that changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from domain.events import Liquidity, RulesChanged, VenueEvent
from domain.market import NANOSECONDS, Side
from domain.status import NoticeKind
from domain.stop import StopMode
from markets.venue import SimulatedVenue
from tests.support.bot import Rig, covered_after, script
from tests.support.faults import Call, Deliveries, Fate, first_of, nth, while_true
from tests.support.tape import RULES, bought, quote, sold

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def is_close(call: Call) -> bool:
    return call.order is not None and call.order.side is SELL


def others_sell_and_the_newer_close_ends(venue: SimulatedVenue) -> None:
    """Of 0.20 they take 0.02, by which the newer close is trimmed to 0.08 before it ends."""
    venue.external_trade(SELL, D("0.02"))
    venue.cancel_by_venue(venue.open_orders()[1].order_id, "risk")


def test_refused_close_is_offered_again_soon() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.line.fate_of = first_of(nth("place", 2, Fate.REFUSED), nth("place", 3, Fate.REFUSED))
        rig.start()
        rig.run_to(8)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        assert rig.auditor.longest_bare_s(rig.world.now_ns) < 2
        rig.check_covered()


def test_close_that_never_left_is_sent_again_soon() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.line.fate_of = nth("place", 2, Fate.NOT_SENT)
        rig.start()
        rig.run_to(6)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_close_that_the_market_overtook_is_priced_anew_outside_the_touch() -> None:
    # The bid jumps over the target while the close is on its way: post-only refuses it.
    with Rig(script(sold(5, 1002, 10), quote(5.07, 1010, 1013))) as rig:
        rig.start()
        rig.run_to(5)
        sent = len(rig.line.calls)
        rig.run_to(8)
        assert rig.line.counts(sent) == {"place": 2}
        assert [word for _, word in rig.line.refusals] == ["post_only_would_cross"]
        assert rig.resting() == [(SELL, D("101.1"), D("0.10"))]
        assert rig.line.count("rules") == 0
        rig.check_covered()


def test_close_cancelled_by_the_venue_is_covered_again_once_the_position_was_read() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        sent = len(rig.line.calls)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(9)
        assert rig.line.counts(sent) == {"position": 1, "place": 1}
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.run_to(12)  # The look follows: other closes may have ended unheard.
        assert rig.line.counts(sent) == {"open_orders": 2, "position": 2, "place": 1}
        rig.check_covered()


def test_close_that_went_with_its_position_is_not_covered_before_everything_was_looked_at() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        sent = len(rig.line.calls)
        # The venue trims the close away with the position that it was for.
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.10")))
        rig.run_to(9)
        assert rig.line.counts(sent) == {"open_orders": 2, "position": 2, "fills": 1}


def test_close_cancelled_while_others_hold_the_other_way_waits_for_position_and_trades_alone() -> None:
    with Rig(script(sold(5, 1002, 10), sold(70, 1002, 10))) as rig:
        rig.start()
        rig.run_to(75)
        sent = len(rig.line.calls)
        rig.upon_venue(others_sell_and_the_newer_close_ends)
        rig.run_to(76)
        assert rig.line.counts(sent) == {"position": 1, "fills": 1, "place": 1}
        assert rig.resting() == [(SELL, D("100.4"), D("0.10")), (SELL, D("100.4"), D("0.08"))]
        rig.run_to(85)  # Two looks agree on what is missing, and it is written off.
        assert rig.bot.state.own == D("0.18")
        assert rig.told.texts(NoticeKind.MISMATCH) == ["0.02 of the own position was closed by somebody else"]
        rig.check()


def test_close_refused_since_others_hold_the_other_way_waits_for_position_and_trades_alone() -> None:
    """They sell 0.02 before 0.10 fills. A venue that does not trim what reduces too much refuses the close."""
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.line.fate_of = nth("place", 2, Fate.REFUSED)
        rig.start()
        rig.run_to(4.9)
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.02")))
        rig.run_to(5.01)
        sent = len(rig.line.calls)
        rig.run_to(5.6)
        assert rig.line.counts(sent) == {"place": 2, "position": 1, "fills": 1}
        assert rig.resting() == [(SELL, D("100.4"), D("0.08"))]
        rig.run_to(15)  # Two looks agree on what is missing, and it is written off.
        assert rig.bot.state.own == D("0.08")
        rig.check()


def test_position_that_a_trade_overtook_is_read_again_before_a_cancelled_close_is_covered() -> None:
    """The other close fills while position and trades are read: what they tell does not belong together."""
    with Rig(script(sold(5, 1002, 10), sold(70, 1002, 10), bought(75.14, 1005, 6))) as rig:
        rig.start()
        rig.run_to(75)
        sent = len(rig.line.calls)
        rig.upon_venue(others_sell_and_the_newer_close_ends)
        rig.run_to(76)
        assert rig.line.counts(sent) == {"position": 2, "fills": 2, "place": 1}
        assert rig.resting() == [(SELL, D("100.4"), D("0.04")), (SELL, D("100.4"), D("0.08"))]
        rig.run_to(85)
        assert rig.bot.state.own == D("0.12")
        rig.check()


def test_an_end_that_nobody_told_and_a_look_finds_needs_no_second_look() -> None:
    """Two closes are gone, and only the end of the later one is heard of: the look that follows finds the other."""
    with Rig(script(sold(5, 1002, 10), sold(70, 1002, 10))) as rig:
        rig.start()
        rig.run_to(75)
        first, second = rig.venue.open_orders()
        rig.line.deliver = lambda _event: []
        rig.upon_venue(lambda venue: venue.cancel_by_venue(first.order_id, "risk"))
        rig.run_to(80)
        rig.line.deliver = lambda event: [(0.0, event)]
        sent = len(rig.line.calls)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(second.order_id, "risk"))
        rig.run_to(84)
        assert rig.line.counts(sent) == {"open_orders": 2, "position": 2, "query": 1, "place": 2}
        assert rig.resting() == [(SELL, D("100.4"), D("0.10")), (SELL, D("100.4"), D("0.10"))]
        rig.check_covered()


def test_expired_close_is_owed_again() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "old", expired=True))
        covered_after(rig, within_s=3)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]


def test_cancelled_close_whose_position_is_gone_is_not_placed_again() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        rig.start()
        rig.run_to(8)
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.1")))  # The venue trims the close away too.
        rig.run_to(30)
        assert [order for order in rig.resting() if order[0] is SELL] == []
        assert rig.bot.state.own == 0
        assert rig.told.texts(NoticeKind.MISMATCH) == ["0.1 of the own position was closed by somebody else"]
        rig.check()


def test_partly_filled_close_that_the_venue_cancels_is_covered_for_the_rest() -> None:
    with Rig(script(sold(5, 1002, 10), bought(8, 1005, 4))) as rig:
        rig.start()
        rig.run_to(9)
        rig.upon_venue(lambda venue: venue.cancel_by_venue(venue.open_orders()[0].order_id, "risk"))
        rig.run_to(12)
        assert (SELL, D("100.4"), D("0.06")) in rig.resting()
        rig.check_covered()
        rig.check_money()


def test_tick_change_rounds_the_next_close_away_from_loss() -> None:
    with Rig(script(sold(20, 1000, 10))) as rig:
        rig.start()
        rig.run_to(4)
        coarse = replace(RULES, tick_size=D("0.5"))
        rig.upon_venue(lambda venue: venue.change_rules(coarse))
        rig.run_to(21)
        assert rig.resting() == [(SELL, D("100.5"), D("0.10"))]
        assert [record.rules.tick_size for record in rig.of_kind(RulesChanged)] == [D("0.5")]
        rig.check_covered()


def test_tick_change_that_nobody_told_is_found_when_an_order_is_refused() -> None:
    def without_rules(event: VenueEvent) -> Deliveries:
        return [] if isinstance(event, RulesChanged) else [(0.0, event)]

    with Rig(script(sold(100, 1002, 10))) as rig:
        rig.line.deliver = without_rules
        rig.start()
        rig.run_to(90)
        rig.upon_venue(lambda venue: venue.change_rules(replace(RULES, tick_size=D("0.5"))))
        rig.run_to(104)
        assert rig.line.refusals[0][1] == "off_tick"
        assert rig.resting()[0] == (SELL, D("100.5"), D("0.10"))
        rig.check_covered()


def test_larger_minimum_turns_what_is_bare_into_dust_and_no_request_storm() -> None:
    with Rig(script(sold(100, 1002, 4))) as rig:
        rig.start()
        rig.run_to(90)
        rig.upon_venue(lambda venue: venue.change_rules(replace(RULES, min_quantity=D("0.05"))))
        rig.auditor.rules = replace(RULES, min_quantity=D("0.05"))
        rig.run_to(95)
        sent = len(rig.line.calls)
        rig.run_to(150)
        assert rig.auditor.own == D("0.04")
        assert rig.line.count("place", since=sent) == 0
        rig.check_covered()


def test_three_refused_closes_are_one_notice_and_covering_goes_on() -> None:
    with Rig(script(sold(5, 1002, 10))) as rig:
        refused = lambda call: is_close(call) and call.at_ns < rig.start_ns + 3_600 * NANOSECONDS  # noqa: E731
        rig.line.fate_of = while_true(refused, Fate.REFUSED)
        rig.start()
        rig.run_to(3_599)
        assert rig.told.texts(NoticeKind.ERROR) == ["3 close orders in a row were refused: venue_restricted"]
        assert rig.line.count("place") < 2_000  # one every two seconds
        assert rig.line.count("open_orders", "position") < 6_000  # and one look each
        rig.auditor.forget_bare_time()
        covered_after(rig, within_s=3)


def test_venue_that_refuses_every_open_for_an_hour_is_not_hammered() -> None:
    with Rig(script()) as rig:
        rig.line.fate_of = while_true(lambda call: call.order is not None, Fate.REFUSED)
        rig.start()
        rig.run_to(3_600)
        assert rig.line.count("place") < 130  # two soon, then one in 30 s
        assert rig.line.count("open_orders", "position", "rules") < 300
        assert rig.told.texts(NoticeKind.ERROR) == ["3 open orders in a row were refused: venue_restricted"]
        assert rig.loop.rounds < 10_000
        rig.check()


def test_open_is_priced_below_the_own_closes() -> None:
    # The touch rises over an own close that the market has not reached: an open at ask - tick would meet it.
    with Rig(script(sold(5, 1002, 10), quote(20, 1003, 1006))) as rig:
        rig.start()
        rig.run_to(40)
        assert rig.resting() == [(SELL, D("100.4"), D("0.10")), (BUY, D("100.3"), D("0.10"))]
        assert rig.line.refusals == []
        rig.check_covered()


def test_every_fill_is_a_makers() -> None:
    with Rig(script(sold(5, 1002, 10), bought(10, 1005, 10), sold(11, 1002, 10))) as rig:
        rig.start()
        rig.run_to(30)
        assert {fill.liquidity for fill in rig.auditor.fills} == {Liquidity.MAKER}
        rig.check_covered()


def held_against(rig: Rig) -> None:
    """Somebody held 0.1 the other way before the bot came, which then buys 0.1: the venue's position is nothing."""
    rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.1")))
    rig.world.advance(rig.world.now_ns + 1)
    rig.start()
    rig.run_to(60)
    assert (rig.bot.state.own, rig.resting()) == (D("0.10"), [])


UNCOVERABLE = "0.1 cannot be covered while others hold as much the other way; nothing is opened meanwhile"


def test_what_others_hold_against_is_said_once_and_nothing_more_is_opened_or_sent() -> None:
    with Rig(script(sold(5, 1002, 10)), wait_time=D(0)) as rig:
        held_against(rig)
        assert rig.line.count("place") == 1
        assert rig.told.texts(NoticeKind.ERROR) == [UNCOVERABLE]
        assert [hold.word for hold in rig.bot.status().holds] == ["opposed"]


def test_what_others_held_against_is_covered_when_they_have_left() -> None:
    with Rig(script(sold(5, 1002, 10)), wait_time=D(0)) as rig:
        held_against(rig)
        rig.upon_venue(lambda venue: venue.external_trade(BUY, D("0.1")))
        rig.run_for(70)
        assert rig.resting()[0] == (SELL, D("100.4"), D("0.10"))
        assert len(rig.resting()) == 2


def test_fill_after_others_closed_some_is_covered_at_once_though_they_hold_dust_the_other_way() -> None:
    """What was written off was missing from the position already: it is not taken from what may be covered again."""
    market = replace(script(sold(5, 1002, 10), sold(40, 1002, 10)), rules=replace(RULES, min_quantity=D("0.02")))
    with Rig(market) as rig:
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.01")))
        rig.world.advance(rig.world.now_ns + 1)
        rig.start()
        rig.run_to(26)
        assert rig.resting() == [(SELL, D("100.4"), D("0.09"))]
        rig.upon_venue(lambda venue: venue.external_trade(SELL, D("0.09")))  # The venue trims the close away too.
        rig.run_to(39)
        assert rig.told.texts(NoticeKind.MISMATCH) == ["0.09 of the own position was closed by somebody else"]
        assert [side for side, *_ in rig.resting()] == [BUY]
        sent = len(rig.line.calls)
        rig.run_to(41)
        assert rig.line.counts(sent) == {"place": 1}
        assert rig.resting() == [(SELL, D("100.4"), D("0.10"))]
        rig.check()


def test_flattening_what_others_hold_against_ends_at_once_and_says_what_is_left() -> None:
    with Rig(script(sold(5, 1002, 10)), wait_time=D(0)) as rig:
        held_against(rig)
        before_s = rig.now_s
        outcome = rig.stop(StopMode.FLATTEN)
        assert rig.now_s - before_s < 5
        assert outcome.exit_status == 3
        assert outcome.unconfirmed == (
            "that the own position is flat: 0.1 is left (others hold the other way)",
        )
        assert rig.line.count("place") == 1
