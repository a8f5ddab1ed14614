"""What the rules of a market make of the options: refusals, and warnings that state the cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from commands.market_check import check_against_rules
from commands.options import RunOptions, UsageError, parse
from domain.market import MarketRules, Quote


def rules(**changes: str) -> MarketRules:
    facts = {"tick_size": "0.1", "quantity_step": "0.001", "min_quantity": "0.002"} | changes
    return MarketRules("BTC", "BTC-PERP", **{name: Decimal(value) for name, value in facts.items()})


def quote(bid: str = "59999.9", ask: str = "60000.1") -> Quote:
    return Quote(Decimal(bid), Decimal(1), Decimal(ask), Decimal(1), as_of_ns=0)


def options(*argv: str) -> RunOptions:
    parsed = parse(["--ticker", "BTC", "--quantity", "0.01", *argv])
    assert isinstance(parsed, RunOptions)
    return parsed


def warnings(*argv: str, on: MarketRules | None = None) -> list[str]:
    return check_against_rules(options(*argv), on or rules(), quote())


def complaint(*argv: str, on: MarketRules | None = None, at: Quote | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        check_against_rules(options(*argv), on or rules(), at or quote())
    return str(caught.value)


def test_sound_options_get_no_word() -> None:
    assert warnings() == []


def test_a_quantity_off_the_lot_step_is_answered_with_both_neighbours() -> None:
    expected = "--quantity 0.0105 is not a multiple of the lot step 0.001 of BTC; give 0.01 or 0.011"
    assert complaint("--quantity", "0.0105") == expected


def test_a_neighbour_below_the_minimum_is_not_offered() -> None:
    expected = "--quantity 0.0255 is not a multiple of the lot step 0.01 of BTC; give 0.03"
    assert complaint("--quantity", "0.0255", on=rules(quantity_step="0.01", min_quantity="0.025")) == expected


@pytest.mark.parametrize("quantity", ["0.001", "1e-9"])
def test_a_quantity_below_the_minimum_is_answered_with_the_minimum(quantity: str) -> None:
    plain = format(Decimal(quantity), "f")
    assert complaint("--quantity", quantity) == f"--quantity {plain} is below the minimum of BTC; give 0.002 or more"


def test_a_quantity_of_little_value_is_answered_with_enough() -> None:
    expected = (
        "--quantity 0.01 is worth 600 at 60000, below the minimum order value 1000 of BTC; give 0.017 or more"
    )
    assert complaint(on=rules(min_notional="1000")) == expected


def test_the_close_of_a_sold_entry_must_be_worth_enough_too() -> None:
    assert warnings("--direction", "sell", "--take-profit", "0.5", on=rules(min_notional="597")) == []
    refused = complaint("--direction", "sell", "--take-profit", "0.5", on=rules(min_notional="598"))
    assert refused.endswith("give 0.011 or more")


def test_a_take_profit_under_one_tick_is_answered_with_the_least_that_is_one() -> None:
    expected = (
        "--take-profit 0.0001 rounds to no profit: at 60000 it is less than one tick of 0.1; give 0.000167 or more"
    )
    assert complaint("--take-profit", "0.0001") == expected
    assert warnings("--take-profit", "0.000167") == []


def test_boost_has_no_take_profit_to_check() -> None:
    free = rules()
    assert warnings("--boost", "--take-profit", "0.0001", on=free) == []


def test_a_take_profit_under_the_fees_is_allowed_and_its_cost_stated() -> None:
    charged = rules(maker_fee_rate="0.0002", taker_fee_rate="0.0005")
    assert warnings(on=charged) == [
        "--take-profit 0.02 does not earn the round-trip fee of 0.04 % (maker 0.02 % twice): "
        "each round trip costs about 0.12 in quote currency (0.02 % of 600)"
    ]
    assert warnings("--take-profit", "0.05", on=charged) == []


def test_a_rebate_warns_of_nothing() -> None:
    assert warnings(on=rules(maker_fee_rate="-0.0001")) == []


def test_boost_states_what_each_round_trip_costs() -> None:
    charged = rules(maker_fee_rate="0.0002", taker_fee_rate="0.0005")
    assert warnings("--boost", on=charged) == [
        "--boost closes without profit: each round trip costs about 0.42 in quote currency (0.07 % of 600) in fees "
        "(maker 0.02 %, taker 0.05 %), and the spread"
    ]


def test_more_entries_than_the_balance_carries_are_warned_of() -> None:
    assert warnings("--balance", "1000", "--leverage", "2") == [
        "--max-orders 40 x --quantity 0.01 is worth 24000, more than --balance 1000 carries at --leverage 2: "
        "opens will be refused"
    ]


def test_an_entry_larger_than_the_balance_carries_is_refused() -> None:
    expected = (
        "--quantity 0.01 is worth 600, and --balance 50 at --leverage 10 carries 500; give less, or more --balance"
    )
    assert complaint("--balance", "50") == expected


def test_without_a_usable_quote_only_the_quantity_is_checked() -> None:
    crossed = quote(bid="60000", ask="60000")
    assert check_against_rules(options("--take-profit", "0.0000001"), rules(), None) == []
    assert check_against_rules(options("--take-profit", "0.0000001"), rules(), crossed) == []
    with pytest.raises(UsageError, match="lot step"):
        check_against_rules(options("--quantity", "0.0105"), rules(), None)


def test_a_market_without_room_below_the_ask_is_refused() -> None:
    tiny = quote(bid="0.05", ask="0.1")
    expected = "BTC has no opening price above 0 now; try later, or another --ticker"
    assert complaint(at=tiny) == expected


def test_absurd_sizes_are_still_counted_exactly() -> None:
    fine = rules(quantity_step="1e-18", min_quantity="1e-18")
    assert check_against_rules(options("--quantity", "1e12"), fine, None) == []
