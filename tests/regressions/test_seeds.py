"""Worlds that once broke something, each with what it was. The worlds are generated; nothing of them is recorded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.factory import ExchangeFactory
from simulation.plan import Wanted
from simulation.runner import run_seed

AS_DRAWN = Wanted(kills=True)
SHORT = Wanted(hours=Decimal("0.1"), kills=True)
LONGER = Wanted(hours=Decimal("0.3"), kills=True)
COMMON = ("request_not_sent", "answer_lost", "position_zero_once", "hand_trade")
WITH_A_WRONG_CLOCK = Wanted(faults=(*COMMON, "frame_late", "orders_refused", "clock_off", "disk_full"), kills=True)
WITH_CUT_STREAMS = Wanted(faults=(*COMMON, "bad_gateway", "streams_cut"))


@pytest.mark.parametrize(
    "seed, wanted",
    [
        # A start while the venue's book was crossed ended in an error nobody expected, instead of "try again".
        (45, SHORT),
        # Two closes were gone and the end of one was not told: two looks were waited for before any was covered.
        (6032, Wanted(hours=Decimal("0.2"), kills=True)),
        # A disk that could not sync at a start: no ids, and nothing woke the bot when there were some.
        (8042, AS_DRAWN),
        # Silent quotes were noticed after 50 s.
        (5027, AS_DRAWN),
        # Streams that had broken often waited up to 30 s; a question without room in the limits was asked too late.
        (3069, LONGER),
        # A step that grew left dust in boost, of two kinds: each too little by itself, and counted as entries for ever.
        (30050, AS_DRAWN),
        # An order that a killed process never sent was asked about for longer than 30 s on a venue whose lists lag.
        (5, Wanted(exchange="lighter", hours=Decimal("0.2"), kills=True)),
        # A clock set back before a start: a close that had not left was offered again when it was as late as before.
        (50154, WITH_A_WRONG_CLOCK),
        # Requests refused for load together lengthened the pause each; and a process before had used up the limit.
        (50255, AS_DRAWN),
        # An order was dated ahead by a wrong clock: its trades were asked for from too late a time, for ever.
        (52158, AS_DRAWN),
        # A position that was said to be zero once ended a halt.
        (52092, WITH_CUT_STREAMS),
        # A close was refused after a trade by hand: four slow answers about the whole account were waited for.
        (100588, SHORT),
        # A clock set back, but not to before the last fill: what the session before had lived through was forgotten.
        (5700, AS_DRAWN),
        # What others had closed was taken from the position twice where they held some the other way: fills lay bare.
        (1527, AS_DRAWN),
        # A lost close had filled, and newer trades were taken in before it could be asked for: it was never found.
        (4766, AS_DRAWN),
        # A lost close waited to be explained, was explained meanwhile, and was adopted a second time after the wait.
        (990, AS_DRAWN),
    ],
)
def test_a_world_that_once_broke_holds(seed: int, wanted: Wanted) -> None:
    assert run_seed(seed, wanted, ExchangeFactory.venues()).violations == ()
