"""How a start goes: keys, addresses, the market of a ticker, and what it costs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

import pytest

from domain.orders import OrderStatus
from exchanges.aster import KEYS, open_client
from exchanges.aster.client import AsterClient
from exchanges.aster.codec_market import Limits, Listing, choose
from exchanges.aster.facts import Switches
from exchanges.aster.rest import budget
from exchanges.aster.twin import AsterTwin, open_twin
from exchanges.errors import Misconfigured, Unavailable
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.network import Network
from exchanges.transport.setup import AccountSummary, ClientSetup
from exchanges.transport.twin import RequestFate
from helpers.clock import SystemClock
from tests.support.aster_world import BOUGHT, BUY, CLOSE, QUIET, D, another_client, buy, playing, twin_of
from tests.support.contract import ContractWorld, contract_world
from tests.support.contract_venues.aster import TIMING, VENUE

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


@pytest.mark.parametrize("code", [-1000, -1022, -2015])
async def test_an_api_wallet_that_was_not_approved_is_refused_in_one_line(code: int) -> None:
    async with contract_world(playing(Switches(unknown_signer_code=code)), QUIET) as world:
        stranger = {
            "ASTER_SIGNER": "0x1563915e194D8CfBA1943570603F7606A3115508",
            "ASTER_SIGNER_PRIVATE_KEY": "0x" + "22" * 32,
        }
        told = await _connect_refused(world, Misconfigured, **stranger)
        assert "ASTER_ keys" in told
        assert str(code) in told
        assert "\n" not in told
        assert "2222" not in told


@pytest.mark.parametrize("code", [-1022, -1000])
async def test_a_signature_that_the_exchange_rejects_stops_everything(code: int) -> None:
    """Every text of the client is changed on its way."""
    async with contract_world(playing(Switches(signature_error_code=code)), QUIET) as world:
        twin = twin_of(world)
        serve = twin.answer

        def garbled(request: HttpRequest) -> HttpResponse:
            return serve(replace(request, body=request.body.replace(b"quantity=0.1&", b"quantity=0.2&")))

        twin.answer = garbled  # type: ignore[method-assign]
        with pytest.raises(Misconfigured, match="signature"):
            await world.client.place(BUY)
        assert world.placed == []


@pytest.mark.parametrize("status", [401, 400])
async def test_an_older_key_that_the_exchange_does_not_know_is_one_line(status: int) -> None:
    async with contract_world(playing(Switches(bad_key_status=status)), QUIET) as world:
        wallet = dict.fromkeys(("ASTER_USER", "ASTER_SIGNER", "ASTER_SIGNER_PRIVATE_KEY"), "")
        strange = {"ASTER_API_KEY": "k" * 64, "ASTER_SECRET_KEY": "s" * 64}
        told = await _connect_refused(world, Misconfigured, **wallet, **strange)
        assert "does not know this API key" in told
        assert "kkkk" not in told
        assert "ssss" not in told


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
        summary = await client.account_summary()
        equity = twin_of(world).desk.venue.equity_at_mid()
        assert summary == AccountSummary(summary.account, equity, "USDT", None)
        assert re.fullmatch(r"of ASTER_API_KEY #[0-9a-f]{6}", summary.account)
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
def test_any_stated_limit_makes_a_budget_that_holds_the_dearest_request(limits: Limits) -> None:
    weight, orders = budget(limits)
    assert weight.most - weight.reserve >= 40
    assert orders.most - orders.reserve >= 1


async def test_the_client_settles_within_its_budget_of_weight() -> None:
    """What one start costs: known, so that a supervisor's restarts cannot lead to a ban."""
    async with contract_world(VENUE, QUIET) as world:
        await asyncio.sleep(0)
        paths = [request.path.removeprefix("/fapi/v3/") for request in world.faults.seen]
        assert sorted(paths) == sorted(
            ["time"] * 3
            + ["exchangeInfo", "positionSide/dual", "commissionRate", "exchangeInfo", "listenKey", "ticker/bookTicker"]
        )
