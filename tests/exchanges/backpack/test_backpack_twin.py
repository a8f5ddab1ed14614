"""The twin is as strict as the venue, and the client is right under either reading of what nobody could confirm."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.events import Fill, OrderUpdate, StreamLost, VenueEvent
from domain.market import NANOSECONDS, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.backpack import open_client
from exchanges.backpack.client import BackpackClient
from exchanges.backpack.facts import Switches
from exchanges.backpack.twin import BackpackTwin
from exchanges.base import OrderRequest
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused, Unavailable
from exchanges.rehearsal.setup import TwinSetup
from exchanges.transport.memory import MemoryNetwork, TwinWorld
from exchanges.transport.messages import Frame, Handshake, HttpRequest, WebSocketConnection, WebSocketTransport
from exchanges.transport.setup import ClientSetup
from exchanges.transport.twin import FrameFate, Undisturbed
from helpers.clock import VirtualTimeLoop
from markets.account import AccountTerms
from tests.support.contract import RULES, SCALE
from tests.support.tape import START_NS, ScriptedMarket, quote, sold

D = Decimal
TICKS = [quote(0, 30000, 30010), sold(30, 30005, 40), sold(40, 30005, 60), quote(7200, 30000, 30010)]


def new_twin(switches: Switches | None = None, seed: int = 3) -> BackpackTwin:
    market = ScriptedMarket(TICKS, rules=RULES, scale=SCALE)
    return BackpackTwin(TwinSetup("ETH", market, AccountTerms(balance=D(100_000)), START_NS, seed=seed), switches)


@dataclass
class World:
    loop: VirtualTimeLoop
    twin: BackpackTwin
    world: TwinWorld
    client: BackpackClient
    events: list[VenueEvent]

    def updates(self, client_id: int) -> list[tuple[OrderFact, Decimal | None]]:
        """What was told of an order, repetitions left out."""
        told = [(e.fact, e.filled) for e in self.events if isinstance(e, OrderUpdate) and e.client_id == client_id]
        return list(dict.fromkeys(told))


def lived(
    work: Callable[[World], Coroutine[Any, Any, None]],
    switches: Switches | None = None,
    ticker: str = "ETH",
    wrap: Callable[[WebSocketTransport], WebSocketTransport] = lambda sockets: sockets,
    keys_of: BackpackTwin | None = None,
    before: Callable[[BackpackTwin], None] = lambda _twin: None,
) -> None:
    """Live through `work` with a connected client; `before` happens before connecting."""
    loop = VirtualTimeLoop(START_NS)
    with contextlib.closing(loop):
        twin = new_twin(switches)
        before(twin)
        world = TwinWorld(twin, START_NS, latency_ns=20_000_000)
        network = MemoryNetwork(world)
        env = (keys_of or twin).env("http://127.0.0.1", "ws://127.0.0.1")
        loop.live_in(world)

        async def run() -> None:
            setup = ClientSetup(ticker, env.get, network.open_http, wrap(network.sockets), loop.clock, Random(1))
            client = open_client(setup)
            events: list[VenueEvent] = []
            try:
                await client.connect()
                client.setup_order_update_handler(events.append)
                await work(World(loop, twin, world, client, events))
            finally:
                await client.disconnect()

        loop.run_until_complete(run())


def buy(client_id: int, price: str = "3000.5", quantity: str = "0.1") -> OrderRequest:
    return OrderRequest(client_id, Side.BUY, D(quantity), D(price), post_only=True, reduce_only=False)


def close(client_id: int, quantity: str = "0.1") -> OrderRequest:
    return OrderRequest(client_id, Side.SELL, D(quantity), D("3005"), post_only=True, reduce_only=True)


OTHER_READINGS = [
    Switches(),
    Switches(depth_is_ascending=False),
    Switches(duplicate_client_id_code="INVALID_ORDER"),
    Switches(gone_order_status=404),
    Switches(gone_order_code="INVALID_ORDER"),
    Switches(reduce_only_expires=False),
    Switches(position_numbers_are_text=False),
    Switches(flat_position_is_404=True),
    Switches(cancel_is_asynchronous=True),
    Switches(post_only_expires=True),
    Switches(post_only_expires=True, upper_expiry_reasons=True),
    Switches(stream_carries_symbol=False),
    Switches(history_delay_ms=4_000),
    Switches(update_delay_ms=900),
    Switches(history_is_newest_first=False),
    Switches(touch_on_subscribe=False),
    Switches(mark_price_every_ms=8_000),
]


@pytest.mark.parametrize("switches", OTHER_READINGS, ids=lambda switches: repr(switches)[9:60])
def test_the_client_is_right_under_either_reading(switches: Switches) -> None:
    async def story(world: World) -> None:
        client = world.client
        order_id = await client.place(buy(1000))
        with contextlib.suppress(Refused):
            await client.place(buy(1001, "3001"))
        with pytest.raises(OutcomeUnknown):
            await client.place(buy(1000, "3000.4"))
        with pytest.raises(Refused):
            await client.cancel(1002, "1")
        assert await client.position() == 0
        await asyncio.sleep(50)
        assert world.updates(1000) == [
            (OrderFact.ACCEPTED, D(0)), (OrderFact.ACCEPTED, D("0.04")), (OrderFact.FILLED, D("0.1")),
        ]  # fmt: skip
        assert {fact for fact, _ in world.updates(1001)} <= {OrderFact.ACCEPTED, OrderFact.REFUSED}
        fills = await client.fills_since(START_NS)
        assert [fill.quantity for fill in fills] == [D("0.04"), D("0.06")]
        assert [fill.trade_id for fill in fills] == [e.trade_id for e in world.events if isinstance(e, Fill)]
        info = await client.query(1000, order_id)
        assert info is not None
        assert info.status is OrderStatus.FILLED
        await client.place(close(1003))
        await client.cancel(1003, None)
        await asyncio.sleep(5)
        assert (OrderFact.CANCELLED, D(0)) in world.updates(1003)
        assert await client.position() == D("0.1")
        assert [event for event in world.events if isinstance(event, StreamLost)] == []

    lived(story, switches)


def test_what_has_ended_is_unknown_until_the_history_has_it() -> None:
    async def story(world: World) -> None:
        order_id = await world.client.place(buy(1000))
        await world.client.cancel(1000, order_id)
        with pytest.raises(Unavailable, match="does not have it yet"):
            await world.client.query(1000, order_id)
        with pytest.raises(Unavailable):
            await world.client.query(1000, None)
        await asyncio.sleep(4)
        info = await world.client.query(1000, None)
        assert info is not None
        assert info.status is OrderStatus.CANCELLED
        with pytest.raises(Unavailable):
            await world.client.query(77, None)
        await asyncio.sleep(10)
        assert await world.client.query(77, None) is None

    lived(story, Switches(history_delay_ms=3_000))


def test_an_order_of_an_earlier_process_that_has_just_ended_is_not_believed_absent() -> None:
    """It left the open orders, the history does not have it yet, and the stream has not told either."""

    def earlier(twin: BackpackTwin) -> None:
        twin.desk.place("1000", Side.BUY, D("0.1"), D("3000.4"), post_only=True)

    async def story(world: World) -> None:
        await asyncio.sleep(12)
        world.twin.desk.cancel(1)
        with pytest.raises(Unavailable, match="does not have it yet"):
            await world.client.query(1000, None)
        await asyncio.sleep(5)
        info = await world.client.query(1000, None)
        assert info is not None
        assert (info.status, info.client_id) == (OrderStatus.CANCELLED, 1000)

    lived(story, Switches(history_delay_ms=4_000, update_delay_ms=6_000), before=earlier)


def test_an_order_larger_than_the_position_is_shrunk_on_arrival_and_one_without_position_expires() -> None:
    async def story(world: World) -> None:
        with pytest.raises(Refused):
            await world.client.place(close(1000))
        await asyncio.sleep(1)
        assert "reduce_only" in [e.reason for e in world.events if isinstance(e, OrderUpdate) and e.client_id == 1000]
        await world.client.place(buy(1001))
        await asyncio.sleep(35)
        await world.client.place(close(1002, "0.1"))
        assert [info.size for info in await world.client.open_orders() if info.client_id == 1002] == [D("0.04")]
        shrunk = [e.quantity for e in world.events if isinstance(e, OrderUpdate) and e.quantity is not None]
        assert shrunk == [D("0.04")]

    lived(story)


def test_a_market_close_takes_and_reports_its_end() -> None:
    async def story(world: World) -> None:
        await world.client.place(buy(1000))
        await asyncio.sleep(45)
        await world.client.place(OrderRequest(1001, Side.SELL, D("0.1"), None, post_only=False, reduce_only=True))
        await asyncio.sleep(1)
        assert (OrderFact.FILLED, D("0.1")) in world.updates(1001)
        assert await world.client.position() == 0

    lived(story)


def test_a_limit_order_that_may_take_cannot_be_sent() -> None:
    async def story(world: World) -> None:
        with pytest.raises(ValueError, match="may take"):
            await world.client.place(replace(buy(1000), post_only=False))
        assert world.twin.desk.orders == {}

    lived(story)


class _Spoiler:
    """Sockets on which every signature is spoilt on its way out."""

    def __init__(self, inner: WebSocketTransport) -> None:
        self._inner = inner

    async def connect(self, handshake: Handshake, deadline_s: float) -> WebSocketConnection:
        connection = await self._inner.connect(handshake, deadline_s)
        send = connection.send

        class Spoilt:
            async def send(self, frame: Frame) -> None:
                message = json.loads(frame)
                message["signature"][1] = base64.b64encode(bytes(64)).decode()
                await send(json.dumps(message))

            ping, receive, close = connection.ping, connection.receive, connection.close

        return Spoilt()


@pytest.mark.parametrize("is_silent, said", [(True, "did not acknowledge"), (False, "refused the subscription")])
def test_a_subscription_that_is_refused_ends_the_start(is_silent: bool, said: str) -> None:
    async def story(_world: World) -> None:
        raise AssertionError("it must not have started")

    with pytest.raises(Unavailable, match=said):
        lived(story, Switches(refused_subscription_is_silent=is_silent), wrap=_Spoiler)


def test_an_order_frame_that_cannot_be_read_is_a_lost_stream_and_the_next_one_is_whole() -> None:
    class Spoiler(Undisturbed):
        spoilt = 0

        def frame_fate(self, socket_id: int, frame: Frame) -> FrameFate:
            if self.spoilt or not isinstance(frame, str) or "orderAccepted" not in frame:
                return FrameFate()
            self.spoilt += 1
            return FrameFate(instead=frame.replace('"New"', '"Newish"'))

    async def story(world: World) -> None:
        world.world.meddler = Spoiler()
        await world.client.place(buy(1000))
        await asyncio.sleep(10)
        told = [(type(event).__name__, getattr(event, "reason", "")) for event in world.events]
        assert told[:2] == [
            (
                "StreamLost",
                "stream: a message cannot be read: account.orderUpdate.ETH_USDC_PERP.X is the unknown word 'Newish'",
            ),
            ("StreamRestored", ""),
        ]
        await asyncio.sleep(40)
        assert (OrderFact.FILLED, D("0.1")) in world.updates(1000)

    lived(story)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_key_the_venue_does_not_know_and_a_spoilt_signature_stop_with_one_line(status: int) -> None:
    async def story(_world: World) -> None:
        raise AssertionError("it must not have started")

    switches = Switches(bad_signature_status=status, unknown_key_status=status)
    with pytest.raises(Misconfigured, match="does not know this API key"):
        lived(story, switches, keys_of=new_twin(seed=99))
    twin = new_twin(switches)
    twin.advance(START_NS + NANOSECONDS)
    answered, body = Hand(twin).place(line="instruction=orderExecute")
    assert (answered, body["code"]) == (status, "INVALID_SIGNATURE")


def test_the_cap_on_open_orders_is_a_refusal() -> None:
    async def story(world: World) -> None:
        await world.client.place(buy(1000, "2990"))
        with pytest.raises(Refused) as refused:
            await world.client.place(buy(1001, "2989"))
        assert refused.value.reason == "too_many_orders"

    lived(story, Switches(most_open_orders=1))


def test_a_ticker_that_is_not_listed_names_near_ones() -> None:
    with pytest.raises(Misconfigured, match="near it: ETH"):
        lived(lambda _world: asyncio.sleep(0), ticker="ETC")


# --- strictness -----------------------------------------------------------------------------------------------------


class Hand:
    """Requests made by hand, signed as the documentation says, without the client."""

    def __init__(self, twin: BackpackTwin) -> None:
        self.twin = twin
        env = twin.env("http://127.0.0.1", "ws://127.0.0.1")
        self.public_key = env["BACKPACK_PUBLIC_KEY"]
        self.key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(env["BACKPACK_SECRET_KEY"]))

    def place(
        self, line: str | None = None, shift_ms: int = 0, window: str = "5000", **changes: object
    ) -> tuple[int, Any]:
        body: dict[str, object] = {
            "symbol": "ETH_USDC_PERP", "side": "Bid", "orderType": "Limit", "quantity": "0.1", "price": "3000",
            "timeInForce": "GTC", "postOnly": True, "clientId": 5,
        }  # fmt: skip
        body |= changes
        body = {name: value for name, value in body.items() if value is not None}
        now_ms = self.twin.now_ms + shift_ms
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in body.items()}
        members = "".join(f"&{name}={texts[name]}" for name in sorted(texts))
        text = line or f"instruction=orderExecute{members}&timestamp={now_ms}&window={window}"
        headers = (
            ("X-API-Key", self.public_key),
            ("X-Signature", base64.b64encode(self.key.sign(text.encode())).decode()),
            ("X-Timestamp", str(now_ms)),
            ("X-Window", window),
        )
        response = self.twin.request(HttpRequest("POST", "/api/v1/order", headers, json.dumps(body).encode()))
        return response.status, json.loads(response.body)


@pytest.fixture
def hand() -> Hand:
    twin = new_twin()
    twin.advance(START_NS + NANOSECONDS)
    return Hand(twin)


def test_a_request_signed_by_hand_is_served(hand: Hand) -> None:
    status, order = hand.place()
    assert (status, order["status"], order["clientId"], order["price"]) == (200, "New", 5, "3000")


@pytest.mark.parametrize(
    "changes, status, code",
    [
        ({"line": "instruction=orderExecute"}, 400, "INVALID_SIGNATURE"),
        ({"shift_ms": -6000}, 400, "INVALID_CLIENT_REQUEST"),
        ({"shift_ms": 6000}, 400, "INVALID_CLIENT_REQUEST"),
        ({"shift_ms": -30000, "window": "60000"}, 200, None),
        ({"window": "60001"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"window": "0"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"price": "3000.05"}, 400, "INVALID_PRICE"),
        ({"price": "1E3"}, 400, "INVALID_PRICE"),
        ({"price": "2000"}, 400, "INVALID_PRICE"),
        ({"price": "3001"}, 400, "INVALID_ORDER"),
        ({"quantity": "0.1005"}, 400, "INVALID_QUANTITY"),
        ({"quantity": "0.001"}, 400, "INVALID_QUANTITY"),
        ({"quantity": "-1"}, 400, "INVALID_QUANTITY"),
        ({"quantity": "1000"}, 400, "INSUFFICIENT_MARGIN"),
        ({"side": "Buy"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"symbol": "SOL_USDC_PERP"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"clientId": "5"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"clientId": 1 << 32}, 400, "INVALID_CLIENT_REQUEST"),
        ({"orderType": "Stop"}, 400, "INVALID_CLIENT_REQUEST"),
    ],
)
def test_the_twin_refuses_what_the_venue_refuses(
    hand: Hand, changes: dict[str, Any], status: int, code: str | None
) -> None:
    answered, body = hand.place(**changes)
    assert (answered, body.get("code")) == (status, code)


def test_another_key_is_not_known(hand: Hand) -> None:
    other = Hand(new_twin())
    hand.public_key = base64.b64encode(b"\x07" * 32).decode()
    assert hand.place()[0] == 401
    assert other.place()[0] == 200


def test_too_many_requests_are_refused_with_a_time(hand: Hand) -> None:
    answers = [hand.twin.request(HttpRequest("GET", "/api/v1/time")) for _ in range(2_001)]
    assert [answer.status for answer in answers] == [200] * 2_000 + [429]
    wait = answers[-1].header("Retry-After")
    assert wait is not None
    assert 0 < int(wait) <= 60


def test_a_client_that_answers_no_ping_is_cut_off() -> None:
    twin = new_twin()
    socket_id = twin.open_socket(HttpRequest("GET", "/"))
    assert isinstance(socket_id, int)
    for minute in (61, 119, 181):
        while twin.advance(START_NS + minute * NANOSECONDS) < START_NS + minute * NANOSECONDS:
            twin.take_outgoing()
    assert socket_id not in twin.sockets
