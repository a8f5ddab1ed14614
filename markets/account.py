"""The money of a simulated account: cash, fees, funding, position, margin and liquidation. Exact, without division.

What a position is worth is never averaged: `cash` is the balance less everything ever bought plus everything ever
sold, so equity at a mid is `cash + position x mid - fees + funding`, to the last digit. The mid is carried doubled
(`bid + ask` in price units), so that not even halving is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)

from domain.market import Side
from markets.orders import SelfTrade
from markets.rows import NOWHERE
from markets.tape import TapeScale

EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation])
"""Every operation on money: a result that does not fit is an error, never a rounding."""

_HALF = Decimal("0.5")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What the venue agreed with the account. Rates are fractions of notional; a negative fee is a rebate.

    The maintenance margin is `maintenance_rate`, or half of the initial margin (1 / leverage) where that is less.
    """

    balance: Decimal
    leverage: Decimal = Decimal(10)
    maker_fee_rate: Decimal = Decimal(0)
    taker_fee_rate: Decimal = Decimal("0.0005")
    maintenance_rate: Decimal = Decimal("0.005")
    self_trade: SelfTrade = SelfTrade.CANCEL_RESTING
    max_order_life_s: int | None = None

    def __post_init__(self) -> None:
        for name in ("balance", "leverage", "maintenance_rate"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{name} of an account must be a positive number, not {value}")
        if self.max_order_life_s is not None and self.max_order_life_s <= 0:
            raise ValueError(f"max_order_life_s must be positive or None, not {self.max_order_life_s}")


@dataclass(frozen=True, slots=True)
class Statement:
    """The account at a moment, in quote currency; `fees` positive when paid, `funding` positive when received.

    `cash`: the balance it began with, less all purchases, plus all sales. `position`: signed, base units.
    """

    balance: Decimal
    cash: Decimal
    fees: Decimal
    funding: Decimal
    position: Decimal
    volume_quote: Decimal


@dataclass(slots=True)
class Account:
    """`position` counts whole size units; everything else is quote currency."""

    scale: TapeScale
    terms: AccountTerms
    cash: Decimal
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    volume: Decimal = _ZERO
    position: int = 0

    # --- units ------------------------------------------------------------------------------------------------------

    def price(self, units: int) -> Decimal:
        return EXACT.multiply(Decimal(units), self.scale.price_unit)

    def quantity(self, units: int) -> Decimal:
        return EXACT.multiply(Decimal(units), self.scale.size_unit)

    # --- changes ----------------------------------------------------------------------------------------------------

    def trade(self, side: Side, price: int, quantity: int, fee_rate: Decimal) -> Decimal:
        """Book a trade; the fee paid."""
        notional = EXACT.multiply(self.price(price), self.quantity(quantity))
        fee = EXACT.multiply(notional, fee_rate)
        self.cash = EXACT.subtract(self.cash, notional) if side is Side.BUY else EXACT.add(self.cash, notional)
        self.fees = EXACT.add(self.fees, fee)
        self.volume = EXACT.add(self.volume, notional)
        self.position += side.sign * quantity
        return fee

    def receive_funding(self, doubled_mid: int, rate: Decimal) -> Decimal:
        """Book one funding payment at the mid; the amount received (negative: paid). Longs pay a positive rate."""
        amount = EXACT.minus(EXACT.multiply(EXACT.multiply(self._doubled_value(doubled_mid), _HALF), rate))
        self.funding = EXACT.add(self.funding, amount)
        return amount

    # --- reads ------------------------------------------------------------------------------------------------------

    @property
    def settled(self) -> Decimal:
        """Equity but for the position's value."""
        return EXACT.add(EXACT.subtract(self.cash, self.fees), self.funding)

    def equity(self, doubled_mid: int) -> Decimal:
        return EXACT.add(self.settled, EXACT.multiply(self._doubled_value(doubled_mid), _HALF))

    def statement(self) -> Statement:
        position = self.quantity(self.position)
        return Statement(self.terms.balance, self.cash, self.fees, self.funding, position, self.volume)

    def exposure(self, doubled_mid: int, bids_notional: int, asks_notional: int) -> int:
        """The notional to be margined, doubled, in price unit x size unit: position and opening orders of the side that
        would be the larger if it filled. The arguments' notionals are in the same unit, not doubled."""
        held = self.position * doubled_mid
        return max(held + 2 * bids_notional, 2 * asks_notional - held, 0)

    def can_carry(self, doubled_mid: int, exposure: int) -> bool:
        """Whether equity covers the initial margin (notional over leverage) of an `exposure`."""
        means = EXACT.multiply(self._doubled_equity(doubled_mid), self.terms.leverage)
        return self._value(exposure) <= means

    def must_be_liquidated(self, doubled_mid: int) -> bool:
        """Whether equity at the mid is below the maintenance margin of a position."""
        if not self.position:
            return False
        doubled_equity = self._doubled_equity(doubled_mid)
        doubled_notional = self._value(abs(self.position) * doubled_mid)
        below_rate = doubled_equity < EXACT.multiply(doubled_notional, self.terms.maintenance_rate)
        twice_leverage = EXACT.multiply(self.terms.leverage, Decimal(2))
        return below_rate and EXACT.multiply(doubled_equity, twice_leverage) < doubled_notional

    def safe_prices(self) -> tuple[int, int]:
        """Price units strictly between which the mid cannot lead to liquidation: only a hint where to look closely, and
        therefore the one place that divides; rounded to the cautious side."""
        if not self.position:
            return -NOWHERE, NOWHERE
        rate = min(self.terms.maintenance_rate, 1 / (2 * self.terms.leverage))
        context = Context(prec=40, rounding=ROUND_CEILING if self.position > 0 else ROUND_FLOOR)
        size = context.multiply(self.quantity(abs(self.position)), self.scale.price_unit)
        if self.position > 0:
            units = context.divide(context.minus(self.settled), context.multiply(size, 1 - rate))
            return _clamped(int(units.to_integral_value(ROUND_CEILING)) + 1), NOWHERE
        units = context.divide(self.settled, context.multiply(size, 1 + rate))
        return -NOWHERE, _clamped(int(units.to_integral_value(ROUND_FLOOR)) - 1)

    # --- inner parts ------------------------------------------------------------------------------------------------

    def _value(self, units: int) -> Decimal:
        return EXACT.multiply(EXACT.multiply(Decimal(units), self.scale.price_unit), self.scale.size_unit)

    def _doubled_value(self, doubled_mid: int) -> Decimal:
        return self._value(self.position * doubled_mid)

    def _doubled_equity(self, doubled_mid: int) -> Decimal:
        return EXACT.add(EXACT.multiply(self.settled, Decimal(2)), self._doubled_value(doubled_mid))


def _clamped(units: int) -> int:
    return max(-NOWHERE, min(NOWHERE, units))
