"""Short words for tests of the simulated venue: prices and sizes in whole units of the scripted market."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from domain.events import Fill, OrderUpdate, VenueEvent
from domain.market import Side
from markets.account import AccountTerms
from markets.orders import NewOrder, OrderState, Refusal
from markets.store import AccountStore
from markets.tape import FundingTerms
from markets.venue import SimulatedVenue
from tests.support.tape import RULES, SCALE, ScriptedMarket, Tick, at

RICH = AccountTerms(balance=Decimal(1_000_000))


def price(units: int) -> Decimal:
    return units * SCALE.price_unit


def size(units: int) -> Decimal:
    return units * SCALE.size_unit


def limit(
    client_id: int | None,
    side: Side,
    price_units: int,
    units: int,
    *,
    post_only: bool = True,
    reduce_only: bool = False,
) -> NewOrder:
    return NewOrder(client_id, side, size(units), price(price_units), post_only=post_only, reduce_only=reduce_only)


def market(client_id: int | None, side: Side, units: int, *, reduce_only: bool = False) -> NewOrder:
    return NewOrder(client_id, side, size(units), None, reduce_only=reduce_only)


def opened(
    *ticks: Tick,
    terms: AccountTerms = RICH,
    queues: bool = True,
    funding: FundingTerms | None = None,
    store: AccountStore | None = None,
    chunk_rows: int = 4,
) -> SimulatedVenue:
    """A venue at the first instant of the script."""
    source = ScriptedMarket(ticks, rules=RULES, funding=funding or FundingTerms(), queues=queues, chunk_rows=chunk_rows)
    return SimulatedVenue(source, terms, store)


def live_until(venue: SimulatedVenue, seconds: float) -> list[VenueEvent]:
    """Let time pass, however often the venue stops on the way; all events, the earlier ones included."""
    events = venue.take_events()
    while True:
        reached_ns = venue.advance(at(seconds))
        new = venue.take_events()
        events += new
        if reached_ns >= at(seconds) and not new:
            return events


def accepted(outcome: OrderState | Refusal) -> OrderState:
    assert isinstance(outcome, OrderState), outcome
    return outcome


def refused(outcome: OrderState | Refusal) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason.value


def fills(events: Sequence[VenueEvent]) -> list[tuple[int | None, Side, Decimal, Decimal]]:
    """(client id, side, price, quantity) of every fill."""
    return [(e.client_id, e.side, e.price, e.quantity) for e in events if isinstance(e, Fill)]


def updates(events: Sequence[VenueEvent]) -> list[tuple[int | None, str, Decimal | None, str]]:
    """(client id, fact, filled, reason) of every order update."""
    return [(e.client_id, e.fact.value, e.filled, e.reason) for e in events if isinstance(e, OrderUpdate)]
