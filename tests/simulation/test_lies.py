"""Untruths that can be read: a venue tells one now and then, and never two of them so soon that they seem to agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from domain.market import NANOSECONDS, MarketRules, Side
from markets.account import AccountTerms
from markets.generator import GeneratedMarket
from markets.instruments import LISTED
from simulation.auditor import Auditor
from simulation.faults.base import Allowed, Fault
from simulation.faults.catalogue import Storm
from simulation.faults.transport import GarbledAnswer
from simulation.faults.venue import OrderHidden, PositionZeroOnce
from simulation.life import Household
from simulation.observed import RequestKind
from simulation.plan import START_NS
from simulation.scribe import Scribe
from simulation.worlds.base import Errand, VenueLimits
from simulation.worlds.twin import Pages, TwinSimulation
from strategies.take_profit_grid.config import TradingConfig
from tests.support.told import TERMS

D = Decimal
ASKS = Errand(RequestKind.READ, "position")
NOTHING = b"[]"
HELD = D("-0.05")


class OftenZero(PositionZeroOnce):
    """Is about to lie all the time."""

    def position(self, told: Decimal, home: Household) -> Decimal:
        self._next_ns = self._next_ns or 1
        return super().position(told, home)


class Hider(OrderHidden):
    """Hides the first order, each time for as long as it can."""

    def strike(self, home: Household) -> None:
        self.draw(home)()


@pytest.fixture
def home() -> Household:
    return household("backpack", [GarbledAnswer(1, 1.0, Allowed()), OftenZero(1, 1.0, Allowed(frozenset()))])


def household(exchange: str, faults: Sequence[Fault]) -> Household:
    def make_scribe(now_ns: Callable[[], int], _secrets: Sequence[str], _limits: VenueLimits) -> Scribe:
        return Scribe(Auditor(TERMS), now_ns)

    market = GeneratedMarket(LISTED["ETH"], 1, START_NS, D(0), D("0.0005"))
    terms = AccountTerms(D(10_000), maker_fee_rate=D(0), taker_fee_rate=D("0.0005"))
    world = TwinSimulation(exchange, "ETH", market, terms, 1, 1_000_000, 0, 500_000_000, Pages(), make_scribe)
    storm = Storm(faults)
    home = Household(world, storm, _no_settings, 40)
    storm.begin(home)
    return home


def _no_settings(rules: MarketRules) -> TradingConfig:
    raise AssertionError(f"no bot lives here: {rules}")


def garbled(home: Household, errand: Errand, times: int = 200) -> list[bytes]:
    """The answers to `errand`, asked so often at this moment."""
    answers = [home.storm.request_fate(errand).answer for _ in range(times)]
    return [answer.body for answer in answers if answer is not None]


def test_an_answer_that_says_that_nothing_is_there_is_followed_by_no_other_within_a_minute(home: Household) -> None:
    began_ns, said_ns = home.world.now_ns, []
    for second in (0, 1, 30, 59, 60, 100, 119, 120, 150):
        home.world.live_on(began_ns + second * NANOSECONDS)
        said_ns += [home.world.now_ns - began_ns] * garbled(home, ASKS).count(NOTHING)
    assert said_ns == [0, 60 * NANOSECONDS, 120 * NANOSECONDS]


def test_nor_by_a_position_of_nothing(home: Household) -> None:
    began_ns = home.world.now_ns
    assert NOTHING in garbled(home, ASKS)
    home.world.live_on(began_ns + 59 * NANOSECONDS)
    assert home.storm.position(HELD) == HELD
    home.world.live_on(began_ns + 60 * NANOSECONDS)
    assert home.storm.position(HELD) == 0
    assert NOTHING not in garbled(home, ASKS)


def test_an_empty_list_that_answers_an_order_says_nothing_and_comes_as_often_as_it_likes(home: Household) -> None:
    assert garbled(home, Errand(RequestKind.PLACE, "place", 7)).count(NOTHING) > 1
    assert NOTHING in garbled(home, ASKS)


@pytest.mark.parametrize(
    "exchange, returns",
    [("lighter", True), ("backpack", False)],
    ids=["only lists tell of it", "it can be asked for"],
)
def test_an_order_that_only_lists_tell_of_is_missing_for_some_seconds_and_then_listed_for_a_minute(
    exchange: str, returns: bool
) -> None:
    hider = Hider(1, 20.0, Allowed())
    home = household(exchange, [hider])
    home.world.live_on(home.world.now_ns + NANOSECONDS)
    quote, rules = home.world.venue.quote_as_of(home.world.now_ns), home.world.venue.rules
    assert quote is not None
    home.world.place_by_hand(Side.BUY, D("0.1"), rules.price_at_or_below(quote.bid * D("0.97")))
    home.world.live_on(home.world.now_ns + 5 * NANOSECONDS)
    began_ns, missing = home.world.now_ns, []
    for second in range(90):
        home.world.live_on(began_ns + second * NANOSECONDS)
        hider.strike(home)
        (resting,) = home.world.venue.true_open_orders()
        missing.append(home.storm.hides(resting))
    assert missing[0]
    assert (False in missing) is returns
    if returns:
        listed = missing.index(False)
        assert 0 < listed <= 8
        assert missing.index(True, listed) == listed + 60
