"""The venue under anything: whatever is asked of it, its books balance, and neither the way time is cut into steps nor
a kill and restart changes what happens."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.events import Fill, FundingPayment, Liquidity, MarketEnded, OrderUpdate, VenueEvent
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact
from markets.account import EXACT, AccountTerms
from markets.feed import EVERY_QUOTE, IntBand
from markets.ledger import Ledger
from markets.orders import OrderState
from markets.tape import FundingTerms
from markets.venue import SimulatedVenue
from tests.support.tape import START_NS, ScriptedMarket, Tick, at
from tests.support.venue import limit, market, price, size

BUY, SELL = Side.BUY, Side.SELL
ZERO = Decimal(0)
TERMS = AccountTerms(
    Decimal(400), Decimal(20), Decimal("0.0001"), Decimal("0.0005"), Decimal("0.01"), max_order_life_s=40
)
FUNDING = FundingTerms(16 * NANOSECONDS, Decimal("0.0003"))
ENDINGS = (OrderFact.FILLED, OrderFact.CANCELLED, OrderFact.EXPIRED)
Action = Callable[[SimulatedVenue], object]


@st.composite
def tapes(draw: st.DrawFn) -> list[Tick]:
    """Up to some minutes of a jumpy market, out of order as real feeds are: trades may precede their quotes."""
    ticks = [Tick(START_NS, False, 1000, 1001, 10, 10)]
    bid, seconds = 1000, 0
    for _ in range(draw(st.integers(5, 60))):
        seconds += draw(st.sampled_from([0, 1, 1, 1, 2, 5]))
        units = draw(st.integers(1, 15))
        kind = draw(st.sampled_from(["quote", "quote", "sold", "bought", "gap"]))
        if kind in ("quote", "gap"):
            bid += draw(st.integers(-3, 3))
            ask = bid + draw(st.integers(1, 4))
            seconds += 30 if kind == "gap" else 0
            ticks.append(Tick(at(seconds), False, bid, ask, units, draw(st.integers(1, 15)), kind == "gap"))
        else:
            at_price = bid + draw(st.integers(-3, 4))
            sizes = (units, 0) if kind == "sold" else (0, units)
            ticks.append(Tick(at(seconds), True, at_price, at_price, *sizes))
    return ticks


class VenueMachine(RuleBasedStateMachine):
    """Drives a venue on a file that is killed now and then, and writes down what was asked, and when it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger: Ledger | None = None
        self.asked: list[tuple[int, Action]] = []
        self.events: list[VenueEvent] = []
        self.last_client_id = 0

    def teardown(self) -> None:
        try:
            if self.ledger is not None:
                self.finish()
        finally:
            if self.ledger is not None:
                self.ledger.close()
            shutil.rmtree(self.folder)

    @initialize(ticks=tapes(), queues=st.booleans(), chunk_rows=st.integers(1, 6))
    def begin(self, ticks: list[Tick], queues: bool, chunk_rows: int) -> None:
        self.source = ScriptedMarket(ticks, funding=FUNDING, queues=queues, chunk_rows=chunk_rows)
        self.start()

    def start(self) -> None:
        path = self.folder / "account.sqlite"
        self.ledger = Ledger.open(path, "scripted", TERMS, START_NS, durable=False)
        self.venue = SimulatedVenue(self.source, TERMS, self.ledger)
        self.take()

    def ask(self, action: Action) -> None:
        self.asked.append((self.venue.now_ns, action))
        action(self.venue)
        self.take()

    def take(self) -> None:
        self.events += [event for event in self.venue.take_events() if not isinstance(event, MarketEnded)]

    # --- what may happen --------------------------------------------------------------------------------------------

    @rule(
        side=st.sampled_from(Side),
        offset=st.integers(-6, 6),
        units=st.integers(1, 40),
        post_only=st.sampled_from([True, True, False]),
        reduce_only=st.booleans(),
    )
    def place(self, side: Side, offset: int, units: int, post_only: bool, reduce_only: bool) -> None:
        self.last_client_id += 1
        request = limit(self.last_client_id, side, 1000 + offset, units, post_only=post_only, reduce_only=reduce_only)
        self.ask(lambda venue: venue.place(request))

    @rule(side=st.sampled_from(Side), units=st.integers(1, 60), reduce_only=st.booleans())
    def place_market(self, side: Side, units: int, reduce_only: bool) -> None:
        self.last_client_id += 1
        request = market(self.last_client_id, side, units, reduce_only=reduce_only)
        self.ask(lambda venue: venue.place(request))

    @rule(back=st.integers(0, 5))
    def cancel(self, back: int) -> None:
        client_id = self.last_client_id - back
        self.ask(lambda venue: venue.cancel(client_id=client_id))

    @rule(side=st.sampled_from(Side), units=st.integers(1, 60))
    def trade_outside(self, side: Side, units: int) -> None:
        self.ask(lambda venue: venue.external_trade(side, size(units)))

    @rule(
        seconds=st.sampled_from([0.5, 1, 2, 7, 40]),
        band=st.one_of(
            st.none(),
            st.just(EVERY_QUOTE),
            st.builds(IntBand, st.booleans(), st.integers(990, 1000), st.integers(1001, 1010)),
        ),
    )
    def wait(self, seconds: float, band: IntBand | None) -> None:
        self.venue.advance(self.venue.now_ns + round(seconds * NANOSECONDS), band)
        self.take()

    @precondition(lambda self: self.ledger is not None)
    @rule()
    def kill(self) -> None:
        assert self.ledger is not None
        killed_ns = self.venue.now_ns
        self.ledger.close()
        self.start()
        while self.venue.now_ns < killed_ns:
            self.venue.advance(killed_ns)
        self.take()

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def books_balance(self) -> None:
        if self.ledger is None:
            return
        fills = [event for event in self.events if isinstance(event, Fill)]
        funding = [event.amount for event in self.events if isinstance(event, FundingPayment)]
        position, cash, fees = Decimal(0), TERMS.balance, Decimal(0)
        for fill in fills:
            position = EXACT.add(position, fill.side.sign * fill.quantity)
            cash = EXACT.subtract(cash, EXACT.multiply(fill.side.sign * fill.price, fill.quantity))
            fees = EXACT.add(fees, fill.fee)
        statement = self.venue.statement()
        assert (statement.position, statement.cash, statement.fees) == (position, cash, fees)
        assert statement.funding == sum(funding, ZERO)
        assert self.venue.fills_since(0) == fills
        assert len({fill.trade_id for fill in fills}) == len(fills)

    @invariant()
    def reduce_only_orders_never_exceed_the_position(self) -> None:
        if self.ledger is None:
            return
        for side in Side:
            resting = [o.remaining for o in self.venue.open_orders() if o.reduce_only and o.side is side]
            assert sum(resting, ZERO) <= max(ZERO, -side.sign * self.venue.position)

    @invariant()
    def orders_end_once_and_never_overfill(self) -> None:
        if self.ledger is None:
            return
        filled: dict[str, Decimal] = defaultdict(Decimal)
        ended: set[str] = set()
        for event in self.events:
            if isinstance(event, Fill):
                assert event.order_id not in ended
                filled[event.order_id] += event.quantity
            elif isinstance(event, OrderUpdate):
                assert event.order_id is not None
                assert event.order_id not in ended
                assert event.filled == filled[event.order_id]
                if event.fact in ENDINGS:
                    ended.add(event.order_id)
        assert not ended & {order.order_id for order in self.venue.open_orders()}
        assert all(order.filled < order.quantity for order in self.venue.open_orders())

    @invariant()
    def maker_fills_never_exceed_what_the_market_gave(self) -> None:
        if self.ledger is None:
            return
        made: dict[tuple[int, Side, Decimal], Decimal] = defaultdict(Decimal)
        for event in self.events:
            if isinstance(event, Fill) and event.liquidity is Liquidity.MAKER:
                made[event.venue_ns, event.side, event.price] += event.quantity
        for (instant_ns, side, at_price), quantity in made.items():
            rows = [tick for tick in self.source.ticks if tick.time_ns == instant_ns]
            given = sum(_given(tick, side, at_price, self.source.queues) for tick in rows)
            assert quantity <= size(given)

    def finish(self) -> None:
        """To the end of the tape; then the same requests, at the same times, of a venue that nobody cuts or kills."""
        end_ns = max(self.source.ticks[-1].time_ns, self.venue.now_ns) + 50 * NANOSECONDS
        _live_until(self.venue, end_ns)
        self.take()
        plain = SimulatedVenue(self.source, TERMS)
        for time_ns, action in self.asked:
            _live_until(plain, time_ns)
            assert plain.now_ns == time_ns
            action(plain)
        _live_until(plain, end_ns)
        assert [event for event in plain.take_events() if not isinstance(event, MarketEnded)] == self.events
        assert plain.statement() == self.venue.statement()
        assert plain.gaps == self.venue.gaps
        assert self.orders_of(plain) == self.orders_of(self.venue)

    def orders_of(self, venue: SimulatedVenue) -> list[OrderState | None]:
        return [venue.order(client_id=client_id) for client_id in range(1, self.last_client_id + 1)]


def _live_until(venue: SimulatedVenue, time_ns: int) -> None:
    """Steps as long as the venue itself makes them: events stay queued, so each call goes one instant at a time."""
    while venue.now_ns < time_ns:
        venue.advance(time_ns)


def _given(tick: Tick, side: Side, at_price: Decimal, queues: bool) -> int:
    """The most a resting order of `side` at `at_price` can get from one row."""
    if side is BUY:
        beyond, touched = price(tick.high) < at_price, price(tick.high) == at_price
        here, opposite = tick.low_size, tick.high_size
    else:
        beyond, touched = price(tick.low) > at_price, price(tick.low) == at_price
        here, opposite = tick.high_size, tick.low_size
    if not tick.is_trade:
        return opposite if beyond and queues else 0
    if beyond:
        return max(tick.low_size, tick.high_size)
    return here if touched and queues else 0


VenueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestVenueMachine = VenueMachine.TestCase
