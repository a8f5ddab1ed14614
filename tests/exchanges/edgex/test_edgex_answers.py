"""The client against the twin over loopback: refusals, account events, and the start."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from domain.events import Fill, FundingPayment, PositionUpdate, RulesChanged
from domain.market import Side
from exchanges.edgex import open_client
from exchanges.errors import Misconfigured, NotSent, OutcomeUnknown, Refused, Unavailable
from exchanges.rehearsal.desk import FundingPaid
from exchanges.transport.network import Network
from exchanges.transport.setup import ClientSetup
from markets.account import AccountTerms
from tests.support.contract import contract_world
from tests.support.contract_venues.edgex import TIMING, VENUE
from tests.support.edgex_world import BOUGHT, QUIET, D, answering, edgex, held, order, told
from tests.support.tape import quote, sold

# --- what the venue answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["INTERNAL_ERROR", "NEVER_HEARD_OF", "DUPLICATE_CLIENT_ORDER_ID"])
async def test_a_code_that_proves_nothing_leaves_the_order_unknown(code: str) -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = answering(code)
        with pytest.raises(OutcomeUnknown):
            await world.client.place(order(1))
        with pytest.raises(Unavailable):
            await world.client.position()


async def test_a_refused_time_is_measured_again_before_the_next_request() -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.faults.on_request = answering("INVALID_TIMESTAMP", 400, "createOrder")
        with pytest.raises(Refused) as refused:
            await world.client.place(order(1))
        assert refused.value.reason == "bad_timestamp"
        seen = len(world.faults.seen)
        await told(lambda: any(request.path.endswith("getServerTime") for request in world.faults.seen[seen:]))


async def test_wrong_credentials_stop_with_a_line_that_names_them_and_quotes_nothing() -> None:
    for code, name in (
        ("INVALID_API_KEY", "EDGEX_API_KEY"),
        ("INVALID_SIGNATURE", "EDGEX_API_SECRET"),
        ("INVALID_L2_SIGNATURE", "EDGEX_SIGNER_PRIVATE_KEY"),
    ):
        async with contract_world(VENUE, QUIET) as world:
            world.faults.on_request = answering(code, 401)
            with pytest.raises(Misconfigured) as stopped:
                await world.client.place(order(1))
            assert name in str(stopped.value)
            assert "hunter2" not in f"{stopped.value!r}"


async def test_changed_rules_are_told_when_an_order_breaks_them() -> None:
    async with contract_world(VENUE, QUIET) as world:
        world.twin.desk.change_rules(replace(world.twin.desk.rules, tick_size=D("0.5")))
        with pytest.raises(Refused) as refused:
            await world.client.place(order(1, price="3000.1"))
        assert refused.value.reason == "off_tick"
        changed = await world.log.until(RulesChanged)
        assert changed.rules.tick_size == D("0.5")
        assert await world.client.market_rules() == changed.rules


async def test_funding_is_told_on_the_stream_and_can_be_read_again() -> None:
    async with contract_world(VENUE, BOUGHT) as world:
        await held(world)
        position = await world.log.until(PositionUpdate)
        assert position.quantity == D("0.1")
        _, twin = edgex(world)
        since_ns = twin.now_ns
        twin.desk.funding.append(FundingPaid(twin.now_ns, "funding-1", D("-0.03")))
        twin.tell(twin.desk.funding[-1])
        told_of = await world.log.until(FundingPayment)
        (read,) = await world.client.funding_since(since_ns - 10**9)
        assert (read.payment_id, read.amount) == (told_of.payment_id, told_of.amount) == (read.payment_id, D("-0.03"))
        assert read.at_ns // 10**6 == since_ns // 10**6
        assert await world.client.funding_since(since_ns + 10**9) == []


async def test_a_liquidation_is_a_forced_trade_of_nobody() -> None:
    crash = [quote(0, 30000, 30010), sold(5, 30005, 100), quote(10, 20000, 20010), quote(3600, 20000, 20010)]
    async with contract_world(VENUE, crash, terms=AccountTerms(D(40), leverage=D(10))) as world:
        await held(world)
        world.go_to(10)
        forced = await world.log.until(Fill, lambda fill: fill.forced)
        assert (forced.client_id, forced.side, forced.quantity) == (None, Side.SELL, D("0.1"))
        assert await world.client.position() == 0


# --- the start ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("EDGEX_API_SECRET", "wrong-secret", "check EDGEX_API_SECRET"),
        ("EDGEX_API_KEY", "wrong-key", "check EDGEX_API_KEY"),
        ("EDGEX_ACCOUNT_ID", "99", "check EDGEX_ACCOUNT_ID"),
    ],
)
async def test_a_start_with_keys_of_somebody_else_ends_in_one_line(name: str, value: str, said: str) -> None:
    async with contract_world(VENUE, QUIET) as world:
        env = {**world.running.env, name: value}
        network = Network()
        client = open_client(
            ClientSetup("ETH", env.get, network.open_http, network.sockets, world.clock, Random(2)), TIMING
        )
        with pytest.raises((Misconfigured, Unavailable)) as stopped:
            await client.connect()
        await client.disconnect()
        await network.close()
        assert said in str(stopped.value)
        assert "\n" not in str(stopped.value)


async def test_a_signer_of_another_account_is_found_out_by_its_first_order() -> None:
    async with contract_world(VENUE, QUIET) as world:
        env = {**world.running.env, "EDGEX_SIGNER_PRIVATE_KEY": "0123456789abcdef" * 4}
        network = Network()
        client = open_client(
            ClientSetup("ETH", env.get, network.open_http, network.sockets, world.clock, Random(2)), TIMING
        )
        await client.connect()
        with pytest.raises(Misconfigured, match="EDGEX_SIGNER_PRIVATE_KEY"):
            await client.place(order(1))
        await client.disconnect()
        await network.close()


async def test_the_account_is_shown_masked_with_its_balance() -> None:
    async with contract_world(VENUE, QUIET) as world:
        client, twin = edgex(world)
        summary = await client.account_summary()
        assert (summary.balance, summary.asset, summary.can_withdraw) == (D(100_000), "USDC", None)
        assert summary.account == f"...{twin.keys.account_id[-4:]}"


async def test_before_connecting_nothing_is_known_and_nothing_is_sent() -> None:
    async with contract_world(VENUE, QUIET) as world:
        network = Network()
        setup = ClientSetup("ETH", world.running.env.get, network.open_http, network.sockets, world.clock, Random(2))
        client = open_client(setup, TIMING)
        assert client.quote() is None
        with pytest.raises(NotSent):
            await client.place(order(1))
        with pytest.raises(Unavailable):
            await client.position()
        await client.disconnect()
        await network.close()
