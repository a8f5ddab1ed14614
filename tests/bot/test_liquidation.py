"""The venue itself closes the position: the bot halts, says so, and knows what is left."""

from __future__ import annotations

from decimal import Decimal

from domain.events import Fill, VenueEvent
from domain.market import Side
from domain.status import NoticeKind
from markets.account import AccountTerms
from tests.support.bot import Rig, script
from tests.support.faults import Deliveries
from tests.support.tape import quote, sold

D = Decimal
POOR = AccountTerms(balance=D(5))
FALLING = script(sold(5, 1002, 10), quote(30, 500, 503))
REASON = "the venue itself closed 0.1 at 50 (liquidation or deleveraging)"


def test_liquidation_halts_and_is_told() -> None:
    with Rig(FALLING, terms=POOR) as rig:
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason, outcome.unconfirmed) == (1, f"halted: {REASON}", ())
        assert rig.told.texts(NoticeKind.HALT) == [REASON]
        assert (rig.bot.state.own, rig.resting(), rig.bot.resting_closes()) == (D(0), [], D(0))
        rig.check()
        rig.check_money()


def test_liquidation_told_three_times_is_one() -> None:
    with Rig(FALLING, terms=POOR) as rig:
        rig.line.deliver = lambda event: [(0.0, event), (0.0, event), (0.5, event)]
        rig.start()
        assert rig.finish().exit_status == 1
        assert sum(isinstance(record, Fill) and record.forced for record in rig.records) == 1
        rig.check_money()


def test_liquidation_that_nobody_told_of_is_found_by_the_next_look() -> None:
    def until_it_fell(event: VenueEvent) -> Deliveries:
        return [(0.0, event)] if event.at_ns < rig.start_ns + 29 * 10**9 else []

    with Rig(FALLING, terms=POOR) as rig:
        rig.line.deliver = until_it_fell
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (1, f"halted: {REASON}")
        rig.check_money()


def test_start_after_a_liquidation_goes_on_because_nothing_differs_any_more() -> None:
    with Rig(FALLING, terms=POOR) as rig:
        rig.start()
        rig.finish()
        rig.start()
        rig.run_for(5)
        assert rig.bot.state.halted is None
        assert rig.told.texts(NoticeKind.START)[1].endswith(f"the last session halted: {REASON}")


def test_liquidation_while_the_bot_was_down_halts_the_next_session() -> None:
    with Rig(FALLING, terms=POOR) as rig:
        rig.start()
        rig.run_to(10)
        rig.kill()
        rig.downtime(100)
        rig.start()
        outcome = rig.finish()
        assert (outcome.exit_status, outcome.reason) == (1, f"halted: {REASON}")
        assert rig.line.count("place") == 2
        rig.check_money()


def test_margin_that_is_used_up_stops_opens_and_nothing_else() -> None:
    # The equity carries two entries at most: the third is refused, told once, and tried again with pauses.
    with Rig(script(*(sold(5 + 40 * i, 1002, 10) for i in range(30))), terms=AccountTerms(balance=D("2.5"))) as rig:
        rig.start()
        rig.run_to(1_200)
        assert rig.auditor.own == D("0.20")
        assert {word for _, word in rig.line.refusals} == {"insufficient_margin"}
        assert rig.told.texts(NoticeKind.ERROR) == ["3 open orders in a row were refused: insufficient_margin"]
        assert len(rig.line.refusals) < 60
        rig.check_covered()


def test_selling_bot_is_liquidated_the_same_way_round() -> None:
    market = script(quote(30, 1500, 1503), bid=1000, ask=1003)
    ticks = [*market.ticks[:1], sold(5, 990, 10)._replace(low=1002, high=1002, low_size=0, high_size=10)]
    with Rig(script(*ticks[1:], quote(30, 1500, 1503)), terms=POOR, direction=Side.SELL) as rig:
        rig.start()
        outcome = rig.finish()
        assert outcome.exit_status == 1
        assert "the venue itself closed" in outcome.reason
        rig.check_money()
