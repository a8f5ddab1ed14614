"""The client against its twin over loopback: what the contract suite does not ask, and both readings of each doubt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from urllib.parse import urlsplit

import pytest

from domain.events import Fill, FundingPayment, OrderUpdate, PositionUpdate, QuoteMoved, StreamLost, StreamRestored
from domain.market import PriceBand, Side
from domain.orders import OrderFact, OrderStatus
from exchanges.aster import KEYS, open_client
from exchanges.aster.client import AsterClient
from exchanges.aster.codec_market import Limits, Listing, choose
from exchanges.aster.facts import Switches
from exchanges.aster.rest import buckets
from exchanges.aster.twin import AsterTwin, open_twin
from exchanges.base import OrderRequest
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused, Unavailable
from exchanges.rehearsal.desk import FundingPaid
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.network import Network
from exchanges.transport.setup import AccountSummary, ClientSetup
from exchanges.transport.twin import FrameFate, RequestFate
from helpers.clock import SystemClock
from tests.support.contract import ContractWorld, VenueUnderTest, contract_world
from tests.support.contract_venues.aster import TIMING, VENUE
from tests.support.tape import quote, sold

D = Decimal
QUIET = [quote(0, 30000, 30010), quote(3600, 30000, 30010)]
BOUGHT = [*QUIET[:1], sold(5, 30005, 100), QUIET[1]]
BUY = OrderRequest(1000, Side.BUY, D("0.1"), D("3000.5"), post_only=True, reduce_only=False)
CLOSE = OrderRequest(1001, Side.SELL, D("0.1"), D("3005.0"), post_only=True, reduce_only=True)


def playing(switches: Switches | None = None, **options: bool) -> VenueUnderTest:
    return replace(VENUE, open_twin=lambda setup: open_twin(setup, switches, **options))


def twin_of(world: ContractWorld) -> AsterTwin:
    assert isinstance(world.twin, AsterTwin)
    return world.twin


def about(client_id: int, fact: OrderFact) -> Callable[[OrderUpdate], bool]:
    return lambda event: (event.client_id, event.fact) == (client_id, fact)


@asynccontextmanager
async def another_client(world: ContractWorld, ticker: str = "ETH", **changed: str) -> AsyncIterator[AsterClient]:
    """One more client of the same twin, not connected yet."""
    env = {**world.running.env, **changed}
    network = Network()
    setup = ClientSetup(ticker, env.get, network.open_http, network.sockets, world.clock, Random(2))
    client = open_client(setup, TIMING)
    try:
        yield client
    finally:
        await client.disconnect()
        await network.close()


async def buy(world: ContractWorld) -> None:
    await world.client.place(BUY)
    world.go_to(5)
    await world.log.until(OrderUpdate, about(1000, OrderFact.FILLED))


# --- both readings --------------------------------------------------------------------------------------------------

READINGS = {
    "as believed": Switches(),
    "a crossing is told later": Switches(result_tells_crossing=False),
    "a crossing is refused": Switches(crossing_is_refused=True),
    "another duplicate code": Switches(duplicate_client_id_code=-4115),
    "excess is trimmed": Switches(excess_reduce_only_is_trimmed=True),
    "paid fees are negative": Switches(stream_fee_is_negative=True),
    "user is needed": Switches(user_may_be_omitted=False),
    "unknown listen keys are refused": Switches(unknown_listen_key_is_deaf=False),
    "trades newest first": Switches(trades_are_newest_first=True),
    "shrunk orders live on": Switches(shrunk_reduce_only_expires=False),
    "the touch comes at once": Switches(touch_on_subscribe=True),
    "the stream lags": Switches(update_delay_ms=50),
}


@pytest.mark.parametrize("switches", READINGS.values(), ids=READINGS)
async def test_an_entry_is_opened_filled_and_covered_under_every_reading(switches: Switches) -> None:
    async with contract_world(playing(switches), BOUGHT) as world:
        try:
            await world.client.place(replace(BUY, client_id=999, price=D("3001.0")))
        except Refused as refused:
            reason = refused.reason
        else:
            reason = (await world.log.until(OrderUpdate, about(999, OrderFact.REFUSED))).reason
        assert reason == "post_only_would_cross"
        await buy(world)
        await world.client.place(CLOSE)
        with pytest.raises(OutcomeUnknown):
            await world.client.place(CLOSE)
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        fill = await world.log.until(Fill)
        assert [fill] == [replace(again, at_ns=fill.at_ns) for again in await world.client.fills_since(fill.venue_ns)]
        position = await world.log.until(PositionUpdate, lambda event: event.quantity != 0)
        assert position.quantity == await world.client.position() == D("0.1")
        (resting,) = await world.client.open_orders()
        assert (resting.client_id, resting.price, resting.remaining_size) == (1001, D("3005.0"), D("0.1"))


async def test_a_shrunk_order_that_lives_on_tells_its_new_quantity() -> None:
    async with contract_world(playing(Switches(shrunk_reduce_only_expires=False)), BOUGHT) as world:
        await buy(world)
        await world.client.place(CLOSE)
        await world.log.until(OrderUpdate, about(1001, OrderFact.ACCEPTED))
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        told = await world.log.until(OrderUpdate, lambda event: event.quantity is not None)
        assert (told.client_id, told.fact, told.quantity) == (1001, OrderFact.ACCEPTED, D("0.06"))


# --- fees, funding, forced trades -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate, fee", [("0.0002", "0.060010"), ("-0.0001", "-0.030005"), ("0", "0")])
async def test_fees_and_rebates_are_exact_from_stream_and_history(rate: str, fee: str) -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        world.twin.desk.change_rules(replace(world.twin.desk.rules, maker_fee_rate=D(rate)))
        await world.client.disconnect()
        await world.client.connect()
        await buy(world)
        fill = await world.log.until(Fill)
        (read,) = await world.client.fills_since(fill.venue_ns)
        assert (fill.fee, read.fee) == (D(fee), D(fee))


async def test_a_market_order_closes_and_pays_the_taker_fee() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        await world.client.place(OrderRequest(1001, Side.SELL, D("0.1"), None, post_only=False, reduce_only=True))
        ended = await world.log.until(OrderUpdate, about(1001, OrderFact.FILLED))
        assert ended.filled == D("0.1")
        await world.log.until(PositionUpdate, lambda event: event.quantity == 0)
        assert await world.client.position() == 0


async def test_a_trade_by_hand_is_nobodys_order_of_ours() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        world.twin.desk.trade_by_hand(Side.SELL, D("0.04"))
        world.running.host.live()
        fill = await world.log.until(Fill, lambda event: event.side is Side.SELL)
        assert (fill.client_id, fill.forced, fill.quantity) == (None, False, D("0.04"))
        read = await world.client.fills_since(0)
        assert [(each.client_id, each.quantity) for each in read] == [(1000, D("0.1")), (None, D("0.04"))]


async def test_the_owners_of_many_trades_are_asked_for_together() -> None:
    async with contract_world(VENUE, QUIET) as world:
        for _ in range(12):
            world.twin.desk.trade_by_hand(Side.BUY, D("0.01"))
        world.running.host.live()
        await world.log.until(Fill, lambda event: event.trade_id == twin_of(world).trade_id(12))
        async with another_client(world) as again:
            await again.connect()
            sent = len(world.faults.seen)
            fills = await again.fills_since(world.clock.now_ns() - 60_000_000_000)
            assert len(fills) == 12
            paths = [request.path for request in world.faults.seen[sent:]]
            assert paths == ["/fapi/v3/userTrades", "/fapi/v3/allOrders"]


async def test_funding_is_told_once_with_its_exact_amount() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await buy(world)
        twin = twin_of(world)
        paid = FundingPaid(twin.now_ns, "funding-1", D("-0.012345"))
        twin.desk.funding.append(paid)
        twin.tell(paid)
        world.running.host.live()
        told = await world.log.until(FundingPayment)
        assert told.amount == D("-0.012345")
        twin.tell(paid)
        world.running.host.live()
        await world.client.position()
        assert world.log.of(FundingPayment) == [told]
        venue_ns = paid.at_ns // 1_000_000 * 1_000_000
        assert await world.client.funding_since(0) == [replace(told, at_ns=venue_ns)]
        assert await world.client.funding_since(venue_ns + 1) == []


async def test_a_full_page_of_trades_is_read_in_halves() -> None:
    page = [
        {
            "id": number, "orderId": 5, "symbol": "ETHUSDT", "side": "BUY", "positionSide": "BOTH", "price": "3000",
            "qty": "0.01", "quoteQty": "30", "commission": "0", "commissionAsset": "USDT", "realizedPnl": "0",
            "maker": True, "buyer": True, "time": 1_700_000_000_000 + number,
        }
        for number in range(1, 2_501)
    ]  # fmt: skip

    def answer(request: HttpRequest) -> RequestFate | None:
        if request.path != "/fapi/v3/userTrades":
            return None
        values = dict(part.split("=") for part in request.query.split("&"))
        since, until = int(values["startTime"]), int(values["endTime"])
        rows = [row for row in page if since <= int(str(row["time"])) <= until][-1_000:]
        return RequestFate(answer=HttpResponse(200, (), json.dumps(rows).encode()))

    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = answer
        world.twin.desk.place("77", Side.BUY, D("0.01"), D("2900"), post_only=True)
        world.clock.go_to(world.clock.now_ns() + 100 * 1_000_000_000)
        fills = await world.client.fills_since(1_699_999_999_000_000_000)
        assert [int(fill.trade_id) for fill in fills] == list(range(1, 2_501))


# --- streams --------------------------------------------------------------------------------------------------------


async def test_the_touch_is_known_at_once_and_watched() -> None:
    async with contract_world(VENUE, [QUIET[0], quote(5, 29990, 30000), QUIET[1]]) as world:
        first = world.client.quote()
        assert first is not None
        assert (first.bid, first.ask) == (D("3000.0"), D("3001.0"))
        world.client.watch_quotes(PriceBand(Side.SELL, low=D("3000.5")))
        world.go_to(5)
        moved = await world.log.until(QuoteMoved)
        assert (moved.quote.bid, moved.quote.ask) == (D("2999.0"), D("3000.0"))


@pytest.mark.parametrize(
    "frame",
    [
        '{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"ETHUSDT","z":"NaN"}}',
        '{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","P":[{"s":"ETHUSDT","pa":null,"ps":"BOTH"}]}}',
        "not json",
        '{"e":"listenKeyExpired","E":1}',
        '{"e":"bookTicker","u":1,"s":"ETHUSDT","b":"1","B":"1","a":"2","A":"1"}',
    ],
)
async def test_a_message_that_cannot_be_read_breaks_the_stream_and_it_comes_back(frame: str) -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin = twin_of(world)
        (socket,) = twin.subscribers("account")
        twin.push(socket.socket_id, frame)
        world.running.host.live()
        lost = await world.log.until(StreamLost)
        assert lost.reason.startswith("account stream: ")
        await world.log.until(StreamRestored)
        await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))


async def test_a_deaf_account_stream_is_found_out_by_the_order_it_does_not_tell() -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin_of(world).drop_listen_key()
        await world.client.place(BUY)
        lost = await world.log.until(StreamLost)
        assert "no news of order" in lost.reason
        await world.log.until(StreamRestored)
        await world.client.cancel(1000, None)
        await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))


async def test_a_listen_key_that_is_gone_when_it_is_renewed_is_replaced() -> None:
    short = replace(TIMING, listen_key_every_s=0.3)
    venue = replace(VENUE, open_client=lambda setup: open_client(setup, short))
    async with contract_world(venue, QUIET) as world:
        twin_of(world).drop_listen_key()
        lost = await world.log.until(StreamLost)
        assert lost.reason == "account stream: the listen key is not known any more"
        await world.log.until(StreamRestored)


async def test_account_messages_that_overtake_each_other_leave_the_newest_position() -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin = twin_of(world)
        (socket,) = twin.subscribers("account")
        for at_ms, amount in ((2_000, "0.2"), (1_000, "0.1")):
            row = {"s": "ETHUSDT", "pa": amount, "ps": "BOTH"}
            message = {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "ORDER", "B": [], "P": [row]}}
            twin.push(socket.socket_id, json.dumps(message))
        world.running.host.live()
        await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        assert [event.quantity for event in world.log.of(PositionUpdate)] == [D("0.2")]


async def test_a_cancel_whose_news_is_lost_is_told_by_its_answer() -> None:
    async with contract_world(VENUE, QUIET) as world:
        order_id = await world.client.place(BUY)
        await world.log.until(OrderUpdate, about(1000, OrderFact.ACCEPTED))
        world.faults.on_frame = lambda frame: FrameFate(copies=0) if "ORDER_TRADE_UPDATE" in str(frame) else None
        await world.client.cancel(1000, order_id)
        await world.log.until(OrderUpdate, about(1000, OrderFact.CANCELLED))


async def test_a_booking_that_differs_from_what_was_sent_stops_everything() -> None:
    async with contract_world(VENUE, QUIET) as world:
        order = {
            "orderId": 1, "symbol": "ETHUSDT", "status": "NEW", "clientOrderId": "1000", "price": "3000.5",
            "origQty": "0.2", "executedQty": "0", "timeInForce": "GTX", "side": "BUY",
        }  # fmt: skip
        answer = HttpResponse(200, (), json.dumps(order).encode())
        world.faults.on_request = lambda _request: RequestFate(arrivals=0, answer=answer)
        with pytest.raises(Misconfigured, match="booked another order"):
            await world.client.place(BUY)


async def test_a_limit_order_that_may_take_cannot_be_sent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        with pytest.raises(ValueError, match="never sent"):
            await world.client.place(replace(BUY, post_only=False))


# --- starting -------------------------------------------------------------------------------------------------------


async def _connect_refused(world: ContractWorld, error: type[Exception], **options: str) -> str:
    async with another_client(world, **options) as client:
        with pytest.raises(error) as caught:
            await client.connect()
    return str(caught.value)


async def test_an_unknown_ticker_is_refused_with_its_neighbours() -> None:
    async with contract_world(VENUE, QUIET) as world:
        told = await _connect_refused(world, Misconfigured, ticker="ETHE")
        assert told == "aster lists no perpetual of ETHE; near it: ETH"


async def test_hedge_mode_is_refused_at_the_start() -> None:
    async with contract_world(VENUE, QUIET) as world:
        twin_of(world).is_hedged = True
        assert "hedge mode" in await _connect_refused(world, Misconfigured)


async def test_an_api_wallet_that_was_not_approved_is_refused_in_one_line() -> None:
    async with contract_world(VENUE, QUIET) as world:
        stranger = {
            "ASTER_SIGNER": "0x1563915e194D8CfBA1943570603F7606A3115508",
            "ASTER_SIGNER_PRIVATE_KEY": "0x" + "22" * 32,
        }
        told = await _connect_refused(world, Misconfigured, **stranger)
        assert "does not accept this API wallet's signature" in told
        assert "\n" not in told
        assert "2222" not in told


async def test_maintenance_at_the_start_is_no_misconfiguration() -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = lambda _request: RequestFate(answer=HttpResponse(503, (), b"<html></html>"))
        assert "503" in await _connect_refused(world, Unavailable)


async def test_an_older_key_trades_too_and_says_so() -> None:
    def open_legacy(setup: ClientSetup) -> AsterClient:
        base_url, ws_url = setup.value("ASTER_BASE_URL") or "", setup.value("ASTER_WS_URL") or ""
        assert urlsplit(base_url).hostname == "127.0.0.1"
        identity = twins[0].identity
        env = {
            "ASTER_API_KEY": identity.api_key,
            "ASTER_SECRET_KEY": identity.api_secret,
            "ASTER_BASE_URL": base_url,
            "ASTER_WS_URL": ws_url,
        }
        return open_client(replace(setup, value=env.get), TIMING)

    twins: list[AsterTwin] = []

    def opened(setup: object) -> AsterTwin:
        twin = open_twin(setup)  # type: ignore[arg-type]
        twins.append(twin)
        return twin

    async with contract_world(replace(VENUE, open_twin=opened, open_client=open_legacy), BOUGHT) as world:
        client = world.client
        assert isinstance(client, AsterClient)
        assert client.signing_backend == "the older API key (V1), HMAC-SHA256 by the standard library"
        await buy(world)
        await client.place(CLOSE)
        info = await client.query(1001, None)
        assert info is not None
        assert (info.status, await client.position()) == (OrderStatus.OPEN, D("0.1"))
        assert await client.account_summary() == AccountSummary(
            "of ASTER_API_KEY", twin_of(world).desk.venue.equity_at_mid(), "USDT", None
        )
        versions = {request.path.split("/")[2] for request in world.faults.seen}
        assert versions == {"v1", "v2"}


async def test_the_wallet_path_names_its_backend() -> None:
    async with contract_world(VENUE, QUIET) as world:
        client = world.client
        assert isinstance(client, AsterClient)
        assert client.signing_backend.startswith("an API wallet (V3), EIP-712 by coincurve")


def _offline(**env: str) -> ClientSetup:
    network = Network()
    return ClientSetup("ETH", env.get, network.open_http, network.sockets, SystemClock(), Random(1))


GOOD = {
    "ASTER_USER": "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
    "ASTER_SIGNER": "0x1563915e194D8CfBA1943570603F7606A3115508",
    "ASTER_SIGNER_PRIVATE_KEY": "0x" + "22" * 32,
}


@pytest.mark.parametrize(
    "env, said",
    [
        ({}, "ASTER_USER is not set"),
        ({"ASTER_USER": GOOD["ASTER_USER"]}, "ASTER_SIGNER is not set"),
        ({"ASTER_API_KEY": "k" * 64}, "ASTER_SECRET_KEY is not set"),
        ({"ASTER_API_KEY": "k" * 64, "ASTER_USER": GOOD["ASTER_USER"]}, "ASTER_SIGNER is not set"),
        ({**GOOD, "ASTER_NETWORK": "main"}, "ASTER_NETWORK must be mainnet or testnet"),
        ({**GOOD, "ASTER_BASE_URL": "http://fapi.asterdex.com"}, "only https leaves this machine"),
        ({**GOOD, "ASTER_BASE_URL": "https://fapi.asterdex.co"}, "name it in ASTER_EXTRA_HOST"),
        ({**GOOD, "ASTER_WS_URL": "wsss://fstream.asterdex.com"}, "ASTER_WS_URL must begin with wss://"),
        ({**GOOD, "ASTER_NETWORK": "testnet", "ASTER_WS_URL": "wss://fstream.asterdex.com"}, "ASTER_EXTRA_HOST"),
    ],
)
async def test_wrong_settings_are_one_clear_line(env: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_client(_offline(**env))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_the_named_keys_are_all_that_is_read() -> None:
    asked: set[str] = set()

    def value(name: str) -> str | None:
        asked.add(name)
        return GOOD.get(name)

    open_client(replace(_offline(), value=value))
    assert asked <= {key.name for key in KEYS}
    secrets = {key.name for key in KEYS if key.is_secret}
    assert secrets == {"ASTER_SIGNER_PRIVATE_KEY", "ASTER_API_KEY", "ASTER_SECRET_KEY"}


# --- choosing a market, and limits ----------------------------------------------------------------------------------


def test_the_market_of_a_ticker_is_the_one_in_usdt_that_trades() -> None:
    def listed(quote_asset: str, state: str = "TRADING", kind: str = "PERPETUAL") -> Listing:
        return Listing(f"ETH{quote_asset}", "ETH", quote_asset, kind, state)

    both = [listed("USD1"), listed("USDT")]
    assert choose(both, "ETH").symbol == "ETHUSDT"
    assert choose(both, "ETHUSD1").symbol == "ETHUSD1"
    assert choose([listed("USD1"), listed("USDT", "SETTLING")], "ETH").symbol == "ETHUSD1"
    with pytest.raises(Unavailable, match="ETHUSDT is PENDING_TRADING now"):
        choose([listed("USDT", "PENDING_TRADING")], "ETH")
    with pytest.raises(Misconfigured, match="give one of these as the ticker"):
        choose([listed("USD1"), listed("USDC")], "ETH")
    with pytest.raises(Misconfigured, match="lists no perpetual of ETH"):
        choose([listed("USDT", kind="CURRENT_QUARTER")], "ETH")


@pytest.mark.parametrize("limits", [Limits(None, None), Limits(1, 1), Limits(100, 10), Limits(2_400, 1_200)])
def test_any_stated_limit_makes_buckets_that_hold_the_dearest_request(limits: Limits) -> None:
    for bucket in buckets(limits):
        assert bucket.capacity - bucket.reserve >= 40


async def test_the_client_settles_within_its_budget_of_weight() -> None:
    """What one start costs: known, so that a supervisor's restarts cannot lead to a ban."""
    async with contract_world(VENUE, QUIET) as world:
        await asyncio.sleep(0)
        paths = [request.path.removeprefix("/fapi/v3/") for request in world.faults.seen]
        assert sorted(paths) == sorted(
            ["time"] * 3
            + ["exchangeInfo", "positionSide/dual", "commissionRate", "exchangeInfo", "listenKey", "ticker/bookTicker"]
        )
