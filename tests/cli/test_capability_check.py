"""What an exchange cannot do: refused before the first order where the run needs it, else said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from commands.capability_check import check_against_capabilities
from commands.options import Exchanges, RunOptions, UsageError, parse
from exchanges.base import Capabilities, OrderLimits
from exchanges.factory import ExchangeFactory

BAND = OrderLimits(100, Decimal("0.95"), Decimal("1.05"))


def options(*argv: str) -> RunOptions:
    parsed = parse(["--exchange", "paradex", *argv], Exchanges(ExchangeFactory.names()))
    assert isinstance(parsed, RunOptions)
    return parsed


def warnings(*argv: str, can: Capabilities) -> list[str]:
    return check_against_capabilities(options(*argv), can)


def complaint(*argv: str, can: Capabilities) -> str:
    with pytest.raises(UsageError) as caught:
        check_against_capabilities(options(*argv), can)
    return str(caught.value)


@pytest.mark.parametrize("direction", ["buy", "sell"])
def test_what_can_be_done_gets_no_word(direction: str) -> None:
    assert warnings("--direction", direction, can=Capabilities()) == []
    limited = Capabilities(order_limits=BAND)
    assert warnings("--direction", direction, "--max-orders", "99", "--take-profit", "2.5", can=limited) == []


def test_orders_that_cannot_be_found_again_are_never_placed() -> None:
    said = complaint(can=Capabilities(query_by_client_id=False))
    assert said.startswith("paradex cannot be asked for an order by our own id")


@pytest.mark.parametrize("can", [Capabilities(boost=False), Capabilities(market_orders=False)])
def test_boost_needs_cheap_market_orders(can: Capabilities) -> None:
    assert complaint("--boost", can=can) == "--boost is not offered on paradex; leave it out"
    assert warnings(can=can) == []


def test_flattening_needs_market_orders() -> None:
    can = Capabilities(market_orders=False)
    expected = "--on-stop flatten needs market orders, which paradex does not have; choose keep or cancel"
    assert complaint("--on-stop", "flatten", can=can) == expected
    assert warnings("--on-stop", "cancel", can=can) == []


def test_missing_reduce_only_is_said() -> None:
    expected = "paradex has no reduce-only orders: a position that you close by hand can be turned round by a close"
    assert warnings(can=Capabilities(reduce_only=False)) == [expected]


def test_more_entries_than_orders_may_rest_are_refused() -> None:
    can = Capabilities(order_limits=BAND)
    expected = (
        "--max-orders 100 needs as many closes to rest and an open beside them, and paradex lets 100 orders rest in a "
        "market; give 99 or less"
    )
    assert complaint("--max-orders", "100", can=can) == expected


@pytest.mark.parametrize(
    "direction, take_profit, most",
    [("buy", "5", "5"), ("buy", "6", "5"), ("sell", "3", "3"), ("sell", "90", "3")],
)
def test_a_take_profit_that_may_not_rest_is_refused(direction: str, take_profit: str, most: str) -> None:
    can = Capabilities(order_limits=OrderLimits(None, Decimal("0.97"), Decimal("1.050")))
    expected = (
        f"--take-profit {take_profit} is farther from the market than paradex lets an order rest, so that every close "
        f"would be refused; give less than {most}"
    )
    assert complaint("--direction", direction, "--take-profit", take_profit, can=can) == expected


def test_a_take_profit_near_the_bound_is_warned_of() -> None:
    expected = (
        "paradex lets no order rest farther than 5 % from the market: a close that has to be placed anew waits until "
        "the price is that near"
    )
    assert warnings("--take-profit", "2.6", can=Capabilities(order_limits=BAND)) == [expected]


def test_boost_has_no_take_profit_that_could_be_too_far() -> None:
    assert warnings("--boost", "--take-profit", "50", can=Capabilities(order_limits=BAND)) == []


def test_one_bound_alone_binds_one_direction() -> None:
    can = Capabilities(order_limits=OrderLimits(highest_price=Decimal("1.05")))
    assert warnings("--direction", "sell", "--take-profit", "50", can=can) == []
    assert "--take-profit 50 is farther" in complaint("--take-profit", "50", can=can)
