"""A venue that refuses for load: an excuse for whoever kept to its limit, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from domain.market import NANOSECONDS
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import LISTED
from simulation.auditor import Auditor
from simulation.plan import START_NS
from simulation.scribe import Scribe
from simulation.worlds.base import VenueLimits
from simulation.worlds.twin import Pages, Share, TwinSimulation
from tests.support.told import TERMS

LIMIT = 60
"""Requests that edgeX takes in a minute."""
D = Decimal


def world() -> TwinSimulation:
    def make_scribe(now_ns: Callable[[], int], _secrets: Sequence[str], limits: VenueLimits) -> Scribe:
        assert limits == VenueLimits(LIMIT)
        return Scribe(Auditor(TERMS), now_ns)

    market = GeneratedMarket(LISTED["ETH"], 1, START_NS, D(0), D("0.0005"))
    terms = AccountTerms(D(10_000), maker_fee_rate=D(0), taker_fee_rate=D("0.0005"))
    return TwinSimulation("edgex", "ETH", market, terms, 1, 1_000_000, 0, 500_000_000, Pages(), make_scribe)


@pytest.mark.parametrize("sent, is_excused", [(LIMIT, True), (LIMIT + 1, False)])
def test_a_refusal_for_load_is_foul_weather_unless_the_process_itself_asked_too_much(
    sent: int, is_excused: bool
) -> None:
    edgex = world()
    for _ in range(sent):
        edgex.share.note(edgex.now_ns)
    edgex.refused_for_load()
    assert (edgex.scribe.told["Weather"] == 1) is is_excused
    assert edgex.scribe.is_undisturbed is not is_excused


def test_what_was_sent_a_minute_ago_counts_no_more() -> None:
    share = Share(3)
    for second in (0, 1, 30, 59):
        share.note(second * NANOSECONDS)
    assert share.is_exceeded(59 * NANOSECONDS)
    assert not share.is_exceeded(60 * NANOSECONDS)


def test_a_venue_without_a_limit_that_matters_excuses_nothing() -> None:
    assert Share(None).is_exceeded(0)
