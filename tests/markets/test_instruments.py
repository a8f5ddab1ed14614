from __future__ import annotations

from decimal import Decimal

import pytest

from domain.market import MarketRules
from markets.instruments import LISTED, Instrument, UnknownTicker, find_instrument


def test_the_default_quantities_of_ether_and_bitcoin_are_valid() -> None:
    ether, bitcoin = (find_instrument(ticker) for ticker in ("ETH", "BTC"))
    rules = [instrument.rules(Decimal(0), Decimal("0.0005")) for instrument in (ether, bitcoin)]
    refusals = [
        rules[0].refusal(ether.start_price, Decimal("0.1")),
        rules[1].refusal(bitcoin.start_price, Decimal("0.01")),
    ]
    assert refusals == [None, None]


def test_a_ticker_is_found_in_any_case_of_letters() -> None:
    assert find_instrument("sol") is LISTED["SOL"]


def test_rules_carry_the_listing_and_the_accounts_fees() -> None:
    rules = find_instrument("BTC").rules(Decimal("-0.0001"), Decimal("0.0005"))
    assert rules == MarketRules(
        ticker="BTC",
        contract_id="BTC-PERP",
        tick_size=Decimal("0.1"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(10),
        maker_fee_rate=Decimal("-0.0001"),
        taker_fee_rate=Decimal("0.0005"),
    )


def test_an_unknown_ticker_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownTicker) as error:
        find_instrument("SOLL")
    assert str(error.value) == "no market is generated for ticker 'SOLL': did you mean SOL?"


def test_a_ticker_like_no_other_is_answered_with_the_whole_list() -> None:
    with pytest.raises(UnknownTicker, match=r"choose one of BTC, ETH, .*NEAR$"):
        find_instrument("1?")


@pytest.mark.parametrize("instrument", LISTED.values(), ids=lambda listed: str(listed.ticker))
def test_every_listing_is_consistent(instrument: Instrument) -> None:
    assert instrument.start_price % instrument.tick_size == 0
    assert instrument.min_quantity % instrument.quantity_step == 0
    assert instrument.touch_size % instrument.quantity_step == 0
    assert instrument.trade_size % instrument.quantity_step == 0
    assert instrument.min_quantity < instrument.trade_size < instrument.touch_size
    assert Decimal("0.1") < instrument.volatility < 2


def test_the_perpetuals_people_ask_for_are_listed() -> None:
    wanted = {"BTC", "ETH", "SOL", "BNB", "XRP", "DOGE", "HYPE", "AVAX", "LINK", "LTC", "ARB", "SUI"}
    assert wanted - set(LISTED) == set()
