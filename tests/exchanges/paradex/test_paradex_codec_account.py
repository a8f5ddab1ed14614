"""What Paradex's JSON says of markets, the system, logins and funding."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import FundingPayment
from domain.market import MarketRules
from exchanges.base import OrderLimits
from exchanges.decoding import DecodeError, Fields, parse_fields
from exchanges.paradex import codec_account
from tests.exchanges.paradex.test_paradex_codec import BAD_NUMBERS

MARKET: dict[str, Any] = {
    "symbol": "BTC-USD-PERP",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "settlement_currency": "USDC",
    "order_size_increment": "0.00001",
    "price_tick_size": "0.1",
    "min_notional": "10",
    "max_order_size": "100",
    "asset_kind": "PERP",
    "fee_config": {"api_fee": {"maker_fee": {"fee": "-0.00005"}, "taker_fee": {"fee": "0.0003"}}},
}


def test_the_rules_of_a_market_are_read_from_its_listing() -> None:
    options = {"symbol": "BTC-USD-100000-C", "asset_kind": "PERP_OPTION"}
    body = json.dumps({"results": [options, MARKET]}).encode()
    assert codec_account.decode_listing(body) == {"BTC-USD-PERP": "BTC"}
    assert codec_account.decode_market(body, "ETH-USD-PERP") is None
    market = codec_account.decode_market(body, "BTC-USD-PERP")
    assert market is not None
    assert market.rules("BTC") == MarketRules(
        "BTC",
        "BTC-USD-PERP",
        tick_size=Decimal("0.1"),
        quantity_step=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        min_notional=Decimal(10),
        maker_fee_rate=Decimal("-0.00005"),
        taker_fee_rate=Decimal("0.0003"),
    )


def limits_of(**changed: object) -> OrderLimits:
    body = json.dumps({"results": [{**MARKET, **changed}]}).encode()
    market = codec_account.decode_market(body, "BTC-USD-PERP")
    assert market is not None
    return market.limits


def test_the_limits_on_orders_are_read_from_the_listing_and_may_be_missing() -> None:
    told = limits_of(max_open_orders=80, price_bands_width="0.05")
    assert told == OrderLimits(80, Decimal("0.95"), Decimal("1.05"))
    for missing in (None, "", "0"):
        assert limits_of(price_bands_width=missing) == OrderLimits(100)
    with pytest.raises(DecodeError):
        limits_of(price_bands_width="wide")


@pytest.mark.parametrize("name", ["price_tick_size", "order_size_increment", "min_notional"])
@given(value=st.sampled_from([*BAD_NUMBERS, "-1"]))
def test_a_bad_number_in_a_listing_is_an_error(name: str, value: object) -> None:
    with pytest.raises(DecodeError):
        codec_account.decode_market(json.dumps({"results": [{**MARKET, name: value}]}).encode(), "BTC-USD-PERP")


def test_an_empty_side_of_the_book_is_none_and_not_zero() -> None:
    body = (
        b'{"market":"BTC-USD-PERP","seq_no":20784,"bid":"30112.22","bid_size":"0.04","ask":"","ask_size":"",'
        b'"last_updated_at":1681493939981}'
    )
    expected = codec_account.Bbo("BTC-USD-PERP", 20784, Decimal("30112.22"), Decimal("0.04"), None, None)
    assert codec_account.decode_bbo(parse_fields(body, "bbo")) == expected


def test_the_system_is_read() -> None:
    config = codec_account.decode_system_config(
        b'{"starknet_chain_id":"PRIVATE_SN_POTC_SEPOLIA","paraclear_account_hash":"0x41c",'
        b'"paraclear_account_proxy_hash":"0x353","paraclear_decimals":8}'
    )
    assert config == codec_account.SystemConfig("PRIVATE_SN_POTC_SEPOLIA", 0x41C, 0x353)
    assert codec_account.decode_time_ms(b'{"server_time":"1710956478221"}') == 1710956478221
    assert codec_account.decode_system_state(b'{"status":"maintenance"}') == "maintenance"
    with pytest.raises(DecodeError):
        codec_account.decode_system_state(b'{"status":"fine"}')


def test_a_token_is_read_and_not_shown() -> None:
    token = codec_account.decode_token(b'{"jwt_token":"eyJhbGciOi.x.y"}')
    assert token.text == "eyJhbGciOi.x.y"
    assert "eyJ" not in repr(token)
    for body in (b"{}", b'{"jwt_token":""}', b'{"jwt_token":5}', b'{"jwt_token":"a\\nb"}'):
        with pytest.raises(DecodeError):
            codec_account.decode_token(body)


def test_a_funding_payment_is_positive_when_received() -> None:
    row = Fields.of({"id": "f1", "payment": "-1.25", "created_at": 1681493746020}, "funding")
    assert codec_account.decode_funding(row) == FundingPayment(1681493746020_000000, "funding-f1", Decimal("-1.25"))
