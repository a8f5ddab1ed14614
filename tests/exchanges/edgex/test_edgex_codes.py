"""Nobody knows the venue's codes: under other words, and in other handshakes, the client concludes the same."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from domain.market import Side
from domain.orders import OrderStatus
from exchanges.edgex import EdgexClient, open_client
from exchanges.edgex.codec import decode_envelope
from exchanges.edgex.facts import Switches
from exchanges.edgex.refusals import conclusion
from exchanges.edgex.signing import flatten
from exchanges.errors import Misconfigured, OutcomeUnknown, Refused
from exchanges.transport.messages import HttpRequest, HttpResponse
from exchanges.transport.setup import ClientSetup
from markets.account import AccountTerms
from tests.exchanges.edgex.test_edgex_switches import OTHER, other_readings
from tests.support.contract import VenueUnderTest, contract_world
from tests.support.contract_venues.edgex import SWITCHES, TIMING
from tests.support.edgex_twin import ASSET, bench
from tests.support.edgex_world import BOUGHT, QUIET, D, edgex, held, order, venue

HERE = {
    "rules_code", "price_code", "margin_code", "duplicate_client_id_code", "bad_signature_code", "bad_signature_status",
    "bad_timestamp_code", "bad_timestamp_status", "bad_l2_signature_code", "depth_sizes_are_deltas",
}  # fmt: skip
"""Switches with a test in this file, or (the last) one of its own beside the others."""


def keyed(switches: Switches, name: str, value: str) -> VenueUnderTest:
    """With one variable of the client's changed."""

    def opened(setup: ClientSetup) -> EdgexClient:
        return open_client(replace(setup, value=lambda each: value if each == name else setup.value(each)), TIMING)

    return replace(venue(switches), open_client=opened)


def test_every_switch_is_turned_in_a_test() -> None:
    turned = {name for changes in other_readings() for name in changes}
    assert turned | HERE == {field.name for field in fields(Switches)}
    assert all(value != getattr(Switches(), name) for name, value in OTHER.items())


@pytest.mark.parametrize("code", ["GATEWAY_PARAM_INVALID", "ORDER_STEP_SIZE_ERROR", "WRONG_NUMBER"])
async def test_an_order_off_the_rules_is_refused_by_the_words_beside_the_code(code: str) -> None:
    async with contract_world(venue(replace(SWITCHES, rules_code=code)), QUIET) as world:
        for wrong, reason in ((order(1000, size="0.1005"), "off_step"), (order(1001, price="3000.55"), "off_tick")):
            with pytest.raises(Refused) as refused:
                await world.client.place(wrong)
            assert refused.value.reason == reason


@pytest.mark.parametrize("code", ["INVALID_ORDER_PRICE", "PRICE_TOO_FAR"])
async def test_a_price_outside_the_band_is_refused(code: str) -> None:
    async with contract_world(venue(replace(SWITCHES, price_code=code)), BOUGHT) as world:
        await held(world)
        with pytest.raises(Refused) as refused:
            await world.client.place(order(1001, Side.SELL, "2000"))
        assert refused.value.reason == "bad_price"


@pytest.mark.parametrize("code", ["MARGIN_NOT_ENOUGH", "INSUFFICIENT_BALANCE", "AVAILABLE_BALANCE_TOO_LOW"])
async def test_missing_margin_is_refused(code: str) -> None:
    switches = replace(SWITCHES, margin_code=code, margin_is_checked_first=True)
    async with contract_world(venue(switches), QUIET, terms=AccountTerms(balance=D(10))) as world:
        with pytest.raises(Refused) as refused:
            await world.client.place(order(1000, size="1"))
        assert refused.value.reason == "insufficient_margin"


@pytest.mark.parametrize("code", ["DUPLICATE_CLIENT_ORDER_ID", "CLIENT_ORDER_ID_EXISTS", "SOMETHING_NEW"])
async def test_a_client_id_that_was_used_leaves_the_order_unknown(code: str) -> None:
    async with contract_world(venue(replace(SWITCHES, duplicate_client_id_code=code)), QUIET) as world:
        order_id = await world.client.place(order(1000))
        with pytest.raises(OutcomeUnknown):
            await world.client.place(order(1000, price="3000.4"))
        info = await world.client.query(1000, None)
        assert info is not None
        assert (info.order_id, info.status) == (order_id, OrderStatus.OPEN)


@pytest.mark.parametrize("code, status", [("INVALID_SIGNATURE", 401), ("SIGN_ERROR", 400), ("BAD_SIGNATURE", 200)])
async def test_a_wrong_secret_is_one_line(code: str, status: int) -> None:
    switches = replace(SWITCHES, bad_signature_code=code, bad_signature_status=status)
    with pytest.raises(Misconfigured, match="check EDGEX_API_SECRET"):
        async with contract_world(keyed(switches, "EDGEX_API_SECRET", "another-secret"), QUIET):
            raise AssertionError("it must not have started")


@pytest.mark.parametrize("code", ["INVALID_L2_SIGNATURE", "L2_SIGN_MISMATCH"])
async def test_a_wrong_signer_is_one_line(code: str) -> None:
    switches = replace(SWITCHES, bad_l2_signature_code=code)
    async with contract_world(keyed(switches, "EDGEX_SIGNER_PRIVATE_KEY", "1f" * 32), QUIET) as world:
        with pytest.raises(Misconfigured, match="check EDGEX_SIGNER_PRIVATE_KEY"):
            await world.client.place(order(1000))


@pytest.mark.parametrize("code, status", [("INVALID_TIMESTAMP", 400), ("TIMESTAMP_EXPIRED", 401), ("TIMESTAMP", 200)])
def test_a_time_that_is_off_is_told_from_a_wrong_key(code: str, status: int) -> None:
    made = bench(switches=Switches(bad_timestamp_code=code, bad_timestamp_status=status))
    answered, body = made.request("GET", ASSET, skew_ms=60_001)
    assert answered == status
    concluded = conclusion(decode_envelope(json.dumps(body).encode()), answered)
    assert isinstance(concluded, Refused)
    assert concluded.reason == "bad_timestamp"


async def test_a_socket_that_wants_its_login_in_the_subprotocol_gets_it() -> None:
    async with contract_world(venue(replace(SWITCHES, socket_needs_protocol=True)), QUIET) as world:
        _, twin = edgex(world)
        assert len(twin.subscribers("private")) == 1
    for offered in ("", "e30", "%%%", "x" * 40):
        made = bench(switches=Switches(socket_needs_protocol=True))
        named = {"accountId": made.account_id, "timestamp": str(made.twin.now_ms)}
        headers = made.api.headers(made.twin.now_ms, "GET", "/api/v1/private/ws", named)
        handshake = HttpRequest(
            "GET", f"/api/v1/private/ws?{flatten(named)}", (*headers, ("Sec-WebSocket-Protocol", offered))
        )
        refused = made.twin.open_socket(handshake)
        assert isinstance(refused, HttpResponse)
        assert refused.status == 401
