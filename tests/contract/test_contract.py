"""The contract: numbered behaviours over real sockets on loopback, each for every venue.

Market moments are reached by pushing the clock that client and twin share; nothing here waits for time to pass by
itself, except for what a client does only after a while.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote as in_address

import pytest

from domain.events import Fill, Liquidity, OrderUpdate, PositionUpdate, StreamLost, StreamRestored
from domain.market import Side
from domain.orders import OrderFact, OrderStatus
from exchanges.base import OrderRequest
from exchanges.errors import ExchangeError, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.transport.messages import HttpResponse
from exchanges.transport.twin import FrameFate, RequestFate
from tests.support.contract import BEHAVIOURS, WAIT_S, ContractWorld, VenueUnderTest, contract_world, venues
from tests.support.tape import quote, sold

D = Decimal
BUY_PRICE, BUY = D("3000.5"), D("0.1")
"""Between the bid of 3000.0 and the ask of 3001.0: nobody is ahead of it."""
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
PARTLY = [*QUIET[:1], sold(5, 30005, 40), QUIET[1]]
"""Five seconds in, 0.04 is sold at the bot's price."""
WHOLLY = [*QUIET[:1], sold(5, 30005, 40), sold(10, 30005, 60), QUIET[1]]
"""And five seconds later the rest."""
BOUGHT = [*QUIET[:1], sold(5, 30005, 100), QUIET[1]]
MAINTENANCE = HttpResponse(503, (("Content-Type", "text/html"),), b"<html><body>Back soon</body></html>")

T = TypeVar("T")
ASK_EVERY_S = 0.1
"""How often the bot would ask again; each answer is the venue's own."""


async def eventually(read: Callable[[], Awaitable[T]], holds: Callable[[T], bool] = lambda _found: True) -> T:
    """Ask again, as the bot does, until the venue has written down what it must know."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    if holds(found := await read()):
                        return found
                except Unavailable:
                    pass
                await asyncio.sleep(ASK_EVERY_S)
    except TimeoutError:
        raise AssertionError("the venue never said so") from None


def each(behaviour: str) -> pytest.MarkDecorator:
    """Every venue, those that cannot do it skipped with their reason."""
    assert behaviour in BEHAVIOURS
    parameters = []
    for venue in venues():
        reason = venue.cannot.get(behaviour)
        marks = [] if reason is None else [pytest.mark.skip(reason=f"{venue.name}: {reason}")]
        parameters.append(pytest.param(venue, id=venue.name, marks=marks))
    return pytest.mark.parametrize("venue", parameters)


def buy(client_id: int, price: Decimal = BUY_PRICE, quantity: Decimal = BUY) -> OrderRequest:
    return OrderRequest(client_id, Side.BUY, quantity, price, post_only=True, reduce_only=False)


def close(client_id: int, price: Decimal, quantity: Decimal = BUY) -> OrderRequest:
    return OrderRequest(client_id, Side.SELL, quantity, price, post_only=True, reduce_only=True)


async def rest(world: ContractWorld, request: OrderRequest) -> str:
    """Place an order that rests; the venue's id, wherever it is told."""
    order_id = await world.client.place(request)
    if order_id is not None:
        return order_id
    told = await world.log.until(OrderUpdate, lambda event: event.client_id == request.client_id)
    assert told.order_id is not None
    return told.order_id


def about(client_id: int, *facts: OrderFact) -> Callable[[OrderUpdate], bool]:
    return lambda event: event.client_id == client_id and (not facts or event.fact in facts)


async def bought(world: ContractWorld, client_id: int = 1000) -> str:
    """A position of 0.1, on the market `BOUGHT`."""
    order_id = await rest(world, buy(client_id))
    world.go_to(5)
    await world.log.until(OrderUpdate, about(client_id, OrderFact.FILLED))
    return order_id


@each("open")
async def test_01_an_open_rests_is_announced_listed_and_found(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        order_id = await rest(world, buy(1000))
        accepted = await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert (accepted.order_id, accepted.filled) == (order_id, D(0))
        listed = await world.client.open_orders()
        assert listed == [await world.client.query(1000, order_id)]
        (info,) = listed
        assert (info.order_id, info.client_id, info.side, info.size, info.price) == (
            order_id, 1000, Side.BUY, BUY, BUY_PRICE,
        )  # fmt: skip
        assert (info.status, info.filled_size, info.remaining_size) == (OrderStatus.OPEN, D(0), BUY)
        assert await world.client.position() == 0
        (ours,) = world.placed
        assert ours.post_only


@each("partial")
async def test_02_a_partial_fill_is_told_as_a_fill_and_as_a_total(venue: VenueUnderTest) -> None:
    async with contract_world(venue, PARTLY) as world:
        order_id = await rest(world, buy(1000))
        world.go_to(5)
        fill = await world.log.until(Fill)
        assert (fill.client_id, fill.order_id, fill.side, fill.price, fill.quantity, fill.fee, fill.liquidity) == (
            1000, order_id, Side.BUY, BUY_PRICE, D("0.04"), D(0), Liquidity.MAKER,
        )  # fmt: skip
        assert not fill.forced
        total = await world.log.until(OrderUpdate, lambda event: event.filled == D("0.04"))
        assert (total.client_id, total.fact) == (1000, OrderFact.ACCEPTED)
        position = await world.log.until(PositionUpdate, lambda event: event.quantity != 0)
        assert position.quantity == await world.client.position() == D("0.04")
        info = await world.client.query(1000, order_id)
        assert info is not None
        assert (info.status, info.filled_size, info.remaining_size) == (OrderStatus.OPEN, D("0.04"), D("0.06"))


@each("fill")
async def test_03_a_fill_ends_the_order(venue: VenueUnderTest) -> None:
    async with contract_world(venue, WHOLLY) as world:
        order_id = await rest(world, buy(1000))
        since_ns = world.clock.now_ns()
        world.go_to(5)
        world.go_to(10)
        ended = await world.log.until(OrderUpdate, about(1000, OrderFact.FILLED))
        assert (ended.order_id, ended.filled) == (order_id, BUY)
        told = {fill.trade_id: fill.quantity for fill in world.log.of(Fill)}
        assert sorted(told.values()) == [D("0.04"), D("0.06")]
        assert await world.client.open_orders() == []
        read = await eventually(lambda: world.client.fills_since(since_ns), lambda fills: len(fills) == 2)
        assert {fill.trade_id: fill.quantity for fill in read} == told
        assert [(fill.client_id, fill.order_id) for fill in read] == [(1000, order_id)] * 2
        info = await eventually(lambda: world.client.query(1000, order_id), lambda info: info is not None)
        assert info is not None
        assert (info.status, info.filled_size) == (OrderStatus.FILLED, BUY)


@each("cancel")
async def test_04_a_cancel_ends_the_order_and_keeps_what_it_filled(venue: VenueUnderTest) -> None:
    async with contract_world(venue, PARTLY) as world:
        order_id = await rest(world, buy(1000))
        world.go_to(5)
        await world.log.until(Fill)
        await world.client.cancel(1000, order_id)
        ended = await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))
        assert (ended.order_id, ended.filled) == (order_id, D("0.04"))
        assert await world.client.open_orders() == []
        info = await eventually(lambda: world.client.query(1000, order_id), lambda info: info is not None)
        assert info is not None
        assert (info.status, info.filled_size, info.client_id) == (OrderStatus.CANCELLED, D("0.04"), 1000)


@each("cancel_races_fill")
async def test_05_a_cancel_that_comes_after_the_fill_changes_nothing(venue: VenueUnderTest) -> None:
    async with contract_world(venue, BOUGHT) as world:
        order_id = await rest(world, buy(1000))
        world.faults.on_frame = lambda _frame: FrameFate(delay_ns=200_000_000)
        world.go_to(5)
        with contextlib.suppress(Refused):  # Venues that answer at once say so.
            await world.client.cancel(1000, order_id)
        ended = await world.log.until(OrderUpdate, about(1000, OrderFact.FILLED))
        assert ended.filled == BUY
        assert [event for event in world.log.of(OrderUpdate) if event.fact is OrderFact.CANCELLED] == []
        info = await eventually(lambda: world.client.query(1000, order_id), lambda info: info is not None)
        assert info is not None
        assert info.status is OrderStatus.FILLED


@each("post_only")
async def test_06_a_post_only_order_that_would_cross_is_refused(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        try:
            await world.client.place(buy(1000, price=D("3001.0")))
        except Refused as refused:
            reason = refused.reason
        else:
            reason = (await world.log.until(OrderUpdate, about(1000, OrderFact.REFUSED))).reason
        assert reason == "post_only_would_cross"
        assert world.log.of(Fill) == []
        assert await world.client.open_orders() == []
        assert await world.client.position() == 0


@each("reduce_only")
async def test_07_a_reduce_only_order_shrinks_with_the_position_or_ends(venue: VenueUnderTest) -> None:
    async with contract_world(venue, BOUGHT) as world:
        await bought(world)
        await rest(world, close(1001, D("3005.0")))
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        told = await world.log.until(
            OrderUpdate,
            lambda event: event.client_id == 1001 and (event.quantity is not None or event.fact in ENDS),
        )
        assert told.quantity == D("0.06") or told.fact in ENDS
        resting = sum((info.remaining_size for info in await world.client.open_orders()), D(0))
        assert resting <= await world.client.position() == D("0.06")


ENDS = (OrderFact.CANCELLED, OrderFact.EXPIRED, OrderFact.REFUSED)


@each("unknown_order")
async def test_08_an_order_that_was_never_sent_is_proven_absent(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        found = await eventually(lambda: world.client.query(4242, None), lambda _info: True)
        assert found is None
        with pytest.raises(Refused):
            await world.client.cancel(4242, None)


@each("duplicate_client_id")
async def test_09_one_client_id_is_one_order(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        await rest(world, buy(1000))
        # "Refused" would be taken as proof that no order of this id lives.
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000, price=D("3000.4")))
        assert [(order.price, order.is_live) for order in world.placed] == [(BUY_PRICE, True)]
        info = await world.client.query(1000, None)
        assert info is not None
        assert (info.price, info.status) == (BUY_PRICE, OrderStatus.OPEN)


@each("expired_token")
async def test_10_an_expired_token_is_renewed_unseen(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        assert venue.expire_token is not None
        venue.expire_token(world.twin)
        assert await eventually(world.client.open_orders, lambda _orders: True) == []
        venue.expire_token(world.twin)
        world.running.host.cut_all()
        await world.log.until(StreamRestored)
        await rest(world, buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))


@each("reconnect")
async def test_11_fills_missed_while_the_stream_was_away_are_found(venue: VenueUnderTest) -> None:
    async with contract_world(venue, BOUGHT) as world:
        order_id = await rest(world, buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        since_ns = world.clock.now_ns()
        world.faults.refuse_sockets = True
        world.running.host.cut_all()
        await world.log.until(StreamLost)
        assert world.client.quote() is None
        world.go_to(5)
        world.faults.heal()
        await world.log.until(StreamRestored)
        fills = await eventually(lambda: world.client.fills_since(since_ns), bool)
        assert [(fill.client_id, fill.order_id, fill.quantity) for fill in fills] == [(1000, order_id, BUY)]
        info = await eventually(lambda: world.client.query(1000, order_id), lambda info: info is not None)
        assert info is not None
        assert (info.status, info.filled_size) == (OrderStatus.FILLED, BUY)
        assert await world.client.position() == BUY
        # The new stream delivers like the old one.
        await rest(world, close(1001, D("3005.0")))
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert len(world.log.of(StreamLost)) == len(world.log.of(StreamRestored)) == 1


@each("book_gap")
async def test_12_a_gap_in_the_book_is_an_event_and_a_fresh_book_follows(venue: VenueUnderTest) -> None:
    moves = [quote(5, 30001, 30011), quote(6, 30002, 30012), quote(7, 30003, 30013)]
    async with contract_world(venue, [QUIET[0], *moves, QUIET[1]]) as world:
        assert venue.is_book_frame is not None
        is_book_frame = venue.is_book_frame
        dropped: list[object] = []

        def drop_one(frame: str | bytes) -> FrameFate | None:
            if dropped or not is_book_frame(frame):
                return None
            dropped.append(frame)
            return FrameFate(copies=0)

        world.faults.on_frame = drop_one
        for second in (5, 6, 7):
            world.go_to(second)
        lost = await world.log.until(StreamLost)
        assert lost.reason
        await world.log.until(StreamRestored)
        assert await eventually(lambda: world.client.fetch_bbo_prices(world.client.contract_id)) == (
            D("3000.3"), D("3001.3"),
        )  # fmt: skip


@each("rate_limit")
async def test_13_a_429_stops_everything_for_as_long_as_it_says(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        world.faults.on_request = lambda _request: RequestFate(arrivals=0, answer=venue.load_refusal)
        with pytest.raises(Refused) as refused:
            await world.client.place(buy(1000))
        assert refused.value.reason == "rate_limited"
        world.faults.heal()
        sent = len(world.faults.seen)
        reading = asyncio.ensure_future(world.client.position())
        placing = asyncio.ensure_future(world.client.place(buy(1001)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(world.faults.seen) == sent
        world.clock.go_to(world.clock.now_ns() + 1_000_000_000)
        # Both had planned their time before the clock was pushed; they look again when it comes.
        assert await reading == 0
        await placing
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        assert len(world.placed) == 1


@each("outage")
async def test_14_a_503_with_a_web_page_proves_nothing(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        world.faults.on_request = lambda _request: RequestFate(answer=MAINTENANCE)
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000))
        for read in (world.client.position, world.client.open_orders, lambda: world.client.fills_since(0)):
            with pytest.raises(Unavailable):
                await read()
        world.faults.heal()
        # It had arrived all the same.
        info = await eventually(lambda: world.client.query(1000, None), lambda info: info is not None)
        assert info is not None
        assert (info.client_id, info.status) == (1000, OrderStatus.OPEN)


@each("lost_answer")
async def test_15_an_order_whose_answer_was_lost_is_found_by_our_id(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        world.faults.on_request = lambda request: RequestFate(is_answered=False) if venue.is_place(request) else None
        with pytest.raises(OutcomeUnknown):
            await world.client.place(buy(1000))
        world.faults.heal()
        info = await eventually(lambda: world.client.query(1000, None), lambda info: info is not None)
        assert info is not None
        assert (info.client_id, info.status, info.size) == (1000, OrderStatus.OPEN, BUY)
        assert len(world.placed) == 1
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        # And one that never arrived is proven absent.
        world.faults.on_request = lambda request: (
            RequestFate(arrivals=0, is_answered=False) if venue.is_place(request) else None
        )
        with pytest.raises((OutcomeUnknown, NotSent)):
            await world.client.place(buy(1001))
        world.faults.heal()
        assert await eventually(lambda: world.client.query(1001, None), lambda _info: True) is None


@each("clock_skew")
@pytest.mark.parametrize("skew_s", [120, -120])
async def test_16_a_venue_whose_clock_is_two_minutes_off_is_served(venue: VenueUnderTest, skew_s: int) -> None:
    async with contract_world(venue, QUIET, skew_s=skew_s) as world:
        order_id = await rest(world, buy(1000))
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert [info.order_id for info in await world.client.open_orders()] == [order_id]


@each("long_list")
async def test_17_an_order_list_longer_than_a_page_is_read_to_its_end(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        count = venue.page + 3
        for number in range(count):
            world.twin.desk.place(None, Side.BUY, D("0.01"), D("2900.0") - number * D("0.1"), post_only=True)
        world.running.host.live()
        listed = await world.client.open_orders()
        assert len({info.order_id for info in listed}) == len(listed) == count


@each("silent_socket")
async def test_18_a_socket_without_data_is_replaced(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        world.faults.on_frame = lambda _frame: FrameFate(copies=0)
        await world.client.place(buy(1000))
        await world.log.until(StreamLost)
        world.faults.heal()
        await world.log.until(StreamRestored)
        assert await world.client.query(1000, None) is not None


@each("secrets")
async def test_19_no_secret_shows_in_an_event_or_an_error(venue: VenueUnderTest) -> None:
    async with contract_world(venue, QUIET) as world:
        shown: list[str] = [repr(world.client), repr(world.running.host)]
        answers = [MAINTENANCE, venue.load_refusal, HttpResponse(400, (), b"{}"), HttpResponse(200, (), b"\xff")]
        for number, answer in enumerate(answers):
            world.faults.on_request = lambda _request, answer=answer: RequestFate(arrivals=0, answer=answer)  # type: ignore[misc]
            world.clock.go_to(world.clock.now_ns() + 10_000_000_000)
            for call in (lambda number=number: world.client.place(buy(2000 + number)), world.client.position):
                try:
                    await call()
                except ExchangeError as error:
                    shown.append(f"{error!r} {error.__cause__!r} {error.__context__!r}")
        shown += [repr(request) for request in world.faults.seen]
        shown += [repr(event) for event in world.log.events]
        text = "\n".join(shown)
        for name in venue.secrets:
            secret = world.running.env[name]
            raw = secret.encode()
            encoded = (
                raw.hex(),
                base64.b64encode(raw).decode(),
                base64.urlsafe_b64encode(raw).decode(),
                in_address(secret, ""),
            )
            for form in (secret, secret[:10], secret[-10:], *encoded):
                assert form not in text
