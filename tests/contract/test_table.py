"""What each exchange can do is shown as the suite runs it."""

from __future__ import annotations

import importlib
import re
from decimal import Decimal

import pytest

from exchanges.factory import ExchangeFactory
from exchanges.rehearsal.setup import TwinSetup
from markets.account import AccountTerms
from tests.support.contract import (
    BEHAVIOURS,
    DOCUMENT,
    RULES,
    SCALE,
    TABLE_BEGINS,
    TABLE_ENDS,
    VenueUnderTest,
    table,
    venues,
)
from tests.support.tape import START_NS, ScriptedMarket, quote


def test_the_documented_table_is_the_suites() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = text.partition(TABLE_BEGINS)[2].partition(TABLE_ENDS)[0]
    assert shown == table(venues()), "write it anew: python -m tests.support.contract"


@pytest.mark.parametrize("venue", venues(), ids=lambda venue: venue.name)
def test_what_a_venue_cannot_do_is_a_known_behaviour_with_a_reason(venue: VenueUnderTest) -> None:
    assert set(venue.cannot) <= set(BEHAVIOURS)
    assert all(len(reason) > 20 for reason in venue.cannot.values())


def test_every_venue_of_the_program_is_under_test() -> None:
    assert set(ExchangeFactory.venues()) - {venue.name for venue in venues()} == set()


@pytest.mark.parametrize("venue", venues(), ids=lambda venue: venue.name)
def test_every_secret_that_a_twin_gives_out_is_looked_for(venue: VenueUnderTest) -> None:
    market = ScriptedMarket([quote(0, 30000, 30010)], rules=RULES, scale=SCALE)
    env = venue.open_twin(TwinSetup("ETH", market, AccountTerms(balance=Decimal(1)), START_NS)).env("", "")
    # A venue is described here before the program knows it.
    secrets = {key.name for key in importlib.import_module(f"exchanges.{venue.name}").KEYS if key.is_secret}
    assert set(venue.secrets) == secrets & set(env)


def test_every_behaviour_has_its_numbered_test() -> None:
    """The number in a test's name is the number in the table, and none is left out."""
    text = (DOCUMENT.parents[2] / "tests" / "contract" / "test_contract.py").read_text(encoding="utf-8")
    marked = re.findall(r'^@each\("([a-z_]+)"\)\n(?:@.*\n)*async def test_([0-9]+)_', text, re.MULTILINE)
    assert [(name, int(number)) for name, number in marked] == [(name, n) for n, name in enumerate(BEHAVIOURS, 1)]
