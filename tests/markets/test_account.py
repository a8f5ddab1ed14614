"""The account's money: exact to the last digit, whatever the numbers, and where liquidation begins."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Side
from markets.account import Account, AccountTerms
from markets.tape import TapeScale

SCALE = TapeScale(Decimal("0.1"), Decimal("0.001"))
TERMS = AccountTerms(Decimal("1000"), leverage=Decimal(10), maintenance_rate=Decimal("0.005"))
RATES = st.decimals(Decimal("-0.01"), Decimal("0.01"), places=7)
TRADES = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**9), st.integers(1, 10**12), RATES), max_size=20)


def account(terms: AccountTerms = TERMS) -> Account:
    return Account(SCALE, terms, cash=terms.balance)


@given(TRADES, st.integers(1, 10**10), RATES)
def test_equity_is_exact(trades: list[tuple[Side, int, int, Decimal]], doubled_mid: int, funding_rate: Decimal) -> None:
    held = account()
    cash, fees, position = Fraction(1000), Fraction(0), 0
    for side, price, quantity, rate in trades:
        fee = held.trade(side, price, quantity, rate)
        notional = Fraction(price, 10) * Fraction(quantity, 1000)
        assert Fraction(fee) == notional * Fraction(rate)
        cash -= side.sign * notional
        fees += notional * Fraction(rate)
        position += side.sign * quantity
    value = Fraction(position, 1000) * Fraction(doubled_mid, 20)
    amount = held.receive_funding(doubled_mid, funding_rate)
    assert Fraction(amount) == -value * Fraction(funding_rate)
    assert Fraction(held.equity(doubled_mid)) == cash + value - fees + Fraction(amount)


def test_statement_states_totals() -> None:
    held = account()
    held.trade(Side.BUY, 600_000, 20, Decimal("0.0002"))
    held.trade(Side.SELL, 600_100, 5, Decimal("0.0005"))
    stated = held.statement()
    assert (stated.balance, stated.cash) == (Decimal(1000), Decimal("100.05"))
    assert (stated.fees, stated.position) == (Decimal("0.390025"), Decimal("0.015"))
    assert (stated.volume_quote, stated.funding) == (Decimal("1500.05"), Decimal(0))


def test_exposure_is_that_of_the_side_that_would_be_larger() -> None:
    held = account()
    held.trade(Side.BUY, 1000, 50, Decimal(0))
    assert held.exposure(2000, bids_notional=0, asks_notional=0) == 2 * 50 * 1000
    assert held.exposure(2000, bids_notional=7, asks_notional=0) == 2 * (50 * 1000 + 7)
    assert held.exposure(2000, bids_notional=0, asks_notional=60 * 1000) == 2 * 50 * 1000
    assert held.exposure(2000, bids_notional=0, asks_notional=150 * 1000) == 2 * 100 * 1000


def test_equity_times_leverage_is_what_can_be_carried() -> None:
    whole = 2 * 10_000 * 10**4  # doubled, in units of 0.1 x 0.001
    assert account().can_carry(1, whole)
    assert not account().can_carry(1, whole + 1)


@given(
    st.sampled_from(Side),
    st.integers(1, 10**6),
    st.integers(1, 10**7),
    st.decimals(Decimal(1), Decimal(500), places=1),
    st.lists(st.integers(-50, 50), min_size=1),
)
def test_no_price_strictly_within_the_safe_ones_liquidates(
    side: Side, entry: int, quantity: int, leverage: Decimal, offsets: list[int]
) -> None:
    held = account(AccountTerms(Decimal(1000), leverage=leverage))
    held.trade(side, entry, quantity, Decimal("0.0005"))
    low, high = held.safe_prices()
    for offset in offsets:
        mid = (low if side is Side.BUY else high) + offset
        if mid > 0 and low < mid < high:
            assert not held.must_be_liquidated(2 * mid)
    near = (low - 4) if side is Side.BUY else (high + 4)
    if near > 0:
        assert held.must_be_liquidated(2 * near)


def test_flat_account_is_never_liquidated() -> None:
    held = account()
    held.trade(Side.BUY, 10**9, 1000, Decimal("0.5"))
    held.trade(Side.SELL, 1, 1000, Decimal("0.5"))
    assert held.equity(2) < 0
    assert not held.must_be_liquidated(2)


@pytest.mark.parametrize("balance", ["0", "-1", "NaN", "Infinity"])
def test_account_without_a_balance_is_not_opened(balance: str) -> None:
    with pytest.raises(ValueError, match="balance of an account must be a positive number"):
        AccountTerms(Decimal(balance))
